"""Periods in which a product was sold out, as its counts and its sales tell them."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

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


def sold_out(stock: pl.DataFrame, bought: pl.DataFrame, key: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Products and periods that were sold out, and those whose counts say so though somebody bought.

    **Arguments:** `bought` with `key` and `period`: what is bought was there.
    """
    keys: Sequence[str] = [key, "period"]
    out = counted_out(stock, key)
    return out.join(bought, on=keys, how="anti"), out.join(bought, on=keys, how="semi")
