"""Tables of a market, checked whole columns at a time: every value against its key, and where a fault is."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Bool

from intandem.errors import InputError
from intandem.market.rules.keys import IDS, LARGEST_WHOLE, SECTIONS, TABLES, Key


@dataclass(frozen=True)
class Table:
    """A table and where it comes from, so that an error can name the row.

    - `place`: the TOML file if `inline`, else the table's own file; or the function that was given the columns.
    - `frame`: numbers in single precision, null where an optional key was left out.
    """

    name: str
    place: Path | str
    inline: bool
    frame: pl.DataFrame

    def label(self, row: int) -> str:
        """A row as the user sees it, counted from 1, with its ids."""
        ids = [self.frame[key][row] for key in IDS if key in self.frame.columns]
        return row_label(self.name, self.inline, row, ids)

    def wrong(self, row: int, key: str, problem: str, cure: str) -> InputError:
        """The error for one value."""
        return InputError(self.place, problem, cure, row=self.label(row), key=key)


def row_label(name: str, inline: bool, row: int, ids: Sequence[object]) -> str:
    """A row in an error message, counted from 1."""
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


def unknown_key(place: Path | str, key: str, known: Sequence[str], *, row: str | None = None) -> InputError:
    """The error for a key that means nothing here, with the known key it may stand for."""
    near = difflib.get_close_matches(key, known, n=1)
    cure = f"write {near[0]}, or remove it" if near else f"remove it; known are {', '.join(known)}"
    return InputError(place, "is not a known key", cure, row=row, key=key)


def kind_problem(key: Key, value: object) -> str | None:
    """What is wrong with the type of a value read from TOML, if anything."""
    if key.kind == "flag":
        return None if isinstance(value, bool) else f"is {shown(value)}, not true or false"
    if key.kind == "period":
        number = isinstance(value, int) and not isinstance(value, bool)
        day = isinstance(value, date) and not isinstance(value, datetime)
        return None if number or day else f"is {shown(value)}, neither a day nor a whole number"
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
    faults = _text_faults(key, values) if key.kind == "text" else _number_faults(key, values)
    if key.required and values.null_count():
        faults.append((values.is_null().to_numpy(), ""))
    found = [(int(mask.argmax()), why) for mask, why in faults if mask.any()]
    if not found:
        return None
    row, why = min(found, key=lambda fault: fault[0])
    verb = "holds" if key.kind == "numbers" else "is"
    return row, f"{verb} {shown(values[row])}, {why}" if why else "is empty"


Faults = list[tuple[Bool[np.ndarray, " rows"], str]]
"""Which values are wrong, and how; of two faults in one row the first is told."""


def _text_faults(key: Key, values: pl.Series) -> Faults:
    faults = [((values == "").fill_null(False).to_numpy(), "")]
    if key.options:
        faults.append(((~values.is_in(list(key.options))).fill_null(False).to_numpy(), "not known"))
    return faults


def _number_faults(key: Key, values: pl.Series) -> Faults:
    # By NumPy, since a market of five products is checked as often as one of a million, and polars plans every column.
    given = values.to_numpy().astype(float)
    there = ~values.is_null().to_numpy() if values.null_count() else np.ones(len(given), bool)
    with np.errstate(over="ignore", invalid="ignore"):
        single = given.astype(np.float32)
        faults = [
            (~np.isfinite(given), "not a finite number"),
            (~np.isfinite(single), "too large for single precision"),
        ]
        if key.kind == "whole":
            faults.append((given != np.floor(given), "not a whole number"))
            faults.append((np.abs(given) > LARGEST_WHOLE, f"beyond {LARGEST_WHOLE:.0f}, where exact counts end"))
        for held in (given, single) if key.bounded else ():
            low = held <= key.lowest if key.above else held < key.lowest
            high = held >= key.highest if key.below else held > key.highest
            faults.append((low | high, "out of range"))
    return [(mask & there, why) for mask, why in faults]


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


def check_section(place: Path | str, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a section, numbers in single precision, once each is one its key takes.

    **Raises:** `InputError`.
    """
    keys, row = SECTIONS[name], f"[{name}]"
    for key, value in values.items():
        if key not in keys:
            raise unknown_key(place, key, list(keys), row=row)
        problem = _value_problem(keys[key], value)
        if problem is not None:
            raise InputError(place, problem, f"give {keys[key].expectation}", row=row, key=key)
    for key, wanted in keys.items():
        if wanted.required and key not in values:
            raise InputError(place, "is missing", f"give {wanted.expectation}", row=row, key=key)
    return {key: _settled(keys[key], value) for key, value in values.items()}


def _value_problem(key: Key, value: Any) -> str | None:
    problem = kind_problem(key, value)
    if problem is not None or key.kind in ("flag", "period"):
        return problem
    if key.options and value not in key.options:
        return f"is {shown(value)}, not known"
    if key.kind == "text":
        return None if value else "is empty"
    values = value if isinstance(value, list) else [value]
    if len(set(values)) < len(values):
        return "holds a number twice"
    fault = first_fault(key, number_column(values))
    return None if fault is None else fault[1]


def _settled(key: Key, value: Any) -> Any:
    if key.kind == "whole":
        return int(value)
    if key.kind == "number":
        return float(np.float32(value))
    return tuple(map(float, value)) if key.kind == "numbers" else value
