"""Today's decisions as files: tables for people and programs, and the page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import polars as pl

from intandem.errors import InputError
from intandem.operation.decisions import Decisions
from intandem.operation.page import page
from intandem.storage import refuse_other_folder, replace_file, replace_folder

Format = Literal["csv", "parquet", "json"]

TABLES = ("orders", "recommendations", "short", "removed", "push_and_spare", "flags")
PAGE = "today.html"
FORMATS: tuple[Format, ...] = ("csv", "parquet", "json")
CONTENTS = (PAGE, *(f"{table}.{ending}" for table in TABLES for ending in FORMATS))
"""All that a folder of decisions may hold."""


def write_decisions(
    found: Decisions, folder: str | Path, formats: Sequence[Format] = ("csv",), *, currency: str = ""
) -> Path:
    """Writes the tables and the page into a folder, all or nothing; decisions that are there are replaced.

    **Arguments:** `formats`: of the tables; CSV always. `currency`: put before money on the page.

    **Raises:** `InputError` if the folder holds other things; `RunError` if the system refuses.
    """
    folder = Path(folder)
    refuse_other_folder(folder, CONTENTS)
    with replace_folder(folder) as beside:
        for name in TABLES:
            for ending in dict.fromkeys(("csv", *formats)):
                _write(getattr(found, name), beside / f"{name}.{ending}")
        (beside / PAGE).write_text(page(found, currency=currency), encoding="utf-8")
    return folder


def write_table(frame: pl.DataFrame, target: Path) -> Path:
    """Writes one table as its name's ending says, whole or not at all.

    **Raises:** `InputError` for another ending; `RunError` if the system refuses.
    """
    if target.suffix.removeprefix(".") not in FORMATS:
        raise InputError(target, "is neither .csv, .parquet nor .json", "give it one of these endings")
    with replace_file(target) as beside:
        _write(frame, beside, target.suffix)
    return target


def _write(frame: pl.DataFrame, target: Path, ending: str | None = None) -> None:
    ending = ending or target.suffix
    with target.open("wb") as file:
        if ending == ".csv":
            frame.with_columns(pl.col(pl.Float64).round(6)).write_csv(file)
        elif ending == ".parquet":
            frame.write_parquet(file)
        else:
            rows = frame.with_columns(pl.col(pl.Date).cast(pl.String)).to_dicts()
            file.write(json.dumps(rows, ensure_ascii=False).encode())
