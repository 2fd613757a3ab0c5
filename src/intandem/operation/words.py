"""What the planner's page says: the answer, what to do, and the sentences of its parts."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from datetime import date

import polars as pl

from intandem.display import count, in_currency, percent
from intandem.operation.decisions import Decisions
from intandem.operation.flags import listed

KINDS: dict[str, tuple[str, str]] = {
    "overdue": ("Overdue deliveries", "They should have come. Ask the supplier, or close the order if they have."),
    "negative_stock": ("Counts below zero", "A count below zero is a booking that is missing. Count these again."),
    "never_counted": ("Never counted", "If some are on the shelf, count them: the order below takes them to be none."),
    "old_count": ("Old counts", "The order rests on what was there then."),
    "stock_not_counted": ("No stock table", "Add stock.csv to the tables: without it the orders are a guess."),
    "empty_shelf": (
        "Empty shelves",
        "Nothing that is ordered today comes sooner. Hurry what is on its way, and show them less.",
    ),
    "below_minimum_cover": (
        "Below the minimum cover",
        "Stock, what is on its way and today's order together last less than the lead time.",
    ),
    "capped": ("Capped", "The supplier's largest order is less than what is wanted."),
    "above_usual": ("Above the usual", "Larger than these orders tend to be. Look before they go out."),
    "new_product": ("New products", "Nothing is decided about them before the next calibration."),
    "product_gone": ("Products that are gone", "The bundle knows them and today's tables do not."),
    "due_late": ("Deliveries far away", "They are due later than the lead time that the market knows."),
    "season_not_placed": (
        "The season's place",
        "Where the tables begin later than the season, demand is expected shifted.",
    ),
    "rows_left_out": ("Rows left out", "They broke a rule of the tables."),
    "old_lines": ("Old sales", "What was bought since is not in the tables."),
    "part_of_a_period": ("Part of a period", "What customers did in the rest of it is not known."),
    "backlog_ignored": ("Units owed", "The market takes unmet demand as lost."),
}
"""Kinds of flags in the order in which they are shown: a heading, and what to do about them."""


def answer(found: Decisions, currency: str = "") -> str:
    """The sentence the page opens with."""
    placed = found.placed
    if placed.is_empty():
        return f"Order nothing today: all {count(found.orders.height, 'product')} have enough."
    spent = cash(float(placed["money"].sum()), currency)
    some = f"{placed.height:,} of {count(found.orders.height, 'product')}"
    return f"Order {some} today, for {spent}."


def to_do(found: Decisions) -> list[str]:
    """What to order, to push, to spare and to look at, a line each."""
    lines = []
    placed = found.placed
    if not placed.is_empty():
        first = placed.sort("order_by", "money", descending=[False, True], nulls_last=True)
        lines.append(f"Order {listed(quantities(first))}{_when(found)}.{_beside_a_rule(found)}")
    for action, verb, more in (("push", "Push", "more"), ("spare", "Spare", "fewer")):
        rows = found.push_and_spare.filter(pl.col("action") == action)
        if rows.height:
            lines.append(
                f"{verb} {_most_of(rows)}: {count(round(rows['difference'].abs().sum()), 'showing')} {more} in all."
            )
    if found.flags.height:
        kinds = [f"{KINDS[kind][0].lower()} ({many:,})" for kind, many in counted(found)]
        lines.append(f"Look at the flags: {listed(kinds)}.")
    return lines


def _when(found: Decisions) -> str:
    """By when the orders must go out, if the tables have days."""
    today = found.today.day
    if today is None or not (due := sorted(found.placed["order_by"].drop_nulls().to_list())):
        return ""
    late, first, last = sum(day <= today for day in due), _weekday(due[0]), _weekday(due[-1])
    if late == len(due):
        return "; all of them today" if late > 1 else ", today"
    if late:
        return f"; {late:,} of them today, the others by {last}"
    return f"; by {first}" if first == last else f"; the first by {first}, the last by {last}"


def _weekday(day: date) -> str:
    return f"{day:%A} {day.day} {day:%B}"


def _beside_a_rule(found: Decisions) -> str:
    """How much that is beside what a plain reorder rule would order of everything."""
    ordered, plain = (float(found.orders[name].sum()) for name in ("quantity", "plain_rule"))
    if ordered == plain:
        return f" A plain reorder rule would order as much: {count_of_units(plain)}."
    return f" That is {count_of_units(ordered)}; a plain reorder rule would order {amount(plain)}."


def count_of_units(value: float) -> str:
    """A quantity with its unit."""
    return f"{amount(value)} unit{'' if value == 1 else 's'}"


MOST_OF = 0.8
"""Share of all showings moved that the products named must make up; the others are counted."""


def _most_of(rows: pl.DataFrame) -> str:
    """The products that make up most of what is moved, the largest first."""
    moved = rows["difference"].abs()
    leading = int((moved.cum_sum() / moved.sum() < MOST_OF).sum()) + 1
    names = rows["name"].to_list()
    rest = len(names) - leading
    return listed(names[:leading]) + (
        f", and {rest:,} {'product' if rest == 1 else 'products'} by little" if rest else ""
    )


def labels(found: Decisions) -> dict[str, str]:
    """What the page calls each product: its name; with its id where another product has the same name, and the id alone
    without one."""
    called = found.today.tables.products.filter(pl.col("name").is_not_null()).select("product_id", "name").rows()
    names = {product: name for product, name in (*called, *found.orders.select("product_id", "name").rows()) if name}
    many = Counter(names.values())
    return {
        product: f"{name} ({product})" if many[name] > 1 and name != product else name
        for product, name in names.items()
    }


def labelled(found: Decisions) -> Decisions:
    """The decisions with what the page calls each product in place of its name."""
    called = labels(found)

    def told(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.with_columns(name=pl.col("product_id").replace_strict(called, default=pl.col("name")))

    return dataclasses.replace(
        found,
        orders=told(found.orders),
        recommendations=told(found.recommendations),
        push_and_spare=told(found.push_and_spare),
    )


def about(text: str, product: str | None, called: dict[str, str]) -> str:
    """A flag's sentence with what the page calls the product in place of its id, which opens it or follows "of"."""
    if not product or product not in called:
        return text
    its_id = rf"(^|\bof ){re.escape(product)}(?= (?!of |units? of ))"
    return re.sub(its_id, lambda place: f"{place[1]}{called[product]}", text, count=1)


