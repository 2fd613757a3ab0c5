"""What a training run holds fixed and what it hands around: settings, the course of a run, learner, figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from intandem.departments import JointPolicy
from intandem.departments.department import LearningDepartment
from intandem.departments.outlook import Reference, margin, reference
from intandem.learning.critic import Critic, view
from intandem.learning.timescales import Timescales, default_timescales, timescales_of
from intandem.market import Market, Outcome, initial_state


@dataclass(frozen=True)
class TrainSettings:
    """How departments are trained.

    - `method`: `mtma`, `stma` (one speed), `reversed` (recommendation fast), `silo` (each on its own objective).
    - `estimator`: of the gradient: `perturbation` or `pathwise`.
    - `updates`: gradient updates.
    - `shops`: markets played in parallel, for `perturbation` two by two; 0 chooses by the number of pairs.
    - `window`: periods of each that count in an update; 0 chooses by the market.
    - `width`: units of each network. `clip`: largest gradient norm within a department.
    - `discount`: of the critic of `pathwise`, in a market of average profit. `trace`: lambda of its returns.
    - `timescales`: the speeds of `mtma`, from which the method's own follow; `None`: the estimator's own.
    """

    method: str = "mtma"
    estimator: str = "perturbation"
    updates: int = 400
    shops: int = 0
    window: int = 0
    width: int = 32
    clip: float = 1.0
    discount: float = 0.97
    trace: float = 0.9
    timescales: Timescales | None = None


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
        market,
        standing,
        jax.tree.map(lambda number: jnp.asarray(number, jnp.float32), timescales_of(settings.method, speeds)),
        jnp.asarray(settings.updates, jnp.float32),
        jnp.maximum(typical, 1e-6),
        # Speeds and length enter as arrays: they do not shape the program, and methods that differ in speeds share one.
        replace(
            settings,
            method="silo" if settings.method == "silo" else "mtma",
            shops=shops,
            window=window,
            updates=0,
            timescales=None,
        ),
    )


class Learner(eqx.Module):
    """What is learned: the policy's departments and, where the estimator uses one, the critic."""

    policy: JointPolicy
    critic: Critic | None


class Progress(eqx.Module):
    """Figures of one update: profit per period and shop, share of demand lost, share of slots used, critic's error
    (0 without a critic)."""

    profit: Float[Array, ""]
    lost_share: Float[Array, ""]
    exposure_share: Float[Array, ""]
    critic_error: Float[Array, ""]


class Estimate(eqx.Module):
    """What an estimator returns: the gradient of the loss by weight, what it remembers, and the update's figures.

    The loss is minus the profit per period, in units of a typical period's profit.
    """

    gradient: PyTree[Any]
    memory: PyTree[Any]
    figures: Progress


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
