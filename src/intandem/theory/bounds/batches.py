"""The batch bound: what ordering costs at least, when demand moves with the exposure that a product is given.

At prices `lambda_i` on exposure products come apart. A unit that is sold `t` periods after the last order of its
product arrived was held at least `t` periods, whichever order it came with, so a period of age `t` earns at most

    v(t) = max over mean demands m that exposure can make of  max(margin - t * holding, -lost_sale_cost) * m - C(m),

`C(m)` being the least cost of exposure that makes it. Between two arrivals lies a cycle of some length, which pays for
one order: the product earns at most `max over lengths T of (v(0) + ... + v(T-1) - fixed_order_cost)/T` per period. The
proof is in `docs/explanation/bounds.md`.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar

from intandem.market import Market
from intandem.theory.bounds.curves import conjugate
from intandem.theory.intertemporal.grid import places
from intandem.theory.scope import SEVERAL_UNITS

LONGEST_CYCLE = 400


def why_no_batches(market: Market) -> str:
    """Why this bound is not computed for a market; empty if it is.

    ```python
    >>> from intandem.market import example_market
    >>> why_no_batches(example_market("two-products-capped"))
    'no order has a fixed cost'

    ```
    """
    reasons = (
        (not market.traits.fixed_costs, "no order has a fixed cost"),
        (not market.traits.single_units, SEVERAL_UNITS),
        (market.choice != "independent", "not for multinomial choice"),
        (market.exposure != "intensity", "not for slates"),
        (market.unmet_demand != "lost", "not for demand that waits"),
        (market.traits.habitual, "not for habits"),
        (not market.traits.always_visit, "not for visits that are left to chance"),
        (market.season is not None or market.traits.price_terms, "not for seasons and price terms"),
        (float(market.discount) < 1, "not for a discount"),
        (bool((market.exposure_effect < 0).any()) or float(market.carry_over) < 0, "not for effects below 0"),
    )
    return next((reason for holds, reason in reasons if holds), "")


def batch_bound(market: Market, slot_price: np.ndarray) -> float:
    """The bound at the best common multiple of given prices of slots.

    **Arguments:** `slot_price`: money per exposure and period of each row, `rows`; any multiple of them gives a
    valid bound, that of the fluid bound's prices a good one.

    One product, 4 people who buy with chance 1/2 whatever they are shown, margin 5, holding cost 1, 10 an order. A
    cycle of three periods sells 2 units in each, held 0, 1 and 2 periods:

    ```python
    >>> from intandem.market import build_market
    >>> fields = {"price": 9.0, "unit_cost": 4.0, "holding_cost": 1.0, "fixed_order_cost": 10.0}
    >>> market = build_market(
    ...     {name: np.array([value]) for name, value in fields.items()},
    ...     np.zeros((1, 1)), np.zeros((1, 1)), population=np.array([4]))
    >>> round(batch_bound(market, np.zeros(1)), 6)  # (10 + 8 + 6 - 10)/3
    4.666667

    ```
    """
    usable = np.minimum(market.exposure_slots, np.asarray(market.pairs.valid()).sum(1))

    def at(multiple: float) -> float:
        price = multiple * slot_price
        return sum(_product(market, product, price) for product in range(market.products)) + float(usable @ price)

    if not slot_price.any():
        return at(0.0)
    found = minimize_scalar(at, bounds=(0.0, 3.0), method="bounded", options={"xatol": 0.01})
    return float(min(found.fun, at(0.0), at(1.0)))


def _product(market: Market, product: int, price: np.ndarray) -> float:
    row, place = np.nonzero(places(market) == product)
    kept = float(market.persistence) if market.traits.has_intention else 0.0
    lasting = 1 + float(market.carry_over) * kept / (1 - kept)
    low = np.asarray(market.base_utility, float)[row, place]
    gain = np.asarray(market.exposure_effect, float)[row, place] * lasting
    people = np.asarray(market.population, float)[row]
    paid = price[row] + float(market.exposure_cost[product]) * people
    margin = float(market.price[product]) - float(market.unit_cost[product])
    ages = np.arange(LONGEST_CYCLE)
    worth = np.maximum(margin - float(market.holding_cost[product]) * ages, -float(market.lost_sale_cost[product]))
    earned = np.array([_most(one, low, gain, people, paid) for one in worth])
    cycle = (np.cumsum(earned) - float(market.fixed_order_cost[product])) / (ages + 1)
    # Beyond the longest cycle that is looked at periods earn no more than its last one: the mean lies below the larger.
    return float(max(cycle.max(), earned[-1], _most(-float(market.lost_sale_cost[product]), low, gain, people, paid)))


def _most(worth: float, low: np.ndarray, gain: np.ndarray, people: np.ndarray, paid: np.ndarray) -> float:
    """`max worth * people * sigmoid(low + gain * a) - paid * a` over `0 <= a <= 1`, summed over rows."""
    if worth <= 0:
        return float((worth * people / (1 + np.exp(-low))).sum())
    moves = gain > 1e-12
    slope = np.where(moves, paid / np.where(moves, worth * people * gain, 1.0), 0.0)
    high = np.where(moves, low + gain, low)
    return float((worth * people * (conjugate(slope, low, high) + slope * low)).sum())