def quantities(orders: pl.DataFrame) -> list[str]:
    """Orders as "12 Tea"."""
    return [f"{amount(row['quantity'])} {row['name']}" for row in orders.iter_rows(named=True)]


def counted(found: Decisions) -> list[tuple[str, int]]:
    """Kinds of flags and how many there are, in the order of `KINDS`."""
    many = dict(found.flags.group_by("flag").len().iter_rows())
    return [(kind, many[kind]) for kind in KINDS if kind in many]


def lead(found: Decisions) -> str:
    """Beside the answer: the lists of customers."""
    customers = found.today.tables.customers.height
    full = customers - found.short.height
    shown = (
        f"{count(customers, 'customer')} {'gets' if customers == 1 else 'get'} {count(found.n, 'recommendation')} each"
    )
    if found.short.height:
        shown = f"{full:,} of {count(customers, 'customer')} get {count(found.n, 'recommendation')}, the others fewer"
    if found.today.tables.stock.is_empty():
        return f"{shown}. No stock was counted: what is on the shelf is assumed, and the orders with it."
    return f"{shown}. Every product shown is in stock."


def scale(found: Decisions) -> str:
    """On what the page rests."""
    today, tables = found.today, found.today.tables
    said = [f"{count(tables.transactions.height, 'sales line')} over {count(tables.periods, tables.period_name)}"]
    said.append(count(tables.stock.height, "stock count") if tables.stock.height else "no stock counts")
    said.append(count(tables.open_orders.height, "open order") if tables.open_orders.height else "no open orders")
    return f"Decided for {found.when} in the market {today.market.name}, from {said[0]}, {said[1]} and {said[2]}."


def short(found: Decisions) -> list[str]:
    """Why customers get fewer, by what stands in the way."""
    if found.short.is_empty():
        return []
    reasons = (
        found.short.select(pl.col("why").str.split("; ").alias("why"))
        .explode("why")
        .select(pl.col("why").str.replace(r"^\d+ ", ""))
        .group_by("why")
        .len()
        .sort("len", "why", descending=[True, False])
    )
    return [f"{count(many, 'customer')}: {why}" for why, many in reasons.iter_rows()]


def sources(found: Decisions) -> str:
    """Whose taste stands behind the lists."""
    if found.recommendations.is_empty():
        return "Nothing is shown to anybody."
    shares = found.recommendations.group_by("source").len().sort("len", descending=True)
    words = {
        "own": "follow the customer's own purchases and exposures",
        "segment": "come from the list of the customer's segment",
        "overall": "come from the list of all customers",
        "rule": "are decreed in rules.csv",
    }
    total = found.recommendations.height
    told = [f"{percent(many / total, 0)} {words[source]}" for source, many in shares.iter_rows()]
    return f"Of {count(total, 'recommendation')}, {listed(told)}."


def amount(value: float) -> str:
    """A quantity in the firm's units."""
    value = round(value, 3) + 0.0
    return f"{value:,.0f}" if value == round(value) else f"{value:,.3f}".rstrip("0")


def cash(value: float, currency: str = "") -> str:
    """Money in whole units; small sums with cents."""
    return in_currency(value, currency, 0 if abs(value) >= 100 else 2)


def days(value: float | None) -> str:
    """A cover in days; a dash where nobody buys."""
    return "–" if value is None else f"{round(value):,}"
