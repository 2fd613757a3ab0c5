"""The dynamic program of a small firm, over plain arrays: value iteration with proved error bounds.

A state is, per product, its net stock (units on hand less units owed) and the orders under way, and per pair of
customer and product its intention on a grid. In a period one exposure vector is chosen for all and one order per
product; demand then moves stock and intention, factor by factor: products whose demands are independent given the
exposure are factors of their own, others share one. With `U` the value after the decision,

    V(x, p, h) = max over exposures a and orders q of  r(y, h; a) - c(q) + discount * E[ V(x', p', h') | y, h; a ],

where `y` is the stock that meets demand (with `q` in it if the lead time is 0), `p'` the orders still under way, and
`x'` the stock left and what arrives, at most the cap. The maximum over orders is taken on the axis that the newest
order adds to the array of values, so that an expectation is one matrix product per factor and exposure.

Average profit comes from relative value iteration (Puterman 1994, section 8.5): with `D = TV - V`, `min D` and
`max D` enclose the optimal average whatever `V` is (Odoni 1969), and iteration ends when they are close.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from intandem.errors import RunError

STEPS_AT_ONCE = 25
"""Sweeps between two looks at the bounds by Python, which shows progress."""

MOST_SWEEPS = 50_000

_Choice = tuple[Array, Array, Array]

DAMPING = 0.95
"""Share of a sweep's change that is taken: below 1, so that firms which order in fixed rhythms converge too."""


@dataclass(frozen=True)
class Factor:
    """Products whose stocks and intentions move together: indices of `products` and of intention axes (`pairs`)."""

    products: tuple[int, ...]
    pairs: tuple[int, ...]


@dataclass(frozen=True)
class Layout:
    """The shape of a program, known before compilation.

    - `stock_sizes`, `order_sizes`, `lead_times`: per product. `intention_sizes`: per pair with a grid.
    - `factors`: a partition of products. `positions`: of the season, 1 without one.
    """

    stock_sizes: tuple[int, ...]
    order_sizes: tuple[int, ...]
    lead_times: tuple[int, ...]
    intention_sizes: tuple[int, ...]
    factors: tuple[Factor, ...]
    positions: int

    @property
    def pipeline_sizes(self) -> tuple[int, ...]:
        """One axis for every order that is under way when the departments decide, product after product."""
        pairs = zip(self.order_sizes, self.lead_times, strict=True)
        return tuple(size for size, lead in pairs for _ in range(max(lead - 1, 0)))

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the values at one position: stocks, intentions, orders under way."""
        return (*self.stock_sizes, *self.intention_sizes, *self.pipeline_sizes)

    @property
    def states(self) -> int:
        """Number of states, over all positions of the season."""
        return self.positions * int(np.prod(self.shape, dtype=object))

    @property
    def decision_size(self) -> int:
        """Numbers in the array of values after a decision."""
        return int(np.prod([*self.shape, *self.order_sizes], dtype=object))

    def factor_size(self, factor: Factor) -> int:
        """Local states of a factor."""
        sizes = [self.stock_sizes[j] for j in factor.products] + [self.intention_sizes[k] for k in factor.pairs]
        return int(np.prod(sizes, dtype=object))

    def factor_axes(self, factor: Factor) -> tuple[int, ...]:
        """The axes of a factor's local state among those of the values."""
        return (*factor.products, *(len(self.stock_sizes) + k for k in factor.pairs))


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Program:
    """The numbers of a program, double precision.

    - `arrival`: per product, the index of the stock when order `o` joins stock `x`: `stock orders`.
    - `returned`: per product, money back for what of it the cap has no room for: `stock orders`, mostly 0.
    - `order_cost`: per product, money by order: `orders`.
    - `kernels`: per factor, the chances of moving from a local state to another, before what arrives at the end of the
      period: `positions exposures states states`, by the factor's own list of exposures.
    - `rewards`: per factor, expected money of the period, orders left out: `positions exposures states`.
    - `local`: which of a factor's exposures each joint exposure means: `exposures factors`.
    - `discount`: 1 for the average.
    """

    arrival: tuple[Int[Array, "_ _"], ...]
    returned: tuple[Float[Array, "_ _"], ...]
    order_cost: tuple[Float[Array, "_"], ...]
    kernels: tuple[Float[Array, "positions _ _ _"], ...]
    rewards: tuple[Float[Array, "positions _ _"], ...]
    local: Int[Array, "exposures factors"]
    discount: Float[Array, ""]


@dataclass(frozen=True)
class Solved:
    """What value iteration found.

    - `values`: relative to the first state for the average, else discounted sums: `positions *state`.
    - `lower`, `upper`: they enclose the optimal average profit per period; with a discount, what to add to `values`.
    - `sweeps`: how many it took.
    """

    values: Float[np.ndarray, "positions *state"]
    lower: float
    upper: float
    sweeps: int

    @property
    def profit(self) -> float:
        """The middle of the bounds."""
        return 0.5 * (self.lower + self.upper)


