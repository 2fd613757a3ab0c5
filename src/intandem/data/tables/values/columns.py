"""From the values a firm wrote to typed columns, with a fault for every value that breaks a rule of its column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import polars as pl

from intandem.data.tables.reading.mapping import NAME
from intandem.data.tables.reading.raw import EXTRA, ROW, RawTable, blank_cells, stripped
from intandem.data.tables.schema import LARGEST_NUMBER, Column
from intandem.data.tables.values.numbers import (
    NO_THOUSANDS,
    as_numbers,
    contradicted_marks,
    cure_of_numbers,
    currencies_of,
    doubtful_points,
)
from intandem.data.tables.values.timing import Clock
from intandem.errors import InputError

ROUNDING = 1e-9
"""What a product of floats may lie above the whole number that it is."""

FAULT = pl.Schema({ROW: pl.UInt32(), "rule": pl.String(), "column": pl.String(), "value": pl.String()})


@dataclass(frozen=True)
class TypedTable:
    """Typed columns of the rows that are left, and what was found in the others: `ROW`, rule, column, value as written.

    - `faults`: of rows that are taken out. `cells`: of single values that are taken as missing; their rows stay.
    - `notes`: what a person should know about how values were read. `cures`: what helps, by column.
    """

    frame: pl.DataFrame
    faults: pl.DataFrame
    cells: pl.DataFrame
    notes: tuple[str, ...]
    cures: dict[str, str]

    def without(self, faults: Sequence[pl.DataFrame]) -> TypedTable:
        """More faults, and the rows they name taken out."""
        found = pl.concat([self.faults, *(fault.cast(FAULT) for fault in faults)])
        frame = self.frame.join(found, on=ROW, how="anti", maintain_order="left")
        return replace(self, frame=frame, faults=found)

    def without_values(self, raw: RawTable, mask: pl.Expr, rule: str, column: str) -> TypedTable:
        """The values of a column under `mask` listed and taken as missing."""
        cells = pl.concat([self.cells, fault_as_written(raw, self.frame.filter(mask)[ROW], rule, column)])
        kept = pl.when(~mask.fill_null(False)).then(pl.col(column)).alias(column)
        return replace(self, frame=self.frame.with_columns(kept), cells=cells)


def fault(frame: pl.DataFrame, mask: pl.Expr, rule: str, column: str, value: pl.Expr | None = None) -> pl.DataFrame:
    """One fault for every row of `frame` under `mask`; `value` defaults to the column as text."""
    shown = (pl.col(column) if value is None else value).cast(pl.String)
    return frame.filter(mask).select(ROW, rule=pl.lit(rule), column=pl.lit(column), value=shown).cast(FAULT)


def fault_as_written(raw: RawTable, rows: pl.Series, rule: str, column: str) -> pl.DataFrame:
    """One fault for each of `rows`, with the value of the column as the firm wrote it."""
    return _listed(raw, column, rule, raw.frame[ROW].is_in(rows.implode()))


class _Broken(NamedTuple):
    """A rule, and the rows whose value breaks it."""

    rule: str
    rows: pl.Series


@dataclass(frozen=True)
class _Typed:
    """A column: its values, where it was left blank, and which rules are broken."""

    values: pl.Series
    blank: pl.Series
    broken: tuple[_Broken, ...] = ()
    notes: tuple[str, ...] = ()
    cure: str = ""

    @property
    def good(self) -> pl.Series:
        """Where there is a value that breaks no rule."""
        usable = ~self.blank & self.values.is_not_null()
        for one in self.broken:
            usable &= ~one.rows
        return usable


def type_values(raw: RawTable, clock: Clock) -> TypedTable:
    """Types every column of the schema that is there, and takes out the rows that break a rule of their column.

    Of two columns that say the same (a price and a total), a row needs one that is good. In a forgiving table an
    optional value that breaks a rule is listed and taken as missing.

    **Raises:** `InputError` if a whole column cannot hold what it should (a list for a number, dates in a format that
    reads two ways).
    """
    table, frame = raw.table, raw.frame
    timed = clock.read(raw)
    columns = {
        column.name: _typed(raw, column)
        for column in table.columns
        if column.name in frame.columns and column.name not in ("date", "period")
    }
    faults: list[pl.DataFrame] = []
    cells: list[pl.DataFrame] = []
    for group in table.one_of:
        either = [name for name in group if name in columns]
        if not either:
            continue
        good, blank = columns[either[0]].good, columns[either[0]].blank
        for name in either[1:]:
            good, blank = good | columns[name].good, blank & columns[name].blank
        rule = "no-customer-or-store" if "store_id" in group else "missing"
        faults.append(_listed(raw, either[0], rule, blank))
        faults += [_listed(raw, name, one.rule, one.rows & ~good) for name in either for one in columns[name].broken]
    alternative = {name for group in table.one_of for name in group}
    for column in table.columns:
        if column.name in columns and column.name not in alternative:
            into = cells if table.forgiving and not column.required else faults
            into += [_listed(raw, column.name, one.rule, one.rows) for one in columns[column.name].broken]
    faults += [_listed(raw, timed.written, rule, rows.fill_null(False)) for rule, rows in timed.broken]
    if EXTRA in frame.columns:
        last = [name for name in frame.columns if name not in (ROW, EXTRA)][-1]
        beyond = _listed(raw, EXTRA, "too-many-fields", frame[EXTRA].is_not_null())
        faults.append(beyond.with_columns(column=pl.lit(last)))
    values = {name: column.values.set(~column.good, None) for name, column in columns.items()}
    empty = pl.DataFrame(schema=FAULT)
    typed = TypedTable(
        frame=pl.DataFrame({ROW: frame[ROW], **values, **timed.columns}),
        faults=empty,
        cells=pl.concat([empty, *cells]),
        notes=(*raw.notes, *timed.notes, *(note for column in columns.values() for note in column.notes)),
        cures={name: column.cure for name, column in columns.items() if column.cure},
    )
    return typed.without(faults)


def _listed(raw: RawTable, column: str, rule: str, rows: pl.Series) -> pl.DataFrame:
    if not rows.any():
        return pl.DataFrame(schema=FAULT)
    written = raw.frame.select(ROW, value=pl.col(column)).filter(rows)
    shown = written.with_columns(pl.col("value").cast(pl.String, strict=False))
    return shown.select(ROW, rule=pl.lit(rule), column=pl.lit(column), value="value").cast(FAULT)


def _typed(raw: RawTable, column: Column) -> _Typed:
    name, written = column.name, raw.frame[column.name]
    dtype = written.dtype
    wrong = dtype.is_nested() or dtype in (pl.Binary, pl.Object) or (dtype == pl.Boolean and column.kind != "text")
    if wrong or (dtype.is_temporal() and column.kind in ("number", "whole")):
        raise InputError(raw.place, f"holds {dtype}", f"give a {column.kind} in each row", key=name)
    blank = blank_cells(raw, name)
    needed = (_Broken("missing", blank),) if column.required else ()
    notes = _words_for_nothing(raw, name, blank)
    if column.kind in ("id", "text"):
        text = _ids(written) if column.kind == "id" else stripped(written)
        shortened = text.filter(text.str.contains(r"^\d(?:\.\d+)?[eE]\+\d+$").fill_null(False))
        if column.kind == "id" and len(shortened):
            notes = (*notes, f"{name}: {shortened[0]!r} looks like a number that a spreadsheet has shortened")
        return _Typed(text, blank, needed, notes)
    return _number(raw, column, written, blank, needed, notes)


def _number(
    raw: RawTable,
    column: Column,
    written: pl.Series,
    blank: pl.Series,
    needed: tuple[_Broken, ...],
    notes: tuple[str, ...],
) -> _Typed:
    name, cure = column.name, ""
    if written.dtype.is_numeric():
        number = written.cast(pl.Float64)
    else:
        text = stripped(written).set(blank, None)
        notes = (*notes, *_of_marks(raw, name, text))
        number = as_numbers(text, raw.reading)
        cure, helped = cure_of_numbers(text.filter(number.is_null() & ~blank), raw.reading)
        if cure:
            many = "1 value," if len(helped) == 1 else f"{len(helped):,} values such as"
            comma, verb = (",", "is") if len(helped) == 1 else ("", "are")
            notes = (*notes, f"{name}: {many} {helped[0]!r}{comma} {verb} not read: {cure}")
        if len(currencies := currencies_of(text)) > 1:
            notes = (*notes, f"{name}: amounts in {' and in '.join(currencies)} are read as of one currency")
        if doubt := doubtful_points(text, raw.reading):
            note = f'{name}: {doubt!r} is read with a decimal point; if it parts thousands, say thousands = "."'
            notes = (*notes, f'{note} and decimal = ","')
    if name in raw.reading.units:
        up = (number * raw.reading.units[name] - ROUNDING).ceil()
        # What is below zero stays so: minus a day is no lead time of 0 weeks.
        number = up.zip_with((number >= 0).fill_null(True), number)
    finite = number.is_finite().fill_null(False) & ~blank
    broken = [
        *needed,
        _Broken("not-a-number", ~blank & number.is_null()),
        _Broken("not-finite", ~blank & number.is_not_null() & ~finite),
    ]
    if column.minimum is not None:
        low = number <= column.minimum if column.above else number < column.minimum
        if column.below:
            low &= number >= 0
        broken.append(_Broken("too-low", finite & low))
    high = number > (LARGEST_NUMBER if column.maximum is None else column.maximum)
    broken.append(_Broken("too-high", finite & (high | (number < -LARGEST_NUMBER))))
    if column.kind == "whole":
        broken.append(_Broken("not-whole", finite & (number != number.round())))
    return _Typed(number, blank, tuple(_Broken(rule, rows.fill_null(False)) for rule, rows in broken), notes, cure)


SLIPS = 0.05
"""Share of the numbers with a mark that may contradict the others, as slips do."""


def _of_marks(raw: RawTable, name: str, text: pl.Series) -> tuple[str, ...]:
    """A note on numbers in which the sign that parts thousands is a decimal sign, as far as they are slips.

    **Raises:** `InputError` if they are more, or if nothing could read them.
    """
    no, may = contradicted_marks(text, raw.reading)
    if not no.any():
        return ()
    rows = raw.frame[ROW]
    beyond = no & text.str.contains(rf"{NO_THOUSANDS}[.,]\d{{3}}\b").fill_null(False)

    def shown(mask: pl.Series) -> str:
        return f"{text.filter(mask)[0]} (row {rows.filter(mask)[0]})"

    told = f"{shown(beyond if beyond.any() else no)}, whose {raw.reading.thousands!r} is no mark of thousands"
    if may.any():
        told += f", beside {shown(may)}"
    said = f"{NAME} says that {raw.reading.thousands!r} parts thousands"
    if beyond.any() or (may.any() and int(no.sum()) > SLIPS * int((no | may).sum())):
        cure = f"say how this table writes numbers in its own section of {NAME}, or write all of them in one way"
        raise InputError(raw.place, f"holds {told}, and {said}", cure, key=name)
    return (f"{name}: holds {told}: {said}",) if may.any() else ()


def _ids(written: pl.Series) -> pl.Series:
    """Ids as text. A numeric id with a gap arrives as a float from many tools: 12.0 is the id 12."""
    if written.dtype.is_float():
        whole = (written == written.round()) & (written.abs() < 2.0**63)
        as_whole = written.set(~whole.fill_null(False), None).cast(pl.Int64).cast(pl.String)
        return as_whole.zip_with(as_whole.is_not_null(), written.cast(pl.String))
    return stripped(written).str.replace(r"^(-?\d+)\.0+$", "$1")


def _words_for_nothing(raw: RawTable, name: str, blank: pl.Series) -> tuple[str, ...]:
    if raw.frame.schema[name] not in (pl.String, pl.Categorical, pl.Enum):
        return ()
    text = stripped(raw.frame[name])
    counts = text.filter(blank & text.is_not_null() & (text != "").fill_null(False)).value_counts(sort=True)
    words = [f"{count:,} times {word!r}" for word, count in counts.iter_rows()]
    return (f"{name}: taken as empty: {', '.join(words)}",) if words else ()
