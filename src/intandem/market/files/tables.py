"""The tables of a market file: read from TOML or Parquet and checked, whole columns at a time."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from intandem.errors import InputError
from intandem.market.files.schema import IDS, LARGEST_WHOLE, TABLES, Key

_TEXTS = (pl.String, pl.Categorical, pl.Enum)
_SUGGEST_AMONG = 10_000


@dataclass(frozen=True)
class Table:
    """A table and where it was read, so that an error can name the row.

    - `place`: the TOML file if `inline`, else the table's own file.
    - `frame`: numbers in single precision, null where an optional key was left out.
    """

    name: str
    place: Path
    inline: bool
    frame: pl.DataFrame

    def label(self, row: int) -> str:
        """A row as the user sees it, counted from 1, with its ids."""
        ids = [self.frame[key][row] for key in IDS if key in self.frame.columns]
        return _label(self.name, self.inline, row, ids)

    def wrong(self, row: int, key: str, problem: str, cure: str) -> InputError:
        """The error for one value."""
        return InputError(self.place, problem, cure, row=self.label(row), key=key)


def _label(name: str, inline: bool, row: int, ids: Sequence[object]) -> str:
    named = ", ".join(shown(value) for value in ids if value is not None)
    start = f"{name} {row + 1}" if inline else f"row {row + 1}"
    return f"{start} ({named})" if named else start


def shown(value: object) -> str:
    """A value in an error message: short, and as the user wrote it.

    ```python
    >>> shown(True), shown("a\\nb"), shown([1, 2])
    ('true', "'a\\\\nb'", 'a list')

    ```
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "a list"
    if isinstance(value, dict):
        return "a table"
    text = repr(value) if isinstance(value, str) else str(value)
    if isinstance(value, float) and float(f"{value:g}") == value:
        text = f"{value:g}"
    return text if len(text) <= 60 else f"{text[:57]}..."


def unknown_key(place: Path, key: str, known: Sequence[str], *, row: str | None = None) -> InputError:
    """The error for a key that means nothing here, with the known key it may stand for."""
    near = difflib.get_close_matches(key, known, n=1)
    cure = f"write {near[0]}, or remove it" if near else f"remove it; known are {', '.join(known)}"
    return InputError(place, "is not a known key", cure, row=row, key=key)


def kind_problem(key: Key, value: object) -> str | None:
    """What is wrong with the type of a value read from TOML, if anything."""
    if key.kind == "flag":
        return None if isinstance(value, bool) else f"is {shown(value)}, not true or false"
    if key.kind == "text":
        return None if isinstance(value, str) else f"is {shown(value)}, not a text"
    if key.kind == "numbers":
        if not isinstance(value, list):
            return f"is {shown(value)}, not a list"
        strange = [one for one in value if not _is_number(one)]
        if strange:
            return f"holds {shown(strange[0])}, not a number"
        return None if value else "is an empty list"
    return None if _is_number(value) else f"is {shown(value)}, not a number"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def first_fault(key: Key, values: pl.Series) -> tuple[int, str] | None:
    """The first row whose value a key does not take, and what is wrong with it."""
    faults: list[tuple[pl.Series, str]] = []
    if key.required:
        faults.append((values.is_null(), ""))
    if key.kind != "text":
        single = values.cast(pl.Float32)
        faults.append((~values.is_finite(), "not a finite number"))
        faults.append((~single.is_finite(), "too large for single precision"))
        if key.kind == "whole":
            faults.append((values != values.floor(), "not a whole number"))
            faults.append((values.abs() > LARGEST_WHOLE, f"beyond {LARGEST_WHOLE:.0f}, where exact counts end"))
        for given in (values, single) if key.bounded else ():
            low = given <= key.lowest if key.above else given < key.lowest
            high = given >= key.highest if key.below else given > key.highest
            faults.append((low | high, "out of range"))
    else:
        faults.append((values == "", ""))
    found = [(row, why) for mask, why in faults if (row := mask.fill_null(False).arg_max()) is not None and mask[row]]
    if not found:
        return None
    row, why = min(found, key=lambda fault: fault[0])
    verb = "holds" if key.kind == "numbers" else "is"
    return row, f"{verb} {shown(values[row])}, {why}" if why else "is empty"


def number_column(values: Sequence[object]) -> pl.Series:
    """Numbers and gaps from TOML as one column; a whole number beyond all range becomes infinite."""

    def widened(value: object) -> float | None:
        if value is None:
            return None
        assert isinstance(value, int | float)
        try:
            return float(value)
        except OverflowError:
            return float("inf")

    return pl.Series([widened(value) for value in values], dtype=pl.Float64)


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


def checked(table: Table, unique: Sequence[str]) -> Table:
    """The table with its numbers in single precision, once every value is one its key takes.

    **Raises:** `InputError` for the first wrong value, or for a repeat in one of the columns `unique`.
    """
    keys = TABLES[table.name]
    frame = table.frame
    for column in frame.columns:
        key = keys[column]
        if column in IDS and frame.schema[column] != pl.String:
            continue
        fault = first_fault(key, frame[column])
        if fault is not None:
            row, problem = fault
            leave = "" if key.required else ", or leave the key out"
            raise table.wrong(row, column, problem, f"give {key.expectation}{leave}")
    for column in unique:
        repeats = ~frame[column].is_first_distinct()
        if repeats.any():
            row = int(repeats.arg_max() or 0)
            first = int((frame[column] == frame[column][row]).arg_max() or 0)
            problem = f"is the id of {table.label(first)} too"
            raise table.wrong(row, column, problem, "give every row its own id")
    numbers = [column for column in frame.columns if keys[column].numeric]
    return Table(table.name, table.place, table.inline, frame.with_columns(pl.col(numbers).cast(pl.Float32)))


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
        label = _label(name, True, number, [row.get(key) for key in IDS if key in keys])
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
def _reading(place: Path) -> Iterator[None]:
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
