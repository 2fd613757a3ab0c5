"""The recommendation department: a learned shadow price of stock in the uplift value.

The score of a pair is the money that showing it brings: `added demand x (margin - shadow price of stock) - exposure
cost`, this period and, where exposure carries over, in the periods after. The network gives each product's shadow
prices from its stock, orders under way and economy. Exposure is then allocated under the slot budget: exposure is
`sigmoid((score - exposure price) / temperature)`, the exposure price being the least that keeps the budget.
"""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from intandem.departments.department import PathwiseDepartment, Sample, weights_at
from intandem.departments.features import FEATURES, product_features, without_stock
from intandem.departments.networks import ProductNetwork
from intandem.departments.outlook import (
    Outlook,
    Reference,
    believed_intention,
    exposure_value,
    later_effect,
    look_ahead,
    margin,
    slope_of_purchase,
    top_slots,
    usual_deviation,
)
from intandem.market import Market, State
from intandem.market.demand import unexposed_utility
from intandem.market.draws import uniform

DOUBT = 0.3
"""Standard deviation of the shadow prices drawn in training, in units of what a sale is worth."""


class DualPriceObservation(eqx.Module):
    """What recommendation looks at: product features, utilities without exposure, units free for new demand (all
    the world's for a stock-blind department), and the outlook."""

    features: Float[Array, "products features"]
    unexposed: Float[Array, "rows width"]
    free: Float[Array, " products"]
    outlook: Outlook


class RecommendationNetwork(PathwiseDepartment[DualPriceObservation]):
    """The learning recommendation department.

    - `network`: product features to shadow prices and the temperature. `standing`: reference demand, not trained.
    - `sees_stock`: False for the department of a silo, which decides on intention alone.
    """

    network: ProductNetwork
    standing: Reference
    sees_stock: bool = eqx.field(static=True)

    def observe(self, market: Market, state: State) -> DualPriceObservation:
        """Features, utilities, free units and outlook."""
        outlook = look_ahead(market, self.standing, state)
        features = product_features(market, self.standing, state, outlook)
        unexposed = unexposed_utility(market, believed_intention(market, state), state.period)
        free = state.on_hand - state.backlog
        if not self.sees_stock:
            features, free = without_stock(features), jnp.full_like(free, jnp.inf)
        return DualPriceObservation(features, unexposed, free, outlook)

    def scores(
        self, market: Market, observation: DualPriceObservation, doubt: Float[Array, " products"] | None = None
    ) -> tuple[Float[Array, "rows width"], Float[Array, ""]]:
        """Money per exposure of every pair (minus infinity at an empty place), and the temperature, in money.

        **Arguments:** `doubt`: added to the shadow prices, in units of what a sale is worth.
        """
        corrections = self.network(observation.features)
        if doubt is not None:
            corrections = corrections.at[:, 0].add(doubt)
        return self.scores_of(market, observation, corrections)

    def scores_of(
        self, market: Market, observation: DualPriceObservation, corrections: Float[Array, "products corrections"]
    ) -> tuple[Float[Array, "rows width"], Float[Array, ""]]:
        """`scores` at given corrections: the shadow prices of now and of later, the logarithm of the temperature, and
        that of what is counted of later demand."""
        gain = margin(market)
        stake = jnp.maximum(gain + market.lost_sale_cost + market.backorder_cost, 0.05 * market.price)
        likely_short = jnp.zeros_like(gain)
        if self.sees_stock:
            outlook = observation.outlook
            spread = usual_deviation(market, outlook.now_lifted)
            short = jax.nn.sigmoid(1.7 * (outlook.now_lifted - observation.free) / spread)
            # What arrives before demand is not seen yet: with lead time 0 an empty shelf is no shortage.
            likely_short = jnp.where(market.lead_time == 0, 0.0, short)
        shadow_now = stake * (likely_short + corrections[:, 0])
        scores = exposure_value(market, observation.unexposed, gain - shadow_now)
        if market.traits.has_intention:
            slope = slope_of_purchase(market, observation.unexposed) * market.exposure_effect
            later = market.units_per_purchase * (gain - stake * (0.5 * likely_short + corrections[:, 1]))
            # What is raised now adds less the higher later exposures raise it: a quarter counts until learned better.
            counted = 0.25 * jnp.exp(corrections[:, 3])
            scores = scores + later_effect(market) * slope * market.pairs.spread(counted * later)
        typical = jnp.mean(
            market.units_per_purchase
            * stake
            * (0.05 + self.standing.lift / jnp.maximum(self.standing.lift.sum(), 1e-6))
        )
        temperature = jnp.maximum(0.3 * typical, 1e-4) * jnp.exp(corrections[:, 2].mean())
        return scores, temperature

    def decide(self, market: Market, observation: DualPriceObservation) -> Float[Array, "rows width"]:
        """Exposures under the slot budget: the best of each row in a slate, graded intensities otherwise."""
        scores, temperature = self.scores(market, observation)
        return exposures_of(market, scores, temperature)

    def sample(
        self, market: Market, observation: DualPriceObservation, exploration: Float[Array, ""], key: Key[Array, ""]
    ) -> Sample:
        """Exposures at shadow prices in doubt, so that no product is priced out of exposure for good while it
        learns; slates by perturbed scores besides, with the gradient of the allocation behind."""
        doubt_key, slate_key = jax.random.split(key)
        doubt = exploration * DOUBT * jax.random.normal(doubt_key, (market.products,))
        scores, temperature = self.scores(market, observation, doubt)
        if market.exposure == "intensity":
            return Sample(allocate_exposures(scores, temperature, market.exposure_slots), None)
        point = uniform(slate_key, scores.shape)
        perturbed = scores + exploration * temperature * (jnp.log(point) - jnp.log1p(-jnp.minimum(point, 1 - 1e-6)))
        shown = top_slots(jax.lax.stop_gradient(perturbed), market.exposure_slots)
        graded = allocate_exposures(perturbed, temperature, market.exposure_slots)
        # The difference first, which is exactly 0: what is shown stays exactly 0 or 1.
        return Sample(shown + (graded - jax.lax.stop_gradient(graded)), None)

    def weights(self) -> RecommendationNetwork:
        """True at the network's arrays."""
        return weights_at(self, lambda department: department.network)

    def perturbed(self) -> RecommendationNetwork:
        """True at the network's last layer."""
        return weights_at(self, lambda department: department.network.outputs)


