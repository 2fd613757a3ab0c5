"""Any tables that pass validation give a market that saves, loads and plays."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import intandem
from intandem.data.calibration.calibrate import calibrate
from intandem.data.calibration.settings import CalibrationSettings, MarketSettings
from intandem.data.tables.checks.validate import validate_folder
from intandem.market import base_demand
from intandem.market.files import load_market, save_market
from intandem.market.files.writing import market_hash
from sets import slow_but

CUSTOMERS, PRODUCTS, WEEKS = 5, 4, 10

ODD_QUANTITIES = (1, 2, 3, 0.001, 1e-12, 12.5, 4000, 1e9, -1, -2)
ODD_PRICES = (0.0, 1e-50, 0.01, 1.99, 5.0, 1e4, 1e12, -5.0)
ODD_COSTS = (None, 0.0, 1e-45, 0.5, 3.0, 80.0, 1e14)
ODD_ORDERS = (None, 0, 1, 2, 7, 10, 24, 999_999_999, 2**53)
EXPOSED = ("nobody", "everybody", "at random", "few", "by store")


def odd_tables(seed: int) -> dict[str, Any]:
    """Tables in which much is odd and little is wrong, of one shape for all seeds."""
    rng = np.random.default_rng([7, seed])

    def pick(values: tuple[Any, ...], odd: float) -> Any:
        return values[int(rng.integers(len(values)))] if rng.random() < odd else values[min(3, len(values) - 1)]

    oddness = rng.choice([0.05, 0.4])
    popularity = rng.dirichlet(np.full(PRODUCTS, rng.choice([0.3, 5.0])))
    lines = [("c0", "p0", 0, 1.0, 4.0, "north"), ("c0", "p0", WEEKS - 1, 1.0, 4.0, "north")]
    for _ in range(int(rng.choice([6, 60, 200]))):
        customer, week = rng.integers(CUSTOMERS), rng.integers(WEEKS)
        product = rng.choice(PRODUCTS, p=popularity)
        usual = float(rng.integers(1, 4))
        quantity = pick(ODD_QUANTITIES, oddness) if rng.random() < oddness else usual
        price = pick(ODD_PRICES, oddness) if rng.random() < oddness else 4.0 + rng.choice([0, -1])
        lines.append((f"c{customer}", f"p{product}", int(week), quantity, price, rng.choice(["north", "south"])))
    names = ("customer_id", "product_id", "period", "quantity", "price", "store_id")
    tables: dict[str, Any] = {
        "transactions": {name: list(values) for name, values in zip(names, zip(*lines, strict=True), strict=True)},
        "products": {
            "product_id": [f"p{number}" for number in range(PRODUCTS)],
            "price": [pick(ODD_PRICES[:7], oddness) for _ in range(PRODUCTS)],
            "lead_time": [2, *(int(rng.integers(3)) for _ in range(PRODUCTS - 1))],
            **{
                name: [pick(ODD_COSTS, oddness) for _ in range(PRODUCTS)]
                for name in ("regular_price", "unit_cost", "holding_cost", "lost_sale_cost", "fixed_order_cost")
            },
            **{
                name: [pick(ODD_ORDERS, oddness) for _ in range(PRODUCTS)]
                for name in ("min_order", "order_multiple", "max_order")
            },
        },
        "customers": {"customer_id": [f"c{number}" for number in range(CUSTOMERS)]},
    }
    kind = EXPOSED[seed % len(EXPOSED)]
    share = {"nobody": 0.0, "everybody": 1.0, "at random": 0.5, "few": 0.05, "by store": 0.5}[kind]
    shown = [
        ("south" if kind == "by store" else f"c{customer}", f"p{product}", week, float(rng.choice([0.01, 0.5, 1.0])))
        for customer in range(1 if kind == "by store" else CUSTOMERS)
        for product in range(PRODUCTS)
        for week in range(WEEKS)
        if rng.random() < share
    ]
    if shown:
        who = "store_id" if kind == "by store" else "customer_id"
        columns = zip((who, "product_id", "period", "propensity"), zip(*shown, strict=True), strict=True)
        tables["exposures"] = {name: list(values) for name, values in columns}
    if rng.random() < 0.5:
        tables["stock"] = {
            "product_id": [f"p{number % PRODUCTS}" for number in range(PRODUCTS * WEEKS)],
            "period": [number // PRODUCTS for number in range(PRODUCTS * WEEKS)],
            "on_hand": [float(rng.choice([0, -3, 7, 1e9])) for _ in range(PRODUCTS * WEEKS)],
        }
    return tables


def _market(seed: int) -> intandem.Market:
    checked = validate_folder(odd_tables(seed), today=date(2024, 1, 1))
    settings = CalibrationSettings(
        market=MarketSettings(supply_cap=(None, 0.0, 1.3)[seed % 3], exposure_slots=1 + seed % 6, lead_time=2)
    )
    return calibrate(checked.tables, settings).market


@pytest.mark.parametrize("seed", slow_but(range(3), range(10)))
def test_any_tables_give_a_market_that_saves_and_loads(seed: int, tmp_path: Path) -> None:
    market = _market(seed)
    assert np.isfinite(np.asarray(base_demand(market))).all()
    for name in ("market", "market.toml"):
        save_market(market, tmp_path / name)
        assert market_hash(load_market(tmp_path / name)) == market_hash(market)


@pytest.mark.parametrize("seed", [6])
def test_any_tables_give_a_market_that_plays(seed: int) -> None:
    market = _market(seed)
    policy = intandem.policy_of_rules(market, "base-stock", "uplift")
    result = intandem.simulate(market, policy, periods=4, runs=2, warmup=2)
    assert np.isfinite(result.profit)
