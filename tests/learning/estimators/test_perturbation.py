"""The perturbation estimator: it counts money as the market does, and its gradient is that of profit in operation."""

from __future__ import annotations

import dataclasses

import equinox as eqx
import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import pytest

from intandem.departments import JointPolicy, inventory_network, policy_of_rules, recommendation_network, reference
from intandem.learning import Training, TrainSettings, train
from intandem.learning.course import Course, Learner, course_of
from intandem.learning.estimators.perturbation import SIZE, gather, gradient, operate, sizes, weights
from intandem.market import Market, State, example_market, family_market, initial_state, step
from intandem.market.supply import inventory_position

SETTLE, PERIODS = 4, 20


def _by_hand(market: Market, policy: JointPolicy, key: jax.Array) -> tuple[np.ndarray, np.ndarray]:
    """Profit of every period, and the worth of stock before each and at the end, one step at a time."""

    @jax.jit
    def period(state: State, key: jax.Array) -> tuple[State, jax.Array, jax.Array]:
        following, outcome = step(market, state, policy(market, state, key), key)
        return following, outcome.profit, (market.salvage * inventory_position(following)).sum()

    state = initial_state(market)
    profit, worth = [], [float((market.salvage * inventory_position(state)).sum())]
    for one in jax.random.split(key, SETTLE + PERIODS):
        state, earned, stocked = period(state, one)
        profit.append(float(earned))
        worth.append(float(stocked))
    return np.array(profit), np.array(worth)


@pytest.mark.parametrize("family", ["capped-supply", "free-supply"])
def test_profit_counts_what_stock_has_gained_in_worth(family: str) -> None:
    market = family_market(family, 3, 4, 0)
    policy = policy_of_rules(market, "base-stock", "uplift")
    key = jax.random.key(0)
    profit, worth = _by_hand(market, policy, key)
    found = operate(market, policy, key, settle=SETTLE, periods=PERIODS)
    expected = (profit[SETTLE:].sum() + worth[-1] - worth[SETTLE]) / PERIODS
    np.testing.assert_allclose(found.profit, expected, rtol=1e-4)


def test_a_discounted_market_is_valued_from_its_opening() -> None:
    market = dataclasses.replace(family_market("capped-supply", 3, 4, 0), discount=jnp.asarray(0.9))
    policy = policy_of_rules(market, "base-stock", "uplift")
    key = jax.random.key(0)
    profit, worth = _by_hand(market, policy, key)
    weight = 0.9 ** np.arange(SETTLE + PERIODS)
    value = (weight * profit).sum() + 0.9 ** (SETTLE + PERIODS) * worth[-1] - worth[0]
    found = operate(market, policy, key, settle=SETTLE, periods=PERIODS)
    np.testing.assert_allclose(found.profit, value / weight.sum(), rtol=1e-4)


def _started(market: Market, shops: int) -> tuple[Course, JointPolicy]:
    course = course_of(market, TrainSettings(width=4), shops, PERIODS)
    keys = jax.random.split(jax.random.key(1))
    inventory = inventory_network(market, course.standing, width=4, key=keys[0])
    recommendation = recommendation_network(course.standing, width=4, sees_stock=True, key=keys[1])
    return course, JointPolicy(inventory, recommendation)


def _gradient(course: Course, policy: JointPolicy, key: jax.Array) -> JointPolicy:
    learner = Learner(policy, None)
    found = gather(course, learner, None, jnp.array(0), key)
    return gradient(course, learner, found.experience, jnp.array(0), key)[0].policy


