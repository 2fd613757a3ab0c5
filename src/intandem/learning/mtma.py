"""MTMA: multi-timescale, multi-agent learning of a firm (after Jiang, Han, Peng and Zhang, arXiv 2510.04272).

Departments see what they see, learn together on the firm's profit with a centralised critic, and run apart. Each
update plays a window in many parallel shops, takes a gradient, and moves the critic, inventory and recommendation,
each at its own speed. Python calls one compiled function in chunks of updates, to show progress and to keep what a
stopped run needs to go on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, Key, PyTree

from intandem.departments import Firm, inventory_network, recommendation_network, reference
from intandem.departments.department import LearningDepartment
from intandem.departments.outlook import Reference
from intandem.errors import InputError
from intandem.learning.checkpoint import load_checkpoint, run_identity, save_checkpoint
from intandem.learning.critic import new_critic, view
from intandem.learning.estimators import Learner, Window, largest_worth, pathwise_loss, play, unlimited_margin
from intandem.learning.timescales import Timescales, default_timescales, optimiser, timescales_of
from intandem.market import Market, State, initial_state


@dataclass(frozen=True)
class TrainSettings:
    """How a firm is trained.

    - `method`: `mtma`, `stma` (one speed), `reversed` (recommendation fast), `silo` (each on its own objective).
    - `estimator`: `pathwise`.
    - `updates`: gradient updates. `shops`: markets played in parallel; 0 chooses by the number of pairs.
    - `window`: periods per update; 0 chooses by the longest lead time.
    - `width`: units of each network. `clip`: largest gradient norm within a department.
    - `discount`: of the critic, in a market of average profit. `trace`: lambda of its returns.
    - `timescales`: the speeds of `mtma`, from which the method's own follow; `None`: the default ones.
    """

    method: str = "mtma"
    estimator: str = "pathwise"
    updates: int = 400
    shops: int = 0
    window: int = 0
    width: int = 32
    clip: float = 1.0
    discount: float = 0.97
    trace: float = 0.9
    timescales: Timescales | None = None


class Course(eqx.Module):
    """What stays fixed during a run: the market, its standing figures, the speeds, and the settings that shape the
    compiled program."""

    market: Market
    standing: Reference
    speeds: Timescales
    updates: Float[Array, ""]
    scale: Float[Array, ""]
    settings: TrainSettings = eqx.field(static=True)


class TrainingState(eqx.Module):
    """All that a run needs to go on: weights and their running average, optimisers, the shops, the randomness."""

    learner: Learner
    averaged: Learner
    optimisers: PyTree
    shops: State
    average: Float[Array, " products"]
    update: Int[Array, ""]
    key: Key[Array, ""]


class Progress(eqx.Module):
    """Figures of one update: profit per period and shop, share of demand lost, share of slots used, critic's error."""

    profit: Float[Array, ""]
    lost_share: Float[Array, ""]
    exposure_share: Float[Array, ""]
    critic_error: Float[Array, ""]


@dataclass(frozen=True)
class Training:
    """A trained firm and how it came about; `curve` holds one array per figure of `Progress`, by update."""

    firm: Firm
    curve: dict[str, np.ndarray]
    seconds: float
    steps: int
    parameters: dict[str, int]
    settings: TrainSettings
    seed: int


def _weights(learner: Learner) -> Learner:
    """True at the arrays that training moves."""
    nothing = jax.tree.map(lambda _: False, learner)
    firm = nothing.firm
    if isinstance(learner.firm.inventory, LearningDepartment):
        firm = eqx.tree_at(lambda f: f.inventory, firm, learner.firm.inventory.weights())
    if isinstance(learner.firm.recommendation, LearningDepartment):
        firm = eqx.tree_at(lambda f: f.recommendation, firm, learner.firm.recommendation.weights())
    return Learner(firm, jax.tree.map(eqx.is_inexact_array, learner.critic))


def _by_department(learner: Learner) -> Learner:
    """Each weight labelled with who moves it."""
    return Learner(
        Firm(
            jax.tree.map(lambda _: "inventory", learner.firm.inventory),
            jax.tree.map(lambda _: "recommendation", learner.firm.recommendation),
        ),
        jax.tree.map(lambda _: "critic", learner.critic),
    )


