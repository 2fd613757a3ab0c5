"""MTMA: multi-timescale, multi-agent learning of two departments (after Jiang, Han, Peng and Zhang, arXiv 2510.04272).

Departments see what they see, learn together on the firm's profit, and run apart. Each update has an estimator gather
what it learns from; then, once or in several passes, it gives the gradient of profit in every weight, and inventory,
recommendation and, where there is one, the centralised critic move along it, each at its own speed. Python calls one
compiled function in chunks of updates, to show progress and to keep what a stopped run needs to go on.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import polars as pl
from jaxtyping import Array, Bool, Float, Int, Key, PyTree

from intandem.departments import JointPolicy, inventory_network, plain_departments, recommendation_network
from intandem.display import Displayed, Summary, count, money
from intandem.errors import InputError, RunError
from intandem.learning.checkpoint import load_checkpoint, run_identity, save_checkpoint
from intandem.learning.course import Course, Learner, Progress, course_of, tied
from intandem.learning.estimators import ESTIMATORS
from intandem.learning.settings import TrainSettings
from intandem.learning.timescales import Pace, first_pace, optimiser
from intandem.learning.warm_start import with_weights_of
from intandem.market import Market
from intandem.progress import Meter, reported

Report = Callable[[int, int, dict[str, float]], object]
"""Told the updates done, how many there are, and mean figures of the last chunk."""

_logger = logging.getLogger(__name__)


class TrainingState(eqx.Module):
    """All that a run needs to go on: weights and their running average, optimisers and the pace that departments have
    set themselves, what the estimator remembers, the randomness."""

    learner: Learner
    averaged: Learner
    optimisers: PyTree
    pace: Pace
    memory: PyTree
    update: Int[Array, ""]
    key: Key[Array, ""]


@dataclass(frozen=True)
class Handed:
    """What was handed over of all that was tried.

    - `name`: `trained`, `start`, or a rule's text. `profit`: what each earns per period, on common random numbers.
    - `start`: the start that training went on from: `as valued`, `shown` or `trained apart`, or `given`.
    """

    name: str
    profit: dict[str, float]
    start: str


@dataclass(frozen=True, repr=False)
class Training(Displayed):
    """A trained policy and how it came about; `curve` holds one array per figure of `Progress`, by update; `handed`
    says what was handed over, where several things were tried."""

    policy: JointPolicy
    curve: dict[str, np.ndarray]
    seconds: float
    steps: int
    parameters: dict[str, int]
    settings: TrainSettings
    seed: int
    handed: Handed | None = None

    def _summary(self) -> Summary:
        profit, settings = self.curve["profit"], self.settings
        tenth = max(1, len(profit) // 10)
        played = f"{count(settings.shops, 'shop')} of {count(settings.window, 'period')}"
        rows = [
            ("began at", f"profit {money(float(profit[:tenth].mean()))} in the first tenth of updates"),
            ("estimator", f"{settings.estimator}, on {played}"),
            ("took", f"{self.seconds:,.1f} s, {count(self.steps, 'period')} played"),
            ("weights", ", ".join(f"{name} {many:,}" for name, many in self.parameters.items())),
            ("seed", str(self.seed)),
        ]
        if self.handed is not None:
            rows.append(("handed over", f"{self.handed.name}, started {self.handed.start}"))
        done = f"{settings.method} after {count(len(profit), 'update')}"
        return Summary(f"{done}: profit {money(float(profit[-tenth:].mean()))} per period in the last tenth", rows)

    def to_frame(self) -> pl.DataFrame:
        """One row per update: `update` (from 1), and the figures of the periods it was played on: `profit` (money per
        period), `lost_share` (of demand), `exposure_share` (of slots), `critic_error` (0 without a critic), step sizes,
        and what speeds that set themselves go by (see `Progress`)."""
        updates = len(self.curve["profit"])
        return pl.DataFrame({"update": np.arange(1, updates + 1), **self.curve})


def _by_department(learner: Learner) -> Learner:
    """Each weight labelled with who moves it."""
    return Learner(
        JointPolicy(
            jax.tree.map(lambda _: "inventory", learner.policy.inventory),
            jax.tree.map(lambda _: "recommendation", learner.policy.recommendation),
        ),
        jax.tree.map(lambda _: "critic", learner.critic),
    )


def _optimisers(course: Course) -> optax.GradientTransformation:
    speeds, settings = course.speeds, course.settings
    passes = ESTIMATORS[settings.estimator].passes(course)
    return optax.partition(
        {
            name: optimiser(speed, settings.clip, settings.epsilon, passes)
            for name, speed in (
                ("critic", speeds.critic),
                ("inventory", speeds.inventory),
                ("recommendation", speeds.recommendation),
            )
        },
        _by_department,
    )


def _departments(course: Course, keys: Key[Array, " some"]) -> JointPolicy:
    """Untrained departments as the settings have them."""
    settings, sees_stock = course.settings, course.settings.method != "silo"
    if settings.departments == "plain":
        return JointPolicy(
            *plain_departments(
                course.market, course.standing, width=settings.width, sees_stock=sees_stock, keys=keys[:2]
            )
        )
    return JointPolicy(
        inventory_network(course.market, course.standing, width=settings.width, key=keys[0]),
        recommendation_network(course.standing, width=settings.width, sees_stock=sees_stock, key=keys[1]),
    )


def untrained(market: Market, settings: TrainSettings, seed: int) -> JointPolicy:
    """What a run of this seed starts from."""
    course = course_of(market, settings, *ESTIMATORS[settings.estimator].sizes(market, settings))
    return tied(course, _departments(course, jax.random.split(jax.random.key(seed), 4)))


def _start(course: Course, seed: int, start: JointPolicy | None) -> TrainingState:
    estimator = ESTIMATORS[course.settings.estimator]
    keys = jax.random.split(jax.random.key(seed), 4)
    policy = _departments(course, keys)
    if start is not None:
        policy = with_weights_of(policy, start)
    learner, memory = estimator.start(course, tied(course, policy), keys[2])
    return TrainingState(
        learner=learner,
        averaged=learner,
        optimisers=_optimisers(course).init(eqx.filter(learner, estimator.weights(learner))),
        pace=first_pace(course.speeds),
        memory=memory,
        update=jnp.asarray(0),
        key=keys[3],
    )


def _update(course: Course, now: TrainingState) -> tuple[TrainingState, Progress]:
    """One update: gather what is learned from; then, in each pass, move every department and the critic along its part
    of the gradient, at its own speed."""
    estimator = ESTIMATORS[course.settings.estimator]
    key, update_key = jax.random.split(now.key)
    found = estimator.gather(course, now.learner, now.memory, now.update, update_key)

    def step(carry: tuple[Learner, PyTree], number: Array) -> tuple[tuple[Learner, PyTree], None]:
        learner, optimisers = carry
        gradient, trusted = estimator.gradient(course, learner, found.experience, number, update_key)
        weights, rest = eqx.partition(learner, estimator.weights(learner))
        moves, optimisers = _optimisers(course).update(gradient, optimisers, weights)
        moves = _paced(moves, now.pace.factor * trusted)
        return (eqx.combine(optax.apply_updates(weights, moves), rest), optimisers), None

    numbers = jnp.arange(estimator.passes(course))
    (learner, optimisers), _ = jax.lax.scan(step, (now.learner, now.optimisers), numbers)
    measured = estimator.measured(course, learner, found.experience)
    learner = _back_where(measured > estimator.limits(course), now.learner, learner)
    pace = estimator.paced(course, now.pace, measured, now.update)

    # What operates in the end is the running average of late iterates (Polyak and Juditsky 1992).
    memory = jnp.minimum(now.update, 0.05 * course.updates) + 1.0
    averaged = jax.tree.map(
        lambda old, new: old + (new - old) / memory if eqx.is_inexact_array(old) else old, now.averaged, learner
    )
    figures = _with_speeds(found.figures, course, now, measured)
    return TrainingState(learner, averaged, optimisers, pace, found.memory, now.update + 1, key), figures


def _with_speeds(
    figures: Progress, course: Course, now: TrainingState, measured: Float[Array, " departments"]
) -> Progress:
    speeds, factors = (course.speeds.inventory, course.speeds.recommendation), now.pace.factor
    steps = [jnp.asarray(speed.at(now.update)) * factor for speed, factor in zip(speeds, factors, strict=True)]
    return replace(
        figures,
        inventory_step=steps[0],
        recommendation_step=steps[1],
        inventory_measure=measured[0],
        recommendation_measure=measured[1],
    )


def _back_where(far: Bool[Array, " departments"], before: Learner, after: Learner) -> Learner:
    """Departments that an update took too far stand where they stood before it."""
    inventory, recommendation = (
        jax.tree.map(lambda old, new, gone=gone: jnp.where(gone, old, new) if eqx.is_array(old) else new, *parts)
        for gone, parts in zip(
            far,
            (
                (before.policy.inventory, after.policy.inventory),
                (before.policy.recommendation, after.policy.recommendation),
            ),
            strict=True,
        )
    )
    return Learner(JointPolicy(inventory, recommendation), after.critic)


def _paced(moves: Learner, factors: Float[Array, " departments"]) -> Learner:
    """The moves of each department times its factor; the critic's as they are."""
    inventory, recommendation = (
        jax.tree.map(lambda move, factor=factor: factor * move, part)
        for factor, part in zip(factors, (moves.policy.inventory, moves.policy.recommendation), strict=True)
    )
    return Learner(JointPolicy(inventory, recommendation), moves.critic)


