"""The exact joint optimum of one period across products: what to show whom and what to order, and what silos lose.

Maximise, over exposures within every row's slots and over feasible orders, the sum of the products' expected profits.
Given the exposures the order is a newsvendor's; what is left is an allocation of exposure, whose multiplier is
its shadow price. Lead times are ignored: one period, and orders arrive before demand.

Exact where it can be, and the result says which case holds (`method`):

- `concave`: every product stands in one row and its profit is proved concave in its exposure. Exposures are
  continuous; the conditions of Karush, Kuhn and Tucker are solved by bisection.
- `levels`: exact on the market's `exposure_levels` (0 and 1 on a slate): rows that share no product by dynamic
  programming, rows that do by an integer program over tabulated profits, multinomial choice by enumeration.
- `gap`: too large to tabulate. `upper_bound` is the Lagrangian value of the fluid relaxation, the plan is the best one
  found, and `gap` is what may be missing.

Proofs and conditions are in the documentation's theory page.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from intandem.market import Market
from intandem.theory.cross_product.allocation import Block, share_columns, share_concave, share_levels, slot_price
from intandem.theory.cross_product.concavity import concave_with_best_order, profit_slope
from intandem.theory.cross_product.exposed_newsvendor import Response, Terms, order_given_exposure
from intandem.theory.cross_product.fluid_exposures import fluid_plan
from intandem.theory.cross_product.one_period import OnePeriod, Plan, one_period, plan_given_exposure
from intandem.theory.cross_product.silo import filtered_silo_exposures, silo_exposures
from intandem.theory.cross_product.tables import Island, can_be_tabulated, islands, tabulate

Method = Literal["concave", "levels", "gap"]


@dataclass(frozen=True)
class JointOptimum:
    """The joint optimum of one period, and the silos beside it.

    - `plan`: exposures, orders, stock at demand, expected profit by product.
    - `slot_price`: money per slot, per row: the multiplier of its budget.
    - `upper_bound`: what no plan exceeds (weak duality): no plan at all where `method` is `concave`, and then it equals
      the profit; else no plan on the market's levels.
    - `method`: see the module. `gap`: 0 where the plan is exact, else the bound less the profit.
    - `silo`, `filtered_silo`: see `intandem.theory.cross_product.silo`; their exposures are on the market's levels.
    """

    plan: Plan
    slot_price: np.ndarray
    upper_bound: float
    method: Method
    gap: float
    silo: Plan
    filtered_silo: Plan

    @property
    def profit(self) -> float:
        """The policy's expected profit."""
        return self.plan.profit


@dataclass(frozen=True)
class _Share:
    """The exposure of one island: exposures of its rows (shape `rows width`), their prices, and a bound."""

    exposures: np.ndarray
    price: np.ndarray
    bound: float
    exact: bool


