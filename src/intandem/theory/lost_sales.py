"""The classical lost-sales system with a lead time, exact for any demand on whole units (Zipkin 2008)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from intandem.errors import InputError
from intandem.theory.classical import check_chances, check_costs
from intandem.theory.intertemporal.dynamic_program import solve_program
from intandem.theory.intertemporal.grid import StockGrid
from intandem.theory.intertemporal.transitions import leftover, single_product


def lost_sales_cost(
    chances: Float[np.ndarray, " units"],
    lead_time: int,
    holding: float,
    shortage: float,
    *,
    largest_order: int,
    largest_stock: int,
) -> float:
    """The least average cost per period of a system that loses what it cannot serve.

    An order is placed before the period's demand and arrives `L` periods later. The cost is that of
    `h E[stock left] + p E[demand lost]`, minimised by relative value iteration over stock and the orders under way
    (Zipkin 2008, Old and New Methods for Lost-Sales Inventory Systems, Operations Research 56(5)).

    **Arguments:** `chances`: of 0, 1, 2, ... units of demand in one period. `lead_time`: periods `L` of 0 or more.
    `holding`, `shortage`: money `h` per unit left and `p` per unit lost. `largest_order`, `largest_stock`: units;
    stock above is discarded, so that the cost found is at least the least one, and equal to it if the limits are wide.

    **Raises:** `InputError` for costs that are not positive, chances that do not sum to 1, or limits below 1.

    Zipkin's Poisson demand with mean 5, L = 1, p = 4, h = 1:

    ```python
    >>> from scipy import stats
    >>> demand = stats.poisson.pmf(np.arange(40), 5)
    >>> demand = demand / demand.sum()
    >>> round(lost_sales_cost(demand, 1, 1.0, 4.0, largest_order=12, largest_stock=24), 2)
    4.04

    ```
    """
    check_costs(holding, shortage)
    check_chances(chances)
    if min(largest_order, largest_stock) < 1 or lead_time < 0:
        raise InputError("lost sales", "a limit is below 1 or the lead time below 0", "give wider limits")
    stock = StockGrid(0, largest_stock, tuple(range(largest_order + 1)), lead_time)
    counts = np.zeros(stock.size)
    known = min(len(chances), stock.size - 1)
    counts[:known] = chances[:known]
    counts[-1] = max(1 - counts[:-1].sum(), 0.0)
    kernel = np.einsum("d,yde->ye", counts, leftover(stock))
    left = kernel @ stock.levels
    lost = float(np.arange(len(chances)) @ chances) - (stock.levels - left)
    cost = holding * left + shortage * lost
    system = single_product(stock, kernel[None], -cost[None], np.zeros(len(stock.orders)))
    return -solve_program(*system, tolerance=1e-6).profit
