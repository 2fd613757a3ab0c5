"""Published costs of lost-sales systems, and of a perishable product.

Sources: Zipkin (2008), Old and New Methods for Lost-Sales Inventory Systems, Operations Research 56(5): h = 1, mean
demand 5 per period, average cost per period; values to three digits recomputed elsewhere by relative value iteration.
Hendrix et al. (2019), On computing optimal policies in perishable inventory control using value iteration.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from intandem.departments import policy_of_rules
from intandem.evaluation.simulation import simulate
from intandem.market import Market, SolveSettings, build_market
from intandem.theory.intertemporal import solve
from intandem.theory.lost_sales import lost_sales_cost
from intandem.theory.perishable import perishable_profit


def poisson(mean: float = 5.0, most: int = 60) -> np.ndarray:
    chances = stats.poisson.pmf(np.arange(most), mean)
    return chances / chances.sum()


def geometric(mean: float = 5.0, most: int = 400) -> np.ndarray:
    chances = stats.geom.pmf(np.arange(1, most + 1), 1 / (1 + mean))
    return chances / chances.sum()


@pytest.mark.parametrize(
    ("lead_time", "shortage", "cost"),
    [(1, 4, 4.041), (1, 9, 5.438), (2, 4, 4.395), (2, 9, 6.094), (4, 4, 4.729), (4, 9, 6.836)],
)
def test_poisson_demand(lead_time: int, shortage: float, cost: float) -> None:
    found = lost_sales_cost(poisson(), lead_time, 1.0, float(shortage), largest_order=10, largest_stock=26)
    assert found == pytest.approx(cost, rel=5e-4)


@pytest.mark.parametrize(("shortage", "cost"), [(4, 9.818), (9, 14.508)])
def test_geometric_demand(shortage: float, cost: float) -> None:
    found = lost_sales_cost(geometric(), 1, 1.0, float(shortage), largest_order=60, largest_stock=140)
    assert found == pytest.approx(cost, rel=5e-4)


def crowd(lead_time: int, shortage: float, population: int, **solve_settings: int) -> Market:
    """One product that costs nothing to buy and earns nothing: its profit is minus the inventory cost."""
    chance = 5 / population
    return build_market(
        {
            "price": np.zeros(1),
            "unit_cost": np.zeros(1),
            "holding_cost": np.ones(1),
            "lost_sale_cost": np.full(1, shortage),
            "lead_time": np.full(1, lead_time),
            "max_order": np.full(1, 10.0),
        },
        base_utility=np.full((1, 1), np.log(chance / (1 - chance))),
        exposure_effect=np.zeros((1, 1)),
        population=np.array([population]),
        solve=SolveSettings(stock_cap=26),
    )


@pytest.mark.parametrize(
    ("lead_time", "shortage", "cost"), [(1, 4.0, 4.041), (2, 9.0, 6.094), (4, 4.0, 4.729), (4, 9.0, 6.836)]
)
def test_a_market_of_many_people_costs_as_much(lead_time: int, shortage: float, cost: float) -> None:
    solution = solve(crowd(lead_time, shortage, 100_000), ("joint",))
    assert -solution.profit == pytest.approx(cost, rel=2e-4)


@pytest.mark.parametrize(
    ("rule", "shortage", "cost"),
    [
        pytest.param("base-stock:level={level}", 4.0, 5.19, marks=pytest.mark.slow),
        pytest.param("base-stock:level={level}", 9.0, 7.26, marks=pytest.mark.slow),
        pytest.param("capped-base-stock:level={level},cap={cap}", 4.0, 4.80, marks=pytest.mark.slow),
        ("capped-base-stock:level={level},cap={cap}", 9.0, 6.90),
    ],
)
def test_heuristics_at_lead_time_four(rule: str, shortage: float, cost: float) -> None:
    # The best settings on a grid, on common random numbers; published to two digits.
    market = crowd(4, shortage, 2_000)
    levels = range(20, 34, 2) if "cap" not in rule else range(24, 32)
    caps = (6, 7) if "cap" in rule else (0,)
    found = [
        -simulate(
            market, policy_of_rules(market, rule.format(level=level, cap=cap), "none"), periods=4_000, runs=16
        ).profit
        for level in levels
        for cap in caps
    ]
    assert min(found) == pytest.approx(cost, rel=0.03)


@pytest.mark.parametrize(("shelf_life", "profit"), [(2, 2.22), (3, 2.40)])
def test_perishable_product(shelf_life: int, profit: float) -> None:
    found = perishable_profit(poisson(most=40), shelf_life, 1.0, 0.5, largest_order=10)
    assert found == pytest.approx(profit, abs=0.006)
