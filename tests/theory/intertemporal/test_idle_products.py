"""Markets with a product that nobody buys: a field case (`tests/data/field/product-nobody-buys`) and its kind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from intandem.market import Market
from intandem.market.files import load_market
from intandem.theory.bounds import lagrangian_bound
from intandem.theory.intertemporal import solve
from intandem.theory.intertemporal.grid import grid_of, highest_demand

CASE = Path(__file__).parents[2] / "data" / "field" / "product-nobody-buys" / "sure.toml"


@pytest.fixture(scope="module")
def market() -> Market:
    return load_market(CASE)


def test_a_product_that_nobody_buys_does_not_stop_the_solver(market: Market) -> None:
    # Three people buy the other product for sure: 3 x (10 - 6) a week, ordered as it is sold.
    solution = solve(market)
    assert solution.profit == pytest.approx(12.0, abs=1e-6)
    assert solution.regimes["silo"].profit == pytest.approx(12.0, abs=1e-6)
    assert np.asarray(solution.regimes["joint"].policy.orders[..., 0]).max() == 0
    assert lagrangian_bound(market).value == pytest.approx(12.0, abs=1e-4)


@pytest.mark.parametrize("stock", [3.0, 20.0])
def test_stock_that_nobody_buys_is_kept_and_paid_for(market: Market, stock: float) -> None:
    opened = replace(market, initial_stock=jnp.array([stock, 0.0], jnp.float32))
    # Stock above the cap of 8 is discarded on receipt.
    assert solve(opened, ("joint",)).profit == pytest.approx(12.0 - 0.3 * min(stock, 8.0), abs=1e-6)
    assert lagrangian_bound(opened).value >= 12.0 - 0.3 * min(stock, 8.0)


def test_a_product_that_is_bought_when_shown_is_none_of_them(market: Market) -> None:
    shown = replace(market, exposure_effect=jnp.array([[52.0, 0.0]], jnp.float32))
    np.testing.assert_allclose(highest_demand(shown), [3 / (1 + np.exp(-2.0)), 3.0], rtol=1e-5)
    assert [one.size for one in grid_of(shown).stocks] == [9, 9]
    assert [one.size for one in grid_of(market).stocks] == [1, 9]


def test_customers_without_any_product_to_buy_earn_and_cost_nothing(market: Market) -> None:
    nobody = replace(market, base_utility=jnp.full((1, 2), -60.0, jnp.float32), initial_stock=jnp.zeros(2))
    assert solve(nobody, ("joint",)).profit == pytest.approx(0.0, abs=1e-9)
    assert lagrangian_bound(nobody).value == pytest.approx(0.0, abs=1e-9)