@pytest.mark.slow
@pytest.mark.parametrize(("shops", "plays", "sure", "apart"), [(2_000, 2_000, 5, 0.4), (2_000, 4_000, 10, 0.2)])
def test_the_gradient_is_that_of_the_profit_of_perturbed_firms(
    shops: int, plays: int, sure: float, apart: float
) -> None:
    """Along the estimate's own direction, against the difference of profits a small step to either side."""
    market = family_market("capped-supply", 3, 6, 2)
    course, policy = _started(market, shops)
    moved, rest = eqx.partition(policy, weights(Learner(policy, None)).policy)
    found = jax.jit(lambda key: _gradient(course, policy, key))
    flat, restore = jax.flatten_util.ravel_pytree(found(jax.random.key(2)))
    direction = -flat / jnp.linalg.norm(flat)
    predicted = -float(direction @ jax.flatten_util.ravel_pytree(found(jax.random.key(3)))[0])

    @jax.jit
    @jax.vmap
    def slope(key: jax.Array) -> jax.Array:
        perturbation_key, play_key = jax.random.split(key)
        perturbation = SIZE * jax.random.normal(perturbation_key, flat.shape)

        def profit(along: float) -> jax.Array:
            policy = eqx.combine(jax.tree.map(jnp.add, moved, restore(along * direction + perturbation)), rest)
            return operate(market, policy, play_key, settle=12, periods=PERIODS).profit

        return (profit(0.05) - profit(-0.05)) / (0.1 * course.scale)

    slopes = np.asarray(slope(jax.random.split(jax.random.key(4), plays)), float)
    error = slopes.std() / np.sqrt(len(slopes))
    assert slopes.mean() > sure * error
    np.testing.assert_allclose(predicted, slopes.mean(), rtol=apart)


@pytest.mark.slow
def test_luck_that_is_shared_makes_the_estimate_steadier() -> None:
    market = family_market("capped-supply", 3, 6, 2)
    course, policy = _started(market, 2)
    run = jax.jit(lambda key: operate(market, policy, key, settle=12, periods=PERIODS).profit)
    alone = np.asarray(jax.vmap(run)(jax.random.split(jax.random.key(0), 400)))
    independent = 2 * alone.var() / (2 * SIZE * float(course.scale)) ** 2
    keys = jax.random.split(jax.random.key(5), 400)
    of_key = jax.jit(jax.vmap(lambda key: _gradient(course, policy, key)))
    found = of_key(keys)
    spread = np.asarray(found.inventory.network.outputs.bias).var(0).mean()
    assert spread < independent


def test_a_silo_judges_recommendation_on_its_own_objective() -> None:
    """Where nothing is in stock, and nothing can be ordered, profit says nothing and demand does."""
    market = family_market("capped-supply", 2, 6, 0)
    market = dataclasses.replace(
        market, max_order=jnp.zeros(2), initial_stock=jnp.zeros(2), lost_sale_cost=jnp.zeros(2)
    )
    course, policy = _started(market, 16)
    slopes = {}
    for method in ("mtma", "silo"):
        one = dataclasses.replace(course, settings=dataclasses.replace(course.settings, method=method))
        slope = eqx.filter_jit(_gradient)(one, policy, jax.random.key(0))
        slopes[method] = np.abs(np.asarray(slope.recommendation.network.outputs.bias)).max()
    assert slopes["mtma"] < 1e-6
    assert slopes["silo"] > 1e-3


def test_windows_are_whole_seasons_and_shops_come_in_pairs() -> None:
    assert sizes(family_market("seasonal", 3, 4, 0), TrainSettings()) == (64, 104)
    assert sizes(family_market("capped-supply", 10, 20, 0), TrainSettings()) == (16, 96)
    assert sizes(family_market("capped-supply", 3, 4, 0), TrainSettings(shops=6, window=7)) == (6, 7)


def test_a_fixed_order_cost_does_not_teach_never_to_order() -> None:
    market = family_market("fixed-cost", 3, 8, 0)
    trained = train(market, TrainSettings(updates=40, shops=16, width=8, window=32))
    profit = trained.curve["profit"]
    assert profit[-10:].mean() > profit[:5].mean() > 0
    assert trained.curve["lost_share"][-1] < 0.2


def test_what_is_given_away_does_not_turn_weights_into_nonsense(market: Market, tiny: dict[str, int]) -> None:
    trained = train(dataclasses.replace(market, price=jnp.array([0.0, 9.0, 9.0])), TrainSettings(updates=2, **tiny))
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(eqx.filter(trained.policy, eqx.is_array)))
    assert np.isfinite(trained.curve["profit"]).all()


def test_the_size_of_what_is_trained_is_that_of_the_last_layers(training: Training) -> None:
    assert training.parameters == {"inventory": 9 * 5, "recommendation": 9 * 4, "critic": 0}
    assert reference(example_market("two-products-capped")).base.shape == (1, 2)
