"""The Lagrangian bound: a price on slots, and every product's own exact optimum at that price.

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

from intandem.display import Displayed
from intandem.errors import InputError
from intandem.market import Market, build_market
from intandem.market.rules.keys import PRODUCT_DEFAULTS
from intandem.market.supply import order_range
from intandem.theory.intertemporal.dynamic_program import one_step, solve_program
from intandem.theory.intertemporal.grid import NEGLIGIBLE, Grid, grid_of, highest_demand, places, stock_caps
from intandem.theory.intertemporal.layout import Layout, Program, double_precision
from intandem.theory.intertemporal.transitions import program_of
from intandem.theory.scope import SEVERAL_UNITS

STEPS = {1: 64, 2: 16, 3: 6}
"""Steps of the exposure grid between 0 and 1, by the number of rows that can be shown a product."""

MOST_PRODUCTS = 12

DOUBLINGS = 3
"""Times that a product's stock cap is doubled to make room for stock that is worth keeping."""

WIDEST = 512
"""Stock levels of one product, those beyond its cap included: their kernels take the third power of it in memory."""

PRODUCT_FIELDS = ("price", "unit_cost", "holding_cost", "salvage", "regular_price", "initial_stock", *PRODUCT_DEFAULTS)
"""What a market says of a product by itself, habit apart."""


@dataclass(frozen=True, repr=False)
class Lagrangian(Displayed):
    """The bound's `value` (money; proved), the `slot_price` it is taken at (money per exposure and period of each
    row), how much of it is `slack` for intensities between grid points, and whether it holds for the `solve` settings'
    exposure levels and interpolated intentions only."""

    value: float
    slot_price: np.ndarray
    slack: float
    levels_only: bool


def why_no_lagrangian(market: Market) -> str:
    """Why this bound is not computed for a market; empty if it is.

    ```python
    >>> from intandem.market import example_market
    >>> from intandem.theory.random_markets import KINDS, random_market
    >>> why_no_lagrangian(example_market("two-products-capped")), why_no_lagrangian(random_market(KINDS["choice"], 0))
    ('', 'not for choices among several products')

    ```
    """
    if not market.traits.single_units:
        return SEVERAL_UNITS
    if market.choice != "independent" and market.products > 1:
        return "not for choices among several products"
    if market.choice != "independent" and market.substitution:
        return "not where what is out of stock is not asked for"
    if market.unmet_demand == "backordered" and bool((market.price < market.unit_cost).any()):
        return "not where customers wait for what is sold below its cost"
    if market.products > MOST_PRODUCTS or market.rows > max(STEPS):
        return f"not for more than {MOST_PRODUCTS} products or {max(STEPS)} customer rows"
    return ""


def product_market(market: Market, product: int) -> Market:
    """The market of one product by itself, with a slot for it in every row, on a fine grid of intensities.

    The grid has `STEPS` by the number of rows that can be shown the product; a slate, and a market with intentions,
    keeps its own levels.

    **Arguments:** `product`: its index.

    ```python
    >>> from intandem.market import example_market
    >>> alone = product_market(example_market("two-products-capped"), 1)
    >>> alone.products, alone.rows, float(alone.price[0]), len(alone.solve.exposure_levels)
    (1, 1, 10.0, 65)

    ```
    """
    at = places(market)
    rows = np.arange(market.rows)
    has = (at == product).any(1)
    place = (at == product).argmax(1)
    settings = market.solve_settings
    multiple = float(market.order_multiple[product])
    backlog = settings.backlog_cap
    settings = replace(
        settings,
        stock_cap=_room_for_orders(market, product),
        # The largest order from the deepest backlog fills the shelf as well.
        backlog_cap=None if backlog is None else int(np.ceil(backlog / multiple) * multiple),
    )
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


def _room_for_orders(market: Market, product: int) -> int:
    """A stock cap that holds twice the smallest order, in whole multiples: orders beyond it gain nothing more."""
    stated = market.solve_settings.stock_cap
    stock_cap = stock_caps(market)[product] if stated is None else stated
    multiple = float(market.order_multiple[product])
    smallest, largest = (float(limit[product]) for limit in order_range(market))
    if largest == 0:
        return stock_cap
    return int(np.ceil(max(stock_cap, 2 * smallest) / multiple) * multiple)


