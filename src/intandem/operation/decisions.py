"""Today's decisions: orders and recommendations with reasons, from a bundle and a firm's tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from intandem.data.tables.checks.report import ValidationReport
from intandem.data.tables.checks.validate import check_tables, read_tables
from intandem.data.tables.tables import Tables
from intandem.departments import JointPolicy, reference
from intandem.display import Displayed, Summary, count, money
from intandem.errors import InputError
from intandem.learning import load_bundle
from intandem.learning.bundle import MARKET
from intandem.market import Market
from intandem.market.files import load_market
from intandem.operation.flags import Flag, flags_frame, listed
from intandem.operation.house_rules import read_house_rules
from intandem.operation.offers import worth_of
from intandem.operation.orders import orders_of, reasons_of
from intandem.operation.push_and_spare import push_and_spare
from intandem.operation.recommendations import recommend
from intandem.operation.today import Today, today_of


@dataclass(frozen=True, repr=False)
class Decisions(Displayed):
    """What a firm does today, as frames.

    - `orders`: one row per product (`intandem.operation.orders.ORDERS`).
    - `recommendations`: one row per customer and rank (`recommendations.RECOMMENDATIONS`); `short`: customers with
      fewer than `n`, and why; `removed`: what a rule or the stock took off a list.
    - `push_and_spare`: products shown more or less than without a look at stock. `flags`: what needs a look.
    - `today`: the state they were decided in. `n`: recommendations per customer.
    """

    orders: pl.DataFrame
    recommendations: pl.DataFrame
    short: pl.DataFrame
    removed: pl.DataFrame
    push_and_spare: pl.DataFrame
    flags: pl.DataFrame
    today: Today
    n: int

    @property
    def placed(self) -> pl.DataFrame:
        """The orders that are not of nothing."""
        return self.orders.filter(pl.col("quantity") > 0)

    @property
    def when(self) -> str:
        """The day that is decided, or the firm's own number of the period where it counts periods."""
        today = self.today
        return f"{today.tables.period_name} {today.named(today.period)}" if today.day is None else today.day.isoformat()

    def as_json(self) -> dict[str, Any]:
        """The decisions under the names of the command line's JSON."""
        orders = [
            {**{name: row[name] for name in _TOLD}, "flags": row["flags"].split("; ") if row["flags"] else []}
            | {"reasons": reasons_of(row)}
            for row in self.orders.with_columns(pl.col(pl.Date).cast(pl.String)).iter_rows(named=True)
        ]
        return {
            "date": self.when,
            "orders": orders,
            "recommendations": self.recommendations.to_dicts(),
            "short": self.short.to_dicts(),
            "flags": self.flags.to_dicts(),
        }

    def _summary(self) -> Summary:
        placed, customers = self.placed, self.recommendations["customer_id"].n_unique()
        spent = money(float(placed["money"].sum()))
        rows = [
            ("orders", f"{placed.height:,} of {count(self.orders.height, 'product')}, for {spent}"),
            ("shown", f"{self.recommendations.height:,} to {count(customers, 'customer')}"),
            ("fewer", f"{count(self.short.height, 'customer')} with fewer than {self.n}"),
            ("to look at", count(self.flags.height, "flag")),
        ]
        return Summary(f"{self.today.market.name}: decided for {self.when}", rows)


_TOLD = (
    "product_id",
    "name",
    "quantity",
    "packs",
    "units_per_pack",
    "order_by",
    "arrives",
    "cover_before_days",
    "cover_after_days",
    "money",
    "plain_rule",
    "why",
)