def recommendation_network(
    standing: Reference, *, width: int, sees_stock: bool, key: Key[Array, ""]
) -> RecommendationNetwork:
    """An untrained recommendation department, `width` units wide."""
    return RecommendationNetwork(ProductNetwork(len(FEATURES), 4, width=width, key=key), standing, sees_stock)


def exposures_of(
    market: Market, scores: Float[Array, "rows width"], temperature: Float[Array, ""]
) -> Float[Array, "rows width"]:
    """Exposures under the slot budget: the best of each row in a slate, graded intensities otherwise."""
    if market.exposure == "slate":
        return top_slots(scores, market.exposure_slots)
    return allocate_exposures(scores, temperature, market.exposure_slots)


@jax.custom_jvp
def _slot_price(scaled: Float[Array, "rows width"], slots: Float[Array, ""]) -> Float[Array, "rows one"]:
    """The least price >= 0 at which a row's exposures fit the slots, by bisection, in units of temperature."""
    high = jnp.maximum(jnp.max(scaled, axis=1, keepdims=True), 0.0) + 12.0
    low = jnp.zeros_like(high)

    def halve(_: Array | int, known: tuple[Array, ...]) -> tuple[Array, ...]:
        low, high, scaled, slots = known
        middle = 0.5 * (low + high)
        too_much = jax.nn.sigmoid(scaled - middle).sum(1, keepdims=True) > slots
        return jnp.where(too_much, middle, low), jnp.where(too_much, high, middle), scaled, slots

    fits = jax.nn.sigmoid(scaled).sum(1, keepdims=True) <= slots
    # What does not change is carried along: exported programs know no values around a loop.
    found = jax.lax.fori_loop(0, 26, halve, (low, high, scaled, slots))
    return jnp.where(fits, 0.0, found[1])


@_slot_price.defjvp
def _slot_price_jvp(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Array, Array]:
    scaled, slots = primals
    price = _slot_price(scaled, slots)
    slope = jax.nn.sigmoid(scaled - price)
    slope = slope * (1 - slope)
    weight = slope / jnp.maximum(slope.sum(1, keepdims=True), 1e-9)
    moved = (weight * tangents[0]).sum(1, keepdims=True)
    return price, jnp.where(price > 0, moved, 0.0)


def allocate_exposures(
    scores: Float[Array, "rows width"], temperature: Float[Array, ""], slots: int
) -> Float[Array, "rows width"]:
    """Exposures in [0, 1] with row sums of at most `slots`: `sigmoid((score - price) / temperature)`.

    **Arguments:** `scores`: money per exposure; `temperature`: money; `slots`: exposures per row and period.

    ```python
    >>> shown = allocate_exposures(jnp.array([[2.0, 1.0, -1.0]]), jnp.array(0.05), slots=1)
    >>> [round(float(x), 2) for x in shown[0]]
    [1.0, 0.0, 0.0]

    ```
    """
    scaled = jnp.clip(jnp.where(jnp.isfinite(scores), scores / temperature, -60.0), -60.0, 60.0)
    price = _slot_price(scaled, jnp.asarray(slots, jnp.float32))
    return jnp.where(jnp.isfinite(scores), jax.nn.sigmoid(scaled - price), 0.0)
