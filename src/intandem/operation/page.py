"""The planner's page: what to order today, what to push, what to spare, what needs a look."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import polars as pl

from intandem.display import count, in_currency
from intandem.operation import words
from intandem.operation.charts import cover_chart, exposure_chart
from intandem.operation.decisions import Decisions
from intandem.operation.orders import DEMAND
from intandem.pages.document import document, list_of, place_of, section, table_of

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MOST_ORDERS = 60
MOST_PRODUCTS = 12
MOST_FLAGS = 8


def page(found: Decisions, *, currency: str = "") -> str:
    """The page's HTML.

    **Arguments:** `currency`: put before money.
    """
    figures: dict[str, Figure] = {}
    found = words.labelled(found)
    parts = [
        _orders(found, currency, figures),
        _moved(found, "push", currency, figures),
        _moved(found, "spare", currency, figures),
        _look(found),
        _nothing(found),
        _lists(found, currency),
        _known(found),
    ]
    return document(
        title=f"Today: {found.today.market.name}, {found.when}",
        answer=words.answer(found, currency),
        to_do=words.to_do(found),
        lead=words.lead(found),
        scale=words.scale(found),
        sections=[part for part in parts if part],
        figures=figures,
        footer="The tables beside this page hold every product and customer.",
    )


def _orders(found: Decisions, currency: str, figures: dict[str, Figure]) -> str:
    placed = found.placed
    if placed.is_empty():
        return section("What to order today", "Nothing: every product has enough.", "")
    shown = placed.head(MOST_ORDERS)
    packed = bool((shown["units_per_pack"] != 1).any())
    head = [
        "Product",
        "Order",
        *(["Packs"] if packed else []),
        "Order by",
        "Cover, days<br>before → after",
        "Money",
        "Plain rule<br>would order",
    ]
    rows = [
        [
            _named(row),
            f"<b>{words.amount(row['quantity'])}</b>",
            *([_packs(row)] if packed else []),
            f"{row['order_by']:%a} {row['order_by'].day} {row['order_by']:%b}" if row["order_by"] else "–",
            f"{words.days(row['cover_before_days'])} → {words.days(row['cover_after_days'])}",
            words.cash(row["money"], currency),
            words.amount(row["plain_rule"]),
        ]
        for row in shown.iter_rows(named=True)
    ]
    figures["cover"] = cover_chart(found)
    more = (
        f"The {MOST_ORDERS} largest of {placed.height:,} are shown; orders.csv has all. "
        if placed.height > MOST_ORDERS
        else ""
    )
    see = (
        f"{more}By money, largest first. Order by: the last day on which an order still comes before stock and what is "
        "on its way are used up; sooner does no harm."
    )
    return section("What to order today", see, table_of(head, rows) + _arithmetic(shown) + place_of("cover"))


def _packs(row: dict[str, Any]) -> str:
    return f"{row['packs']:,} × {words.amount(row['units_per_pack'])}" if row["units_per_pack"] != 1 else "–"


def _named(row: dict[str, object]) -> str:
    flags = [words.KINDS[flag][0].lower() for flag in str(row["flags"]).split("; ") if flag]
    marks = f'<br><span class="mark">{html.escape(", ".join(flags))}</span>' if flags else ""
    return f"{html.escape(str(row['name']))}{marks}"


def _arithmetic(orders: pl.DataFrame) -> str:
    """Why these quantities: the parts of each order, which add up to it."""
    columns = {
        "Usual<br>demand": ("base",),
        "Season": ("season",),
        "Present<br>intentions": ("present_intentions",),
        "Planned<br>exposure": ("planned_exposure",),
        "Safety<br>stock": ("safety_stock", "sold_at_a_loss"),
        "Stock-blind<br>exposure": ("stock_blind_exposure",),
        "On<br>hand": ("on_hand", "owed"),
        "On<br>order": ("arriving",),
        "Order<br>cost": ("batch",),
        "Learned": ("learned",),
        "Not sent<br>back": ("nothing_sent_back",),
        "Rounding": ("rounding",),
        "Cap": ("cap", "withdrawn"),
    }
    filled = {head: parts for head, parts in columns.items() if orders.select(parts).to_numpy().any()}
    rows = [
        [
            html.escape(row["name"]),
            *(_signed(sum(row[part] for part in parts), parts[0] in DEMAND[:1]) for parts in filled.values()),
            f"<b>= {words.amount(row['quantity'])}</b>",
        ]
        for row in orders.iter_rows(named=True)
    ]
    table = table_of(["Product", *filled, "Order"], rows)
    see = (
        "Demand over lead time and one review if the policy goes on recommending as today, in stock or not, and safety "
        "stock, less what is there and on its way; each line adds up."
    )
    if "Stock-blind<br>exposure" in filled:
        see += " Stock-blind exposure: the reorder rule counts on it, as if recommendations did not look at stock."
    return f'<details><summary>Why these quantities</summary><p class="see">{see}</p>{table}</details>'


def _signed(units: float, first: bool) -> str:
    if units == 0:
        return "·"
    return words.amount(units) if first and units > 0 else f"{'+' if units > 0 else '−'} {words.amount(abs(units))}"


def _moved(found: Decisions, action: str, currency: str, figures: dict[str, Figure]) -> str:
    rows = found.push_and_spare.filter(pl.col("action") == action).head(MOST_PRODUCTS)
    title = f"What to {action}"
    other = "uplift and margin alone"
    if rows.is_empty():
        return section(title, f"Nothing: the lists are those that {other} would give.", "")
    see = {
        "push": f"Shown more than by {other}: there is stock to sell.",
        "spare": f"Shown less than by {other}: what is short sells without being shown, or brings more to others.",
    }[action]
    head = ["Product", "Shown", "By uplift<br>alone", "Stock lasts,<br>days", "On order", "Margin", "Why"]
    cells = [
        [
            html.escape(row["name"]),
            f"<b>{row['planned']:,.0f}</b>",
            f"{row['uncoordinated']:,.0f}",
            words.days(row["stock_days"]),
            words.amount(row["on_order"]),
            words.cash(row["margin"], currency),
            html.escape(row["why"]),
        ]
        for row in rows.iter_rows(named=True)
    ]
    body = table_of(head, cells, kind="moved")
    if "exposure" not in figures:
        figures["exposure"] = exposure_chart(found)
        body += place_of("exposure")
    return section(title, see, body)


def _look(found: Decisions) -> str:
    kinds, called = words.counted(found), words.labels(found)
    if not kinds:
        return section("What needs a look", "Nothing: counts, deliveries and orders are as usual.", "")
    body = ""
    for kind, many in kinds:
        title, cure = words.KINDS[kind]
        texts = found.flags.filter(pl.col("flag") == kind)["text"].to_list()
        ids = found.flags.filter(pl.col("flag") == kind)["product_id"].to_list()
        told = [words.about(text, one, called) for text, one in zip(texts, ids, strict=True)]
        rest = list_of(told[MOST_FLAGS:])
        more = f"<details><summary>{many - MOST_FLAGS:,} more</summary>{rest}</details>" if rest else ""
        heading = f"{html.escape(title)} <span class='many'>{many:,}</span>"
        body += f'<h3>{heading}</h3><p class="see">{html.escape(cure)}</p>{list_of(told[:MOST_FLAGS])}{more}'
    return section("What needs a look", "", body)


def _nothing(found: Decisions) -> str:
    rows = found.orders.filter(pl.col("quantity") == 0)
    if rows.is_empty():
        return ""
    scarce = rows.sort("cover_before_days", "product_id", nulls_last=True).head(MOST_ORDERS)
    head = ["Product", "Cover, days", "Plain rule<br>would order", "Why"]
    cells = [
        [
            html.escape(row["name"]),
            words.days(row["cover_before_days"]),
            words.amount(row["plain_rule"]),
            html.escape(row["why"].removeprefix("nothing: ")),
        ]
        for row in scarce.iter_rows(named=True)
    ]
    table = f"<details><summary>Why not</summary>{table_of(head, cells, kind='moved')}</details>"
    return section("What is not ordered", f"{count(rows.height, 'product')}, those with the least cover first.", table)


def _lists(found: Decisions, currency: str) -> str:
    shown = (
        found.recommendations.group_by("product_id", "name")
        .agg(pl.len(), pl.col("score").mean(), pl.col("added_demand").mean(), pl.col("margin", "worth_of_unit").mean())
        .sort("len", "product_id", descending=[True, False])
        .head(MOST_PRODUCTS)
    )
    cells = [
        [
            html.escape(row["name"]),
            f"{row['len']:,}",
            f"{row['added_demand']:.3f}",
            words.cash(row["margin"], currency),
            "–" if row["worth_of_unit"] is None else words.cash(row["worth_of_unit"], currency),
            in_currency(row["score"], currency, 3),
        ]
        for row in shown.iter_rows(named=True)
    ]
    head = ["Product", "On lists", "Added units<br>a showing", "Margin", "Worth of<br>the unit", "Money<br>a showing"]
    table = table_of(head, cells) if cells else ""
    few = words.short(found)
    why = f'<p class="see">Fewer than {found.n}:</p>{list_of(few)}' if few else ""
    out = found.removed.group_by("why").len().sort("len", descending=True)
    gone = [f"{many:,} left out: {reason}" for reason, many in out.iter_rows()]
    filtered = (
        f'<p class="see">What the rules and the in-stock filter took off the lists:</p>{list_of(gone)}' if gone else ""
    )
    return section("What customers are shown", words.sources(found), table + why + filtered)


def _known(found: Decisions) -> str:
    notes = [*found.today.tables.assumptions, *found.today.tables.notes]
    if not notes:
        return ""
    return section(
        "What the tables say of themselves", "", f"<details><summary>Notes</summary>{list_of(notes)}</details>"
    )
