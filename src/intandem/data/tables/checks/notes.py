"""What a person should know about a firm's tables: what was dropped, netted, assumed, or looks like a mistake."""

from __future__ import annotations

from collections.abc import Mapping as MappingLike
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import polars as pl

from intandem.data.tables.checks.calendar import Calendar
from intandem.data.tables.checks.ids import nearly_same, twins
from intandem.data.tables.checks.returns import Netted
from intandem.data.tables.checks.sizes import largest_usual
from intandem.data.tables.checks.stock import sold_out
from intandem.data.tables.reading.mapping import NAME, Mapping
from intandem.data.tables.reading.raw import EXTRA, ROW, RawTable
from intandem.data.tables.tables import Tables
from intandem.data.tables.values.columns import TypedTable

GUEST_SHARE, GUEST_TIMES, FEWEST_CUSTOMERS = 0.1, 8.0, 10
"""One id is suspected of standing for many people if it has so large a share of all lines, and so many times the
median customer's; among fewer customers nobody is."""

APART = 5.0
"""A list price so many times what was paid a unit, or so small a part of it, is of another unit or slipped a digit."""

LONGEST_WEEKS = 26
"""Half a year: longer lead times are seldom weeks."""

SHOWN = 3
"""Examples that a note names."""


@dataclass(frozen=True)
class Found:
    """What came up on the way: the calendar, the mapping, the returns, and lines that repeat an earlier one."""

    calendar: Calendar
    mapping: Mapping
    netted: Netted
    repeats: int


def notes_of(
    raw: MappingLike[str, RawTable], typed: MappingLike[str, TypedTable], tables: Tables, found: Found
) -> tuple[str, ...]:
    """All notes, in the order of the tables."""
    notes: list[str] = []
    for name, table in raw.items():
        notes += [f"{table.label}: {note}" for note in typed[name].notes]
        if table.unknown:
            notes.append(f"{table.label}: left out, not in the schema: {', '.join(table.unknown)}")
        notes += _values_left_out(table, typed[name])
        if typed[name].frame.height == 0:
            left = "no row is left" if table.frame.height else "has no rows: there was nothing to tell"
            notes.append(f"{table.label}: {left}")
    lines = typed["transactions"].frame
    notes += _of_lines(lines, found)
    notes += _of_customers(lines, "customers" in raw)
    notes += _of_periods(lines, tables, found)
    notes += _of_products(raw["products"], typed["products"].frame, lines, found.mapping)
    notes += _of_prices(typed["products"].frame, lines)
    for name, held in typed.items():
        notes += _of_strangers(raw[name].label, held, typed)
    notes += _of_twins(tables)
    if "stock" in typed:
        notes += _of_stock(typed["stock"].frame, lines, tables.period_name)
    if "open_orders" in typed:
        notes += _of_open_orders(typed["open_orders"].frame, found.calendar)
    if "exposures" in typed:
        notes += _of_exposures(typed["exposures"].frame, tables)
    return tuple(notes)


def exact_repeats(raw: RawTable, lines: pl.DataFrame) -> int:
    """Lines that say the same as an earlier one in every column, as it was written, the time of day included."""
    said = raw.frame.join(lines.select(ROW), on=ROW, how="semi").drop(ROW, EXTRA, strict=False)
    return said.height - said.hash_rows().n_unique()


def _values_left_out(raw: RawTable, typed: TypedTable) -> list[str]:
    if typed.cells.is_empty():
        return []
    counts = typed.cells.group_by("column", "rule").len().sort("column", "rule")
    listed = ", ".join(f"{column} {rule}: {count:,}" for column, rule, count in counts.iter_rows())
    return [f"{raw.label}: taken as not given, and listed in the quarantine: {listed}; their rows stay"]


