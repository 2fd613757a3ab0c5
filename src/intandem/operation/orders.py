"""Today's orders: how much of what, by when, why, and what to look at."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from intandem.departments import JointPolicy, Reference
from intandem.display import count
from intandem.market.supply import order_range
from intandem.operation.flags import Flag
from intandem.operation.reasons import REASONS, Parts, parts_of
from intandem.operation.today import Today
from intandem.operation.units import own_units, shown, unit_sizes

ABOVE_USUAL = 3.0
"""Periods of expected demand that an order, and what is left of it a review after it comes, must exceed to be above the
usual, where the smallest order is below it."""

EMPTY = 0.8
"""Part of the demand until the next arrival that must be on hand, or else the shelf is told to run empty."""

DEMAND = ("base", "season", "present_intentions", "planned_exposure")
"""The parts of expected demand."""

ORDERS: dict[str, Any] = {
    "product_id": pl.String,
    "name": pl.String,
    "quantity": pl.Float64,
    "packs": pl.Int64,
    "units_per_pack": pl.Float64,
    "order_by": pl.Date,
    "arrives": pl.Date,
    "cover_before_days": pl.Float64,
    "cover_after_days": pl.Float64,
    "money": pl.Float64,
    "plain_rule": pl.Float64,
    "demand_per_period": pl.Float64,
    "why": pl.String,
    "flags": pl.String,
    "arriving_by_date": pl.String,
    **dict.fromkeys(REASONS, pl.Float64),
}
"""The columns of the orders. Those named in `REASONS` add up to `quantity`, row by row."""


def orders_of(
    today: Today, standing: Reference, policy: JointPolicy, minimum_cover: float | None = None
) -> tuple[pl.DataFrame, Parts, list[Flag]]:
    """Orders of every product, those of nothing included, with the columns of `ORDERS`; their parts; what to look at.

    **Arguments:**

    - `policy`: who orders and recommends. `minimum_cover`: days of demand that stock on hand, on order and ordered
      should last; `None`: each product's lead time.

    **Returns** orders by money, largest first, then by product. Quantities are in the firm's own units.
    """
    market, state = today.market, today.state
    there = np.zeros(market.products, bool)
    there[today.matching.product[today.matching.product >= 0]] = True
    parts = parts_of(market, standing, state, policy, ~there)
    order, lead = parts.order, np.asarray(market.lead_time)
    fixed = np.asarray(market.fixed_order_cost, float)
    size = unit_sizes(market)
    position = own_units(np.asarray(state.on_hand + state.pipeline.sum(0) - state.backlog, float), size)
    cover, after = (_days(units, parts.demand, today.days) for units in (position, position + order))
    minimum = lead * float(today.days) if minimum_cover is None else np.full(market.products, minimum_cover)
    multiple = own_units(np.asarray(market.order_multiple, float), size)
    lead_days = (lead * today.days).tolist()
    when = [_by(today.day, *each, today.days) for each in zip(cover.tolist(), lead_days, strict=True)]
    flags = _flags(today, parts, after, minimum)
    frame = pl.DataFrame(
        {
            "product_id": market.labels.product_ids,
            "name": names_of(today),
            "quantity": order,
            "packs": np.rint(order / multiple),
            "units_per_pack": multiple,
            "order_by": [one if placed else None for one, placed in zip(when, order > 0, strict=True)],
            "arrives": [
                today.day + timedelta(days=lead_days[j]) if today.day and order[j] > 0 else None
                for j in range(market.products)
            ],
            "cover_before_days": np.maximum(cover, 0.0),
            "cover_after_days": np.maximum(after, 0.0),
            "money": order / size * np.asarray(market.unit_cost, float) + np.where(order > 0, fixed, 0.0),
            "plain_rule": np.where(there, parts.plain, 0.0),
            "demand_per_period": parts.demand,
            "why": [_why(today.tables.period_name, lead, parts, j) for j, lead in enumerate(lead.tolist())],
            "flags": ["; ".join(flag.flag for flag in flags.get(j, [])) for j in range(market.products)],
            "arriving_by_date": _arriving(today),
            **parts.units,
        }
    )
    # Nought that is added takes the sign from what is nothing.
    frame = frame.select(
        (pl.col(name).fill_nan(None).cast(kind) + 0.0) if kind == pl.Float64 else pl.col(name).cast(kind)
        for name, kind in ORDERS.items()
    )
    frame = frame.sort("money", "product_id", descending=[True, False])
    return frame, parts, [flag for found in flags.values() for flag in found]


def reasons_of(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The parts of an order that are not nothing, `name` and `units`, which add up to its quantity."""
    return [{"name": name, "units": row[name]} for name in REASONS if row[name]]


def names_of(today: Today) -> list[str]:
    """What people call each product of the market: its name in the tables, or in the market, else its id."""
    labels = today.market.labels
    names = [name or product for name, product in zip(labels.names, labels.product_ids, strict=True)]
    called = today.tables.products["name"].to_list()
    for code, place in enumerate(today.matching.product):
        if place >= 0 and called[code]:
            names[place] = called[code]
    return names


def _days(units: np.ndarray, demand: np.ndarray, days: int) -> np.ndarray:
    """How long units last; `nan` where nobody buys."""
    return np.where(demand > 1e-6, units / np.maximum(demand, 1e-6) * days, np.nan)


