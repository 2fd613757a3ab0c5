"""No rule earns more than a bound in random small markets of every kind."""

from __future__ import annotations

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from intandem.departments import policy_of_rules
from intandem.evaluation.simulation import simulate
from intandem.market import family_market
from intandem.market.files import example_market
from intandem.theory.bounds import clairvoyant_bound, fluid_bound, newsvendor_bound
from properties.random_markets import KIND_NAMES, KINDS, random_market

RULES = (("base-stock", "uplift"), ("base-stock:service=-1", "uplift:filter=in-stock"), ("base-stock", "popularity"))


FAST = (0, 2)
"""Kinds for every run: lost and backordered demand, intensity and slate, habit."""


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, id=name, marks=() if number in FAST else pytest.mark.slow)
        for number, (kind, name) in enumerate(zip(KINDS, KIND_NAMES, strict=True))
        if "units" not in name  # these bounds know purchases of one unit
    ],
)
def test_no_rule_beats_the_bounds(kind):
    for seed in (3, 4):
        market = random_market(kind, seed)
        if seed == 4:
            # Without fixed costs the newsvendor's part of the bound has all products to itself.
            market = dataclasses.replace(market, fixed_order_cost=jnp.zeros_like(market.fixed_order_cost))
        limit = min(fluid_bound(market).value, newsvendor_bound(market).value)
        discounted = dataclasses.replace(market, discount=jnp.float32(0.9))
        limit_from_the_start = newsvendor_bound(discounted).value
        for inventory, recommendation in RULES:
            regime = policy_of_rules(market, inventory, recommendation)
            result = simulate(market, regime, periods=200, runs=8)
            assert result.profit - 3 * result.profit_se <= limit
            start = simulate(discounted, regime, periods=120, runs=8, warmup=0).discounted_by_run
            assert start.mean() - 3 * start.std(ddof=1) / np.sqrt(8) <= limit_from_the_start


def test_free_supply_comes_close_to_its_bound():
    """The negative control: with hardly any cost of stock a rule earns nearly the bound, and never more."""
    market = family_market("free-supply", 2, 1, 0)
    result = simulate(market, policy_of_rules(market, "base-stock", "uplift"), periods=2_000, runs=8)
    limit = newsvendor_bound(market).value
    assert 0.98 * limit <= result.profit <= limit + 3 * result.profit_se


def test_clairvoyant_lies_above_the_known_optimum_and_any_supply_price_is_valid():
    market = example_market("two-products-capped")
    plain = clairvoyant_bound(market, windows=8)
    priced = clairvoyant_bound(market, supply_price=np.array([3.7, 0.0]), windows=8)
    for found in (plain, priced):
        assert found.value >= 42.32057
        assert found.value == pytest.approx(found.mean + 2.33 * found.standard_error)
    assert priced.mean < plain.mean


def test_clairvoyant_knows_all_luck():
    """One product without effect, free stock: foresight sells exactly what is asked for."""
    market = family_market("free-supply", 2, 1, 0)
    market = dataclasses.replace(market, exposure_effect=jnp.zeros_like(market.exposure_effect))
    found = clairvoyant_bound(market, periods=30, windows=40)
    margin = np.asarray(market.price - market.unit_cost, float)
    exact = float(margin @ (12 / (1 + np.exp(-np.asarray(market.base_utility, float)[0]))))
    assert abs(found.mean - exact) <= 4 * found.standard_error
