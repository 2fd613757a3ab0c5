"""A table as it was read: the schema's names, values still as the firm wrote them."""

from __future__ import annotations

import re
from collections.abc import Mapping as MappingLike
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from intandem.data.tables.reading.mapping import NAME, Mapping, Reading
from intandem.data.tables.schema import Table
from intandem.errors import InputError

ROW = "__row"
"""The column that carries the row number: 1 is the first row under the header."""

EXTRA = "__extra"
"""The column that carries what a CSV row holds beyond its header, null where it holds nothing."""


@dataclass(frozen=True)
class Source:
    """Columns as they came, under the firm's own names, and where they came from.

    - `place`: the file, or the argument that held the frame. `label`: how the quarantine names it.
    - `rows`: each row's number. `extra`: what a row holds beyond the columns, if any row does.
    - `quoted`: by column, which cells hold a word for nothing in quotation marks, and so mean the word itself.
    - `notes`: what a person should know about how it was read.
    """

    place: str | Path
    frame: pl.DataFrame
    rows: pl.Series
    extra: pl.Series | None = None
    quoted: MappingLike[str, pl.Series] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return self.place.name if isinstance(self.place, Path) else self.place


@dataclass(frozen=True)
class RawTable:
    """A table under the schema's names.

    - `frame`: the schema's columns that are there, `ROW`, and `EXTRA` if any row holds more than the header.
    - `attributes`: further columns of a table that keeps them, row by row as in `frame`, under the firm's names.
    - `unknown`: columns that are left out, under the firm's names. `reading`: how values are written.
    - `quoted`, `notes`: as in `Source`. `years`: different values in a column of years that is left out, 0 without one.
    """

    table: Table
    place: str | Path
    label: str
    frame: pl.DataFrame
    attributes: pl.DataFrame
    reading: Reading
    unknown: tuple[str, ...]
    quoted: MappingLike[str, pl.Series]
    notes: tuple[str, ...]
    years: int = 0


def named(table: Table, source: Source, mapping: Mapping) -> RawTable:
    """Gives the columns the schema's names and parts them from all others, so that no name can meet another.

    **Raises:** `InputError` if a column is missing, or a mapping does not fit.
    """
    frame, place, section = source.frame, source.place, mapping.section(table.name)
    if frame.height == 0 and table.required:
        raise InputError(place, "has no rows", "give at least one")
    for name in section.leave_out:
        if name not in frame.columns:
            raise InputError(place, f"has no column {name!r}", found(frame.columns), key="leave_out")
    frame = frame.drop(section.leave_out)
    names = {}
    for name, given in section.columns.items():
        if given not in frame.columns:
            problem = f"has no column {given!r}, which {NAME} gives for {name!r}"
            raise InputError(place, problem, found(frame.columns), key=name)
        if given in names:
            raise InputError(place, f"column {given!r} is given for two columns", "give it for one", key=name)
        names[given] = name
    mapped = set(names.values())
    for name in frame.columns:
        if name not in names and name in table.names and name not in mapped:
            names[name] = name
    others = [name for name in frame.columns if name not in names]
    ours = frame.select(list(names)).rename(names)
    for column in table.columns:
        if column.required and column.name not in ours.columns:
            _refuse_title(source, section.columns.get(column.name, column.name))
            cure = f'{found(frame.columns)}; add it, or name yours in {NAME}: [{table.name}] {column.name} = "..."'
            raise InputError(place, "there is no such column", cure, key=column.name)
    for group in table.one_of:
        if not set(group) & set(ours.columns):
            cure = f"{found(frame.columns)}; add one, or map it"
            raise InputError(place, f"has none of the columns {', '.join(group)}", cure, key=group[0])
    ours = ours.with_columns(source.rows.cast(pl.UInt32).alias(ROW))
    if source.extra is not None:
        ours = ours.with_columns(source.extra.alias(EXTRA))
    return RawTable(
        table=table,
        place=place,
        label=source.label,
        frame=ours,
        attributes=frame.select(others if table.keeps_attributes else []),
        reading=mapping.reading(table.name),
        unknown=() if table.keeps_attributes else tuple(others),
        quoted={names[name]: mask for name, mask in source.quoted.items() if name in names},
        notes=source.notes,
        years=max((_years(frame[name]) for name in others if name.casefold() in YEAR_NAMES), default=0),
    )


YEAR_NAMES = ("year", "yr", "jahr", "annee", "année", "año", "anno", "ano", "iso_year", "isoyear")


def _years(values: pl.Series) -> int:
    text = stripped(values)
    return text.filter(text.str.contains(r"^(?:19|20)?\d{2}(?:\.0)?$").fill_null(False)).n_unique()


def without_spaces(place: str | Path, frame: pl.DataFrame) -> pl.DataFrame:
    """Column names without the spaces around them.

    **Raises:** `InputError` if two of them are one then.
    """
    names = [column.strip() for column in frame.columns]
    repeated = sorted({column for column in names if names.count(column) > 1})
    if repeated:
        raise InputError(place, "is there twice among the columns", "rename one of them", key=repeated[0])
    return frame.rename(dict(zip(frame.columns, names, strict=True)))


def _refuse_title(source: Source, name: str) -> None:
    """**Raises:** `InputError` if one of the first rows is the header."""
    shown = source.frame if source.extra is None else source.frame.with_columns(source.extra.alias(EXTRA))
    for row, values in zip(source.rows[:TITLE].to_list(), shown[:TITLE].iter_rows(), strict=True):
        words = re.split(r"[,;\t|]", ",".join(str(value) for value in values if value is not None))
        if name in [word.strip(' "') for word in words]:
            cure = f"remove the lines above it, or say skip_lines = {row} in {NAME}"
            raise InputError(source.place, f"holds the names of the columns in line {row + 1}", cure, key=name)


def stripped(values: pl.Series) -> pl.Series:
    """Values as text, without the spaces around them."""
    return values.cast(pl.String, strict=False).str.strip_chars()


def blank_cells(raw: RawTable, name: str) -> pl.Series:
    """Where a column holds nothing, or a word for nothing."""
    values = raw.frame[name]
    if values.dtype.is_float():
        return (values.is_null() | values.is_nan()).fill_null(True)
    if values.dtype not in (pl.String, pl.Categorical, pl.Enum):
        return values.is_null()
    text = stripped(values)
    words = text.is_in(raw.reading.missing).fill_null(False)
    if name in raw.quoted:
        words &= ~raw.quoted[name]
    return text.is_null() | (text == "").fill_null(False) | words


SHOWN = 12
"""Columns that a message names."""

TITLE = 20
"""Rows among which the header is looked for if it is not on top."""


def found(columns: Sequence[str]) -> str:
    """The columns that are there, for a message about one that is not."""
    if len(columns) == 1:
        return _one(columns[0])
    more = f" and {len(columns) - SHOWN} more" if len(columns) > SHOWN else ""
    return f"the columns found are {', '.join(map(repr, columns[:SHOWN]))}{more}"


def _one(column: str) -> str:
    for separator, name in ((";", "';'"), ("\t", "a tab"), ("|", "'|'"), (",", "','")):
        if separator in column:
            shown = column.replace("\t", "<tab>")
            written = "\\t" if separator == "\t" else separator
            return (
                f"the one column found is {shown!r}, which holds {name}: if that is what parts the columns, "
                f'say separator = "{written}" in {NAME}'
            )
    return f"the one column found is {column!r}"