def lagrangian_bound(market: Market, start: np.ndarray | None = None) -> Lagrangian:
    """The least of the bounds over prices of slots.

    **Arguments:** `start`: prices to start from, money per exposure and period of each row; any will do.

    **Raises:** `InputError` for a market in which a product alone is too large to solve; with demand that waits, and a
    lead time above 1 or orders in lots, also without a largest order that the grid holds.

    ```python
    >>> from intandem.market import example_market
    >>> bound = lagrangian_bound(example_market("two-products-capped"))
    >>> 42.32056 < bound.value < 42.9
    True

    ```
    """
    asked = highest_demand(market)
    # What nobody asks for earns no more than its revenue, whatever is done with it.
    idle = asked < NEGLIGIBLE
    products = [_Product.of(product_market(market, int(product))) for product in np.flatnonzero(~idle)]
    horizon = 1 / (1 - float(market.discount)) if float(market.discount) < 1 else 1.0
    slots = np.minimum(market.exposure_slots, np.asarray(market.pairs.valid()).sum(1)) * horizon

    def about(price: np.ndarray) -> float:
        return sum(one.earns(price) for one in products) + float(slots @ price)

    price = _least(about, market.rows, np.zeros(market.rows) if start is None else start)
    found = [_with_room(one, price) for one in products]
    value = sum(upper for upper, _ in found) + float(slots @ price)
    value += horizon * float((asked * np.asarray(market.price, float))[idle].sum())
    slack = sum((slack for _, slack in found), start=0.0)
    return Lagrangian(value, price, slack, market.traits.has_intention)


