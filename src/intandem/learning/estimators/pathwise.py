"""The pathwise estimator: profit of a window, differentiated through the simulator, its end valued by a critic.

Decisions that are discrete by nature, such as whether to order at all under a fixed cost, have no path; they move by
their likelihood, weighted with the critic's advantage.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from intandem.departments import JointPolicy
from intandem.departments.joint_policy import sample
from intandem.departments.outlook import Reference
from intandem.learning.course import (
    Course,
    Gathered,
    Learner,
    Progress,
    of_departments,
    slots,
    tied,
    unlimited_margin,
)
from intandem.learning.critic import Critic, View, lambda_returns, new_critic, view
from intandem.learning.settings import TrainSettings
from intandem.learning.timescales import Pace
from intandem.market import Decision, Market, Outcome, State, initial_state, step


class Memory(eqx.Module):
    """What is kept between updates: the shops as their windows end, and average profit per period and product."""

    shops: State
    average: Float[Array, " products"]


def sizes(market: Market, settings: TrainSettings) -> tuple[int, int]:
    """Shops and window, where the settings leave them open."""
    shops = settings.shops or int(np.clip(200_000 / market.base_utility.size, 4, 32))
    return shops, settings.window or max(24, 4 * (market.longest_lead_time + 1))


def periods_per_update(course: Course) -> int:
    """Periods simulated in an update, over all shops."""
    return course.settings.shops * course.settings.window


def start(course: Course, policy: JointPolicy, key: Key[Array, ""]) -> tuple[Learner, Memory]:
    """A critic beside the policy, and shops at the market's initial state."""
    market, settings = course.market, course.settings
    shops = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (settings.shops, *jnp.shape(leaf))), initial_state(market))
    return Learner(policy, new_critic(width=settings.width, key=key)), Memory(shops, jnp.zeros(market.products))


def weights(learner: Learner) -> Learner:
    """True at the arrays that training moves."""
    return Learner(
        of_departments(learner.policy, lambda department: department.weights()),
        jax.tree.map(eqx.is_inexact_array, learner.critic),
    )


def passes(course: Course) -> int:
    """One: what was played is used once."""
    del course
    return 1


def gather(course: Course, learner: Learner, memory: Memory, update: Array, key: Key[Array, ""]) -> Gathered:
    """Plays a window on from where the shops stood and takes its gradient."""
    moved, rest = eqx.partition(learner, weights(learner))
    slope, (shops, window, error) = jax.grad(_losses, has_aux=True)(moved, rest, course, memory, update, key)
    outcomes = window.outcomes
    profit = outcomes.ledger.profit.mean((0, 1))
    figures = Progress(
        profit=outcomes.profit.mean(),
        lost_share=outcomes.lost.sum() / jnp.maximum(outcomes.demand.sum(), 1.0),
        exposure_share=outcomes.exposures.sum(-1).mean() / slots(course.market),
        critic_error=error,
    )
    average = jnp.where(update == 0, profit, memory.average + 0.02 * (profit - memory.average))
    return Gathered(slope, Memory(shops, average), figures)


def gradient(
    course: Course, learner: Learner, experience: Learner, step: Array, key: Key[Array, ""]
) -> tuple[Learner, Float[Array, " departments"]]:
    """What was gathered is the gradient."""
    del course, learner, step, key
    return experience, jnp.ones(2)


def measured(course: Course, learner: Learner, experience: Learner) -> Float[Array, " departments"]:
    """Nothing: departments keep to the speeds they are given."""
    del course, learner, experience
    return jnp.zeros(2)


def limits(course: Course) -> Float[Array, " departments"]:
    """None."""
    del course
    return jnp.full(2, jnp.inf)


def paced(course: Course, pace: Pace, measured: Float[Array, " departments"], update: Array) -> Pace:
    """As it is."""
    del course, measured, update
    return pace


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
    policy: JointPolicy,
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
        order = sample(policy.inventory, market, state, exploration, inventory_key)
        shown = sample(policy.recommendation, market, jax.lax.stop_gradient(state), exploration, recommendation_key)
        following, outcome = step(market, state, Decision(order.value, shown.value), step_key)
        return following, (outcome, view(market, standing, state), order.log_probability)

    end, (outcomes, before, likelihood) = jax.lax.scan(period, state, jax.random.split(key, periods))
    return end, Window(outcomes, before, view(market, standing, end), likelihood)


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

    **Returns:** the policy's loss (minus profit per period, in units of a typical period's profit, the end of the
    window valued by the critic, plus the likelihood term of discrete decisions), whose gradient does not reach the
    critic; and the critic's squared error against lambda-returns, whose gradient reaches nothing else.
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


def _play_shops(
    course: Course, policy: JointPolicy, memory: Memory, update: Array, key: Key[Array, ""]
) -> tuple[State, Window]:
    settings = course.settings
    # Exploration is full for half of the run and gone for its last tenth.
    exploration = jnp.clip((0.9 - update / course.updates) / 0.4, 0.0, 1.0)
    shop = partial(
        play,
        course.market,
        course.standing,
        policy,
        periods=settings.window,
        exploration=exploration,
        bound=largest_worth(course.market) / (settings.window * course.scale * settings.shops),
    )
    return jax.vmap(shop)(memory.shops, jax.random.split(key, settings.shops))


def _losses(
    weights: Learner, rest: Learner, course: Course, memory: Memory, update: Array, key: Key[Array, ""]
) -> tuple[Float[Array, ""], tuple[State, Window, Float[Array, ""]]]:
    market, settings = course.market, course.settings
    learner = eqx.combine(weights, rest)
    critic = learner.critic
    assert critic is not None, "the pathwise estimator starts with a critic"
    policy = tied(course, learner.policy)
    if settings.method == "silo":
        # Inventory meets the demand that recommendation makes; recommendation hears nothing of stock.
        policy = JointPolicy(policy.inventory, jax.lax.stop_gradient(policy.recommendation))
    shops, window = _play_shops(course, policy, memory, update, key)
    discount = jnp.where(market.discount < 1, market.discount, settings.discount)
    loss, error = jax.vmap(
        lambda played: pathwise_loss(market, critic, played, memory.average, course.scale, discount, settings.trace)
    )(window)
    total = loss.mean() + error.mean()
    if settings.method == "silo":
        apart = JointPolicy(jax.lax.stop_gradient(learner.policy.inventory), learner.policy.recommendation)
        own = _play_shops(course, apart, memory, update, key)[1]
        total = total - unlimited_margin(market, own.outcomes).sum(-1).mean() / course.scale
    return total, (shops, window, error.mean())
