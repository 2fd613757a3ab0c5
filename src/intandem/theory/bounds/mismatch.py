"""What uncertain demand costs at least: the newsvendor's mismatch as linear inequalities on long-run averages.

Whoever decides knows the stock and the chances before demand is drawn. Demand of a product is then a sum of independent
purchases, so what is short and what is left cost at least the newsvendor's minimum for that sum. The minimum is concave
in the chance of each person, which gives a lower bound that is linear in all chances and so holds for their averages.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

from intandem.theory.bounds.curves import DemandCurves
from intandem.theory.bounds.supply import ProductTerms

LEVELS = (1.0, 0.5, 0.2, 0.05)
"""Parts of the full worth of a sale at which inequalities are made: where supply is scarce a sale is worth less."""


TANGENTS = 16
GRID = 2_001
LARGEST_ROW = 200
"""Lines, grid points and persons in the inequalities of markets with one row."""


@dataclass(frozen=True)
class MismatchCut:
    """`short_weight * short + (1 - short_weight) * left >= constant + sum over pairs of rate * demand`, by product.

    - `short_weight`, `constant`: shape `products`. `rate`: 0 or less, shape `cells width`; for largest demand.
    - `demand_rate`: of any sign, shape `products`; for what is sold and lost together.
    """

    short_weight: np.ndarray
    constant: np.ndarray
    rate: np.ndarray
    demand_rate: np.ndarray


def mismatch_cuts(curves: DemandCurves, terms: ProductTerms) -> tuple[MismatchCut, ...]:
    """The inequalities, one per level, for products whose holding is not counted elsewhere.

    With lost sales a market of one row has `TANGENTS` more per level. At level `l` a unit short weighs
    `l worth / (l worth + h)`, `worth` being margin and lost-sale cost (or the backorder cost) and `h` the holding cost,
    money per unit.

    **Arguments:** `curves`, `terms`: of one market.

    Margins of 6 and 3.5, lost sales at 2, holding at .3: weights of 8/8.3 and 5.5/5.8 at the first of 4 levels:

    ```python
    >>> from intandem.market import example_market
    >>> from intandem.theory.bounds.curves import demand_curves, season_of
    >>> from intandem.theory.bounds.supply import product_terms
    >>> market = example_market("two-products-capped")
    >>> curves = demand_curves(market, season_of(market))
    >>> cuts = mismatch_cuts(curves, product_terms(market, curves))
    >>> len(cuts) == 4 * (1 + TANGENTS), cuts[0].short_weight.round(4)
    (True, array([0.9639, 0.9483]))

    ```
    """
    worth = np.maximum(terms.margin, 0.0) + terms.shortage if terms.lost else terms.shortage
    shortage = np.array(LEVELS if terms.lost else (1.0,))[:, None] * worth
    total = shortage + terms.holding
    weight = np.where(total > 0, shortage / np.where(total > 0, total, 1.0), 0.5)
    counted = np.flatnonzero((worth > 0) & (terms.holding > 0) & curves.bounds_demand)
    return _cuts_of_many(curves, counted, weight) + (_cuts_of_one_row(curves, counted, weight) if terms.lost else ())


def _cuts_of_many(curves: DemandCurves, counted: np.ndarray, weight: np.ndarray) -> tuple[MismatchCut, ...]:
    """The inequalities linear in every person's chance."""
    constant = np.zeros(weight.shape)
    rate = np.zeros((len(weight), *curves.product.shape))
    groups = np.array_split(np.arange(curves.cells), curves.groups)
    for product in counted:
        for cells in groups:
            row, place = np.nonzero(curves.product[cells] == product)
            cell = cells[row]
            low, high = curves.least_chance[cell, place], curves.largest_chance[cell, place]
            persons = curves.persons[cell]
            count = np.rint(persons / curves.season_weight[cell]).astype(int)
            each = purchase_weights(low, count, weight[:, product])
            # A person's term falls from its weight to 0 as the chance rises from the least to the largest.
            moves = high - low > 1e-12
            fall = np.where(moves, each / np.where(moves, high - low, 1.0), 0.0)
            constant[:, product] += (persons * np.where(moves, fall * high, each)).sum(1)
            rate[:, cell, place] = -fall
    none = np.zeros(curves.products)
    return tuple(MismatchCut(weight[k], constant[k], rate[k], none) for k in range(len(weight)))


def _cuts_of_one_row(curves: DemandCurves, counted: np.ndarray, weight: np.ndarray) -> tuple[MismatchCut, ...]:
    """With one row all persons share one chance: lines below the least cost as a function of mean demand."""
    persons = round(float(curves.persons[0]))
    if curves.cells > 1 or persons > LARGEST_ROW:
        return ()
    constant = np.zeros((len(weight), TANGENTS, curves.products))
    slope = np.zeros_like(constant)
    for product in counted:
        place = np.flatnonzero(curves.product[0] == product)
        if not place.size:
            continue
        low, high = float(curves.least_chance[0, place[0]]), float(curves.largest_chance[0, place[0]])
        for level in range(len(weight)):
            lines = least_mismatch_lines(persons, low, high, float(weight[level, product]))
            constant[level, :, product], slope[level, :, product] = lines
    nothing = np.zeros(curves.product.shape)
    return tuple(
        MismatchCut(weight[level], constant[level, line], nothing, slope[level, line])
        for level in range(len(weight))
        for line in range(TANGENTS)
    )


