"""One step of the dynamic program, compiled: what a state is worth, given what the states that follow are worth.

The maximum over orders is taken on the axis that the newest order adds to the array of values, so that an expectation
is one matrix product per factor and exposure. Everything here runs inside `double_precision`.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from intandem.theory.intertemporal.layout import Layout, Program

STEPS_AT_ONCE = 25
"""Sweeps between two looks at the bounds by Python, which shows progress."""

DAMPING = 0.95
"""Share of a sweep's change that is taken: below 1, so that policies which order in fixed rhythms converge too."""

_Choice = tuple[Array, Array, Array]


def _after_arrival(layout: Layout, program: Program, values: Float[Array, "..."]) -> Float[Array, "..."]:
    """Values as seen after demand and before receipts: stock left, intentions, orders under way with the newest."""
    seen = values
    pipe = len(layout.stock_sizes) + len(layout.intention_sizes)
    for j, lead in enumerate(layout.lead_times):
        if lead == 0:
            continue
        # What is next to arrive comes as a new axis behind the stock's, then moves to its place in the pipeline.
        seen = _joined(program, seen, j)
        seen = jnp.moveaxis(seen, j + 1, pipe)
        pipe += lead
    return seen


def _joined(program: Program, values: Float[Array, "..."], product: int) -> Float[Array, "..."]:
    """Values by the stock before and by what joins it: the stock axis becomes two."""
    found = jnp.take(values, program.arrival[product], axis=product, mode="clip")
    back = program.returned[product]
    return found + back.reshape(*[1] * product, *back.shape, *[1] * (found.ndim - product - 2))


def _expected(
    layout: Layout,
    program: Program,
    seen: Float[Array, "..."],
    exposure: Int[Array, ""],
    position: Int[Array, ""] | int,
) -> Float[Array, "..."]:
    """Money of the period and the value after it, over the stock that meets demand, under one exposure."""
    chosen = program.local[exposure]
    value = seen
    for f, factor in enumerate(layout.factors):
        axes = layout.factor_axes(factor)
        front = tuple(range(len(axes)))
        moved = jnp.moveaxis(value, axes, front)
        kernel = program.kernels[f][position, chosen[f]]
        applied = kernel @ moved.reshape(kernel.shape[1], -1)
        value = jnp.moveaxis(applied.reshape(moved.shape), front, axes)
    value = program.discount * value
    for f, factor in enumerate(layout.factors):
        axes = layout.factor_axes(factor)
        shape = [1] * value.ndim
        for axis in axes:
            shape[axis] = value.shape[axis]
        reward = program.rewards[f][position, chosen[f]]
        local = [value.shape[axis] for axis in axes]
        order = np.argsort(axes)
        value = value + reward.reshape(local).transpose(order).reshape(shape)
    return value


def _by_order(layout: Layout, program: Program, value: Float[Array, "..."]) -> Float[Array, "..."]:
    """Values over states, with one axis per product's order at the end, the cost of the order taken off."""
    pipe = len(layout.stock_sizes) + len(layout.intention_sizes)
    newest: list[int] = []
    for lead in layout.lead_times:
        pipe += lead
        if lead > 0:
            newest.append(pipe - 1)
    value = jnp.moveaxis(value, newest, range(value.ndim - len(newest), value.ndim))
    for j, lead in enumerate(layout.lead_times):
        at = len(layout.shape) + j
        if lead == 0:
            value = jnp.moveaxis(_joined(program, value, j), j + 1, at)
        value = value - program.order_cost[j].reshape([-1 if axis == at else 1 for axis in range(value.ndim)])
    return value


