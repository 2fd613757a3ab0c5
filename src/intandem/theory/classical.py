"""The textbook's inventory formulas, exact, over plain arrays: newsvendor and (s, S).

Symbols: demand `D` of a period, holding cost `h` per unit left at its end, shortage cost `b` per unit short, fixed cost
`K` per order. Costs are expected costs per period, in the unit of `h`; purchases cost the same whatever the policy in a
firm that goes on, and are left out. Everything is double precision.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from intandem.errors import InputError


@dataclass(frozen=True)
class OrderUpTo:
    """A base-stock policy: `level` units to order up to, and its expected `cost` per period."""

    level: float
    cost: float


@dataclass(frozen=True)
class ReorderPolicy:
    """An (s, S) policy: at or below `reorder` units, order up to `level`; its expected `cost` per period."""

    reorder: int
    level: int
    cost: float


def newsvendor_normal(mean: float, deviation: float, holding: float, shortage: float, lead_time: int = 0) -> OrderUpTo:
    """The optimal base-stock policy for normal demand with backorders.

    `S = (L + 1) mean + z sqrt(L + 1) deviation` with `z` the quantile of `b / (b + h)`, at an expected cost of
    `(h + b) phi(z) sqrt(L + 1) deviation` (Snyder and Shen, Fundamentals of Supply Chain Theory, section 4.3).

    **Arguments:** `mean`, `deviation`: of one period's demand, units. `holding`, `shortage`: money per unit and period.
    `lead_time`: periods `L` from order to receipt.

    **Raises:** `InputError` for costs that are not positive, or a negative deviation or lead time.

    Example 4.3 of the book:

    ```python
    >>> policy = newsvendor_normal(mean=50.0, deviation=8.0, holding=0.18, shortage=0.70)
    >>> round(policy.level, 4), round(policy.cost, 4)
    (56.604, 1.9976)

    ```
    """
    check_costs(holding, shortage)
    if deviation < 0 or lead_time < 0:
        raise InputError("newsvendor", "deviation or lead time is negative", "give 0 or more")
    spread = deviation * np.sqrt(lead_time + 1)
    quantile = stats.norm.ppf(shortage / (shortage + holding))
    cost = (holding + shortage) * stats.norm.pdf(quantile) * spread
    return OrderUpTo(float((lead_time + 1) * mean + quantile * spread), float(cost))


def newsvendor(chances: np.ndarray, holding: float, shortage: float) -> OrderUpTo:
    """The optimal order-up-to level for whole-unit demand: the least `S` with `P(D <= S) >= b / (b + h)`.

    **Arguments:** `chances`: of 0, 1, 2, ... units of demand over lead time + 1 periods. `holding`, `shortage`: money
    per unit and period.

    **Raises:** `InputError` for costs that are not positive, or chances that do not sum to 1.

    ```python
    >>> newsvendor(np.array([0.2, 0.3, 0.3, 0.2]), holding=1.0, shortage=3.0)
    OrderUpTo(level=2.0, cost=1.3)

    ```
    """
    check_costs(holding, shortage)
    check_chances(chances)
    costs = mismatch_cost(chances, np.arange(len(chances)), holding, shortage)
    level = int(np.argmax(np.cumsum(chances) >= shortage / (shortage + holding) - 1e-12))
    return OrderUpTo(float(level), float(np.round(costs[level], 12)))


def mismatch_cost(chances: np.ndarray, position: np.ndarray, holding: float, shortage: float) -> np.ndarray:
    """`G(y) = h E[y - D]+ + b E[D - y]+` at every inventory position `y`, which may be negative.

    **Arguments:** as in `newsvendor`; `position`: units, any shape. **Returns** money per period, of that shape.

    ```python
    >>> mismatch_cost(np.array([0.5, 0.5]), np.array([0, 1]), holding=1.0, shortage=3.0)
    array([1.5, 0.5])

    ```
    """
    over = np.asarray(position)[..., None] - np.arange(len(chances))
    return (holding * np.maximum(over, 0) + shortage * np.maximum(-over, 0)) @ chances


def reorder_policy(
    chances: np.ndarray,
    holding: float,
    shortage: float,
    fixed_cost: float,
    lead_time_chances: np.ndarray | None = None,
) -> ReorderPolicy:
    """The optimal (s, S) policy with backorders, by the algorithm of Zheng and Federgruen (1991).

    A policy's cost is `[K + sum_j m(j) G(S - j)] / sum_j m(j)` over `j = 0..S-s-1`, where `m` is the renewal density of
    demand: how often the position stands `j` below `S` between two orders.

    **Arguments:** `chances`: of 0, 1, 2, ... units in one period. `holding`, `shortage`: money per unit and period.
    `fixed_cost`: money per order. `lead_time_chances`: of demand over lead time + 1 periods, if orders take time.

    **Raises:** `InputError` for costs that are not positive, a negative fixed cost, or chances that do not sum to 1.

    Their table 1, mean demand 10:

    ```python
    >>> demand = stats.poisson.pmf(np.arange(80), 10)
    >>> policy = reorder_policy(demand / demand.sum(), holding=1.0, shortage=9.0, fixed_cost=64.0)
    >>> policy.reorder, policy.level, round(policy.cost, 3)
    (6, 40, 35.022)

    ```
    """
    check_costs(holding, shortage)
    check_chances(chances)
    if fixed_cost < 0:
        raise InputError("(s, S)", f"fixed cost {fixed_cost:g} is negative", "give 0 or more")
    covered = chances if lead_time_chances is None else lead_time_chances
    check_chances(covered)
    renewal = _Renewal(np.asarray(chances, float), np.asarray(covered, float), holding, shortage, fixed_cost)
    best = level = reorder = renewal.cheapest
    while renewal.cost(reorder - 1, best) > renewal.mismatch(reorder - 1):
        reorder -= 1
    reorder -= 1
    cost = renewal.cost(reorder, best)
    while renewal.mismatch(level + 1) <= cost:
        level += 1
        if renewal.cost(reorder, level) < cost:
            best = level
            while renewal.cost(reorder, best) <= renewal.mismatch(reorder + 1):
                reorder += 1
            cost = renewal.cost(reorder, best)
    return ReorderPolicy(reorder, best, float(cost))


class _Renewal:
    """Costs of (s, S) policies by renewal, with what was computed kept."""

    def __init__(
        self, chances: np.ndarray, covered: np.ndarray, holding: float, shortage: float, fixed_cost: float
    ) -> None:
        self.chances, self.covered = chances, covered
        self.holding, self.shortage, self.fixed_cost = holding, shortage, fixed_cost
        self.density = [1.0 / (1.0 - chances[0])]
        self.costs: dict[int, float] = {}
        costs = mismatch_cost(covered, np.arange(len(covered)), holding, shortage)
        self.cheapest = int(np.argmin(costs))

    def mismatch(self, position: int) -> float:
        if position not in self.costs:
            at = np.array([position])
            self.costs[position] = float(mismatch_cost(self.covered, at, self.holding, self.shortage)[0])
        return self.costs[position]

    def cost(self, reorder: int, level: int) -> float:
        below = level - reorder
        while len(self.density) < below:
            j = len(self.density)
            demands = np.arange(1, min(j, len(self.chances) - 1) + 1)
            reached = sum(self.chances[d] * self.density[j - d] for d in demands)
            self.density.append(reached / (1.0 - self.chances[0]))
        paid = sum(self.density[j] * self.mismatch(level - j) for j in range(below))
        return (self.fixed_cost + paid) / sum(self.density[:below])


def check_costs(holding: float, shortage: float) -> None:
    """Refuses costs with which no newsvendor level exists.

    **Arguments:** `holding` `h`, `shortage` `b`: money per unit and period.

    **Raises:** `InputError` unless both are positive.

    ```python
    >>> check_costs(0.18, 0.70)
    >>> check_costs(0.18, -0.70)
    Traceback (most recent call last):
    intandem.errors.InputError: costs: holding 0.18 and shortage -0.7; give positive costs

    ```
    """
    if not (holding > 0 and shortage > 0):
        raise InputError("costs", f"holding {holding:g} and shortage {shortage:g}", "give positive costs")


def check_chances(chances: np.ndarray) -> None:
    """Refuses what is no distribution of demand.

    **Arguments:** `chances`: of 0, 1, 2, ... units.

    **Raises:** `InputError` unless they are those of a demand that can exceed 0.

    ```python
    >>> check_chances(np.array([0.2, 0.3, 0.3, 0.2]))
    >>> check_chances(np.array([0.2, 0.3]))
    Traceback (most recent call last):
    intandem.errors.InputError: chances: are not those of a distribution; give numbers >= 0 that sum to 1

    ```
    """
    if np.ndim(chances) != 1 or np.min(chances) < 0 or abs(float(np.sum(chances)) - 1) > 1e-9:
        raise InputError("chances", "are not those of a distribution", "give numbers >= 0 that sum to 1")
    if chances[0] >= 1:
        raise InputError("chances", "say that there is no demand", "give a demand that can exceed 0")
