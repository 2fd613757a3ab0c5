"""What checking a firm's tables found: the counts, the rows set aside, and what a person should know."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from intandem.data.tables.reading.raw import ROW, RawTable
from intandem.data.tables.schema import SCHEMA
from intandem.data.tables.tables import Tables
from intandem.data.tables.values.columns import TypedTable
from intandem.display import Displayed, Summary, count
from intandem.errors import InputError
from intandem.storage import replace_file

_logger = logging.getLogger(__name__)

MUCH = 0.2
"""Share of rows set aside from which on a person should look before going on."""

QUARANTINE = ["table", "file", "row", "rule", "column", "value"]


@dataclass(frozen=True, repr=False)
class ValidationReport(Displayed):
    """What was found in a firm's tables.

    - `rows`, `quarantined`: rows read, and rows taken out, over all tables; `by_table` has both for each table.
    - `rules`: rule -> how many rows broke it (a row may break several; `unknown-column` counts columns).
    - `set_aside`: one row per broken rule: table, file, row, rule, column and value as written. Row 1 is the first
      row under the header. Optional values of products are listed as well, whose rows stay without them.
      `quarantine`: the file that holds the same, if one was written.
    - `tables`: what is left, ready for calibration. `notes`: what a person should know about it.
    """

    rows: int
    quarantined: int
    rules: dict[str, int]
    by_table: dict[str, dict[str, int]]
    set_aside: pl.DataFrame
    quarantine: Path | None
    tables: Tables
    notes: tuple[str, ...]

    def _summary(self) -> Summary:
        rows = [(rule, f"broken in {broken:,}") for rule, broken in self.rules.items()]
        rows += [("note", note) for note in self.notes]
        return Summary(f"{self.tables.name}: {count(self.rows, 'row')} read, {self.quarantined:,} set aside", rows)

    def as_json(self) -> dict[str, Any]:
        """The report as a JSON object, without the tables themselves."""
        return {
            "rows": self.rows,
            "quarantined": self.quarantined,
            "rules": self.rules,
            "tables": self.by_table,
            "quarantine": None if self.quarantine is None else str(self.quarantine),
            "notes": list(self.notes),
        }


def report_of(raw: Mapping[str, RawTable], typed: Mapping[str, TypedTable], tables: Tables) -> ValidationReport:
    """Counts what was read and what was taken out."""
    listed = _set_aside(raw, typed)
    counts = {
        name: {"rows": table.frame.height, "quarantined": typed[name].faults[ROW].n_unique()}
        for name, table in raw.items()
    }
    broken = listed.select("table", "rule", pl.col("row").cast(pl.String).fill_null(pl.col("column"))).unique()
    report = ValidationReport(
        rows=sum(many["rows"] for many in counts.values()),
        quarantined=sum(many["quarantined"] for many in counts.values()),
        rules=dict(broken.group_by("rule").len().sort("rule").iter_rows()),
        by_table=counts,
        set_aside=listed,
        quarantine=None,
        tables=tables,
        notes=tables.notes,
    )
    for note in report.notes:
        _logger.info("%s: %s", tables.name, note)
    if report.quarantined > MUCH * report.rows:
        _logger.warning("%s: %d of %d rows are set aside", tables.name, report.quarantined, report.rows)
    return report


def quarantine_file(out: str | Path) -> Path:
    """**Raises:** `InputError` for a file that is neither CSV nor Parquet."""
    target = Path(out)
    if target.suffix not in (".csv", ".parquet"):
        raise InputError(target, "is neither .csv nor .parquet", "give the quarantine file one of these endings")
    return target


def write_quarantine(listed: pl.DataFrame, target: Path) -> None:
    """Writes what was set aside, with a header only if nothing was, so that the file never shows an earlier run."""
    with replace_file(target) as beside, beside.open("wb") as file:
        _ = listed.write_csv(file) if target.suffix == ".csv" else listed.write_parquet(file)


def _set_aside(raw: Mapping[str, RawTable], typed: Mapping[str, TypedTable]) -> pl.DataFrame:
    schema = dict.fromkeys(QUARANTINE, pl.String) | {"row": pl.UInt32}
    parts = [pl.DataFrame(schema=schema)]
    for name, table in raw.items():
        where = {"table": pl.lit(name), "file": pl.lit(table.label)}
        both = pl.concat([typed[name].faults, typed[name].cells])
        parts.append(both.rename({ROW: "row"}).with_columns(**where).select(QUARANTINE))
        unknown = pl.DataFrame({"column": table.unknown}, schema={"column": pl.String})
        absent = {"row": pl.lit(None, pl.UInt32), "rule": pl.lit("unknown-column"), "value": pl.lit(None, pl.String)}
        parts.append(unknown.with_columns(**where, **absent).select(QUARANTINE))
    order = {name: number for number, name in enumerate(SCHEMA)}
    return pl.concat(parts).sort(
        pl.col("table").replace_strict(order, return_dtype=pl.Int32), "row", "rule", "column", nulls_last=True
    )
