"""The tables of a market file: rows from TOML or Parquet, as columns that are checked."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from intandem.errors import InputError
from intandem.market.rules.keys import IDS, TABLES
from intandem.market.rules.values import (
    Table,
    checked,
    kind_problem,
    number_column,
    row_label,
    shown,
    unknown_key,
)

_TEXTS = (pl.String, pl.Categorical, pl.Enum)
_SUGGEST_AMONG = 10_000


def read_table(name: str, source: object, toml: Path, known: Mapping[str, Sequence[str]] | None = None) -> Table:
    """Reads and checks one table.

    **Arguments:**

    - `name`: one of `TABLES`.
    - `source`: what stands in the TOML file: a list of rows, or the name of a Parquet file beside it.
    - `known`: the ids that may stand in an id column. Such a column comes back as an `Enum` of them; the
      ids of any other column must be unique.

    **Raises:** `InputError`.
    """
    known = known or {}
    if isinstance(source, str):
        place = toml.parent / source
        rows = _scan_parquet(name, source, toml)
    else:
        place = toml
        rows = _inline_frame(name, source, toml).lazy()
    coded = [pl.col(key).cast(pl.Enum(ids), strict=False) for key, ids in known.items()]
    with _reading(place):
        frame = rows.with_columns(coded).collect()
    if frame.height == 0:
        raise InputError(place, "has no rows", f"add at least one row of {name}")
    table = Table(name, place, not isinstance(source, str), frame)
    for key, ids in known.items():
        if frame[key].null_count():
            _refuse_unknown_id(table, rows, key, ids)
    return checked(table, unique=[key for key in IDS if key in frame.columns and key not in known])


def _refuse_unknown_id(table: Table, rows: pl.LazyFrame, key: str, ids: Sequence[str]) -> None:
    row = int(table.frame[key].is_null().arg_max() or 0)
    with _reading(table.place):
        value = rows.select(key).slice(row, 1).collect().item()
    if value is None:
        raise table.wrong(row, key, "is empty", "give an id")
    noun = key.removesuffix("_id")
    near = difflib.get_close_matches(value, ids, n=1) if len(ids) <= _SUGGEST_AMONG else []
    cure = f"write {shown(near[0])}" if near else "correct the id"
    raise table.wrong(row, key, f"is {shown(value)}, not a known {noun}", f"{cure}, or add it to the {noun}s")


def _inline_frame(name: str, source: object, toml: Path) -> pl.DataFrame:
    keys = TABLES[name]
    if not isinstance(source, list):
        cure = f"write [[{name}]] in two pairs of brackets, or {name} = '{name}.parquet'"
        raise InputError(toml, f"is {shown(source)}, not a list of rows", cure, key=name)
    if not source:
        raise InputError(toml, "has no rows", f"add at least one row of {name}", key=name)
    for number, row in enumerate(source):
        if not isinstance(row, dict):
            cure = f"write [[{name}]] and its keys below"
            raise InputError(toml, f"is {shown(row)}, not a row", cure, row=f"{name} {number + 1}")
        label = row_label(name, True, number, [row.get(key) for key in IDS if key in keys])
        for key, value in row.items():
            if key not in keys:
                raise unknown_key(toml, key, list(keys), row=label)
            problem = kind_problem(keys[key], value)
            if problem is not None:
                raise InputError(toml, problem, f"give {keys[key].expectation}", row=label, key=key)
        for key, wanted in keys.items():
            if wanted.required and key not in row:
                raise InputError(toml, "is missing", f"give {wanted.expectation}", row=label, key=key)
    columns = {key: [row.get(key) for row in source] for key in keys if any(key in row for row in source)}
    return pl.DataFrame(
        {
            key: number_column(values) if keys[key].numeric else pl.Series(values, dtype=pl.String)
            for key, values in columns.items()
        }
    )


@contextmanager
def _reading(place: Path | str) -> Iterator[None]:
    try:
        yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(place, f"cannot be read as Parquet ({reason})", "write the table again") from error


def _scan_parquet(name: str, source: str, toml: Path) -> pl.LazyFrame:
    place = toml.parent / source
    if not source or not place.is_file():
        problem = f"names {shown(source)}, and no such file is there"
        raise InputError(toml, problem, f"add the file, or write the rows as [[{name}]]", key=name)
    keys = TABLES[name]
    rows = pl.scan_parquet(place, glob=False, hive_partitioning=False)
    with _reading(place):
        schema = rows.collect_schema()
    casts = []
    for column, dtype in schema.items():
        if column not in keys:
            raise unknown_key(place, column, list(keys))
        if keys[column].numeric:
            fits = dtype.is_numeric() or dtype == pl.Null
            casts.append(pl.col(column) if dtype.is_float() else pl.col(column).cast(pl.Float64))
        else:
            fits = dtype in _TEXTS or dtype == pl.Null
            casts.append(pl.col(column).cast(pl.String))
        if not fits:
            noun = "numbers" if keys[column].numeric else "texts"
            raise InputError(place, f"holds {dtype}, not {noun}", f"write the column as {noun}", key=column)
    for column, wanted in keys.items():
        if wanted.required and column not in schema:
            raise InputError(place, "is missing", f"add the column, {wanted.expectation} in each row", key=column)
    return rows.select(casts)
