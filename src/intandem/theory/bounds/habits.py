"""The habit bound: every pair's own optimum at prices of slots and supply, its habits of buying included.

Where purchases change later purchases, averages alone say little: a habit feeds on purchases that other moments of the
same pair have made. Here a pair is a decision process over its own intention, solved at prices `lambda` of slots,
`mu` of supply and `nu` of the mismatch inequalities of `intandem.theory.bounds.mismatch`; the bound adds up what pairs
earn at most and what the prices bring in. Every prices give a bound. Good ones are found by column generation (Dantzig
and Wolfe 1960): a linear program mixes the ways in which pairs were treated so far, its duals are the next prices. The
proof is in `docs/explanation/bounds.md`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from scipy import sparse
from scipy.optimize import linprog

from intandem.errors import RunError
from intandem.market import Market
from intandem.theory.bounds.curves import DemandCurves
from intandem.theory.bounds.mismatch import MismatchCut, mismatch_cuts
from intandem.theory.bounds.pairs import Pairs, Ways, Worths, best_ways, most_earned, pairs_of
from intandem.theory.bounds.program import FluidSolution, Inequalities
from intandem.theory.bounds.supply import ProductTerms
from intandem.theory.scope import SEVERAL_UNITS

LARGEST_ROW = 12
"""People in a row up to which the outcomes of a period are listed one by one."""

LARGEST = 200_000
"""Pairs times positions of the season up to which pairs are solved one by one."""

FIRST_MULTIPLES = (0.7, 1.0, 1.4)
"""Of the fluid bound's price of a slot, at which the first ways are found."""

ROUNDS = 12
CLOSE = 2e-3
FIRST_STEP = 1 / 8
"""Rounds of column generation at most, the relative distance between its two ends at which it stops, and which part of
the way from the best prices to the newest duals the first round goes. Duals of a few ways swing wildly; the step is
doubled when it has led to better prices and halved when it has not."""


def why_no_habits(market: Market) -> str:
    """Why this bound is not computed for a market; empty if it is.

    ```python
    >>> from intandem.market import example_market, family_market
    >>> why_no_habits(example_market("two-products-capped")), why_no_habits(family_market("habit", 4, 5, 0))
    ('no product has a habit', '')

    ```
    """
    positions = 1 if market.season is None else market.season.shape[0]
    reasons = (
        (not market.traits.habitual, "no product has a habit"),
        (not market.traits.single_units, SEVERAL_UNITS),
        (market.choice != "independent", "not for multinomial choice"),
        (market.unmet_demand != "lost", "not for demand that waits"),
        (float(market.population.max()) > LARGEST_ROW, f"not for more than {LARGEST_ROW} people in a row"),
        (market.base_utility.size * positions > LARGEST, f"more than {LARGEST:,} pairs times positions of the season"),
    )
    return next((reason for holds, reason in reasons if holds), "")


@dataclass(frozen=True)
class _Prices:
    """Money per unit, 0 or more: of `slot` (shape `cells`), of `supply` (shape `products`), and of each mismatch
    inequality (shape `cuts products`)."""

    slot: np.ndarray
    supply: np.ndarray
    mismatch: np.ndarray

    def towards(self, other: _Prices, part: float) -> _Prices:
        """Part of the way to other prices."""
        return _Prices(
            *((1 - part) * getattr(self, one.name) + part * getattr(other, one.name) for one in fields(self))
        )


