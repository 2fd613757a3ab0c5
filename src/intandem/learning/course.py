"""What a training run holds fixed and what it hands around: the course of a run, the learner, figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from intandem.departments import JointPolicy
from intandem.departments.department import LearningDepartment
from intandem.departments.outlook import Reference, margin, reference
from intandem.learning.critic import view
from intandem.learning.settings import TrainSettings
from intandem.learning.timescales import JOINT_NETWORK, Timescales, default_timescales, timescales_of
from intandem.market import Market, Outcome, initial_state, nameless


class Course(eqx.Module):
    """What stays fixed during a run: the market, its standing figures, the speeds, the profit of a typical period,
    and the settings that shape the compiled program."""

    market: Market
    standing: Reference
    speeds: Timescales
    updates: Float[Array, ""]
    scale: Float[Array, ""]
    settings: TrainSettings = eqx.field(static=True)


def course_of(market: Market, settings: TrainSettings, shops: int, window: int) -> Course:
    """The course of a run; `shops` and `window` as the estimator chose them."""
    speeds = settings.timescales or default_timescales(settings.updates, settings.estimator)
    standing = reference(market)
    typical = view(market, standing, initial_state(market)).stake.sum()
    return Course(
        nameless(market),
        standing,
        jax.tree.map(lambda number: jnp.asarray(number, jnp.float32), timescales_of(settings.method, speeds)),
        jnp.asarray(settings.updates, jnp.float32),
        jnp.maximum(typical, 1e-6),
        # Speeds and length enter as arrays: they do not shape the program, and methods that differ in speeds share one.
        replace(
            settings,
            method=_PROGRAMS.get(settings.method, "mtma"),
            shops=shops,
            window=window,
            updates=1,
            timescales=None,
            starts="one",
        ),
    )


_PROGRAMS = {"silo": "silo", "independent": "independent", **dict.fromkeys(JOINT_NETWORK, JOINT_NETWORK[0])}
"""Methods whose compiled program is not that of `mtma`, and what each is called there."""


class Learner(eqx.Module):
    """What is learned: the policy's departments and, where the estimator uses one, the critic."""

    policy: JointPolicy
    critic: PyTree[Any]


class Progress(eqx.Module):
    """Figures of one update.

    - `profit`: per period and shop, as played for learning. `lost_share` of demand. `exposure_share` of slots.
    - `critic_error`: 0 without a critic.
    - `inventory_step`, `recommendation_step`: step sizes.
    - `inventory_measure`, `recommendation_measure`: what speeds that set themselves go by: for `score` the divergence
      from the policy that played, for `perturbation` the share of the gradient that is no noise.
    """

    profit: Float[Array, ""]
    lost_share: Float[Array, ""]
    exposure_share: Float[Array, ""]
    critic_error: Float[Array, ""]
    inventory_step: Float[Array, ""] | float = 0.0
    recommendation_step: Float[Array, ""] | float = 0.0
    inventory_measure: Float[Array, ""] | float = 0.0
    recommendation_measure: Float[Array, ""] | float = 0.0


class Gathered(eqx.Module):
    """What an estimator has before a weight moves: what it learns from, what it remembers, the update's figures."""

    experience: PyTree[Any]
    memory: PyTree[Any]
    figures: Progress


def tied(course: Course, policy: JointPolicy) -> JointPolicy:
    """The policy as it plays: where one network decides for both departments, they share all but its last layer."""
    if course.settings.method not in JOINT_NETWORK:
        return policy
    trunk = policy.inventory.network  # type: ignore[attr-defined]
    shared = eqx.tree_at(lambda network: network.outputs, trunk, policy.recommendation.network.outputs)  # type: ignore[attr-defined]
    return eqx.tree_at(lambda one: one.recommendation.network, policy, shared)


def of_departments(policy: JointPolicy, which: Callable[[LearningDepartment[Any]], Any]) -> JointPolicy:
    """`which` of each department that learns, False all over the others."""
    return JointPolicy(
        *(
            which(one) if isinstance(one, LearningDepartment) else jax.tree.map(lambda _: False, one)
            for one in (policy.inventory, policy.recommendation)
        )
    )


def slots(market: Market) -> Float[Array, ""]:
    """Exposures that a period has room for on average."""
    return jnp.maximum(market.exposure_slots * (market.population * market.visit_probability).sum(), 1e-6)


def unlimited_margin(market: Market, outcome: Outcome) -> Float[Array, "*times products"]:
    """The recommendation department's own objective in a silo: gross margin of demand as if stock were unlimited,
    net of exposure cost. (With substitution, demand has already left what is out of stock.)"""
    return margin(market) * outcome.demand - market.exposure_cost * outcome.exposures