def _optimisers(course: Course) -> optax.GradientTransformation:
    speeds, clip = course.speeds, course.settings.clip
    return optax.partition(
        {
            "critic": optimiser(speeds.critic, clip),
            "inventory": optimiser(speeds.inventory, clip),
            "recommendation": optimiser(speeds.recommendation, clip),
        },
        _by_department,
    )


def _course(market: Market, settings: TrainSettings) -> Course:
    speeds = timescales_of(settings.method, settings.timescales or default_timescales(settings.updates))
    shops = settings.shops or int(np.clip(200_000 / market.base_utility.size, 4, 32))
    window = settings.window or max(24, 4 * (market.longest_lead_time + 1))
    # Speeds and length enter as arrays: they do not shape the program.
    shaping = replace(settings, shops=shops, window=window, updates=0, timescales=None)
    standing = reference(market)
    typical = view(market, standing, initial_state(market)).stake.sum()
    return Course(
        market,
        standing,
        jax.tree.map(lambda number: jnp.asarray(number, jnp.float32), speeds),
        jnp.asarray(settings.updates, jnp.float32),
        jnp.maximum(typical, 1e-6),
        shaping,
    )


def _start(course: Course, seed: int) -> TrainingState:
    market, standing, settings = course.market, course.standing, course.settings
    keys = jax.random.split(jax.random.key(seed), 4)
    learner = Learner(
        Firm(
            inventory_network(market, standing, width=settings.width, key=keys[0]),
            recommendation_network(standing, width=settings.width, sees_stock=settings.method != "silo", key=keys[1]),
        ),
        new_critic(width=settings.width, key=keys[2]),
    )
    shops = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (settings.shops, *jnp.shape(leaf))), initial_state(market))
    return TrainingState(
        learner=learner,
        averaged=learner,
        optimisers=_optimisers(course).init(eqx.filter(learner, _weights(learner))),
        shops=shops,
        average=jnp.zeros(market.products),
        update=jnp.asarray(0),
        key=keys[3],
    )


def _play_shops(course: Course, firm: Firm, now: TrainingState, key: Key[Array, ""]) -> tuple[State, Window]:
    settings = course.settings
    # Exploration is full for half of the run and gone for its last tenth.
    exploration = jnp.clip((0.9 - now.update / course.updates) / 0.4, 0.0, 1.0)
    shop = partial(
        play,
        course.market,
        course.standing,
        firm,
        periods=settings.window,
        exploration=exploration,
        bound=largest_worth(course.market) / (settings.window * course.scale * settings.shops),
    )
    return jax.vmap(shop)(now.shops, jax.random.split(key, settings.shops))


def _losses(
    weights: Learner, rest: Learner, course: Course, now: TrainingState, key: Key[Array, ""]
) -> tuple[Float[Array, ""], tuple[State, Window, Float[Array, ""]]]:
    market, settings = course.market, course.settings
    learner = eqx.combine(weights, rest)
    firm = learner.firm
    if settings.method == "silo":
        # Inventory meets the demand that recommendation makes; recommendation hears nothing of stock.
        firm = Firm(firm.inventory, jax.lax.stop_gradient(firm.recommendation))
    shops, window = _play_shops(course, firm, now, key)
    discount = jnp.where(market.discount < 1, market.discount, settings.discount)
    loss, error = jax.vmap(
        lambda played: pathwise_loss(
            market, learner.critic, played, now.average, course.scale, discount, settings.trace
        )
    )(window)
    total = loss.mean() + error.mean()
    if settings.method == "silo":
        apart = Firm(jax.lax.stop_gradient(learner.firm.inventory), learner.firm.recommendation)
        own = _play_shops(course, apart, now, key)[1]
        total = total - unlimited_margin(market, own.outcomes).sum(-1).mean() / course.scale
    return total, (shops, window, error.mean())


def _update(course: Course, now: TrainingState) -> tuple[TrainingState, Progress]:
    """One update: play a window, take the gradient, move each department and the critic at its own speed."""
    key, play_key = jax.random.split(now.key)
    weights, rest = eqx.partition(now.learner, _weights(now.learner))
    gradient, (shops, window, error) = jax.grad(_losses, has_aux=True)(weights, rest, course, now, play_key)
    moves, optimisers = _optimisers(course).update(gradient, now.optimisers, weights)
    learner = eqx.combine(optax.apply_updates(weights, moves), rest)

    # What operates in the end is the running average of late iterates (Polyak and Juditsky 1992).
    memory = jnp.minimum(now.update, 0.05 * course.updates) + 1.0
    averaged = jax.tree.map(
        lambda old, new: old + (new - old) / memory if eqx.is_inexact_array(old) else old, now.averaged, learner
    )
    profit = window.outcomes.ledger.profit.mean((0, 1))
    average = jnp.where(now.update == 0, profit, now.average + 0.02 * (profit - now.average))
    following = TrainingState(learner, averaged, optimisers, shops, average, now.update + 1, key)
    return following, _figures(course.market, window, error)


