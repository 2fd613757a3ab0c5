"""One perishable product, exact: stock by age, the oldest issued first, what reaches the end of its life is wasted."""

from __future__ import annotations

import itertools

import numpy as np
from jaxtyping import Float

from intandem.errors import InputError, RunError
from intandem.theory.classical import check_chances

MOST_SWEEPS = 10_000


def perishable_profit(
    chances: Float[np.ndarray, " units"],
    shelf_life: int,
    price: float,
    unit_cost: float,
    *,
    largest_order: int,
    tolerance: float = 1e-5,
) -> float:
    """The largest average profit per period, `price x units sold - unit cost x units ordered`.

    An order arrives before the next period's demand with `m` periods to live; the oldest units are sold first; units
    unsold in the last period of their life are wasted; unmet demand is lost. Relative value iteration over the stock
    by remaining life (Hendrix, Ortega, Haijema, Buisman and Garcia 2019, On computing optimal policies in perishable
    inventory control using value iteration).

    **Arguments:** `chances`: of 0, 1, 2, ... units of demand. `shelf_life`: periods `m` of 1 or more. `price`,
    `unit_cost`: money per unit. `largest_order`: units. `tolerance`: distance of the bounds at the end, money.

    **Raises:** `InputError` for chances that do not sum to 1 or a life or order below 1.

    Their case of Poisson demand with mean 5, cost 0.5, price 1 and a life of two periods:

    ```python
    >>> from scipy import stats
    >>> demand = stats.poisson.pmf(np.arange(40), 5)
    >>> round(perishable_profit(demand / demand.sum(), 2, 1.0, 0.5, largest_order=14), 2)
    2.22

    ```
    """
    check_chances(chances)
    if shelf_life < 1 or largest_order < 1:
        raise InputError("perishable", "a shelf life or largest order below 1", "give 1 or more")
    sizes = (largest_order + 1,) * shelf_life
    # Units by remaining life, the oldest first; what arrives next joins at the end.
    stock = np.array(list(itertools.product(range(largest_order + 1), repeat=shelf_life)))
    demand = np.arange(len(chances))
    unmet = np.maximum(demand - stock.cumsum(1)[:, :, None], 0)
    before = np.concatenate([np.broadcast_to(demand, (len(stock), 1, len(demand))), unmet[:, :-1]], axis=1)
    left = stock[:, :, None] - (before - unmet)
    aged = np.ravel_multi_index((*np.moveaxis(left[:, 1:], 1, 0), np.zeros_like(demand)[None]), sizes)
    revenue = price * (stock.sum(1) - (left.sum(1) @ chances))
    orders = np.arange(largest_order + 1)
    values = np.zeros(len(stock))
    for _ in range(MOST_SWEEPS):
        expected = np.stack([values[aged + order] @ chances - unit_cost * order for order in orders])
        change = revenue + expected.max(0) - values
        if np.ptp(change) < tolerance:
            return float(0.5 * (change.min() + change.max()))
        values = values + change - change[0]
    raise RunError("value iteration", f"bounds still {np.ptp(change):.2g} apart", "raise the tolerance")