@eqx.filter_jit
def _advance(course: Course, now: TrainingState, updates: int) -> tuple[TrainingState, Progress]:
    """`updates` updates in one compiled program."""

    def update(now: TrainingState, _: None) -> tuple[TrainingState, Progress]:
        return _update(course, now)

    return jax.lax.scan(update, now, None, length=updates)


def train(
    market: Market,
    settings: TrainSettings | None = None,
    seed: int = 0,
    *,
    progress: Report | bool | None = None,
    checkpoint: str | Path | None = None,
    start: JointPolicy | None = None,
) -> Training:
    """Trains a policy once, from one start; what comes out is handed over as it is.

    `intandem.learning.train` takes the same arguments and says what they are.
    """
    settings = TrainSettings() if settings is None else settings
    check_seed(seed)
    started = time.monotonic()
    estimator = ESTIMATORS[settings.estimator]
    course = course_of(market, settings, *estimator.sizes(market, settings))
    now = _start(course, seed, start)
    figures: list[dict[str, np.ndarray]] = []
    spent = 0.0
    identity = run_identity(market, settings, seed, start)
    if checkpoint is not None and Path(checkpoint).exists():
        now, figures, spent = load_checkpoint(checkpoint, now, identity)
        _logger.info("going on from %s at update %d of %d", checkpoint, int(now.update), settings.updates)
    played_on = (course.settings.shops, course.settings.window)
    _logger.info(
        "training %s in %s: %d updates on %d shops of %d periods",
        settings.method,
        market.name,
        settings.updates,
        *played_on,
    )
    chunk = max(1, min(CHUNK, settings.updates))
    with reported(progress, f"training {settings.method}", _shown(settings.method)) as tell:
        while (done := int(now.update)) < settings.updates:
            now, played = _advance(course, now, min(chunk, settings.updates - done))
            figures.append({name: np.asarray(value) for name, value in vars(played).items()})
            if checkpoint is not None:
                save_checkpoint(checkpoint, now, figures, spent + time.monotonic() - started, identity)
            means = {name: float(value.mean()) for name, value in figures[-1].items()}
            _logger.debug("update %d: %s", int(now.update), means)
            if tell is not None:
                tell(int(now.update), settings.updates, means)
    if checkpoint is not None:
        Path(checkpoint).unlink(missing_ok=True)
    if not all(
        bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(eqx.filter(now.averaged, eqx.is_inexact_array))
    ):
        raise RunError(
            market.name or "market", "training has left the finite numbers", "look for extreme figures in the market"
        )
    seconds = spent + time.monotonic() - started
    _logger.info("trained %s in %.1f s", settings.method, seconds)
    return Training(
        policy=tied(course, now.averaged.policy),
        curve={name: np.concatenate([part[name] for part in figures]) for name in figures[0]},
        seconds=seconds,
        steps=settings.updates * estimator.periods_per_update(course),
        parameters=_count(eqx.filter(now.learner, estimator.weights(now.learner))),
        settings=replace(settings, shops=course.settings.shops, window=course.settings.window),
        seed=seed,
    )


def _shown(method: str) -> Callable[[Meter], Report]:
    return lambda meter: lambda done, total, means: meter.training(f"training {method}", done, total, means["profit"])


CHUNK = 50
"""Updates per call of the compiled program: a second or two of work between two signs of progress."""


def _count(weights: Learner) -> dict[str, int]:
    parts = {
        "inventory": weights.policy.inventory,
        "recommendation": weights.policy.recommendation,
        "critic": weights.critic,
    }
    return {name: sum(leaf.size for leaf in jax.tree.leaves(part)) for name, part in parts.items()}


def check_seed(seed: int) -> None:
    """**Raises:** `InputError` for a seed that is none."""
    if not isinstance(seed, int) or seed < 0:
        raise InputError("seed", f"is {seed}", "give a whole number of 0 or more")
