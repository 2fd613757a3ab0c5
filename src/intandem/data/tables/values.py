"""From the values a firm wrote to typed columns, with a fault for every value that breaks a rule of its column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from intandem.data.tables.raw import EXTRA, ROW, RawTable
from intandem.data.tables.schema import Column
from intandem.errors import InputError

FAULT = pl.Schema({ROW: pl.UInt32(), "rule": pl.String(), "column": pl.String(), "value": pl.String()})

DATE_FORMATS = ("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%d.%m.%Y", "%d-%m-%Y", "%d/%m/%Y", "%m/%d/%Y")
"""Tried in this order when `mapping.toml` gives none; a time of day after the date is cut off."""


@dataclass(frozen=True)
class TypedTable:
    """Typed columns (`ROW` first) of all rows, and the faults found in them: `ROW`, rule, column, value as written."""

    frame: pl.DataFrame
    faults: pl.DataFrame

    def without(self, faults: Sequence[pl.DataFrame]) -> TypedTable:
        """More faults, and the rows they name taken out."""
        found = pl.concat([self.faults, *(fault.cast(FAULT) for fault in faults)])
        return TypedTable(self.frame.join(found, on=ROW, how="anti", maintain_order="left"), found)


def fault(frame: pl.DataFrame, mask: pl.Expr, rule: str, column: str, value: pl.Expr | None = None) -> pl.DataFrame:
    """One fault for every row of `frame` under `mask`; `value` defaults to the column as text."""
    shown = (pl.col(column) if value is None else value).cast(pl.String)
    return frame.filter(mask).select(ROW, rule=pl.lit(rule), column=pl.lit(column), value=shown).cast(FAULT)


def type_values(raw: RawTable, earliest: date, latest: date) -> TypedTable:
    """Types every column of the schema that is there, and takes out the rows that break a rule of their column.

    **Raises:** `InputError` if a whole column cannot hold what it should (a list for a number, dates in a format that
    reads two ways).
    """
    typed = [pl.col(ROW).cast(pl.UInt32)]
    checks: list[tuple[str, str, pl.Expr]] = []
    for column in raw.table.columns:
        if column.name not in raw.frame.columns:
            continue
        expression, found = _typed(raw, column, earliest, latest)
        typed.append(expression.alias(f"typed {column.name}"))
        checks += [(rule, column.name, mask) for rule, mask in found]
    written = raw.frame.with_columns(pl.col(ROW).cast(pl.UInt32))
    wide = written.with_columns(*typed[1:])
    faults = [fault(wide, mask, rule, name) for rule, name, mask in checks]
    for group in raw.table.one_of:
        present = [name for name in group if name in raw.frame.columns]
        empty = pl.all_horizontal(pl.col(f"typed {name}").is_null() & _blank(written, name) for name in present)
        rule = "no-customer-or-store" if "store_id" in group else "missing"
        faults.append(fault(wide, empty, rule, present[0]))
    if EXTRA in raw.frame.columns:
        last = [name for name in raw.frame.columns if name not in (ROW, EXTRA)][-1]
        faults.append(fault(wide, pl.col(EXTRA).is_not_null(), "too-many-fields", last, pl.col(EXTRA)))
    names = {name: name.removeprefix("typed ") for name in wide.columns if name.startswith("typed ")}
    frame = wide.select(ROW, *names).rename(names)
    return TypedTable(frame, pl.DataFrame(schema=FAULT)).without(faults)


def _blank(frame: pl.DataFrame, name: str) -> pl.Expr:
    column = pl.col(name)
    return column.is_null() if frame.schema[name] != pl.String else column.fill_null("").str.strip_chars() == ""


def _typed(raw: RawTable, column: Column, earliest: date, latest: date) -> tuple[pl.Expr, list[tuple[str, pl.Expr]]]:
    frame, name = raw.frame, column.name
    dtype = frame.schema[name]
    if dtype.is_nested() or dtype in (pl.Binary, pl.Object) or (dtype == pl.Boolean and column.kind != "text"):
        raise InputError(raw.place, f"holds {dtype}", f"give a {column.kind} in each row", key=name)
    blank = _blank(frame, name)
    text = pl.when(~blank).then(pl.col(name).cast(pl.String).str.strip_chars())
    rules: list[tuple[str, pl.Expr]] = [("missing", blank)] if column.required else []
    if column.kind in ("id", "text"):
        # A numeric id with a gap arrives as a float from many tools: 12.0 is the id 12.
        value = text.str.replace(r"^(-?\d+)\.0$", "$1") if dtype.is_float() else text
        return value, rules
    if column.kind == "date":
        return _dates(raw, column, text, blank, earliest, latest, rules)
    number = pl.col(name).cast(pl.Float64) if dtype.is_numeric() else text.cast(pl.Float64, strict=False)
    finite = number.is_finite().fill_null(False)
    rules += [("not-a-number", ~blank & number.is_null()), ("not-finite", number.is_not_null() & ~finite)]
    if column.minimum is not None:
        low = number <= column.minimum if column.above else number < column.minimum
        rules.append(("too-low", finite & low))
    if column.maximum is not None:
        rules.append(("too-high", finite & (number > column.maximum)))
    if column.kind == "number":
        return number, rules
    rules += [("not-whole", finite & (number != number.round()))]
    rules += [("too-high" if column.maximum is None else "not-finite", finite & (number.abs() > 2**31 - 1))]
    return pl.when(finite & (number.abs() <= 2**31 - 1)).then(number).cast(pl.Int32, strict=False), rules


def _dates(
    raw: RawTable,
    column: Column,
    text: pl.Expr,
    blank: pl.Expr,
    earliest: date,
    latest: date,
    rules: list[tuple[str, pl.Expr]],
) -> tuple[pl.Expr, list[tuple[str, pl.Expr]]]:
    dtype = raw.frame.schema[column.name]
    if dtype.is_temporal():
        if dtype not in (pl.Date, pl.Datetime):
            raise InputError(raw.place, f"holds {dtype}", "give dates", key=column.name)
        day = pl.col(column.name).cast(pl.Date)
    else:
        chosen = raw.date_format or _date_format(raw, column, text)
        day = parse_date(text, chosen)
    rules = [*rules, ("not-a-date", ~blank & day.is_null()), ("date-out-of-range", ~day.is_between(earliest, latest))]
    return day, rules


def parse_date(text: pl.Expr, date_format: str) -> pl.Expr:
    """The day a text names in `date_format`, null where it names none."""
    if "%H" in date_format or "%I" in date_format:
        return text.str.to_datetime(date_format, strict=False).dt.date()
    day = (
        pl.when(text.str.contains(":", literal=True)).then(text.str.replace(r"[T ]\s*\d{1,2}:.*$", "")).otherwise(text)
    )
    return day.str.to_date(date_format, strict=False)


def _date_format(raw: RawTable, column: Column, text: pl.Expr) -> str:
    days = raw.frame.select(text.alias("text")).unique().drop_nulls()
    read = days.select(parse_date(pl.col("text"), style).alias(style) for style in DATE_FORMATS)
    counts = {style: read[style].count() for style in DATE_FORMATS}
    best = max(counts, key=lambda style: counts[style])
    for style in DATE_FORMATS:
        if style != best and counts[best] > 0 and counts[style] == counts[best] and not read[style].equals(read[best]):
            example = days["text"][0]
            raise InputError(
                raw.place,
                f"dates such as {example} read as {best} and as {style}",
                f'say which in mapping.toml: [{raw.table.name}] date_format = "{best}"',
                key=column.name,
            )
    return best
