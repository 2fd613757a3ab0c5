"""What is played between two updates, and what every decision in it turned out to be worth."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from intandem.departments import JointPolicy
from intandem.departments.features import product_features
from intandem.departments.outlook import look_ahead, margin
from intandem.learning.course import Course, unlimited_margin
from intandem.learning.estimators.score.explorers import Likelihood, explorer_of
from intandem.market import Decision, Market, Outcome, State, initial_state, step
from intandem.market.supply import inventory_position


class Deed(eqx.Module):
    """What a department saw, what it drew, and how likely that was when it played."""

    seen: Any
    drawn: Any
    likelihood: Likelihood


class Window(eqx.Module):
    """A window of one market, by period, and what the critics see of its last state.

    - `features`: of products, for the critics. `profit`: money per product, with the change in what stock is worth at
      replacement. `unlimited_margin`: what a silo's recommendation is judged on. The rest is for the figures.
    """

    inventory: Deed
    recommendation: Deed
    features: Float[Array, "*shops periods products features"]
    last: Float[Array, "*shops products features"]
    profit: Float[Array, "*shops periods products"]
    unlimited_margin: Float[Array, "*shops periods products"]
    demand: Float[Array, "*shops periods"]
    lost: Float[Array, "*shops periods"]
    exposures: Float[Array, "*shops periods"]


def play(
    course: Course, policy: JointPolicy, state: State, spread: Float[Array, " departments"], key: Key[Array, ""]
) -> tuple[State, Window]:
    """Plays a window on from a state, with decisions drawn for training.

    **Arguments:** `spread`: scale of the noise of inventory and of recommendation.
    """
    market = course.market
    orders, exposures = explorer_of(policy.inventory), explorer_of(policy.recommendation)

    def period(state: State, key: Key[Array, ""]) -> tuple[State, Any]:
        order_key, exposure_key, step_key = jax.random.split(key, 3)
        order, seen, drawn = orders.draw(policy.inventory, market, state, spread[0], order_key)
        likely = orders.likelihood(policy.inventory, market, seen, drawn, spread[0])
        placed = Deed(seen, drawn, likely)
        exposure, seen, drawn = exposures.draw(policy.recommendation, market, state, spread[1], exposure_key)
        likely = exposures.likelihood(policy.recommendation, market, seen, drawn, spread[1])
        following, outcome = step(market, state, Decision(order, exposure), step_key)
        return following, (
            placed,
            Deed(seen, drawn, likely),
            _view(course, state),
            *_earned(market, state, outcome, following),
        )

    end, played = jax.lax.scan(period, state, jax.random.split(key, course.settings.window))
    placed, shown, features, *earned = played
    return end, Window(placed, shown, features, _view(course, end), *earned)


def _view(course: Course, state: State) -> Float[Array, "products features"]:
    """What the critics see of a state: it joins stock, orders under way and customers, which no department must."""
    outlook = look_ahead(course.market, course.standing, state)
    return product_features(course.market, course.standing, state, outlook)


def _earned(market: Market, state: State, outcome: Outcome, following: State) -> tuple[Array, ...]:
    """Stock counts at what its replacement costs, so that an order pays when it is sold, not when it is placed."""
    worth = market.salvage * (market.discount * inventory_position(following) - inventory_position(state))
    return (
        outcome.ledger.profit + worth,
        unlimited_margin(market, outcome),
        outcome.demand.sum(),
        outcome.lost.sum(),
        outcome.exposures.sum(),
    )


def opened(market: Market, key: Key[Array, ""]) -> State:
    """The market's initial state, anywhere in its season."""
    start = initial_state(market)
    positions = 1 if market.season is None else market.season.shape[0]
    period: Int[Array, ""] = jax.random.randint(key, (), 0, positions, start.period.dtype)
    return eqx.tree_at(lambda state: state.period, start, jnp.where(market.discount < 1, start.period, period))


def restarted(course: Course, shops: State, key: Key[Array, ""]) -> State:
    """Some of the markets start afresh: a firm that discounts as often as its profit stops to count, others rarely."""
    market, settings = course.market, course.settings
    chance_key, open_key = jax.random.split(key)
    fades = 1 - market.discount**settings.window
    chance = jnp.where(market.discount < 1, fades, settings.score.restart)
    afresh = jax.random.uniform(chance_key, (settings.shops,)) < chance
    new = jax.vmap(lambda one: opened(market, one))(jax.random.split(open_key, settings.shops))

    def chosen(fresh: Array, old: Array) -> Array:
        return jnp.where(afresh.reshape(-1, *(1,) * (old.ndim - 1)), fresh, old)

    return jax.tree.map(chosen, new, shops)


def stakes(course: Course) -> Float[Array, " products"]:
    """Money in which a product's values are counted: what a typical period of its sales earns."""
    market, standing = course.market, course.standing
    least = 0.5 * market.units_per_purchase / (market.lead_time + 1.0)
    typical = jnp.maximum(standing.base.mean(0) + standing.lift, least)
    return jnp.maximum(jnp.maximum(margin(market), 0.05 * market.price) * typical, 1e-6)
