"""Utilities, choice, the exact distribution of what is asked for, and who is served when stock is short."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from intandem.market import Market, base_demand, build_market, expected_demand, initial_state
from intandem.market.demand import (
    Demand,
    choice_probability,
    draw_demand,
    next_intention,
    unexposed_utility,
    variance_in_units,
)
from intandem.market.supply import served_pairs
from sets import slow_but

REFUSED = 1e-4
UTILITY = np.array([[-1.5, 0.3, -0.4]])
EFFECT = np.array([[1.6, 0.8, 1.2]])


CROWDS = slow_but(
    [(1, 0.35), (12, 1.0), (12, 0.35), (2_000, 0.35), (2_000, 1.0)],
    [(people, visits) for people in (1, 12, 2_000, 100_000) for visits in (1.0, 0.35)],
)


def small_market(population: int = 1, visit_probability: float = 1.0, rows: int = 1, **rules: Any) -> Market:
    products = {"price": np.full(3, 10.0), "unit_cost": np.full(3, 6.0), "holding_cost": np.full(3, 0.3)}
    return build_market(
        products | rules.pop("products", {}),
        np.repeat(UTILITY, rows, 0),
        np.repeat(EFFECT, rows, 0),
        population=np.full(rows, population),
        visit_probability=np.full(rows, visit_probability),
        **rules,
    )


def chance(market: Market, exposure: Any, intention: Any = 0.0, period: int = 0, available: Any = 1.0) -> np.ndarray:
    shape = market.base_utility.shape
    unexposed = unexposed_utility(market, jnp.broadcast_to(jnp.asarray(intention, float), shape), jnp.asarray(period))
    stock = jnp.broadcast_to(jnp.asarray(available, float), (market.products,))
    exposed = jnp.broadcast_to(jnp.asarray(exposure, float), shape)
    return np.asarray(choice_probability(market, unexposed, exposed, stock))


def test_utility_adds_intention_exposure_season_and_price() -> None:
    products = {
        "price": np.array([8.0, 10.0, 10.0]),
        "regular_price": np.array([10.0, 10.0, 10.0]),
        "elasticity": np.array([1.4, 2.0, 0.0]),
    }
    season = np.array([[0.0, 0.0, 0.0], [0.5, -0.5, 1.0]])
    market = small_market(products=products, season=season, persistence=0.5)
    utility = UTILITY + 0.25 + season[3 % 2] + np.array([-1.4 * np.log(0.8), 0, 0]) + EFFECT * [0.2, 0.3, 0.0]
    np.testing.assert_allclose(chance(market, [0.2, 0.3, 0.0], 0.25, period=3), 1 / (1 + np.exp(-utility)), rtol=1e-5)


def test_multinomial_leaves_room_for_buying_nothing_and_for_substitution() -> None:
    market = small_market(choice="multinomial", substitution=True)
    weight = np.exp(UTILITY + EFFECT * [0, 1, 0])[0]
    np.testing.assert_allclose(chance(market, [0, 1, 0])[0], weight / (1 + weight.sum()), rtol=1e-5)
    rest = np.where([True, False, True], weight, 0)
    np.testing.assert_allclose(chance(market, [0, 1, 0], available=[2, 0, 1])[0], rest / (1 + rest.sum()), rtol=1e-5)
    assert chance(market, 0, available=0).sum() == 0
    huge = eqx.tree_at(lambda m: m.base_utility, market, market.base_utility + 200)
    assert chance(huge, 0).sum() == pytest.approx(1)


def test_intensity_is_inside_the_utility_and_a_slate_is_a_mixture() -> None:
    half = [0.5, 0.5, 0.5]
    np.testing.assert_allclose(chance(small_market(), half), special.expit(UTILITY + EFFECT / 2), rtol=1e-5)
    mixture = (special.expit(UTILITY) + special.expit(UTILITY + EFFECT)) / 2
    np.testing.assert_allclose(chance(small_market(exposure="slate"), half), mixture, rtol=1e-5)
    for shown in (0, 1):
        np.testing.assert_allclose(
            chance(small_market(exposure="slate"), shown), chance(small_market(), shown), rtol=1e-5
        )


def test_expected_and_base_demand() -> None:
    season = np.array([[0.0, 0.2, 0.4], [1.0, 0.0, -1.0]])
    market = small_market(population=12, visit_probability=0.5, rows=2, season=season)
    by_position = [2 * 6 * special.expit(UTILITY[0] + shift) for shift in season]
    zero = jnp.zeros((2, 3))
    np.testing.assert_allclose(expected_demand(market, zero, zero, jnp.asarray(5)), by_position[1], rtol=1e-5)
    np.testing.assert_allclose(base_demand(market), np.mean(by_position, 0), rtol=1e-5)


@jax.jit
def draw_many(market: Market, exposure: Any, keys: Any) -> Any:
    state = initial_state(market)
    return jax.vmap(lambda key: draw_demand(market, state, exposure, state.on_hand + 1, key))(keys)


def fit(drawn: np.ndarray, law: Any) -> float:
    """p-value of the chi-square test of whole numbers against a law, in about forty cells of equal chance."""
    edges = np.unique(law.ppf(np.linspace(0, 1, 41)[1:-1]))
    chances = np.diff(np.concatenate([[0.0], law.cdf(edges), [1.0]]))
    counts = np.bincount(np.searchsorted(edges, drawn, side="left"), minlength=len(edges) + 1)
    filled = chances * len(drawn) >= 5
    observed = np.append(counts[filled], counts[~filled].sum())
    expected = np.append(chances[filled], chances[~filled].sum()) * len(drawn)
    if expected[-1] < 5:
        observed = np.append(observed[:-2], observed[-2:].sum())
        expected = np.append(expected[:-2], expected[-2:].sum())
    return float(stats.chisquare(observed, expected).pvalue)


@pytest.mark.parametrize(("population", "visit_probability"), CROWDS)
def test_independent_demand_is_binomial(population: int, visit_probability: float) -> None:
    """A visitor buys with the choice probability, so a person does with that times the visit probability."""
    market = small_market(population, visit_probability)
    exposure = jnp.array([[0.0, 1.0, 0.4]])
    drawn = draw_many(market, exposure, jax.random.split(jax.random.key(population), 20_000))
    buys = chance(market, exposure)[0].astype(float) * visit_probability
    for place, probability in enumerate(buys):
        assert fit(np.asarray(drawn.pairs[:, 0, place]), stats.binom(population, probability)) > REFUSED
    if visit_probability < 1:
        assert fit(np.asarray(drawn.visits[:, 0]), stats.binom(population, visit_probability)) > REFUSED
    else:
        assert (drawn.visits == population).all()
    np.testing.assert_array_equal(drawn.total, drawn.pairs[:, 0])
    if visit_probability == 1 and population > 1:
        correlation = np.corrcoef(np.asarray(drawn.pairs[:, 0]).T)[np.triu_indices(3, 1)]
        assert np.abs(correlation).max() < 5 / np.sqrt(20_000), "choices of different products are independent"


@pytest.mark.parametrize(("population", "visit_probability"), CROWDS)
def test_multinomial_demand_is_multinomial(population: int, visit_probability: float) -> None:
    market = small_market(population, visit_probability, choice="multinomial")
    exposure = jnp.array([[0.0, 1.0, 0.4]])
    drawn = draw_many(market, exposure, jax.random.split(jax.random.key(population), 20_000))
    pairs = np.asarray(drawn.pairs[:, 0], float)
    buys = chance(market, exposure)[0].astype(float) * visit_probability
    for place in range(3):
        assert fit(pairs[:, place], stats.binom(population, buys[place])) > REFUSED
        others = [k for k in range(3) if k != place]
        assert fit(pairs[:, others].sum(1), stats.binom(population, buys[others].sum())) > REFUSED
    assert fit(pairs.sum(1), stats.binom(population, buys.sum())) > REFUSED
    covariance = population * (np.diag(buys) - np.outer(buys, buys))
    scale = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    assert (np.abs(np.cov(pairs.T) - covariance) < 0.06 * scale).all()


def test_every_unit_asked_for_is_equally_likely_to_be_served() -> None:
    """Rows that ask for 1, 5, 0 and 2 units of a product are served in that proportion, whatever their place."""
    market = small_market(population=9, rows=4)
    asked = jnp.array([[1.0, 4.0, 0.0], [5.0, 0.0, 0.0], [0.0, 3.0, 0.0], [2.0, 0.0, 1.0]])
    demand = Demand(jnp.full(4, 9.0), asked, asked.sum(0), asked.sum(0), jnp.zeros(3))
    stock = jnp.array([3.0, 6.0, 1.0])
    keys = jax.random.split(jax.random.key(1), 20_000)
    served = np.asarray(jax.jit(jax.vmap(lambda key: served_pairs(market, demand, stock, key)))(keys))
    assert (served.sum(1) == [3, 6, 1]).all()
    assert (served <= np.asarray(asked)).all()
    expected = np.asarray(asked) * [3 / 8, 6 / 7, 1]
    error = served.mean(0) - expected
    assert (np.abs(error) <= 5 * served.std(0) / np.sqrt(len(keys)) + 1e-6).all()


def test_purchases_of_several_units_ask_for_them_exactly() -> None:
    """`n` purchases ask for `n + Poisson(n (u - 1))` units; with `u` 1 for what is purchased."""
    size = np.array([1.0, 3.5, 400.0])
    single = small_market(population=12, visit_probability=0.6)
    market = small_market(population=12, visit_probability=0.6, products={"units_per_purchase": size})
    keys, exposure = jax.random.split(jax.random.key(5), 20_000), jnp.array([[0.0, 1.0, 0.4]])
    plain, drawn = (draw_many(one, exposure, keys) for one in (single, market))
    purchases, units = np.asarray(drawn.purchases, float), np.asarray(drawn.total, float)
    np.testing.assert_array_equal(purchases, plain.total)
    np.testing.assert_array_equal(units[:, 0], purchases[:, 0])
    for product in (1, 2):
        for n in (3, 5):
            extra = (units - purchases)[purchases[:, product] == n, product]
            law = stats.poisson(n * (size[product] - 1))
            assert fit(extra, law) > REFUSED, (product, n)
    mean = np.asarray(expected_demand(market, jnp.zeros((1, 3)), exposure, jnp.asarray(0)), float)
    np.testing.assert_allclose(
        mean, size * np.asarray(expected_demand(single, jnp.zeros((1, 3)), exposure, jnp.asarray(0))), rtol=1e-6
    )
    variance = np.asarray(variance_in_units(market, jnp.asarray(purchases.mean(0)), jnp.asarray(purchases.var(0))))
    assert (np.abs(units.mean(0) - mean) < 5 * units.std(0) / np.sqrt(len(units))).all()
    np.testing.assert_allclose(units.var(0), variance, rtol=0.05)


def test_intention_recursion_by_hand() -> None:
    products = {"habit": np.array([0.5, -0.4, 0.0])}
    market = small_market(population=10, persistence=0.8, carry_over=2.0, products=products)
    following = next_intention(
        market,
        jnp.array([[1.0, 0.0, -1.0]]),
        jnp.array([[0.0, 0.5, 1.0]]),
        jnp.array([5.0]),
        jnp.array([[2.0, 5.0, 1.0]]),
    )
    by_hand = [0.8 * 1.0 + 0.5 * 0.2, 0.8 * (2 * 0.8 * 0.5 * 0.5) - 0.4 * 0.5, 0.8 * (-1 + 2 * 1.2 * 1.0 * 0.5)]
    np.testing.assert_allclose(following[0], by_hand, rtol=1e-5)


def test_without_memory_intention_stays_at_baseline() -> None:
    market = small_market(carry_over=3.0)
    assert not market.traits.has_intention
    assert (next_intention(market, jnp.zeros((1, 3)), jnp.ones((1, 3)), jnp.ones(1), None) == 0).all()
