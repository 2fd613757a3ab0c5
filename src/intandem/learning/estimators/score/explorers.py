"""How departments try things: what each draws around what it would decide, and how likely that was.

A draw has a part of its own for every product and parts that are common to all. The common part is what matters most:
independent draws hardly ever show less of everything, or order more of everything. Each part has its own density, so
each can be weighed with what it earned. With one product there is nothing to be common to, and its own part is all.

What is drawn is on the level of orders, on shadow prices and on the temperature, or where departments have no such
structure on quantities and logits; the decision follows from it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from intandem.departments import InventoryNetwork, PlainInventory, PlainRecommendation, RecommendationNetwork
from intandem.departments.department import Department
from intandem.departments.recommendation import exposures_of
from intandem.learning.estimators.score.densities import (
    draw_slates,
    gate_log_probability,
    normal_log_density,
    order_log_probability,
    slate_exposures,
    slate_log_probability,
)
from intandem.market import Market, State
from intandem.market.draws import bernoulli
from intandem.market.supply import nearest_feasible_order


class Likelihood(eqx.Module):
    """Log-densities of a draw: of each product's own part, and of the parts that all have in common; and the entropy
    of what is drawn as yes or no, or as a slate."""

    own: Float[Array, "*times products"]
    common: Float[Array, "*times parts"]
    entropy: Float[Array, "*times"]


class Explorer(ABC):
    """How the department of a kind explores. `spread` scales the noise: 1 at first, less later."""

    @abstractmethod
    def draw(
        self, department: Any, market: Market, state: State, spread: Float[Array, ""], key: Key[Array, ""]
    ) -> tuple[Float[Array, "..."], Any, Any]:
        """A decision, what was seen (all that `likelihood` needs of the state), and what was drawn."""

    @abstractmethod
    def likelihood(
        self, department: Any, market: Market, seen: Any, drawn: Any, spread: Float[Array, ""]
    ) -> Likelihood:
        """How likely the draw is for the department as it is now."""


LEVEL = 0.5
"""Deviation of the noise on order quantities, own and common, in standard deviations of demand over the cover."""


class DrawnOrder(eqx.Module):
    """An order (units), whether it was placed at all, and the common part of its noise."""

    order: Float[Array, "*times products"]
    placed: Bool[Array, "*times products"]
    common: Float[Array, "*times"]


class OrderExplorer(Explorer):
    """Orders of noisy quantities, the feasible ones nearest to them, by either kind of inventory department."""

    def draw(
        self,
        department: Any,
        market: Market,
        state: State,
        spread: Float[Array, ""],
        key: Key[Array, ""],
    ) -> tuple[Float[Array, " products"], Any, DrawnOrder]:
        """Feasible orders."""
        own_key, common_key, gate_key = jax.random.split(key, 3)
        seen = department.observe(market, state)
        wanted = department.wanted(market, seen)
        unit = department.noise_unit(market, seen)
        level = (wanted.quantity / unit).mean()
        shared = market.products > 1
        common = level + LEVEL * spread * jax.random.normal(common_key) if shared else level
        own = LEVEL * spread * jax.random.normal(own_key, unit.shape)
        order = nearest_feasible_order(market, wanted.quantity + unit * (common - level + own))
        placed = jnp.ones(order.shape, bool)
        if department.gated:
            placed = bernoulli(gate_key, jax.nn.sigmoid(wanted.ordering)) > 0
        return jnp.where(placed, order, 0.0), seen, DrawnOrder(order, placed, common)

    def likelihood(
        self,
        department: Any,
        market: Market,
        seen: Any,
        drawn: DrawnOrder,
        spread: Float[Array, ""],
    ) -> Likelihood:
        """Of the common part; and of each order given that: exactly, as the quantities that become it are many."""
        wanted = department.wanted(market, seen)
        unit = department.noise_unit(market, seen)
        level = (wanted.quantity / unit).mean()
        location, common = wanted.quantity, jnp.zeros(0)
        if market.products > 1:
            location = location + unit * (drawn.common - level)
            common = normal_log_density(drawn.common, level, jnp.log(LEVEL * spread))[None]
        own = order_log_probability(market, drawn.order, location, LEVEL * spread * unit)
        if not department.gated:
            return Likelihood(own, common, jnp.zeros(()))
        own = jnp.where(drawn.placed, own, 0.0) + gate_log_probability(drawn.placed, wanted.ordering)
        chance = jax.nn.sigmoid(wanted.ordering)
        entropy = -(chance * jax.nn.log_sigmoid(wanted.ordering) + (1 - chance) * jax.nn.log_sigmoid(-wanted.ordering))
        return Likelihood(own, common, entropy.sum())


OWN_PRICES = jnp.array([0.15, 0.15, 0.0, 0.2])
COMMON_PRICES = jnp.array([0.15, 0.15, 0.3, 0.2])
"""Deviations of the noise on each of recommendation's corrections: the shadow prices of now and of later (in units of
what a sale is worth), the logarithm of the temperature, and that of what is counted of later demand."""


class DrawnPrices(eqx.Module):
    """Corrections as drawn: each product's own part, about their mean, and the part in common."""

    own: Float[Array, "*times products corrections"]
    common: Float[Array, "*times corrections"]


