"""The fluid bound as a linear program, solved by HiGHS: long-run averages of any policy satisfy its constraints."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.optimize import linprog

from intandem.display import Displayed
from intandem.errors import RunError
from intandem.theory.bounds.curves import DemandCurves
from intandem.theory.bounds.mismatch import MismatchCut
from intandem.theory.bounds.multinomial import ChoiceShares
from intandem.theory.bounds.supply import ProductTerms

SETTLED = 1e-7
"""Added to the optimum, relative to its size: HiGHS meets its tolerances and no more."""


@dataclass(frozen=True, repr=False)
class FluidSolution(Displayed):
    """A fluid bound and the prices behind it.

    - `value`: money per period; no policy earns more on average.
    - `demand_value`: what one more unit of demand is worth, per product. `supply_price`: what one more unit of supply
      per period is worth. `slot_price`: what one more exposure is worth, shape `cells`; by row
      where it comes from `fluid_bound` or `newsvendor_bound`.
    - `exposure`: mean exposure per pair at the optimum, shape `cells width`; `None` where only prices were sought.
    """

    value: float
    demand_value: np.ndarray
    supply_price: np.ndarray
    slot_price: np.ndarray
    exposure: np.ndarray | None


class Inequalities:
    """Constraints `matrix x <= limit` of a linear program, gathered block by block.

    ```python
    >>> limits = Inequalities(columns=2)
    >>> limits.add(np.array([0, 0]), np.array([0, 1]), np.array([1.0, 2.0]), np.array([3.0]))  # x + 2 y <= 3
    slice(0, 1, None)
    >>> limits.matrix.toarray(), limits.limit
    (array([[1., 2.]]), array([3.]))

    ```
    """

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.blocks: list[sparse.csr_matrix] = []
        self.limits: list[np.ndarray] = []
        self.count = 0

    def add(self, row: np.ndarray, column: np.ndarray, value: np.ndarray, limit: np.ndarray) -> slice:
        """A block of as many constraints as it has limits; returns where they stand."""
        shape = (len(limit), self.columns)
        self.blocks.append(sparse.csr_matrix((value, (row, column)), shape=shape))
        self.limits.append(np.asarray(limit, float))
        self.count += len(limit)
        return slice(self.count - len(limit), self.count)

    @property
    def matrix(self) -> sparse.csr_matrix:
        """All blocks, one below the other."""
        return sparse.vstack(self.blocks, format="csr")

    @property
    def limit(self) -> np.ndarray:
        """The limits of all blocks."""
        return np.concatenate(self.limits)


def solve_program(
    curves: DemandCurves,
    terms: ProductTerms,
    cuts: tuple[MismatchCut, ...] = (),
    shares: ChoiceShares | None = None,
) -> FluidSolution:
    """Solves the fluid program.

    Variables: the pieces of each pair's exposure; per product what is sold, what is short (lost, or owed at the end of
    a period) and what is left over; with multinomial choice the shares of `ChoiceShares`. It maximises margins
    of what is sold less the costs of exposure, of what is short and of what is left, in money per period; see
    `docs/explanation/bounds.md`.

    **Arguments:** `curves`, `terms`: of one market. `cuts`: what uncertain demand costs at least; see
    `intandem.theory.bounds.mismatch`. `shares`: with multinomial choice.

    **Raises:** `RunError` if HiGHS gives up.

    No more than 5 units of a product can be ordered per period. Of the first, with a margin of 6, those are sold; the
    second, with a margin of 3.5, gets what is left of the slot:

    ```python
    >>> from intandem.market import example_market
    >>> from intandem.theory.bounds.curves import demand_curves, season_of
    >>> from intandem.theory.bounds.supply import product_terms
    >>> market = example_market("two-products-capped")
    >>> curves = demand_curves(market, season_of(market))
    >>> found = solve_program(curves, product_terms(market, curves))
    >>> round(found.value, 2), (found.demand_value + found.supply_price).round(3), round(float(found.exposure.sum()), 6)
    (45.19, array([6. , 3.5]), 1.0)

    ```
    """
    products = len(terms.margin)
    piece, cell, place = np.nonzero((curves.slope > 0) & (curves.length > 0))
    pieces = len(piece)
    slope = curves.slope[piece, cell, place]
    product = curves.product[cell, place]
    sold, short, left = (pieces + block * products + np.arange(products) for block in range(3))
    columns = pieces + 3 * products + (0 if shares is None else shares.columns)
    rows = Inequalities(columns)

    budget = rows.add(cell, np.arange(pieces), np.ones(pieces), np.full(curves.cells, curves.slots))
    # What is sold, and what is lost where the curve bounds all demand, is asked for.
    asked = np.where(curves.bounds_demand & terms.lost, 1.0, 0.0)
    each = np.arange(products)
    if shares is None:
        row, column = np.concatenate([each, each, product]), np.concatenate([sold, short, np.arange(pieces)])
        demand = rows.add(row, column, np.concatenate([np.ones(products), asked, -slope]), curves.total(curves.start))
    else:
        first = pieces + 3 * products
        demand = rows.add(
            np.concatenate([each, each, shares.product]),
            np.concatenate([sold, short, first + shares.chosen]),
            np.concatenate([np.ones(products), asked, -shares.units]),
            np.zeros(products),
        )
        shares.constrain(rows.add, first, curves, (cell, place, slope))
    needed = np.concatenate([-np.ones(products), -np.ones(products)])
    rows.add(np.concatenate([each, each]), np.concatenate([sold, short]), needed, -terms.least_demand)
    for cut in cuts:
        rate = cut.rate[cell, place] * slope
        rows.add(
            np.concatenate([each, each, each, product]),
            np.concatenate([short, left, sold, np.arange(pieces)]),
            np.concatenate([cut.demand_rate - cut.short_weight, cut.short_weight - 1, cut.demand_rate, rate]),
            -(curves.total(cut.rate * curves.start) + cut.constant),
        )

    money = np.zeros(columns)
    money[:pieces] = -curves.exposure_cost[cell, place]
    money[sold], money[short], money[left] = terms.margin, -terms.shortage, -terms.holding
    upper = np.full(columns, np.inf)
    upper[:pieces] = curves.length[piece, cell, place]
    upper[sold] = terms.cap
    found = linprog(
        -money,
        A_ub=rows.matrix,
        b_ub=rows.limit,
        bounds=np.column_stack([np.zeros(columns), upper]),
        method="highs",
    )
    if found.status != 0:
        raise RunError("the fluid bound", f"HiGHS stopped ({found.message})", "report the market")
    exposure = np.zeros(curves.product.shape)
    np.add.at(exposure, (cell, place), found.x[:pieces])
    return FluidSolution(
        value=float(-found.fun + SETTLED * max(1.0, abs(found.fun))),
        demand_value=np.maximum(-found.ineqlin.marginals[demand], 0.0),
        supply_price=np.maximum(-found.upper.marginals[sold], 0.0),
        slot_price=np.maximum(-found.ineqlin.marginals[budget], 0.0),
        exposure=exposure,
    )
