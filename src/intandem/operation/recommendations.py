"""Today's recommendations: a list per customer, what stands behind each product, who gets fewer and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from intandem.departments.outlook import margin
from intandem.operation.choosing import KEPT, WHY, Chosen, choose, with_decreed
from intandem.operation.house_rules import HouseRule
from intandem.operation.offers import SOURCES, Lists, Offers, Worth, lists_of, own_offers, segments_of
from intandem.operation.orders import names_of
from intandem.operation.today import Today
from intandem.operation.units import unit_sizes

RECOMMENDATIONS: dict[str, Any] = {
    "customer_id": pl.String,
    "rank": pl.Int32,
    "product_id": pl.String,
    "name": pl.String,
    "score": pl.Float64,
    "added_demand": pl.Float64,
    "margin": pl.Float64,
    "worth_of_unit": pl.Float64,
    "source": pl.String,
}
"""The columns of the recommendations: `score = added_demand x (margin - worth_of_unit)`, in money."""

SHORT = {"customer_id": pl.String, "shown": pl.Int32, "why": pl.String}
REMOVED = {"customer_id": pl.String, "product_id": pl.String, "score": pl.Float64, "why": pl.String}


@dataclass(frozen=True)
class Recommended:
    """Lists for everybody in the customers table.

    - `lists`: the columns of `RECOMMENDATIONS`, by customer and rank. `short`: customers with fewer than `n`, and why.
    - `removed`: what would have been on a list, had not a rule or the stock spoken against it.
    - `exposures`: expected showings a period by product, of customers whom the market knows.
    """

    lists: pl.DataFrame
    short: pl.DataFrame
    removed: pl.DataFrame
    exposures: np.ndarray


def recommend(
    today: Today, worth: Worth, n: int, rules: tuple[HouseRule, ...], categories: list[str | None]
) -> Recommended:
    """The lists of `n` products. The in-stock filter comes last: neither a pin nor the list of all passes it."""
    market, customers = today.market, today.tables.customers
    known = np.flatnonzero(today.matching.row >= 0)
    new = np.flatnonzero(today.matching.row < 0)
    lists = lists_of(today, worth)
    there = np.zeros(market.products, bool)
    there[today.matching.product[today.matching.product >= 0]] = True
    in_stock = (np.asarray(today.state.on_hand) - np.asarray(today.state.backlog) > 0) & there
    usual = _usual(lists, market.products)
    products = list(market.labels.product_ids)
    segments = segments_of(today)

    def chosen(offers: Offers, codes: np.ndarray) -> tuple[Offers, Chosen]:
        who = customers[codes]
        full = with_decreed(offers, rules, who, products, usual)
        return full, choose(full, n, in_stock, rules, who, products, categories)

    offers = own_offers(today, worth, today.matching.row[known])
    full, found = chosen(offers, known)
    parts = [(full, found, known)]
    fewer = np.bincount(found.customer, minlength=len(known)) < n
    if fewer.any():
        again = np.flatnonzero(fewer)
        # Who has too little of an own list gets the list of the segment, or of all, behind it.
        after = _without(lists.offers([segments[code] for code in known[again]]), offers.of(again), market.products)
        keep = ~fewer[found.customer]
        gone = ~fewer[found.removed_customer]
        parts = [
            (full, _only(found, keep, gone), known),
            (*chosen(offers.of(again).beside(after), known[again]), known[again]),
        ]
    if new.size:
        parts.append((*chosen(lists.offers([segments[code] for code in new]), new), new))
    names = np.array(names_of(today), object)
    frame = _sorted(pl.concat([_frame(today, *part, names) for part in parts]), customers)
    removed = _sorted(pl.concat([_removed(today, *part) for part in parts]), customers)
    shown = np.bincount(frame["code"].to_numpy(), minlength=customers.height)
    short = [_short(customers["customer_id"].to_numpy(), shown, part[1], part[2], n) for part in reversed(parts)]
    weight = np.asarray(market.population * market.visit_probability, float)
    row = today.matching.row[frame["code"].to_numpy()]
    exposures = np.bincount(frame["place"].to_numpy()[row >= 0], weight[row[row >= 0]], market.products)
    return Recommended(
        frame.select(pl.col(name).cast(kind) for name, kind in RECOMMENDATIONS.items()),
        pl.concat(short).unique("customer_id", keep="first", maintain_order=True).sort("customer_id"),
        removed.select(*REMOVED),
        exposures,
    )


def _usual(lists: Lists, products: int) -> tuple[np.ndarray, np.ndarray]:
    """Score and added demand of every product on the list of all; 0 beyond it."""
    score, added = np.zeros(products), np.zeros(products)
    score[lists.product[0]], added[lists.product[0]] = lists.score[0], lists.added[0]
    return score, added


def _without(offers: Offers, own: Offers, products: int) -> Offers:
    """The offers without products that are the customer's own already."""
    mine = np.zeros((len(own.product), products + 1), bool)
    np.put_along_axis(mine, own.product.astype(np.int64), True, axis=1)
    double = np.take_along_axis(mine, offers.product.astype(np.int64), 1)
    product = np.where(double, products, offers.product).astype(np.int32)
    return Offers(product, np.where(double, -np.inf, offers.score), offers.added, offers.tier, offers.source)