def _figures(market: Market, window: Window, error: Float[Array, ""]) -> Progress:
    outcomes = window.outcomes
    slots = jnp.maximum(market.exposure_slots * (market.population * market.visit_probability).sum(), 1e-6)
    return Progress(
        profit=outcomes.profit.mean(),
        lost_share=outcomes.lost.sum() / jnp.maximum(outcomes.demand.sum(), 1.0),
        exposure_share=outcomes.exposures.sum(-1).mean() / slots,
        critic_error=error,
    )


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
    progress: Callable[[int, int, dict[str, float]], None] | None = None,
    checkpoint: str | Path | None = None,
) -> Training:
    """Trains a firm for a market.

    **Arguments:**

    - `settings`: how; the defaults train `mtma`.
    - `seed`: of the weights and of all that is drawn.
    - `progress`: called after every chunk with the updates done, their number and the chunk's mean figures.
    - `checkpoint`: a file to keep the run's state in after every chunk. If it is there, the run goes on from it, and
      ends as it would have without the stop. It is removed when the run is done.

    **Raises:** `InputError` for settings that cannot be, or a checkpoint of another run.

    ```python
    >>> from intandem.market import family_market
    >>> market = family_market("capped-supply", products=2, customers=3, seed=0)
    >>> trained = train(market, TrainSettings(updates=2, shops=2, window=4, width=4))
    >>> sorted(trained.parameters)
    ['critic', 'inventory', 'recommendation']

    ```
    """
    settings = TrainSettings() if settings is None else settings
    _check(settings)
    started = time.monotonic()
    course = _course(market, settings)
    now = _start(course, seed)
    figures: list[dict[str, np.ndarray]] = []
    spent = 0.0
    identity = run_identity(market, settings, seed)
    if checkpoint is not None and Path(checkpoint).exists():
        now, figures, spent = load_checkpoint(checkpoint, now, identity)
    done = int(now.update)
    chunk = max(1, min(CHUNK, settings.updates))
    while done < settings.updates:
        now, played = _advance(course, now, min(chunk, settings.updates - done))
        figures.append({name: np.asarray(value) for name, value in vars(played).items()})
        done = int(now.update)
        if checkpoint is not None:
            save_checkpoint(checkpoint, now, figures, spent + time.monotonic() - started, identity)
        if progress is not None:
            progress(done, settings.updates, {name: float(value.mean()) for name, value in figures[-1].items()})
    if checkpoint is not None:
        Path(checkpoint).unlink(missing_ok=True)
    return Training(
        firm=now.averaged.firm,
        curve={name: np.concatenate([part[name] for part in figures]) for name in figures[0]},
        seconds=spent + time.monotonic() - started,
        steps=settings.updates * course.settings.shops * course.settings.window,
        parameters=_count(now.learner),
        settings=settings,
        seed=seed,
    )


CHUNK = 50
"""Updates per call of the compiled program: a second or two of work between two signs of progress."""


def _count(learner: Learner) -> dict[str, int]:
    weights = eqx.filter(learner, _weights(learner))
    parts = {
        "inventory": weights.firm.inventory,
        "recommendation": weights.firm.recommendation,
        "critic": weights.critic,
    }
    return {name: sum(leaf.size for leaf in jax.tree.leaves(part)) for name, part in parts.items()}


def _check(settings: TrainSettings) -> None:
    timescales_of(settings.method, default_timescales(1))
    if settings.estimator != "pathwise":
        planned = "is planned and not built yet" if settings.estimator == "score" else "is not known"
        raise InputError("--estimator", f"'{settings.estimator}' {planned}", "use pathwise")
    for name, least in (("updates", 1), ("shops", 0), ("window", 0), ("width", 1)):
        if getattr(settings, name) < least:
            raise InputError(f"--{name}", f"is {getattr(settings, name)}", f"give {least} or more")
