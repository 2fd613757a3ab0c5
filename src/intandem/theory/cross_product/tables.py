"""Islands of rows that share products, and each product's profit tabulated over the exposures it can get.

Rows that share no product share nothing: neither stock nor budget. Such islands are solved one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product as combinations

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from intandem.errors import InputError
from intandem.theory.cross_product.one_period import OnePeriod

_MOST_COLUMNS = 20_000
"""Most exposures of one product (of an island, in multinomial choice) that are tabulated."""
_MOST_CHANCES = 10_000_000
"""Most chances held at once: exposures times units of demand."""


@dataclass(frozen=True)
class Island:
    """Rows and products connected by pairs. `pairs`: (product, row, place), by row and place."""

    rows: np.ndarray
    products: np.ndarray
    pairs: tuple[tuple[int, int, int], ...]

    def pairs_of(self, product: int) -> list[tuple[int, int]]:
        """The product's rows and places."""
        return [(row, place) for owner, row, place in self.pairs if owner == product]


@dataclass(frozen=True)
class Entry:
    """What can be chosen together, and what it earns.

    - `profit`: with the best order, shape `columns`. `exposure`: the pairs' exposures, shape `columns pairs`.
    - `row`, `place`: of each pair; rows are counted within the island. `rows`: the island's number of rows.
    """

    profit: np.ndarray
    exposure: np.ndarray
    row: np.ndarray
    place: np.ndarray
    rows: int

    @property
    def load(self) -> np.ndarray:
        """Exposures per row of the island, shape `columns rows`."""
        return np.stack([self.exposure[:, self.row == row].sum(1) for row in range(self.rows)], axis=1)


def islands(problem: OnePeriod) -> list[Island]:
    """The islands of a market, in the order of their first rows; rows without products are left out.

    They are the connected components of the graph that links rows and products by pairs.

    Two rows that see one product each:

    ```python
    >>> from intandem.market import build_market
    >>> from intandem.theory.cross_product.one_period import one_period
    >>> products = {"price": np.full(2, 4.0), "unit_cost": np.ones(2), "holding_cost": np.zeros(2)}
    >>> apart = build_market(products, np.zeros((2, 1)), np.ones((2, 1)), candidates=np.array([[1], [0]]))
    >>> [one.pairs for one in islands(one_period(apart))]  # product, row, place
    [((1, 0, 0),), ((0, 1, 0),)]

    ```
    """
    rows, places = np.nonzero(problem.valid)
    owners = problem.product[rows, places]
    count = len(problem.population)
    size = count + problem.products
    links = sparse.coo_matrix((np.ones(len(rows)), (rows, count + owners)), shape=(size, size))
    label = csgraph.connected_components(links, directed=False)[1]
    found = []
    for island in dict.fromkeys(label[rows].tolist()):
        inside = label[rows] == island
        pairs = tuple(zip(owners[inside].tolist(), rows[inside].tolist(), places[inside].tolist(), strict=True))
        products = np.array(list(dict.fromkeys(owners[inside].tolist())))
        found.append(Island(np.unique(rows[inside]), products, pairs))
    return found


def can_be_tabulated(problem: OnePeriod, island: Island) -> bool:
    """Whether profit can be tabulated over all exposures of every product (of the island, in multinomial choice).

    The limits are 20,000 exposures of one product, and 10 million exposures times units of demand.

    ```python
    >>> from dataclasses import replace
    >>> from intandem.market import example_market
    >>> from intandem.theory.cross_product.one_period import one_period
    >>> problem = one_period(example_market("two-products-capped"))
    >>> fine = replace(problem, levels=np.linspace(0, 1, 20_001))
    >>> [can_be_tabulated(one, islands(problem)[0]) for one in (problem, fine)]
    [True, False]

    ```
    """
    levels, people = len(problem.levels), problem.population
    if problem.multinomial:
        return _small(levels, len(island.pairs), float(people[island.rows].sum()))
    rows_of = ([row for row, _ in island.pairs_of(product)] for product in island.products.tolist())
    return all(_small(levels, len(rows), float(people[rows].sum()) if len(rows) > 1 else 1.0) for rows in rows_of)