def _by(day: date | None, cover: float, lead_days: int, days: int) -> date | None:
    """The last day on which an order still arrives before the shelf is empty, within this period."""
    if day is None:
        return None
    slack = 0.0 if np.isnan(cover) else cover - lead_days
    return day + timedelta(days=int(np.clip(slack, 0, days - 1)))


def _arriving(today: Today) -> list[str]:
    """Units on order of each product by the day, or the number of periods, in which they come."""
    pipeline = own_units(np.asarray(today.state.pipeline, float), unit_sizes(today.market))
    found: list[list[str]] = [[] for _ in range(today.market.products)]
    for slot, row in enumerate(pipeline):
        when = f"in {slot + 1} {today.tables.period_name}{'s' if slot else ''}"
        if today.day is not None:
            first = today.tables.calendar["start"][0]
            when = f"by {first + timedelta(days=today.days * (today.period + slot + 1))}"
        for place in np.flatnonzero(row > 0).tolist():
            found[place].append(f"{shown(row[place])} {when}")
    return ["; ".join(one) for one in found]


def _wait(today: Today) -> np.ndarray:
    """Periods until the next units of each product come: what is on its way, or else what is ordered today."""
    coming = np.asarray(today.state.pipeline) > 0
    first = coming.argmax(0) + 1 if len(coming) else np.zeros(today.market.products, int)
    return np.where(coming.any(0), first, np.asarray(today.market.lead_time))


def _flags(today: Today, parts: Parts, after: np.ndarray, minimum: np.ndarray) -> dict[int, list[Flag]]:
    market, period = today.market, today.tables.period_name
    ids = market.labels.product_ids
    order, demand = parts.order, parts.demand
    here, wait = own_units(np.asarray(today.state.on_hand, float), unit_sizes(market)), _wait(today)
    longest = (np.asarray(market.lead_time) + 1 + ABOVE_USUAL) * today.days
    smallest = own_units(np.asarray(order_range(market)[0], float), unit_sizes(market))
    found: dict[int, list[Flag]] = {}
    for j in np.flatnonzero(np.isfinite(demand)):
        mine = []
        if here[j] < EMPTY * demand[j] * wait[j]:
            left = f"has {shown(here[j])} on hand" if here[j] > 0 else "is sold out"
            until = count(int(wait[j]), period)
            wanted = f"{demand[j] * wait[j]:.3g}"
            asked = f"{wanted} {'is' if wanted == '1' else 'are'} asked for in the {until} until the next come"
            mine.append(Flag("empty_shelf", ids[j], f"{ids[j]} {left}, and {asked}."))
        if order[j] > max(ABOVE_USUAL * demand[j], smallest[j]) and not after[j] <= longest[j]:
            lasting = count(round(order[j] / max(demand[j], 1e-6)), period)
            mine.append(Flag("above_usual", ids[j], f"{shown(order[j])} of {ids[j]} are {lasting} of its demand."))
        if parts.units["cap"][j] < 0:
            missing = -parts.units["cap"][j]
            were = "was" if missing == 1 else "were"
            mine.append(
                Flag("capped", ids[j], f"{ids[j]} is capped at {shown(order[j])}: {shown(missing)} more {were} wanted.")
            )
        if after[j] < minimum[j]:
            text = (
                f"{ids[j]} lasts {count(round(max(after[j], 0)), 'day')} with what is ordered, below {minimum[j]:.0f}"
            )
            mine.append(Flag("below_minimum_cover", ids[j], f"{text}."))
        if mine:
            found[int(j)] = mine
    return found


def _why(period: str, lead: int, parts: Parts, place: int) -> str:
    """The arithmetic in a sentence; of nothing, why nothing."""
    units = {name: float(values[place]) for name, values in parts.units.items()}
    span = f"{lead + 1} {period}{'s' if lead else ''}"
    demand, rest = sum(units[name] for name in DEMAND), parts.demand[place]
    here, coming = -units["on_hand"], -units["arriving"]
    if parts.order[place] == 0:
        if units["withdrawn"]:
            return "nothing: it is not in the tables any more"
        if units["sold_at_a_loss"]:
            return "nothing: every sale of it loses money"
        if here + coming == 0 and demand == 0:
            return "nothing: nobody is expected to buy it"
        level = demand + units["safety_stock"] + units["stock_blind_exposure"]
        needed = f"{shown(level)} needed over {span}"
        stock = f"{shown(here)} on hand" + (f" and {shown(coming)} on order" if coming else "")
        if units["cap"]:
            return "nothing: no order fits between the smallest and the largest"
        if units["learned"] < 0:
            return f"nothing: {stock} for {needed}, and the trained policy waits"
        if units["rounding"] < 0:
            return f"nothing: {stock} for {needed}; what is missing is less than half of the smallest order"
        return f"nothing: {stock} for {needed} ({rest:.3g} a {period})"
    told = [f"{shown(demand)} expected over {span}"]
    for name, words in (
        ("safety_stock", "for safety"),
        ("stock_blind_exposure", "as if recommendations did not look at stock"),
        ("sold_at_a_loss", "since it is sold at a loss"),
        ("on_hand", "on hand"),
        ("owed", "owed"),
        ("arriving", "on order"),
        ("batch", "for the order cost"),
        ("learned", "learned"),
        ("nothing_sent_back", "not sent back"),
        ("rounding", "rounding"),
        ("cap", "above the cap"),
    ):
        if units[name]:
            told.append(f"{'+' if units[name] > 0 else '−'} {shown(abs(units[name]))} {words}")
    return " ".join(told)
