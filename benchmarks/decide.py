"""How long a day's decisions take: `decide` for many customers with many candidates each.

    python benchmarks/decide.py                     # 100,000 customers x 50 candidates of 2,000 products
    python benchmarks/decide.py --customers 10000

The tables are made in memory; reading and checking files is what `data validate` takes.
"""

from __future__ import annotations

import argparse
import resource
import time
from datetime import date

import jax
import numpy as np
import polars as pl

from intandem.data.tables.tables import Tables, build_tables, week_calendar
from intandem.departments import JointPolicy, inventory_network, recommendation_network, reference
from intandem.market import Market, build_market
from intandem.operation import decide

WEEKS = 26


def market_of(customers: int, candidates: int, products: int) -> Market:
    """A market in which every customer has candidates of its own."""
    rng = np.random.default_rng(0)
    first = rng.integers(0, products, (customers, 1))
    index = np.sort((first + np.arange(candidates) * max(products // candidates, 1)) % products, axis=1)
    unit_cost = rng.uniform(1, 8, products)
    return build_market(
        {"price": unit_cost * 1.5, "unit_cost": unit_cost, "holding_cost": 0.01 * unit_cost},
        rng.normal(-4, 1, (customers, candidates)),
        np.full((customers, candidates), 0.6),
        candidates=index,
        visit_probability=rng.uniform(0.2, 0.9, customers),
        persistence=0.5,
        carry_over=0.3,
        habit=0.3,
        exposure="slate",
        exposure_slots=5,
        name="many-customers",
    )


def tables_of(market: Market, lines: int) -> Tables:
    """Half a year of lines and exposures at random, a count of every product, some open orders."""
    rng = np.random.default_rng(1)
    product_ids, customer_ids = np.array(market.labels.product_ids), np.array(market.labels.customer_ids)
    index = np.asarray(market.pairs.index())

    def pairs(many: int) -> dict[str, np.ndarray]:
        row, place = rng.integers(0, market.rows, many), rng.integers(0, market.pairs.width, many)
        week = rng.integers(0, WEEKS, many)
        return {"customer_id": customer_ids[row], "product_id": product_ids[index[row, place]], "period": week}

    shelf = np.where(rng.random(market.products) < 0.1, 0, rng.poisson(40, market.products))
    frames = {
        "products": pl.DataFrame(
            {"product_id": product_ids, "category": [f"k{j % 40}" for j in range(len(product_ids))]}
        ),
        "customers": pl.DataFrame({"customer_id": customer_ids}),
        "transactions": pl.DataFrame(pairs(lines)).with_columns(quantity=pl.lit(1.0), price=pl.lit(3.0)),
        "exposures": pl.DataFrame(pairs(lines)).unique().with_columns(kind=pl.lit("recommendation")),
        "stock": pl.DataFrame({"product_id": product_ids, "period": WEEKS, "on_hand": shelf}),
        "open_orders": pl.DataFrame({"product_id": product_ids[:200], "quantity": 24.0, "period": WEEKS + 1}),
    }
    return build_tables("many-customers", "week", frames, calendar=week_calendar(date(2024, 1, 1), WEEKS))


def main() -> None:
    """Prints the seconds of a first call, with compilation, and of a second one."""
    parser = argparse.ArgumentParser()
    for name, default in (("customers", 100_000), ("candidates", 50), ("products", 2_000), ("lines", 3_000_000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    market = market_of(given.customers, given.candidates, given.products)
    tables = tables_of(market, given.lines)
    keys = jax.random.split(jax.random.key(0), 2)
    standing = reference(market)
    policy = JointPolicy(
        inventory_network(market, standing, width=32, key=keys[0]),
        recommendation_network(standing, width=32, sees_stock=True, key=keys[1]),
    )
    rules = [{"rule": "at_most", "most": "2"}, {"rule": "never", "product_id": "p1"}]
    for attempt in ("first call", "second call"):
        started = time.perf_counter()
        found = decide(policy, tables, market=market, rules=rules)
        seconds = time.perf_counter() - started
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(
            f"{attempt}: {given.customers:,} customers x {given.candidates} candidates, {given.lines:,} lines: "
            f"{seconds:.1f} s, {memory:.1f} GB at the peak; {found.recommendations.height:,} recommendations, "
            f"{found.short.height:,} customers with fewer"
        )


if __name__ == "__main__":
    main()
