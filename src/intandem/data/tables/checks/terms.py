"""Supply terms that must fit each other: the smallest order, the multiple, the largest."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from intandem.data.tables.reading.raw import RawTable
from intandem.data.tables.values.columns import TypedTable
from intandem.display import count


def check_terms(raw: RawTable, products: TypedTable) -> TypedTable:
    """A largest order of 0 is no limit; one that lets no order through is listed and left out."""
    frame = products.frame
    if "max_order" not in frame.columns:
        return products
    limit = pl.col("max_order")
    unlimited = int((frame["max_order"] == 0).sum())
    notes = products.notes
    if unlimited:
        notes = (*notes, f"max_order: 0 is no limit ({count(unlimited, 'product')})")
        frame = frame.with_columns(pl.when(limit != 0).then(limit).alias("max_order"))
    multiple = pl.col("order_multiple").fill_null(1.0) if "order_multiple" in frame.columns else pl.lit(1.0)
    least = pl.col("min_order").fill_null(0.0) if "min_order" in frame.columns else pl.lit(0.0)
    smallest = pl.max_horizontal((least / multiple).ceil(), 1.0) * multiple
    none_fits = (limit / multiple).floor() * multiple < smallest
    return replace(products, frame=frame, notes=notes).without_values(raw, none_fits, "no-order-fits", "max_order")
