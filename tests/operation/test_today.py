"""The state rebuilt from logs is the simulator's state; what is odd in the tables is named."""

from __future__ import annotations

import dataclasses
from datetime import date

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from intandem.data.tables.tables import Tables
from intandem.departments import policy_of_rules
from intandem.errors import InputError
from intandem.market import Market, family_market
from intandem.operation import decide, today_of
from operation.firms import CUSTOMERS, FIRST_DAY, WEEKS, Played, cut, market_of, play, tables_of
from sets import slow_but


@pytest.mark.parametrize("seed", slow_but(range(4), range(20)))
def test_the_state_rebuilt_from_logs_is_the_simulators(seed: int) -> None:
    market = market_of(seed, backordered=seed % 2 == 1, several=seed % 4 > 1)
    played = play(market, seed)
    now = today_of(market, tables_of(market, played))
    was = played.last
    assert int(now.state.period) == int(was.period) == WEEKS
    for name in ("on_hand", "backlog", "pipeline"):
        np.testing.assert_array_equal(getattr(now.state, name), getattr(was, name), name)
    assert np.abs(np.asarray(was.intention)).max() > 0.1
    np.testing.assert_allclose(now.state.intention, was.intention, atol=1e-5)
    for name in ("recency", "frequency", "exposures"):
        np.testing.assert_allclose(getattr(now.state.history, name), getattr(was.history, name), atol=1e-5)
    assert now.flags == ()


@pytest.fixture(scope="module")
def firm() -> tuple[Market, Played, Tables]:
    market = market_of(1, backordered=True, several=False)
    played = play(market, 1)
    return market, played, tables_of(market, played)


def test_an_earlier_day_knows_nothing_of_later_ones(firm: tuple[Market, Played, Tables]) -> None:
    market, played, tables = firm
    now = today_of(market, tables, date(2024, 3, 13))
    assert (now.period, now.day) == (10, date(2024, 3, 13))
    np.testing.assert_array_equal(now.state.on_hand, played.on_hand[10])
    longer = today_of(market, tables)
    assert np.abs(np.asarray(now.state.intention) - np.asarray(longer.state.intention)).max() > 0.1


def _without_dates(tables: Tables, first_number: int | None) -> Tables:
    undated = tables.calendar.with_columns(start=pl.lit(None, pl.Date))
    return dataclasses.replace(tables, calendar=undated, first_number=first_number)


@pytest.mark.parametrize("dated", [True, False])
def test_the_season_follows_the_calendar_wherever_the_tables_begin(dated: bool) -> None:
    market = market_of(4, backordered=False, several=False, first_period=FIRST_DAY if dated else 100)
    tables = tables_of(market, play(market, 4))
    tables = tables if dated else _without_dates(tables, 100)
    late = cut(tables, 13)
    policy = policy_of_rules(market, "base-stock", "uplift")
    whole, part = (decide(policy, one, market=market) for one in (tables, late))
    assert (whole.today.period, part.today.period) == (WEEKS, WEEKS - 13)
    assert int(whole.today.state.period) == int(part.today.state.period) == WEEKS
    assert part.today.flags == ()
    assert whole.when == part.when == ("2024-07-29" if dated else f"week {100 + WEEKS}")
    same = ["product_id", "season", "base", "on_hand", "arriving", "demand_per_period", "quantity"]
    assert_frame_equal(whole.orders.select(same), part.orders.select(same), rel_tol=0.02)
    assert (whole.orders["season"] != 0).any()
    # Tables that begin before the season does, and those whose weeks begin on another day.
    early = market_of(4, backordered=False, several=False, first_period=date(2024, 1, 24) if dated else 103)
    assert int(today_of(early, tables).state.period) == WEEKS - 3
    assert int(today_of(early, late).state.period) == WEEKS - 3


def test_a_season_whose_calendar_is_not_known_begins_with_the_tables_and_is_told() -> None:
    market = market_of(4, backordered=False, several=False, first_period=None)
    tables = cut(tables_of(market, play(market, 4)), 13)
    assert int(today_of(market, tables).state.period) == WEEKS - 13
    assert _flags(market, tables)["season_not_placed"].startswith("The market does not say in which week its season")
    dated = market_of(4, backordered=False, several=False)
    assert "the tables do not say" in _flags(dated, _without_dates(tables, None))["season_not_placed"]
    assert "cannot be compared" in _flags(dated, _without_dates(tables, 100))["season_not_placed"]
    assert "season_not_placed" not in _flags(family_market("habit", 6, CUSTOMERS, 0), tables)


def _with(tables: Tables, **frames: pl.DataFrame) -> Tables:
    return dataclasses.replace(tables, **frames)


