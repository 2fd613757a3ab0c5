"""A bound from foresight: exposures and orders chosen when all outcomes are known, on sampled windows of periods.

A person's fate in a period is a visit and, per product, a uniform number: the purchase is made if the number lies
below the probability, so exposure decides who buys. Each window is a linear program that relaxes the firm's own
problem. It uses outcomes that no policy knows, and is usually looser than the fluid bound.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.optimize import linprog
from scipy.special import expit

from intandem.errors import RunError
from intandem.market import Market
from intandem.market.supply import order_range

PERIODS = 24
WINDOWS = 40
LARGEST_SIZE = 60
"""Persons times products up to which windows are solved."""

LEAST_EXPOSURE = 1e-4

CONFIDENCE = 2.33
"""Standard errors on top of the mean: 99%, one-sided."""


@dataclass(frozen=True)
class Clairvoyant:
    """The `mean` over `windows` of what foresight earns per period, and its `standard_error`."""

    mean: float
    standard_error: float
    windows: int

    @property
    def value(self) -> float:
        """The bound, with 99% confidence: the mean and 2.33 standard errors."""
        return self.mean + CONFIDENCE * self.standard_error


def why_no_clairvoyant(market: Market) -> str:
    """Why this bound is not computed for a market; empty if it is.

    ```python
    >>> from intandem.market import example_market
    >>> from intandem.theory.random_markets import KINDS, random_market
    >>> why_no_clairvoyant(example_market("two-products-capped")), why_no_clairvoyant(random_market(KINDS["choice"], 0))
    ('', 'not for markets with multinomial choice')

    ```
    """
    reasons = (
        (not market.traits.single_units, "purchases of several units"),
        (market.choice != "independent", "multinomial choice"),
        (market.unmet_demand != "lost", "demand that waits"),
        (market.traits.has_intention, "intention"),
        (market.season is not None, "a season"),
        (float(market.discount) < 1, "a discount"),
        (
            float(market.population.sum()) * market.products > LARGEST_SIZE,
            f"more than {LARGEST_SIZE} persons times products",
        ),
    )
    return next((f"not for markets with {reason}" for holds, reason in reasons if holds), "")


def clairvoyant_bound(
    market: Market,
    *,
    supply_price: np.ndarray | None = None,
    periods: int = PERIODS,
    windows: int = WINDOWS,
    seed: int = 0,
) -> Clairvoyant:
    """The bound from sampled windows: the mean of what foresight earns per period, in money.

    A window may begin with any stock and any open orders. What it begins with is charged at unit cost and
    `supply_price`, what it ends with credited so: over many windows these cancel, whatever the price. It counts for
    products with a largest order only. Proof: `docs/explanation/bounds.md`.

    **Arguments:** `supply_price`: money per unit, 0 or more, shape `products`; by default 0. `periods`: of a window.
    `windows`: at least 2. `seed`: of what is drawn.

    **Raises:** `RunError` if HiGHS gives up.

    It lies above the optimum of 42.32057, that an independent solver found, by what foresight is worth:

    ```python
    >>> from intandem.market import example_market
    >>> found = clairvoyant_bound(example_market("two-products-capped"), periods=6, windows=4)
    >>> found.windows, bool(42.32057 < found.mean < found.value)
    (4, True)

    ```
    """
    price = np.zeros(market.products)
    if supply_price is not None:
        price = np.where(np.isfinite(np.asarray(order_range(market)[1])), supply_price, 0.0)
    rng = np.random.default_rng(seed)
    earned = np.array([_window(market, price, periods, rng) for _ in range(windows)])
    return Clairvoyant(float(earned.mean()), float(earned.std(ddof=1) / np.sqrt(windows)), windows)


def _window(market: Market, supply_price: np.ndarray, periods: int, rng: np.random.Generator) -> float:
    """What foresight earns per period in one window, at most."""
    start, least, pieces, delivered = _luck(market, periods, rng)
    row, product, period, length, slope = pieces.T
    row, product, period = (v.astype(int) for v in (row, product, period))
    products, count = market.products, len(pieces)
    # Columns: pieces of exposure; then by product and period what is sold, lost, left and delivered; stock at the
    # start.
    block = products * periods
    sold, lost, left, arrived = (count + k * block + np.arange(block) for k in range(4))
    initial = count + 4 * block + np.arange(products)
    columns = int(initial[-1]) + 1
    each, here = np.arange(block), product * periods + period
    shared = row * periods + period
    used = sparse.csr_matrix((np.ones(count), (shared, np.arange(count))), (market.rows * periods, columns))
    asked = sparse.csr_matrix(
        (np.concatenate([np.ones(block), -slope]), (np.concatenate([each, here]), np.append(sold, np.arange(count)))),
        (block, columns),
    )
    needed = sparse.csr_matrix(
        (-np.ones(2 * block), (np.tile(each, 2), np.concatenate([sold, lost]))), (block, columns)
    )
    # left_t = left_{t-1} + arrived_t - sold_t, from the initial stock.
    later = each[each % periods > 0]
    first = np.arange(products) * periods
    balance = sparse.csr_matrix(
        (
            np.concatenate([np.ones(block), np.ones(block), -np.ones(block + len(later) + products)]),
            (
                np.concatenate([each, each, each, later, first]),
                np.concatenate([left, sold, arrived, left[later - 1], initial]),
            ),
        ),
        (block, columns),
    )
    money = np.zeros(columns)
    column = lambda values: np.repeat(np.asarray(values, float), periods)  # noqa: E731
    money[:count] = -np.asarray(market.exposure_cost, float)[product] * delivered[row, period]
    # Procurement and the change of the position come to unit cost per unit sold; the price is paid on the change alone.
    money[sold] = column(np.asarray(market.price) - np.asarray(market.unit_cost, float) - supply_price)
    money[lost] = -column(market.lost_sale_cost)
    money[left] = -column(market.holding_cost)
    largest = np.asarray(order_range(market)[1], float)
    upper = np.full(columns, np.inf)
    upper[:count] = length
    upper[arrived] = column(largest)
    # An order adds to the position when it is placed: it earns the price then, and is at most `largest`.
    bonus = float((supply_price * np.where(np.isfinite(largest), largest, 0.0)).sum()) * periods
    found = linprog(
        -money,
        A_ub=sparse.vstack([used, asked, needed], format="csr"),
        b_ub=np.concatenate([np.full(market.rows * periods, float(market.exposure_slots)), start, -least]),
        A_eq=balance,
        b_eq=np.zeros(block),
        bounds=np.column_stack([np.zeros(columns), upper]),
        method="highs",
    )
    if found.status != 0:
        raise RunError("the clairvoyant bound", f"HiGHS stopped ({found.message})", "report the market")
    return (float(-found.fun) + bonus) / periods


def _luck(
    market: Market, periods: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Draws a window's visits and uniforms.

    **Returns** by product and period what is bought at no exposure and at least; pieces of exposure, one a line: row,
    product, period, length, purchases per unit of exposure; and visitors by row and period.
    """
    valid, index = np.asarray(market.pairs.valid()), np.asarray(market.pairs.index())
    utility = np.asarray(market.base_utility, float)
    if market.traits.price_terms:
        change = np.log(np.asarray(market.price, float) / np.asarray(market.regular_price, float))
        utility = utility - (np.asarray(market.elasticity, float) * change)[index]
    effect = np.asarray(market.exposure_effect, float)
    people = np.asarray(market.population, float).astype(int)
    start, least = np.zeros(market.products * periods), np.zeros(market.products * periods)
    pieces: list[tuple[float, ...]] = []
    visitors = rng.binomial(
        people[:, None], np.asarray(market.visit_probability, float)[:, None], (market.rows, periods)
    )
    for row, place in zip(*np.nonzero(valid), strict=True):
        product, strength = int(index[row, place]), float(effect[row, place])
        for period in range(periods):
            draw = rng.uniform(size=visitors[row, period])
            at = product * periods + period
            unshown = int((draw < expit(utility[row, place])).sum())
            shown = int((draw < expit(utility[row, place] + strength)).sum())
            start[at] += unshown
            least[at] += min(unshown, shown)
            if shown <= unshown:
                continue
            if market.exposure == "slate":
                steps = np.array([[0.0, unshown], [1.0, shown]])
            else:
                needed = np.sort((np.log(draw / (1 - draw)) - utility[row, place]) / strength)
                # What takes next to no exposure counts as bought without any, which only helps.
                taken = max(unshown, int((needed < LEAST_EXPOSURE).sum()))
                start[at] += taken - unshown
                if shown <= taken:
                    continue
                needed, unshown = needed[taken:shown], taken
                steps = np.column_stack([np.append(0.0, needed), unshown + np.arange(len(needed) + 1.0)])
            for length, slope in _hull(steps):
                pieces.append((float(row), float(product), float(period), length, slope))
    return start, least, np.array(pieces).reshape(-1, 5), visitors


def _hull(steps: np.ndarray) -> list[tuple[float, float]]:
    """Lengths and falling slopes of the least concave curve above a rising step function given by its corners."""
    hull: list[np.ndarray] = []
    for corner in steps:
        while len(hull) > 1 and (hull[-1][1] - hull[-2][1]) * (corner[0] - hull[-2][0]) <= (corner[1] - hull[-2][1]) * (
            hull[-1][0] - hull[-2][0]
        ):
            hull.pop()
        hull.append(corner)
    ends = np.array(hull)
    run, rise = np.diff(ends[:, 0]), np.diff(ends[:, 1])
    return [(float(length), float(units / length)) for length, units in zip(run, rise, strict=True)]
