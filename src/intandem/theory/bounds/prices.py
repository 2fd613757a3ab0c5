"""The fluid bound from prices alone, for markets too large for a linear program.

Put a price on every unit of demand passed on to supply, and on every cell's slots: pairs and products come apart,
and weak duality makes the sum of what each of them earns at most a bound, whatever the prices. Good prices are found by
L-BFGS on a smoothed sum in single precision (Nesterov 2005, Smooth minimization of non-smooth functions); the bound is
then computed from them in double precision, with the best price of a slot for every cell, which is exact.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from scipy.optimize import minimize

from intandem.theory.bounds.curves import DemandCurves
from intandem.theory.bounds.program import FluidSolution
from intandem.theory.bounds.supply import ProductTerms

SMOOTHING = (0.05, 0.01, 0.001)
"""Widths of the smoothed steps, stage by stage, relative to the largest worth of a unit or an exposure."""

STEPS = 150
"""L-BFGS iterations per stage, at most."""

CELLS_AT_ONCE = 2_048


def solve_prices(
    curves: DemandCurves, terms: ProductTerms, progress: Callable[[int, int], None] | None = None
) -> FluidSolution:
    """A fluid bound by minimising over prices: the dual of the fluid program, smoothed, by L-BFGS in stages.

    Whatever prices are found, the bound at them is valid (`value_at`); better ones make it tighter.

    **Arguments:** `curves`, `terms`: of one market. `progress`: is told how many stages are done, and of how many.

    Never below the linear program's optimum, 45.1897, and close to it:

    ```python
    >>> from intandem.market import example_market
    >>> from intandem.theory.bounds.curves import demand_curves, season_of
    >>> from intandem.theory.bounds.program import solve_program
    >>> from intandem.theory.bounds.supply import product_terms
    >>> market = example_market("two-products-capped")
    >>> curves = demand_curves(market, season_of(market))
    >>> terms = product_terms(market, curves)
    >>> -1e-4 < solve_prices(curves, terms).value - solve_program(curves, terms).value < 0.05
    True

    ```
    """
    problem = _SmoothedPrices(curves, terms)
    prices = problem.start()
    for stage, width in enumerate(SMOOTHING):
        if progress is not None:
            progress(stage, len(SMOOTHING) + 1)
        prices = minimize(
            problem.value_and_gradient,
            prices,
            args=(width,),
            jac=True,
            method="L-BFGS-B",
            bounds=problem.limits(),
            options={"maxiter": STEPS, "maxfun": 2 * STEPS, "ftol": 1e-8, "maxcor": 20},
        ).x
    if progress is not None:
        progress(len(SMOOTHING), len(SMOOTHING) + 1)
    return value_at(curves, terms, problem.demand_value(prices))


def value_at(curves: DemandCurves, terms: ProductTerms, demand_value: np.ndarray) -> FluidSolution:
    """The bound at given worths of a unit of demand, at the best price of a slot in every cell.

    Per cell the best price solves a fractional knapsack: pieces of exposure in order of what they earn.

    **Arguments:** `curves`, `terms`: of one market. `demand_value`: money per unit, 0 or more, shape `products`;
    any value gives a valid bound.

    At the duals of the linear program it is the program's optimum, elsewhere more:

    ```python
    >>> from intandem.market import example_market
    >>> from intandem.theory.bounds.curves import demand_curves, season_of
    >>> from intandem.theory.bounds.program import solve_program
    >>> from intandem.theory.bounds.supply import product_terms
    >>> market = example_market("two-products-capped")
    >>> curves = demand_curves(market, season_of(market))
    >>> terms = product_terms(market, curves)
    >>> found = solve_program(curves, terms)
    >>> abs(value_at(curves, terms, found.demand_value).value - found.value) < 1e-4
    True
    >>> value_at(curves, terms, terms.margin).value > found.value + 1
    True

    ```
    """
    value = float((demand_value * curves.total(curves.start)).sum() + _best_supply(curves, terms, demand_value).sum())
    price = np.zeros(curves.cells)
    for first in range(0, curves.cells, CELLS_AT_ONCE):
        here = slice(first, first + CELLS_AT_ONCE)
        worth = np.append(demand_value, 0.0)[curves.product[here]]
        rate = curves.slope[:, here] * worth - curves.exposure_cost[here]
        rate = np.maximum(np.moveaxis(rate, 0, 1).reshape(worth.shape[0], -1), 0.0)
        length = np.moveaxis(curves.length[:, here], 0, 1).reshape(rate.shape)
        order = np.argsort(-rate, axis=1)
        rate, length = np.take_along_axis(rate, order, 1), np.take_along_axis(length, order, 1)
        used = np.cumsum(length, 1)
        taken = np.clip(curves.slots - (used - length), 0.0, length)
        value += float((taken * rate).sum())
        marginal = np.minimum((used < curves.slots).sum(1), rate.shape[1] - 1)
        ended = used[:, -1] <= curves.slots
        price[here] = np.where(ended, 0.0, np.take_along_axis(rate, marginal[:, None], 1)[:, 0])
    return FluidSolution(
        value=value,
        demand_value=demand_value,
        supply_price=np.maximum(terms.margin - demand_value, 0.0),
        slot_price=price,
        exposure=None,
    )


def _supply_steps(curves: DemandCurves, terms: ProductTerms) -> tuple[np.ndarray, np.ndarray]:
    """Units that can be sold per period up to the demand there always is, and beyond it."""
    most = np.minimum(terms.cap, curves.total(curves.start + (curves.slope * curves.length).sum(0)))
    sure = np.minimum(terms.least_demand, most)
    return sure, most - sure


def _best_supply(curves: DemandCurves, terms: ProductTerms, demand_value: np.ndarray) -> np.ndarray:
    """The most each product earns if it pays `demand_value` for every unit of demand."""
    sure, rest = _supply_steps(curves, terms)
    penalty = terms.lost_sale_cost
    first = np.maximum(terms.margin + penalty - demand_value, 0.0)
    return -penalty * terms.least_demand + first * sure + np.maximum(terms.margin - demand_value, 0.0) * rest


class _SmoothedPrices:
    """The smoothed sum over scaled prices: worths of demand first, then prices of slots, each in [0, 1] or so."""

    def __init__(self, curves: DemandCurves, terms: ProductTerms) -> None:
        self.largest = terms.largest_value
        worth = curves.spread(self.largest)
        # One piece at a time: all of them at once would double the memory.
        best = np.max([(one * worth - curves.exposure_cost).max(1) for one in curves.slope], axis=0)
        self.scale = np.maximum(best, 1e-9)
        self.products = len(self.largest)
        self.slots = curves.slots
        self.constant = float(-(terms.lost_sale_cost * terms.least_demand).sum())
        self.first_demand = curves.total(curves.start)
        self.margin, self.penalty = terms.margin, terms.lost_sale_cost
        self.sure, self.rest = _supply_steps(curves, terms)
        self.product = jnp.asarray(curves.product)
        self.slope = jnp.asarray(curves.slope, jnp.float32)
        self.length = jnp.asarray(curves.length, jnp.float32)
        self.cost = jnp.asarray(curves.exposure_cost, jnp.float32)
        self.width_of_cells = jnp.asarray(self.scale, jnp.float32)

    def start(self) -> np.ndarray:
        """Full worth of demand, half of the best rate for a slot."""
        return np.concatenate([np.ones(self.products), np.full(len(self.scale), 0.5)])

    def limits(self) -> list[tuple[float, float]]:
        """No optimal price lies outside."""
        return [(0.0, 1.0)] * (self.products + len(self.scale))

    def demand_value(self, prices: np.ndarray) -> np.ndarray:
        """Worths of demand in money."""
        return np.asarray(prices[: self.products] * self.largest)

    def value_and_gradient(self, prices: np.ndarray, width: float) -> tuple[float, np.ndarray]:
        """The smoothed sum, scaled to about 1, and its gradient in the scaled prices."""
        worth, slot = self.demand_value(prices), prices[self.products :] * self.scale
        by_cell, demand, used = _pieces(
            jnp.asarray(np.append(worth, 0.0), jnp.float32),
            jnp.asarray(slot, jnp.float32),
            self.slope,
            self.length,
            self.cost,
            self.product,
            width * self.width_of_cells,
        )
        soft = width * np.maximum(self.largest, 1e-9)
        sold, supply = np.zeros(self.products), 0.0
        for gain, units in ((self.margin + self.penalty - worth, self.sure), (self.margin - worth, self.rest)):
            share = np.clip(gain / soft, 0.0, 1.0)
            supply += float((units * share * (gain - soft * share / 2)).sum())
            sold += units * share
        value = np.asarray(by_cell, np.float64).sum() + self.slots * slot.sum() + supply + self.constant
        value += float(worth @ self.first_demand)
        by_worth = (self.first_demand + np.asarray(demand, np.float64)[: self.products] - sold) * self.largest
        by_slot = (self.slots - np.asarray(used, np.float64)) * self.scale
        size = max(float(self.largest @ (self.sure + self.rest)), 1e-9)
        return float(value / size), np.concatenate([by_worth, by_slot]) / size


@jax.jit
def _pieces(
    worth: Float[Array, " products_and_none"],
    slot: Float[Array, " cells"],
    slope: Float[Array, "pieces cells width"],
    length: Float[Array, "pieces cells width"],
    cost: Float[Array, "cells width"],
    product: Int[Array, "cells width"],
    soft: Float[Array, " cells"],
) -> tuple[Float[Array, " cells"], Float[Array, " products_and_none"], Float[Array, " cells"]]:
    """Smoothed earnings and exposures used per cell, and demand made per product."""
    rate = worth[product] * slope - (cost + slot[:, None])
    share = jnp.clip(rate / soft[:, None], 0.0, 1.0)
    taken = share * length
    earned = (taken * (rate - 0.5 * soft[:, None] * share)).sum((0, 2))
    demand = jnp.zeros_like(worth).at[product].add((taken * slope).sum(0))
    return earned, demand, taken.sum((0, 2))
