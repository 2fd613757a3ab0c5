"""Next period's plan, and how far this period's orders keep to it."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import polars as pl
import pytest

from intandem.departments import policy_of_rules
from intandem.operation import decide
from intandem.operation.plan import changed_share, plan_of
from operation.firms import FIRST_DAY, WEEKS, cut, market_of, play, tables_of


def test_a_plan_is_of_the_next_period_and_is_kept_where_all_goes_as_expected() -> None:
    market = market_of(3, backordered=False, several=False)
    tables = tables_of(market, play(market, 3))
    policy = policy_of_rules(market, "base-stock", "uplift")
    found = decide(policy, tables, market=market)
    plan = plan_of(found, policy)
    assert plan["period"].unique().to_list() == [(FIRST_DAY + timedelta(weeks=WEEKS + 1)).isoformat()]
    assert (plan["quantity"] >= 0).all()
    # Shelves that are full today and full next week: nothing is planned.
    full = dataclasses.replace(tables, stock=tables.stock.with_columns(on_hand=pl.lit(500.0)))
    assert plan_of(decide(policy, full, market=market), policy)["quantity"].sum() == 0

    assert changed_share(found, plan) is None
    orders = found.orders.select("product_id", "quantity", period=pl.lit("2024-07-29"))
    assert changed_share(found, orders) == 0
    # The plan is met by the week's own day, though the tables begin three weeks later by now.
    assert changed_share(decide(policy, cut(tables, 3), market=market), orders) is not None
    most = orders["quantity"].max()
    half = orders.with_columns(
        pl.when(pl.col("quantity") == most).then(most / 2).otherwise("quantity").alias("quantity")
    )
    ordered = (orders["quantity"] > 0).sum()
    changed = (orders["quantity"] == most).sum()
    assert changed_share(found, half) == pytest.approx(changed / ordered)
    assert changed_share(found, half, more_than=0.6) == 0
