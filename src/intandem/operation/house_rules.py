"""What people decide and no policy may change: products always or never shown, pinned, so many of a category.

`rules.csv` has one rule a row:

| rule | product_id | category | segment | position | most |
|---|---|---|---|---|---|
| `always`: the product is on the list | which | | who: all, or a segment | | |
| `never`: the product, or the category, is not | which | or which | who | | |
| `pin`: the product stands at a position | which | | who | from 1 | |
| `at_most`: so many products of a category, of each where none is named | | which | who | | how many |

A segment is `attribute=value` of the customers table, such as `city=Lyon`; a value alone is one of its column
`segment`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from intandem.data.tables.reading.frames import source_of
from intandem.data.tables.reading.mapping import MISSING, Reading
from intandem.errors import InputError, did_you_mean

RULES = ("always", "never", "pin", "at_most")
COLUMNS = ("rule", "product_id", "category", "segment", "position", "most")
SEGMENT = "segment"
"""The column of the customers table that names segments."""

_PLACE = "rules.csv"


@dataclass(frozen=True)
class HouseRule:
    """One rule; `number` is its row, from 1, for messages."""

    number: int
    rule: str
    product_id: str | None = None
    category: str | None = None
    segment: str | None = None
    position: int | None = None
    most: int | None = None

    def members(self, customers: pl.DataFrame) -> pl.Series:
        """Whom it is about, of the customers table.

        **Raises:** `InputError` if the table has no such attribute.
        """
        if self.segment is None:
            return pl.repeat(True, customers.height, eager=True)
        attribute, _, value = self.segment.rpartition("=")
        attribute = attribute.strip() or SEGMENT
        if attribute not in customers.columns:
            problem = f"names {attribute!r}, and the customers table has no such column"
            known = [name for name in customers.columns if name not in ("customer", "customer_id", "store")]
            cure = did_you_mean(attribute, known) if known else "add it to the customers table"
            raise InputError(_PLACE, problem, cure, row=self.number, key="segment")
        return (customers[attribute].cast(pl.String) == value.strip()).fill_null(False)


def read_house_rules(given: Any, products: Sequence[str], categories: Sequence[str]) -> tuple[HouseRule, ...]:
    """The rules in a file or frame.

    **Arguments:** `given`: the path of `rules.csv`, a frame, a list of rows, or `None` for no rule. `products`,
    `categories`: those there are.

    **Raises:** `InputError` naming the row, the key and the cure.

    ```python
    >>> found = read_house_rules([{"rule": "never", "product_id": "tea"}], ["tea", "milk"], [])
    >>> found[0].rule, found[0].product_id
    ('never', 'tea')
    >>> read_house_rules([{"rule": "never", "product_id": "tee"}], ["tea", "milk"], [])
    Traceback (most recent call last):
    intandem.errors.InputError: rules.csv: row 1: product_id: 'tee' is no product of the market; did you mean 'tea'?

    ```
    """
    if given is None:
        return ()
    if isinstance(given, str | Path) and not Path(given).is_file():
        raise InputError(given, "there is no such file", "check the path")
    source = source_of(_PLACE, given, _reading(Path(given)) if isinstance(given, str | Path) else None)
    frame = source.frame
    for name in frame.columns:
        if name not in COLUMNS:
            raise InputError(_PLACE, "is not a known column", did_you_mean(name, COLUMNS), key=name)
    if "rule" not in frame.columns:
        raise InputError(_PLACE, "has no column rule", f"add it: {', '.join(RULES)}")
    rows = frame.select(_cells(column, source.quoted.get(column.name)) for column in frame).to_dicts()
    return tuple(
        _rule(number, row, products, categories)
        for number, row in zip(source.rows.to_list(), rows, strict=True)
        # Spreadsheets save rows that hold separators alone.
        if any(value is not None for value in row.values())
    )


def _reading(path: Path) -> Reading:
    """How spreadsheets of half the world, or programs, part the columns."""
    if path.suffix != ".csv":
        return Reading()
    with path.open(encoding="utf-8-sig", errors="replace") as text:
        first = text.readline(1000)
    told = re.match(r'^"?sep=(.)', first)
    if told:
        return Reading(separator=told[1])
    found = [mark for mark in (",", ";", "\t", "|") if mark in first]
    return Reading(separator=found[0]) if found and found[0].isascii() else Reading()


def _cells(values: pl.Series, quoted: pl.Series | None) -> pl.Series:
    """Cells as text: what stands for nothing is none, and `2.0` is 2, as in other tables."""
    text = values.cast(pl.String).str.strip_chars().str.replace(r"^(-?\d+)\.0+$", "$1")
    nothing = text.is_in(MISSING) if quoted is None else text.is_in(MISSING) & ~quoted
    return text.set((nothing | (text == "")).fill_null(True), None)


def _rule(number: int, row: dict[str, str | None], products: Sequence[str], categories: Sequence[str]) -> HouseRule:
    def refuse(key: str, problem: str, cure: str) -> InputError:
        return InputError(_PLACE, problem, cure, row=number, key=key)

    kind = (row["rule"] or "").lower().replace("-", "_").replace(" ", "_")
    if kind not in RULES:
        raise refuse("rule", f"{row['rule'] or ''!r} is not a rule", did_you_mean(kind, RULES))
    product, category = row.get("product_id"), row.get("category")
    if product is not None and product not in products:
        raise refuse("product_id", f"{product!r} is no product of the market", did_you_mean(product, products))
    if category is not None and category not in categories:
        cure = did_you_mean(category, categories) if categories else "give categories in the products table"
        raise refuse("category", f"{category!r} is no category of the products", cure)
    if kind in ("always", "pin") and product is None:
        raise refuse("product_id", f"is empty, and `{kind}` is about a product", "name one")
    if kind == "never" and product is None and category is None:
        raise refuse("product_id", "is empty, and so is category", "name one of them")
    numbers = {}
    for key, rule in (("position", "pin"), ("most", "at_most")):
        text = row.get(key)
        if (kind == rule) != (text is not None):
            problem = f"is empty, and `{kind}` needs it" if text is None else f"is given, and `{kind}` has none"
            raise refuse(key, problem, "give a whole number" if text is None else "leave it out")
        if text is not None:
            least = 1 if key == "position" else 0
            if not text.isdecimal() or int(text) < least:
                raise refuse(key, f"is {text!r}", f"give a whole number of {least} or more")
            numbers[key] = int(text)
    return HouseRule(number, kind, product, category, row.get("segment"), **numbers)
