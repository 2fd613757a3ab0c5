"""MTMA: multi-timescale, multi-agent learning of a firm (after Jiang, Han, Peng and Zhang, arXiv 2510.04272).

Departments see what they see, learn together on the firm's profit with a centralised critic, and run apart. Each
update plays a window in many parallel shops, takes a gradient, and moves the critic, inventory and recommendation,
each at its own speed. Python calls one compiled function in chunks of updates, to show progress and to keep what a
stopped run needs to go on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

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
from intandem.learning.critic import new_critic
from intandem.learning.estimators import Learner, Window, pathwise_loss, play, unlimited_margin
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
    updates: int = 600
    shops: int = 0
    window: int = 0
    width: int = 32
    clip: float = 1.0
    discount: float = 0.97
    trace: float = 0.9
    timescales: Timescales | None = None


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


def _optimisers(speeds: Timescales, clip: float) -> optax.GradientTransformation:
    return optax.partition(
        {
            "critic": optimiser(speeds.critic, clip),
            "inventory": optimiser(speeds.inventory, clip),
            "recommendation": optimiser(speeds.recommendation, clip),
        },
        _by_department,
    )


def _start(market: Market, standing: Reference, settings: TrainSettings, seed: int) -> TrainingState:
    keys = jax.random.split(jax.random.key(seed), 4)
    sees_stock = settings.method != "silo"
    learner = Learner(
        Firm(
            inventory_network(market, standing, width=settings.width, key=keys[0]),
            recommendation_network(standing, width=settings.width, sees_stock=sees_stock, key=keys[1]),
        ),
        new_critic(width=settings.width, key=keys[2]),
    )
    opening = initial_state(market)
    shops = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (settings.shops, *jnp.shape(leaf))), opening)
    weights = eqx.filter(learner, _weights(learner))
    speeds = timescales_of(settings.method, settings.timescales or default_timescales(settings.updates))
    return TrainingState(
        learner=learner,
        averaged=learner,
        optimisers=_optimisers(speeds, settings.clip).init(weights),
        shops=shops,
        average=jnp.zeros(market.products),
        update=jnp.asarray(0),
        key=keys[3],
    )


def _play_shops(
    market: Market, standing: Reference, firm: Firm, shops: State, periods: int, key: Key[Array, ""]
) -> tuple[State, Window]:
    keys = jax.random.split(key, jax.tree.leaves(shops)[0].shape[0])
    return jax.vmap(lambda state, key: play(market, standing, firm, state, periods, key))(shops, keys)


def _losses(
    weights: Learner,
    rest: Learner,
    market: Market,
    standing: Reference,
    now: TrainingState,
    settings: TrainSettings,
    key: Key[Array, ""],
) -> tuple[Float[Array, ""], tuple[State, Window, Float[Array, ""]]]:
    learner = eqx.combine(weights, rest)
    firm = learner.firm
    if settings.method == "silo":
        # Inventory meets the demand that recommendation makes; recommendation hears nothing of stock.
        firm = Firm(firm.inventory, jax.lax.stop_gradient(firm.recommendation))
    shops, window = _play_shops(market, standing, firm, now.shops, settings.window, key)
    loss, error = jax.vmap(
        lambda played: pathwise_loss(
            market, learner.critic, played, now.average, _discount(market, settings), settings.trace
        )
    )(window)
    total = loss.mean() + error.mean()
    if settings.method == "silo":
        apart = Firm(jax.lax.stop_gradient(learner.firm.inventory), learner.firm.recommendation)
        own = _play_shops(market, standing, apart, now.shops, settings.window, key)[1]
        scale = jnp.maximum(own.before.stake[:, 0].sum(-1).mean(), 1e-6)
        total = total - unlimited_margin(market, own.outcomes).sum(-1).mean() / scale
    return total, (shops, window, error.mean())


def _discount(market: Market, settings: TrainSettings) -> Float[Array, ""]:
    return jnp.where(market.discount < 1, market.discount, settings.discount)


def _update(
    market: Market, standing: Reference, settings: TrainSettings, now: TrainingState
) -> tuple[TrainingState, Progress]:
    """One update: play, take the gradient, move each department at its own speed."""
    key, play_key = jax.random.split(now.key)
    weights, rest = eqx.partition(now.learner, _weights(now.learner))
    gradient, (shops, window, error) = jax.grad(_losses, has_aux=True)(
        weights, rest, market, standing, now, settings, play_key
    )
    speeds = timescales_of(settings.method, settings.timescales or default_timescales(settings.updates))
    moves, optimisers = _optimisers(speeds, settings.clip).update(gradient, now.optimisers, weights)
    weights = optax.apply_updates(weights, moves)
    learner = eqx.combine(weights, rest)

    # The average of the last tenth of the iterates (Polyak and Ruppert) is what operates in the end.
    memory = jnp.minimum(now.update, 0.05 * settings.updates) + 1.0
    averaged = jax.tree.map(
        lambda old, new: old + (new - old) / memory if eqx.is_inexact_array(old) else old, now.averaged, learner
    )
    outcomes = window.outcomes
    profit = outcomes.ledger.profit.mean((0, 1))
    average = jnp.where(now.update == 0, profit, now.average + 0.02 * (profit - now.average))
    slots = jnp.maximum(market.exposure_slots * (market.population * market.visit_probability).sum(), 1e-6)
    progress = Progress(
        profit=profit.sum(),
        lost_share=outcomes.lost.sum() / jnp.maximum(outcomes.demand.sum(), 1.0),
        exposure_share=outcomes.exposures.sum(-1).mean() / slots,
        critic_error=error,
    )
    following = TrainingState(learner, averaged, optimisers, shops, average, now.update + 1, key)
    return following, progress


@eqx.filter_jit
def _advance(
    fixed: tuple[Market, Reference, TrainSettings], now: TrainingState, updates: int
) -> tuple[TrainingState, Progress]:
    market, standing, settings = fixed

    def update(now: TrainingState, _: None) -> tuple[TrainingState, Progress]:
        return _update(market, standing, settings, now)

    return jax.lax.scan(update, now, None, length=updates)
