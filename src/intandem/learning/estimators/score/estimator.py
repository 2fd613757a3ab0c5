"""The estimator itself, as the training loop asks for it: sizes, start, what is gathered, and a gradient from it."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, PyTree

from intandem.departments import JointPolicy
from intandem.learning.course import Course, Gathered, Learner, Progress, of_departments, slots, tied
from intandem.learning.estimators.score.critics import Account, Critics, Judgement, judged, new_account, new_critics
from intandem.learning.estimators.score.experience import Window, opened, play, restarted, stakes
from intandem.learning.estimators.score.explorers import Likelihood, explorer_of
from intandem.learning.estimators.score.surrogate import clipped_surrogate, divergence
from intandem.learning.settings import TrainSettings, Trust
from intandem.learning.timescales import Pace, targets
from intandem.market import Market, State

SLACK = 0.8
"""Slots count as slack where less than this share of them is used: then one product's exposure takes none from
another's, and what a product earns is its own doing."""


class Memory(eqx.Module):
    """What is kept between updates: the markets as their windows ended, an account per critic, and the share of slots
    that was used of late."""

    shops: State
    accounts: tuple[Account, ...]
    used: Float[Array, ""]


class Experience(eqx.Module):
    """What was played, flat over markets and periods, and what it was worth to each department."""

    window: Window
    judgements: tuple[Judgement, ...]
    own_counts: Float[Array, ""]
    spread: Float[Array, " departments"]


def sizes(market: Market, settings: TrainSettings) -> tuple[int, int]:
    """Markets and window, where the settings leave them open: some two thousand periods, fewer where they are large."""
    shops = settings.shops or int(np.clip(640_000 / market.base_utility.size, 8, 64))
    return shops, settings.window or 32


def periods_per_update(course: Course) -> int:
    """Periods simulated in an update, over all markets."""
    return course.settings.shops * course.settings.window


def passes(course: Course) -> int:
    """Steps of every optimiser in an update."""
    return course.settings.score.epochs * course.settings.score.batches


def start(course: Course, policy: JointPolicy, key: Key[Array, ""]) -> tuple[Learner, Memory]:
    """Critics beside the policy, and markets just opened."""
    settings = course.settings
    critic_key, open_key = jax.random.split(key)
    critics = new_critics(2 if settings.method in ("silo", "independent") else 1, width=settings.width, key=critic_key)
    shops = jax.vmap(lambda one: opened(course.market, one))(jax.random.split(open_key, settings.shops))
    accounts = tuple(new_account(course.market.products) for _ in critics.networks)
    return Learner(policy, critics), Memory(shops, accounts, jnp.zeros(()))


def weights(learner: Learner) -> Learner:
    """True at the arrays that training moves."""
    return Learner(
        of_departments(learner.policy, lambda department: department.weights()),
        jax.tree.map(eqx.is_inexact_array, learner.critic),
    )


def gather(course: Course, learner: Learner, memory: Memory, update: Array, key: Key[Array, ""]) -> Gathered:
    """Plays a window of every market on from where it stood, and has it judged."""
    market, settings = course.market, course.settings
    restart_key, play_key = jax.random.split(key)
    done = update / course.updates
    spread = jnp.stack([one.spread + (one.spread_at_end - one.spread) * done for one in _trusts(settings)])
    shops = restarted(course, memory.shops, restart_key)
    keys = jax.random.split(play_key, settings.shops)
    policy = tied(course, learner.policy)
    shops, window = jax.vmap(lambda state, one: play(course, policy, state, spread, one))(shops, keys)

    objectives = [window.profit, window.unlimited_margin if settings.method == "silo" else window.profit]
    found = [
        judged(
            network,
            account,
            window,
            profit,
            stakes(course),
            first=update == 0,
            discount=jnp.where(market.discount < 1, market.discount, settings.score.discount),
            trace=settings.score.trace,
        )
        for network, account, profit in zip(_critics(learner).networks, memory.accounts, objectives, strict=False)
    ]
    used = window.exposures.mean() / slots(market)
    used = jnp.where(update == 0, used, memory.used + 0.1 * (used - memory.used))
    # One product's choice among all is every product's business, and so is a slot that two of them want.
    apart = jnp.where(market.choice == "independent", used < SLACK, False)
    experience = Experience(window, tuple(one for one, _ in found), jnp.where(apart, 1.0, 0.0), spread)
    figures = Progress(
        profit=window.profit.sum(-1).mean(),
        lost_share=window.lost.sum() / jnp.maximum(window.demand.sum(), 1.0),
        exposure_share=window.exposures.mean() / slots(market),
        critic_error=_critic_error(learner, window, experience.judgements),
    )
    return Gathered(_flat(experience), Memory(shops, tuple(account for _, account in found), used), figures)


