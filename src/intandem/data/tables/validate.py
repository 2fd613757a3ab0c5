"""Checks a firm's folder of tables: bad rows go to a quarantine file with their rule, the others become `Tables`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, get_args

import polars as pl

from intandem.data.tables.folder import ROW, Mapping, RawTable, Weekday, read_mapping, read_table
from intandem.data.tables.schema import SCHEMA
from intandem.data.tables.tables import Tables, build_tables, price_table, week_calendar
from intandem.data.tables.values import TypedTable, fault, type_values
from intandem.errors import InputError
from intandem.storage import replace_file

LONGEST_CALENDAR = 20_000
"""Periods. A longer calendar (54 years of days) comes from a mistyped date, not from a firm."""

DUE_WITHIN = timedelta(days=3660)

QUARANTINE = ["table", "file", "row", "rule", "column", "value"]


@dataclass(frozen=True)
class ValidationReport:
    """What was found in a folder of tables.

    - `rows`, `quarantined`: rows read, and rows taken out, over all tables; `by_table` has both for each table.
    - `rules`: rule -> how many rows broke it (a row may break several; `unknown-column` counts columns).
    - `quarantine`: the file with one line per broken rule: table, file, row, rule, column and value as written.
      Row 1 is the first row under the header.
    - `tables`: what is left, ready for calibration. `notes`: what a person should know about it.
    """

    rows: int
    quarantined: int
    rules: dict[str, int]
    by_table: dict[str, dict[str, int]]
    quarantine: Path
    tables: Tables
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The report as a JSON object, without the tables themselves."""
        return {
            "rows": self.rows,
            "quarantined": self.quarantined,
            "rules": self.rules,
            "tables": self.by_table,
            "quarantine": str(self.quarantine),
            "notes": list(self.notes),
        }


