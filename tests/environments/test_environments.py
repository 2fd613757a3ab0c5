"""The market as Gymnasium and PettingZoo know it: their own checkers pass, and it is the market that is played."""

from __future__ import annotations

import warnings

import jax
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from pettingzoo.test import parallel_api_test, parallel_seed_test

from intandem.environments import MarketEnv, MarketParallelEnv, MarketVectorEnv, encoding_of
from intandem.errors import InputError
from intandem.market import Decision, Market, check_decision, family_market, initial_state
from intandem.market.files import example_market
from properties.random_markets import CASES, Kind, random_market


@pytest.fixture(scope="module")
def market() -> Market:
    return example_market("two-products-capped")


def test_gymnasiums_checker_passes(market: Market) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Stocks and logits know no bound, which the checker would rather they did; nothing is rendered.
        warnings.filterwarnings("ignore", message=".*(infinity|render).*")
        check_env(MarketEnv(market, periods=5), skip_render_check=True)


def test_pettingzoos_tests_pass(market: Market) -> None:
    parallel_api_test(MarketParallelEnv(market, periods=5), num_cycles=20)
    parallel_seed_test(lambda: MarketParallelEnv(market, periods=5), num_cycles=6)


@pytest.mark.parametrize("kind", CASES)
def test_whatever_is_said_is_a_feasible_decision(kind: Kind) -> None:
    market = random_market(kind, 3)
    encoding = encoding_of(market)
    seen = encoding.observe(market, initial_state(market))
    assert np.isfinite(np.asarray(seen)).all()
    size = market.products + market.base_utility.size
    actions = np.random.default_rng(1).uniform(-1.5, 1.5, (20, size)).astype(np.float32)
    actions[0], actions[1] = -1.0, 1.0
    orders = jax.vmap(lambda one: encoding.order(market, one[: market.products]))(actions)
    shown = jax.vmap(lambda one: encoding.exposure(market, one[market.products :]))(actions)
    for order, exposure in zip(np.asarray(orders), np.asarray(shown), strict=True):
        check_decision(market, Decision(order, exposure))
    assert not np.asarray(orders[0]).any()
    assert not np.asarray(shown[0]).any()
    assert np.asarray(orders[1]).all()


def test_one_agent_two_agents_and_copies_meet_the_same_market(market: Market) -> None:
    single, both = MarketEnv(market, periods=6), MarketParallelEnv(market, periods=6)
    rng = np.random.default_rng(4)
    single.reset(seed=7)
    both.reset(seed=7)
    profits = []
    for _ in range(6):
        action = rng.uniform(-1, 1, 4).astype(np.float32)
        seen, reward, terminated, truncated, info = single.step(action)
        others = both.step({"inventory": action[:2], "recommendation": action[2:]})
        np.testing.assert_array_equal(others[0]["inventory"], seen)
        assert others[1] == {"inventory": reward, "recommendation": reward}
        assert info["profit"] == reward
        assert not terminated
        profits.append(reward)
    assert truncated
    assert both.agents == []
    assert len(set(profits)) > 1


def test_copies_open_again_and_hand_over_what_their_episode_ended_with(market: Market) -> None:
    envs = MarketVectorEnv(market, num_envs=3, periods=4, stagger=True)
    first, _ = envs.reset(seed=2)
    ended = np.zeros(3, int)
    for _ in range(8):
        seen, rewards, terminated, truncated, info = envs.step(np.full((3, 4), 0.5, np.float32))
        assert seen.shape == (3, 4)
        assert np.isfinite(rewards).all()
        assert not terminated.any()
        ended += truncated
        if truncated.any():
            np.testing.assert_array_equal(seen[truncated], first[truncated])
            assert (info["final_obs"][truncated] != first[truncated]).any()
            np.testing.assert_array_equal(info["final_obs"][~truncated], seen[~truncated])
    assert ended.tolist() == [2, 2, 2]
    # One copy is the single environment in all but its random numbers: the same actions, about the same profit.
    assert len(np.unique(rewards)) > 1


def test_the_same_seed_gives_the_same_copies(market: Market) -> None:
    def rewards(seed: int) -> np.ndarray:
        envs = MarketVectorEnv(market, num_envs=2, periods=9)
        envs.reset(seed=seed)
        return np.array([envs.step(np.zeros((2, 4), np.float32))[1] for _ in range(4)])

    np.testing.assert_array_equal(rewards(1), rewards(1))
    assert (rewards(1) != rewards(2)).any()


@pytest.mark.parametrize("make", [MarketEnv, MarketParallelEnv, lambda m, periods: MarketVectorEnv(m, 2, periods)])
def test_an_episode_of_no_periods_is_refused(make, market: Market) -> None:
    with pytest.raises(InputError, match="periods: is 0; give 1 or more"):
        make(market, periods=0)


def test_orders_without_a_cap_reach_beyond_usual_demand() -> None:
    market = family_market("long-lead", products=3, customers=4, seed=0)
    encoding = encoding_of(market)
    assert (np.asarray(encoding.largest) >= 4 * 7 * 0.9 * np.asarray(encoding.scale) / 7).all()
    assert np.isfinite(np.asarray(encoding.largest)).all()
