"""From a market and its grid to the dynamic program: chances of demand, and where stock and intention go.

Chances of purchase come from the market's own choice model, in double precision, so that solver and simulator cannot
disagree about it. Demand is the exact sum over customer rows of binomial (or multinomial) counts.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from scipy import stats

from intandem.display import Displayed
from intandem.market import Market
from intandem.theory.intertemporal.demand_chances import (
    chances_of_products,
    demand_chances,
    purchase_chances,
    visitor_counts,
)
from intandem.theory.intertemporal.grid import Grid, IntentionGrid, StockGrid, places
from intandem.theory.intertemporal.layout import Factor, Layout, Program, double_precision


@dataclass(frozen=True, repr=False)
class FactorMoves(Displayed):
    """How one factor moves: axes are positions, its own exposures, local states (stocks, then intentions).

    - `kernel`: chances of the local state after demand. `demand`: mean units asked for, with a last axis of products.
    - `exposures`: its exposure tables. `local`: which of them each joint exposure means.
    """

    kernel: Float[np.ndarray, "positions exposures states following"]
    demand: Float[np.ndarray, "positions exposures states products"]
    exposures: Float[np.ndarray, "exposures rows width"]
    local: np.ndarray


def program_of(
    market: Market, grid: Grid, *, unlimited: bool = False, relaxed: bool = False
) -> tuple[Program, tuple[FactorMoves, ...]]:
    """The dynamic program of a market on a grid, and how its factors move.

    Money is expected money of a period; see `Program`, and `dynamic_program` for the equation solved.

    **Arguments:** `unlimited`: the world of a recommendation that knows no stock: every unit asked for is served, and
    money is the gross margin of demand, net of exposure cost. The grid must then have one stock level per product.
    `relaxed`: a unit beyond the stock cap is given back for its unit cost, and a unit that the backlog has no room for
    is bought for its unit cost and served at once; else both are lost.

    One person buys with a chance of 1/2 at a price of 4, if there is a unit:

    ```python
    >>> from intandem.market import SolveSettings, build_market
    >>> from intandem.theory.intertemporal.grid import grid_of
    >>> none, one = np.zeros(1), np.ones(1)
    >>> product = {"price": 4 * one, "unit_cost": one, "holding_cost": none, "lead_time": none}
    >>> market = build_market(product, np.zeros((1, 1)), np.zeros((1, 1)), solve=SolveSettings(1, 1, (0.0,)))
    >>> program, moves = program_of(market, grid_of(market))
    >>> moves[0].kernel[0, 0].round(6).tolist(), np.asarray(program.rewards[0][0, 0]).round(6)
    ([[1.0, 0.0], [0.5, 0.5]], array([0., 2.]))

    ```
    """
    moves = tuple(_factor_moves(market, grid, factor, unlimited) for factor in grid.factors)
    rewards = [
        _margins(market, grid, factor, move) if unlimited else _rewards(market, grid, factor, move, relaxed)
        for factor, move in zip(grid.factors, moves, strict=True)
    ]
    with double_precision():
        program = Program(
            arrival=tuple(jnp.asarray(arrivals(one)) for one in grid.stocks),
            returned=tuple(jnp.asarray(_returned(market, j, one) * relaxed) for j, one in enumerate(grid.stocks)),
            order_cost=tuple(jnp.asarray(_order_cost(market, j, one)) for j, one in enumerate(grid.stocks)),
            kernels=tuple(jnp.asarray(move.kernel) for move in moves),
            rewards=tuple(jnp.asarray(reward) for reward in rewards),
            local=jnp.asarray(np.stack([move.local for move in moves], axis=1)),
            discount=jnp.asarray(np.float64(market.discount)),
        )
    return program, moves


def single_product(
    stock: StockGrid,
    kernels: Float[np.ndarray, "exposures stock following"],
    rewards: Float[np.ndarray, "exposures stock"],
    order_cost: Float[np.ndarray, " orders"],
    *,
    discount: float = 1.0,
    arrival: np.ndarray | None = None,
) -> tuple[Layout, Program]:
    """The dynamic program of one product without intentions, from its numbers.

    **Arguments:** `kernels`: chances of the stock after demand. `rewards`: expected money of the period, orders left
    out. `order_cost`: money by order. `arrival`: the index of the stock when an order joins it, if not by whole units.

    Demand of 0 or 1 with equal chances, price 4, cost 1, as in `solve_program`:

    ```python
    >>> from intandem.theory.intertemporal.dynamic_program import solve_program
    >>> kernel = np.array([[[1.0, 0.0], [0.5, 0.5]]])
    >>> newsvendor = single_product(StockGrid(0, 1, (0, 1), 0), kernel, np.array([[0.0, 2.0]]), np.array([0.0, 1.0]))
    >>> round(solve_program(*newsvendor).profit, 6)
    1.5

    ```
    """
    joined = arrivals(stock) if arrival is None else arrival
    layout = Layout((stock.size,), (len(stock.orders),), (stock.lead_time,), (), (Factor((0,), ()),), 1)
    with double_precision():
        program = Program(
            arrival=(jnp.asarray(joined),),
            returned=(jnp.zeros(joined.shape),),
            order_cost=(jnp.asarray(order_cost, float),),
            kernels=(jnp.asarray(kernels[None]),),
            rewards=(jnp.asarray(rewards[None]),),
            local=jnp.arange(len(kernels))[:, None],
            discount=jnp.asarray(discount, float),
        )
    return layout, program


def arrivals(stock: StockGrid) -> np.ndarray:
    """The index of the stock level when an order joins it, at most the cap: `stock orders`.

    Stock of 0 to 2 units, orders of 0 and 1:

    ```python
    >>> arrivals(StockGrid(0, 2, (0, 1), 1)).tolist()
    [[0, 1], [1, 2], [2, 2]]

    ```
    """
    joined = stock.levels[:, None] + np.array(stock.orders)[None, :]
    return np.minimum(joined, stock.high) - stock.low


def _returned(market: Market, product: int, stock: StockGrid) -> np.ndarray:
    """What units beyond the cap cost when they were bought."""
    return float(market.unit_cost[product]) * np.maximum(
        stock.levels[:, None] + np.array(stock.orders) - stock.high, 0.0
    )


def _order_cost(market: Market, product: int, stock: StockGrid) -> np.ndarray:
    units = np.array(stock.orders, float)
    return float(market.unit_cost[product]) * units + float(market.fixed_order_cost[product]) * (units > 0)


def _factor_moves(market: Market, grid: Grid, factor: Factor, unlimited: bool) -> FactorMoves:
    exposures, local = grid.local_exposures(factor, places(market))
    pairs = [grid.intentions[k] for k in factor.pairs]
    stocks = [grid.stocks[j] for j in factor.products]
    points = _combinations([np.array(pair.points) for pair in pairs])
    patterns = _patterns(market, factor, unlimited)
    chances = _chances(market, grid.positions, exposures, pairs, points, patterns)
    if market.traits.has_intention and (market.traits.habitual or not market.traits.always_visit):
        mean, kernel = _with_random_intentions(
            market, factor, stocks, pairs, points, patterns, exposures, chances, unlimited
        )
    else:
        mean, kernel = _with_sure_intentions(market, factor, stocks, pairs, points, patterns, exposures, chances)
    return FactorMoves(kernel, mean, exposures, local)


def _combinations(axes: list[np.ndarray]) -> np.ndarray:
    """Every combination of points, the last axis fastest: `combinations axes`."""
    return np.array(list(itertools.product(*axes)), float).reshape(-1 if axes else 1, len(axes))


def _patterns(market: Market, factor: Factor, unlimited: bool) -> np.ndarray:
    """Which products may be in stock, as far as it changes choices: `patterns products`."""
    if not market.substitution or unlimited:
        return np.ones((1, market.products))
    return np.array(list(itertools.product((0.0, 1.0), repeat=market.products)))


def _chances(
    market: Market,
    positions: int,
    exposures: np.ndarray,
    pairs: list[IntentionGrid],
    points: np.ndarray,
    patterns: np.ndarray,
) -> Float[np.ndarray, "positions exposures points patterns rows width"]:
    shape = (positions, len(exposures), len(points), len(patterns))
    t, a, h, s = (axis.ravel() for axis in np.indices(shape))
    intention = np.zeros((len(t), *exposures.shape[1:]))
    for k, pair in enumerate(pairs):
        intention[:, pair.row, pair.place] = points[h, k]
    found = purchase_chances(market, t, intention, exposures[a], patterns[s])
    return found.reshape(*shape, *exposures.shape[1:])


def _with_sure_intentions(
    market: Market,
    factor: Factor,
    stocks: list[StockGrid],
    pairs: list[IntentionGrid],
    points: np.ndarray,
    patterns: np.ndarray,
    exposures: np.ndarray,
    chances: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Mean demand and kernel where intentions move as exposures say, whoever buys."""
    bought = chances_of_products(market, factor, chances)
    people = np.asarray(market.population, float)
    visiting = np.asarray(market.visit_probability, float)
    mean = np.einsum("...rj,r->...j", bought, people * visiting)
    sizes = tuple(one.size for one in stocks)
    counts = demand_chances(market, bought, people, visiting, sizes)
    leftovers = [leftover(one) for one in stocks]
    in_stock = _pattern_of_stock(factor, stocks, patterns)
    letters = "uvw"[: len(stocks)]
    spelled = ",".join(f"{y}{d}{e}" for y, d, e in zip("abc", letters, "xyz", strict=False))
    before, after = "abc"[: len(stocks)], "xyz"[: len(stocks)]
    size = int(np.prod(sizes))
    moved = np.zeros((*counts.shape[:3], size, size))
    for s in range(len(patterns)):
        each = np.einsum(f"...{letters},{spelled}->...{before}{after}", counts[:, :, :, s], *leftovers, optimize=True)
        rows = in_stock == s
        moved[:, :, :, rows] = each.reshape(*counts.shape[:3], size, size)[:, :, :, rows]
    onward = np.stack([_next_weights(market, pairs, points, shown)[:, 0] for shown in exposures])
    kernel = np.einsum("tahye,ahk->tayhek", moved, onward)
    states = size * len(points)
    means = mean[:, :, :, in_stock].transpose(0, 1, 3, 2, 4)
    shape = kernel.shape[:2]
    return means.reshape(*shape, states, -1), kernel.reshape(*shape, states, states)


