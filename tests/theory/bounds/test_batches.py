"""The batch bound: above exact optima and simulated regimes, at any price, and tighter than the fluid bound at size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from intandem.departments import policy_of_rules
from intandem.evaluation.simulation import simulate
from intandem.market import family_market
from intandem.theory.bounds import bounds, fluid_bound
from intandem.theory.bounds.batches import batch_bound, why_no_batches
from intandem.theory.intertemporal import solve
from intandem.theory.random_markets import KINDS, random_market
from sets import slow_but

MEMORY = replace(KINDS["fixed-cost"], people=5, stock_cap=16, persistence=0.6, carry_over=1.0, points=9)


@pytest.mark.parametrize(
    "kind",
    slow_but(
        ["one product", "two"],
        [KINDS["fixed-cost"], KINDS["two-fixed-cost"], replace(KINDS["fixed-cost"], lead_time=0), MEMORY],
        ["one product", "two", "arriving at once", "memory"],
    ),
)
def test_it_lies_above_the_optimum_at_any_price(kind) -> None:
    for seed in range(3):
        market = random_market(kind, 60 + seed)
        optimum = solve(market, ("joint",), tolerance=1e-6).profit
        for price in (0.0, 0.5, 3.0):
            assert batch_bound(market, np.full(market.rows, price)) >= optimum - 1e-6


@pytest.mark.slow
def test_it_is_tighter_than_the_fluid_bound_where_attention_is_scarce() -> None:
    market = family_market("fixed-cost", 10, 20, 3)
    fluid = fluid_bound(market)
    tighter = batch_bound(market, fluid.slot_price)
    assert tighter < 0.95 * fluid.value
    rule = policy_of_rules(market, "s-S", "uplift:filter=in-stock")
    assert simulate(market, rule, periods=500, runs=8).profit < tighter


def test_it_says_where_it_does_not_hold() -> None:
    assert "fixed cost" in why_no_batches(family_market("free-supply", 3, 4, 0))
    assert "batches" in bounds(random_market(KINDS["fixed-cost"], 1)).values
