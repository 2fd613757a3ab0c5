"""A firm's folder of tables as it stands on disk: `mapping.toml`, and each table as Parquet or CSV."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from intandem.data.tables.schema import SCHEMA, Table
from intandem.data.tables.tables import PeriodName
from intandem.errors import InputError

ROW = "__row"
"""The column that carries the row number: 1 is the first row under the header."""

EXTRA = "__extra"
"""The column that carries what a CSV row holds beyond its header, null where it holds nothing."""

SUFFIXES = (".parquet", ".csv")

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class TableMapping(BaseModel):
    """One table's part of `mapping.toml`: its file, how to read it, and the firm's name for each column."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str | None = None
    separator: Annotated[str, Field(min_length=1, max_length=1)] = ","
    date_format: str | None = None
    columns: dict[str, str] = {}


class Mapping(BaseModel):
    """`mapping.toml`, checked. Every key has a default, so a folder in the schema's own names needs no mapping."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    period_name: Annotated[PeriodName, Field(alias="period")] = "week"
    week_start: Weekday = "monday"
    first_date: date = date(1990, 1, 1)
    last_date: date | None = None
    masked_dates: tuple[date, ...] = ()
    test_periods: Annotated[int, Field(ge=0)] | None = None
    tables: dict[str, TableMapping] = {}

    def section(self, table: str) -> TableMapping:
        """The part of one table, or its defaults."""
        return self.tables.get(table, TableMapping())


@dataclass(frozen=True)
class RawTable:
    """A table as it was read: the schema's names, values still as they were, plus `ROW` (and `EXTRA` for CSV)."""

    table: Table
    path: Path
    frame: pl.DataFrame
    date_format: str | None
    unknown: tuple[str, ...]


def read_mapping(folder: Path) -> Mapping:
    """`folder/mapping.toml`, or the defaults if there is none.

    **Raises:** `InputError` naming the file and the key if it is not TOML, or has an unknown key or a wrong value.
    """
    path = folder / "mapping.toml"
    if not path.exists():
        return Mapping()
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(path, f"cannot be read as TOML ({error})", "fix the line named") from error
    reserved = {"file", "separator", "date_format"}
    settings: dict[str, Any] = {key: value for key, value in given.items() if key not in SCHEMA}
    tables: dict[str, Any] = {}
    for name in SCHEMA.keys() & given.keys():
        section = given[name]
        if not isinstance(section, dict):
            raise InputError(path, "is not a section", f"write [{name}] on a line of its own", key=name)
        for key in section.keys() - reserved:
            if SCHEMA[name].column(key) is None:
                raise InputError(path, "is not a column of the schema", _known(SCHEMA[name].names), row=name, key=key)
        columns = {key: value for key, value in section.items() if key not in reserved}
        tables[name] = {key: section[key] for key in reserved & section.keys()} | {"columns": columns}
    own = {field.alias or name for name, field in Mapping.model_fields.items()} - {"tables"}
    for key in sorted(settings.keys() - own):
        raise InputError(path, "is not known", _known({*SCHEMA, *own}), key=key)
    try:
        return Mapping.model_validate(settings | {"tables": tables})
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"] if part not in ("tables", "columns"))
        raise InputError(path, first["msg"].lower(), f"{first['input']!r} was given", key=key) from error


