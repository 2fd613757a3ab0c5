"""What is there and what is on its way today: the last counts and the open orders, in the market's places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from intandem.data.tables.tables import Tables
from intandem.display import count
from intandem.market import Market
from intandem.operation.flags import Flag, listed
from intandem.operation.matching import Matching
from intandem.operation.units import market_units, shown, unit_sizes


@dataclass(frozen=True)
class Supply:
    """Units per product: `on_hand`, `backlog` (owed), and `pipeline`, whose row `k` arrives in `k + 1` periods."""

    on_hand: np.ndarray
    backlog: np.ndarray
    pipeline: np.ndarray
    flags: tuple[Flag, ...]


def supply_of(market: Market, tables: Tables, matching: Matching, now: int, day: date | None) -> Supply:
    """Stock and open orders at the start of period `now`, by what was counted on `day` or before, in market units.

    A count below 0 is nothing on hand; where unmet demand waits, it is what is owed. Orders that should have come are
    taken to come next period, as are those due within this one: nobody knows whether they come before its customers.
    """
    on_hand, backlog, flags = _counted(market, tables, matching, now, day)
    pipeline, late = _due(market, tables, matching, now)
    size = unit_sizes(market)
    on_hand, backlog, pipeline = (market_units(one, size) for one in (on_hand, backlog, pipeline))
    return Supply(on_hand, backlog, pipeline, (*flags, *late))


def _counted(
    market: Market, tables: Tables, matching: Matching, now: int, day: date | None
) -> tuple[np.ndarray, np.ndarray, list[Flag]]:
    products = market.products
    ids = np.array(market.labels.product_ids)
    counts = tables.stock.filter(pl.col("period") <= now)
    if day is not None:
        counts = counts.filter(pl.col("date").is_null() | (pl.col("date") <= day))
    last = counts.group_by("product", maintain_order=True).last()
    place = matching.product[last["product"].to_numpy()]
    last, place = last.filter(pl.Series(place >= 0)), place[place >= 0]
    backlog = np.zeros(products)
    if last.is_empty():
        usual = Flag(
            "stock_not_counted",
            None,
            "No stock count is there: every product is taken to have its usual initial stock.",
        )
        return np.asarray(market.initial_stock, float) * unit_sizes(market), backlog, [usual]
    net, when = np.zeros(products), np.full(products, now)
    net[place] = last["on_hand"].to_numpy()
    when[place] = last["period"].to_numpy()
    owed = np.zeros(products)
    owed[place] = last["backlog"].fill_null(0.0).to_numpy()
    waits = market.unmet_demand == "backordered"
    if waits:
        backlog = owed + np.maximum(-net, 0.0)
    counted = np.zeros(products, bool)
    counted[place] = True
    return (
        np.maximum(net, 0.0),
        backlog,
        list(_of_counts(ids, net, owed, when, counted, now, tables.period_name, waits)),
    )


def _of_counts(
    ids: np.ndarray,
    net: np.ndarray,
    owed: np.ndarray,
    when: np.ndarray,
    counted: np.ndarray,
    now: int,
    period: str,
    waits: bool,
) -> Iterator[Flag]:
    for place in np.flatnonzero(net < 0):
        meaning = "taken as owed to customers" if waits else "taken as sold out"
        yield Flag("negative_stock", str(ids[place]), f"{ids[place]} was counted at {shown(net[place])}: {meaning}.")
    for place in np.flatnonzero(when < now):
        ago = count(int(now - when[place]), period)
        yield Flag("old_count", str(ids[place]), f"{ids[place]} was last counted {ago} ago.")
    for place in np.flatnonzero(~counted):
        yield Flag("never_counted", str(ids[place]), f"{ids[place]} was never counted: taken as none on hand.")
    if not waits and (owed > 0).any():
        names = listed(ids[owed > 0])
        yield Flag("backlog_ignored", None, f"Units owed of {names} are left out: in this market unmet demand is lost.")


def _due(market: Market, tables: Tables, matching: Matching, now: int) -> tuple[np.ndarray, list[Flag]]:
    ids = market.labels.product_ids
    orders = tables.open_orders
    orders = orders.with_columns(place=pl.Series(matching.product[orders["product"].to_numpy()]))
    orders = orders.filter(pl.col("place") >= 0)
    rows = max(market.longest_lead_time, min(orders.height, 1))
    pipeline = np.zeros((rows, market.products))
    if orders.is_empty():
        return pipeline, []
    slot = orders["period"].to_numpy().astype(np.int64) - now - 1
    np.add.at(pipeline, (np.clip(slot, 0, rows - 1), orders["place"].to_numpy()), orders["quantity"].to_numpy())
    flags = []
    for place, quantity, period in orders.filter(pl.col("period") < now).select("place", "quantity", "period").rows():
        late = now - period
        units, due = ("unit", "was") if quantity == 1 else ("units", "were")
        text = f"{shown(quantity)} {units} of {ids[place]} {due} due {count(late, tables.period_name)} ago"
        flags.append(Flag("overdue", ids[place], f"{text}: counted as arriving next {tables.period_name}."))
    beyond = orders.filter(pl.Series(slot >= rows))
    if not beyond.is_empty():
        names = listed(ids[place] for place in beyond["place"].unique(maintain_order=True))
        text = f"Orders of {names} are due later than any lead time: counted at the longest one."
        flags.append(Flag("due_late", None, text))
    return pipeline, flags
