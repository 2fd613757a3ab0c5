"""What could be shown to whom, and what each showing is worth in money."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import polars as pl
from jaxtyping import Array, Float

from intandem.departments import RecommendationNetwork
from intandem.departments.department import Department
from intandem.departments.outlook import believed_intention, exposure_value, margin
from intandem.departments.rules import NoExposure
from intandem.market import Market, State
from intandem.market.demand import unexposed_utility
from intandem.operation.house_rules import SEGMENT
from intandem.operation.today import Today

LISTED = 60
"""Products on the list of a segment, or of all, which new customers get."""

FIRST, OWN, AFTER = 2, 1, 0
"""Tiers: what is decreed or what a rule of the policy shows, a customer's own products, and those of the list."""


@dataclass(frozen=True)
class Offers:
    """Products that could be shown, by customer: `customers places`, in no order.

    - `product`: index in the market; `products`, one past the last, at an empty place.
    - `score`: money per showing, `added demand x (margin - worth of the unit)`. `added`: market units per showing.
    - `tier`: what comes before what, whatever the scores. `source`: an index into `SOURCES`.
    """

    product: np.ndarray
    score: np.ndarray
    added: np.ndarray
    tier: np.ndarray
    source: np.ndarray

    def of(self, which: np.ndarray) -> Offers:
        """Those of some customers."""
        return Offers(*(one[which] for one in vars(self).values()))

    def beside(self, other: Offers) -> Offers:
        """Both, place after place."""
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return Offers(*(np.concatenate([one, two], axis=1) for one, two in pairs))


SOURCES = ("own", "segment", "overall", "rule")
"""Whose taste stands behind a recommendation: the customer's own, that of the segment or of all, or a house rule."""


@dataclass(frozen=True)
class Worth:
    """What showings are worth in a market, `rows width`: money (`score`), units added, money as if stock were without
    limit (`uncoordinated`), and the exposure of each pair where the department has no scores in money."""

    score: np.ndarray
    added: np.ndarray
    uncoordinated: np.ndarray
    shown: np.ndarray | None


@eqx.filter_jit
def _worth(
    market: Market, state: State, department: Department[Any]
) -> tuple[Float[Array, "rows width"], Float[Array, "rows width"], Float[Array, "rows width"] | None]:
    unexposed = unexposed_utility(market, believed_intention(market, state), state.period)
    cost = market.pairs.spread(market.exposure_cost)
    added = exposure_value(market, unexposed, jnp.ones(market.products)) + cost
    observation = department.observe(market, state)
    if isinstance(department, RecommendationNetwork):
        return department.scores(market, observation)[0], added, None
    score = exposure_value(market, unexposed, margin(market))
    return score, added, department.decide(market, observation)


def worth_of(today: Today, department: Department[Any]) -> Worth:
    """What every showing is worth today to the department that recommends."""
    market = today.market
    score, added, shown = _worth(market, today.state, department)
    units = np.asarray(added, float)
    gain, cost = (np.asarray(market.pairs.spread(one), float) for one in (margin(market), market.exposure_cost))
    valid = np.asarray(market.pairs.valid())
    money = np.asarray(score, float)
    if isinstance(department, NoExposure):
        money = np.full_like(money, -np.inf)
    with np.errstate(invalid="ignore"):
        uncoordinated = np.where(valid, units * gain - cost, -np.inf)
    return Worth(money, np.where(valid, units, 0.0), uncoordinated, None if shown is None else np.asarray(shown))


def own_offers(today: Today, worth: Worth, rows: np.ndarray) -> Offers:
    """The candidates of the customers in some rows of the market."""
    market = today.market
    index = market.pairs.product
    product = np.tile(np.arange(market.products), (len(rows), 1)) if index is None else np.asarray(index)[rows]
    tier = np.full(product.shape, OWN, np.int8)
    if worth.shown is not None:
        tier[worth.shown[rows] >= 0.5] = FIRST
    source = np.zeros(product.shape, np.int8)
    return Offers(product.astype(np.int32), worth.score[rows], worth.added[rows], tier, source)


@dataclass(frozen=True)
class Lists:
    """What is worth showing on average, to all and to each segment: product indices, best first, and their figures."""

    names: dict[str | None, int]
    product: np.ndarray
    score: np.ndarray
    added: np.ndarray

    def offers(self, segments: list[str | None]) -> Offers:
        """The list of each customer's segment, or of all where the segment has none."""
        place = np.array([self.names.get(one, 0) for one in segments], int)
        source = np.where(place == 0, SOURCES.index("overall"), SOURCES.index("segment"))
        shape = (len(place), self.product.shape[1])
        return Offers(
            self.product[place],
            self.score[place],
            self.added[place],
            np.full(shape, AFTER, np.int8),
            np.broadcast_to(source[:, None], shape).astype(np.int8),
        )


def lists_of(today: Today, worth: Worth) -> Lists:
    """The lists of all and of every segment: a product's score is its mean over the customers, 0 where it is no
    candidate of a customer, and so is its added demand."""
    market = today.market
    segment = segments_of(today)
    of_row: list[str | None] = [None] * market.rows
    for code, row in enumerate(today.matching.row):
        if row >= 0:
            of_row[row] = segment[code]
    names: dict[str | None, int] = {None: 0}
    for one in sorted({one for one in of_row if one is not None}):
        names[one] = len(names)
    index = np.asarray(market.pairs.index()).ravel()
    valid = np.asarray(market.pairs.valid()).ravel() & np.isfinite(worth.score).ravel()
    own = np.repeat([names[one] for one in of_row], market.pairs.width)
    shape = (len(names), market.products)
    totals = []
    for values in (worth.score, worth.added):
        held = np.where(valid, np.where(valid, values.ravel(), 0.0), 0.0)
        by_segment = np.bincount(own * market.products + index, held, len(names) * market.products).reshape(shape)
        by_segment[0] = by_segment.sum(0)
        totals.append(by_segment)
    people = np.bincount([names[one] for one in of_row], minlength=len(names)).astype(float)
    people[0] = market.rows
    score, added = (total / np.maximum(people, 1)[:, None] for total in totals)
    best = np.argsort(-score, axis=1, kind="stable")[:, : min(LISTED, market.products)]
    return Lists(names, best.astype(np.int32), *(np.take_along_axis(one, best, 1) for one in (score, added)))


def segments_of(today: Today) -> list[str | None]:
    """The segment of each customer of the tables, by code; `None` without one."""
    customers = today.tables.customers
    if SEGMENT not in customers.columns:
        return [None] * customers.height
    return customers[SEGMENT].cast(pl.String).to_list()
