"""Where profit cannot be tabulated: an upper bound from the fluid relaxation, and a good plan.

A product's profit with stock `z` is a concave function of its demand (the stake `p + b + h - v` is positive), so by
Jensen's inequality its expectation is at most the profit of mean demand, which is a sum over pairs. The relaxation
mixes levels of exposure in every pair and orders fractions, which makes it a linear program: its value is the
Lagrangian dual of the budgets, and no plan earns more. Where the stake is negative no sale is the bound on sales.
"""

from __future__ import annotations

import numpy as np
from scipy import optimize, sparse

from intandem.theory.cross_product.allocation import share_levels
from intandem.theory.cross_product.one_period import OnePeriod, Plan, plan_given_exposure
from intandem.theory.cross_product.silo import filtered_silo_exposures, silo_exposures
from intandem.theory.cross_product.tables import Island

_PASSES = 2


def fluid_plan(problem: OnePeriod, island: Island) -> tuple[np.ndarray, np.ndarray, float]:
    """A good plan for an island of independent choice, and a bound on every plan.

    The bound is that of a linear relaxation in which a product's exposures may be mixed; the plan is the best of the
    mixture rounded to levels and both silos' exposures, each improved row by row.

    **Arguments:** `problem`: with independent choice. `island`: of it; see `islands` in `cross_product.tables`.
    **Returns** exposures of its rows (shape `rows width`), prices of slots per row (money per unit of exposure),
    and the bound, money.

    ```python
    >>> from intandem.market import example_market
    >>> from intandem.theory.cross_product.one_period import one_period
    >>> from intandem.theory.cross_product.tables import islands
    >>> problem = one_period(example_market("two-products-capped"))
    >>> exposures, price, bound = fluid_plan(problem, islands(problem)[0])
    >>> exposures, bool(0 <= bound - plan_given_exposure(problem, exposures).profit < 0.01 * bound)
    (array([[1., 0.]]), True)

    ```
    """
    mixture, price, bound = _relaxation(problem, island)
    starts = [silo_exposures(problem), filtered_silo_exposures(problem), _rounded(problem, island, mixture)]
    best = max((_improved(problem, island, start) for start in starts), key=lambda plan: _profit(plan, island))
    return best.exposures[island.rows], price, bound


def _profit(plan: Plan, island: Island) -> float:
    return float(plan.product_profit[island.products].sum())


def _relaxation(problem: OnePeriod, island: Island) -> tuple[np.ndarray, np.ndarray, float]:
    """Mixture of levels per pair, prices per row, and the value of the linear program.

    Variables: the weight of each level in each pair, then orders `q` and sales `s` per product. What is left is
    `y + q - s`, what is lost `m - s` with mean demand `m`. Fixed order costs are left out, so the bound holds.
    """
    terms, products = problem.terms, island.products
    lost = np.asarray(terms.lost_sale_cost)[products]
    keeping = (np.asarray(terms.holding_cost) - terms.left_over_value)[products]
    owner, row, of = _pairs_of(island)
    demand = _mean_demand(problem, island)
    cost = np.asarray(terms.exposure_cost)[owner][:, None] * problem.levels * problem.visits[row][:, None]
    gain = np.concatenate(
        [
            (-lost[of][:, None] * demand - cost).ravel(),
            -np.asarray(terms.unit_cost)[products] - keeping,
            np.asarray(terms.price)[products] + keeping + lost,
        ]
    )
    highest = np.full(len(gain), np.inf)
    highest[demand.size : demand.size + len(products)] = np.asarray(terms.largest_order)[products]
    slots = np.full(len(island.rows), float(problem.slots))
    at_most, mixed = _constraints(problem, island, demand)
    solved = optimize.linprog(
        -gain,
        A_ub=at_most,
        b_ub=np.concatenate([slots, np.zeros(len(products)), problem.on_hand[products]]),
        A_eq=mixed,
        b_eq=np.ones(len(owner)),
        bounds=np.stack([np.zeros(len(gain)), highest], 1),
        method="highs",
    )
    if solved.x is None:
        raise RuntimeError(f"the fluid relaxation was not solved: {solved.message}")
    bound = -float(solved.fun) - float(keeping @ problem.on_hand[products])
    price = np.maximum(-solved.ineqlin.marginals[: len(slots)], 0.0)
    return solved.x[: demand.size].reshape(demand.shape), price, bound