def _bellman(
    layout: Layout,
    program: Program,
    allowed: Bool[Array, "exposures ..."],
    following: Float[Array, "..."],
    position: Int[Array, ""] | int,
) -> Float[Array, "..."]:
    seen = _after_arrival(layout, program, following)
    orders = len(layout.order_sizes)

    def consider(best: Float[Array, "..."], exposure: Int[Array, ""]) -> tuple[Float[Array, "..."], None]:
        value = _by_order(layout, program, _expected(layout, program, seen, exposure, position))
        top = value.max(tuple(range(value.ndim - orders, value.ndim)))
        return jnp.maximum(best, jnp.where(allowed[exposure], top, -jnp.inf)), None

    start = jnp.full(layout.shape, -jnp.inf)
    return jax.lax.scan(consider, start, jnp.arange(program.local.shape[0]))[0]


def _cycle(
    layout: Layout, program: Program, allowed: Bool[Array, "positions exposures ..."], values: Float[Array, "..."]
) -> Float[Array, "..."]:
    """One step back, through every position of the season."""
    if layout.positions == 1:
        return _bellman(layout, program, allowed[0], values, 0)

    def back(value: Float[Array, "..."], position: Int[Array, ""]) -> tuple[Float[Array, "..."], None]:
        return _bellman(layout, program, allowed[position], value, position), None

    return jax.lax.scan(back, values, jnp.arange(layout.positions), reverse=True)[0]