def _pattern_of_stock(factor: Factor, stocks: list[StockGrid], patterns: np.ndarray) -> np.ndarray:
    """The pattern that applies at every combination of stock levels."""
    combos = _combinations([one.levels for one in stocks])
    if len(patterns) == 1:
        return np.zeros(len(combos), int)
    wanted = (combos > 0)[:, None, :] == (patterns[None][:, :, list(factor.products)] > 0)
    return wanted.all(-1).argmax(1)


def leftover(stock: StockGrid) -> np.ndarray:
    """1 where `d` units asked for take level `y` to `e`: `levels demands levels`; the last demand is "or more".

    It is `e = max(y - d, 0)`, levels counted from the grid's lowest.

    Stock of 0 or 1, demand of 0 or more than that:

    ```python
    >>> leftover(StockGrid(0, 1, (0, 1), 1)).tolist()
    [[[1.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [1.0, 0.0]]]

    ```
    """
    found = np.zeros((stock.size, stock.size, stock.size))
    for y in range(stock.size):
        for d in range(stock.size):
            found[y, d, max(y - d, 0)] = 1.0
    return found


def _weights(points: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Linear interpolation: the weight of every grid point for every value, `*values points`."""
    inside = np.clip(value, points[0], points[-1])
    step = points[1] - points[0]
    return np.maximum(1 - np.abs(inside[..., None] - points) / step, 0.0)


def _next_weights(
    market: Market,
    pairs: list[IntentionGrid],
    points: np.ndarray,
    shown: np.ndarray,
    reached: np.ndarray | float = 1.0,
    bought: np.ndarray | None = None,
) -> np.ndarray:
    """Weights of next period's intentions on their grids, as `market.demand.next_intention` moves them.

    **Arguments:** `points`: combinations of intentions, `points pairs`. `shown`: an exposure table. `reached`: visitors
    over population, by outcome. `bought`: units served over population, `outcomes pairs`; `None`: no habit counts.
    **Returns** shape `points outcomes points`.
    """
    outcomes = np.atleast_1d(reached)
    weights = np.ones((len(points), len(outcomes), 1))
    for k, pair in enumerate(pairs):
        push = float(market.carry_over) * float(market.exposure_effect[pair.row, pair.place])
        moved = points[:, k, None] + push * shown[pair.row, pair.place] * outcomes
        following = float(market.persistence) * moved
        if bought is not None:
            following = following + float(market.habit[pair.product]) * bought[:, k]
        each = _weights(np.array(pair.points), following)
        weights = (weights[..., :, None] * each[..., None, :]).reshape(len(points), len(outcomes), -1)
    return weights


def _with_random_intentions(
    market: Market,
    factor: Factor,
    stocks: list[StockGrid],
    pairs: list[IntentionGrid],
    points: np.ndarray,
    patterns: np.ndarray,
    exposures: np.ndarray,
    chances: np.ndarray,
    unlimited: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Mean demand and kernel where visits or purchases of the one customer row move its intentions."""
    bought = chances_of_products(market, factor, chances)[..., 0, :]
    population, visiting = int(market.population[0]), float(market.visit_probability[0])
    visits = stats.binom.pmf(np.arange(population + 1), population, visiting)
    likely = [v for v in range(population + 1) if visits[v] > 0]
    counts = np.stack([visits[v] * visitor_counts(market, bought, v, population + 1) for v in likely], axis=4)
    counts = counts.reshape(*bought.shape[:-1], -1)
    outcome = np.array([(v, *asked) for v in likely for asked in np.ndindex(*[population + 1] * len(stocks))])
    visitors, asked = outcome[:, 0], outcome[:, 1:]
    kept = counts.reshape(-1, len(outcome)).max(0) > 0
    counts, visitors, asked = counts[..., kept], visitors[kept], asked[kept]

    combos = _combinations([one.levels for one in stocks])
    in_stock = _pattern_of_stock(factor, stocks, patterns)
    lows = np.array([one.low for one in stocks])
    own = [factor.products.index(pair.product) for pair in pairs]
    sizes = tuple(one.size for one in stocks)
    shape = (chances.shape[0], chances.shape[1], len(combos), len(points))
    kernel = np.zeros((*shape, len(combos), len(points)))
    for y, level in enumerate(combos):
        served = asked if unlimited else np.minimum(asked, np.maximum(level, 0))
        left = np.broadcast_to(level, asked.shape) if unlimited else np.maximum(level - asked, lows)
        end = np.ravel_multi_index(tuple((left - lows).astype(int).T), sizes)
        for a, shown in enumerate(exposures):
            onward = _next_weights(market, pairs, points, shown, visitors / population, served[:, own] / population)
            for t in range(shape[0]):
                moved = counts[t, a, :, in_stock[y], :, None] * onward
                # Outcomes that leave the same stock add up: a sum over outcomes by their end.
                kernel[t, a, y] += np.einsum("hkg,ke->heg", moved, end[:, None] == np.arange(len(combos)))
    states = len(combos) * len(points)
    mean = population * visiting * bought[:, :, :, in_stock].transpose(0, 1, 3, 2, 4)
    return mean.reshape(*shape[:2], states, -1), kernel.reshape(*shape[:2], states, states)


def _exposure_cost(market: Market, factor: Factor, exposures: np.ndarray) -> np.ndarray:
    """Expected cost of the factor's exposures, by its exposure table."""
    at = places(market)
    people = np.asarray(market.population * market.visit_probability, float)
    cost = np.zeros(len(exposures))
    for j in factor.products:
        row, place = np.nonzero(at == j)
        cost += float(market.exposure_cost[j]) * (exposures[:, row, place] * people[row]).sum(1)
    return cost


def _rewards(market: Market, grid: Grid, factor: Factor, move: FactorMoves, relaxed: bool) -> np.ndarray:
    """Expected money of the period by local state, orders left out.

    With backorders revenue is booked when a unit is asked for, less what its payment loses in worth while it is owed:
    `price x (demand - (1 - discount) x backlog)`. Discounted sums are the same as when it is booked at service.
    """
    levels = local_levels(grid, factor)
    money = np.zeros(move.demand.shape[:3]) - _exposure_cost(market, factor, move.exposures)[None, :, None]
    waiting = 1 - float(market.discount)
    for f, j in enumerate(factor.products):
        end = levels[f].astype(float)
        left, owed = move.kernel @ np.maximum(end, 0), move.kernel @ np.maximum(-end, 0)
        taken = end - (left - owed)
        lost = move.demand[..., f] - taken if market.unmet_demand == "lost" else 0.0
        price = float(market.price[j])
        money = money + price * (taken - waiting * owed) - float(market.holding_cost[j]) * left
        if relaxed and market.unmet_demand == "backordered":
            money = money + (price - float(market.unit_cost[j])) * (move.demand[..., f] - taken)
        money = money - float(market.lost_sale_cost[j]) * lost - float(market.backorder_cost[j]) * owed
    return money


def _margins(market: Market, grid: Grid, factor: Factor, move: FactorMoves) -> np.ndarray:
    del grid
    gain = np.array([float(market.price[j]) - float(market.unit_cost[j]) for j in factor.products])
    return move.demand @ gain - _exposure_cost(market, factor, move.exposures)[None, :, None]


def local_levels(grid: Grid, factor: Factor) -> list[np.ndarray]:
    """The stock level of each of the factor's products in every local state, units.

    Local states run through the factor's stocks and intentions, the last axis fastest.

    **Arguments:** `factor`: of the grid.

    Up to one unit of a product and up to two of another:

    ```python
    >>> factor = Factor((0, 1), ())
    >>> stocks = (StockGrid(0, 1, (0, 1), 1), StockGrid(0, 2, (0, 1), 1))
    >>> [one.tolist() for one in local_levels(Grid(stocks, (), np.zeros((1, 1, 2)), (factor,), 1), factor)]
    [[0, 0, 0, 1, 1, 1], [0, 1, 2, 0, 1, 2]]

    ```
    """
    sizes = [grid.stocks[j].size for j in factor.products] + [len(grid.intentions[k].points) for k in factor.pairs]
    index = np.indices(sizes).reshape(len(sizes), -1)
    return [grid.stocks[j].levels[at] for j, at in zip(factor.products, index, strict=False)]
