"""T1 and T2: how the exact optimum's decisions respond to the state, ties and all.

A decision is near-optimal if its value is within a tolerance of the best. A response falls only where the *largest*
near-optimal decision of a state lies below the *smallest* of a state that is lower in the coordinate in question
and equal in all others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from intandem.errors import InputError
from intandem.theory.insights.assumptions import broken_assumptions
from intandem.theory.insights.finding import Finding, nothing_to_test
from intandem.theory.intertemporal import RegimeSolution, Solution
from intandem.theory.intertemporal.chain import chain_of
from intandem.theory.intertemporal.dynamic_program import Solved, action_values, solve_program
from intandem.theory.intertemporal.grid import places
from intandem.theory.intertemporal.policy_table import PolicyTable

MOST_VALUES = 5e7
"""Most action values of one position that are looked at, some 400 MB."""

VISITED = 1e-9
"""Long-run share of periods above which a state counts as visited."""


@dataclass(frozen=True)
class Falls:
    """Where a response falls: `violations` of `n` states that have a lower one beside them, the `largest` fall in
    the decision's units, and the index of its state. `rises`: how often it rises, so that a response which never moves
    is not taken for support."""

    violations: int
    n: int
    largest: float
    where: tuple[int, ...] | None
    rises: int

    def __add__(self, other: Falls) -> Falls:
        worst = max((self, other), key=lambda one: one.largest)
        violations, rises = self.violations + other.violations, self.rises + other.rises
        return Falls(violations, self.n + other.n, worst.largest, worst.where, rises)


NO_FALLS = Falls(0, 0, 0.0, None, 0)


def falls(smallest: np.ndarray, largest: np.ndarray, axis: int, visited: np.ndarray) -> Falls:
    """Where a set-valued response falls along an axis, among the states visited.

    **Arguments:** `smallest`, `largest`: near-optimal decision in every state. `visited`: True where a state counts.

    ```python
    >>> response = np.array([0.0, 2.0, 1.0, 1.0])
    >>> falls(response, response, 0, np.ones(4, bool))
    Falls(violations=2, n=3, largest=1.0, where=(2,), rises=1)

    ```
    """
    highest_below = _highest_below(np.where(visited, smallest, -np.inf), axis)
    # A rise: the largest decision of every lower state lies below the smallest of this one.
    largest_below = _highest_below(np.where(visited, largest, -np.inf), axis)
    compared = visited & np.isfinite(highest_below)
    fall = np.where(compared, highest_below - largest, -np.inf)
    wrong, rising = fall > 1e-9, compared & (smallest > largest_below + 1e-9)
    where = None if not wrong.any() else tuple(int(at) for at in np.unravel_index(fall.argmax(), fall.shape))
    return Falls(int(wrong.sum()), int(compared.sum()), float(fall.max(initial=0.0)), where, int(rising.sum()))


def _highest_below(values: np.ndarray, axis: int) -> np.ndarray:
    """The largest value over all lower states of an axis; minus infinity where there is none."""
    moved = np.moveaxis(values, axis, 0)
    found = np.full_like(moved, -np.inf)
    found[1:] = np.maximum.accumulate(moved, axis=0)[:-1]
    return np.moveaxis(found, 0, axis)


def finding_of(name: str, found: Falls, broken: tuple[str, ...], what: str, where: str = "") -> Finding:
    """The finding of a monotone response.

    **Arguments:** `name`: of the statement. `found`: where the response falls. `broken`: assumptions that are not met.
    `what`: what falls and in which states, in words. `where`: the state of the largest fall.

    ```python
    >>> found = finding_of("T2", Falls(2, 3, 1.0, (2,), 1), (), "exposure", "stock:p1 2")
    >>> found.holds, found.statistic, found.detail
    (False, 1.0, 'exposure: falls at 2 and rises at 1 of 3 steps; falls most at stock:p1 2')

    ```
    """
    if found.n == 0:
        return nothing_to_test(name, f"{what}: no two states to compare", broken)
    detail = f"{what}: falls at {found.violations:,} and rises at {found.rises:,} of {found.n:,} steps"
    if found.violations and where:
        detail += f"; falls most at {where}"
    holds = found.violations == 0
    return Finding(name, holds, found.largest, found.violations, found.n, None, broken, detail, found.rises)


def _tolerance_of(found: Solved | RegimeSolution) -> float:
    """Within what values of two decisions count as equal: rounding of the profit, and what value iteration left."""
    return 1e-6 * max(abs(found.profit), 1e-3) + (found.upper - found.lower)


def near_optimal(values: np.ndarray, decisions: int, tolerance: float) -> np.ndarray:
    """Which decisions are near-optimal in every state: of the shape of `values`, exposures first, orders last.

    **Arguments:** `values`: money, shape `exposures *state *orders`. `decisions`: number of order axes. `tolerance`:
    money below the state's best.

    Two exposures, one state, two orders:

    ```python
    >>> near_optimal(np.array([[[3.0, 5.0]], [[4.9, 1.0]]]), decisions=1, tolerance=0.2).tolist()
    [[[False, True]], [[True, False]]]

    ```
    """
    axes = (0, *range(values.ndim - decisions, values.ndim))
    return np.asarray(values >= values.max(axes, keepdims=True) - tolerance)


def _order_responses(solution: Solution, near: np.ndarray, product: int) -> tuple[np.ndarray, np.ndarray]:
    """The smallest and largest near-optimal order of a product in every state, units."""
    count = len(solution.grid.stocks)
    own = near.ndim - count + product
    others = (0, *(axis for axis in range(near.ndim - count, near.ndim) if axis != own))
    possible = near.any(others)
    units = np.array(solution.grid.stocks[product].orders, float)
    return np.where(possible, units, np.inf).min(-1), np.where(possible, units, -np.inf).max(-1)


def _exposure_responses(solution: Solution, near: np.ndarray, product: int) -> tuple[np.ndarray, np.ndarray]:
    """The smallest and largest near-optimal exposure of a product, summed over rows, in every state."""
    count = len(solution.grid.stocks)
    possible = near.any(tuple(range(near.ndim - count, near.ndim)))
    shown = (solution.grid.exposures * (places(solution.market) == product)).sum((1, 2))
    shown = shown.reshape(-1, *[1] * (possible.ndim - 1))
    return np.where(possible, shown, np.inf).min(0), np.where(possible, shown, -np.inf).max(0)


def check_adaptive_ordering(solution: Solution, exposure: int | None = None) -> Finding:
    """T1, adaptive ordering: with exposures fixed, orders never fall in intention.

    Tested in every state of the grid, visited or not: it is proved there. The statistic is the largest fall, units.

    **Arguments:** `solution`: with the joint optimum in it. `exposure`: the exposure table to fix, an index of
    `grid.exposures`; `None` tests each in turn, up to 6 spread over the list.

    **Raises:** `InputError` for too many decisions to look at; `RunError` if value iteration does not end.

    Seven levels of stock, four steps of intention, two exposures:

    ```python
    >>> from intandem.theory.intertemporal import solve
    >>> from intandem.theory.random_markets import Kind, random_market
    >>> kind = Kind(products=1, people=3, lead_time=0, persistence=0.5, carry_over=1.0, stock_cap=6, max_order=0,
    ...     points=5, levels=(0.0, 1.0))
    >>> found = check_adaptive_ordering(solve(random_market(kind, 0), ("joint",)))
    >>> found.holds, found.broken, found.n, found.rises
    (True, (), 56, 5)

    ```
    """
    broken = broken_assumptions(solution.market, "T1")
    if not solution.grid.intentions:
        return nothing_to_test("T1", "no intention moves in this market", broken)
    count = len(solution.grid.exposures)
    tested = [exposure] if exposure is not None else np.unique(np.linspace(0, count - 1, min(count, 6)).astype(int))
    found = NO_FALLS
    for index in tested:
        only = np.zeros((1, count, *[1] * len(solution.layout.shape)), bool)
        only[0, index] = True
        solved = solve_program(solution.layout, solution.program, only)
        for position in range(solution.layout.positions):
            values = _values(solution, solved.values, position)[index : index + 1]
            near = near_optimal(values, len(solution.grid.stocks), _tolerance_of(solved))
            found = found + _orders_fall_in_intention(solution, near, np.ones(solution.layout.shape, bool))
    return finding_of("T1", found, broken, f"orders under {len(tested)} fixed exposures, in all states")


def check_adaptive_ordering_jointly(
    solution: Solution, policy: PolicyTable | None = None, *, everywhere: bool = False
) -> Finding:
    """T1 where exposures are chosen too, which lies outside its assumptions: among the states that are visited.

    The statistic is the largest fall, units.

    **Arguments:** `solution`: with the joint optimum in it. `policy`: look at this table's own decisions, not at the
    optimum's. `everywhere`: look at all states.

    **Raises:** `InputError` for too many decisions to look at, or a chain of states with too many moves.

    The market of `check_adaptive_ordering`, whose optimum settles in one state:

    ```python
    >>> from intandem.theory.intertemporal import solve
    >>> from intandem.theory.random_markets import Kind, random_market
    >>> kind = Kind(products=1, people=3, lead_time=0, persistence=0.5, carry_over=1.0, stock_cap=6, max_order=0,
    ...     points=5, levels=(0.0, 1.0))
    >>> solution = solve(random_market(kind, 0), ("joint",))
    >>> found = [check_adaptive_ordering_jointly(solution, everywhere=everywhere) for everywhere in (False, True)]
    >>> [(one.holds, one.n, one.rises, one.broken) for one in found]
    [(None, 0, 0, ('exposures move',)), (True, 28, 3, ('exposures move',))]

    ```
    """
    moving = ("exposures move",) if len(solution.grid.exposures) > 1 else ()
    broken = (*moving, *broken_assumptions(solution.market, "T1"))
    if not solution.grid.intentions:
        return nothing_to_test("T1-jointly", "no intention moves in this market", broken)
    found = NO_FALLS
    for position, visited in enumerate(_visited(solution, policy)):
        responses = _Responses(solution, position, policy)
        for k, pair in enumerate(solution.grid.intentions):
            axis = len(solution.grid.stocks) + k
            states = np.ones_like(visited) if everywhere else visited
            found = found + falls(*responses.orders(pair.product), axis, states)
    what = f"orders, in {'all states' if everywhere else 'states that are visited'}"
    return finding_of("T1-jointly", found, broken, what)


def check_stock_led_promotion(
    solution: Solution, policy: PolicyTable | None = None, *, everywhere: bool = False
) -> Finding:
    """T2, stock-led promotion: a product's optimal exposure never falls in its own stock.

    Among the states that the optimum visits, intentions and orders under way being equal; `everywhere`: in all states
    of the grid. The statistic is the largest fall, in exposures summed over rows.

    **Arguments:** `solution`: with the joint optimum in it. `policy`: look at this table's own decisions, not at the
    optimum's.

    **Raises:** `InputError` for too many decisions to look at, or a chain of states with too many moves.

    ```python
    >>> from intandem.market import example_market
    >>> from intandem.theory.intertemporal import solve
    >>> found = check_stock_led_promotion(solve(example_market("two-products-capped"), ("joint",)))
    >>> found.holds, found.violations, found.rises > 0, found.broken
    (True, 0, True, ('more than one product',))

    ```
    """
    broken = broken_assumptions(solution.market, "T2")
    if len(solution.grid.exposures) < 2:
        return nothing_to_test("T2", "exposure has nothing to choose", broken)
    found = NO_FALLS
    for position, visited in enumerate(_visited(solution, policy)):
        responses = _Responses(solution, position, policy)
        states = np.ones_like(visited) if everywhere else visited
        for product in range(len(solution.grid.stocks)):
            found = found + falls(*responses.exposures(product), product, states)
    where = "" if found.where is None else _state_in_words(solution, found.where)
    what = f"exposure, in {'all states' if everywhere else 'states that are visited'}"
    return finding_of("T2", found, broken, what, where)


class _Responses:
    """The smallest and largest decision in every state of one position: near-optimal ones, or a table's own."""

    def __init__(self, solution: Solution, position: int, policy: PolicyTable | None) -> None:
        self.solution, self.position, self.policy = solution, position, policy
        if policy is None:
            values = _values(solution, solution.regimes["joint"].values, position)
            self.near = near_optimal(values, len(solution.grid.stocks), _tolerance_of(solution.regimes["joint"]))

    def orders(self, product: int) -> tuple[np.ndarray, np.ndarray]:
        if self.policy is None:
            return _order_responses(self.solution, self.near, product)
        own = self.policy.orders[self.position, ..., product]
        return own, own

    def exposures(self, product: int) -> tuple[np.ndarray, np.ndarray]:
        if self.policy is None:
            return _exposure_responses(self.solution, self.near, product)
        mask = places(self.solution.market) == product
        own = (self.policy.exposures[self.position] * mask).sum((-2, -1))
        return own, own


