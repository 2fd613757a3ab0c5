"""Checks a firm's tables: bad rows are set aside with the rule they break, the others become `Tables`."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping as MappingLike
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from intandem.data.tables.checks.calendar import Calendar, calendar_of
from intandem.data.tables.checks.ids import nearly_same
from intandem.data.tables.checks.notes import Found, exact_repeats, notes_of
from intandem.data.tables.checks.report import (
    QUARANTINE,
    ValidationReport,
    quarantine_file,
    report_of,
    write_quarantine,
)
from intandem.data.tables.checks.returns import Netted, net_returns
from intandem.data.tables.checks.stock import over_stores
from intandem.data.tables.checks.terms import check_terms
from intandem.data.tables.reading.folder import read_table
from intandem.data.tables.reading.frames import check_names, kind_of, source_of
from intandem.data.tables.reading.mapping import Mapping, mapping_of, read_mapping
from intandem.data.tables.reading.raw import ROW, RawTable, named
from intandem.data.tables.schema import SCHEMA
from intandem.data.tables.tables import Tables, attribute_names, build_tables, price_table
from intandem.data.tables.values.columns import TypedTable, fault, fault_as_written, type_values
from intandem.data.tables.values.dates import TwoWaysError
from intandem.data.tables.values.timing import Clock, clock_of
from intandem.display import count
from intandem.errors import InputError
from intandem.storage import marks_of, refuse_other_file

DUE_WITHIN = timedelta(days=3660)


@dataclass(frozen=True)
class Given:
    """A firm's tables as they were handed over: where from, what they are called, and how to read them."""

    name: str
    origin: str
    raw: dict[str, RawTable]
    mapping: Mapping


def validate_folder(
    folder: Any = None,
    out: str | Path | None = None,
    today: date | None = None,
    *,
    mapping: MappingLike[str, Any] | None = None,
    transactions: Any = None,
    products: Any = None,
    customers: Any = None,
    exposures: Any = None,
    stock: Any = None,
    open_orders: Any = None,
) -> ValidationReport:
    """Reads, checks and codes a firm's tables, from a folder or from frames.

    **Arguments:**

    - `folder`: the path of a folder with tables as `<table>.parquet` or `<table>.csv`, and `mapping.toml` if they have
      other names; or the tables themselves in a dictionary, by name.
    - `out`: the quarantine file, `.csv` or `.parquet`: the rows that break a rule. Default: `folder/quarantine.csv`,
      and none for frames. It is written on every run, with a header only if nothing is wrong, so that it never shows
      an earlier run.
    - `today`: dates after it are out of range unless the mapping has a `last_date`; default: the day it is.
    - `mapping`: what `mapping.toml` would hold, for tables that come as frames.
    - `transactions`, ..., `open_orders`: tables as polars or pandas frames, Arrow tables, dictionaries of columns, or
      paths of files, in place of a folder.

    **Raises:** `InputError` for faults that no row is to blame for: a table or column that is not there, an empty or
    unreadable file, a mapping that does not fit, a table of which no row is left. Nothing is written then.

    ```python
    >>> report = validate_folder(
    ...     transactions={"customer_id": ["ann", "bob"], "product_id": ["tea", "tea"], "period": [0, 1],
    ...                   "quantity": [2, 1], "price": [4.0, 4.5]},
    ...     products={"product_id": ["tea"], "unit_cost": [2.5]},
    ... )
    >>> report.rows, report.quarantined, report.tables.products["price"].round(2).to_list()
    (3, 0, [4.17])

    ```
    """
    tables = {
        "transactions": transactions,
        "products": products,
        "customers": customers,
        "exposures": exposures,
        "stock": stock,
        "open_orders": open_orders,
    }
    target = None if out is None else quarantine_file(out)
    given = read_tables(folder, {name: table for name, table in tables.items() if table is not None}, mapping)
    if target is None and isinstance(folder, str | Path):
        target = Path(folder) / "quarantine.csv"
    if target is not None:
        refuse_other_file(target, marks_of(target, QUARANTINE))
    report = check_tables(given, today)
    if target is None:
        return report
    write_quarantine(report.set_aside, target)
    return replace(report, quarantine=target)