def _of_lines(lines: pl.DataFrame, found: Found) -> list[str]:
    notes = []
    netted = found.netted
    if netted.returns:
        notes.append(
            f"{_count(netted.returns, 'line takes', 'lines take')} back {_units(netted.units)}, netted against "
            f"what they return; {_count(netted.cancelled, 'line is', 'lines are')} gone for it"
        )
    if netted.unmatched.height:
        units = _units(-float(netted.unmatched["quantity"].sum()))
        notes.append(
            f"{_count(netted.unmatched.height, 'return', 'returns')} of {units} took back what no line before "
            "sold: set aside (unmatched-return)"
        )
    if found.repeats:
        notes.append(
            f"{_count(found.repeats, 'line repeats', 'lines repeat')} an earlier one exactly (same customer, product, "
            f"{found.calendar.when}, quantity, price): a file exported twice, or tills that split a line?"
        )
    sized = lines.join(largest_usual(lines, "product_id"), on="product_id", how="left")
    beyond = sized.filter(pl.col("quantity") > pl.col("largest")).sort("quantity", descending=True)
    if beyond.height:
        examples = ", ".join(
            f"{_figure(quantity)} of {product!r}"
            for product, quantity in beyond[:SHOWN].select("product_id", "quantity").rows()
        )
        notes.append(
            f"{_count(beyond.height, 'line is', 'lines are')} beyond all usual sizes ({examples}): counted as "
            "purchases, and left out of how many units a purchase has"
        )
    return notes


def _of_customers(lines: pl.DataFrame, given: bool) -> list[str]:
    notes = [] if given else ["there is no customers table: the customers are those in the transactions"]
    counts = lines.group_by("customer_id").len().sort("len", descending=True)
    if counts.height >= FEWEST_CUSTOMERS:
        name, most = counts.row(0)
        usual = float(counts["len"].median() or 1.0)  # type: ignore[arg-type]
        if most > GUEST_SHARE * lines.height and most > GUEST_TIMES * usual:
            notes.append(
                f"customer {name!r} has {most:,} of {lines.height:,} lines, the median customer {usual:g}: if the id "
                f'stands for all guests, leave its lines out, or say missing = ["{name}"] in {NAME}'
            )
    return notes


def _of_periods(lines: pl.DataFrame, tables: Tables, found: Found) -> list[str]:
    calendar, unit = found.calendar, tables.period_name
    notes = []
    if calendar.periods < 2:
        notes.append(f"all lines lie in one {unit}: too few to calibrate on")
    filled = lines["period"].unique()
    empty = calendar.frame.filter(~pl.col("period").is_in(filled.implode()) & (pl.col("observed") > 0))
    if empty.height:
        cure = "masked_dates" if calendar.by_date else "masked_periods"
        what = "days" if calendar.by_date else f"{unit}s"
        shown = _stretches(empty, calendar)
        some = _share(empty.height, calendar.periods, unit, "holds", "hold")
        such = f"counts as a {unit}" if empty.height == 1 else f"count as {unit}s"
        notes.append(
            f"{some} no line ({shown}) and {such} in which "
            f"nobody came; if the shop was closed or the data have a gap, name the {what} in {cure} in {NAME}"
        )
    return notes


def _stretches(empty: pl.DataFrame, calendar: Calendar) -> str:
    """The longest stretches of empty periods, as the firm calls them."""
    runs = (
        empty.with_columns(run=pl.col("period") - pl.int_range(pl.len(), dtype=pl.Int32))
        .group_by("run")
        .agg(
            first=pl.col("period").min(),
            last=pl.col("period").max(),
            start=pl.col("start").min(),
            end=pl.col("start").max(),
        )
    )
    longest = runs.sort(pl.col("last") - pl.col("first"), "first", descending=[True, False])[:SHOWN].sort("first")

    def shown(row: dict[str, Any]) -> str:
        if calendar.by_date:
            last = row["end"] + timedelta(days=calendar.days - 1)
            return f"{row['start']}" if last == row["start"] else f"{row['start']} to {last}"
        first = row["first"] + calendar.origin
        return f"{first}" if row["first"] == row["last"] else f"{first} to {row['last'] + calendar.origin}"

    listed = ", ".join(shown(row) for row in longest.iter_rows(named=True))
    return listed if runs.height <= SHOWN else f"{listed} and {runs.height - SHOWN} more stretches"