def double_precision() -> AbstractContextManager[None]:
    """A context in which JAX's arrays are double precision (64 bits); outside they are single.

    ```python
    >>> with double_precision():
    ...     inside = jnp.ones(1).dtype
    >>> inside == np.float64, jnp.ones(1).dtype == np.float64
    (True, False)

    ```
    """
    return jax.enable_x64(True)


def solve_program(
    layout: Layout,
    program: Program,
    allowed: Bool[np.ndarray, "#positions exposures *#state"] | None = None,
    *,
    tolerance: float = 1e-7,
    progress: Callable[[int, float], None] | None = None,
) -> Solved:
    """Value iteration until the bounds are within `tolerance` of the profit (relative, at least of 1 money unit).

    **Arguments:** `allowed`: which exposures may be chosen where (broadcast over the states); `None`: all of them.
    `progress`: called with sweeps done and the distance of the bounds.

    **Raises:** `RunError` if the bounds do not meet.

    A newsvendor, one period after the other: demand 0 or 1 with equal chances, price 4, cost 1, no holding cost. An
    order that arrives at once keeps a unit on the shelf, and half a unit is sold per period:

    ```python
    >>> layout = Layout((2,), (2,), (0,), (), (Factor((0,), ()),), 1)
    >>> with double_precision():
    ...     program = Program(
    ...         (jnp.array([[0, 1], [1, 1]]),), (jnp.zeros((2, 2)),), (jnp.array([0.0, 1.0]),),
    ...         (jnp.array([[[[1.0, 0.0], [0.5, 0.5]]]]),), (jnp.array([[[0.0, 2.0]]]),),
    ...         jnp.zeros((1, 1), int), jnp.array(1.0))
    ...     round(solve_program(layout, program).profit, 6)
    1.5

    ```
    """
    with double_precision():
        exposures = program.local.shape[0]
        if allowed is None:
            allowed = np.ones((1, exposures, *[1] * len(layout.shape)), bool)
        permitted = jnp.asarray(np.broadcast_to(allowed, (layout.positions, *allowed.shape[1:])))
        values = jnp.zeros(layout.shape)
        sweeps = 0
        while True:
            values, lower, upper = _sweep_on(layout, program, permitted, values)
            sweeps += STEPS_AT_ONCE
            gap = float(upper - lower)
            if progress is not None:
                progress(sweeps, gap)
            if gap <= tolerance * max(1.0, abs(float(upper))):
                break
            if sweeps >= MOST_SWEEPS or not np.isfinite(gap):
                raise RunError(
                    "value iteration", f"bounds still {gap:.2g} apart after {sweeps} sweeps", "coarsen the grid"
                )
        by_position = _positions(layout, program, permitted, values)
        return Solved(np.asarray(by_position), float(lower), float(upper), sweeps)


def decide(
    layout: Layout,
    program: Program,
    values: Float[np.ndarray, "positions *state"],
    allowed: Bool[np.ndarray, "#positions exposures *#state"] | None = None,
) -> tuple[Int[np.ndarray, "positions *state"], Int[np.ndarray, "products positions *state"]]:
    """The best decision in every state: the index of the exposure, and of each product's order (the first of equals).

    **Arguments:** `values` at every position, as `Solved` gives them; `allowed` as in `solve_program`.
    **Returns** indices into the program's exposures and, product by product, into the orders.

    The newsvendor of `solve_program`, as a market of one person. A single unit is ordered if the shelf is empty:

    ```python
    >>> from intandem.market import SolveSettings, build_market
    >>> from intandem.theory.grid import grid_of
    >>> from intandem.theory.transitions import program_of
    >>> none, one = np.zeros(1), np.ones(1)
    >>> product = {"price": 4 * one, "unit_cost": one, "holding_cost": none, "lead_time": none}
    >>> market = build_market(product, np.zeros((1, 1)), np.zeros((1, 1)), solve=SolveSettings(1, 1, (0.0,)))
    >>> grid = grid_of(market)
    >>> exposure, order = decide(grid.layout, program_of(market, grid)[0], np.zeros((1, 2)))
    >>> exposure.tolist(), order.tolist()  # by position (and product), for 0 and 1 in stock
    ([[0, 0]], [[[1, 0]]])

    ```
    """
    with double_precision():
        exposures = program.local.shape[0]
        if allowed is None:
            allowed = np.ones((1, exposures, *[1] * len(layout.shape)), bool)
        permitted = jnp.asarray(np.broadcast_to(allowed, (layout.positions, *allowed.shape[1:])))
        found = [
            _best(layout, program, permitted[t], jnp.asarray(values[(t + 1) % layout.positions]), t)
            for t in range(layout.positions)
        ]
        exposure = np.stack([np.asarray(one[0]) for one in found])
        joint = np.stack([np.asarray(one[1]) for one in found])
    return exposure, np.stack(np.unravel_index(joint, layout.order_sizes))


