"""Returns: a line that is taken back is not demand, and what is taken back is taken off what was bought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from intandem.data.tables.reading.raw import ROW

LEFT = 1e-9
"""Share of a line below which what is left of it is rounding."""


@dataclass(frozen=True)
class Netted:
    """Lines after their returns.

    - `lines`: purchases with the units that stayed with the customer; lines taken back in full are gone.
    - `unmatched`: returns of what no line before them sold; `unsold`: prices below 0 that no line before them charged.
    - `returns`, `units`: how many lines took something back, and how much. `cancelled`: lines that are gone.
    """

    lines: pl.DataFrame
    unmatched: pl.DataFrame
    unsold: pl.DataFrame
    returns: int
    units: float
    cancelled: int


def net_returns(lines: pl.DataFrame, when: str) -> Netted:
    """Nets returns against purchases of the same customer and product on the same day or before.

    A return takes back the last line of the same quantity and unit price, else of the same quantity, else what was
    bought last. A line whose price is below 0 and whose quantity is not takes back only the line it mirrors: it may be
    a discount.

    **Arguments:**

    - `lines`: `ROW`, `customer_id`, `product_id`, `quantity` (below 0: taken back), `price` per unit (below 0: taken
      back), and the column `when`.

    ```python
    >>> lines = pl.DataFrame(
    ...     {ROW: [1, 2, 3], "customer_id": "ann", "product_id": "tea", "day": [1, 2, 3], "quantity": [5, 2, -6],
    ...      "price": [4.0, 4.0, 4.0]})
    >>> net_returns(lines, "day").lines.select("day", "quantity").rows()
    [(1, 1.0)]

    ```
    """
    lines = lines.with_columns(pl.col("quantity").cast(pl.Float64))
    mirrored = (pl.col("price") < 0) & (pl.col("quantity") > 0)
    taken_back = (pl.col("quantity") < 0) | mirrored
    nothing = lines.clear()
    if not lines.select(taken_back.any()).item():
        return Netted(lines, nothing, nothing, 0, 0.0, 0)
    pair = ["customer_id", "product_id"]
    touched = lines.filter(taken_back).select(pair).unique()
    others = lines.join(touched, on=pair, how="anti", maintain_order="left")
    work = lines.join(touched, on=pair, how="semi", maintain_order="left").with_columns(
        returned=taken_back, mirrored=mirrored, open=pl.col("quantity").abs()
    )
    work = work.with_columns(size=pl.col("open"), paid=pl.col("price").abs().round(6))
    work = _matched([*pair, "size", "paid"], work, when, pl.lit(True))
    work = _matched([*pair, "size"], work, when, ~pl.col("mirrored"))
    work = _matched(pair, work, when, ~pl.col("mirrored"))
    back = work.filter("returned")
    bought = work.filter(~pl.col("returned"))
    kept = bought.filter(pl.col("open") > 0).with_columns(quantity="open")
    untouched = pl.col("open") == pl.col("size")
    columns = lines.columns
    return Netted(
        lines=pl.concat([others, kept.select(columns)]).sort(ROW),
        unmatched=back.filter(untouched & ~pl.col("mirrored")).select(columns),
        unsold=back.filter(untouched & pl.col("mirrored")).select(columns),
        returns=back.filter(~untouched).height,
        units=float((back["size"] - back["open"]).sum()),
        cancelled=bought.filter(pl.col("open") <= 0).height,
    )


def _matched(keys: Sequence[str], work: pl.DataFrame, when: str, takes_part: pl.Expr) -> pl.DataFrame:
    """One round: within `keys`, each return takes what was bought last, as far as it is still there.

    With the running sum of what was bought less what was taken back, held at 0 from below, a purchase keeps what the
    lowest later sum leaves above the sum before it: last in, first out, in whole columns.
    """
    work = work.sort(when, "returned", ROW, maintain_order=True)
    amount = pl.when(takes_part).then(pl.col("open")).otherwise(0.0)
    signed = pl.when(pl.col("returned")).then(-amount).otherwise(amount)
    summed = work.with_columns(amount=amount, signed=signed).with_columns(
        total=pl.col("signed").cum_sum().over(keys, order_by=None)
    )
    summed = summed.with_columns(held=pl.col("total") - pl.min_horizontal(pl.col("total").cum_min().over(keys), 0.0))
    summed = summed.with_columns(before=pl.col("held").shift(1, fill_value=0.0).over(keys))
    later = pl.col("held").cum_min(reverse=True).over(keys)
    left = pl.when(pl.col("returned")).then(pl.col("amount") - pl.col("before")).otherwise(later - pl.col("before"))
    left = left.clip(0.0, pl.col("amount"))
    left = pl.when(left < LEFT * pl.col("amount")).then(0.0).otherwise(left)
    left = pl.when(left > (1 - LEFT) * pl.col("amount")).then(pl.col("amount")).otherwise(left)
    return summed.with_columns(open=pl.when(takes_part).then(left).otherwise(pl.col("open"))).select(work.columns)
