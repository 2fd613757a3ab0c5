"""A table as it was read: the schema's names, values still as the firm wrote them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from intandem.data.tables.mapping import NAME, TableMapping
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
    """

    place: str | Path
    frame: pl.DataFrame
    rows: pl.Series
    extra: pl.Series | None = None

    @property
    def label(self) -> str:
        return self.place.name if isinstance(self.place, Path) else self.place


@dataclass(frozen=True)
class RawTable:
    """A table under the schema's names.

    - `frame`: the schema's columns that are there, `ROW`, and `EXTRA` if any row holds more than the header.
    - `attributes`: further columns of a table that keeps them, row by row as in `frame`, under the firm's names.
    - `unknown`: columns that are left out, under the firm's names.
    """

    table: Table
    place: str | Path
    label: str
    frame: pl.DataFrame
    attributes: pl.DataFrame
    date_format: str | None
    unknown: tuple[str, ...]


def named(table: Table, source: Source, mapping: TableMapping) -> RawTable:
    """Gives the columns the schema's names and parts them from all others, so that no name can meet another.

    **Raises:** `InputError` if a column is missing, or a mapping does not fit.
    """
    frame, place = source.frame, source.place
    if frame.height == 0:
        raise InputError(place, "has no rows", "give at least one, or leave the table out if it is optional")
    names = {}
    for name, given in mapping.columns.items():
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
        date_format=mapping.date_format,
        unknown=() if table.keeps_attributes else tuple(others),
    )


def found(columns: list[str]) -> str:
    """The columns that are there, for a message about one that is not."""
    return f"the columns found are {', '.join(map(repr, columns))}" if len(columns) > 1 else _one(columns[0])


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