def _of_products(raw: RawTable, products: pl.DataFrame, lines: pl.DataFrame, mapping: Mapping) -> list[str]:
    notes = []
    count = products.height
    costless = products["unit_cost"].null_count() if "unit_cost" in products.columns else count
    if costless:
        notes.append(f"{_share(costless, count, 'product', 'has', 'have')} no unit_cost")
    else:
        dear = products.filter(pl.col("unit_cost") > pl.col("price"))["product_id"]
        if len(dear):
            cost, whose = ("costs", "its") if len(dear) == 1 else ("cost", "their")
            some = _share(len(dear), count, "product", cost, cost)
            notes.append(f"{some} more than {whose} price ({_some(dear)})")
    unsold = products.filter(~pl.col("product_id").is_in(lines["product_id"].unique().implode()))["product_id"]
    if len(unsold):
        never = _share(len(unsold), count, "product", "was", "were")
        notes.append(f"{never} never bought ({_some(unsold)}): their demand will be a guess")
    if "lead_time" in products.columns and not (mapping.lead_time_unit or mapping.section("products").lead_time_unit):
        notes += _of_lead_times(products["lead_time"].drop_nulls(), mapping.period_name)
    return notes


def _of_lead_times(times: pl.Series, unit: str) -> list[str]:
    """Lead times that look like hours or days where nobody said what they are; a 0 is one in any unit."""
    times = times.filter(times > 0).unique().sort()
    if times.is_empty():
        return []
    longest, rounded = int(times[-1]), {unit: bool((times % unit == 0).all()) for unit in (7, 24)}
    shown = ", ".join(f"{time:g}" for time in times[:SHOWN]) + (" ..." if len(times) > SHOWN else "")
    which = ""
    if rounded[24]:
        which = "hours"
    elif unit == "week" and (rounded[7] or longest > LONGEST_WEEKS):
        which = "days"
    if not which:
        return []
    said = f'lead_time_unit = "{which[:-1]}" in {NAME}, else "{unit}"'
    return [f"lead times are {shown} {unit}s: if these are {which}, say {said}"]


def _of_strangers(label: str, table: TypedTable, typed: MappingLike[str, TypedTable]) -> list[str]:
    """Ids that another table has but for zeros in front, which spreadsheets lose, or capitals."""
    notes = []
    for name in ("product", "customer"):
        strange = table.faults.filter(pl.col("rule") == f"unknown-{name}")["value"].drop_nulls()
        if strange.is_empty() or f"{name}s" not in typed:
            continue
        near = nearly_same(strange, typed[f"{name}s"].frame[f"{name}_id"])
        for (words,), meant in near.group_by("but_for", maintain_order=True):
            value, one, _ = meant.row(0)
            notes.append(
                f"{label}: {_count(meant.height, 'row names', 'rows name')} a {name} that the {name}s table has but "
                f"for {words} ({value!r} there is {one!r}): write ids as text in both"
            )
    return notes


def _of_twins(tables: Tables) -> list[str]:
    """Ids of one kind that differ in zeros in front alone."""
    notes = []
    for name, frame in (("product", tables.products), ("customer", tables.customers), ("store", tables.stores)):
        pairs = twins(frame[f"{name}_id"])
        if pairs.height:
            one, other = pairs.row(0)
            differ = "differs from another" if pairs.height == 1 else "differ from others"
            notes.append(
                f"{_count(pairs.height, f'{name} id', f'{name} ids')} {differ} in zeros in front alone ({one!r} and "
                f"{other!r}) and count as two {name}s: if they are one, write its id in one way"
            )
    return notes


