"""The market played over the recorded periods, and its levels set so that it sells what was recorded.

A fit predicts each period from what was bought before; a market lives on what it sold itself, at one price, with a
smoothed season, and each of these moves what it sells on average. The counts of purchases are what the levels of a
choice model are estimated from, so that is what is matched, with the market in place of the likelihood (the method of
simulated moments; McFadden 1989).
"""

from __future__ import annotations

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from intandem.data.calibration.competition import Competition
from intandem.data.calibration.new_products import by_department
from intandem.data.calibration.panel import Panel
from intandem.data.tables.tables import Tables
from intandem.market import Decision, Market, State, initial_state, rollout

PLENTY = 2.0**23
"""Units on hand with which nothing is ever short."""

ROUNDS, SEED = 6, 7_000
"""Times that a market is played at most, on random numbers of its own."""

CLOSE = 0.005
"""Mean miss of a product's purchases, in logarithms and weighted by them, at which the levels are as recorded."""

MOST_PLACES = 5e7
"""Pairs times periods that a round plays at most, where four replications are no more."""

GAIN_RANGE = (0.7, 4.0)
"""How far sales may follow a level: habits make more of it."""


def with_recorded_levels(
    market: Market, panel: Panel, competition: Competition, guessed: np.ndarray, tables: Tables
) -> Market:
    """The market with base utilities shifted, product by product, until it sells what was recorded when it is played.

    **Arguments:** `guessed`: products, by index, without a purchase; they move with those of their department.
    """
    last = int(np.flatnonzero(panel.train).max()) + 1
    plays = int(np.clip(MOST_PLACES / (last * panel.candidates.size), 4, 32))
    keys = jax.random.split(jax.random.key(SEED), plays)
    train = panel.train[:, None, None]
    sold, could = (
        np.bincount(panel.pair_product, (train * one).sum(0).ravel(), panel.products).astype(float)
        for one in (panel.bought, panel.opportunities)
    )
    visits = float(panel.visited[panel.train].sum())
    known = np.ones(panel.products, bool)
    known[guessed] = False
    if not known.any():
        return market
    gain, missed, shift = 1.0, np.zeros(panel.products), np.zeros(panel.products)
    for turn in range(ROUNDS):
        played = played_purchases(market, panel, keys).sum(0)
        step = np.where(known, _missed(sold, played, could, visits, competition), 0.0)
        if np.average(np.abs(step), weights=sold) < CLOSE:
            break
        if turn:
            followed = (sold * shift * (missed - step)).sum() / max((sold * shift**2).sum(), 1e-12)
            gain = float(np.clip(followed, *GAIN_RANGE))
        missed, shift = step, np.clip(step / gain, -1.0, 1.0)
        shift = by_department(shift, known, tables)
        moved = market.base_utility + jnp.asarray(shift[panel.candidates], jnp.float32)
        market = replace(market, base_utility=moved)
    return market


def _missed(
    sold: np.ndarray, played: np.ndarray, could: np.ndarray, visits: float, competition: Competition
) -> np.ndarray:
    """By how much each product's level is too low, in logit units, if its sales followed it as they do without habits.

    What is not bought counts by product, out of the times that it `could` be, or by category where products compete.
    """
    none, unsold = (np.maximum(could - one, 0.5) for one in (sold, played))
    for number in np.flatnonzero(competition.competing):
        here = competition.category == number
        none[here], unsold[here] = (max(visits - float(one[here].sum()), 0.5) for one in (sold, played))
    return np.log((sold + 0.5) / (played + 0.5)) - np.clip(np.log(none / unsold), -0.3, 0.3)


def played_purchases(market: Market, panel: Panel, keys: Key[Array, " replications"]) -> np.ndarray:
    """Purchases of the market in the periods that are fitted, mean over replications, `fitted products`.

    What was shown then is shown, nothing is short, and what was not on the shelf is not counted.
    """
    last = int(np.flatnonzero(panel.train).max()) + 1
    ample = replace(market, name="", initial_stock=jnp.full(market.products, PLENTY))
    bought = np.asarray(_played(ample, jnp.asarray(panel.shown[:last]), keys), float)
    return (bought * panel.on_shelf[:last])[panel.train[:last]]


@eqx.filter_jit
def _played(
    market: Market, exposed: Float[Array, "periods rows width"], keys: Key[Array, " replications"]
) -> Float[Array, "periods products"]:
    """Mean purchases by period and product."""

    def shown(market: Market, state: State, key: Key[Array, ""]) -> Decision:
        del key
        return Decision(jnp.zeros(market.products), exposed[state.period])

    def once(key: Key[Array, ""]) -> Float[Array, "periods products"]:
        return rollout(market, initial_state(market), shown, len(exposed), key)[1].demand

    return jax.lax.map(once, keys).mean(0) / market.units_per_purchase
