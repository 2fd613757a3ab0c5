"""One cycle of periods for many pairs at once, compiled: value iteration, what it leads to, and what it proves.

Symbols: `n` people are in a row, `k` of them visit, `d` ask and `s` are served; `h` is the pair's intention and `a` its
exposure. The next intention is `persistence (h + carry_over effect a k/n) + habit s/n`. All numbers are double
precision. The proofs are in `docs/explanation/bounds.md`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import comb
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from intandem.theory.bounds.pairs.continued import Linear, Places, Smooth, Values, grid, place, step
from intandem.theory.bounds.pairs.pairs import Number, Numbers, Pairs, Worths

STEEPEST, MOST_BENT = 1 / 4, 1 / (6 * np.sqrt(3))
"""Largest slope and largest second derivative of `sigmoid`, in absolute value."""

Chosen = Int[Array, "pairs intentions"]
ByPosition = Float[Array, "positions pairs"]


class Shape(NamedTuple):
    """What is compiled in: people in a row, whether all of them always visit, and how many exposures the grid has."""

    people: int
    always: bool
    exposures: int


class _Position(NamedTuple):
    """What one position of the season adds: shift of utility, prices; each of shape `pairs`."""

    shift: Numbers
    exposure: Numbers
    asked: Numbers


class _Outcome(NamedTuple):
    """`asked` units, with what chance; how many of them are best `served`, where that leads and what it is worth."""

    asked: int
    chance: Places
    served: Places
    intention: Places
    worth: Places


@partial(jax.jit, static_argnames=("shape", "more"))
def cycle(values: Values, pairs: Pairs, worths: Worths, shape: Shape, more: int) -> tuple[Values, Values]:
    """Values one cycle of the season earlier, on the grid: the best of every period from the last to the first. And
    values some cycles earlier still, in which exposures are chosen as in this one: cheaper, and nearly as good.

    One person of utility 0 and a habit of 2, a unit worth 1, no price on slots, which has no effect:

    ```python
    >>> from intandem.theory.bounds.pairs.pairs import loyal_pair
    >>> from intandem.theory.intertemporal.layout import double_precision
    >>> pairs = loyal_pair()
    >>> worths, shape = Worths(np.zeros((1, 1)), np.zeros((1, 1)), np.ones(1)), Shape(1, True, 2)
    >>> with double_precision():
    ...     first, later = cycle(jnp.zeros((1, 3)), pairs, worths, shape, 1)
    >>> first.round(3).tolist()  # sigmoid(0), sigmoid(1), sigmoid(2)
    [[0.5, 0.731, 0.881]]

    ```
    """
    first, (best, _) = _decide(values, pairs, worths, shape)

    def follow(ahead: Values, now: tuple[_Position, Chosen]) -> tuple[Values, None]:
        here, chosen = now
        exposure = _exposure(chosen, shape)[:, :, None]
        outcomes = _outcomes(Linear(ahead, pairs), exposure, here, worths.served, shape)
        return _expected(outcomes, exposure, here)[:, :, 0], None

    def again(ahead: Values, _: None) -> tuple[Values, None]:
        return jax.lax.scan(follow, ahead, (_positions(pairs, worths), best), reverse=True)[0], None

    return first, jax.lax.scan(again, first, None, length=more)[0]


@partial(jax.jit, static_argnames=("shape", "cycles"))
def treated(
    values: Values, pairs: Pairs, worths: Worths, shape: Shape, cycles: int
) -> tuple[ByPosition, ByPosition, Float[Array, " pairs"]]:
    """Mean exposure and units asked for, and units served per period, where everything is decided for the best at these
    values: in the last of some cycles that start at an intention of 0.

    One person of utility 0 and a habit of 2, a unit worth 1, no price on slots, which has no effect:

    ```python
    >>> from intandem.theory.bounds.pairs.pairs import loyal_pair
    >>> from intandem.theory.intertemporal.layout import double_precision
    >>> pairs = loyal_pair()
    >>> worths, shape = Worths(np.zeros((1, 1)), np.zeros((1, 1)), np.ones(1)), Shape(1, True, 2)
    >>> with double_precision():
    ...     exposure, asked, served = treated(jnp.zeros((1, 3)), pairs, worths, shape, cycles=60)
    >>> round(float(served[0]), 4)  # 0.5/(1 - 0.8808 + 0.5): asked for with 0.5 after no purchase, 0.8808 after one
    0.8075

    ```
    """
    _, decided = _decide(values, pairs, worths, shape)

    def live(mass: Values, now: tuple[_Position, tuple[Chosen, Values]]) -> tuple[Values, tuple[Array, Array, Array]]:
        here, (best, ahead) = now
        exposure = _exposure(best, shape)[:, :, None]
        asked = served = jnp.zeros(len(mass))
        later = jnp.zeros_like(mass)
        for outcome in _outcomes(Linear(ahead, pairs), exposure, here, worths.served, shape):
            part = mass * outcome.chance[:, :, 0]
            asked = asked + outcome.asked * part.sum(1)
            served = served + (part * outcome.served[:, :, 0]).sum(1)
            later = _add(later, part, outcome.intention[:, :, 0], pairs)
        return later, ((mass * exposure[:, :, 0]).sum(1), asked, served)

    def again(mass: Values, _: None) -> tuple[Values, tuple[Array, Array, Array]]:
        return jax.lax.scan(live, mass, (_positions(pairs, worths), decided))

    nobody, everybody = jnp.zeros_like(values), jnp.ones((len(values), 1))
    lived = jax.lax.scan(again, _add(nobody, everybody, 0 * everybody, pairs), None, length=cycles)[1]
    exposure, asked, served = (one[-1] for one in lived)
    return exposure, asked, jnp.asarray(pairs.weight) @ served


@partial(jax.jit, static_argnames="shape")
def proved(values: Values, pairs: Pairs, worths: Worths, shape: Shape) -> Float[Array, " pairs"]:
    """Money per period that no treatment of a pair exceeds, whatever `values` are; settled ones make it least.

    One person of utility 0 and a habit of 2, a unit worth 1, no price on slots, which has no effect:

    ```python
    >>> from intandem.theory.bounds.pairs.pairs import loyal_pair
    >>> from intandem.theory.intertemporal.layout import double_precision
    >>> pairs = loyal_pair()
    >>> worths, shape = Worths(np.zeros((1, 1)), np.zeros((1, 1)), np.ones(1)), Shape(1, True, 2)
    >>> with double_precision():
    ...     rough = proved(jnp.zeros((1, 65)), pairs, worths, shape)
    ...     settled = proved(cycle(jnp.zeros((1, 65)), pairs, worths, shape, 60)[1], pairs, worths, shape)
    >>> 0.8075 <= float(settled[0]) <= 0.809, float(rough[0]) > float(settled[0])
    (True, True)

    ```
    """

    def one(ahead: Values, here: _Position) -> tuple[Values, tuple[Array, Array]]:
        curve = Smooth.through(ahead, pairs)
        earlier = _earned(curve, here, worths, shape).max(2)
        return earlier, (_slack(curve, here, worths, shape), jnp.maximum(curve.most_bend, 0.0))

    first, (slack, bent) = jax.lax.scan(one, values, _positions(pairs, worths), reverse=True)
    # Between grid points the values of the present lie below their chord by what they bend upwards.
    slack = slack + step(pairs, values.shape[1]) ** 2 / 8 * jnp.roll(bent, 1, axis=0)
    gained = (first - values).max(1)
    initial = Smooth.through(values, pairs)(jnp.zeros((len(values), 1, 1)))[:, 0, 0]
    weight = jnp.asarray(pairs.weight)
    return weight @ slack + weight[0] * gained + (1 - pairs.discount) * initial


def _positions(pairs: Pairs, worths: Worths) -> _Position:
    return _Position(pairs.shift, worths.exposure, worths.asked)


def _decide(values: Values, pairs: Pairs, worths: Worths, shape: Shape) -> tuple[Values, tuple[Array, Array]]:
    """Values one cycle earlier; and the index of the best exposure, and the values ahead of it, each of shape
    `positions pairs intentions`."""

    def choose(ahead: Values, here: _Position) -> tuple[Values, tuple[Chosen, Values]]:
        earned = _earned(Linear(ahead, pairs), here, worths, shape)
        return earned.max(2), (earned.argmax(2), ahead)

    return jax.lax.scan(choose, values, _positions(pairs, worths), reverse=True)


def _add(mass: Values, part: Float[Array, "pairs _"], intention: Float[Array, "pairs _"], pairs: Pairs) -> Values:
    """Mass with a part of it at some intentions added, shared between the grid points beside them."""
    index, beyond = place(intention, pairs, mass.shape[1])
    pair = jnp.arange(len(mass))[:, None]
    return mass.at[pair, index].add(part * (1 - beyond)).at[pair, index + 1].add(part * beyond)


def _exposure(index: Int[Array, "..."], shape: Shape) -> Float[Array, "..."]:
    return index / (shape.exposures - 1)


def _earned(ahead: Linear | Smooth, here: _Position, worths: Worths, shape: Shape) -> Places:
    """What a period earns and leaves, by intention and exposure, both on their grids."""
    exposure = _exposure(jnp.arange(shape.exposures), shape)[None, None, :]
    return _expected(_outcomes(ahead, exposure, here, worths.served, shape), exposure, here)


def _expected(outcomes: Iterator[_Outcome], exposure: Places, here: _Position) -> Places:
    return sum(one.chance * one.worth for one in outcomes) - _column(here.exposure) * exposure


def _outcomes(
    ahead: Linear | Smooth, exposure: Places, here: _Position, served_worth: Numbers, shape: Shape
) -> Iterator[_Outcome]:
    """What can happen in a period, from every intention of the grid. Units are served as is best from there on.

    **Arguments:** `exposure`: shape `pairs intentions exposures`, or what broadcasts to it.
    """
    pairs = ahead.pairs
    intention = grid(pairs, ahead.points)[:, :, None]
    effect, habit, earned = _column(pairs.effect), _column(pairs.habit), _column(served_worth)
    chance = jax.nn.sigmoid(_column(pairs.utility + here.shift) + intention + effect * exposure)
    for visitors in (shape.people,) if shape.always else range(shape.people + 1):
        reached = visitors / shape.people
        come = 1.0 if shape.always else _binomial(shape.people, visitors, _column(pairs.visits))
        led = pairs.persistence * (intention + pairs.carry_over * effect * exposure * reached)
        unserved, served, worth = led, jnp.zeros_like(led), pairs.discount * ahead(led)
        for asked in range(visitors + 1):
            if asked:
                after = unserved + habit * asked / shape.people
                with_all = asked * earned + pairs.discount * ahead(after)
                better = with_all > worth
                worth, led = jnp.where(better, with_all, worth), jnp.where(better, after, led)
                served = jnp.where(better, asked, served)
            happens = come * _binomial(visitors, asked, chance)
            yield _Outcome(asked, happens, served, led, worth + asked * _column(here.asked))


def _binomial(trials: int, successes: int, chance: Places) -> Places:
    return comb(trials, successes) * chance**successes * (1 - chance) ** (trials - successes)


def _column(values: Numbers) -> Places:
    return jnp.asarray(values)[:, None, None]


def _slack(ahead: Smooth, here: _Position, worths: Worths, shape: Shape) -> Float[Array, " pairs"]:
    """How much more than at the grid points around it a period can earn and leave between them.

    Where people of a row ask with chance `p`, `E f(units asked)` has a second derivative of `n p'' E[first difference
    of f] + n (n - 1) p'^2 E[second difference]`, and `f` itself moves with what is ahead; the worst of each adds
    up.
    """
    pairs, people = ahead.pairs, shape.people
    by_habit = jnp.abs(pairs.habit) / people * jnp.maximum(jnp.abs(ahead.least_slope), jnp.abs(ahead.most_slope))
    gain = jnp.maximum(worths.served + pairs.discount * by_habit, 0.0)
    first = jnp.maximum(jnp.abs(here.asked), jnp.abs(here.asked + gain))
    mixed = pairs.discount * (ahead.most_slope - ahead.least_slope)
    bend = pairs.discount * jnp.maximum(-ahead.least_bend, 0.0)

    def worst(utility: Numbers, intention: Number | Numbers) -> Array:
        """Along a line on which utility and the next intention move at these rates."""
        once = people * (utility**2 * MOST_BENT * first + 2 * utility * intention * STEEPEST * mixed)
        return once + people * (people - 1) * (utility * STEEPEST) ** 2 * gain + intention**2 * bend

    slack = step(pairs, ahead.points) ** 2 / 8 * worst(jnp.ones_like(pairs.effect), pairs.persistence)
    if not pairs.slate:
        effect = jnp.abs(pairs.effect)
        between = worst(effect, pairs.persistence * jnp.abs(pairs.carry_over) * effect)
        slack = slack + between / (8 * (shape.exposures - 1) ** 2)
    return slack