@partial(jax.jit, static_argnums=0)
def sweep_on(
    layout: Layout, program: Program, allowed: Bool[Array, "..."], values: Float[Array, "..."]
) -> tuple[Float[Array, "..."], Float[Array, ""], Float[Array, ""]]:
    """`STEPS_AT_ONCE` sweeps, and the bounds after the last, in money: of the average per period (Odoni 1969), or of
    what values lack to discounted sums (MacQueen 1966).

    A newsvendor: demand 0 or 1 with equal chances, price 4, cost 1, room for one unit, orders arrive at once:

    ```python
    >>> from intandem.theory.intertemporal.layout import double_precision, newsvendor_program
    >>> with double_precision():
    ...     layout, program = newsvendor_program()
    ...     values, lower, upper = sweep_on(layout, program, jnp.ones((1, 1, 1), bool), jnp.zeros(2))
    >>> round(float(lower), 6), round(float(upper), 6)  # 4 x 0.5 earned, 1 x 0.5 paid
    (1.5, 1.5)

    ```
    """

    def sweep(_: Int[Array, ""] | int, carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        values = carry[0]
        found = _cycle(layout, program, allowed, values)
        change = found - values
        low, high = change.min(), change.max()
        through = program.discount**layout.positions
        averaged = values + DAMPING * (change - change.reshape(-1)[0])
        discounted = program.discount < 1
        following = jnp.where(discounted, found, averaged)
        # MacQueen (1966): a discounted value lies between what was found and what its least and largest change add.
        scale = jnp.where(discounted, through / (1 - jnp.minimum(through, 1 - 1e-12)), 1.0 / layout.positions)
        return following, scale * low, scale * high

    zero = jnp.zeros(())
    return jax.lax.fori_loop(0, STEPS_AT_ONCE, sweep, (values, zero, zero))


@partial(jax.jit, static_argnums=0)
def values_by_position(
    layout: Layout, program: Program, allowed: Bool[Array, "..."], values: Float[Array, "..."]
) -> Float[Array, "positions ..."]:
    """Values at every position of the season from those at the first, money.

    A newsvendor: demand 0 or 1 with equal chances, price 4, cost 1, room for one unit, orders arrive at once:

    ```python
    >>> from intandem.theory.intertemporal.layout import double_precision, newsvendor_program
    >>> with double_precision():
    ...     layout, program = newsvendor_program()
    ...     values_by_position(layout, program, jnp.ones((1, 1, 1), bool), jnp.array([0.0, 1.0])).shape
    (1, 2)

    ```
    """
    if layout.positions == 1:
        return values[None]

    def back(value: Float[Array, "..."], position: Int[Array, ""]) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        value = _bellman(layout, program, allowed[position], value, position)
        return value, value

    later = jax.lax.scan(back, values, jnp.arange(1, layout.positions), reverse=True)[1]
    return jnp.concatenate([values[None], later])


@partial(jax.jit, static_argnums=0)
def best_decisions(
    layout: Layout,
    program: Program,
    allowed: Bool[Array, "exposures ..."],
    following: Float[Array, "..."],
    position: Int[Array, ""] | int,
) -> tuple[Int[Array, "..."], Int[Array, "..."]]:
    """The index of the best exposure in every state, and that of the best orders among all their combinations; of
    equals, by a relative 1e-10, the first.

    **Arguments:** `allowed`: exposures, by state. `following`: values of the next position, money.

    A newsvendor: demand 0 or 1 with equal chances, price 4, cost 1, room for one unit, orders arrive at once:

    ```python
    >>> from intandem.theory.intertemporal.layout import double_precision, newsvendor_program
    >>> with double_precision():
    ...     layout, program = newsvendor_program()
    ...     exposure, order = best_decisions(layout, program, jnp.ones((1, 1), bool), jnp.array([0.0, 1.0]), 0)
    >>> order.tolist()  # order a unit if there is none
    [1, 0]

    ```
    """
    seen = _after_arrival(layout, program, following)

    def consider(carry: _Choice, exposure: Int[Array, ""]) -> tuple[_Choice, None]:
        best, chosen, order = carry
        value = _by_order(layout, program, _expected(layout, program, seen, exposure, position))
        value = value.reshape(*layout.shape, -1)
        top = jnp.where(allowed[exposure], value.max(-1), -jnp.inf)
        better = top > best + 1e-10 * jnp.maximum(jnp.abs(best), 1.0)
        return (
            jnp.where(better, top, best),
            jnp.where(better, exposure, chosen),
            jnp.where(better, value.argmax(-1), order),
        ), None

    nothing = jnp.zeros(layout.shape, int)
    start = (jnp.full(layout.shape, -1e300), nothing, nothing)
    _, exposure, order = jax.lax.scan(consider, start, jnp.arange(program.local.shape[0]))[0]
    return exposure, order


@partial(jax.jit, static_argnums=0)
def step_back(
    layout: Layout, program: Program, following: Float[Array, "..."], position: Int[Array, ""] | int
) -> Float[Array, "..."]:
    """One step `TV` of the dynamic program, every exposure being allowed: money, by state.

    A newsvendor: demand 0 or 1 with equal chances, price 4, cost 1, room for one unit, orders arrive at once:

    ```python
    >>> from intandem.theory.intertemporal.layout import double_precision, newsvendor_program
    >>> with double_precision():
    ...     layout, program = newsvendor_program()
    ...     step_back(layout, program, jnp.array([0.0, 1.0]), 0).tolist()  # -1 + 2 + 0.5 and 2 + 0.5
    [1.5, 2.5]

    ```
    """
    allowed = jnp.ones((program.local.shape[0], *[1] * len(layout.shape)), bool)
    return _bellman(layout, program, allowed, following, position)


@partial(jax.jit, static_argnums=0)
def values_of_all(
    layout: Layout, program: Program, following: Float[Array, "..."], position: Int[Array, ""] | int
) -> Float[Array, "exposures ..."]:
    """What every decision is worth in every state: money, by exposure, state and order of each product.

    A newsvendor: demand 0 or 1 with equal chances, price 4, cost 1, room for one unit, orders arrive at once:

    ```python
    >>> from intandem.theory.intertemporal.layout import double_precision, newsvendor_program
    >>> with double_precision():
    ...     layout, program = newsvendor_program()
    ...     values_of_all(layout, program, jnp.array([0.0, 1.0]), 0).tolist()
    [[[0.0, 1.5], [2.5, 1.5]]]

    ```
    """
    seen = _after_arrival(layout, program, following)
    return jax.lax.map(
        lambda exposure: _by_order(layout, program, _expected(layout, program, seen, exposure, position)),
        jnp.arange(program.local.shape[0]),
    )
