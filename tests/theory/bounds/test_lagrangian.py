"""The Lagrangian bound: above exact optima and near them, at any price, and honest about what it covers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from intandem.market import SolveSettings, build_market, example_market, family_market
from intandem.theory.bounds import bounds, lagrangian_bound
from intandem.theory.bounds.lagrangian import _Product, product_market, why_no_lagrangian
from intandem.theory.intertemporal import solve
from intandem.theory.intertemporal.dynamic_program import solve_program
from intandem.theory.random_markets import KINDS, random_market


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("two-products-tight", marks=pytest.mark.slow),
        pytest.param("two-rows", marks=pytest.mark.slow),
        pytest.param("two-backordered", marks=pytest.mark.slow),
        pytest.param("visits", marks=pytest.mark.slow),
        "two-carry-over",
    ],
)
def test_it_lies_above_the_optimum_and_near_it(kind: str) -> None:
    for seed in range(2):
        market = random_market(KINDS[kind], 40 + seed)
        optimum = solve(market, ("joint",)).profit
        found = lagrangian_bound(market)
        assert optimum - 1e-5 <= found.value <= optimum + 0.06 * abs(optimum)
        assert found.levels_only == market.traits.has_intention


def test_any_price_gives_a_bound() -> None:
    market = example_market("two-products-capped")
    products = [_Product.of(product_market(market, product)) for product in range(2)]
    for price in (0.0, 1.0, 6.0, 30.0):
        value = sum(one.optimum(np.array([price]))[0] for one in products) + price
        assert value >= 42.32056


def test_one_product_alone_is_its_optimum_but_for_the_slack() -> None:
    market = random_market(KINDS["one-product"], 8)
    fine = replace(market, solve=SolveSettings(stock_cap=40, exposure_levels=tuple(np.linspace(0, 1, 65))))
    found = lagrangian_bound(market)
    assert found.slack > 0
    assert found.value - found.slack == pytest.approx(solve(fine, ("joint",)).profit, rel=1e-5)


def test_the_slack_covers_a_finer_grid() -> None:
    # A coarse grid's optimum and the slack for its step lie above the optimum of one sixteen times finer.
    market = random_market(KINDS["one-product"], 9)
    product = _Product.of(product_market(market, 0))
    fine = solve_program(product.layout, product.program)
    levels = (0.0, 0.25, 0.5, 0.75, 1.0)
    coarse = replace(product.market, solve=SolveSettings(stock_cap=16, exposure_levels=levels))
    slack = product.slack(product._continued(fine.values)) * 16**2
    assert solve(coarse, ("joint",)).profit + slack >= fine.profit - 1e-6


@pytest.mark.slow
def test_it_holds_for_a_market_without_the_cap() -> None:
    # A cap that binds lowers what `solve` finds; the bound is one on policies that keep what they like.
    market = replace(random_market(KINDS["two-products-tight"], 2), solve=SolveSettings(stock_cap=4))
    roomy = replace(market, solve=SolveSettings(stock_cap=20))
    assert solve(market, ("joint",)).profit < solve(roomy, ("joint",)).profit - 1e-3
    assert lagrangian_bound(market).value >= solve(roomy, ("joint",)).profit


@pytest.mark.slow
def test_discounted_bound_lies_above_the_discounted_optimum() -> None:
    market = random_market(replace(KINDS["two-products"], discount=0.9), 3)
    optimum = solve(market, ("joint",)).profit
    assert optimum - 1e-4 <= lagrangian_bound(market).value <= 1.05 * optimum


def test_what_it_does_not_cover_is_said() -> None:
    assert "choices among several" in why_no_lagrangian(random_market(KINDS["choice"], 0))
    assert "12 products or 3 customer rows" in why_no_lagrangian(family_market("free-supply", 20, 4, 0))
    found = bounds(random_market(KINDS["two-carry-over"], 1))
    assert "lagrangian_on_levels" in found.values
    assert found.best_name != "lagrangian_on_levels"


def one_product(**fields: float) -> dict[str, np.ndarray]:
    usual = {"price": 10.0, "unit_cost": 5.0, "holding_cost": 0.1, "lead_time": 1.0}
    return {name: np.array([value]) for name, value in (usual | fields).items()}


def test_opening_stock_saves_ordering_too() -> None:
    # Discounted, with a fixed cost that never pays: the initial stock is all that is ever sold.
    market = build_market(
        one_product(fixed_order_cost=1_000.0, initial_stock=10.0, max_order=4.0),
        np.zeros((1, 1)),
        np.zeros((1, 1)),
        population=np.array([4]),
        discount=0.9,
        solve=SolveSettings(stock_cap=12),
    )
    optimum = solve(market, ("joint",)).profit
    assert optimum > 40
    assert all(value >= optimum - 1e-6 for value in bounds(market).values.values())


def test_an_order_larger_than_the_cap_is_looked_at() -> None:
    market = build_market(
        one_product(min_order=40.0, max_order=40.0),
        np.zeros((1, 1)),
        np.zeros((1, 1)),
        population=np.array([5]),
        solve=SolveSettings(stock_cap=4),
    )
    roomy = replace(market, solve=SolveSettings(stock_cap=90))
    assert lagrangian_bound(market).value >= solve(roomy, ("joint",)).profit - 1e-6


def test_where_serving_is_not_worth_it_nobody_need_serve() -> None:
    market = build_market(
        one_product(price=1.0, lead_time=0.0),
        np.zeros((1, 1)),
        np.zeros((1, 1)),
        population=np.array([5]),
        unmet_demand="backordered",
        solve=SolveSettings(stock_cap=6, backlog_cap=6),
    )
    assert bounds(market).best >= 0


def test_rare_visitors_do_not_make_an_estimate_the_best_bound() -> None:
    market = build_market(
        one_product(lead_time=0.0),
        np.full((1, 1), 3.0),
        np.zeros((1, 1)),
        visit_probability=np.array([1e-3]),
        solve=SolveSettings(stock_cap=5),
    )
    found = bounds(market, seed=1)
    assert found.best_name != "clairvoyant"
    assert found.best >= 0


@pytest.mark.slow
def test_a_slate_with_memory_is_not_said_to_be_proved_off_the_grid() -> None:
    market = random_market(replace(KINDS["two-carry-over"], exposure="slate"), 1)
    assert bounds(market).best_name != "lagrangian_on_levels"
    assert lagrangian_bound(market).levels_only


@pytest.mark.parametrize("cost", [1.5, 2.5, 4.0])
def test_the_slack_is_that_of_the_grid_where_a_row_is_not_moved_by_exposure(cost: float) -> None:
    market = build_market(
        {
            "price": np.full(1, 10.0),
            "unit_cost": np.ones(1),
            "holding_cost": np.zeros(1),
            "lead_time": np.zeros(1, int),
            "exposure_cost": np.full(1, cost),
            "initial_stock": np.zeros(1),
        },
        np.array([[-4.0], [-3.0]]),
        np.array([[8.0], [0.0]]),
        solve=SolveSettings(stock_cap=3, exposure_levels=tuple(np.linspace(0, 1, 257))),
    )
    assert lagrangian_bound(market).value >= solve(market, ("joint",)).profit


@pytest.mark.slow
@pytest.mark.parametrize("fixed", [80.0, 96.0, 110.0])
def test_orders_in_multiples_are_looked_at_up_to_the_cap_without_a_stated_one(fixed: float) -> None:
    market = build_market(
        {
            "price": np.full(1, 1010.0),
            "unit_cost": np.full(1, 10.0),
            "holding_cost": np.ones(1),
            "fixed_order_cost": np.full(1, fixed),
            "lead_time": np.zeros(1, int),
            "order_multiple": np.full(1, 8.0),
            "initial_stock": np.zeros(1),
        },
        np.array([[-7.0]]),
        np.array([[14.0]]),
        solve=SolveSettings(exposure_levels=(0.0, 1.0)),
    )
    roomy = replace(market, solve=SolveSettings(stock_cap=40, exposure_levels=(0.0, 1.0)))
    assert lagrangian_bound(market).value >= solve(roomy, ("joint",)).profit


def test_it_is_not_for_products_that_leave_the_choice_when_out_of_stock() -> None:
    # Unsold at a price below cost, the product would have to pay for demand that substitution spares it.
    market = build_market(
        {"price": np.full(1, 5.0), "unit_cost": np.full(1, 6.0), "holding_cost": np.ones(1), "max_order": np.ones(1)},
        np.ones((1, 1)),
        np.ones((1, 1)),
        choice="multinomial",
        substitution=True,
        solve=SolveSettings(stock_cap=6, exposure_levels=(0.0, 1.0)),
    )
    assert "out of stock" in why_no_lagrangian(market)
    assert bounds(market).best >= solve(market, ("joint",)).profit


def test_it_asks_for_a_largest_order_where_a_deep_backlog_could_call_for_more() -> None:
    kind = replace(KINDS["backordered"], lead_time=2, max_order=0, stock_cap=6)
    assert "waiting demand" in bounds(random_market(kind, 1)).skipped["lagrangian"]
    assert "lagrangian" in bounds(random_market(replace(kind, max_order=3), 1)).values
    assert "lagrangian" in bounds(random_market(replace(kind, lead_time=1), 1)).values


def test_a_shelf_too_long_for_memory_is_left_out_with_its_reason() -> None:
    market = replace(random_market(KINDS["fixed-cost"], 1), solve=SolveSettings(stock_cap=300))
    assert "stock levels" in bounds(market).skipped["lagrangian"]
