"""Sharing out exposure under slot budgets: by its price where profit is concave, over levels where it is not.

All problems have the form: choose one column of each block (how far a product is shown in each row), so that the loads
of the columns add up to at most `slots` in every row, for the largest total value. The price of a row's exposure is
the multiplier of its budget: what one more slot there would be worth, where profit is concave.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import lcm

import numpy as np
from scipy import optimize, sparse

from intandem.errors import InputError
from intandem.theory.cross_product.exposed_newsvendor import first_best

_HALVINGS = 60
_FINEST_BUDGET = 1_000_000


@dataclass(frozen=True)
class Block:
    """What can be chosen for one product: `value` (shape `columns`) and `load` per row (shape `columns rows`)."""

    value: np.ndarray
    load: np.ndarray


def share_concave(
    slope: Callable[[np.ndarray], np.ndarray], products: int, slots: float | int
) -> tuple[np.ndarray, float]:
    """Exposures in [0, 1] of total at most `slots` that maximise a sum of concave profits, and slot's price.

    By the conditions of Karush, Kuhn and Tucker: at price `l` each product is shown as long as its slope exceeds `l`;
    the price is the least at which the budget holds, found by bisection. Of equal exposures the smallest is taken.

    **Arguments:** `slope`: from exposures, shape `products`, to the derivative of each profit, which never rises in
    the exposure. **Returns** exposures, and the price (0 where the budget does not bind).

    Two products of profit `2 a - a^2` and `3 a - a^2`, for one slot, share it `1/4 : 3/4` at a price of 3/2:

    ```python
    >>> exposure, price = share_concave(lambda a: np.array([2.0, 3.0]) - 2 * a, 2, 1)
    >>> exposure.round(6), round(price, 6)
    (array([0.25, 0.75]), 1.5)

    ```
    """

    def wanted(price: float) -> np.ndarray:
        low, high = np.zeros(products), np.ones(products)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            rising = slope(middle) > price
            low, high = np.where(rising, middle, low), np.where(rising, high, middle)
        # Halves never reach the ends: where the slope stays on one side of the price, the end itself is meant.
        high = np.where(low == 0, 0.0, high)
        return np.where(slope(np.ones(products)) > price, 1.0, high)

    free = wanted(0.0)
    if free.sum() <= slots:
        return free, 0.0
    low, high = 0.0, max(float(slope(np.zeros(products)).max()), 0.0)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if wanted(middle).sum() > slots else (low, middle)
    least, most = wanted(high), wanted(low)
    # Where profit is straight the exposure jumps at the price: any point of the jump is as good, so the budget is used.
    room = most.sum() - least.sum()
    part = (slots - least.sum()) / room if room > 0 else 0.0
    return least + part * (most - least), high


def share_levels(values: np.ndarray, levels: Sequence[float | int], slots: int) -> tuple[int, ...]:
    """The best level of each product in one row, exactly: a multiple-choice knapsack, by dynamic programming.

    **Arguments:** `values`: profit, shape `products levels`. `levels`: exposures, the same for every product.
    **Returns** an index into the levels per product; of equally good choices the first, products and levels in order.

    **Raises:** `InputError` if no small unit divides the levels.

    ```python
    >>> share_levels(np.array([[0.0, 3.0, 4.0], [0.0, 2.0, 5.0]]), (0.0, 0.5, 1.0), slots=1)
    (0, 2)

    ```
    """
    loads, budget = whole_loads(levels, slots)
    products = len(values)
    best = np.full((products + 1, budget + 1), -np.inf)
    best[products] = 0.0
    for product in reversed(range(products)):
        for level, load in enumerate(loads[: len(values[product])]):
            if load <= budget:
                reached = values[product, level] + best[product + 1, : budget + 1 - load]
                best[product, load:] = np.maximum(best[product, load:], reached)
    chosen, left = [], budget
    for product in range(products):
        through = np.array(
            [
                values[product, level] + best[product + 1, left - load] if load <= left else -np.inf
                for level, load in enumerate(loads)
            ]
        )
        chosen.append(int(first_best(through)))
        left -= loads[chosen[-1]]
    return tuple(chosen)


def whole_loads(levels: Sequence[float | int], slots: int) -> tuple[list[int], int]:
    """Levels and slots as whole multiples of the largest unit that divides them all.

    **Raises:** `InputError` if that unit is too small to count in.

    ```python
    >>> whole_loads((0.0, 0.25, 1.0), 2)
    ([0, 1, 4], 8)

    ```
    """
    shares = [Fraction(float(level)).limit_denominator(10_000) for level in levels]
    unit = lcm(*(share.denominator for share in shares))
    apart = any(abs(float(share) - level) > 1e-9 for share, level in zip(shares, levels, strict=True))
    if apart or unit * slots > _FINEST_BUDGET:
        raise InputError("exposure_levels", "have no unit in common", "give multiples of one step, as 0.05")
    return [int(share * unit) for share in shares], unit * slots


def slot_price(blocks: Sequence[Block], slots: np.ndarray) -> tuple[np.ndarray, float]:
    """Prices of exposure that give the least `lagrangian` bound, and that bound.

    They are the multipliers of the linear relaxation in which a block's columns may be mixed, whose value is that of
    the Lagrangian dual. The bound is computed from the prices alone, so it holds whatever the precision of the solver.

    **Arguments:** `slots`: per row. **Returns** prices per row, and the bound.

    ```python
    >>> block = Block(np.array([0.0, 1.0, 4.0]), np.array([[0.0], [0.5], [1.0]]))
    >>> price, bound = slot_price([block, block], np.array([1.0]))
    >>> price, round(bound, 6)
    (array([4.]), 4.0)

    ```
    """
    value, load, one_each = _joined(blocks)
    scale = _scale(value)
    relaxed = optimize.linprog(
        -scale * value,
        A_ub=sparse.csr_matrix(load.T),
        b_ub=slots,
        A_eq=one_each,
        b_eq=np.ones(len(blocks)),
        bounds=(0, None),
        method="highs",
    )
    if relaxed.x is None:
        raise RuntimeError(f"the linear program of exposure was not solved: {relaxed.message}")
    price = np.maximum(-relaxed.ineqlin.marginals / scale, 0.0)
    return price, lagrangian(blocks, slots, price)


def share_columns(blocks: Sequence[Block], slots: np.ndarray, seconds: float = 60.0) -> tuple[tuple[int, ...], bool]:
    """The best column of each block under the budgets of several rows, as a mixed-integer program (HiGHS).

    It maximises `sum_b value_b[x_b]` over one column `x_b` per block, with `sum_b load_b[x_b] <= slots` in each row.

    **Arguments:** `blocks`: values in money, loads in exposures. `slots`: per row. `seconds`: time limit. **Returns** a
    column per block, and whether the choice is proved best (to 1e-9 of the largest value; of one block exactly, and of
    equally good columns the first).

    **Raises:** `RuntimeError` if HiGHS finds no choice at all, as where none fits or time is up.

    Of the three ways to fill one slot, `4 + 0`, `1 + 2` and `0 + 5`, the last earns most:

    ```python
    >>> load = np.array([[0.0], [0.5], [1.0]])
    >>> blocks = [Block(np.array([0.0, 1.0, 4.0]), load), Block(np.array([0.0, 2.0, 5.0]), load)]
    >>> share_columns(blocks, np.array([1.0]))
    ((0, 2), True)

    ```
    """
    value, load, one_each = _joined(blocks)
    if len(blocks) == 1:
        fits = (load <= slots + 1e-9).all(1)
        return (int(first_best(np.where(fits, value, -np.inf))),), True
    solved = optimize.milp(
        -_scale(value) * value,
        integrality=np.ones(len(value)),
        bounds=optimize.Bounds(0, 1),
        constraints=[
            optimize.LinearConstraint(sparse.csr_matrix(load.T), ub=slots + 1e-9),
            optimize.LinearConstraint(one_each, lb=1, ub=1),
        ],
        options={"mip_rel_gap": 0.0, "time_limit": seconds},
    )
    if solved.x is None:
        raise RuntimeError(f"the integer program of exposure found no choice: {solved.message}")
    starts = np.cumsum([0, *(len(block.value) for block in blocks)])
    columns = (int(np.argmax(solved.x[start:end])) for start, end in pairwise(starts))
    return tuple(columns), solved.status == 0


def _joined(blocks: Sequence[Block]) -> tuple[np.ndarray, np.ndarray, sparse.csr_matrix]:
    """All columns in one: values, loads, and the matrix that says which block each belongs to."""
    value = np.concatenate([block.value for block in blocks])
    load = np.concatenate([block.load for block in blocks])
    owner = np.repeat(np.arange(len(blocks)), [len(block.value) for block in blocks])
    return value, load, sparse.csr_matrix((np.ones(len(value)), (owner, np.arange(len(value)))))


def _scale(value: np.ndarray) -> float:
    """Brings the largest value to 1,000, far above the absolute tolerances (1e-6) of the solver."""
    return 1_000.0 / max(float(np.abs(value).max()), 1e-12)


def lagrangian(blocks: Sequence[Block], slots: np.ndarray, price: np.ndarray) -> float:
    """The value at which exposure is bought at `price` without a budget, and the budget's worth added.

    At any prices >= 0 it is at least the value of every choice within the budgets (weak duality).

    ```python
    >>> block = Block(np.array([0.0, 4.0]), np.array([[0.0], [1.0]]))
    >>> lagrangian([block, block], np.array([1.0]), np.array([3.0]))
    5.0

    ```
    """
    return float(sum((block.value - block.load @ price).max() for block in blocks) + slots @ price)