def _only(found: Chosen, keep: np.ndarray, gone: np.ndarray) -> Chosen:
    return Chosen(
        found.customer[keep],
        found.place[keep],
        found.rank[keep],
        found.removed_customer[gone],
        found.removed_place[gone],
        found.removed_why[gone],
        found.counts,
    )


def _frame(today: Today, offers: Offers, found: Chosen, codes: np.ndarray, names: np.ndarray) -> pl.DataFrame:
    place = offers.product[found.customer, found.place]
    size = unit_sizes(today.market)
    gain = (np.asarray(margin(today.market), float) / size)[place]
    score, added = (one[found.customer, found.place] for one in (offers.score, offers.added))
    added = added * size[place]
    with np.errstate(invalid="ignore", divide="ignore"):
        worth = np.where(added > 0, gain - score / added, np.nan)
    ids = pl.Series(today.market.labels.product_ids, dtype=pl.String)
    return pl.DataFrame(
        {
            "code": codes[found.customer].astype(np.int64),
            "place": place.astype(np.int64),
            "rank": found.rank,
            "product_id": ids.gather(place),
            "name": pl.Series(names.tolist(), dtype=pl.String).gather(place),
            "score": score,
            "added_demand": added,
            "margin": gain,
            "worth_of_unit": worth,
            "source": pl.Series(SOURCES).gather(offers.source[found.customer, found.place]),
        }
    ).with_columns(pl.col("worth_of_unit").fill_nan(None))


def _removed(today: Today, offers: Offers, found: Chosen, codes: np.ndarray) -> pl.DataFrame:
    place = offers.product[found.removed_customer, found.removed_place]
    score = offers.score[found.removed_customer, found.removed_place]
    ids = pl.Series(today.market.labels.product_ids, dtype=pl.String)
    return pl.DataFrame(
        {
            "code": codes[found.removed_customer].astype(np.int64),
            "rank": -score,
            "product_id": ids.gather(place),
            "score": score,
            "why": pl.Series(WHY).gather(found.removed_why),
        }
    )


def _sorted(frame: pl.DataFrame, customers: pl.DataFrame) -> pl.DataFrame:
    named = frame.with_columns(customers["customer_id"].gather(frame["code"]).alias("customer_id"))
    return named.sort("code", "rank")


def _short(ids: np.ndarray, shown: np.ndarray, found: Chosen, codes: np.ndarray, n: int) -> pl.DataFrame:
    """Customers with fewer than `n`, and how many of their offers came to which end."""
    few = np.flatnonzero(shown[codes] < n)
    counts = found.counts[few]
    told = [
        "; ".join(f"{many} {WHY[end]}" for end, many in enumerate(row) if many and end != KEPT) or "no other candidate"
        for row in counts.tolist()
    ]
    return pl.DataFrame(
        {"customer_id": ids[codes[few]], "shown": shown[codes[few]], "why": told}, schema_overrides=SHORT
    )
