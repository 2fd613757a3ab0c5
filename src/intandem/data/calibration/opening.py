"""The stock with which a calibrated market opens: what the firm counted last, and what is on its way to it."""

from __future__ import annotations

import numpy as np
import polars as pl

from intandem.data.tables.tables import Tables
from intandem.display import count
from intandem.market.rules.keys import LARGEST_WHOLE

SHOWN = 3
"""Products that a sentence names."""


def opening_stock(tables: Tables, unit_size: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Units per product, `nan` where nothing was counted, and what is assumed.

    A market has no orders under way when it opens: those of the table count as arrived. What is overdue is counted
    too, and named.

    **Arguments:** `unit_size`: the market's unit in the firm's, per product.
    """
    products = tables.products.height
    when = [key for key in ("period", "date") if key in tables.stock.columns]
    counted = tables.stock.sort(when).group_by("product").agg(pl.col("on_hand").last())
    stock = np.full(products, np.nan)
    stock[counted["product"].to_numpy()] = np.maximum(counted["on_hand"].to_numpy(), 0.0)
    due = np.zeros(products)
    np.add.at(due, tables.open_orders["product"].to_numpy(), tables.open_orders["quantity"].to_numpy())
    with np.errstate(invalid="ignore"):
        opening = np.clip(np.round((stock + due) / unit_size), 0.0, LARGEST_WHOLE)
    ids = tables.products["product_id"]
    said = []
    if counted.height:
        said.append(f"The market opens with the last count of {count(counted.height, 'product')}.")
    here = (due > 0) & ~np.isnan(stock)
    if here.any():
        units = count(round(due[here].sum()), "unit")
        said.append(
            f"What is on its way to {count(int(here.sum()), 'product')} ({units}) counts as "
            "arrived when the market opens."
        )
    unknown = (due > 0) & np.isnan(stock)
    if unknown.any():
        names = _named(ids, np.flatnonzero(unknown))
        said.append(f"Orders under way of products without a stock count ({names}) are left out of the opening stock.")
    overdue = tables.open_orders.filter(pl.col("period") < tables.periods - 1)
    if overdue.height:
        late = overdue["product"].unique().sort().to_numpy()
        said.append(
            f"{count(overdue.height, 'open order')} ({_named(ids, late)}) should have arrived before the last "
            f"{tables.period_name} with sales: still expected, or received and not booked?"
        )
    return opening, said


def _named(ids: pl.Series, which: np.ndarray) -> str:
    names = [repr(name) for name in ids.gather(which.tolist()).to_list()]
    return ", ".join(names[:SHOWN]) + (" ..." if len(names) > SHOWN else "")
