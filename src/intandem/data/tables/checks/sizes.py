"""How many units a purchase usually has, and which are beyond all usual sizes."""

from __future__ import annotations

import polars as pl

BEYOND = 10.0
"""A size above so many times the size that one purchase in twenty exceeds is not usual."""

FAR_BEYOND = 50.0
"""The same for the median: where purchases are few, or of one size, one in twenty says little."""


def largest_usual(purchases: pl.DataFrame, key: str) -> pl.DataFrame:
    """The largest usual quantity for each `key`, from `quantity`: columns `key` and `largest`.

    The quantile is the lower of two neighbours, so that one purchase cannot set its own measure.

    ```python
    >>> sizes = pl.DataFrame({"product": [0] * 6, "quantity": [1.0, 1, 2, 3, 1, 80_000]})
    >>> largest_usual(sizes, "product").row(0)
    (0, 75.0)

    ```
    """
    high = pl.col("quantity").quantile(0.95, "lower")
    return purchases.group_by(key).agg(
        largest=pl.max_horizontal(BEYOND * high, FAR_BEYOND * pl.col("quantity").median())
    )