def solve_pairs(market: Market, curves: DemandCurves, terms: ProductTerms, start: FluidSolution) -> FluidSolution:
    """The bound in money per period, and the prices it was found at.

    **Arguments:** `curves`, `terms`: of the market; of `curves` no more than its cells, chances and costs are used.
    `start`: a fluid bound of these cells, for prices to start from; any will do.

    **Raises:** `RunError` if HiGHS gives up.

    With nothing to pay for slots the bound is about what every pair earns if it is always shown:

    ```python
    >>> from intandem.market import build_market
    >>> from intandem.theory.bounds.curves import demand_curves, season_of
    >>> from intandem.theory.bounds.program import solve_program
    >>> from intandem.theory.bounds.supply import product_terms
    >>> product = {"price": np.full(1, 5.0), "unit_cost": np.ones(1), "holding_cost": np.zeros(1)}
    >>> market = build_market(product, np.full((1, 1), -1.5), np.full((1, 1), 2.0), habit=2.0)
    >>> curves = demand_curves(market, season_of(market))
    >>> terms = product_terms(market, curves)
    >>> found = solve_pairs(market, curves, terms, solve_program(curves, terms))
    >>> unbought, bought = 1 / (1 + np.exp(-0.5)), 1 / (1 + np.exp(-2.5))  # chances after no purchase, and after one
    >>> earned = 4 * unbought / (1 - bought + unbought)
    >>> bool(earned <= found.value <= 1.002 * earned)
    True

    ```
    """
    search = _Search(_Problem.of(market, curves, terms))
    first = _Prices(start.slot_price, start.supply_price, np.zeros((len(search.problem.cuts), market.products)))
    for multiple in FIRST_MULTIPLES:
        search.look(replace(first, slot=multiple * first.slot))
    step = FIRST_STEP
    for _ in range(ROUNDS):
        duals, mixed = search.problem.mix(search.ways)
        if search.least - mixed <= CLOSE * abs(search.least):
            break
        step = min(2 * step, 1.0) if search.look(search.prices.towards(duals, step)) else step / 2
    prices = search.prices
    most = most_earned(search.problem.pairs, search.problem.worths(prices), search.ways[-1].values)
    return FluidSolution(
        value=search.problem.brought_in(prices) + float(most.sum()),
        demand_value=np.maximum(terms.margin - prices.supply, 0.0),
        supply_price=prices.supply,
        slot_price=prices.slot,
        exposure=None,
    )


class _Search:
    """The ways in which pairs were treated so far, and the best prices among those that were looked at."""

    def __init__(self, problem: _Problem) -> None:
        self.problem = problem
        self.ways: list[Ways] = []
        self.prices: _Prices
        self.least = np.inf

    def look(self, prices: _Prices) -> bool:
        """Treats pairs for the best at these prices; whether the bound is lower than at any before, about."""
        worths = self.problem.worths(prices)
        self.ways.append(best_ways(self.problem.pairs, worths, self.ways[-1].values if self.ways else None))
        about = self.problem.brought_in(prices) + float(self.problem.earned(self.ways[-1], worths).sum())
        if about >= self.least:
            return False
        self.prices, self.least = prices, about
        return True