def read_tables(
    source: Any, tables: MappingLike[str, Any] | None = None, mapping: MappingLike[str, Any] | None = None
) -> Given:
    """Reads a firm's tables, unchecked.

    **Arguments:**

    - `source`: the path of a folder, or tables by name; `None` if `tables` holds them.
    - `tables`: tables by name. `mapping`: what `mapping.toml` would hold, for them.

    **Raises:** `InputError` if it is none of these, if both are given, or if a table cannot be read.
    """
    tables = tables or {}
    if source is not None and tables:
        raise InputError(next(iter(tables)), "is given beside a folder or dictionary", "give all tables in one place")
    if isinstance(source, str | Path):
        if mapping is not None:
            raise InputError("mapping", "is given beside a folder", "write it as mapping.toml in the folder")
        return _read_folder(Path(source))
    if isinstance(source, MappingLike):
        tables = source
    elif isinstance(source, Tables):
        raise InputError("folder", "is Tables, which are checked already", "give them to `calibrate` as they are")
    elif source is not None:
        raise InputError(
            "folder", f"is {kind_of(source)}", "give the path of a folder, or a dictionary of frames by table name"
        )
    elif not tables:
        cure = "give the path of a folder, or frames: transactions=..., products=..."
        raise InputError("folder", "is not given, and no table is either", cure)
    check_names(tables)
    how = mapping_of(mapping or {})
    raw = {}
    for name, table in SCHEMA.items():
        if tables.get(name) is not None:
            if how.section(name).file is not None:
                raise InputError("mapping", "is given for a frame", "leave it out", row=name, key="file")
            raw[name] = named(table, source_of(name, tables[name], how.reading(name)), how)
    return Given("tables", "The firm's own tables.", raw, how)


def _read_folder(folder: Path) -> Given:
    if not folder.is_dir():
        raise InputError(folder, "there is no such folder", "give the folder that holds your tables")
    mapping = read_mapping(folder)
    raw = {name: found for name, table in SCHEMA.items() if (found := read_table(folder, table, mapping)) is not None}
    name = folder.resolve().name or "tables"
    return Given(name, f"The firm's own tables, folder {name}.", raw, mapping)


def check_tables(given: Given, today: date | None = None) -> ValidationReport:
    """Checks and codes tables, and writes nothing.

    **Raises:** as `validate_folder`.
    """
    mapping = given.mapping
    # A list of customers without a row says no more than none.
    raw = {name: table for name, table in given.raw.items() if name != "customers" or table.frame.height}
    given = replace(given, raw=raw)
    latest = mapping.last_date or today or date.today()
    clock = clock_of(raw["transactions"], mapping, latest)
    due = replace(clock, latest=latest + DUE_WITHIN)
    typed = _typed(raw, clock, due)
    typed = _without_repeats(raw, typed)
    if "stock" in typed:
        typed["stock"] = over_stores(typed["stock"])
    typed["products"] = check_terms(raw["products"], typed["products"])
    typed["transactions"] = _known_ids(typed["transactions"], "transactions", typed)
    _still_there(raw, typed, "transactions")
    repeats = exact_repeats(raw["transactions"], typed["transactions"].frame)
    typed["transactions"], netted = _net(raw["transactions"], typed["transactions"], clock)
    _still_there(raw, typed, "transactions")
    calendar = calendar_of(raw["transactions"].place, typed["transactions"].frame, mapping, clock)
    lines = calendar.place(typed["transactions"].frame)
    typed["transactions"] = replace(typed["transactions"], frame=lines)
    typed["products"] = _priced(typed["products"], lines)
    _still_there(raw, typed, "products")
    for name in ("exposures", "stock", "open_orders"):
        if name in typed:
            typed[name] = _on_calendar(raw[name], _known_ids(typed[name], name, typed), calendar)
    tables = _build(given, typed, lines, calendar)
    notes = notes_of(raw, typed, tables, Found(calendar, mapping, netted, repeats))
    return report_of(raw, typed, replace(tables, notes=notes))


def _typed(raw: dict[str, RawTable], clock: Clock, due: Clock) -> dict[str, TypedTable]:
    """All values typed. Dates that read two ways are read as the firm writes them in its other tables."""
    typed: dict[str, TypedTable] = {}
    for sure in (True, False):
        for name, table in raw.items():
            if name not in typed:
                with contextlib.suppress(*[TwoWaysError] * sure):
                    typed[name] = type_values(table, due if name == "open_orders" else clock)
    return {name: typed[name] for name in raw}


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
        cure = typed[name].cures.get(column, "fix the rows, or say in mapping.toml how to read them")
        if rule == "not-a-date":
            cure = f'say in mapping.toml how dates are written: [{name}] date_format = "%d.%m.%Y", for one'
            if str(value).replace(".", "").replace(",", "").isdecimal():
                cure = "numbers alone name no day: write dates, as 2024-01-31"
        other = f"{rule.removeprefix('unknown-')}s"
        if rule.startswith("unknown-") and other in typed:
            near = nearly_same(pl.Series([value]), typed[other].frame[column])
            if near.height:
                _, one, words = near.row(0)
                cure = f"the {other} table has {one!r}, the same but for {words}: write ids as text in both"
        raise InputError(
            raw[name].place,
            f"{value!r} breaks the rule {rule}, and no other row is left either",
            cure,
            row=int(number),
            key=column,
        )