def _flags(market: Market, tables: Tables, day: date | None = None) -> dict[str, str]:
    return {flag.flag: flag.text for flag in today_of(market, tables, day).flags}


def test_a_count_below_zero_is_owed_or_sold_out(firm: tuple[Market, Played, Tables]) -> None:
    market, _, tables = firm
    below = tables.stock.with_columns(
        on_hand=pl.when(pl.col("product") == 0).then(-3.0).otherwise("on_hand"), backlog=pl.lit(None, pl.Float64)
    )
    now = today_of(market, _with(tables, stock=below))
    assert (float(now.state.on_hand[0]), float(now.state.backlog[0])) == (0.0, 3.0)
    lost = market_of(1, backordered=False, several=False)
    now = today_of(lost, _with(tables, stock=below))
    assert (float(now.state.on_hand[0]), float(now.state.backlog[0])) == (0.0, 0.0)
    assert [flag.text for flag in now.flags] == ["p1 was counted at -3: taken as sold out."]


def test_overdue_orders_are_named_and_come_next(firm: tuple[Market, Played, Tables]) -> None:
    market, _, tables = firm
    orders = pl.DataFrame(
        {"product": [0, 0, 1, 2], "quantity": [4.0, 2.0, 5.0, 6.0], "period": [27, WEEKS, WEEKS + 2, WEEKS + 9]},
        schema=tables.open_orders.schema,
    )
    now = today_of(market, _with(tables, open_orders=orders))
    assert np.asarray(now.state.pipeline)[:, :3].tolist() == [[6, 0, 0], [0, 5, 0], [0, 0, 6]]
    told = {flag.flag: flag.text for flag in now.flags}
    assert told["overdue"] == "4 units of p1 were due 3 weeks ago: counted as arriving next week."
    assert told["due_late"].startswith("Orders of p3 are due later")


def test_what_the_counts_do_not_say_is_told(firm: tuple[Market, Played, Tables]) -> None:
    market, _, tables = firm
    old = tables.stock.filter((pl.col("product") != 1) & ((pl.col("product") != 0) | (pl.col("period") < WEEKS - 2)))
    told = _flags(market, _with(tables, stock=old))
    assert told["old_count"] == "p1 was last counted 3 weeks ago."
    assert told["never_counted"] == "p2 was never counted: taken as none on hand."
    none = today_of(market, _with(tables, stock=tables.stock.clear()))
    np.testing.assert_array_equal(none.state.on_hand, market.initial_stock)
    assert [flag.flag for flag in none.flags] == ["stock_not_counted"]


def test_ids_that_do_not_meet_are_told(firm: tuple[Market, Played, Tables]) -> None:
    market, _, tables = firm
    renamed = tables.products.with_columns(product_id=pl.col("product_id").replace("p3", "new"))
    told = _flags(market, _with(tables, products=renamed))
    assert told["new_product"].startswith("new is new: the bundle's market does not know it")
    assert told["product_gone"] == "p3 is not in the tables: neither ordered nor shown."
    assert "old_lines" in _flags(market, tables, date(2025, 1, 1))


def test_tables_of_another_firm_are_refused(firm: tuple[Market, Played, Tables]) -> None:
    market, _, tables = firm
    strangers = tables.products.with_columns(product_id=pl.col("product_id") + "x")
    with pytest.raises(InputError, match="no product of the market firm-1"):
        today_of(market, _with(tables, products=strangers))
    with pytest.raises(InputError, match=r"^day: is 2023-12-31, before the end of the first week"):
        today_of(market, tables, date(2023, 12, 31))
    with pytest.raises(InputError, match="counts days, and the tables weeks"):
        today_of(dataclasses.replace(market, period="day"), tables)
    undated = tables.calendar.with_columns(start=pl.lit(None, pl.Date))
    with pytest.raises(InputError, match="count weeks without dates"):
        today_of(market, _with(tables, calendar=undated), date(2024, 3, 3))
    assert today_of(market, _with(tables, calendar=undated)).day is None


def test_a_dense_market_is_met_as_well(firm: tuple[Market, Played, Tables]) -> None:
    """Its pairs are all customers x products; purchases that a sparse market leaves out count here."""
    market, _, tables = firm
    dense = family_market("habit", 6, CUSTOMERS, 0)
    assert dense.labels.product_ids == market.labels.product_ids
    now = today_of(dense, tables)
    bought = tables.transactions.filter(pl.col("period") == WEEKS - 1).select("customer", "product").unique()
    habit = np.zeros(dense.base_utility.shape, bool)
    habit[bought["customer"].to_numpy(), bought["product"].to_numpy()] = True
    assert (np.asarray(now.state.intention)[habit] > 0.05).all()
