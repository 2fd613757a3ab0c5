"""What a unit sold earns at most, and how many can be sold: margins, order caps, the cost of ordering in batches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from intandem.market import Market
from intandem.market.supply import order_range
from intandem.theory.bounds.curves import DemandCurves


@dataclass(frozen=True)
class ProductTerms:
    """Money and limits per product, each of shape `products`.

    - `margin`: money per unit sold, net of procurement and of the least cost of ordering.
    - `cap`: units per period that can be sold for want of supply; infinity without a cap.
    - `shortage`: money per unit lost, or per unit owed at the end of a period. `lost`: whether it is the former.
    - `holding`: money per unit left at the end of a period, 0 where `margin` has taken it into account.
    - `least_demand`: units per period.
    """

    margin: np.ndarray
    cap: np.ndarray
    shortage: np.ndarray
    holding: np.ndarray
    least_demand: np.ndarray
    lost: bool

    @property
    def lost_sale_cost(self) -> np.ndarray:
        """Money per unit lost; 0 where demand waits."""
        return self.shortage if self.lost else np.zeros_like(self.shortage)

    @property
    def largest_value(self) -> np.ndarray:
        """The most that one more unit of demand can be worth."""
        return np.maximum(self.margin + self.lost_sale_cost, 0.0)


def least_order_cost(
    fixed: np.ndarray, holding: np.ndarray, demand: np.ndarray, smallest: np.ndarray, largest: np.ndarray
) -> np.ndarray:
    """The least cost of ordering and holding per unit sold: `min F(Q)/Q` over `smallest <= Q <= largest`.

    `F(Q) = K + h sum_{k >= 1} max(Q - k m, 0)`: an order of `Q` units cannot be sold faster than `m` a period, the
    largest mean demand. `F` is convex, so `F(Q)/Q` falls to its minimum, at a multiple of `m` (or where it is cut off),
    and rises after it.

    **Arguments:** `fixed` `K`: money per order. `holding` `h`: money per unit and period. `demand` `m`: units per
    period.
    `smallest`, `largest`: units in an order. All of shape `products`.

    ```python
    >>> one = lambda v: np.array([v])
    >>> least_order_cost(one(12.0), one(0.5), one(4.0), one(1.0), one(np.inf))  # 12/12 + 0.5 (3 - 1)/2 at Q = 3 m
    array([1.5])

    ```
    """
    paced = (holding > 0) & (demand > 0) & (fixed > 0)
    pace = np.where(paced, demand, 1.0)
    turns = np.ceil((np.sqrt(1 + 8 * fixed / np.where(paced, holding * pace, 1.0)) - 1) / 2)
    batch = np.clip(np.where(paced, turns * pace, np.inf), smallest, np.maximum(largest, smallest))
    unlimited = ~np.isfinite(batch)
    batch = np.where(unlimited, 1.0, batch)
    whole = np.where(paced, np.floor(batch / pace), 0.0)
    kept = whole * batch - pace * whole * (whole + 1) / 2
    return np.where(unlimited, 0.0, (fixed + np.where(paced, holding, 0.0) * kept) / batch)


def product_terms(market: Market, curves: DemandCurves) -> ProductTerms:
    """The terms of every product. Holding that goes into the cost of ordering in batches is not counted twice.

    `margin` is `price - unit_cost` less `least_order_cost`; `cap` the largest order, and with a discount the part
    `1 - discount` of the initial stock.

    **Arguments:** `curves`: of this market.

    ```python
    >>> from intandem.market import example_market
    >>> from intandem.theory.bounds.curves import demand_curves, season_of
    >>> market = example_market("two-products-capped")
    >>> terms = product_terms(market, demand_curves(market, season_of(market)))
    >>> terms.margin, terms.cap, terms.least_demand.round(3)  # of 12 people, sigmoid(-2) and sigmoid(-1.2)
    (array([6. , 3.5]), array([5., 5.]), array([1.43 , 2.778]))

    ```
    """
    smallest, largest = (np.asarray(limit, float) for limit in order_range(market))
    fixed, holding = (np.asarray(v, float) for v in (market.fixed_order_cost, market.holding_cost))
    lost = market.unmet_demand == "lost"
    discount = float(market.discount)
    # Waiting demand can be served the moment an order arrives, so batches need not be held.
    held = holding if lost and discount == 1 else np.zeros_like(holding)
    order_cost = least_order_cost(fixed, held, curves.largest_demand(), smallest, largest)
    return ProductTerms(
        margin=np.asarray(market.price, float) - np.asarray(market.unit_cost, float) - order_cost,
        cap=largest + (1 - discount) * np.asarray(market.initial_stock, float),
        shortage=np.asarray(market.lost_sale_cost if lost else market.backorder_cost, float),
        holding=np.where((fixed > 0) & (held > 0), 0.0, holding),
        least_demand=curves.least_demand() if lost else np.zeros(market.products),
        lost=lost,
    )