def _with_room(product: _Product, price: np.ndarray) -> tuple[float, float]:
    """The product's bound and slack, its cap doubled as long as stock beyond it is worth more than it costs."""
    bound, slack, excess = product.optimum(price)
    for _ in range(DOUBLINGS):
        if excess <= 1e-3 * max(abs(bound), 1e-9):
            break
        cap = 2 * product.grid.stocks[0].high
        settings = replace(product.market.solve_settings, stock_cap=cap)
        try:
            product = _Product.of(replace(product.market, solve=settings))
        except InputError:
            break
        wider = product.optimum(price)
        if wider[0] < bound:
            bound, slack, excess = wider
    return bound, slack


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
    """One product's dynamic program, whose exposures can be priced, and the same with room beyond its caps.

    The first gives stock above its cap back for what it costs (and serves what exceeds the largest backlog by a
    purchase at that cost), which a policy cannot. The second is as the market is. Its values are those of the first,
    continued in straight lines of that slope, and are not optimised: `max (TV - V)` bounds the average whatever `V` is.
    """

    market: Market
    grid: Grid
    layout: Layout
    program: Program
    wide_grid: Grid
    wide: Program
    shown: np.ndarray

    @staticmethod
    def of(market: Market) -> _Product:
        grid = grid_of(market)
        program, moves = program_of(market, grid, relaxed=True)
        stock = grid.stocks[0]
        limit, multiple = float(order_range(market)[1][0]), float(market.order_multiple[0])
        if market.unmet_demand == "backordered" and limit > max(stock.orders) and (stock.lead_time > 1 or multiple > 1):
            # From a backlog deeper than the grid's a larger order could gain what is not looked at.
            problem = "waiting demand, and orders of more than stock_cap and backlog_cap together"
            raise InputError(market.name, problem, f"give a max_order of {max(stock.orders)} or less")
        room = int(float(market.population.sum())) + 1 + max(stock.orders)
        low = stock.low - 2 * room if market.unmet_demand == "backordered" else stock.low
        wide_grid = replace(grid, stocks=(replace(stock, low=low, high=stock.high + 2 * room),))
        levels = wide_grid.stocks[0].size
        if levels > WIDEST:
            problem = f"{levels:,} stock levels, with those beyond the cap, are too many for this bound"
            raise InputError(market.name, problem, "give a lower stock_cap in [solve]")
        wide, _ = program_of(market, wide_grid)
        return _Product(market, grid, grid.layout, program, wide_grid, wide, moves[0].exposures[:, :, 0])

    @property
    def room(self) -> int:
        """Stock levels beyond the cap at which the continued values are looked at: more than a period can move stock.
        As many again are there to be reached from them."""
        return (self.wide_grid.stocks[0].high - self.grid.stocks[0].high) // 2

    def _priced(self, program: Program, price: np.ndarray) -> Program:
        with double_precision():
            paid = jnp.asarray(self.shown @ price)[None, :, None]
            return replace(program, rewards=(program.rewards[0] - paid,))

    def earns(self, price: np.ndarray) -> float:
        """About what the product earns at prices of slots, per period or discounted."""
        solved = solve_program(self.layout, self._priced(self.program, price), tolerance=1e-5)
        return solved.profit + (self._opening(solved.values) if float(self.market.discount) < 1 else 0.0)

    def optimum(self, price: np.ndarray) -> tuple[float, float, float]:
        """A proved upper bound on what the product earns at prices of slots, how much of it is slack for
        intensities between grid points, and by how much states beyond the cap raise it."""
        solved = solve_program(self.layout, self._priced(self.program, price), tolerance=1e-8)
        values = self._continued(solved.values)
        found = one_step(self.wide_grid.layout, self._priced(self.wide, price), values)
        most = (found - values)[:, self._inside()].reshape(len(values), -1).max(1)
        slack = self.slack(values)
        if float(self.market.discount) == 1:
            return float(most.mean()) + slack, slack, float(most.mean()) - solved.upper
        waiting = 1 / (1 - float(self.market.discount))
        excess = waiting * float(most.max())
        return self._opening(solved.values) + excess + waiting * slack, waiting * slack, excess

    def _opening(self, values: np.ndarray) -> float:
        units = float(self.market.initial_stock[0])
        wide = self.wide_grid.stocks[0]
        resting = [int(np.abs(np.array(one.points)).argmin()) for one in self.grid.intentions]
        index = int(min(round(units), wide.high)) - wide.low
        at = (0, index, *resting, *[0] * (values.ndim - 2 - len(resting)))
        return float(self._continued(values)[at]) + max(units - wide.high, 0.0) * float(self.market.unit_cost[0])

    def _continued(self, values: np.ndarray) -> np.ndarray:
        """Values over the wide stock grid."""
        stock, wide, cost = self.grid.stocks[0], self.wide_grid.stocks[0], float(self.market.unit_cost[0])
        step = [-1] + [1] * (values.ndim - 2)
        above = values[:, -1:] + cost * np.arange(1, wide.high - stock.high + 1).reshape(step)
        below = values[:, :1] - cost * np.arange(stock.low - wide.low, 0, -1).reshape(step)
        return np.concatenate([below, values, above], axis=1)

    def slack(self, values: np.ndarray) -> float:
        """How much more than on the grid an intensity between its points can earn in a period."""
        market = self.market
        if market.exposure == "slate" or market.traits.has_intention:
            return 0.0
        step = float(np.diff(market.solve_settings.exposure_levels).max())
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
        market, stock = self.market, self.wide_grid.stocks[0]
        asked = np.arange(int(float(market.population.sum())) + 1)
        level = stock.levels[:, None]
        left = np.maximum(level - asked, stock.low if stock.low < 0 else 0)
        price, discount = float(market.price[0]), float(market.discount)
        lost = np.maximum(asked - level, 0) * (market.unmet_demand == "lost")
        late = price * (1 - discount) + float(market.backorder_cost[0])
        money = price * (level - left) - late * np.maximum(-left, 0)
        money = money - float(market.holding_cost[0]) * np.maximum(left, 0) - float(market.lost_sale_cost[0]) * lost
        # States that are looked at, and those that they reach.
        money, left = money[self._inside()], left[self._inside()]
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

    def _inside(self) -> slice:
        stock, wide = self.grid.stocks[0], self.wide_grid.stocks[0]
        return slice(self.room if wide.low < stock.low else 0, wide.size - self.room)