def _of_prices(products: pl.DataFrame, lines: pl.DataFrame) -> list[str]:
    units = pl.col("quantity")
    paid = lines.group_by("product_id").agg(paid=(pl.col("price") * units).sum() / units.sum())
    ratio = pl.col("price") / pl.col("paid")
    apart = (
        products.join(paid.filter(pl.col("paid") > 0), on="product_id", maintain_order="left")
        .filter((pl.col("price") > 0) & ((ratio > APART) | (ratio < 1 / APART)))
        .sort((pl.col("price") / pl.col("paid")).log().abs(), descending=True)
    )
    if not apart.height:
        return []
    examples = ", ".join(
        f"{product!r} {price:,.2f} against {spent:,.2f}"
        for product, price, spent in apart[:SHOWN].select("product_id", "price", "paid").rows()
    )
    told = _count(apart.height, "product's price is", "products' prices are")
    return [
        f"{told} more than {APART:g} times apart from what was paid a unit ({examples}): a price of a pack, of 100 "
        "units, or a lost decimal mark?"
    ]


def _of_stock(stock: pl.DataFrame, lines: pl.DataFrame, unit: str) -> list[str]:
    notes = []
    below = stock.filter(pl.col("on_hand") < 0).height
    if below:
        notes.append(f"{_count(below, 'count of stock is', 'counts of stock are')} below 0: sold out")
    inside = stock.filter(pl.col("period") <= lines["period"].max())
    out, bought = sold_out(inside, lines, "product_id")
    if out.height:
        which = _count(out["product_id"].n_unique(), "product was", "products were")
        notes.append(
            f"{which} sold out in {_count(out.height, unit, f'{unit}s')} by most counts: these say nothing of demand"
        )
    if bought.height:
        notes.append(
            f"{_count(bought.height, f'{unit} of a product counts', f'{unit}s of products count')} as sold out and had "
            f"sales all the same ({_some(bought['product_id'])}): taken as on the shelf"
        )
    return notes


def _of_open_orders(orders: pl.DataFrame, calendar: Calendar) -> list[str]:
    overdue = (
        orders.filter(pl.col(calendar.when) < pl.lit(calendar.last))
        if calendar.by_date
        else orders.filter(pl.col("period") < calendar.periods - 1)
    )
    if orders.is_empty():
        return []
    units = _units(float(orders["quantity"].sum()))
    notes = [
        f"{_count(orders.height, 'open order', 'open orders')} of {units}: kept for today's orders; in the "
        "market of `calibrate` what is on its way to counted products has arrived when it opens"
    ]
    if overdue.height:
        notes.append(
            f"{_count(overdue.height, 'open order is', 'open orders are')} overdue, due before the last line "
            f"({_some(overdue['product_id'])})"
        )
    return notes


def _of_exposures(exposures: pl.DataFrame, tables: Tables) -> list[str]:
    notes = []
    if "propensity" in exposures.columns and (logged := exposures["propensity"].count()):
        notes.append(
            f"{_count(logged, 'exposure carries', 'exposures carry')} a propensity: `calibrate` takes what "
            "carries one as drawn with it, if it agrees with how often was shown"
        )
    reached = tables.customer_exposures().height
    if not reached:
        notes.append("no exposure reached a customer who came in its period: none counts")
    return notes


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _share(part: int, whole: int, noun: str, one: str, many: str) -> str:
    """So many of so many, with the verb that goes with them."""
    return f"{part:,} of {_count(whole, noun, f'{noun}s')} {one if part == 1 else many}"


def _units(number: float) -> str:
    return f"{_figure(number)} {'unit' if number == 1 else 'units'}"


def _figure(number: float) -> str:
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:,.2f}"


def _some(ids: pl.Series) -> str:
    names = [repr(name) for name in ids.unique(maintain_order=True).to_list()]
    return ", ".join(names[:SHOWN]) + (" ..." if len(names) > SHOWN else "")
