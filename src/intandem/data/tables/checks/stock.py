"""Periods in which a product was sold out, as its counts and its sales tell them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from intandem.data.tables.reading.raw import ROW
from intandem.data.tables.values.columns import TypedTable
from intandem.display import count

MOST = 0.5
"""Share of a period's counts at or below 0 beyond which the product was sold out in it."""


def counted_out(stock: pl.DataFrame, key: str) -> pl.DataFrame:
    """Products and periods of which most counts are at or below 0: columns `key` and `period`.

    One count is not a week: a shelf that is empty on Sunday evening was full from Monday to Saturday.

    ```python
    >>> stock = pl.DataFrame({"product": [0] * 5, "period": [0, 0, 0, 1, 2], "on_hand": [9, 4, 0, 0, -3]})
    >>> counted_out(stock, "product").sort("period").rows()
    [(0, 1), (0, 2)]

    ```
    """
    empty = (pl.col("on_hand") <= 0).mean()
    return stock.group_by(key, "period").agg(empty=empty).filter(pl.col("empty") > MOST).select(key, "period")


def over_stores(table: TypedTable) -> TypedTable:
    """Counts of several stores added up, by product and day or period; a count below zero is of none there.

    The market sells to all customers from one stock. Where a store was not counted with the others, a note says so.
    """
    frame = table.frame
    if "store_id" not in frame.columns:
        return table
    what = ["product_id", *(name for name in ("date", "period") if name in frame.columns)]
    counts = [pl.col(name).clip(0.0).sum() for name in ("on_hand", "backlog") if name in frame.columns]
    summed = frame.group_by(what, maintain_order=True).agg(*counts, pl.col(ROW).first(), pl.len().alias("stores"))
    most = summed.group_by("product_id").agg(pl.col("stores").max().alias("most"))
    fewer = summed.join(most, on="product_id").filter(pl.col("stores") < pl.col("most")).height
    notes = [f"counts of {count(frame['store_id'].n_unique(), 'store')} are added up"]
    if fewer:
        lack = "lacks" if fewer == 1 else "lack"
        notes.append(
            f"{fewer:,} of {count(summed.height, 'sum')} {lack} a store that was not counted then: count all at once"
        )
    return replace(table, frame=summed.drop("stores"), notes=(*table.notes, *notes))


def sold_out(stock: pl.DataFrame, bought: pl.DataFrame, key: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Products and periods that were sold out, and those whose counts say so though somebody bought.

    **Arguments:** `bought` with `key` and `period`: what is bought was there.
    """
    keys: Sequence[str] = [key, "period"]
    out = counted_out(stock, key)
    return out.join(bought, on=keys, how="anti"), out.join(bought, on=keys, how="semi")
