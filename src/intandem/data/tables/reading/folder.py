"""A firm's folder of tables as it stands on disk: each table as Parquet or CSV."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from intandem.data.tables.reading.delimited import read_delimited
from intandem.data.tables.reading.mapping import NAME, Mapping, Reading
from intandem.data.tables.reading.raw import RawTable, Source, named, without_spaces
from intandem.data.tables.schema import Table
from intandem.errors import InputError

SUFFIXES = (".parquet", ".csv")


def read_table(folder: Path, table: Table, mapping: Mapping) -> RawTable | None:
    """One table under the schema's names, or None if it is optional and not there.

    **Raises:** `InputError` if it is required and missing, there twice, unreadable, empty, or lacks a column.
    """
    path = _find(folder, table, mapping.section(table.name).file)
    if path is None:
        return None
    return named(table, read_file(path, mapping.reading(table.name)), mapping)


def read_file(path: Path, reading: Reading) -> Source:
    """The columns of one file under the firm's own names.

    **Raises:** `InputError` if it is not there, is of another kind, or is unreadable.
    """
    if path.suffix not in SUFFIXES:
        raise InputError(path, "is neither .parquet nor .csv", "convert it")
    if not path.is_file():
        raise InputError(path, "there is no such file", "check the path")
    return read_delimited(path, reading) if path.suffix == ".csv" else _read_parquet(path)


def _find(folder: Path, table: Table, file: str | None) -> Path | None:
    if file is not None:
        path = folder / file
        if path.suffix not in SUFFIXES:
            raise InputError(path, "is neither .parquet nor .csv", "convert it", key=table.name)
        if not path.is_file():
            raise InputError(path, "there is no such file", f"fix `file` under [{table.name}] in {NAME}")
        return path
    found = [path for suffix in SUFFIXES if (path := folder / f"{table.name}{suffix}").is_file()]
    if len(found) > 1:
        raise InputError(folder, f"has both {found[0].name} and {found[1].name}", "keep one of them", key=table.name)
    if not found and table.required:
        raise InputError(
            folder, f"has no {table.name}.parquet or {table.name}.csv", f"add it, or give `file` in {NAME}"
        )
    return found[0] if found else None


def _read_parquet(path: Path) -> Source:
    try:
        # An open file, not a path: paths may be read as patterns, and folders named `key=value` as columns.
        with path.open("rb") as file:
            frame = pl.read_parquet(file)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(path, "cannot be read as Parquet", "write it again; it may be cut short") from error
    return Source(path, without_spaces(path, frame), pl.Series("row", range(1, frame.height + 1), dtype=pl.UInt32))
