"""Gradient estimators: from a played window to the losses whose gradients move the learner.

`pathwise`: profit is differentiated through the simulator. Decisions that are discrete by nature, such as whether to
order at all under a fixed cost, have no path; they move by their likelihood, weighted with the critic's advantage.
"""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from intandem.departments import Firm
from intandem.departments.firm import sample
from intandem.departments.outlook import Reference, margin
from intandem.learning.critic import Critic, View, lambda_returns, view
from intandem.market import Decision, Market, Outcome, State, step


class Learner(eqx.Module):
    """What is learned: the firm's departments and the critic."""

    firm: Firm
    critic: Critic


class Window(eqx.Module):
    """What was played, by period: outcomes, the critic's view before each, and log-probabilities of discrete
    decisions; and, once, the critic's view of the end."""

    outcomes: Outcome
    before: View
    end: View
    likelihood: Float[Array, "*times products"] | None


@jax.custom_vjp
def bounded_worth(units: Float[Array, "*times products"], bound: Float[Array, " products"]) -> Float[Array, "..."]:
    """`units` of stock, whose gradient, the worth of a unit, is cut to `bound` in size.

    A unit of stock earns its price and saves a lost sale, once. Paths through sharp responses to stock multiply
    period by period and break that bound in rare samples, which then drown all others. (Where habits are strong a
    sale breeds sales and can be worth more; the cut then understates it.)
    """
    del bound
    return units


def _bounded_worth_forward(units: Array, bound: Array) -> tuple[Array, Array]:
    return units, bound


def _bounded_worth_backward(bound: Array, worth: Array) -> tuple[Array, Array]:
    return jnp.clip(worth, -bound, bound), jnp.zeros_like(bound)


bounded_worth.defvjp(_bounded_worth_forward, _bounded_worth_backward)


def largest_worth(market: Market) -> Float[Array, " products"]:
    """The most that a unit of stock can be worth, in money: its price and what a lost or late sale costs."""
    return market.price + market.lost_sale_cost + market.backorder_cost


def play(
    market: Market,
    standing: Reference,
    firm: Firm,
    state: State,
    key: Key[Array, ""],
    *,
    periods: int,
    exploration: Float[Array, ""],
    bound: Float[Array, " products"],
) -> tuple[State, Window]:
    """Plays a window with decisions drawn for training; gradients run through it.

    The gradient leaves out the paths through recommendation's response to the state: `stock or intention -> what is
    shown -> demand`. Recommendation answers whole units sharply, so the slope at a point says little about a unit more,
    and products of such slopes over periods drown the signal. Where recommendation is optimal these paths add nothing
    (envelope theorem). Orders still feel what exposures do to demand, and exposures what stock is worth.

    **Arguments:** `exploration`: how random decisions are, 0 to 1. `bound`: see `bounded_worth`, in the loss's units.
    """

    def period(state: State, key: Key[Array, ""]) -> tuple[State, Any]:
        inventory_key, recommendation_key, step_key = jax.random.split(key, 3)
        stock = (state.on_hand, state.backlog, state.pipeline)
        state = eqx.tree_at(
            lambda s: (s.on_hand, s.backlog, s.pipeline), state, tuple(bounded_worth(units, bound) for units in stock)
        )
        order = sample(firm.inventory, market, state, exploration, inventory_key)
        shown = sample(firm.recommendation, market, jax.lax.stop_gradient(state), exploration, recommendation_key)
        following, outcome = step(market, state, Decision(order.value, shown.value), step_key)
        return following, (outcome, view(market, standing, state), order.log_probability)

    end, (outcomes, before, likelihood) = jax.lax.scan(period, state, jax.random.split(key, periods))
    return end, Window(outcomes, before, view(market, standing, end), likelihood)


def unlimited_margin(market: Market, outcomes: Outcome) -> Float[Array, "*times products"]:
    """The recommendation department's own objective in a silo: gross margin of demand as if stock were unlimited,
    net of exposure cost."""
    return margin(market) * outcomes.demand - market.exposure_cost * outcomes.exposures


def pathwise_loss(
    market: Market,
    critic: Critic,
    window: Window,
    average: Float[Array, " products"],
    scale: Float[Array, ""],
    discount: Float[Array, ""],
    trace: float,
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """The losses of one shop's window.

    **Arguments:** `average`: profit per period and product that returns are counted from; `scale`: profit of a
    typical period.

    **Returns:** the firm's loss (minus profit per period, in units of a typical period's profit, the end of the window
    valued by the critic, plus the likelihood term of discrete decisions), whose gradient does not reach the critic;
    and the critic's squared error against lambda-returns, whose gradient reaches nothing else.
    """
    fixed_critic = jax.lax.stop_gradient(critic)
    profit = window.outcomes.ledger.profit
    periods = profit.shape[0]
    gained = profit.sum() + fixed_critic(window.end).sum()

    seen = jax.lax.stop_gradient(window)
    worth = jax.vmap(critic)(seen.before)
    following = jax.lax.stop_gradient(jnp.concatenate([worth[1:], critic(seen.end)[None]]))
    returns = lambda_returns(seen.outcomes.ledger.profit - average, following, discount, trace)
    if window.likelihood is not None:
        advantage = returns - jax.lax.stop_gradient(worth)
        gained = gained + (window.likelihood * advantage).sum()
    error = jnp.mean(((worth - returns) / jnp.maximum(seen.before.stake, 1e-6)) ** 2)
    return -gained / (periods * scale), error
