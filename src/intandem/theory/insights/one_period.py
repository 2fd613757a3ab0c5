"""C1, C2 and C4: how orders and exposures of one period respond to each other, on a market's exposure levels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from intandem.errors import InputError
from intandem.market import Market
from intandem.theory.cross_product import joint_optimum
from intandem.theory.cross_product.one_period import OnePeriod, one_period
from intandem.theory.insights.assumptions import broken_assumptions
from intandem.theory.insights.finding import Finding, nothing_to_test
from intandem.theory.insights.responses import NO_FALLS, falls, finding_of
from intandem.theory.intertemporal import Solution
from intandem.theory.intertemporal.grid import exposure_tables

MOST_EXPOSURES = 20_000
"""Most exposure tables that are compared one by one."""

RATIO_ROUNDING = 1e-9
"""Critical ratios this close to a step of the distribution function are ties: either level is optimal."""


def check_orders_follow_recommendation(market: Market) -> Finding:
    """C1: a product's newsvendor level never falls when one of its exposures rises.

    Each pair's exposure rises along the market's levels (a grid of 21 where it is an intensity), the product's other
    exposures being all 0 or all 1, other products not shown. The statistic is the largest fall, units.

    **Raises:** `InputError` if too many people in several rows can buy one product.

    Twenty steps for each of two products:

    ```python
    >>> from intandem.market import example_market
    >>> found = check_orders_follow_recommendation(example_market("two-products-capped"))
    >>> found.holds, found.violations, found.n, found.rises
    (True, 0, 40, 10)

    ```
    """
    broken = broken_assumptions(market, "C1")
    if market.substitution:
        return nothing_to_test("C1", "with substitution demand depends on the other products' stock", broken)
    problem = one_period(_as_lost(market))
    shape = problem.utility.shape
    rising = np.array([0.0, 1.0]) if problem.slate else np.linspace(0, 1, 21)
    found = NO_FALLS
    for row, place in zip(*np.nonzero(problem.valid), strict=True):
        product = int(problem.product[row, place])
        rows, places = problem.places_of(product)
        for others in (0.0, 1.0) if len(rows) > 1 else (0.0,):
            shown = np.zeros((len(rising), *shape))
            shown[:, rows, places] = others
            shown[:, row, place] = rising
            low, high = _levels(problem, product, shown)
            found = found + falls(low, high, 0, np.ones(len(rising), bool))
    return finding_of("C1", found, broken, "newsvendor level against exposure")


def _levels(problem: OnePeriod, product: int, shown: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The smallest and the largest newsvendor level at each exposure table."""
    rows, places = problem.places_of(product)
    chance = problem.choice_chances(shown, np.arange(len(problem.population)))[:, rows, places]
    law = problem.demand(rows, chance)
    terms = problem.terms_of(product)
    if float(terms.underage) <= 0:
        return np.zeros(len(shown)), np.zeros(len(shown))
    ratio = float(terms.critical_ratio)
    ends = np.clip([ratio - RATIO_ROUNDING, ratio + RATIO_ROUNDING], 0, 1)
    low, high = (law.quantile(one) for one in ends)
    return low, np.where(np.isfinite(high), high, np.inf)


