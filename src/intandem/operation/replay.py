"""What customers' past makes of them: intentions, and the history departments see, from the log of purchases and
exposures.

The recursion of the simulator (`intandem.market.demand.next_intention`) is linear, so that what an event adds is
weighted by its age alone: `persistence^age` times `persistence carry_over effect exposure visits / population` for an
exposure and `habit purchases / population` for a purchase. Work grows with the events and not with pairs x periods.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
import polars as pl

from intandem.data.tables.tables import Tables
from intandem.market import Market
from intandem.market.model import HISTORY_DECAY, RECENCY_CAP, History
from intandem.operation.matching import Matching
from intandem.operation.units import unit_sizes


@dataclass(frozen=True)
class Events:
    """Purchases or exposures: the flat place of the pair, the period, and how many per person."""

    place: np.ndarray
    period: np.ndarray
    share: np.ndarray

    def weighted(self, places: int, now: int, decay: float, weight: np.ndarray | None = None) -> np.ndarray:
        """Their sum by place, each weighted by `decay` to the power of its age (0 for the period before `now`)."""
        worth = self.share * np.power(decay, (now - 1 - self.period).astype(float))
        if weight is not None:
            worth = worth * weight[self.place]
        return np.bincount(self.place, worth, places)


@dataclass(frozen=True)
class Log:
    """Purchases and exposures of the market's pairs before a period."""

    purchases: Events
    exposures: Events
    outside: int
    """Purchases of a known customer and product that are no pair of the market."""


def log_of(market: Market, tables: Tables, matching: Matching, now: int) -> Log:
    """The events before period `now`. A customer row of one person buys a product in a period or does not, however many
    units it takes; of a row of several persons so many units as a purchase has on average are one."""
    population = np.asarray(market.population, float)
    purchase = unit_sizes(market) * np.asarray(market.units_per_purchase, float)
    before = pl.col("period") < now
    lines = tables.transactions.filter(before & (pl.col("quantity") > 0))
    bought = lines.group_by("customer", "product", "period").agg(pl.col("quantity").sum())
    visits = tables.visits.filter(before).select("customer", "period", pl.col("visits").cast(pl.Float64))
    # Who bought was there, whatever the visits say.
    there = bought.select("customer", "period", visits=pl.lit(1.0)).unique()
    visits = pl.concat([visits, there]).group_by("customer", "period").agg(pl.col("visits").max())
    shown = tables.customer_exposures().filter(before).select("customer", "product", "period").unique()
    shown = shown.join(visits, on=["customer", "period"], how="inner")

    def events(frame: pl.DataFrame, amount: str) -> tuple[Events, int]:
        customer, product = (frame[name].to_numpy() for name in ("customer", "product"))
        place = matching.places(customer, product)
        known = place >= 0
        persons = population[place[known] // matching.width]
        many = frame[amount].to_numpy()[known]
        if amount == "quantity":
            many = np.where(persons == 1, 1.0, many / purchase[matching.product[product[known]]])
        else:
            many = np.minimum(many, persons)
        outside = (matching.row[customer] >= 0) & (matching.product[product] >= 0) & ~known
        return Events(place[known], frame["period"].to_numpy()[known], many / persons), int(outside.sum())

    purchases, outside = events(bought, "quantity")
    exposures, _ = events(shown, "visits")
    return Log(purchases, exposures, outside)


def intention_of(market: Market, log: Log, now: int) -> np.ndarray:
    """Distance of each pair's purchase intention from its baseline at the start of period `now`, logit units, shape
    `rows width`."""
    shape = market.base_utility.shape
    if not market.traits.has_intention:
        return np.zeros(shape)
    persistence = float(market.persistence)
    places = int(np.prod(shape))
    effect = persistence * float(market.carry_over) * np.asarray(market.exposure_effect, float).ravel()
    intention = log.exposures.weighted(places, now, persistence, effect)
    if market.traits.habitual:
        habit = np.broadcast_to(np.asarray(market.pairs.spread(market.habit), float), shape).ravel()
        intention = intention + log.purchases.weighted(places, now, persistence, habit)
    return intention.reshape(shape)


def history_of(market: Market, log: Log, now: int) -> History | None:
    """What departments see of customers where they do not see intentions; nothing where they do."""
    if market.observed:
        return None
    shape = market.base_utility.shape
    places = int(np.prod(shape))
    recency = np.full(places, RECENCY_CAP)
    np.minimum.at(recency, log.purchases.place, now - 1.0 - log.purchases.period)
    frequency = log.purchases.weighted(places, now, HISTORY_DECAY)
    exposures = log.exposures.weighted(places, now, HISTORY_DECAY)
    return History(*(jnp.asarray(one.reshape(shape), jnp.float32) for one in (recency, frequency, exposures)))
