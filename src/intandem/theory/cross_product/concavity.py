"""Whether a product's profit is concave in its exposure on [0, 1], proved by bounds and not by sampling.

With stock `z` given, `n` people and `P = v s`, `s = sigmoid(u + e a)`, profit has the second derivative

`n v e^2 s (1 - s) C(s)`, `C(s) = (K F'(z - 1) - b)(1 - 2 s) - (n - 1) K v s (1 - s) f''(z - 1)`

where `K = p + b + h - v_salvage`, `F'` is the distribution function of `Binomial(n - 1, P)` and `f''` the chance
function of `Binomial(n - 2, P)`. So profit is concave exactly where `C <= 0` over the range of `s`. `F'` falls in
`s`, and `f''` and `s (1 - s)` rise and then fall, so that on any interval each factor is bounded by its ends: the range
is cut until every piece is decided. A negative stake `K` is not judged.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from intandem.theory.cross_product.exposed_demand import Numbers, binomial_cumulative
from intandem.theory.cross_product.exposed_newsvendor import Response, Terms, order_given_exposure

_PIECES = 32
_HALVINGS = 12
_ROUNDING = 1e-12


def profit_slope(terms: Terms, response: Response, stock: Numbers, exposure: Numbers) -> np.ndarray:
    """The derivative of expected profit in exposure with stock given (intensity): money per unit of exposure.

    `n [K F'(z - 1) - b] dP/da - exposure_cost * n v`: what one buyer more brings, by the chance that a unit is left
    for it, times the buyers that exposure adds. Symbols as in this module: `n` people, `v` the chance of a visit, stake
    `K = p + b + h - salvage`, `F'` the distribution function of `Binomial(n - 1, P)`.

    **Arguments:** `stock`: `z`, units at demand. `exposure`: `a` in [0, 1]. They broadcast.

    One person (`F'(0) = 1`) at `s = 1/2` and effect 1: `(K - b) s (1 - s) = (5.5 - 1) / 4`:

    ```python
    >>> terms = Terms(price=10.0, unit_cost=6.0, holding_cost=0.5, lost_sale_cost=1.0)
    >>> response = Response(population=1, visit_probability=1.0, utility=0.0, effect=1.0)
    >>> profit_slope(terms, response, 1, np.array([0.0])).round(6)
    array([1.125])

    ```
    """
    chance = response.chance(exposure)
    choice = expit(np.add(response.utility, np.multiply(response.effect, exposure)))
    steepness = np.multiply(response.visit_probability, response.effect) * choice * (1 - choice)
    bought = _one_buyer_more(terms, response, stock, chance)
    cost = np.multiply(terms.exposure_cost, response.visit_probability)
    return np.asarray(response.population * (bought * steepness - cost))


def _one_buyer_more(terms: Terms, response: Response, stock: Numbers, chance: Numbers) -> np.ndarray:
    others = np.maximum(np.asarray(response.population) - 1, 0)
    left = binomial_cumulative(np.subtract(stock, 1), others, chance)
    return np.asarray(terms.stake * left - terms.lost_sale_cost)


def concave_given_stock(terms: Terms, response: Response, stock: float) -> bool:
    """True if profit is proved concave in exposure on [0, 1] with this stock; False if it is not, or in doubt.

    **Arguments:** scalars; the exposure is an intensity.

    At a utility of -3 the first people are won ever more easily; at 0 ever less:

    ```python
    >>> terms = Terms(price=10.0, unit_cost=6.0, holding_cost=0.5)
    >>> [concave_given_stock(terms, Response(5, 1.0, utility, 2.0), stock=5.0) for utility in (-3.0, 0.0)]
    [False, True]

    ```
    """
    if response.effect == 0:
        return True
    if np.any(terms.stake < 0):
        return False
    ends = np.sort(expit(response.utility + response.effect * np.array([0.0, 1.0])))
    edges = np.linspace(ends[0], ends[1], _PIECES + 1)
    low, high = edges[:-1], edges[1:]
    for _ in range(_HALVINGS):
        if (_curvature(terms, response, stock, low, low) > _ROUNDING).any():
            return False
        undecided = _curvature(terms, response, stock, low, high) > _ROUNDING
        if not undecided.any():
            return True
        low, high = low[undecided], high[undecided]
        middle = (low + high) / 2
        low, high = np.concatenate([low, middle]), np.concatenate([middle, high])
    return False


def concave_with_best_order(terms: Terms, response: Response, stock: float) -> bool:
    """True if profit with the best order is proved concave in exposure on [0, 1].

    Whole-unit orders that move with exposure bend profit upwards where they step. The order is monotone in exposure,
    so it stands still if it is the same at both ends; then `concave_given_stock` decides. False means not proved.

    **Arguments:** `stock`: `y`, units at the start, before the order.

    **Raises:** `InputError` if what is left over is worth more than a unit bought and held.

    For one person at a utility of 0 or more `sigmoid` is concave, and one unit is ordered throughout. For four people 3
    units are ordered unexposed and 4 exposed:

    ```python
    >>> terms = Terms(price=10.0, unit_cost=6.0, holding_cost=0.5, lost_sale_cost=1.0)
    >>> [concave_with_best_order(terms, Response(people, 1.0, 0.0, 1.0), 0.0) for people in (1, 4)]
    [True, False]

    ```
    """
    ends = np.array([0.0, 1.0])
    orders = order_given_exposure(terms, response.law(ends), stock).order
    return bool(orders[0] == orders[1]) and concave_given_stock(terms, response, stock + float(orders[0]))


def _curvature(terms: Terms, response: Response, stock: float, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """An upper bound of `C(s)` for `s` between `low` and `high`; its value where the two are the same."""
    visits, people = response.visit_probability, int(response.population)
    at_stock = np.asarray(stock)
    gains = [_one_buyer_more(terms, response, at_stock, visits * choice) for choice in (low, high)]
    bends = [1 - 2 * low, 1 - 2 * high]
    first = np.max([gain * bend for gain in gains for bend in bends], axis=0)
    if people < 2:
        return np.asarray(first)
    chance = np.minimum(*(_last_unit(stock, people - 2, visits * choice) for choice in (low, high)))
    spread = np.minimum(low * (1 - low), high * (1 - high))
    return np.asarray(first - (people - 1) * terms.stake * visits * spread * chance)


def _last_unit(stock: float, trials: int, chance: Numbers) -> np.ndarray:
    """`P(Binomial(trials, chance) = stock - 1)`, whole stock."""
    upper = binomial_cumulative(stock - 1, trials, chance)
    return np.asarray(upper - binomial_cumulative(stock - 2, trials, chance))
