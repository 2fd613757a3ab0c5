"""The perturbation estimator: it counts money as the market does, and its gradient is that of profit in operation."""

from __future__ import annotations

import dataclasses

import equinox as eqx
import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import pytest

from intandem.departments import Firm, firm_of_rules, inventory_network, recommendation_network, reference
from intandem.learning import TrainSettings, train
from intandem.learning.course import Course, Learner, course_of
from intandem.learning.estimators.perturbation import SIZE, estimate, operate, sizes, weights
from intandem.market import Market, example_market, family_market, initial_state, step
from intandem.market.supply import inventory_position

SETTLE, PERIODS = 4, 20


def _by_hand(market: Market, firm: Firm, key: jax.Array) -> tuple[np.ndarray, np.ndarray]:
    """Profit of every period, and the worth of stock before each and at the end, one step at a time."""
    state = initial_state(market)
    profit, worth = [], []
    for one in jax.random.split(key, SETTLE + PERIODS):
        worth.append(float((market.salvage * inventory_position(state)).sum()))
        state, outcome = step(market, state, firm(market, state, one), one)
        profit.append(float(outcome.profit))
    worth.append(float((market.salvage * inventory_position(state)).sum()))
    return np.array(profit), np.array(worth)


@pytest.mark.parametrize("family", ["capped-supply", "free-supply"])
def test_profit_counts_what_stock_has_gained_in_worth(family: str) -> None:
    market = family_market(family, 3, 4, 0)
    firm = firm_of_rules(market, "base-stock", "uplift")
    key = jax.random.key(0)
    profit, worth = _by_hand(market, firm, key)
    found = operate(market, firm, key, settle=SETTLE, periods=PERIODS)
    expected = (profit[SETTLE:].sum() + worth[-1] - worth[SETTLE]) / PERIODS
    np.testing.assert_allclose(found.profit, expected, rtol=1e-4)


def test_a_discounted_market_is_valued_from_its_opening() -> None:
    market = dataclasses.replace(family_market("capped-supply", 3, 4, 0), discount=jnp.asarray(0.9))
    firm = firm_of_rules(market, "base-stock", "uplift")
    key = jax.random.key(0)
    profit, worth = _by_hand(market, firm, key)
    weight = 0.9 ** np.arange(SETTLE + PERIODS)
    value = (weight * profit).sum() + 0.9 ** (SETTLE + PERIODS) * worth[-1] - worth[0]
    found = operate(market, firm, key, settle=SETTLE, periods=PERIODS)
    np.testing.assert_allclose(found.profit, value / weight.sum(), rtol=1e-4)


def _started(market: Market, shops: int) -> tuple[Course, Firm]:
    course = course_of(market, TrainSettings(width=4), shops, PERIODS)
    keys = jax.random.split(jax.random.key(1))
    inventory = inventory_network(market, course.standing, width=4, key=keys[0])
    recommendation = recommendation_network(course.standing, width=4, sees_stock=True, key=keys[1])
    return course, Firm(inventory, recommendation)


def test_the_gradient_is_that_of_the_profit_of_nudged_firms() -> None:
    """Along the estimate's own direction, against the difference of profits a small step to either side."""
    market = family_market("capped-supply", 3, 6, 2)
    course, firm = _started(market, 2_000)
    moved, rest = eqx.partition(firm, weights(Learner(firm, None)).firm)
    found = jax.jit(lambda key: estimate(course, Learner(firm, None), None, jnp.array(0), key).gradient.firm)
    flat, restore = jax.flatten_util.ravel_pytree(found(jax.random.key(2)))
    direction = -flat / jnp.linalg.norm(flat)
    predicted = -float(direction @ jax.flatten_util.ravel_pytree(found(jax.random.key(3)))[0])

    @jax.jit
    @jax.vmap
    def slope(key: jax.Array) -> jax.Array:
        nudge_key, luck = jax.random.split(key)
        nudge = SIZE * jax.random.normal(nudge_key, flat.shape)

        def profit(along: float) -> jax.Array:
            firm = eqx.combine(jax.tree.map(jnp.add, moved, restore(along * direction + nudge)), rest)
            return operate(market, firm, luck, settle=12, periods=PERIODS).profit

        return (profit(0.05) - profit(-0.05)) / (0.1 * course.scale)

    slopes = np.asarray(slope(jax.random.split(jax.random.key(4), 4_000)), float)
    error = slopes.std() / np.sqrt(len(slopes))
    assert slopes.mean() > 10 * error
    np.testing.assert_allclose(predicted, slopes.mean(), rtol=0.2)