def least_mismatch_lines(persons: int, low: float, high: float, short_weight: float) -> tuple[np.ndarray, np.ndarray]:
    """Lines below the newsvendor's least cost of `Binomial(persons, p)` for every `low <= p <= high`.

    The cost `min_z E[w (D - z)+ + (1 - w)(z - D)+]`, `w` the weight of a unit short, changes by at most
    `persons * max(w, 1 - w)` times the change of `p`, so a fine grid, lowered by half a step's change, lies below it.
    The lines support the grid's convex hull.

    **Arguments:** `persons`: 1 or more. `low`, `high`: chances. `short_weight`: `w` in [0, 1].
    **Returns** constants (units) and slopes in mean demand `persons * p`, each of shape `TANGENTS`.

    One person and a coin: with one unit in stock, one is left in half of the cases, at a weight of 1/4:

    ```python
    >>> constants, slopes = least_mismatch_lines(1, 0.5, 0.5, short_weight=0.75)
    >>> round(float(constants[0]), 6), round(float(slopes[0]), 6)
    (0.125, 0.0)

    ```
    """
    chance = np.linspace(low, high, GRID)
    units = np.arange(persons + 1)
    over = units[:, None] - units
    cost = short_weight * np.maximum(-over, 0) + (1 - short_weight) * np.maximum(over, 0)
    least = (binom.pmf(units, persons, chance[:, None]) @ cost.T).min(1)
    least -= persons * max(short_weight, 1 - short_weight) * (high - low) / (GRID - 1) / 2
    demand = persons * chance
    touch = np.linspace(0, GRID - 1, TANGENTS).astype(int)
    constants, slopes = np.zeros(TANGENTS), np.zeros(TANGENTS)
    for number, at in enumerate(touch):
        # Whatever the slope, the lowest constant makes the line valid.
        before, after = max(at - 1, 0), min(at + 1, GRID - 1)
        run = max(demand[after] - demand[before], 1e-12)
        slopes[number] = (least[after] - least[before]) / run if high > low else 0.0
        constants[number] = (least - slopes[number] * demand).min()
    if high > low:
        # The chord serves where the cost is concave.
        slopes[-1] = (least[-1] - least[0]) / (demand[-1] - demand[0])
        constants[-1] = (least - slopes[-1] * demand).min()
    return constants, slopes


def purchase_weights(chance: np.ndarray, persons: np.ndarray, short_weight: np.ndarray) -> np.ndarray:
    """How much one person of each row adds to the newsvendor's least cost of a sum of independent purchases.

    The least cost of `short_weight E[D - y]+ + (1 - short_weight) E[y - D]+` over `y` is `sum persons * weight`, and
    with
    any of the persons left out it is at least the sum over those that remain. `weight = E[slope(D) B]`, with `B` the
    person's purchase and `slope` the derivative of the cost in `D`, set at `D = y` so that its mean is 0.

    **Arguments:** `chance`: of a purchase of one person, shape `rows`. `persons`: whole, shape `rows`. `short_weight`:
    between 0 and 1, shape `levels`.

    **Returns** weights of shape `levels rows`, 0 or more.

    ```python
    >>> purchase_weights(np.array([0.5]), np.array([1]), np.array([0.5]))  # half a unit short or left, half the time
    array([[0.25]])

    ```
    """
    law = np.ones(1)
    for one_chance, count in zip(chance, persons, strict=True):
        law = np.convolve(law, binom.pmf(np.arange(count + 1), count, one_chance))
    reached = np.cumsum(law)
    others = _without_one(law, chance)
    others_reached = np.cumsum(others, axis=0)
    nothing = np.zeros(len(chance))
    weights = np.zeros((len(short_weight), len(chance)))
    for at, weight in enumerate(short_weight):
        level = int(np.argmax(reached >= min(weight, reached[-1])))
        below = reached[level - 1] if level else 0.0
        above = max(reached[-1] - reached[level], 0.0)
        at_level = ((1 - weight) * below - weight * above) / max(law[level], 1e-300)
        at_level = np.clip(at_level, weight - 1, weight)
        # This person's purchase comes on top of the others' demand.
        under = others_reached[level - 2] if level > 1 else nothing
        same = others[level - 1] if level else nothing
        mean_slope = weight * (1 - under - same) - (1 - weight) * under + at_level * same
        weights[at] = np.maximum(chance * mean_slope, 0.0)
    return weights


def _without_one(law: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """The law of a sum of independent purchases without one person of each chance, shape `units rows`.

    Worked up from no units where the chance is below a half, down from the most where it is not: so errors shrink.
    """
    others = np.zeros((len(law) - 1, len(chance)))
    seldom = chance <= 0.5
    last = np.zeros(len(chance))
    for units in range(len(others)):
        last = np.maximum((law[units] - chance * last) / np.where(seldom, 1 - chance, 1.0), 0.0)
        others[units, seldom] = last[seldom]
        last = np.where(seldom, last, 0.0)
    last = np.zeros(len(chance))
    for units in range(len(others) - 1, -1, -1):
        last = np.maximum((law[units + 1] - (1 - chance) * last) / np.where(seldom, 1.0, chance), 0.0)
        others[units, ~seldom] = last[~seldom]
        last = np.where(seldom, 0.0, last)
    return others