def joint_optimum(
    market: Market,
    on_hand: np.ndarray | None = None,
    *,
    intention: np.ndarray | None = None,
    period: int = 0,
    may_order: bool = True,
    on_levels: bool = False,
) -> JointOptimum:
    """The most that recommendation and inventory can earn together in one period.

    **Arguments:** `on_hand`: starting stock (`None`: the market's initial stock). `intention`: shape `rows width`
    (`None`: baseline). `period`: position on the calendar. `may_order`: False where stock is given. `on_levels`: True
    to keep exposures on the market's levels even where profit is concave, to compare with the silos like with like.

    **Raises:** `InputError` for backordered demand, substitution, salvage above the cost of a unit bought and held,
    levels without 0, or a multinomial market too large to enumerate.

    ```python
    >>> from intandem.market import example_market
    >>> best = joint_optimum(example_market("two-products-capped"), np.zeros(2))
    >>> best.method, best.plan.exposures, best.plan.orders
    ('levels', array([[0.75, 0.25]]), array([5., 5.]))
    >>> round(best.profit, 3), round(best.silo.profit, 3), round(best.upper_bound, 3)
    (36.568, 33.394, 36.568)

    ```
    """
    problem = one_period(market, on_hand, intention, period, may_order)
    silo = plan_given_exposure(problem, silo_exposures(problem))
    filtered_silo = plan_given_exposure(problem, filtered_silo_exposures(problem))
    parts = islands(problem)
    method: Method
    if not on_levels and all(_concave(problem, part) for part in parts):
        method, shares = "concave", [_share_concave(problem, part) for part in parts]
    else:
        shares = [_share_levels(problem, part) for part in parts]
        method = "levels" if all(share.exact for share in shares) else "gap"
    exposures, price = np.zeros(problem.utility.shape), np.zeros(len(problem.population))
    for part, share in zip(parts, shares, strict=True):
        exposures[part.rows], price[part.rows] = share.exposures, share.price
    plan = plan_given_exposure(problem, exposures)
    # Products that nobody can buy belong to no island and earn what their starting stock is worth.
    bound = sum(share.bound for share in shares) + float(plan.product_profit[_nobodys(problem, parts)].sum())
    return JointOptimum(
        plan=plan,
        slot_price=price,
        upper_bound=bound,
        method=method,
        gap=max(bound - plan.profit, 0.0) if method == "gap" else 0.0,
        silo=silo,
        filtered_silo=filtered_silo,
    )


def _nobodys(problem: OnePeriod, parts: list[Island]) -> np.ndarray:
    nobodys = np.ones(problem.products, bool)
    for part in parts:
        nobodys[part.products] = False
    return nobodys


def _concave(problem: OnePeriod, part: Island) -> bool:
    if problem.slate or problem.multinomial or len(part.rows) > 1:
        return False
    return all(
        concave_with_best_order(
            problem.terms_of(product), problem.response(row, place), float(problem.on_hand[product])
        )
        for product, row, place in part.pairs
    )


def _share_concave(problem: OnePeriod, part: Island) -> _Share:
    row, products = int(part.rows[0]), part.products
    places = np.array([place for _, _, place in part.pairs])
    response = Response(
        problem.population[row],
        problem.visit_probability[row],
        problem.utility[row, places],
        problem.effect[row, places],
    )
    terms = Terms(**{name: getattr(problem.terms, name)[products] for name in Terms.__dataclass_fields__})
    unshown = np.zeros(len(products))
    stock = problem.on_hand[products]
    # The order is the same at every exposure, as concavity was proved.
    stock = stock + order_given_exposure(terms, response.law(unshown), stock).order
    shown, price = share_concave(
        lambda exposure: profit_slope(terms, response, stock, exposure), len(products), problem.slots
    )
    earned = order_given_exposure(
        terms, response.law(shown), problem.on_hand[products], response.exposures(shown)
    ).profit
    exposures = np.zeros((1, problem.utility.shape[1]))
    exposures[0, places] = shown
    bound = float(earned.sum()) + price * (problem.slots - float(shown.sum()))
    return _Share(exposures, np.array([price]), bound, True)


def _share_levels(problem: OnePeriod, part: Island) -> _Share:
    if not problem.multinomial and not can_be_tabulated(problem, part):
        exposures, price, bound = fluid_plan(problem, part)
        return _Share(exposures, price, bound, False)
    table = tabulate(problem, part)
    blocks = [Block(entry.profit, entry.load) for entry in table]
    slots = np.full(len(part.rows), float(problem.slots))
    price, bound = slot_price(blocks, slots)
    if len(part.rows) == 1 and not problem.multinomial:
        values = np.array([block.value for block in blocks])
        columns, exact = share_levels(values, problem.levels.tolist(), problem.slots), True
    else:
        columns, exact = share_columns(blocks, slots)
    exposures = np.zeros((len(part.rows), problem.utility.shape[1]))
    for entry, column in zip(table, columns, strict=True):
        exposures[entry.row, entry.place] = entry.exposure[column]
    return _Share(exposures, price, bound, exact)