class PriceExplorer(Explorer):
    """Exposures at noisy shadow prices and temperatures, by departments that correct the value of an exposure."""

    def draw(
        self,
        department: RecommendationNetwork,
        market: Market,
        state: State,
        spread: Float[Array, ""],
        key: Key[Array, ""],
    ) -> tuple[Float[Array, "rows width"], Float[Array, "products features"], DrawnPrices]:
        """Exposures under the slot budget."""
        own_key, common_key = jax.random.split(key)
        observation = department.observe(market, state)
        own, common = _parts(department.network(observation.features))
        own_spread, common_spread = _spreads(market)
        own = own + spread * own_spread * jax.random.normal(own_key, own.shape)
        common = common + spread * common_spread * jax.random.normal(common_key, common.shape)
        scores, temperature = department.scores_of(market, observation, own + common)
        return exposures_of(market, scores, temperature), observation.features, DrawnPrices(own, common)

    def likelihood(
        self,
        department: RecommendationNetwork,
        market: Market,
        seen: Float[Array, "products features"],
        drawn: DrawnPrices,
        spread: Float[Array, ""],
    ) -> Likelihood:
        """Of the corrections that were drawn."""
        own, common = _parts(department.network(seen))
        own_spread, common_spread = _spreads(market)

        def density(value: Array, mean: Array, deviation: Array) -> Array:
            moves = deviation > 0
            safe = jnp.where(moves, deviation, 1.0)
            return jnp.where(moves, normal_log_density(value, mean, jnp.log(spread * safe)), 0.0)

        return Likelihood(
            density(drawn.own, own, own_spread).sum(-1), density(drawn.common, common, common_spread), jnp.zeros(())
        )


def _parts(
    corrections: Float[Array, "products corrections"],
) -> tuple[Float[Array, "products corrections"], Float[Array, " corrections"]]:
    """What is each product's own, and what all have in common: their mean. A single product's is all in common."""
    common = corrections.mean(0)
    return corrections - common, common


def _spreads(market: Market) -> tuple[Float[Array, " corrections"], Float[Array, " corrections"]]:
    """Deviations of both parts, 0 for what the market has no use for."""
    lasting = float(market.traits.has_intention)
    used = jnp.array([1.0, lasting, float(market.exposure == "intensity"), lasting])
    return OWN_PRICES * used * float(market.products > 1), COMMON_PRICES * used


LOGIT, COMMON_LOGIT = 0.5, 0.3
"""Deviations of the noise on logits of exposures: of each pair's own, and of what all have in common."""


class DrawnExposures(eqx.Module):
    """What all logits have in common, as drawn; and either the logits themselves or the places of ordered slates."""

    common: Float[Array, "*times"]
    logits: Float[Array, "*times rows width"] | None
    slate: Int[Array, "*times rows slots"] | None


class ExposureExplorer(Explorer):
    """Exposures at noisy logits, or slates drawn by Plackett and Luce, by departments without structure."""

    def draw(
        self,
        department: PlainRecommendation,
        market: Market,
        state: State,
        spread: Float[Array, ""],
        key: Key[Array, ""],
    ) -> tuple[Float[Array, "rows width"], Float[Array, " inputs"], DrawnExposures]:
        """Exposures under the slot budget."""
        own_key, common_key = jax.random.split(key)
        seen = department.observe(market, state)
        logits = department.logits(market, seen)
        level = _level(market, logits)
        common = level + COMMON_LOGIT * spread * jax.random.normal(common_key)
        logits = logits + (common - level)
        if market.exposure == "slate":
            slate = draw_slates(logits, min(market.exposure_slots, market.pairs.width), own_key)
            return slate_exposures(slate, market.pairs.width), seen, DrawnExposures(common, None, slate)
        logits = logits + LOGIT * spread * jax.random.normal(own_key, logits.shape)
        return department.exposures(market, logits), seen, DrawnExposures(common, logits, None)

    def likelihood(
        self,
        department: PlainRecommendation,
        market: Market,
        seen: Float[Array, " inputs"],
        drawn: DrawnExposures,
        spread: Float[Array, ""],
    ) -> Likelihood:
        """Of a product's logits together; of slates, row by row: a slate is no product's own."""
        logits = department.logits(market, seen)
        level = _level(market, logits)
        common = normal_log_density(drawn.common, level, jnp.log(COMMON_LOGIT * spread))[None]
        logits = logits + (drawn.common - level)
        if drawn.slate is not None:
            rows = slate_log_probability(logits, drawn.slate)
            return Likelihood(jnp.zeros(market.products), jnp.concatenate([common, rows]), -rows.sum())
        assert drawn.logits is not None, "what was drawn is logits or slates"
        valid = market.pairs.valid()
        drawn_logits, mean = (jnp.where(valid, one, 0.0) for one in (drawn.logits, logits))
        densities = jnp.where(valid, normal_log_density(drawn_logits, mean, jnp.log(LOGIT * spread)), 0.0)
        return Likelihood(market.pairs.total(densities), common, jnp.zeros(()))


def _level(market: Market, logits: Float[Array, "rows width"]) -> Float[Array, ""]:
    """What the logits have in common: their mean."""
    valid = market.pairs.valid()
    return jnp.where(valid, logits, 0.0).sum() / jnp.maximum(valid.sum(), 1)


def explorer_of(department: Department[Any]) -> Explorer:
    """How a department explores, by its kind."""
    for kind, explorer in EXPLORERS.items():
        if isinstance(department, kind):
            return explorer
    raise TypeError(f"{type(department).__name__} does not explore")


EXPLORERS: dict[type, Explorer] = {
    InventoryNetwork: OrderExplorer(),
    PlainInventory: OrderExplorer(),
    RecommendationNetwork: PriceExplorer(),
    PlainRecommendation: ExposureExplorer(),
}