def _pairs_of(island: Island) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of every pair: its product, its row, and the product's number within the island."""
    owner, row, _ = (np.array(ends) for ends in zip(*island.pairs, strict=True))
    number = {product: at for at, product in enumerate(island.products.tolist())}
    return owner, row, np.array([number[product] for product in owner.tolist()])


def _mean_demand(problem: OnePeriod, island: Island) -> np.ndarray:
    """Expected demand of every pair at every level, shape `pairs levels`."""
    _, row, place = (np.array(ends) for ends in zip(*island.pairs, strict=True))
    whole = np.broadcast_to(problem.levels[:, None, None], (len(problem.levels), *problem.utility.shape))
    chances = problem.choice_chances(whole, np.arange(len(problem.population)))
    return np.asarray((chances[:, row, place] * problem.visits[row]).T)


def _constraints(problem: OnePeriod, island: Island, demand: np.ndarray) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """Slots per row, sales within demand, sales within stock (all `<=`); and one unit of weight per pair (`=`)."""
    pairs, choices = demand.shape
    products = len(island.products)
    _, row, of = _pairs_of(island)
    each = np.repeat(np.arange(pairs), choices)
    member = sparse.csr_matrix((np.ones(demand.size), (each, np.arange(demand.size))))
    in_row = sparse.csr_matrix((np.ones(pairs), (np.searchsorted(island.rows, row), np.arange(pairs))))
    in_product = sparse.csr_matrix((np.ones(pairs), (of, np.arange(pairs))))
    load = in_row @ member @ sparse.diags(np.tile(problem.levels, pairs))
    mean = in_product @ member @ sparse.diags(demand.ravel())
    sale = sparse.identity(products)
    at_most = sparse.bmat([[load, None, None], [-mean, None, sale], [None, -sale, sale]])
    mixed = sparse.hstack([member, sparse.csr_matrix((pairs, 2 * products))])
    return at_most.tocsr(), mixed.tocsr()


def _rounded(problem: OnePeriod, island: Island, mixture: np.ndarray) -> np.ndarray:
    """Feasible exposures on the levels that lie nearest to a mixture: per row the largest total weight."""
    exposures = np.zeros(problem.utility.shape)
    for row in island.rows.tolist():
        mine = [(at, place) for at, (_, owner, place) in enumerate(island.pairs) if owner == row]
        weights = np.array([mixture[at] for at, _ in mine])
        chosen = share_levels(weights, problem.levels.tolist(), problem.slots)
        exposures[row, [place for _, place in mine]] = problem.levels[list(chosen)]
    return exposures


def _improved(problem: OnePeriod, island: Island, exposures: np.ndarray) -> Plan:
    """Row after row, the row's best exposures while those of the other rows stay: profit never falls."""
    exposures = exposures.copy()
    for _ in range(_PASSES):
        before = exposures.copy()
        for row in island.rows.tolist():
            places = np.flatnonzero(problem.valid[row])
            values = np.stack([_row_profits(problem, exposures, row, int(place)) for place in places])
            chosen = share_levels(values, problem.levels.tolist(), problem.slots)
            exposures[row, places] = problem.levels[list(chosen)]
        if (exposures == before).all():
            break
    return plan_given_exposure(problem, exposures)


def _row_profits(problem: OnePeriod, exposures: np.ndarray, row: int, place: int) -> np.ndarray:
    """One product's profit at each level of its exposure in one row."""
    product = int(problem.product[row, place])
    rows, places = problem.places_of(product)
    mine = exposures[rows, places] + np.zeros((len(problem.levels), 1))
    mine[:, rows == row] = problem.levels[:, None]
    return problem.plan_when_shown(product, mine).profit
