"""The perturbation estimator: what policies earn as they operate, when their weights are perturbed.

Which product takes a slot, what is shown once a shelf runs low, whether to order at all: such answers jump, and what
they start runs on for long, since customers who were shown a product come back to it. The estimator perturbs weights
both ways, plays both policies on common random numbers from the market's initial state on, and weighs the perturbation
with the difference:

    grad E[J(w + size n)] = E[(J(w + size n) - J(w - size n)) n / (2 size)],   n standard normal

This is unbiased for the profit of perturbed policies (Nesterov and Spokoiny 2017; as a learner: evolution strategies,
Salimans et al. 2017): whole units, slates, lasting effects and all. Pairs on common random numbers keep its noise
small, and the weights of last layers alone are perturbed: what lies beneath stays as it was drawn, random features
(Rahimi and Recht 2008). The centralised critic is the joint trial itself: both departments are perturbed at once and
judged on the firm's profit.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from intandem.departments import JointPolicy
from intandem.learning.course import (
    Course,
    Gathered,
    Learner,
    Progress,
    of_departments,
    slots,
    unlimited_margin,
)
from intandem.learning.settings import TrainSettings
from intandem.learning.timescales import Pace
from intandem.market import Market, State, initial_state, step
from intandem.market.supply import inventory_position

SIZE = 0.05
"""Standard deviation of a perturbation to a weight of a last layer, whose inputs are about one in size."""


def sizes(market: Market, settings: TrainSettings) -> tuple[int, int]:
    """Shops and window, where the settings leave them open.

    Profit per period is steadier the more customers there are, and needs fewer trials. Windows are whole seasons.
    """
    shops = settings.shops or 2 * int(np.clip(1_600 / market.base_utility.size, 4, 32))
    positions = 1 if market.season is None else market.season.shape[0]
    return shops, -(-(settings.window or 96) // positions) * positions


def settling(market: Market) -> int:
    """Periods until a shop's stock is its own doing; they do not count in a market of average profit."""
    return 4 * (market.longest_lead_time + 1)


def periods_per_update(course: Course) -> int:
    """Periods simulated in an update, over all shops."""
    return course.settings.shops * (settling(course.market) + course.settings.window)


def start(course: Course, policy: JointPolicy, key: Key[Array, ""]) -> tuple[Learner, None]:
    """A learner without a critic, and nothing to remember."""
    del course, key
    return Learner(policy, None), None


def weights(learner: Learner) -> Learner:
    """True at the arrays that training moves."""
    return Learner(of_departments(learner.policy, lambda department: department.perturbed()), None)


def _alone(perturbation: JointPolicy, number: Array) -> JointPolicy:
    """One department's perturbation in turn, so that each is judged in trials of its own. What is kept counts double
    in the mean over pairs: by the square root in the trial, and again in its weight."""
    ordering = jnp.where(number % 2 == 0, jnp.sqrt(2.0), 0.0)
    showing = jnp.where(number % 2 == 0, 0.0, jnp.sqrt(2.0))
    return JointPolicy(
        jax.tree.map(lambda n: ordering * n, perturbation.inventory),
        jax.tree.map(lambda n: showing * n, perturbation.recommendation),
    )


def passes(course: Course) -> int:
    """One: trials are weighed once."""
    del course
    return 1


def gather(course: Course, learner: Learner, memory: None, update: Array, key: Key[Array, ""]) -> Gathered:
    """Tries pairs of perturbed policies and weighs each perturbation with what it earned more than its opposite."""
    del update
    market, settings = course.market, course.settings
    moved, rest = eqx.partition(learner.policy, weights(learner).policy)
    leaves, structure = jax.tree.flatten(moved)

    def pair(key: Key[Array, ""], number: Array) -> tuple[JointPolicy, Operation]:
        perturbation_key, play_key = jax.random.split(key)
        keys = jax.random.split(perturbation_key, len(leaves))
        perturbation = jax.tree.unflatten(
            structure, [jax.random.normal(k, leaf.shape) for k, leaf in zip(keys, leaves, strict=True)]
        )
        if settings.method == "independent":
            perturbation = _alone(perturbation, number)

        def trial(sign: Float[Array, ""]) -> Operation:
            policy = eqx.combine(jax.tree.map(lambda leaf, n: leaf + sign * SIZE * n, moved, perturbation), rest)
            return operate(market, policy, play_key, settle=settling(market), periods=settings.window)

        tried = jax.vmap(trial)(jnp.array([1.0, -1.0]))
        slope = jax.tree.map(lambda figure: (figure[0] - figure[1]) / (2 * SIZE * course.scale), tried)
        # In a silo recommendation is judged on its own objective.
        own = slope.unlimited_margin if settings.method == "silo" else slope.profit
        inventory = jax.tree.map(lambda n: -slope.profit * n, perturbation.inventory)
        return JointPolicy(inventory, jax.tree.map(lambda n: -own * n, perturbation.recommendation)), tried

    pairs = settings.shops // 2
    gradients, tried = jax.vmap(pair)(jax.random.split(key, pairs), jnp.arange(pairs))
    figures = Progress(
        profit=tried.profit.mean(),
        lost_share=tried.lost.sum() / jnp.maximum(tried.demand.sum(), 1e-6),
        exposure_share=tried.exposures.mean() / slots(market),
        critic_error=jnp.zeros(()),
    )
    return Gathered(gradients, memory, figures)