def decide(
    bundle: str | Path | JointPolicy,
    tables: Any = None,
    *,
    day: date | str | None = None,
    n: int | None = None,
    rules: Any = None,
    minimum_cover: float | None = None,
    market: Market | str | Path | None = None,
    transfer: bool = False,
    mapping: Mapping[str, Any] | None = None,
    **frames: Any,
) -> Decisions:
    """Today's orders and recommendations, with reasons.

    **Arguments:**

    - `bundle`: the folder of a trained policy, which decides in the market that it carries; or any two departments as a
      `JointPolicy`, with their `market`.
    - `tables`: a folder, frames by table name, or `Tables`; or the tables one by one (`transactions=..., products=...,
      stock=..., open_orders=...`), with `mapping` as in `validate_folder`.
    - `day`: on which is decided; by default the first day after the last period with lines.
    - `n`: recommendations per customer; by default the market's slots. `rules`: see `intandem.operation.house_rules`.
    - `minimum_cover`: days of demand below which stock is flagged; by default each product's lead time.
    - `market`, `transfer`: decide in another market than the bundle's, calibrated since; its weights fit any.

    **Raises:** `InputError` for tables, a bundle or rules that cannot be used.

    ```python
    >>> from intandem.departments import policy_of_rules
    >>> from intandem.market import example_market
    >>> market = example_market("two-products-capped")
    >>> policy = policy_of_rules(market, "base-stock", "uplift")
    >>> lines = {"customer_id": ["c1"] * 4, "product_id": ["p1", "p2"] * 2, "period": [0, 0, 1, 1]}
    >>> found = decide(
    ...     policy,
    ...     market=market,
    ...     transactions=lines | {"quantity": [3, 4, 2, 5], "price": [12.0, 10.0, 12.0, 10.0]},
    ...     products={"product_id": ["p1", "p2"]},
    ...     stock={"product_id": ["p1", "p2"], "period": [2, 2], "on_hand": [9, 1]},
    ... )
    >>> found.orders.select("product_id", "quantity", "base", "safety_stock", "on_hand", "cap").rows()[0]
    ('p2', 5.0, 6.0, 3.0, -1.0, -3.0)
    >>> found.recommendations.select("customer_id", "rank", "product_id").rows()
    [('c1', 1, 'p1')]

    ```
    """
    policy, world = _policy(bundle, market, transfer)
    firm, left_out = _tables(tables, frames, mapping)
    today = today_of(world, firm, _day(day))
    shown = world.exposure_slots if n is None else n
    if shown < 1:
        raise InputError("n", f"is {shown}", "show 1 product or more")
    categories = _categories(today)
    named = [one for one in dict.fromkeys(categories) if one is not None]
    decreed = read_house_rules(rules, world.labels.product_ids, named)
    orders, parts, looked = orders_of(today, reference(world), policy, minimum_cover)
    worth = worth_of(today, policy.recommendation)
    found = recommend(today, worth, shown, decreed, categories)
    flags = [*left_out, *today.flags, *_with_who(looked, found.lists)]
    return Decisions(
        orders=orders,
        recommendations=found.lists,
        short=found.short,
        removed=found.removed,
        push_and_spare=push_and_spare(today, worth, found.exposures, parts, shown),
        flags=flags_frame(flags),
        today=today,
        n=shown,
    )


def _policy(
    bundle: str | Path | JointPolicy, market: Market | str | Path | None, transfer: bool
) -> tuple[JointPolicy, Market]:
    if isinstance(market, str | Path):
        market = load_market(market)
    if isinstance(bundle, JointPolicy):
        if market is None:
            raise InputError("market", "is not given, and departments carry none", "give the market they decide in")
        return bundle, market
    policy = load_bundle(bundle, market, transfer=transfer)
    return policy, load_market(Path(bundle) / MARKET) if market is None else market


def _tables(tables: Any, frames: Mapping[str, Any], mapping: Mapping[str, Any] | None) -> tuple[Tables, list[Flag]]:
    """The firm's tables, and a word on rows that were left out."""
    if isinstance(tables, Tables) and not frames:
        return tables, []
    report = tables if isinstance(tables, ValidationReport) else check_tables(read_tables(tables, frames, mapping))
    if not report.quarantined:
        return report.tables, []
    broke = "breaks a rule and is" if report.quarantined == 1 else "break a rule and are"
    text = f"{report.quarantined:,} of {count(report.rows, 'row')} {broke} left out: `data validate` lists them."
    return report.tables, [Flag("rows_left_out", None, text)]


def _day(day: date | str | None) -> date | None:
    if not isinstance(day, str):
        return day
    try:
        return date.fromisoformat(day)
    except ValueError as error:
        raise InputError("day", f"{day!r} is not a day", "write it as 2024-03-31") from error


def _categories(today: Today) -> list[str | None]:
    """The category of each product, as today's tables have it, or the market."""
    found = list(today.market.category)
    for place, category in zip(today.matching.product, today.tables.products["category"].to_list(), strict=True):
        if place >= 0 and category is not None:
            found[place] = category
    return found


def _with_who(flags: list[Flag], lists: pl.DataFrame) -> list[Flag]:
    """Whoever is shown what is short, so that a person can tell whether the right ones get it."""
    wanted = [flag.product_id for flag in flags if flag.flag == "capped"]
    shown = lists.filter(pl.col("product_id").is_in(wanted)).sort("score", descending=True)
    who = {
        str(product[0]): frame["customer_id"].to_list()
        for product, frame in shown.group_by("product_id", maintain_order=True)
    }
    told = []
    for flag in flags:
        text = flag.text
        if flag.flag == "capped":
            mine = who.get(str(flag.product_id), [])
            text += f" It is shown to {listed(mine)}." if mine else " It is shown to nobody."
        told.append(Flag(flag.flag, flag.product_id, text))
    return told
