"""The silo's exposures in one period: recommendation on its own, as if stock were unlimited.

Recommendation maximises the gross margin of expected demand less the cost of exposure,
`(price - unit_cost) E[D] - exposure_cost * exposures`, on the market's levels, ties to the first. Inventory then orders
optimally for the demand it meets, from its own stock. The *filtered* silo leaves out what is out of stock: here, where
an order arrives before demand, products without starting stock that cannot be ordered either. With stock given
(nothing can be ordered) that is every product without stock.
"""

from __future__ import annotations

import numpy as np

from intandem.theory.cross_product.allocation import share_levels
from intandem.theory.cross_product.exposed_newsvendor import first_best
from intandem.theory.cross_product.one_period import OnePeriod
from intandem.theory.cross_product.tables import every_exposure


def silo_exposures(problem: OnePeriod) -> np.ndarray:
    """What the silo's recommendation shows, shape `rows width`; see this module.

    Six units more of the first product at a margin of 6 outweigh 3.8 of the second at 3.5:

    ```python
    >>> from intandem.market import example_market
    >>> from intandem.theory.cross_product.one_period import one_period
    >>> silo_exposures(one_period(example_market("two-products-capped")))
    array([[1., 0.]])

    ```
    """
    return _exposures(problem, np.ones(problem.products, bool))


def filtered_silo_exposures(problem: OnePeriod) -> np.ndarray:
    """The same without products that have no stock and cannot be ordered, shape `rows width`.

    ```python
    >>> from intandem.market import example_market
    >>> from intandem.theory.cross_product.one_period import one_period
    >>> market, stock = example_market("two-products-capped"), np.array([0.0, 9.0])
    >>> filtered_silo_exposures(one_period(market, stock, may_order=False))
    array([[0., 1.]])
    >>> filtered_silo_exposures(one_period(market, stock))
    array([[1., 0.]])

    ```
    """
    return _exposures(problem, (problem.on_hand > 0) | (problem.terms.largest_order > 0))


def _exposures(problem: OnePeriod, shown: np.ndarray) -> np.ndarray:
    share = _multinomial_row if problem.multinomial else _independent_row
    exposures = np.zeros(problem.utility.shape)
    for row in range(len(problem.population)):
        places = np.flatnonzero(problem.valid[row])
        if len(places):
            exposures[row, places] = share(problem, row, places, shown[problem.product[row, places]])
    return exposures


def _independent_row(problem: OnePeriod, row: int, places: np.ndarray, shown: np.ndarray) -> np.ndarray:
    levels, products = problem.levels, problem.product[row, places]
    whole = np.zeros((len(levels), 1, problem.utility.shape[1]))
    whole[:, 0, places] = levels[:, None]
    chance = problem.choice_chances(whole, np.array([row]))[:, 0, places]
    margin = np.asarray(problem.terms.price)[products] - np.asarray(problem.terms.unit_cost)[products]
    cost = np.asarray(problem.terms.exposure_cost)[products]
    value = problem.visits[row] * (margin * chance - cost * levels[:, None])
    value = np.where(shown | (levels[:, None] == 0), value, -np.inf)
    return levels[list(share_levels(value.T, levels.tolist(), problem.slots))]


def _multinomial_row(problem: OnePeriod, row: int, places: np.ndarray, shown: np.ndarray) -> np.ndarray:
    products = problem.product[row, places]
    exposure = every_exposure(problem.levels, len(places))
    whole = np.zeros((len(exposure), 1, problem.utility.shape[1]))
    whole[:, 0, places] = exposure
    chance = problem.choice_chances(whole, np.array([row]))[:, 0, places]
    margin = np.asarray(problem.terms.price)[products] - np.asarray(problem.terms.unit_cost)[products]
    value = problem.visits[row] * (chance @ margin - exposure @ np.asarray(problem.terms.exposure_cost)[products])
    allowed = (exposure.sum(1) <= problem.slots + 1e-9) & (exposure[:, ~shown] == 0).all(1)
    return exposure[first_best(np.where(allowed, value, -np.inf))]