def validate_folder(folder: str | Path, out: str | Path | None = None, today: date | None = None) -> ValidationReport:
    """Reads, checks and codes the tables in `folder`; writes the rows that break a rule to the quarantine file.

    **Arguments:**

    - `folder`: tables as `<table>.parquet` or `<table>.csv`, and `mapping.toml` if they have other names.
    - `out`: the quarantine file, `.csv` or `.parquet`; default `folder/quarantine.csv`. It is written on every run,
      with a header only if nothing is wrong, so that it never shows an earlier run.
    - `today`: dates after it are out of range unless `mapping.toml` has a `last_date`; default: the day it is.

    **Raises:** `InputError` for faults that no row is to blame for: a table or column that is not there, an empty or
    unreadable file, a mapping that does not fit, a table of which no row is left. Nothing is written then.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(folder, "there is no such folder", "give the folder that holds your tables")
    target = Path(out) if out is not None else folder / "quarantine.csv"
    if target.suffix not in (".csv", ".parquet"):
        raise InputError(target, "is neither .csv nor .parquet", "give the quarantine file one of these endings")
    mapping = read_mapping(folder)
    raw = {
        name: found
        for name, table in SCHEMA.items()
        if (found := read_table(folder, table, mapping.section(name))) is not None
    }
    latest = mapping.last_date or today or date.today()
    typed = {
        name: type_values(table, mapping.first_date, latest + (DUE_WITHIN if name == "open_orders" else timedelta()))
        for name, table in raw.items()
    }
    typed = _without_repeats(raw, typed)
    typed["transactions"] = _known_ids(typed["transactions"], "transactions", typed)
    _still_there(raw, typed, "transactions")
    by_date = _counts_by_date(raw, typed)
    calendar, origin = _calendar(raw["transactions"].path, typed["transactions"].frame, mapping, by_date)
    lines = _in_periods(typed["transactions"].frame, mapping, origin, by_date).with_columns(_unit_price(typed))
    typed["products"] = _priced(typed["products"], lines)
    _still_there(raw, typed, "products")
    for name in ("exposures", "stock", "open_orders"):
        if name in typed:
            table = _known_ids(typed[name], name, typed)
            typed[name] = _on_calendar(table, name, mapping, origin, by_date, calendar.height)

    tables = _build(folder, mapping, typed, lines, calendar)
    listed = _quarantine(raw, typed)
    with replace_file(target) as beside:
        _ = listed.write_csv(beside) if target.suffix == ".csv" else listed.write_parquet(beside)
    counts = {
        name: {"rows": table.frame.height, "quarantined": typed[name].faults[ROW].n_unique()}
        for name, table in raw.items()
    }
    broken = listed.select("table", "rule", pl.col("row").cast(pl.String).fill_null(pl.col("column"))).unique()
    return ValidationReport(
        rows=sum(count["rows"] for count in counts.values()),
        quarantined=sum(count["quarantined"] for count in counts.values()),
        rules=dict(broken.group_by("rule").len().sort("rule").iter_rows()),
        by_table=counts,
        quarantine=target,
        tables=tables,
        notes=_notes(raw, typed, tables),
    )


def _notes(raw: dict[str, RawTable], typed: dict[str, TypedTable], tables: Tables) -> tuple[str, ...]:
    notes = []
    for name, table in raw.items():
        if table.unknown:
            notes.append(f"{table.path.name}: left out, not in the schema: {', '.join(table.unknown)}")
        if typed[name].frame.height == 0:
            notes.append(f"{table.path.name}: no row is left")
    if "customers" not in raw:
        notes.append("there is no customers table: the customers are those in the transactions")
    if costless := tables.products["unit_cost"].null_count():
        notes.append(f"{costless} of {tables.products.height} products have no unit_cost")
    return tuple(notes)


def _without_repeats(raw: dict[str, RawTable], typed: dict[str, TypedTable]) -> dict[str, TypedTable]:
    """Keeps the first row of each key."""
    kept = {}
    for name, table in typed.items():
        key = [column for column in SCHEMA[name].key if column in table.frame.columns]
        if not key:
            kept[name] = table
            continue
        repeated = ~pl.struct(key).is_first_distinct()
        shown = pl.concat_str([pl.col(column).cast(pl.String).fill_null("") for column in key], separator=" | ")
        kept[name] = table.without([fault(table.frame, repeated, "duplicate-key", key[0], shown)])
        _still_there(raw, kept, name)
    return kept


def _known_ids(table: TypedTable, name: str, typed: dict[str, TypedTable]) -> TypedTable:
    """Takes out rows with an id that the table it refers to does not have (or no longer has)."""
    faults = []
    for column, other in SCHEMA[name].references:
        if column in table.frame.columns and other in typed:
            known = typed[other].frame[column].drop_nulls()
            stranger = pl.col(column).is_not_null() & ~pl.col(column).is_in(known.implode())
            faults.append(fault(table.frame, stranger, f"unknown-{other.removesuffix('s')}", column))
    return table.without(faults)


def _still_there(raw: dict[str, RawTable], typed: dict[str, TypedTable], name: str) -> None:
    if typed[name].frame.height == 0 and SCHEMA[name].required:
        number, rule, column, value = typed[name].faults.sort(ROW).row(0)
        raise InputError(
            raw[name].path,
            f"{value!r} breaks the rule {rule}, and no other row is left either",
            "fix the rows, or say in mapping.toml how to read them",
            row=int(number),
            key=column,
        )


def _counts_by_date(raw: dict[str, RawTable], typed: dict[str, TypedTable]) -> bool:
    by_date = "date" in typed["transactions"].frame.columns
    wanted, other = ("date", "period") if by_date else ("period", "date")
    for name, table in typed.items():
        columns = table.frame.columns
        if {"date", "period"} & set(columns) and wanted not in columns:
            raise InputError(
                raw[name].path, f"counts by {other} where the transactions count by {wanted}", "use one", key=other
            )
    return by_date


def _calendar(place: Path, lines: pl.DataFrame, mapping: Mapping, by_date: bool) -> tuple[pl.DataFrame, date | int]:
    """The calendar and its origin: the first day of period 0, or the firm's own number of it."""
    days = 7 if mapping.period_name == "week" else 1
    when = "date" if by_date else "period"
    first, last = lines[when].min(), lines[when].max()
    if isinstance(first, date) and isinstance(last, date):
        back = (first.weekday() - get_args(Weekday).index(mapping.week_start)) % 7 if days == 7 else 0
        origin: date | int = first - timedelta(days=back)
        periods = ((last - first).days + back) // days + 1
    else:
        assert isinstance(first, int)
        assert isinstance(last, int)
        origin, periods = first, last - first + 1
    if periods > LONGEST_CALENDAR:
        raise InputError(
            place, f"runs from {first} to {last}: {periods:,} periods", "fix the one that is far off", key=when
        )
    test = mapping.test_periods if mapping.test_periods is not None else (periods * 3 + 10) // 20 if periods > 3 else 0
    if test >= periods:
        raise InputError("mapping.toml", f"is {test} of {periods} periods", "leave some to fit on", key="test_periods")
    start = origin if isinstance(origin, date) else date(1, 1, 1)
    calendar = week_calendar(start, periods, days).with_columns(
        split=pl.when(pl.col("period") >= periods - test).then(pl.lit("test")).otherwise(pl.lit("train"))
    )
    if not isinstance(first, date) or not isinstance(last, date):
        return calendar.with_columns(start=pl.lit(None, pl.Date)), origin
    unseen = [day for day in mapping.masked_dates if first <= day <= last]
    recorded = pl.date_range(first, last, eager=True).alias("date").to_frame()
    recorded = recorded.filter(~pl.col("date").is_in(pl.Series(unseen, dtype=pl.Date).implode()))
    seen = recorded.group_by(period=_period_of_day(start, days)).len()
    observed = calendar.join(seen, on="period", how="left", maintain_order="left")
    return observed.with_columns(observed=pl.col("len").fill_null(0) / days).drop("len"), origin