def _net(raw: RawTable, table: TypedTable, clock: Clock) -> tuple[TypedTable, Netted]:
    """Unit prices in place of totals, and returns netted against what they return."""
    frame = table.frame
    ways = [pl.col("price")] if "price" in frame.columns else []
    ways += [pl.col("total") / pl.col("quantity")] if "total" in frame.columns else []
    priced = frame.with_columns(pl.coalesce(ways).alias("price"))
    netted = net_returns(priced, "date" if clock.by_date else "period")
    charged = "price" if "price" in frame.columns else "total"
    faults = [
        fault_as_written(raw, netted.unmatched[ROW], "unmatched-return", "quantity"),
        fault_as_written(raw, netted.unsold[ROW], "too-low", charged),
    ]
    found = pl.concat([table.faults, *faults])
    lines = netted.lines.drop("total", strict=False)
    return replace(table, frame=lines, faults=found), netted


def _on_calendar(raw: RawTable, table: TypedTable, calendar: Calendar) -> TypedTable:
    placed = replace(table, frame=calendar.place(table.frame))
    if raw.table.name == "open_orders":
        return placed
    end = calendar.periods if raw.table.name == "exposures" else calendar.periods + 1
    outside = (pl.col("period") < 0) | (pl.col("period") >= end)
    written = calendar.when if calendar.when in raw.frame.columns else "period"
    return placed.without([fault_as_written(raw, placed.frame.filter(outside)[ROW], "outside-calendar", written)])


def _priced(products: TypedTable, lines: pl.DataFrame) -> TypedTable:
    """Products with a price: their own, else what was paid per unit on average; without either they are taken out."""
    units = pl.col("quantity")
    paid = lines.group_by("product_id").agg(paid=(pl.col("price") * units).sum() / units.sum())
    frame = products.frame.join(paid, on="product_id", how="left", maintain_order="left")
    frame = frame.with_columns(price=_first_of(frame, "price", "paid", "regular_price"))
    frame = frame.with_columns(regular_price=_first_of(frame, "regular_price", "price")).drop("paid")
    return replace(products, frame=frame).without([fault(frame, pl.col("price").is_null(), "missing", "price")])


def _first_of(frame: pl.DataFrame, *names: str) -> pl.Expr:
    return pl.coalesce([pl.col(name) for name in names if name in frame.columns])


def _build(given: Given, typed: dict[str, TypedTable], lines: pl.DataFrame, calendar: Calendar) -> Tables:
    mapping = given.mapping
    frames = {name: table.frame.drop(ROW) for name, table in typed.items()} | {"transactions": lines.drop(ROW)}
    if "customers" in frames:
        kept = given.raw["customers"].frame[ROW].is_in(typed["customers"].frame[ROW].implode())
        attributes = given.raw["customers"].attributes
        if attributes.width:
            attributes = attributes.filter(kept).cast(pl.String, strict=False)
            frames["customers"] = frames["customers"].hstack(attributes.rename(attribute_names(attributes.columns)))
    else:
        shown = [frames["exposures"]] if "customer_id" in frames.get("exposures", pl.DataFrame()).columns else []
        named = pl.concat([frame.select("customer_id") for frame in (lines, *shown)])
        frames["customers"] = named.drop_nulls().unique().sort("customer_id")
    if "exposures" in frames:
        frames["exposures"] = _one_per_period(frames["exposures"])
    regular = lines.join(frames["products"].select("product_id", "regular_price"), on="product_id", how="left")
    frames["prices"] = price_table(regular, calendar.periods, "price", "regular_price")
    assumptions = ["Unmet demand is unseen: a line is demand that was met."]
    for masked, what in ((mapping.masked_dates, "day"), (mapping.masked_periods, mapping.period_name)):
        if masked:
            assumptions.append(
                f"{count(len(masked), what)} {'is' if len(masked) == 1 else 'are'} masked as under-recorded."
            )
    return build_tables(
        given.name,
        mapping.period_name,
        frames,
        calendar=calendar.frame,
        provenance=given.origin,
        assumptions=assumptions,
        masked_dates=mapping.masked_dates,
        stated=mapping.stated,
        first_number=calendar.origin if isinstance(calendar.origin, int) else None,
    )


def _one_per_period(exposures: pl.DataFrame) -> pl.DataFrame:
    """Several exposures of one kind in a period count once, at their mean propensity."""
    columns = exposures.columns
    kind = pl.col("kind").fill_null("exposure") if "kind" in columns else pl.lit("exposure")
    propensity = pl.col("propensity").mean() if "propensity" in columns else pl.lit(None, pl.Float64)
    who = [name for name in ("customer_id", "store_id") if name in columns]
    named = exposures.with_columns(kind=kind.alias("kind"))
    return named.group_by(*who, "product_id", "period", "kind").agg(propensity=propensity.alias("propensity"))