def check_recommendation_follows_stock(
    market: Market, *, may_order: bool = False, tolerance: float = 1e-9
) -> tuple[Finding, Finding]:
    """C2: a product's optimal exposure never falls in its own stock, and never rises in another's: two findings.

    Each product's starting stock rises from 0, the others' being none, a newsvendor's, or plenty. Exposures are those
    of the market's levels, each pair's by itself, all optimal ones looked at. Statistics: the largest wrong moves, in
    exposure.

    **Arguments:** `may_order`: whether orders can be placed on top of the stock. `tolerance`: of ties, as a share of
    the profit.

    **Raises:** `InputError` for a market with too many exposures to compare.

    ```python
    >>> from intandem.market import example_market
    >>> found = check_recommendation_follows_stock(example_market("two-products-capped"))
    >>> [(one.name, one.holds, one.violations, one.rises > 0) for one in found]
    [('C2', True, 0, True), ('C2-cross', True, 0, True)]

    ```
    """
    ordering = broken_assumptions(market, "C2-orders") if may_order else ()
    own_broken = broken_assumptions(market, "C2") + ordering
    cross_broken = broken_assumptions(market, "C2-cross") + ordering
    if market.substitution:
        reason = "with substitution demand depends on the other products' stock"
        return nothing_to_test("C2", reason, own_broken), nothing_to_test("C2-cross", reason, cross_broken)
    problem = one_period(_as_lost(market), may_order=may_order)
    shown = _feasible_exposures(market)
    own, cross = NO_FALLS, NO_FALLS
    most = np.minimum(_plenty(problem), 40)
    worth = [_worth_of_stock(problem, product, shown, int(most.max())) for product in range(problem.products)]
    for product in range(problem.products):
        for others in _other_stocks(problem, most):
            fixed = sum(worth[k][:, others[k]] for k in range(problem.products) if k != product)
            profit = worth[product][:, : most[product] + 1] + np.reshape(fixed, (-1, 1))
            best = profit.max(0)
            near = profit >= best - tolerance * np.maximum(1.0, np.abs(best))
            everywhere = np.ones(near.shape[1], bool)
            for row, place in zip(*np.nonzero(problem.valid), strict=True):
                low = np.where(near, shown[:, row, place, None], np.inf).min(0)
                high = np.where(near, shown[:, row, place, None], -np.inf).max(0)
                if problem.product[row, place] == product:
                    own = own + falls(low, high, 0, everywhere)
                else:
                    # A response that never rises is one whose negative never falls.
                    cross = cross + falls(-high, -low, 0, everywhere)
    return (
        finding_of("C2", own, own_broken, "exposure against own stock"),
        finding_of("C2-cross", cross, cross_broken, "exposure, turned round, against another's stock"),
    )


def _feasible_exposures(market: Market) -> np.ndarray:
    """Every exposure table on the market's levels within its slots, `tables rows width`.

    **Raises:** `InputError` if there are too many to compare.
    """
    tables = exposure_tables(market, MOST_EXPOSURES)
    if tables is None:
        cure = "test a market with fewer products, customer rows or exposure_levels"
        raise InputError(market.name, "has too many exposures to compare one by one", cure)
    return tables


def _plenty(problem: OnePeriod) -> np.ndarray:
    """Stock per product that no demand exceeds, and a unit more."""
    buyers = [problem.population[problem.places_of(j)[0]].sum() for j in range(problem.products)]
    return np.array(buyers).astype(int) + 1


def _other_stocks(problem: OnePeriod, most: np.ndarray) -> list[np.ndarray]:
    unshown = np.zeros((1, *problem.utility.shape))
    typical = np.array([_levels(problem, j, unshown)[0][0] for j in range(problem.products)])
    stocks = [np.zeros(problem.products, int), np.minimum(typical, most).astype(int), most]
    return [stocks[0]] if problem.products == 1 else stocks


def _worth_of_stock(problem: OnePeriod, product: int, shown: np.ndarray, most: int) -> np.ndarray:
    """A product's expected profit by exposure table and starting stock `0..most`, with its best orders."""
    rows, places = problem.places_of(product)
    own = shown[:, rows, places]
    # Under independent choice tables that show a product alike are one; under multinomial choice they are not.
    chance = problem.choice_chances(shown, np.arange(len(problem.population)))[:, rows, places]
    distinct, index = np.unique(np.concatenate([own, chance], 1), axis=0, return_inverse=True)
    width = own.shape[1]
    worth = []
    for stock in range(most + 1):
        on_hand = problem.on_hand.copy()
        on_hand[product] = stock
        plan = replace(problem, on_hand=on_hand).plan_of(product, distinct[:, :width], distinct[:, width:], rows)
        worth.append(plan.profit)
    return np.stack(worth, -1)[index.ravel()]


