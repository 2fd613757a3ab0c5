"""What is shown more and less than a recommendation would that does not look at stock, and why."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from intandem.departments.outlook import margin
from intandem.display import count
from intandem.operation.offers import Worth
from intandem.operation.orders import names_of
from intandem.operation.reasons import Parts
from intandem.operation.today import Today
from intandem.operation.units import own_units, shown, unit_sizes

PUSH_AND_SPARE: dict[str, Any] = {
    "product_id": pl.String,
    "name": pl.String,
    "action": pl.String,
    "planned": pl.Float64,
    "uncoordinated": pl.Float64,
    "difference": pl.Float64,
    "stock_days": pl.Float64,
    "on_hand": pl.Float64,
    "on_order": pl.Float64,
    "margin": pl.Float64,
    "why": pl.String,
}
"""The columns of the push and spare list; exposures are expected showings in the period."""

WORTH_KEEPING = 0.05
"""Share of the margin from which on the worth of a unit kept is the reason to spare it."""

LEAST = 0.05
"""Share of the exposures of the larger list from which on a difference is one to act on."""


def push_and_spare(today: Today, worth: Worth, planned: np.ndarray, parts: Parts, n: int) -> pl.DataFrame:
    """One row per product that is shown more (`push`) or less (`spare`) than on the uncoordinated list, which shows
    each customer the `n` products of the largest uplift x margin; the largest differences first.

    **Arguments:** `planned`: expected exposures of the lists of today. `parts`: today's orders.
    """
    market, state = today.market, today.state
    plain, added, kept = _uncoordinated(today, worth, n)
    difference = planned - plain
    size = unit_sizes(market)
    on_hand, on_order = (
        own_units(np.asarray(one, float), size) for one in (state.on_hand - state.backlog, state.pipeline.sum(0))
    )
    days = np.where(parts.demand > 1e-6, on_hand / np.maximum(parts.demand, 1e-6) * today.days, np.inf)
    gain = np.asarray(margin(market), float) / size
    lead = np.asarray(market.lead_time) * today.days
    acted = np.abs(difference) > LEAST * np.maximum(np.maximum(planned, plain), 1.0)
    place = np.flatnonzero(acted)
    place = place[np.argsort(-np.abs(difference[place]), kind="stable")]
    names = names_of(today)
    capped = parts.units["cap"] < 0
    told = (difference > 0, on_hand, days, lead, on_order, parts.order, gain, added * size, kept / size, capped)
    return pl.DataFrame(
        {
            "product_id": [market.labels.product_ids[j] for j in place],
            "name": [names[j] for j in place],
            "action": np.where(difference[place] > 0, "push", "spare"),
            "planned": planned[place],
            "uncoordinated": plain[place],
            "difference": difference[place],
            "stock_days": np.where(np.isfinite(days), np.maximum(days, 0.0), np.nan)[place],
            "on_hand": on_hand[place],
            "on_order": on_order[place],
            "margin": gain[place],
            "why": [
                _why(bool(pushed), *map(float, figures), capped=bool(cap))
                for pushed, *figures, cap in zip(*(one[place].tolist() for one in told), strict=True)
            ],
        },
        schema_overrides=PUSH_AND_SPARE,
    ).with_columns(pl.col("stock_days").fill_nan(None), pl.col("on_hand", "on_order") + 0.0)


def _uncoordinated(today: Today, worth: Worth, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """By product, if each customer is shown the `n` products of the largest uplift x margin, whatever is on the shelf:
    expected exposures, units that one of them adds, and the worth of a unit kept to the department that recommends."""
    market = today.market
    rows = np.sort(today.matching.row[today.matching.row >= 0])
    value = worth.uncoordinated[rows]
    n = min(n, value.shape[1])
    best = np.argpartition(-value, n - 1, axis=1)[:, :n]
    index = np.asarray(market.pairs.index())[rows] if market.pairs.product is not None else None
    product = best if index is None else np.take_along_axis(index, best, 1)
    weight = np.asarray(market.population * market.visit_probability, float)[rows, None]
    shown = np.where(np.take_along_axis(value, best, 1) > 0, weight, 0.0)
    exposures = np.bincount(product.ravel(), shown.ravel(), market.products)
    score, units = (np.take_along_axis(one[rows], best, 1) for one in (worth.score, worth.added))
    lasting = shown * np.isfinite(score)
    scores, added = (
        np.bincount(product.ravel(), (lasting * np.where(lasting > 0, one, 0.0)).ravel(), market.products)
        for one in (score, units)
    )
    kept = np.asarray(margin(market), float) - scores / np.maximum(added, 1e-12)
    return exposures, added / np.maximum(exposures, 1e-12), np.where(added > 0, kept, 0.0)


def _why(
    push: bool,
    on_hand: float,
    days: float,
    lead: float,
    on_order: float,
    ordered: float,
    gain: float,
    added: float,
    kept: float,
    *,
    capped: bool,
) -> str:
    stock = (
        f"{count(round(days), 'day')} of stock"
        if np.isfinite(days)
        else f"{shown(on_hand)} in stock that nobody is expected to buy"
    )
    if push:
        return (
            f"{stock}, margin {gain:.2f} a unit" if days > lead else f"{stock}, and its margin of {gain:.2f} bears it"
        )
    if on_hand <= 0:
        coming = [f"{shown(on_order)} on order"] if on_order > 0 else []
        coming += [f"{shown(ordered)} ordered today"] if ordered > 0 else []
        return f"sold out; {' and '.join(coming)}" if coming else "sold out, and nothing is on order"
    if days <= lead + 7:
        scarce = "supply is capped" if capped else f"an order takes {count(int(lead), 'day')}"
        return f"{stock}, and {scarce}"
    if kept > WORTH_KEEPING * gain:
        return f"a unit kept is worth {kept:.2f} to the policy, of a margin of {gain:.2f}"
    units = f"{added:.2g}"
    units += " unit" if units == "1" else " units"
    return f"a showing adds {units} at a margin of {gain:.2f}: others bring more"