def _orders_fall_in_intention(solution: Solution, near: np.ndarray, visited: np.ndarray) -> Falls:
    found = NO_FALLS
    for k, pair in enumerate(solution.grid.intentions):
        axis = len(solution.grid.stocks) + k
        found = found + falls(*_order_responses(solution, near, pair.product), axis, visited)
    return found


def _values(solution: Solution, values: np.ndarray, position: int) -> np.ndarray:
    size = len(solution.grid.exposures) * solution.layout.decision_size
    if size > MOST_VALUES:
        raise InputError(
            solution.market.name, f"has {size:,} decisions in its states, too many", "reduce stock_cap or max_order"
        )
    following = values[(position + 1) % solution.layout.positions]
    return action_values(solution.layout, solution.program, following, position)


def _visited(solution: Solution, policy: PolicyTable | None) -> np.ndarray:
    share = chain_of(solution, solution.regimes["joint"].policy if policy is None else policy).share
    return share.reshape(solution.layout.positions, *solution.layout.shape) > VISITED


def _state_in_words(solution: Solution, index: tuple[int, ...]) -> str:
    axes = list(solution.regimes["joint"].policy.axes.items())[1:]
    return ", ".join(f"{name} {points[at]:g}" for (name, points), at in zip(axes, index, strict=True))