def gradient(
    course: Course, learner: Learner, experience: JointPolicy, step: Array, key: Key[Array, ""]
) -> tuple[Learner, Float[Array, " departments"]]:
    """The mean over pairs."""
    del course, learner, step, key
    return Learner(jax.tree.map(lambda one: one.mean(0), experience), None), jnp.ones(2)


def measured(course: Course, learner: Learner, experience: JointPolicy) -> Float[Array, " departments"]:
    """The share of each department's gradient that is no noise: what is left of its square when the variance of the
    mean over pairs is taken off."""
    del course, learner

    def share(gradients: object) -> Float[Array, ""]:
        leaves = jax.tree.leaves(gradients)
        square = sum((leaf.mean(0) ** 2).sum() for leaf in leaves)
        noise = sum(leaf.var(0).sum() for leaf in leaves) / jnp.maximum(leaves[0].shape[0] - 1, 1)
        return jnp.maximum(1 - noise / jnp.maximum(square, 1e-30), 0.0)

    return jnp.stack([share(one) for one in (experience.inventory, experience.recommendation)])


def limits(course: Course) -> Float[Array, " departments"]:
    """None."""
    del course
    return jnp.full(2, jnp.inf)


def paced(course: Course, pace: Pace, measured: Float[Array, " departments"], update: Array) -> Pace:
    """In proportion to that share, averaged over some twenty updates, where departments set their own speeds."""
    del update
    return pace.weighed(measured, course.speeds.target)


class Operation(eqx.Module):
    """What a policy did, per period; discounted where the market says so.

    - `profit`: money, with the change in what stock is worth at replacement.
    - `unlimited_margin`: money that a silo's recommendation department is judged on.
    - `demand`, `lost`: units. `exposures`: of all products.
    """

    profit: Float[Array, "*trials"]
    unlimited_margin: Float[Array, "*trials"]
    demand: Float[Array, "*trials"]
    lost: Float[Array, "*trials"]
    exposures: Float[Array, "*trials"]


def operate(market: Market, policy: JointPolicy, key: Key[Array, ""], *, settle: int, periods: int) -> Operation:
    """Plays a policy as it operates, from the market's initial state; `periods` count, after `settle` that do not.

    With a discount below 1 all periods count, by their weight: the measure is the value of the initial state.
    """
    discounted = market.discount < 1

    def period(state: State, at: tuple[Array, Key[Array, ""]]) -> tuple[State, Operation]:
        weight, key = at
        following, outcome = step(market, state, policy(market, state, key), key)
        did = Operation(
            outcome.profit + market.discount * _stock_worth(market, following) - _stock_worth(market, state),
            unlimited_margin(market, outcome).sum(),
            outcome.demand.sum(),
            outcome.lost.sum(),
            outcome.exposures.sum(),
        )
        return following, jax.tree.map(lambda figure: weight * figure, did)

    number = jnp.arange(settle + periods)
    weight = jnp.where(discounted, market.discount**number, number >= settle)
    _, played = jax.lax.scan(period, initial_state(market), (weight, jax.random.split(key, settle + periods)))
    return jax.tree.map(lambda figure: figure.sum() / weight.sum(), played)


def _stock_worth(market: Market, state: State) -> Float[Array, ""]:
    return (market.salvage * inventory_position(state)).sum()