def _period_of_day(start: date, days: int) -> pl.Expr:
    return ((pl.col("date") - start).dt.total_days() // days).cast(pl.Int32)


def _in_periods(frame: pl.DataFrame, mapping: Mapping, origin: date | int, by_date: bool) -> pl.DataFrame:
    """Adds `period` from 0; a row without a date keeps an empty one (its fault has been found already)."""
    if isinstance(origin, date) and by_date:
        return frame.with_columns(period=_period_of_day(origin, 7 if mapping.period_name == "week" else 1))
    return frame.with_columns(period=(pl.col("period") - pl.lit(origin)).cast(pl.Int32))


def _on_calendar(
    table: TypedTable, name: str, mapping: Mapping, origin: date | int, by_date: bool, periods: int
) -> TypedTable:
    dated = _in_periods(table.frame, mapping, origin, by_date)
    if name == "open_orders":
        return TypedTable(dated, table.faults)
    outside = (pl.col("period") < 0) | (pl.col("period") >= (periods if name == "exposures" else periods + 1))
    shown = pl.col("date" if by_date else "period")
    mark = fault(dated, outside, "outside-calendar", "date" if by_date else "period", shown)
    return TypedTable(dated, table.faults).without([mark])


def _unit_price(typed: dict[str, TypedTable]) -> pl.Expr:
    columns = typed["transactions"].frame.columns
    ways = [pl.col("price")] if "price" in columns else []
    ways += [pl.col("total") / pl.col("quantity")] if "total" in columns else []
    return pl.coalesce(ways).alias("price")


def _priced(products: TypedTable, lines: pl.DataFrame) -> TypedTable:
    """Products with a price: their own, else what was paid per unit on average; without either they are taken out."""
    units = pl.col("quantity")
    paid = lines.group_by("product_id").agg(paid=(pl.col("price") * units).sum() / units.sum())
    frame = products.frame.join(paid, on="product_id", how="left", maintain_order="left")
    frame = frame.with_columns(price=_first_of(frame, "price", "paid", "regular_price"))
    frame = frame.with_columns(regular_price=_first_of(frame, "regular_price", "price")).drop("paid")
    return TypedTable(frame, products.faults).without([fault(frame, pl.col("price").is_null(), "missing", "price")])


def _first_of(frame: pl.DataFrame, *names: str) -> pl.Expr:
    return pl.coalesce([pl.col(name) for name in names if name in frame.columns])


def _quarantine(raw: dict[str, RawTable], typed: dict[str, TypedTable]) -> pl.DataFrame:
    schema = dict.fromkeys(QUARANTINE, pl.String) | {"row": pl.UInt32}
    parts = [pl.DataFrame(schema=schema)]
    for name, table in raw.items():
        where = {"table": pl.lit(name), "file": pl.lit(table.path.name)}
        parts.append(typed[name].faults.rename({ROW: "row"}).with_columns(**where).select(QUARANTINE))
        unknown = pl.DataFrame({"column": table.unknown}, schema={"column": pl.String})
        absent = {"row": pl.lit(None, pl.UInt32), "rule": pl.lit("unknown-column"), "value": pl.lit(None, pl.String)}
        parts.append(unknown.with_columns(**where, **absent).select(QUARANTINE))
    order = {name: number for number, name in enumerate(SCHEMA)}
    return pl.concat(parts).sort(
        pl.col("table").replace_strict(order, return_dtype=pl.Int32), "row", "rule", "column", nulls_last=True
    )


def _build(
    folder: Path, mapping: Mapping, typed: dict[str, TypedTable], lines: pl.DataFrame, calendar: pl.DataFrame
) -> Tables:
    frames = {name: table.frame.drop(ROW) for name, table in typed.items()} | {"transactions": lines.drop(ROW)}
    if "customers" not in frames:
        shown = [frames["exposures"]] if "customer_id" in frames.get("exposures", pl.DataFrame()).columns else []
        named = pl.concat([frame.select("customer_id") for frame in (lines, *shown)])
        frames["customers"] = named.drop_nulls().unique().sort("customer_id")
    if "exposures" in frames:
        frames["exposures"] = _one_per_period(frames["exposures"])
    regular = lines.join(frames["products"].select("product_id", "regular_price"), on="product_id", how="left")
    frames["prices"] = price_table(regular, calendar.height, "price", "regular_price")
    assumptions = ["Unmet demand is unseen: a line is demand that was met."]
    if mapping.masked_dates:
        assumptions.append(f"{len(mapping.masked_dates)} days are masked as under-recorded.")
    return build_tables(
        folder.resolve().name,
        mapping.period_name,
        frames,
        calendar=calendar,
        provenance=f"The firm's own tables, folder {folder.resolve().name}.",
        assumptions=assumptions,
        masked_dates=mapping.masked_dates,
    )


def _one_per_period(exposures: pl.DataFrame) -> pl.DataFrame:
    """Several exposures of one kind in a period count once, at their mean propensity."""
    columns = exposures.columns
    kind = pl.col("kind").fill_null("exposure") if "kind" in columns else pl.lit("exposure")
    propensity = pl.col("propensity").mean() if "propensity" in columns else pl.lit(None, pl.Float64)
    who = [name for name in ("customer_id", "store_id") if name in columns]
    named = exposures.with_columns(kind=kind.alias("kind"))
    return named.group_by(*who, "product_id", "period", "kind").agg(propensity=propensity.alias("propensity"))
