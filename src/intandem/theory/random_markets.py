"""Random markets small enough to be solved, to test statements of theory on.

Markets of one kind share their shapes, and so one compiled program; costs, utilities and effects are drawn anew.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from intandem.market import Market, SolveSettings, build_market
from intandem.market.model import Choice, ExposureMode, UnmetDemand


@dataclass(frozen=True)
class Kind:
    """What the markets of a kind share.

    - `products`, `rows`, `people` (per row), `lead_time`: sizes. `visits`: whether visiting is left to chance.
    - `stock_cap`, `max_order`: units; `max_order` 0 means no cap below `stock_cap`.
    - `tight`: supply capped at about the demand without exposure. `fixed_cost`: orders may have a fixed cost.
    - `exposure_cost`: of an exposure, U(0, .3) times this.
    - `persistence`, `carry_over`, `habit`: of intentions; `points` of their grid.
    - `levels`: exposure levels.
    """

    products: int = 2
    rows: int = 1
    people: int = 5
    lead_time: int = 1
    choice: Choice = "independent"
    substitution: bool = False
    exposure: ExposureMode = "intensity"
    unmet: UnmetDemand = "lost"
    visits: bool = False
    stock_cap: int = 13
    max_order: int = 4
    tight: bool = False
    fixed_cost: bool = False
    exposure_cost: float = 0.0
    lost_sale_cost: bool = True
    persistence: float = 0.0
    carry_over: float = 0.0
    habit: float = 0.0
    points: int = 9
    levels: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
    discount: float = 1.0


def random_market(kind: Kind, seed: int) -> Market:
    """A market of a kind, drawn from a seed.

    Prices are 1.2 to 2.5 times a unit cost of 4 to 8, holding costs 2% to 10% of it; exposure effects are U(.3, 3).

    ```python
    >>> market = random_market(Kind(products=1, lead_time=2), seed=3)
    >>> market.products, market.longest_lead_time, market.solve.stock_cap
    (1, 2, 13)

    ```
    """
    rng = np.random.default_rng([seed, 71])
    count = kind.products
    unit_cost = rng.uniform(4, 8, count)
    margin = unit_cost * rng.uniform(0.2, 1.5, count)
    utility = rng.normal(-1.5, 0.8, (kind.rows, count))
    base = kind.people * (1 / (1 + np.exp(-utility))).sum(0)
    largest = np.full(count, float(kind.max_order) if kind.max_order else np.inf)
    if kind.tight:
        largest = np.maximum(1, np.round(base * rng.uniform(0.8, 1.4, count)))
    products = {
        "price": unit_cost + margin,
        "unit_cost": unit_cost,
        "holding_cost": unit_cost * rng.uniform(0.02, 0.1, count),
        "lost_sale_cost": rng.uniform(0, 2, count) * kind.lost_sale_cost,
        "backorder_cost": rng.uniform(0.5, 2, count),
        "fixed_order_cost": rng.uniform(0.5, 3, count) * margin * kind.fixed_cost,
        "exposure_cost": rng.uniform(0, 0.3, count) * kind.exposure_cost,
        "lead_time": np.full(count, kind.lead_time),
        "max_order": np.minimum(largest, kind.max_order if kind.max_order else np.inf),
    }
    return build_market(
        products,
        utility,
        np.broadcast_to(rng.uniform(0.3, 3, count), utility.shape),
        population=np.full(kind.rows, kind.people),
        visit_probability=rng.uniform(0.4, 0.9, kind.rows) if kind.visits else None,
        persistence=kind.persistence,
        carry_over=kind.carry_over,
        habit=kind.habit,
        discount=kind.discount,
        choice=kind.choice,
        substitution=kind.substitution,
        exposure=kind.exposure,
        unmet_demand=kind.unmet,
        name=f"random-{seed}",
        solve=SolveSettings(kind.stock_cap, kind.stock_cap, kind.levels, kind.points),
    )


KINDS: dict[str, Kind] = {
    "one-product": Kind(products=1, people=8, stock_cap=16, max_order=8),
    "one-product-now": Kind(products=1, people=8, lead_time=0, stock_cap=16, max_order=8),
    "long-lead": Kind(products=1, people=6, lead_time=3, stock_cap=16, max_order=5),
    "two-products": Kind(),
    "two-products-now": Kind(lead_time=0),
    "two-products-tight": Kind(tight=True),
    "backordered": Kind(products=1, people=6, unmet="backordered", stock_cap=14, max_order=6),
    "two-backordered": Kind(unmet="backordered", people=4, stock_cap=9, max_order=4),
    "fixed-cost": Kind(products=1, people=8, fixed_cost=True, stock_cap=24, max_order=0),
    "two-fixed-cost": Kind(fixed_cost=True, lead_time=0, max_order=8),
    "three-products": Kind(products=3, people=2, stock_cap=6, max_order=3, levels=(0.0, 0.5, 1.0)),
    "two-rows": Kind(rows=2, people=3, levels=(0.0, 0.5, 1.0)),
    "slate": Kind(rows=2, people=3, exposure="slate"),
    "choice": Kind(choice="multinomial"),
    "substitution": Kind(choice="multinomial", substitution=True, exposure="slate"),
    "visits": Kind(visits=True, exposure_cost=1.0),
    "carry-over": Kind(products=1, people=6, persistence=0.7, carry_over=1.0, stock_cap=14, max_order=6, points=21),
    "habit": Kind(
        products=1, people=5, persistence=0.6, carry_over=0.5, habit=0.8, stock_cap=12, max_order=5, points=15
    ),
    "visits-carry-over": Kind(
        products=1, people=5, persistence=0.6, carry_over=1.0, visits=True, max_order=5, points=15
    ),
    "two-carry-over": Kind(
        people=3, persistence=0.5, carry_over=1.0, stock_cap=7, max_order=3, points=6, levels=(0.0, 0.5, 1.0)
    ),
}
"""Kinds that together meet most rules of the market that the solver knows; seasons, discounts and lots are put to them
with `replace`."""