def test_luck_that_is_shared_makes_the_estimate_steadier() -> None:
    market = family_market("capped-supply", 3, 6, 2)
    course, firm = _started(market, 2)
    run = jax.jit(lambda key: operate(market, firm, key, settle=12, periods=PERIODS).profit)
    alone = np.asarray(jax.vmap(run)(jax.random.split(jax.random.key(0), 400)))
    independent = 2 * alone.var() / (2 * SIZE * float(course.scale)) ** 2
    keys = jax.random.split(jax.random.key(5), 400)
    found = jax.vmap(lambda key: estimate(course, Learner(firm, None), None, jnp.array(0), key).gradient.firm)(keys)
    spread = np.asarray(found.inventory.network.outputs.bias).var(0).mean()
    assert spread < independent


def test_a_silo_judges_recommendation_on_its_own_objective() -> None:
    """Where nothing is in stock, and nothing can be ordered, profit says nothing and demand does."""
    market = family_market("capped-supply", 2, 6, 0)
    market = dataclasses.replace(
        market, max_order=jnp.zeros(2), initial_stock=jnp.zeros(2), lost_sale_cost=jnp.zeros(2)
    )
    course, firm = _started(market, 16)
    slopes = {}
    for method in ("mtma", "silo"):
        one = dataclasses.replace(course, settings=dataclasses.replace(course.settings, method=method))
        gradient = estimate(one, Learner(firm, None), None, jnp.array(0), jax.random.key(0)).gradient.firm
        slopes[method] = np.abs(np.asarray(gradient.recommendation.network.outputs.bias)).max()
    assert slopes["mtma"] < 1e-6
    assert slopes["silo"] > 1e-3


def test_windows_are_whole_seasons_and_shops_come_in_pairs() -> None:
    assert sizes(family_market("seasonal", 3, 4, 0), TrainSettings()) == (64, 104)
    assert sizes(family_market("capped-supply", 10, 20, 0), TrainSettings()) == (16, 96)
    assert sizes(family_market("capped-supply", 3, 4, 0), TrainSettings(shops=6, window=7)) == (6, 7)


def test_a_fixed_order_cost_does_not_teach_never_to_order() -> None:
    market = family_market("fixed-cost", 3, 8, 0)
    trained = train(market, TrainSettings(updates=60, width=8, window=48))
    profit = trained.curve["profit"]
    assert profit[-10:].mean() > profit[:5].mean() > 0
    assert trained.curve["lost_share"][-1] < 0.2


def test_what_is_given_away_does_not_turn_weights_into_nonsense() -> None:
    market = dataclasses.replace(family_market("capped-supply", 2, 4, 0), price=jnp.array([0.0, 9.0]))
    trained = train(market, TrainSettings(updates=2, shops=2, window=4, width=4))
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(eqx.filter(trained.firm, eqx.is_array)))
    assert np.isfinite(trained.curve["profit"]).all()


def test_the_size_of_what_is_trained_is_that_of_the_last_layers() -> None:
    market = example_market("two-products-capped")
    trained = train(market, TrainSettings(updates=1, shops=2, window=4, width=8))
    assert trained.parameters == {"inventory": 9 * 5, "recommendation": 9 * 4, "critic": 0}
    assert reference(market).base.shape == (1, 2)