def _small(levels: int, pairs: int, people: float) -> bool:
    return levels**pairs <= _MOST_COLUMNS and levels**pairs * (people + 1) <= _MOST_CHANCES


def tabulate(problem: OnePeriod, island: Island) -> list[Entry]:
    """One entry per product of the island, in its order; in multinomial choice one for the island as a whole.

    Profits are money of the period with the best order for each exposure; see `Entry`.

    **Raises:** `InputError` for an island with too many exposures to enumerate; see `can_be_tabulated`.

    Exposure trebles one person's odds of 1. A unit costs 1, sells at 4 and keeps its worth: 3 x 1/2 or
    3 x 3/4 are earned:

    ```python
    >>> from intandem.market import SolveSettings, build_market
    >>> from intandem.theory.cross_product.one_period import one_period
    >>> product = {"price": np.array([4.0]), "unit_cost": np.ones(1), "holding_cost": np.zeros(1)}
    >>> settings = SolveSettings(exposure_levels=(0.0, 1.0))
    >>> market = build_market(product, np.zeros((1, 1)), np.full((1, 1), np.log(3.0)), solve=settings)
    >>> problem = one_period(market, np.zeros(1))
    >>> tabulate(problem, islands(problem)[0])[0].profit.round(6)
    array([1.5 , 2.25])

    ```
    """
    if problem.multinomial:
        return [_joint_entry(problem, island)]
    return [_own_entry(problem, island, product) for product in island.products.tolist()]


def _own_entry(problem: OnePeriod, island: Island, product: int) -> Entry:
    rows, places = (np.array(ends) for ends in zip(*island.pairs_of(product), strict=True))
    exposure = every_exposure(problem.levels, len(rows))
    profit = problem.plan_when_shown(product, exposure).profit
    return Entry(profit, exposure, np.searchsorted(island.rows, rows), places, len(island.rows))


def _joint_entry(problem: OnePeriod, island: Island) -> Entry:
    rows, places = (np.array(ends) for ends in zip(*((row, place) for _, row, place in island.pairs), strict=True))
    inside = np.searchsorted(island.rows, rows)
    exposure = every_exposure(problem.levels, len(rows))
    whole = np.zeros((len(exposure), len(island.rows), problem.utility.shape[1]))
    whole[:, inside, places] = exposure
    chances = problem.choice_chances(whole, island.rows)
    profit = np.zeros(len(exposure))
    for product in island.products.tolist():
        mine = [(row, place) for row, place in zip(*problem.places_of(product), strict=True)]
        own_rows = np.array([row for row, _ in mine])
        at = (slice(None), np.searchsorted(island.rows, own_rows), np.array([place for _, place in mine]))
        profit += problem.plan_of(product, whole[at], chances[at], own_rows).profit
    return Entry(profit, exposure, inside, places, len(island.rows))


def every_exposure(levels: np.ndarray, pairs: int) -> np.ndarray:
    """All ways to give each of some pairs a level, in order of the levels, the last pair's changing fastest.

    **Arguments:** `levels`: exposures in [0, 1]. `pairs`: their number. **Returns** exposures, shape `columns pairs`.

    **Raises:** `InputError` if there are too many.

    ```python
    >>> every_exposure(np.array([0.0, 1.0]), 2)
    array([[0., 0.], [0., 1.], [1., 0.], [1., 1.]])

    ```
    """
    if len(levels) ** pairs > _MOST_COLUMNS:
        problem = f"has {len(levels)} levels for each of {pairs} pairs that must be enumerated together"
        raise InputError("market", problem, "give fewer levels or fewer products")
    return np.array(list(combinations(levels.tolist(), repeat=pairs))).reshape(-1, pairs)
