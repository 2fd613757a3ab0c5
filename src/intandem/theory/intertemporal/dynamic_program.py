"""The dynamic program of a small market, over plain arrays: value iteration with proved error bounds.

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
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from intandem.display import Displayed
from intandem.errors import RunError
from intandem.theory.intertemporal.bellman import (
    STEPS_AT_ONCE,
    best_decisions,
    step_back,
    sweep_on,
    values_by_position,
    values_of_all,
)
from intandem.theory.intertemporal.layout import Layout, Program, double_precision

MOST_SWEEPS = 50_000


@dataclass(frozen=True, repr=False)
class Solved(Displayed):
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


def solve_program(
    layout: Layout,
    program: Program,
    allowed: Bool[np.ndarray, "#positions exposures *#state"] | None = None,
    *,
    tolerance: float = 1e-7,
    progress: Callable[[int, float], object] | None = None,
) -> Solved:
    """Value iteration until the bounds are within `tolerance` of the profit (relative, at least of 1 money unit).

    **Arguments:** `allowed`: which exposures may be chosen where (broadcast over the states); `None`: all of them.
    `progress`: called with sweeps done and the distance of the bounds.

    **Raises:** `RunError` if the bounds do not meet.

    A newsvendor, one period after the other: demand 0 or 1 with equal chances, price 4, cost 1, no holding cost. An
    order that arrives at once keeps a unit on the shelf, and half a unit is sold per period:

    ```python
    >>> from intandem.theory.intertemporal.layout import newsvendor_program
    >>> with double_precision():
    ...     layout, program = newsvendor_program()
    ...     round(solve_program(layout, program).profit, 6)
    1.5

    ```
    """
    with double_precision():
        permitted = _permitted(layout, program, allowed)
        values = jnp.zeros(layout.shape)
        sweeps = 0
        while True:
            values, lower, upper = sweep_on(layout, program, permitted, values)
            sweeps += STEPS_AT_ONCE
            gap = float(upper - lower)
            if progress is not None:
                progress(sweeps, gap)
            if gap <= tolerance * max(1.0, abs(float(upper))):
                break
            if sweeps >= MOST_SWEEPS or not np.isfinite(gap):
                raise RunError(
                    "value iteration", f"bounds still {gap:.2g} apart after {sweeps} sweeps", "give a larger tolerance"
                )
        by_position = values_by_position(layout, program, permitted, values)
        return Solved(np.asarray(by_position), float(lower), float(upper), sweeps)


def _permitted(
    layout: Layout, program: Program, allowed: Bool[np.ndarray, "#positions exposures *#state"] | None
) -> Bool[Array, "positions exposures *#state"]:
    """Which exposures may be chosen, at every position; all of them if nothing is said."""
    if allowed is None:
        allowed = np.ones((1, program.local.shape[0], *[1] * len(layout.shape)), bool)
    return jnp.asarray(np.broadcast_to(allowed, (layout.positions, *allowed.shape[1:])))


def decide(
    layout: Layout,
    program: Program,
    values: Float[np.ndarray, "positions *state"],
    allowed: Bool[np.ndarray, "#positions exposures *#state"] | None = None,
) -> tuple[Int[np.ndarray, "positions *state"], Int[np.ndarray, "products positions *state"]]:
    """The best decision in every state: the index of the exposure, and of each product's order (the first of equals).

    **Arguments:** `values` at every position, as `Solved` gives them; `allowed` as in `solve_program`.
    **Returns** indices into the program's exposures and, product by product, into the orders.

    The newsvendor of `solve_program`. A single unit is ordered if the shelf is empty:

    ```python
    >>> from intandem.theory.intertemporal.layout import newsvendor_program
    >>> with double_precision():
    ...     layout, program = newsvendor_program()
    >>> exposure, order = decide(layout, program, np.zeros((1, 2)))
    >>> exposure.tolist(), order.tolist()  # by position (and product), for 0 and 1 in stock
    ([[0, 0]], [[[1, 0]]])

    ```
    """
    with double_precision():
        permitted = _permitted(layout, program, allowed)
        found = [
            best_decisions(layout, program, permitted[t], jnp.asarray(values[(t + 1) % layout.positions]), t)
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

    The newsvendor of `solve_program`. If no period followed, a unit that must be bought for
    1 and is sold in half of all cases for 4 would earn 1, and one that is there 2:

    ```python
    >>> from intandem.theory.intertemporal.layout import newsvendor_program
    >>> with double_precision():
    ...     layout, program = newsvendor_program()
    >>> one_step(layout, program, np.zeros((1, 2))).round(6)
    array([[1., 2.]])

    ```
    """
    with double_precision():
        found = [
            step_back(layout, program, jnp.asarray(values[(t + 1) % layout.positions]), t)
            for t in range(layout.positions)
        ]
        return np.stack([np.asarray(one) for one in found])


def action_values(
    layout: Layout, program: Program, following: Float[np.ndarray, "*state"], position: int = 0
) -> Float[np.ndarray, "exposures *state_orders"]:
    """The value of every decision in every state: exposures, then the state's axes, then one axis per order.

    `r(s, d) + discount * E[V(s') | s, d]`, money, with `V` the values that follow.

    **Arguments:** `following`: values at the next position. `position`: of the season.

    The newsvendor of `solve_program`, as a market of one person, with nothing to follow. Rows: 0 and 1 in stock;
    columns: 0 and 1 ordered, for 1; what the shelf has no room for is lost:

    ```python
    >>> from intandem.theory.intertemporal.layout import newsvendor_program
    >>> with double_precision():
    ...     layout, program = newsvendor_program()
    >>> action_values(layout, program, np.zeros(2)).round(6).tolist()
    [[[0.0, 1.0], [2.0, 1.0]]]

    ```
    """
    with double_precision():
        return np.asarray(values_of_all(layout, program, jnp.asarray(following), position))
