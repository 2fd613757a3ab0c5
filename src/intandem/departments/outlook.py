"""What a department can expect of demand, from the state and the market's parameters.

The reference demand of a market (its season, its reach, what a stock-blind recommendation would add) does not change
and is computed once; a period then costs one pass over the pairs.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from intandem.market import Market, State
from intandem.market.demand import (
    among_rivals,
    choice_probability,
    mean_demand,
    size_dispersion,
    unexposed_utility,
    variance_in_units,
)
from intandem.market.model import HISTORY_DECAY


class Reference(eqx.Module):
    """A market's standing figures, per product.

    - `base`: mean units per period at zero exposure and baseline intention, by season position.
    - `lift`: units per period that a stock-blind recommendation by uplift x margin would add, season averaged.
    - `dispersion`: variance of demand over its mean, in units.
    """

    base: Float[Array, "positions products"]
    lift: Float[Array, " products"]
    dispersion: Float[Array, " products"]


class Outlook(eqx.Module):
    """Expected demand from a state, in units per product.

    - `now`: this period, at zero exposure. `now_lifted`: with the reference recommendation's lift.
    - `cover`, `cover_lifted`: the same over `lead_time + 1` periods.
    - `deviation`: standard deviation over `lead_time + 1` periods, with the lift.
    - `typical`: reference mean over `lead_time + 1` periods with the lift, at least half a purchase: a scale.
    """

    now: Float[Array, " products"]
    now_lifted: Float[Array, " products"]
    cover: Float[Array, " products"]
    cover_lifted: Float[Array, " products"]
    deviation: Float[Array, " products"]
    typical: Float[Array, " products"]


class Foreseen(Reference):
    """Standing figures beside a forecast, which stands where the market's own expectation would.

    - `ahead`: the outlook of each period from 0 on, `periods products`; the last one stays.
    """

    ahead: Outlook


def believed_intention(market: Market, state: State) -> Float[Array, "rows width"]:
    """The intention departments act on: the true one where it is observed, else what recency-weighted exposures and
    purchases imply (exact if intentions persist at `HISTORY_DECAY`)."""
    if state.history is None:
        return state.intention
    from_exposure = market.carry_over * market.exposure_effect * state.history.exposures
    from_purchase = market.pairs.spread(market.habit) * state.history.frequency
    return market.persistence * from_exposure + (market.persistence / HISTORY_DECAY) * from_purchase


def later_effect(market: Market) -> Float[Array, ""]:
    """How many times its effect on present utility an exposure adds in all later periods together; 0 without memory.

    `carry_over * persistence / (1 - persistence)`, persistence short of 1 so that the sum stays finite.
    """
    if not market.traits.has_intention:
        return jnp.zeros(())
    return market.carry_over * market.persistence / (1 - jnp.minimum(market.persistence, 0.98))


def margin(market: Market) -> Float[Array, " products"]:
    """Price less unit cost."""
    return market.price - market.unit_cost


def exposure_value(
    market: Market, unexposed: Float[Array, "rows width"], unit_value: Float[Array, " products"]
) -> Float[Array, "rows width"]:
    """Expected money a full exposure brings this period: added units of demand x value of a unit - exposure cost.

    With multinomial choice what the added purchases take from the others of the category is counted: those whom the
    exposure wins would have bought another with the chance that others have when this product is not chosen.

    **Arguments:** `unexposed`: utility without exposure; `unit_value`: money per unit of demand met.
    """
    everything = jnp.ones(market.products)
    none = choice_probability(market, unexposed, jnp.zeros_like(unexposed), everything)
    value = market.pairs.spread(market.units_per_purchase * unit_value)
    if market.choice == "independent":
        full = choice_probability(market, unexposed, jnp.ones_like(unexposed), everything)
    else:
        unchosen = jnp.maximum(1 - none, 1e-6)
        odds = none / unchosen * jnp.exp(market.exposure_effect)
        full = odds / (1 + odds)
        earned = none * value
        value = value - (among_rivals(market, earned) - earned) / unchosen
    money = (full - none) * value - market.pairs.spread(market.exposure_cost)
    return jnp.where(market.pairs.valid(), money, -jnp.inf)


def slope_of_purchase(market: Market, unexposed: Float[Array, "rows width"]) -> Float[Array, "rows width"]:
    """How much the chance of a purchase rises with its utility, without exposure: `p (1 - p)`."""
    chance = jax.nn.sigmoid(unexposed)
    if market.choice == "multinomial":
        chance = choice_probability(market, unexposed, jnp.zeros_like(unexposed), jnp.ones(market.products))
    return chance * (1 - chance)


def top_slots(scores: Float[Array, "rows width"], slots: int) -> Float[Array, "rows width"]:
    """1 at the `slots` highest positive scores of each row (the first of equals), 0 elsewhere."""
    slots = min(slots, scores.shape[1])
    if slots == 0:
        return jnp.zeros_like(scores)
    if slots == 1:
        best = jnp.argmax(scores, axis=1)[:, None] == jnp.arange(scores.shape[1])
    else:
        places = jax.lax.top_k(scores, slots)[1]
        rows = jnp.arange(scores.shape[0])[:, None]
        best = jnp.zeros(scores.shape, bool).at[rows, places].set(True, unique_indices=True)
    return jnp.where(best & (scores > 0), 1.0, 0.0)


@eqx.filter_jit
def reference(market: Market) -> Reference:
    """The standing figures of a market; passes over the pairs once per season position."""
    positions = 1 if market.season is None else market.season.shape[0]
    zero = jnp.zeros(market.base_utility.shape)
    visitors = (market.population * market.visit_probability)[:, None]
    everything = jnp.ones(market.products)

    def position(period: Array) -> tuple[Array, Array, Array]:
        unexposed = unexposed_utility(market, zero, period)
        chance = choice_probability(market, unexposed, zero, everything)
        shown = top_slots(exposure_value(market, unexposed, margin(market)), market.exposure_slots)
        lifted = choice_probability(market, unexposed, shown, everything)
        visiting = chance * market.visit_probability[:, None]
        return (
            market.pairs.total(visitors * chance),
            market.pairs.total(visitors * (lifted - chance)),
            market.pairs.total(market.population[:, None] * visiting * (1 - visiting)),
        )

    base, lift, variance = jax.lax.map(position, jnp.arange(positions))
    units = market.units_per_purchase
    variance = variance_in_units(market, base.mean(0), variance.mean(0))
    return Reference(base * units, lift.mean(0) * units, variance / jnp.maximum(base.mean(0) * units, 1e-6))


def look_ahead(market: Market, standing: Reference, state: State) -> Outlook:
    """The outlook from a state: demand now from present intentions, and over the cover as they fade to baseline.

    Where `standing` is `Foreseen`, the forecast's for the state's period.
    """
    if isinstance(standing, Foreseen):
        at = jnp.minimum(state.period, standing.ahead.now.shape[0] - 1)
        return jax.tree.map(lambda values: values[at], standing.ahead)
    unexposed = unexposed_utility(market, believed_intention(market, state), state.period)
    now = mean_demand(market, unexposed, jnp.zeros_like(unexposed))
    positions = standing.base.shape[0]
    ahead = jnp.arange(market.longest_lead_time + 1)
    counted = jnp.where(ahead[:, None] <= market.lead_time, 1.0, 0.0)
    expected = standing.base[(state.period + ahead) % positions]
    fading = (now - expected[0]) * market.persistence ** ahead[:, None].astype(jnp.float32)
    cover = (counted * jnp.maximum(expected + fading, 0.0)).sum(0)
    periods = market.lead_time + 1.0
    cover_lifted = cover + periods * standing.lift
    typical = jnp.maximum(periods * (standing.base.mean(0) + standing.lift), 0.5 * market.units_per_purchase)
    return Outlook(
        now=now,
        now_lifted=now + standing.lift,
        cover=cover,
        cover_lifted=cover_lifted,
        deviation=jnp.sqrt(standing.dispersion * jnp.maximum(cover_lifted, 1e-3)),
        typical=typical,
    )


def usual_deviation(market: Market, demand: Float[Array, " products"]) -> Float[Array, " products"]:
    """Standard deviation of demand in units as if purchases were Poisson, that of a quarter of a purchase at least."""
    scale = market.units_per_purchase
    return jnp.sqrt(jnp.maximum(demand, 0.25 * scale) * size_dispersion(market))


def critical_ratio(market: Market) -> Float[Array, " products"]:
    """The newsvendor's service level: underage over underage and overage, in a firm that goes on; within 0.01 to 0.999.

    It does not depend on the money's unit. Where a sale loses money, see `sells_at_a_loss`.
    """
    underage = jnp.maximum(_underage(market), 0.0)
    overage = jnp.maximum(market.holding_cost + market.unit_cost - market.salvage, 0.0)
    both = underage + overage
    return jnp.clip(jnp.where(both > 0, underage / jnp.where(both > 0, both, 1.0), 0.0), 0.01, 0.999)


def sells_at_a_loss(market: Market) -> Bool[Array, " products"]:
    """Where a unit that is not sold costs nothing: the margin and what a lost sale costs are together not above 0.

    Its newsvendor level is 0. Demand that waits is served in the end, so that nothing is saved by not ordering.
    """
    return (_underage(market) <= 0) & (market.unmet_demand == "lost")


def _underage(market: Market) -> Float[Array, " products"]:
    """What a unit that is asked for and not there costs, money."""
    return margin(market) + market.lost_sale_cost + market.backorder_cost


def economic_order_quantity(market: Market, demand: Float[Array, " products"]) -> Float[Array, " products"]:
    """The batch, in units, that balances fixed order cost and holding cost: `sqrt(2 K D / h)` (Harris 1913)."""
    return jnp.sqrt(2 * market.fixed_order_cost * demand / jnp.maximum(market.holding_cost, 1e-6))
