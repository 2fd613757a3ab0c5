"""Densities: against sums to one, closed forms, and how often draws come out."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from intandem.learning.estimators.score.densities import (
    draw_slates,
    gate_log_probability,
    log_normal_mass,
    normal_log_density,
    order_log_probability,
    slate_exposures,
    slate_log_probability,
)
from intandem.market import build_market
from intandem.market.supply import nearest_feasible_order

PRODUCTS = {"price": [9.0] * 4, "unit_cost": [5.0] * 4, "holding_cost": [0.2] * 4}
LIMITS = {"order_multiple": [1, 3, 2, 2], "min_order": [0, 5, 0, 7], "max_order": [6, 14, np.nan, 8]}
LATTICES = [range(7), [0, 6, 9, 12], range(0, 80, 2), [0]]
"""What can be ordered of each product: up to a cap; by threes from 5 to 14; by twos without a cap; nothing at all."""


@pytest.fixture(scope="module")
def market():  # type: ignore[no-untyped-def]
    built = build_market(PRODUCTS | LIMITS, np.zeros((1, 4)), np.zeros((1, 4)))
    return replace(built, max_order=built.max_order.at[3].set(7.0))


@pytest.mark.parametrize("shift", [-30.0, -4.0, 0.0, 5.3, 40.0])
def test_probabilities_of_all_orders_sum_to_one(market, shift: float) -> None:  # type: ignore[no-untyped-def]
    for product, lattice in enumerate(LATTICES):
        orders = jnp.zeros((len(lattice), 4)).at[:, product].set(jnp.array(list(lattice), float))
        location = jnp.full(4, 8.0 + shift)
        log_probability = order_log_probability(market, orders, location, jnp.full(4, 2.5))[:, product]
        assert float(jnp.exp(log_probability).sum()) == pytest.approx(1.0, abs=2e-5)


def test_an_orders_probability_is_how_often_it_is_drawn(market) -> None:  # type: ignore[no-untyped-def]
    location, deviation = jnp.array([2.2, 7.0, 11.0, 8.0]), jnp.array([1.5, 3.0, 2.0, 1.0])
    noise = jax.random.normal(jax.random.key(0), (40_000, 4))
    drawn = np.asarray(jax.vmap(lambda one: nearest_feasible_order(market, location + deviation * one))(noise))
    for product, lattice in enumerate(LATTICES):
        assert set(drawn[:, product]) <= {float(one) for one in lattice}
        for order in list(lattice)[:8]:
            orders = jnp.zeros(4).at[product].set(float(order))
            chance = float(jnp.exp(order_log_probability(market, orders, location, deviation))[product])
            assert (drawn[:, product] == order).mean() == pytest.approx(chance, abs=4 * math.sqrt(0.25 / 40_000))


def test_normal_masses_are_exact_far_out_and_their_gradients_finite() -> None:
    low = jnp.array([-1.0, 4.0, -9.0, -jnp.inf, 6.0, 200.0])
    high = jnp.array([1.0, 5.0, -8.0, 0.5, jnp.inf, 201.0])
    found = np.asarray(log_normal_mass(low, high))
    expected = np.log(norm.cdf(np.asarray(high)[:5]) - norm.cdf(np.asarray(low)[:5]))
    np.testing.assert_allclose(found[:5], expected, rtol=2e-3)
    slope = jax.grad(lambda shift: log_normal_mass(low - shift, high - shift).sum())(0.3)
    assert np.isfinite(found).all()
    assert np.isfinite(float(slope))


def test_the_slope_of_an_orders_probability_is_that_of_the_normal_distribution(market) -> None:  # type: ignore[no-untyped-def]
    order, location, deviation = jnp.array([3.0, 9.0, 10.0, 0.0]), jnp.full(4, 7.0), jnp.full(4, 2.0)
    slope = jax.grad(lambda at: order_log_probability(market, order, at, deviation).sum())(location)
    bounds = np.array([[2.5, 3.5], [7.5, 10.5], [9.0, 11.0]])
    mass = np.diff(norm.cdf(bounds, 7.0, 2.0))[:, 0]
    by_hand = -np.diff(norm.pdf(bounds, 7.0, 2.0))[:, 0] / mass
    np.testing.assert_allclose(np.asarray(slope)[:3], by_hand, rtol=1e-3)
    assert float(slope[3]) == 0.0


def test_normal_and_gate() -> None:
    value, mean, deviation = 1.3, 0.4, 0.7
    found = normal_log_density(jnp.array(value), jnp.array(mean), jnp.log(jnp.array(deviation)))
    assert float(found) == pytest.approx(norm.logpdf(value, mean, deviation), rel=1e-5)
    both = gate_log_probability(jnp.array([True, False]), jnp.array([0.8, 0.8]))
    assert float(jnp.exp(both).sum()) == pytest.approx(1.0)
    assert float(both[0]) == pytest.approx(-math.log1p(math.exp(-0.8)))


def test_slates_sum_to_one_and_come_out_as_often_as_they_say() -> None:
    logits = jnp.array([[1.0, -0.5, -jnp.inf]])
    places = [pair for pair in itertools.permutations(range(5), 2) if 2 not in pair]
    chances = np.exp([float(slate_log_probability(logits, jnp.array([pair]))[0]) for pair in places])
    assert chances.sum() == pytest.approx(1.0, abs=1e-5)
    # By hand: first the shown product, then a blank, of weights e, e^-.5 and two blanks of 1.
    weights = [*np.exp([1.0, -0.5]).tolist(), 1.0, 1.0]
    by_hand = weights[0] / sum(weights) * 1.0 / (sum(weights) - weights[0])
    assert chances[places.index((0, 3))] == pytest.approx(by_hand, rel=1e-5)
    keys = jax.random.split(jax.random.key(1), 20_000)
    drawn = np.asarray(jax.vmap(lambda key: draw_slates(logits, 2, key))(keys))[:, 0]
    for pair, chance in zip(places, chances, strict=True):
        assert (drawn == pair).all(1).mean() == pytest.approx(chance, abs=4 * math.sqrt(0.25 / 20_000))
    assert slate_exposures(jnp.array([[0, 4], [1, 0]]), 3).tolist() == [[1, 0, 0], [1, 1, 0]]
