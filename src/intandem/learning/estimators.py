"""Gradient estimators: from a played window to the losses whose gradients move the learner.

`pathwise`: profit is differentiated through the simulator. Decisions that are discrete by nature, such as whether to
order at all under a fixed cost, have no path; they move by their likelihood, weighted with the critic's advantage.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from intandem.departments import Firm
from intandem.departments.outlook import Reference, margin
from intandem.learning.critic import Critic, View, lambda_returns, view
from intandem.market import Decision, Market, Outcome, State, step


class Learner(eqx.Module):
    """What is learned: the firm's departments and the critic."""

    firm: Firm
    critic: Critic


class Window(eqx.Module):
    """What was played, by period: outcomes, the critic's views before and after each, and log-probabilities."""

    outcomes: Outcome
    before: View
    after: View
    likelihood: Float[Array, "periods products"] | None


def play(
    market: Market, standing: Reference, firm: Firm, state: State, periods: int, key: Key[Array, ""]
) -> tuple[State, Window]:
    """Plays a window with decisions drawn for training; gradients run through it."""

    def period(carry: tuple[State, View], key: Key[Array, ""]) -> tuple[tuple[State, View], Window]:
        state, before = carry
        decision_key, step_key = jax.random.split(key)
        order, exposure = firm.sample(market, state, decision_key)
        following, outcome = step(market, state, Decision(order.value, exposure.value), step_key)
        after = view(market, standing, following)
        return (following, after), Window(outcome, before, after, order.log_probability)

    start = (state, view(market, standing, state))
    (end, _), window = jax.lax.scan(period, start, jax.random.split(key, periods))
    return end, window


def unlimited_margin(market: Market, outcomes: Outcome) -> Float[Array, "periods products"]:
    """The recommendation department's own objective in a silo: gross margin of demand as if stock were unlimited,
    net of exposure cost."""
    return margin(market) * outcomes.demand - market.exposure_cost * outcomes.exposures


def pathwise_loss(
    market: Market, critic: Critic, window: Window, average: Float[Array, " products"], discount: float, trace: float
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """The losses of one shop's window.

    **Arguments:** `average`: profit per period and product that returns are counted from.

    **Returns:** the firm's loss (minus profit per period, in units of a typical period's profit, the end of the window
    valued by the critic, plus the likelihood term of discrete decisions), whose gradient does not reach the critic;
    and the critic's squared error against lambda-returns, whose gradient reaches nothing else.
    """
    fixed_critic = jax.lax.stop_gradient(critic)
    profit = window.outcomes.ledger.profit
    periods = profit.shape[0]
    scale = jnp.maximum(window.before.stake[0].sum(), 1e-6)
    end_value = fixed_critic(jax.tree.map(lambda leaf: leaf[-1], window.after)).sum()
    gained = profit.sum() + end_value

    seen = jax.lax.stop_gradient(window)
    worth = jax.vmap(critic)(seen.before)
    fixed_after = jax.lax.stop_gradient(jax.vmap(critic)(seen.after))
    returns = lambda_returns(seen.outcomes.ledger.profit - average, fixed_after, discount, trace)
    if window.likelihood is not None:
        advantage = returns - jax.lax.stop_gradient(worth)
        gained = gained + (window.likelihood * advantage).sum()
    error = jnp.mean(((worth - returns) / jnp.maximum(seen.before.stake, 1e-6)) ** 2)
    return -gained / (periods * scale), error
