"""States as flat observations and flat actions as feasible decisions, the same for every environment."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from intandem.departments.outlook import reference, top_slots
from intandem.market import Decision, Market, Outcome, State, initial_state
from intandem.market.supply import nearest_feasible_order

PERIODS_OF_DEMAND = 4.0
"""Without a cap, an order reaches up to so many times the demand of lead time + 1 periods."""


class Encoding(eqx.Module):
    """What agents of other libraries see and say, for one market.

    **An observation** is a vector in single precision: per product the stock on hand, what is owed (where unmet demand
    is backordered) and what is under way by periods to arrival, in units of `scale`; per pair the present intention in
    logit units, or recency, frequency and exposures where intention is not observed; the place in the season as sine
    and cosine. Parts that a market does not have are left out.

    **An action** is a vector in [-1, 1]. `order`, per product: -1 orders nothing, 1 orders `largest`, between them the
    nearest feasible order. `exposure`, per pair: a score; on a slate the best `exposure_slots` of a row with scores
    above 0 are shown; as intensities, -1 is 0 and 1 is 1, scaled down in rows that exceed their slots.

    - `scale`: units, shape `products`: expected demand of lead time + 1 periods, at least 1.
    - `largest`: units, shape `products`.
    """

    scale: Float[Array, " products"]
    largest: Float[Array, " products"]

    def observe(self, market: Market, state: State) -> Float[Array, " observation"]:
        """The observation of a state."""
        parts = [state.on_hand / self.scale]
        if market.unmet_demand == "backordered":
            parts.append(state.backlog / self.scale)
        parts.append((state.pipeline / self.scale).ravel())
        if state.history is not None:
            parts += [jnp.log1p(state.history.recency).ravel(), state.history.frequency.ravel()]
            parts.append(state.history.exposures.ravel())
        elif market.traits.has_intention:
            parts.append(state.intention.ravel())
        if market.season is not None:
            angle = 2 * jnp.pi * (state.period % len(market.season)) / len(market.season)
            parts.append(jnp.stack([jnp.sin(angle), jnp.cos(angle)]))
        return jnp.concatenate(parts).astype(jnp.float32)

    def order(self, market: Market, action: Float[Array, " products"]) -> Float[Array, " products"]:
        """The feasible order that the inventory department's action means."""
        share = 0.5 * (jnp.clip(action, -1.0, 1.0) + 1.0)
        return nearest_feasible_order(market, share * self.largest)

    def exposure(self, market: Market, action: Float[Array, " pairs"]) -> Float[Array, "rows width"]:
        """The feasible exposure that the recommendation department's action means."""
        score = jnp.clip(action, -1.0, 1.0).reshape(market.base_utility.shape)
        score = jnp.where(market.pairs.valid(), score, -1.0)
        if market.exposure == "slate":
            return top_slots(jnp.where(score > 0, score, -jnp.inf), market.exposure_slots)
        share = 0.5 * (score + 1.0)
        total = share.sum(1, keepdims=True)
        return share * jnp.minimum(1.0, market.exposure_slots / jnp.maximum(total, 1e-9))

    def decide(self, market: Market, action: Float[Array, " action"]) -> Decision:
        """The decision that the action of one agent means: orders first, then exposures, row by row."""
        return Decision(self.order(market, action[: market.products]), self.exposure(market, action[market.products :]))

    def reward(self, outcome: Outcome) -> Float[Array, ""]:
        """The firm's profit of the period, in money."""
        return outcome.profit


def encoding_of(market: Market) -> Encoding:
    """The encoding of a market's observations and actions.

    ```python
    >>> from intandem.market import example_market
    >>> market = example_market("two-products-capped")
    >>> encoding = encoding_of(market)
    >>> encoding.observe(market, initial_state(market)).shape, encoding.largest.tolist()
    ((4,), [5.0, 5.0])
    >>> encoding.decide(market, jnp.array([1.0, -1.0, 1.0, 1.0])).exposure.tolist()
    [[0.5, 0.5]]

    ```
    """
    standing = reference(market)
    typical = (standing.base.mean(0) + standing.lift) * (market.lead_time + 1)
    free = jnp.ceil(PERIODS_OF_DEMAND * typical / market.order_multiple) * market.order_multiple
    largest = jnp.where(jnp.isfinite(market.max_order), market.max_order, jnp.maximum(free, market.min_order))
    return Encoding(jnp.maximum(typical, 1.0), largest)


def observation_size(market: Market) -> int:
    """Numbers in one observation."""
    return len(np.asarray(encoding_of(market).observe(market, initial_state(market))))


def action_sizes(market: Market) -> dict[str, int]:
    """Numbers in the action of each department."""
    return {"inventory": market.products, "recommendation": market.rows * market.pairs.width}