def gradient(
    course: Course, learner: Learner, experience: Experience, step: Array, key: Key[Array, ""]
) -> tuple[PyTree[Any], Float[Array, " departments"]]:
    """The gradient of the loss on one batch of what was played, and which departments are within their limits still.

    **Arguments:** `step`: of the update's `passes`; `key`: the same in all of them: it shuffles.
    """
    count, batches = experience.judgements[0].team.shape[0], course.settings.score.batches
    size = count // batches
    order = jax.random.permutation(jax.random.fold_in(key, step // batches), count)
    chosen = jax.lax.dynamic_slice_in_dim(order, (step % batches) * size, size)
    batch = _at(experience, chosen)
    moved, rest = eqx.partition(learner, weights(learner))
    slope, far = jax.grad(_loss, has_aux=True)(moved, rest, course, batch)
    limits = jnp.array([trust.limit for trust in _trusts(course.settings)])
    return slope, jnp.where(far <= limits, 1.0, 0.0)


def measured(course: Course, learner: Learner, experience: Experience) -> Float[Array, " departments"]:
    """How far each department has moved from what played."""
    return jnp.stack([divergence(ratio).sum(-1).mean() for ratio, _ in _ratios(course, learner.policy, experience)])


TOO_FAR = 4.0
"""Times its limit that a department's divergence may be after an update."""


def limits(course: Course) -> Float[Array, " departments"]:
    """Beyond some times the trust region what was played says nothing of the policy any more."""
    return jnp.array([TOO_FAR * trust.limit for trust in _trusts(course.settings)])


def paced(course: Course, pace: Pace, measured: Float[Array, " departments"], update: Array) -> Pace:
    """Steered to the same divergence, where departments set their own speeds."""
    return pace.steered(measured, targets(course.speeds, update))


def _loss(weights: Learner, rest: Learner, course: Course, batch: Experience) -> tuple[Array, Array]:
    learner = eqx.combine(weights, rest)
    loss, far = jnp.zeros(()), []
    for who, (log_ratio, likely) in enumerate(_ratios(course, learner.policy, batch)):
        trust, judgement = _trusts(course.settings)[who], batch.judgements[min(who, len(batch.judgements) - 1)]
        raised = clipped_surrogate(log_ratio, _advantages(judgement, likely, batch.own_counts), trust.clip)
        loss = loss - raised.sum(-1).mean() - trust.entropy * likely.entropy.mean()
        far.append(divergence(log_ratio).sum(-1).mean())
    return loss + _critic_error(learner, batch.window, batch.judgements), jnp.stack(far)


def _ratios(course: Course, policy: JointPolicy, batch: Experience) -> list[tuple[Array, Likelihood]]:
    """Of each department: log-ratios of all parts of what it drew, products first; and the likelihoods now."""
    policy = tied(course, policy)
    found = []
    for who, (department, deed) in enumerate(
        ((policy.inventory, batch.window.inventory), (policy.recommendation, batch.window.recommendation))
    ):
        explorer = explorer_of(department)
        now = jax.vmap(
            lambda seen, drawn, explorer=explorer, department=department, spread=batch.spread[who]: explorer.likelihood(
                department, course.market, seen, drawn, spread
            )
        )(deed.seen, deed.drawn)
        parts = jnp.concatenate([now.own - deed.likelihood.own, now.common - deed.likelihood.common], axis=-1)
        found.append((parts, now))
    return found


def _advantages(judgement: Judgement, likely: Likelihood, own_counts: Array) -> Float[Array, "samples parts"]:
    """What every part of a draw is weighed with: all with what the firm earned, and where slots are slack a product's
    own part with what the product earned besides."""
    team = judgement.team[:, None]
    return jnp.concatenate([team + own_counts * judgement.own, jnp.broadcast_to(team, likely.common.shape)], axis=-1)


def _critic_error(learner: Learner, window: Window, judgements: tuple[Judgement, ...]) -> Float[Array, ""]:
    """Mean squared error of values, in units of their spread."""
    features = window.features.reshape(-1, *window.features.shape[-2:])
    errors = [
        jnp.mean((jax.vmap(network)(features)[..., 0] - judgement.targets.reshape(-1, features.shape[1])) ** 2)
        for network, judgement in zip(_critics(learner).networks, judgements, strict=True)
    ]
    return jnp.stack(errors).sum()


def _critics(learner: Learner) -> Critics:
    assert isinstance(learner.critic, Critics), "the score estimator starts with critics"
    return learner.critic


def _trusts(settings: TrainSettings) -> tuple[Trust, Trust]:
    return settings.score.inventory, settings.score.recommendation


def _per_period(experience: Experience) -> Any:
    """True at what there is one of in every period that was played."""
    nothing = jax.tree.map(lambda _: True, experience)
    return eqx.tree_at(lambda one: (one.own_counts, one.spread, one.window.last), nothing, (False, False, False))


def _flat(experience: Experience) -> Experience:
    def joined(leaf: Array, many: bool) -> Array:
        # Not -1: what has no entries in a market (of one product, say) has no length to be told by.
        return leaf.reshape(leaf.shape[0] * leaf.shape[1], *leaf.shape[2:]) if many else leaf

    return jax.tree.map(joined, experience, _per_period(experience))


def _at(experience: Experience, chosen: Array) -> Experience:
    return jax.tree.map(lambda leaf, many: leaf[chosen] if many else leaf, experience, _per_period(experience))