def read_table(folder: Path, table: Table, mapping: TableMapping) -> RawTable | None:
    """One table under the schema's names, or None if it is optional and not there.

    **Raises:** `InputError` if it is required and missing, there twice, unreadable, empty, or lacks a column.
    """
    path = _find(folder, table, mapping)
    if path is None:
        return None
    frame = _read_csv(path, mapping.separator) if path.suffix == ".csv" else _read_parquet(path)
    if frame.height == 0:
        raise InputError(path, "has no rows", "give at least one, or remove the file if the table is optional")
    names = {}
    for name, source in mapping.columns.items():
        if source not in frame.columns:
            raise InputError(
                path, f"has no column {source!r}, which mapping.toml gives for {name!r}", _known(_own(frame)), key=name
            )
        if source in names:
            raise InputError(path, f"column {source!r} is given for two columns", "give it for one", key=name)
        names[source] = name
    hidden = {name: f"{name} (unmapped)" for name in names.values() if name in frame.columns and name not in names}
    frame = frame.rename(hidden).rename(names)
    for column in table.columns:
        if column.required and column.name not in frame.columns:
            raise InputError(
                path,
                "there is no such column",
                f'add it, or name yours in mapping.toml: [{table.name}] {column.name} = "..."',
                key=column.name,
            )
    for group in table.one_of:
        if not set(group) & set(frame.columns):
            raise InputError(path, f"has none of the columns {', '.join(group)}", "add one, or map it", key=group[0])
    known = {*table.names, ROW, EXTRA}
    return RawTable(
        table=table,
        path=path,
        frame=frame,
        date_format=mapping.date_format,
        unknown=() if table.keeps_attributes else tuple(name for name in frame.columns if name not in known),
    )


def _find(folder: Path, table: Table, mapping: TableMapping) -> Path | None:
    if mapping.file is not None:
        path = folder / mapping.file
        if path.suffix not in SUFFIXES:
            raise InputError(path, "is neither .parquet nor .csv", "convert it", key=table.name)
        if not path.is_file():
            raise InputError(path, "there is no such file", f"fix `file` under [{table.name}] in mapping.toml")
        return path
    found = [path for suffix in SUFFIXES if (path := folder / f"{table.name}{suffix}").is_file()]
    if len(found) > 1:
        raise InputError(folder, f"has both {found[0].name} and {found[1].name}", "keep one of them", key=table.name)
    if not found and table.required:
        raise InputError(
            folder, f"has no {table.name}.parquet or {table.name}.csv", "add it, or give `file` in mapping.toml"
        )
    return found[0] if found else None


def _read_parquet(path: Path) -> pl.DataFrame:
    try:
        frame = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(path, "cannot be read as Parquet", "write it again; it may be cut short") from error
    return frame.with_row_index(ROW, offset=1)


def _read_csv(path: Path, separator: str) -> pl.DataFrame:
    """Every value as text, so that each rule sees what the firm wrote."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            header = next(csv.reader(lines, delimiter=separator), [])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(path, "cannot be read as UTF-8 CSV", "save it as UTF-8") from error
    if not any(name.strip() for name in header):
        raise InputError(path, "is empty", "give a header and at least one row")
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise InputError(path, "is there twice in the header", "rename one of them", key=repeated[0])
    try:
        frame = pl.read_csv(path, separator=separator, infer_schema=False, encoding="utf8", raise_if_empty=False)
        frame = frame.with_row_index(ROW, offset=1)
    except pl.exceptions.PolarsError:
        frame = _read_ragged(path, separator, header)
    frame = frame.rename({name: name.strip() for name in frame.columns if name != name.strip()})
    # A blank line holds nothing that could be lost; the rows after it keep their numbers.
    return frame.filter(~pl.all_horizontal(pl.exclude(ROW).is_null()))


def _read_ragged(path: Path, separator: str, header: list[str]) -> pl.DataFrame:
    """Line by line, for the file a fast reader refuses: what goes beyond the header lands in `EXTRA`."""
    width = len(header)
    rows: list[list[str]] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows.extend(csv.reader(lines, delimiter=separator, strict=True))
    except UnicodeDecodeError as error:
        raise InputError(path, "cannot be read as UTF-8 CSV", "save it as UTF-8") from error
    except csv.Error as error:
        raise InputError(path, "has a quotation mark without its pair", "close or double it", row=len(rows)) from error
    filled: list[list[str | None]] = [
        [value or None for value in row[:width]]
        + [None] * (width - len(row))
        + [separator.join(row[width:]) if len(row) > width else None]
        for row in rows[1:]
    ]
    schema = dict.fromkeys([*header, EXTRA], pl.String)
    return pl.DataFrame(filled, schema=schema, orient="row").with_row_index(ROW, offset=1)


def _own(frame: pl.DataFrame) -> list[str]:
    return [name for name in frame.columns if name not in (ROW, EXTRA)]


def _known(names: Iterable[str]) -> str:
    return f"known are {', '.join(sorted(names))}"
