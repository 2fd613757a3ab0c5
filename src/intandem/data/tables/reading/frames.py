"""Tables that come as frames: polars, pandas, anything of Arrow, or columns in a dictionary."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from intandem.data.tables.reading.folder import read_file
from intandem.data.tables.reading.mapping import Reading
from intandem.data.tables.reading.raw import Source, without_spaces
from intandem.data.tables.schema import SCHEMA
from intandem.errors import InputError

CURE = "give a polars or pandas frame, an Arrow table, a dictionary of columns, or the path of a CSV or Parquet file"


def source_of(name: str, given: Any, reading: Reading | None = None) -> Source:
    """One table as its caller holds it.

    **Arguments:**

    - `name`: the table's name, for messages.
    - `given`: a frame of polars or pandas, an object with Arrow's `__arrow_c_stream__`, a mapping of columns, a list of
      rows, or the path of a CSV or Parquet file. The index of a pandas frame counts as columns if it has names.
    - `reading`: how to read a file.

    **Raises:** `InputError` if it is none of these.

    ```python
    >>> source_of("products", {"product_id": ["tea", "milk"], "price": [4, 1]}).frame.shape
    (2, 2)

    ```
    """
    if isinstance(given, str | Path):
        return read_file(Path(given), reading or Reading())
    if isinstance(given, pl.LazyFrame):
        given = given.collect()
    try:
        frame = _from_pandas(given) if _is_pandas(given) else _from_other(given)
    except (pl.exceptions.PolarsError, TypeError, ValueError, ImportError) as error:
        raise InputError(name, f"holds columns that cannot be read ({error})", CURE) from error
    if frame is None:
        raise InputError(name, f"is {kind_of(given)}", CURE)
    return Source(name, without_spaces(name, frame), pl.Series("row", range(1, frame.height + 1), dtype=pl.UInt32))


def check_names(names: Mapping[str, Any]) -> None:
    """**Raises:** `InputError` for a table that the schema does not know, or a required one that is not there."""
    for name in names:
        if name not in SCHEMA:
            raise InputError(str(name), "is no table of the schema", f"known are {', '.join(SCHEMA)}")
    for name, table in SCHEMA.items():
        if table.required and names.get(name) is None:
            raise InputError(name, "is not given", f"give it beside the others: {name}=..., or the path of a folder")


def kind_of(given: object) -> str:
    """What a thing is, for a message."""
    return "None" if given is None else f"{'an' if type(given).__name__[0] in 'aeiou' else 'a'} {type(given).__name__}"


def _is_pandas(given: object) -> bool:
    return type(given).__module__.split(".")[0] == "pandas" and hasattr(given, "columns")


def _from_other(given: Any) -> pl.DataFrame | None:
    if isinstance(given, pl.DataFrame):
        return given
    if hasattr(given, "__arrow_c_stream__") or isinstance(given, Mapping):
        return pl.DataFrame(given)
    if isinstance(given, list | tuple) and all(isinstance(row, Mapping) for row in given):
        return pl.DataFrame(given, infer_schema_length=None)
    return None


def _from_pandas(given: Any) -> pl.DataFrame:
    """Column by column, so that it needs nothing but pandas itself, and mixed columns come as text."""
    frame = given.reset_index() if any(name is not None for name in given.index.names) else given
    return pl.DataFrame({str(name): _column(frame.iloc[:, place]) for place, name in enumerate(frame.columns)})


def _column(column: Any) -> pl.Series:
    if getattr(column.dtype, "tz", None) is not None:
        # The day is the one on the clock that the column shows.
        column = column.dt.tz_localize(None)
    kind = getattr(column.dtype, "kind", "O")
    if kind == "M":
        return pl.Series(column.to_numpy(dtype="datetime64[us]"))
    if kind in "iufb" and type(column.dtype).__module__.startswith("numpy"):
        return pl.Series(column.to_numpy(), nan_to_null=True)
    missing = column.isna()
    values = [None if gone else value for value, gone in zip(column.tolist(), missing, strict=True)]
    try:
        found = pl.Series(values)
        if found.dtype != pl.Object:
            return found
    except (pl.exceptions.PolarsError, TypeError, ValueError):
        pass
    return pl.Series([None if value is None else str(value) for value in values], dtype=pl.String)
