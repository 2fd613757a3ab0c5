"""Rules: departments without weights, from the textbook and from practice.

Inventory: base-stock, capped base-stock, (s, S), each on the forecast over lead time + 1. Recommendation: popularity
and uplift, blind to stock or with products out of stock left out. Every setting is an array, so that tuning can map
one compiled simulation over a grid of rules.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax.scipy.special import ndtri
from jaxtyping import Array, Bool, Float

from intandem.departments.department import Department
from intandem.departments.outlook import (
    Outlook,
    Reference,
    believed_intention,
    critical_ratio,
    economic_order_quantity,
    exposure_value,
    look_ahead,
    margin,
    sells_at_a_loss,
    top_slots,
)
from intandem.market import Market, State
from intandem.market.demand import unexposed_utility
from intandem.market.supply import inventory_position, nearest_feasible_order

InventoryObservation = tuple[Float[Array, " products"], Outlook]
RecommendationObservation = tuple[Float[Array, "rows width"], Float[Array, " products"], Outlook]


def order_up_to_level(
    market: Market, outlook: Outlook, service: Float[Array, ""], anticipate: Float[Array, ""]
) -> Float[Array, " products"]:
    """The newsvendor level over lead time + 1 (Snyder and Shen, section 4.3): `mean + (z + service) deviation`, and 0
    for products whose every sale loses money.

    **Arguments:** `service`: added to the normal quantile `z` of the critical ratio; `anticipate`: the share of a
    stock-blind recommendation's lift that is counted on: 0 none, 1 all of it. **Returns** units.
    """
    mean = outlook.cover + anticipate * (outlook.cover_lifted - outlook.cover)
    level = mean + (ndtri(critical_ratio(market)) + service) * outlook.deviation
    return jnp.where(sells_at_a_loss(market), 0.0, level)


class BaseStock(Department[InventoryObservation]):
    """Orders up to a level: what is given, or else the newsvendor level of `order_up_to_level`.

    - `standing`: the market's reference demand. `level`: units per product; `nan` means computed.
    - `service`, `anticipate`: see `order_up_to_level`.
    - `cap`: largest order in units, per product; infinity without one (a capped base-stock policy, Xin 2021).
    """

    standing: Reference
    level: Float[Array, " products"]
    service: Float[Array, ""]
    anticipate: Float[Array, ""]
    cap: Float[Array, " products"]

    @property
    def called(self) -> str:
        """`capped-base-stock` if some product has a cap."""
        return "capped-base-stock" if bool(jnp.isfinite(self.cap).any()) else "base-stock"

    def observe(self, market: Market, state: State) -> InventoryObservation:
        """The inventory position and the outlook."""
        return inventory_position(state), look_ahead(market, self.standing, state)

    def decide(self, market: Market, observation: InventoryObservation) -> Float[Array, " products"]:
        """The order that lifts the position to the level, at most the cap."""
        position, outlook = observation
        computed = order_up_to_level(market, outlook, self.service, self.anticipate)
        level = jnp.where(jnp.isnan(self.level), computed, self.level)
        return nearest_feasible_order(market, jnp.minimum(jnp.maximum(level - position, 0.0), self.cap))


class ReorderPoint(Department[InventoryObservation]):
    """An (s, S) policy: at or below `reorder` units, order up to `level`.

    What is not given (`nan`) is computed: `s` as the newsvendor level, or `S` where that is lower; `S` as `s` and an
    `economic_order_quantity`.
    """

    standing: Reference
    reorder: Float[Array, " products"]
    level: Float[Array, " products"]
    service: Float[Array, ""]
    anticipate: Float[Array, ""]

    @property
    def called(self) -> str:
        """The rule's word."""
        return "s-S"

    def observe(self, market: Market, state: State) -> InventoryObservation:
        """The inventory position and the outlook."""
        return inventory_position(state), look_ahead(market, self.standing, state)

    def decide(self, market: Market, observation: InventoryObservation) -> Float[Array, " products"]:
        """Nothing above the reorder point, else the order up to the level."""
        position, outlook = observation
        point = order_up_to_level(market, outlook, self.service, self.anticipate)
        # At a level of 0 nothing is ordered: not at an empty shelf either.
        point = jnp.where(sells_at_a_loss(market), -1.0, point)
        reorder = jnp.where(jnp.isnan(self.reorder), jnp.fmin(point, self.level), self.reorder)
        demand = outlook.now + self.anticipate * (outlook.now_lifted - outlook.now)
        batch = jnp.maximum(economic_order_quantity(market, demand), 1.0)
        level = jnp.where(jnp.isnan(self.level), reorder + batch, self.level)
        proposal = jnp.where(position <= reorder, jnp.maximum(level - position, 0.0), 0.0)
        return nearest_feasible_order(market, proposal)


class RankedExposure(Department[RecommendationObservation]):
    """Shows each row its `exposure_slots` best products.

    - `standing`: the market's reference demand. `popular`: 1 to rank by demand, 0 by uplift x margin, net of
      exposure cost.
    - `in_stock`: 1 to leave out products without stock. `bury`: leave out products with less than this many periods
      of expected demand on hand. `boost`: the score grows by this share for each doubling of the cover.
    """

    standing: Reference
    popular: Float[Array, ""]
    in_stock: Float[Array, ""]
    bury: Float[Array, ""]
    boost: Float[Array, ""]

    @property
    def called(self) -> str:
        """The rule's word, by what it ranks."""
        return "popularity" if float(self.popular) > 0 else "uplift"

    def observe(self, market: Market, state: State) -> RecommendationObservation:
        """Utilities without exposure, units free for new demand, and the outlook."""
        unexposed = unexposed_utility(market, believed_intention(market, state), state.period)
        return unexposed, state.on_hand - state.backlog, look_ahead(market, self.standing, state)

    def decide(self, market: Market, observation: RecommendationObservation) -> Float[Array, "rows width"]:
        """1 for what is shown, 0 for the rest."""
        unexposed, free, outlook = observation
        uplift = exposure_value(market, unexposed, margin(market))
        popularity = jnp.broadcast_to(market.pairs.spread(self.standing.base.mean(0)), uplift.shape)
        popularity = jnp.where(market.pairs.valid(), popularity, -jnp.inf)
        scores = jnp.where(self.popular > 0, popularity, uplift)
        periods_on_hand = free / jnp.maximum(outlook.now, 1e-3)
        factor = 1 + self.boost * jnp.log2(jnp.clip(periods_on_hand, 0.25, 16.0))
        shown = jnp.where(self._left_out(free, periods_on_hand), 0.0, jnp.maximum(factor, 0.05))
        weight = market.pairs.spread(shown)
        return top_slots(jnp.where(weight > 0, scores * weight, -jnp.inf), market.exposure_slots)

    def _left_out(
        self, free: Float[Array, " products"], periods_on_hand: Float[Array, " products"]
    ) -> Bool[Array, " products"]:
        without = (self.in_stock > 0) & (free <= 0)
        return without | ((self.bury > 0) & (periods_on_hand < self.bury))


class NoExposure(Department[None]):
    """Shows nothing to anybody: the null against which recommendation is measured."""

    @property
    def called(self) -> str:
        """The rule's word."""
        return "none"

    def observe(self, market: Market, state: State) -> None:
        """Nothing."""
        del market, state

    def decide(self, market: Market, observation: None) -> Float[Array, "rows width"]:
        """Zero everywhere."""
        del observation
        return jnp.zeros(market.base_utility.shape)
