"""The Lagrangian bound: a price on attention, and every product's own exact optimum at that price.

With price `lambda_i >= 0` on the exposures of row `i`, the slot budget is paid for and not imposed. What is left falls
apart into one dynamic program per product, and

    bound(lambda) = sum over products of their optima at lambda  +  sum over rows of lambda_i * slots

is at least what any policy earns, for every `lambda`; the least of them over `lambda` is returned (Hawkins 2003,
A Lagrangian decomposition approach to weakly coupled dynamic optimization problems). The proof is in
`docs/explanation/bounds.md`.

Intensities may take any value between 0 and 1, and a program has a grid of them: what lies between two grid points
can earn more than both by at most an eighth of the squared step times the curvature in exposure, which is bounded from
the values found and added. Where intentions carry over that curvature is not known: the bound then holds for exposures
on the levels of the `solve` settings, and for the interpolated intentions that `intandem solve` uses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import jax.numpy as jnp
import numpy as np
from scipy.optimize import minimize, minimize_scalar

from intandem.errors import InputError
from intandem.market import Market, SolveSettings, build_market
from intandem.market.build import PRODUCT_DEFAULTS
from intandem.theory.dynamic_program import Layout, Program, double_precision, solve_program
from intandem.theory.grid import Grid, grid_of, places
from intandem.theory.transitions import program_of

STEPS = {1: 64, 2: 16, 3: 6}
"""Steps of the exposure grid between 0 and 1, by the number of rows that can be shown a product."""

MOST_PRODUCTS = 12

PRODUCT_FIELDS = ("price", "unit_cost", "holding_cost", "salvage", "regular_price", "initial_stock", *PRODUCT_DEFAULTS)
"""What a market says of a product by itself, habit apart."""


@dataclass(frozen=True)
class Lagrangian:
    """The bound's `value` (money; proved), the `attention_price` it is taken at (money per exposure and period of each
    row), how much of it is `slack` for intensities between grid points, and whether it holds for exposures on the
    `solve` settings' levels only."""

    value: float
    attention_price: np.ndarray
    slack: float
    levels_only: bool


def why_no_lagrangian(market: Market) -> str:
    """Why this bound is not computed for a market; empty if it is."""
    if market.choice != "independent" and market.products > 1:
        return "not for choices among several products"
    if market.products > MOST_PRODUCTS or market.rows > max(STEPS):
        return f"not for more than {MOST_PRODUCTS} products or {max(STEPS)} customer rows"
    try:
        for product in range(market.products):
            grid_of(product_market(market, product))
    except InputError as error:
        return f"a product alone {error.problem}"
    return ""


def product_market(market: Market, product: int) -> Market:
    """The market of one product by itself, with a slot for it in every row, on a fine grid of intensities."""
    at = places(market)
    rows = np.arange(market.rows)
    has = (at == product).any(1)
    place = (at == product).argmax(1)
    settings = SolveSettings() if market.solve is None else market.solve
    if not market.traits.has_intention and market.exposure == "intensity":
        steps = STEPS[int(has.sum())] if has.any() else 1
        settings = replace(settings, exposure_levels=tuple(np.linspace(0, 1, steps + 1)))
    return build_market(
        {name: np.asarray(getattr(market, name), float)[[product]] for name in PRODUCT_FIELDS},
        np.asarray(market.base_utility, float)[rows, place][:, None],
        np.asarray(market.exposure_effect, float)[rows, place][:, None],
        candidates=None if has.all() else np.where(has, 0, 1)[:, None],
        population=np.asarray(market.population, float),
        visit_probability=np.asarray(market.visit_probability, float),
        season=None if market.season is None else np.asarray(market.season, float)[:, [product]],
        persistence=float(market.persistence),
        carry_over=float(market.carry_over),
        habit=float(market.habit[product]),
        discount=float(market.discount),
        name=f"{market.name}, {market.labels.product_ids[product]} alone",
        choice="independent",
        exposure=market.exposure,
        exposure_slots=1,
        unmet_demand=market.unmet_demand,
        solve=settings,
    )


def lagrangian_bound(market: Market, start: np.ndarray | None = None) -> Lagrangian:
    """The least of the bounds over prices of attention.

    **Arguments:** `start`: prices to start from, money per exposure and period of each row; any will do.

    **Raises:** `InputError` for a market in which a product alone is too large to solve.

    ```python
    >>> from intandem.market import example_market
    >>> bound = lagrangian_bound(example_market("two-products-capped"))
    >>> 42.32056 < bound.value < 42.9
    True

    ```
    """
    products = [_Product.of(product_market(market, product)) for product in range(market.products)]
    horizon = 1 / (1 - float(market.discount)) if float(market.discount) < 1 else 1.0
    slots = np.minimum(market.exposure_slots, np.asarray(market.pairs.valid()).sum(1)) * horizon

    def bound(price: np.ndarray, tolerance: float = 1e-5) -> float:
        return sum(one.optimum(price, tolerance)[0] for one in products) + float(slots @ price)

    price = _least(bound, market.rows, np.zeros(market.rows) if start is None else start)
    found = [one.optimum(price, 1e-8) for one in products]
    slack = horizon * sum(one.slack(values) for one, (_, values) in zip(products, found, strict=True))
    value = sum(upper for upper, _ in found) + float(slots @ price) + slack
    return Lagrangian(value, price, slack, market.traits.has_intention and market.exposure == "intensity")