def one_step(
    layout: Layout, program: Program, values: Float[np.ndarray, "positions *state"]
) -> Float[np.ndarray, "positions *state"]:
    """`TV`: the best decision in every state at every position, valued by `values` at the position that follows.

    `TV(s) = max over decisions d of r(s, d) + discount * E[V(s') | s, d]` (Puterman 1994, section 8.5), money.

    The newsvendor of `solve_program`, as a market of one person. If no period followed, a unit that must be bought for
    1 and is sold in half of all cases for 4 would earn 1, and one that is there 2:

    ```python
    >>> from intandem.market import SolveSettings, build_market
    >>> from intandem.theory.grid import grid_of
    >>> from intandem.theory.transitions import program_of
    >>> none, one = np.zeros(1), np.ones(1)
    >>> product = {"price": 4 * one, "unit_cost": one, "holding_cost": none, "lead_time": none}
    >>> market = build_market(product, np.zeros((1, 1)), np.zeros((1, 1)), solve=SolveSettings(1, 1, (0.0,)))
    >>> grid = grid_of(market)
    >>> one_step(grid.layout, program_of(market, grid)[0], np.zeros((1, 2))).round(6)
    array([[1., 2.]])

    ```
    """
    with double_precision():
        return np.stack(
            [
                np.asarray(_one_step(layout, program, jnp.asarray(np.roll(values, -1, 0)[t]), t))
                for t in range(layout.positions)
            ]
        )


def action_values(
    layout: Layout, program: Program, following: Float[np.ndarray, "*state"], position: int = 0
) -> Float[np.ndarray, "exposures *state_orders"]:
    """The value of every decision in every state: exposures, then the state's axes, then one axis per order.

    `r(s, d) + discount * E[V(s') | s, d]`, money, with `V` the values that follow.

    **Arguments:** `following`: values at the next position. `position`: of the season.

    The newsvendor of `solve_program`, as a market of one person, with nothing to follow. Rows: 0 and 1 in stock;
    columns: 0 and 1 ordered, for 1; what the shelf has no room for is lost:

    ```python
    >>> from intandem.market import SolveSettings, build_market
    >>> from intandem.theory.grid import grid_of
    >>> from intandem.theory.transitions import program_of
    >>> none, one = np.zeros(1), np.ones(1)
    >>> product = {"price": 4 * one, "unit_cost": one, "holding_cost": none, "lead_time": none}
    >>> market = build_market(product, np.zeros((1, 1)), np.zeros((1, 1)), solve=SolveSettings(1, 1, (0.0,)))
    >>> grid = grid_of(market)
    >>> action_values(grid.layout, program_of(market, grid)[0], np.zeros(2)).round(6).tolist()
    [[[0.0, 1.0], [2.0, 1.0]]]

    ```
    """
    with double_precision():
        return np.asarray(_all_values(layout, program, jnp.asarray(following), position))


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
def _sweep_on(
    layout: Layout, program: Program, allowed: Bool[Array, "..."], values: Float[Array, "..."]
) -> tuple[Float[Array, "..."], Float[Array, ""], Float[Array, ""]]:
    """Sweeps, and the bounds after the last: of the average per period, or of what values lack to discounted sums."""

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
def _positions(
    layout: Layout, program: Program, allowed: Bool[Array, "..."], values: Float[Array, "..."]
) -> Float[Array, "positions ..."]:
    """Values at every position of the season from those at the first."""
    if layout.positions == 1:
        return values[None]

    def back(value: Float[Array, "..."], position: Int[Array, ""]) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        value = _bellman(layout, program, allowed[position], value, position)
        return value, value

    later = jax.lax.scan(back, values, jnp.arange(1, layout.positions), reverse=True)[1]
    return jnp.concatenate([values[None], later])


@partial(jax.jit, static_argnums=0)
def _best(
    layout: Layout,
    program: Program,
    allowed: Bool[Array, "exposures ..."],
    following: Float[Array, "..."],
    position: Int[Array, ""] | int,
) -> tuple[Int[Array, "..."], Int[Array, "..."]]:
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
def _one_step(
    layout: Layout, program: Program, following: Float[Array, "..."], position: Int[Array, ""] | int
) -> Float[Array, "..."]:
    allowed = jnp.ones((program.local.shape[0], *[1] * len(layout.shape)), bool)
    return _bellman(layout, program, allowed, following, position)


@partial(jax.jit, static_argnums=0)
def _all_values(
    layout: Layout, program: Program, following: Float[Array, "..."], position: Int[Array, ""] | int
) -> Float[Array, "exposures ..."]:
    seen = _after_arrival(layout, program, following)
    return jax.lax.map(
        lambda exposure: _by_order(layout, program, _expected(layout, program, seen, exposure, position)),
        jnp.arange(program.local.shape[0]),
    )
