"""Stock for one product whose demand is exposed: what profit is expected, and what to order.

Symbols: starting stock `y`, order `q`, stock at demand `z = y + q`, demand `D` under exposure `a`. Expected profit is

`price E[min(D, z)] - unit_cost q - (holding_cost - salvage) E[(z - D)+] - lost_sale_cost E[(D - z)+]
- fixed_order_cost [q > 0] - exposure_cost * (expected exposures)`.

A unit more of stock at demand is worth `(p + b) - (p + b + h - v) F(z; a)` with price `p`, lost-sale cost `b`,
holding cost `h` and salvage `v`; less the unit cost this is 0 at the newsvendor's critical ratio `cu / (cu + co)`,
`cu = price - unit_cost + lost_sale_cost`, `co = unit_cost + holding_cost - salvage` (Arrow, Harris and Marschak 1951).
Arrays broadcast, so one call serves a whole curve over exposure or stock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit

from intandem.errors import InputError
from intandem.theory.cross_product.exposed_demand import BinomialDemand, DemandLaw, Numbers

TIE = 1e-11
"""Relative difference below which two profits count as equal."""


@dataclass(frozen=True)
class Terms:
    """What a product costs and earns, and which orders are possible; numbers or arrays that broadcast.

    Money per unit: `price`, `unit_cost`, `holding_cost` (on what is left), `lost_sale_cost`, `salvage` (of what is
    left; `None`: the unit cost). Money per exposure and per order: `exposure_cost`, `fixed_order_cost`. Units:
    `min_order`, `order_multiple` (0: any quantity, for continuous demand), `max_order`.
    """

    price: Numbers
    unit_cost: Numbers
    holding_cost: Numbers
    lost_sale_cost: Numbers = 0.0
    salvage: Numbers | None = None
    exposure_cost: Numbers = 0.0
    fixed_order_cost: Numbers = 0.0
    min_order: Numbers = 0.0
    order_multiple: Numbers = 1.0
    max_order: Numbers = np.inf

    @property
    def left_over_value(self) -> Numbers:
        """Salvage per unit left."""
        return self.unit_cost if self.salvage is None else self.salvage

    @property
    def underage(self) -> np.ndarray:
        """`cu`: what a unit too few costs."""
        return np.asarray(np.asarray(self.price) - self.unit_cost + self.lost_sale_cost)

    @property
    def overage(self) -> np.ndarray:
        """`co`: what a unit too many costs."""
        return np.asarray(np.asarray(self.unit_cost) + self.holding_cost - self.left_over_value)

    @property
    def stake(self) -> np.ndarray:
        """`p + b + h - v = cu + co`: what separates a unit sold from a unit left and a sale lost."""
        return np.asarray(self.underage + self.overage)

    @property
    def critical_ratio(self) -> np.ndarray:
        """`cu / (cu + co)`; 0 where a unit too few costs nothing."""
        positive = np.maximum(self.underage, 0.0)
        return np.asarray(positive / np.where(positive > 0, positive + self.overage, 1.0))

    @property
    def largest_order(self) -> np.ndarray:
        """The largest possible order, units: 0 where none is possible, infinity without a cap."""
        return self._feasible(np.asarray(np.inf))

    def without_orders(self) -> Terms:
        """The same product with stock given: nothing can be ordered."""
        return replace(self, max_order=np.zeros_like(self.underage))

    def orders_around(self, wanted: Numbers) -> tuple[np.ndarray, np.ndarray]:
        """The feasible orders above 0 next to a wanted quantity, below and above; 0 where no order is possible."""
        multiple = np.where(np.asarray(self.order_multiple) > 0, self.order_multiple, 1.0)
        continuous = np.asarray(self.order_multiple) <= 0
        down = np.where(continuous, wanted, np.floor(np.asarray(wanted) / multiple + 1e-12) * multiple)
        up = np.where(continuous, wanted, np.ceil(np.asarray(wanted) / multiple - 1e-12) * multiple)
        return self._feasible(down), self._feasible(up)

    def _feasible(self, quantity: Numbers) -> np.ndarray:
        multiple = np.where(np.asarray(self.order_multiple) > 0, self.order_multiple, 1.0)
        continuous = np.asarray(self.order_multiple) <= 0
        whole_least = np.maximum(np.ceil(np.asarray(self.min_order) / multiple), 1) * multiple
        least = np.where(continuous, self.min_order, whole_least)
        most = np.where(continuous, self.max_order, np.floor(np.asarray(self.max_order) / multiple) * multiple)
        return np.where(most < least, 0.0, np.clip(quantity, least, np.maximum(most, least)))


@dataclass(frozen=True)
class OrderPlan:
    """What to order: `order` and `level` (the newsvendor level `z*`, free of limits), units; `profit`, money."""

    order: np.ndarray
    level: np.ndarray
    profit: np.ndarray


@dataclass(frozen=True)
class Response:
    """How the people of one row respond to exposure: `P(buy) = visit_probability * sigmoid(utility + effect * a)`;
    on a slate the mixture of shown and not shown. `population` is whole."""

    population: Numbers
    visit_probability: Numbers
    utility: Numbers
    effect: Numbers
    slate: bool = False

    def chance(self, exposure: Numbers) -> np.ndarray:
        """The chance that one person buys, at each exposure."""
        return np.asarray(self.visit_probability * choice_chance(self.utility, self.effect, exposure, self.slate))

    def law(self, exposure: Numbers) -> BinomialDemand:
        """Demand at each exposure."""
        return BinomialDemand(self.population, self.chance(exposure))

    def exposures(self, exposure: Numbers) -> np.ndarray:
        """Expected exposures delivered: exposure times expected visits."""
        return np.asarray(np.asarray(exposure) * np.multiply(self.population, self.visit_probability))


def choice_chance(utility: Numbers, effect: Numbers, exposure: Numbers, slate: bool) -> np.ndarray:
    """The chance that a visitor buys: `sigmoid(utility + effect * exposure)`; on a slate the mixture of shown and not.

    On a slate that is `sigmoid(utility) + exposure * (sigmoid(utility + effect) - sigmoid(utility))`.

    **Arguments:** `utility`, `effect`: logit units. `exposure`: in [0, 1]. They broadcast.

    Odds of 1 that exposure triples: half way they are `sqrt(3)` under intensity, and half of visitors see the slate:

    ```python
    >>> choice_chance(0.0, np.log(3.0), np.array([0.0, 0.5, 1.0]), slate=False).round(4)
    array([0.5 , 0.634, 0.75 ])
    >>> choice_chance(0.0, np.log(3.0), np.array([0.0, 0.5, 1.0]), slate=True).round(4)
    array([0.5  , 0.625, 0.75 ])

    ```
    """
    if not slate:
        return np.asarray(expit(np.add(utility, np.multiply(effect, exposure))))
    without = expit(utility)
    return np.asarray(without + np.asarray(exposure) * (expit(np.add(utility, effect)) - without))


def expected_profit(
    terms: Terms, law: DemandLaw, stock: Numbers, order: Numbers = 0.0, exposures: Numbers = 0.0
) -> np.ndarray:
    """Expected profit of a period that meets demand with `stock`, of which `order` units were bought.

    **Arguments:** `stock`: `z`, units. `order`: `q`, units. `exposures`: expected number delivered.

    The cost of Example 4.3 of Snyder and Shen, as a loss:

    ```python
    >>> from intandem.theory.cross_product.exposed_demand import NormalDemand
    >>> terms = Terms(price=0.0, unit_cost=0.0, holding_cost=0.18, lost_sale_cost=0.70, order_multiple=0.0)
    >>> round(float(expected_profit(terms, NormalDemand(np.array(50.0), 8.0), 56.604)), 4)
    -1.9976

    ```
    """
    short = law.shortage(stock)
    sold = law.mean - short
    left = stock - sold
    return np.asarray(
        terms.price * sold
        - terms.unit_cost * np.asarray(order)
        - (np.asarray(terms.holding_cost) - terms.left_over_value) * left
        - terms.lost_sale_cost * short
        - np.where(np.asarray(order) > 0, terms.fixed_order_cost, 0.0)
        - terms.exposure_cost * np.asarray(exposures)
    )


def marginal_profit(terms: Terms, law: DemandLaw, stock: Numbers) -> np.ndarray:
    """What the next unit of stock at demand is worth, not counting its price of purchase.

    `(p + b) - (p + b + h - v) F(z; a)`: exactly `expected_profit` at `z + 1` less that at `z` for whole units,
    its derivative for continuous demand.

    ```python
    >>> terms = Terms(price=10.0, unit_cost=6.0, holding_cost=0.5)
    >>> marginal_profit(terms, BinomialDemand(4, np.array([0.2, 0.5])), 2).round(4)
    array([5.6224, 6.9062])

    ```
    """
    gained = np.add(terms.price, terms.lost_sale_cost)
    return np.asarray(gained - terms.stake * law.cumulative(stock))


def order_given_exposure(terms: Terms, law: DemandLaw, stock: Numbers = 0.0, exposures: Numbers = 0.0) -> OrderPlan:
    """The best order at each exposure: up to `z* = min{z : F(z; a) >= cu/(cu + co)}`, within what can be ordered.

    Profit is concave in the order, so the best order above 0 is a feasible one next to `z* - y`; it is placed if it
    earns its fixed cost. Of equally good orders the smaller is taken.

    **Arguments:** `stock`: `y`, units at the start. `exposures`: expected number delivered, for their cost.

    **Raises:** `InputError` if what is left over is worth more than a unit bought and held (no order is too large).

    ```python
    >>> terms = Terms(price=0.0, unit_cost=0.0, holding_cost=0.18, lost_sale_cost=0.70, order_multiple=0.0)
    >>> from intandem.theory.cross_product.exposed_demand import NormalDemand
    >>> plan = order_given_exposure(terms, NormalDemand(np.array([50.0]), 8.0))
    >>> plan.order.round(3), plan.profit.round(4)
    (array([56.604]), array([-1.9976]))

    ```
    """
    if np.any(terms.overage < 0):
        raise InputError("salvage", "exceeds unit_cost + holding_cost", "give a smaller salvage value")
    level = np.where(terms.underage > 0, law.quantile(terms.critical_ratio), 0.0)
    wanted = np.maximum(level - stock, 0.0)
    best = np.zeros_like(wanted)
    profit = expected_profit(terms, law, stock, best, exposures) + np.zeros_like(wanted)
    for order in terms.orders_around(wanted):
        earned = expected_profit(terms, law, stock + order, order, exposures)
        better = earned > profit + TIE * (1 + np.abs(profit))
        best, profit = np.where(better, order, best), np.where(better, earned, profit)
    return OrderPlan(best, level, np.asarray(profit))


def best_exposure_given_stock(terms: Terms, response: Response, stock: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """The exposure on `levels` that earns most from stock `z` that is given, at each stock; ties to the first.

    **Arguments:** `stock`: units, any shape. `levels`: exposures in [0, 1]. **Returns** exposures, of that shape.

    ```python
    >>> terms = Terms(price=10.0, unit_cost=6.0, holding_cost=0.5, lost_sale_cost=1.0)
    >>> response = Response(population=4, visit_probability=1.0, utility=-1.0, effect=2.0)
    >>> best_exposure_given_stock(terms, response, np.array([0, 1, 2]), np.array([0.0, 0.5, 1.0]))
    array([0. , 0.5, 1. ])

    ```
    """
    given = np.asarray(stock, float)[..., None]
    earned = expected_profit(terms, response.law(levels), given, 0.0, response.exposures(levels))
    return np.asarray(levels)[first_best(earned)]


def first_best(values: np.ndarray) -> np.ndarray:
    """Index of the largest value along the last axis; of values within rounding of it, the first.

    **Arguments:** `values`: shape `... choices`; minus infinity for what cannot be chosen. Values within
    `TIE * (1 + |largest|)` of the largest count as equal. **Returns** indices, shape `...`.

    ```python
    >>> int(first_best(np.array([1.0, 2.0, 2.0 + 1e-13])))
    1

    ```
    """
    best = values.max(-1, keepdims=True)
    scale = 1 + np.where(np.isfinite(best), np.abs(best), 0.0)
    return np.asarray((values >= best - TIE * scale).argmax(-1))