def _least(bound: Callable[[np.ndarray], float], rows: int, start: np.ndarray) -> np.ndarray:
    """Prices at which a convex function of them is about least."""
    if rows == 1:
        high = 2 * float(start[0]) + 1.0
        while bound(np.array([2 * high])) < bound(np.array([high])):
            high *= 2
        found = minimize_scalar(
            lambda price: bound(np.array([price])),
            bounds=(0.0, 2 * high),
            method="bounded",
            options={"xatol": 2e-3 * high},
        ).x
        # A price of 0 is often the best, and the search does not look at the ends of its interval.
        return min((np.zeros(1), np.array([found])), key=bound)
    search = minimize(
        lambda price: bound(np.maximum(price, 0.0)),
        start,
        method="Nelder-Mead",
        options={"maxfev": 40 * rows, "xatol": 2e-3, "fatol": 1e-4},
    )
    return np.maximum(search.x, 0.0)


@dataclass(frozen=True)
class _Product:
    """One product's dynamic program, whose exposures can be priced."""

    market: Market
    grid: Grid
    layout: Layout
    program: Program
    shown: np.ndarray

    @staticmethod
    def of(market: Market) -> _Product:
        grid = grid_of(market)
        program, moves = program_of(market, grid)
        return _Product(market, grid, grid.layout, program, moves[0].exposures[:, :, 0])

    def optimum(self, price: np.ndarray, tolerance: float) -> tuple[float, np.ndarray]:
        """A proved upper bound on what the product earns at prices of attention, and its values."""
        with double_precision():
            paid = jnp.asarray(self.shown @ price)[None, :, None]
            priced = replace(self.program, rewards=(self.program.rewards[0] - paid,))
        solved = solve_program(self.layout, priced, tolerance=tolerance)
        if float(self.market.discount) == 1:
            return solved.upper, solved.values
        stock = self.grid.stocks[0]
        opening = int(np.clip(round(float(self.market.initial_stock[0])), stock.low, stock.high)) - stock.low
        return float(solved.values[0].reshape(stock.size, -1)[opening, 0]) + solved.upper, solved.values

    def slack(self, values: np.ndarray) -> float:
        """How much more than on the grid an intensity between its points can earn in a period."""
        market = self.market
        if market.exposure == "slate" or market.traits.has_intention:
            return 0.0
        step = 1 / STEPS[max(int((self.shown.max(0) > 0).sum()), 1)]
        first, second = self._differences(values)
        effect = np.abs(np.asarray(market.exposure_effect, float)[:, 0])
        people = np.asarray(market.population, float)
        visits = np.asarray(market.visit_probability, float)
        # Of sigmoid: its slope is at most 1/4 and its curvature at most 1/(6 sqrt 3).
        slope, bend = effect / 4, effect**2 / (6 * np.sqrt(3))
        curvature = (slope * visits) ** 2 * people * (people - 1) * second + bend * visits * people * first
        return float((step**2 / 8 * curvature).sum())

    def _differences(self, values: np.ndarray) -> tuple[float, float]:
        """Largest first and second difference, in units asked for, of what a period earns and leaves."""
        market, stock = self.market, self.grid.stocks[0]
        asked = np.arange(int(float(market.population.sum())) + 1)
        level = stock.levels[:, None]
        left = np.maximum(level - asked, stock.low)
        price, discount = float(market.price[0]), float(market.discount)
        lost = np.maximum(asked - level, 0) * (market.unmet_demand == "lost")
        money = price * (level - left) - (price * (1 - discount) + float(market.backorder_cost[0])) * np.maximum(
            -left, 0
        )
        money = money - float(market.holding_cost[0]) * np.maximum(left, 0) - float(market.lost_sale_cost[0]) * lost
        first = second = 0.0
        for value in values:
            ahead = value.reshape(stock.size, -1)
            # What arrives with the stock that is left: every order, on every state of the pipeline.
            for order in stock.orders if stock.lead_time else (0,):
                after = ahead[np.minimum(left + order, stock.high) - stock.low]
                whole = money[:, :, None] + discount * after
                first = max(first, float(np.abs(np.diff(whole, axis=1)).max(initial=0.0)))
                second = max(second, float(np.abs(np.diff(whole, 2, axis=1)).max(initial=0.0)))
        return first, second
