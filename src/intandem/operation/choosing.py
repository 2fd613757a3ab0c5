"""Lists of so many products out of what could be shown: by the rules of the house, and by stock, which has the last
word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from intandem.operation.house_rules import HouseRule
from intandem.operation.offers import FIRST, SOURCES, Offers

KEPT, NOT_WORTH, RULED_OUT, LIMITED, SOLD_OUT = range(5)
"""What became of an offer."""

WHY = ("", "brings less than it costs", "ruled out", "too many of its category", "out of stock")


@dataclass(frozen=True)
class Chosen:
    """Lists, one per customer, as columns: customers and places of the offers, in the order in which they are shown.

    - `customer`, `place`, `rank` (from 1): one entry per recommendation.
    - `removed_customer`, `removed_place`, `removed_why`: of what would have been on a list, and why it is not.
    - `counts`: how many offers of each customer came to each end, `customers 5`.
    """

    customer: np.ndarray
    place: np.ndarray
    rank: np.ndarray
    removed_customer: np.ndarray
    removed_place: np.ndarray
    removed_why: np.ndarray
    counts: np.ndarray


def with_decreed(
    offers: Offers,
    rules: Sequence[HouseRule],
    customers: pl.DataFrame,
    products: Sequence[str],
    usual: tuple[np.ndarray, np.ndarray],
) -> Offers:
    """The offers with products that are always shown or pinned before all others.

    **Arguments:** `usual`: score and added demand of every product on average, for customers whose candidate it is not.
    """
    for rule in rules:
        if rule.rule not in ("always", "pin") or rule.product_id is None:
            continue
        product = products.index(rule.product_id)
        member = rule.members(customers).to_numpy()
        own = (offers.product == product) & member[:, None]
        tier, source = offers.tier.copy(), offers.source.copy()
        tier[own], source[own] = FIRST, SOURCES.index("rule")
        offers = Offers(offers.product, offers.score, offers.added, tier, source)
        lacking = member & ~own.any(1)
        if lacking.any():
            column = np.where(lacking, product, len(products)).astype(np.int32)[:, None]
            score, added = (
                np.where(lacking, one[product], empty)[:, None]
                for one, empty in zip(usual, (-np.inf, 0.0), strict=True)
            )
            first, decreed = (np.full(column.shape, one, np.int8) for one in (FIRST, SOURCES.index("rule")))
            offers = offers.beside(Offers(column, score, added, first, decreed))
    return offers


def choose(
    offers: Offers,
    n: int,
    in_stock: np.ndarray,
    rules: Sequence[HouseRule],
    customers: pl.DataFrame,
    products: Sequence[str],
    categories: Sequence[str | None],
) -> Chosen:
    """The first `n` of each customer's offers by tier and score that nothing speaks against.

    **Arguments:** `in_stock`: by product. `customers`: one row per customer of the offers, with attributes.
    `products`, `categories`: of the market, in its order.
    """
    order = np.lexsort((-offers.score, -offers.tier), axis=1)
    offers = Offers(*(np.take_along_axis(one, order, 1) for one in vars(offers).values()))
    there = offers.product < len(products)
    shelf = np.append(in_stock, False)[offers.product]
    # What a rule decrees is shown whatever it brings; what a policy's own rule shows as well.
    fate = np.where((offers.score > 0) | (offers.tier == FIRST), KEPT, NOT_WORTH).astype(np.int8)
    fate[_never(offers, rules, customers, products, categories)] = RULED_OUT
    fate[(fate == KEPT) & ~shelf] = SOLD_OUT
    _limit(fate, n, offers, rules, customers, products, categories)
    kept = there & (fate == KEPT)
    rank = np.cumsum(kept, axis=1)
    chosen = kept & (rank <= n)
    first = there & (np.cumsum(there & ((offers.score > 0) | (offers.tier == FIRST)), axis=1) <= n)
    lost = first & ((fate == SOLD_OUT) | (fate == RULED_OUT) | (fate == LIMITED))
    customer, at = np.nonzero(chosen)
    pinned = _pinned(customer, offers.product[customer, at], rank[customer, at], rules, customers, products)
    customer, at = customer[pinned], at[pinned]
    starts = np.searchsorted(customer, np.arange(len(there)))
    gone, gone_at = np.nonzero(lost)
    return Chosen(
        customer,
        order[customer, at],
        np.arange(len(customer)) - starts[customer] + 1,
        gone,
        order[gone, gone_at],
        fate[gone, gone_at],
        np.stack([(there & (fate == one)).sum(1) for one in range(len(WHY))], axis=1),
    )


def _never(
    offers: Offers,
    rules: Sequence[HouseRule],
    customers: pl.DataFrame,
    products: Sequence[str],
    categories: Sequence[str | None],
) -> np.ndarray:
    out = np.zeros(offers.product.shape, bool)
    for rule in rules:
        if rule.rule == "never":
            meant = [
                (rule.product_id in (None, one)) and (rule.category in (None, category))
                for one, category in zip(products, categories, strict=True)
            ]
            out |= np.append(meant, False)[offers.product] & rule.members(customers).to_numpy()[:, None]
    return out


def _limit(
    fate: np.ndarray,
    n: int,
    offers: Offers,
    rules: Sequence[HouseRule],
    customers: pl.DataFrame,
    products: Sequence[str],
    categories: Sequence[str | None],
) -> None:
    """Marks what is beyond the most of a category, in place, until each customer has `n` products; offers stand in the
    order in which they would be shown."""
    limits = [rule for rule in rules if rule.rule == "at_most"]
    if not limits:
        return
    names = {name: code for code, name in enumerate(dict.fromkeys(one for one in categories if one is not None))}
    # Products without a category are each a category of their own.
    own = [names[name] if name is not None else len(names) + at for at, name in enumerate(categories)]
    code = np.append(own, -1)[offers.product]
    most = np.full(offers.product.shape, np.iinfo(np.int32).max)
    for rule in limits:
        assert rule.most is not None
        meant = rule.members(customers).to_numpy()[:, None]
        meant = meant & ((code < len(names)) if rule.category is None else (code == names[rule.category]))
        most = np.where(meant, np.minimum(most, rule.most), most)
    have = np.zeros(len(code), int)
    for at in range(code.shape[1]):
        open_ = np.flatnonzero(have < n)
        if not open_.size:
            break
        same = code[open_, :at] == code[open_, at : at + 1]
        before = (same & (fate[open_, :at] == KEPT)).sum(1)
        mine = fate[open_, at]
        mine[(mine == KEPT) & (before >= most[open_, at])] = LIMITED
        fate[open_, at] = mine
        have[open_] += (mine == KEPT) & (offers.product[open_, at] < len(products))


def _pinned(
    customer: np.ndarray,
    product: np.ndarray,
    rank: np.ndarray,
    rules: Sequence[HouseRule],
    customers: pl.DataFrame,
    products: Sequence[str],
) -> np.ndarray:
    """The order in which recommendations stand when pinned ones have taken their positions."""
    order = np.arange(len(customer))
    pins = sorted((rule for rule in rules if rule.rule == "pin"), key=lambda rule: rule.position or 0)
    rank = rank.astype(float)
    for rule in pins:
        assert rule.product_id is not None
        assert rule.position is not None
        mine = (product == products.index(rule.product_id)) & rule.members(customers).to_numpy()[customer]
        # Where it stood, the others move up; at its position they make room.
        from_rank = np.full(customers.height, np.inf)
        from_rank[customer[mine]] = rank[mine]
        others = rank - (rank > from_rank[customer])
        place = np.where(mine, rule.position - 0.5, others)
        order = np.lexsort((place, customer))
        starts = np.searchsorted(customer[order], np.arange(customers.height))
        rank[order] = np.arange(len(order)) - starts[customer[order]] + 1
    return order