def check_coordination_pays(market: Market, on_hand: np.ndarray | None = None) -> tuple[Finding, Finding]:
    """C4 in one period: the joint optimum earns at least what each silo earns; and, with free supply, as much.

    Two findings. The statistic is the gain over the plain silo, as a share of its profit. In the second one a gain
    that is not 0 is the violation.

    **Arguments:** `on_hand`: starting stock, units per product; empty shelves by default.

    **Raises:** `InputError` for substitution.

    With orders capped at 5 units coordination pays; where supply is free and leftovers keep their worth it adds
    nothing:

    ```python
    >>> from intandem.market import build_market, example_market
    >>> products = {name: np.array(money) for name, money in (("price", [4.0, 5.0]), ("unit_cost", [1.0, 1.0]))}
    >>> products |= {"holding_cost": np.zeros(2), "lead_time": np.zeros(2)}
    >>> free = build_market(products, np.zeros((1, 2)), np.ones((1, 2)), population=np.array([3]))
    >>> for market in (example_market("two-products-capped"), free):
    ...     [(one.holds, one.inside, round(one.statistic, 3)) for one in check_coordination_pays(market)]
    [(True, True, 0.095), (False, False, 0.095)]
    [(True, True, 0.0), (True, True, 0.0)]

    ```
    """
    stock = np.zeros(market.products) if on_hand is None else on_hand
    plain = _as_lost(market)
    found = joint_optimum(plain, stock, on_levels=True)
    profits = {"silo": found.silo.profit, "filtered-silo": found.filtered_silo.profit}
    return _gains(market, found.profit, profits, found.gap + 1e-9 * max(abs(found.profit), 1.0), "in one period")


def check_coordination_pays_over_time(solution: Solution) -> tuple[Finding, Finding]:
    """C4 over time, from exact solutions of all three regimes: see `check_coordination_pays`.

    **Arguments:** `solution`: with the joint optimum and at least the plain silo in it.

    An independent solver finds an optimum of 42.32057, and 33.48991 for the silo:

    ```python
    >>> from intandem.market import example_market
    >>> from intandem.theory.intertemporal import solve
    >>> found, _ = check_coordination_pays_over_time(solve(example_market("two-products-capped"), ("joint", "silo")))
    >>> found.holds, abs(found.statistic - (42.32057 / 33.48991 - 1)) < 1e-5
    (True, True)

    ```
    """
    profits = {name: one.profit for name, one in solution.regimes.items() if name != "joint"}
    joint = solution.regimes["joint"]
    slack = 1e-6 * max(abs(joint.profit), 1e-3) + sum(one.upper - one.lower for one in solution.regimes.values())
    return _gains(solution.market, joint.profit, profits, slack, "over time")


def _gains(
    market: Market, joint: float, silos: dict[str, float], tolerance: float, when: str
) -> tuple[Finding, Finding]:
    gains = {name: (joint - profit) / max(abs(profit), 1e-12) for name, profit in silos.items()}
    worse = sum(joint < profit - tolerance for profit in silos.values())
    more = sum(joint > profit + tolerance for profit in silos.values())
    detail = f"gain {when}: " + ", ".join(f"{gain:+.3%} over the {name}" for name, gain in gains.items())
    gain = gains["silo"]
    equal = broken_assumptions(market, "C4-equality")
    return (
        Finding("C4", worse == 0, gain, worse, len(silos), None, broken_assumptions(market, "C4"), detail),
        Finding("C4-equality", more == 0, gain, more, len(silos), None, equal, detail),
    )


def _as_lost(market: Market) -> Market:
    """The market with its unmet demand lost: in a single period there is no later one to serve it in."""
    return market if market.unmet_demand == "lost" else replace(market, unmet_demand="lost")
