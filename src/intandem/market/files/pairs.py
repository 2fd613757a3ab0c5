"""Pairs as a list, one row each, and as the layout that the simulator works in: there and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from jaxtyping import Float32, Int32, Integer

from intandem.errors import InputError
from intandem.market.model import Market
from intandem.market.rules.values import Table

_MOST_PLACES = 2**31
"""Places are counted in 32 bits."""


@dataclass(frozen=True)
class Layout:
    """Arguments of `build_market`: `candidates` is `None` where every product is a candidate of every row."""

    candidates: Int32[np.ndarray, "rows width"] | None
    base_utility: Float32[np.ndarray, "rows width"]
    exposure_effect: Float32[np.ndarray, "rows width"]


@dataclass(frozen=True)
class PairColumns:
    """Pairs row by row, in the order of their places: indices of customer rows and products, and values."""

    customer: Integer[np.ndarray, " pairs"]
    product: Integer[np.ndarray, " pairs"]
    base_utility: Float32[np.ndarray, " pairs"]
    exposure_effect: Float32[np.ndarray, " pairs"]


def pair_columns(market: Market) -> PairColumns:
    """The pairs of a market as a list; empty places are left out."""
    values = (np.asarray(market.base_utility), np.asarray(market.exposure_effect))
    return PairColumns(*market.pairs.columns(*values))


def pair_layout(table: Table, rows: int, products: int) -> Layout:
    """Lays pairs out by customer row: dense if they cover every product for every row, else padded to the longest
    row, with `products` and zeros at the empty places. A row's places keep the order of the list.

    **Arguments:**

    - `table`: pairs whose `customer_id` and `product_id` are `Enum` columns in market order.

    **Raises:** `InputError` for a pair that stands twice, or if one row's length makes the layout too large.
    """
    customer, product = _codes(table.frame["customer_id"]), _codes(table.frame["product_id"])
    values = [table.frame[key].to_numpy() for key in ("base_utility", "exposure_effect")]
    count = np.bincount(customer, minlength=rows)
    width = int(count.max())
    if rows * width >= _MOST_PLACES:
        row = int((customer == count.argmax()).argmax())
        problem = f"has {width} pairs, and {rows} customers of that width are too many to lay out"
        raise table.wrong(row, "customer_id", problem, "give every customer a similar number of pairs")
    if (customer[1:] < customer[:-1]).any():
        order = np.argsort(customer, kind="stable")
        customer, product = customer[order], product[order]
        values = [column[order] for column in values]
    if customer.size == rows * products:
        flat = customer.astype(np.int64) * products + product
        seen = np.zeros(flat.size, bool)
        seen[flat] = True
        if seen.all():
            return Layout(None, *(_scattered(column, flat, 0, (rows, products)) for column in values))
    first = np.cumsum(count) - count
    within = np.arange(customer.size) - np.repeat(first, count)
    flat = customer.astype(np.int64) * width + within
    candidates = _scattered(product.astype(np.int32), flat, products, (rows, width))
    in_row = np.sort(candidates, axis=1)
    if ((in_row[:, 1:] == in_row[:, :-1]) & (in_row[:, 1:] < products)).any():
        raise _repeated(table)
    return Layout(candidates, *(_scattered(column, flat, 0, (rows, width)) for column in values))


def _codes(column: pl.Series) -> Integer[np.ndarray, " pairs"]:
    return column.to_physical().cast(pl.UInt32).to_numpy()


def _scattered(values: np.ndarray, flat: np.ndarray, empty: int, shape: tuple[int, int]) -> np.ndarray:
    """Values at their flat places in a table of a shape, and `empty` at the others."""
    table = np.full(shape, empty, values.dtype)
    table.ravel()[flat] = values
    return table


def _repeated(table: Table) -> InputError:
    both = table.frame.select("customer_id", "product_id")
    row = int((~both.is_duplicated() | both.to_struct().is_first_distinct()).arg_min() or 0)
    customer, product = both.row(row)
    same = (both["customer_id"] == customer) & (both["product_id"] == product)
    first = table.label(int(same.arg_max() or 0))
    return table.wrong(row, "product_id", f"is paired with the customer in {first} already", "remove one of the two")