@dataclass(frozen=True)
class _Problem:
    """What the bound is made of: pairs, the cells of the season's groups in which they stand, limits and inequalities.

    `group` of each position; `cell` of each group and pair, shape `groups pairs`; `slots` by cell.
    """

    pairs: Pairs
    curves: DemandCurves
    terms: ProductTerms
    cuts: tuple[MismatchCut, ...]
    group: np.ndarray
    cell: np.ndarray
    slots: np.ndarray

    @staticmethod
    def of(market: Market, curves: DemandCurves, terms: ProductTerms) -> _Problem:
        pairs = pairs_of(market)
        # What is asked for is known here, of satiating products too.
        known = replace(curves, bounds_demand=np.ones(market.products, bool))
        parts = np.array_split(np.arange(pairs.positions), curves.groups)
        usable = np.minimum(market.exposure_slots, np.asarray(market.pairs.valid()).sum(1))
        return _Problem(
            pairs=pairs,
            curves=curves,
            terms=terms,
            cuts=mismatch_cuts(known, terms),
            group=np.repeat(np.arange(curves.groups), [part.size for part in parts]),
            cell=np.arange(curves.groups)[:, None] * market.rows + pairs.row,
            slots=np.tile(usable.astype(float), curves.groups),
        )

    def worths(self, prices: _Prices) -> Worths:
        """What decides of each pair at these prices."""
        pairs, terms, curves = self.pairs, self.terms, self.curves
        cost = prices.slot / curves.season_weight
        exposure = cost[self.cell] + (curves.exposure_cost / curves.season_weight[:, None])[self.cell, pairs.place]
        asked = np.tile(-terms.lost_sale_cost[pairs.product], (len(self.cell), 1))
        served = (terms.margin + terms.lost_sale_cost - prices.supply)[pairs.product]
        for cut, price in zip(self.cuts, prices.mismatch, strict=True):
            lost = price * cut.short_weight
            asked = asked + (lost - price * cut.demand_rate)[pairs.product]
            asked = asked - price[pairs.product] * cut.rate[self.cell, pairs.place]
            served = served - lost[pairs.product]
        return Worths(exposure[self.group], asked[self.group], served)

    def brought_in(self, prices: _Prices) -> float:
        """What the limits are worth at these prices, money per period."""
        cap = np.where(np.isfinite(self.terms.cap), self.terms.cap, 0.0)
        known = sum(float(cut.constant @ price) for cut, price in zip(self.cuts, prices.mismatch, strict=True))
        return float(self.slots @ prices.slot) + float(cap @ prices.supply) - known

    def earned(self, ways: Ways, worths: Worths) -> np.ndarray:
        """What pairs earn at these worths, treated in these ways; money per period, shape `pairs`."""
        by_position = worths.asked * ways.asked - worths.exposure * ways.exposure
        return np.asarray(self.pairs.weight @ by_position + worths.served * ways.served)

    def mix(self, ways: list[Ways]) -> tuple[_Prices, float]:
        """The prices at the best mixture of ways, pair by pair, and what it earns: near the bound's least from below.

        Limits may be exceeded at the most that a unit can be worth, so that there always is a mixture.
        """
        pairs, terms, curves = self.pairs, self.terms, self.curves
        products, cells, count = len(terms.margin), curves.cells, len(ways) * pairs.count
        in_group = (self.group == np.arange(curves.groups)[:, None]) * pairs.weight
        share = in_group / in_group.sum(1, keepdims=True)
        exposure = np.concatenate([share @ one.exposure for one in ways], axis=1)
        asked = np.concatenate([in_group @ one.asked for one in ways], axis=1)
        served = np.concatenate([one.served for one in ways])
        lost = asked.sum(0) - served
        product, place = np.tile(pairs.product, len(ways)), np.tile(pairs.place, len(ways))
        cell = np.tile(self.cell, len(ways))

        way, each = np.arange(count), np.arange(products)
        left, over, beyond = count + each, count + products + each, count + 2 * products + np.arange(cells)
        columns = count + 2 * products + cells
        rows = Inequalities(columns)
        budget = rows.add(
            np.concatenate([cell.ravel(), np.arange(cells)]),
            np.concatenate([np.tile(way, len(cell)), beyond]),
            np.concatenate([exposure.ravel(), -np.ones(cells)]),
            self.slots,
        )
        # Products without a cap have no limit: their row says nothing, and their supply no price.
        capped = np.isfinite(terms.cap)
        cap = np.where(capped, terms.cap, 0.0)
        supply = rows.add(
            np.concatenate([product, each]),
            np.concatenate([way, over]),
            np.concatenate([np.where(capped[product], served, 0.0), -np.ones(products)]),
            cap,
        )
        mismatch = [
            rows.add(
                np.concatenate([product, each]),
                np.concatenate([way, left]),
                np.concatenate([self._missed(cut, asked, lost, cell, product, place), cut.short_weight - 1]),
                -cut.constant,
            )
            for cut in self.cuts
        ]

        worth = terms.largest_value
        money = np.zeros(columns)
        money[way] = terms.margin[product] * served - terms.lost_sale_cost[product] * lost
        money[way] -= (curves.exposure_cost[cell, place] * exposure).sum(0)
        money[left], money[over] = -terms.holding, -worth
        money[beyond] = -worth.max() * curves.persons / (1 - pairs.persistence)
        found = linprog(
            -money,
            A_ub=rows.matrix,
            b_ub=rows.limit,
            A_eq=sparse.csr_matrix((np.ones(count), (way % pairs.count, way)), shape=(pairs.count, columns)),
            b_eq=np.ones(pairs.count),
            method="highs",
        )
        if found.status != 0:
            raise RunError("the habit bound", f"HiGHS stopped ({found.message})", "report the market")
        dual = np.maximum(-found.ineqlin.marginals, 0.0)
        of_mismatch = np.array([dual[block] for block in mismatch]).reshape(len(self.cuts), products)
        # What is left is never worth more than it costs, to the last digit.
        left_worth = sum((1 - cut.short_weight) * price for cut, price in zip(self.cuts, of_mismatch, strict=True))
        of_mismatch *= np.minimum(1.0, terms.holding / np.maximum(left_worth, 1e-300))
        return _Prices(dual[budget], np.where(capped, dual[supply], 0.0), of_mismatch), float(-found.fun)

    @staticmethod
    def _missed(
        cut: MismatchCut, asked: np.ndarray, lost: np.ndarray, cell: np.ndarray, product: np.ndarray, place: np.ndarray
    ) -> np.ndarray:
        """What each way adds to what a mismatch inequality asks for, shape `ways pairs` in one axis."""
        by_pair = (cut.rate[cell, place] * asked).sum(0) + cut.demand_rate[product] * asked.sum(0)
        return by_pair - cut.short_weight[product] * lost
