"""The dual-price rule: near the optimum where that is known, above rules of practice, and feasible."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from intandem.departments import policy_of_rules
from intandem.errors import InputError
from intandem.evaluation.simulation import simulate
from intandem.market import check_decision, family_market, initial_state
from intandem.theory.dual_price import dual_price_policy
from intandem.theory.intertemporal import solve
from intandem.theory.random_markets import KINDS, random_market
from sets import slow_but

SLOW = [pytest.param(kind, marks=pytest.mark.slow) for kind in ("slate", "long-lead", "backordered")]


@pytest.mark.parametrize("kind", ["two-products-tight", *SLOW])
def test_it_earns_nearly_the_optimum(kind: str) -> None:
    market = random_market(KINDS[kind], 2)
    optimum = solve(market, ("joint",), tolerance=1e-5).profit
    played = simulate(market, dual_price_policy(market, rounds=1), periods=500, runs=32)
    assert played.profit > 0.97 * optimum - 3 * played.profit_se


@pytest.mark.slow
def test_where_supply_is_capped_it_spares_what_is_short() -> None:
    market = family_market("capped-supply", 6, 8, 7)
    ours = simulate(market, dual_price_policy(market, rounds=0), periods=200, runs=16)
    filtered = simulate(market, policy_of_rules(market, "base-stock", "uplift:filter=in-stock"), periods=200, runs=16)
    assert ours.profit > 1.1 * filtered.profit


@pytest.mark.parametrize("kind", slow_but(["slate", "two-fixed-cost"], ["slate", "two-fixed-cost", "choice", "habit"]))
def test_its_decisions_are_feasible(kind: str) -> None:
    market = random_market(KINDS[kind], 3)
    regime = dual_price_policy(market, rounds=0)
    check_decision(market, regime(market, initial_state(market), jax.random.key(0)))


def test_a_product_that_attention_does_not_move_is_ordered_all_the_same() -> None:
    market = family_market("free-supply", 3, 4, 0)
    idle = jax.tree_util.tree_map(lambda leaf: leaf, market)
    object.__setattr__(idle, "exposure_effect", market.exposure_effect * 0)
    played = simulate(idle, dual_price_policy(idle, rounds=0), periods=200, runs=8)
    assert played.profit > 0
    assert played.fill_rate > 0.9


def test_prices_of_another_market_are_refused() -> None:
    with pytest.raises(InputError, match="another market"):
        dual_price_policy(random_market(KINDS["two-rows"], 0), np.zeros(3), np.zeros(2))
