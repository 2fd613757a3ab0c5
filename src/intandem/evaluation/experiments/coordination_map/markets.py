"""The markets of the coordination map: a setting says what varies on purpose, a draw what is left to chance.

Two products share one slot of one customer row. Every setting meets the same draws, so that settings are compared on
common random markets. A product that has the whole slot for good meets a demand of half the customers per period,
whatever is drawn: so supply is exactly as tight as the setting says.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from intandem.market import Market, SolveSettings, build_market

PEOPLE = 8
FULL_DEMAND = PEOPLE / 2
LEVELS: dict[int, tuple[float, ...]] = {3: (0.0, 0.5, 1.0), 5: (0.0, 0.25, 0.5, 0.75, 1.0)}
HOLDING, LOST_SALE_COST = 0.03, 0.5


@dataclass(frozen=True)
class Setting:
    """What varies on purpose; the defaults are the base case.

    - `max_order`: units per product and period. `lead_time`: periods.
    - `margin_spread`: margins are the average margin times 1 plus and 1 less this.
    - `fixed_cost`: of an order, in unit margins times the demand of a product that is not shown.
    - `persistence`, `carry_over`: of intentions.
    - `levels`, `intention_points`: how many levels exposures, and points intentions, have in the solution.
    """

    max_order: int = 3
    lead_time: int = 1
    margin_spread: float = 0.3
    fixed_cost: float = 0.0
    persistence: float = 0.0
    carry_over: float = 0.0
    levels: int = 3
    intention_points: int = 6

    @property
    def tightness(self) -> float:
        """Supply: the largest order over a product's demand with full exposure."""
        return self.max_order / FULL_DEMAND

    @property
    def share_later(self) -> float:
        """The share of a lasting exposure's effect that comes in later periods."""
        later = self.carry_over * self.persistence / (1 - self.persistence)
        return later / (1 + later)


BASE = Setting()


def market_of(setting: Setting, draw: int, seed: int = 0) -> Market:
    """The market of a setting and a draw.

    Drawn: unit costs U(4, 8), the average markup U(.2, .9), exposure effects U(.5, 2.5), which product has the higher
    margin. Base utility makes demand with full exposure `FULL_DEMAND`. With carry-over, the effect of an exposure
    that lasts is as drawn, in this period and later ones together: only when it comes differs.

    ```python
    >>> market = market_of(Setting(max_order=2, margin_spread=0.0), draw=1)
    >>> market.products, float(market.max_order[0]), Setting(max_order=2).tightness
    (2, 2.0, 0.5)

    ```
    """
    rng = np.random.default_rng([seed, draw, 83])
    unit_cost = rng.uniform(4, 8, 2)
    average = unit_cost.mean() * rng.uniform(0.2, 0.9)
    effect = rng.uniform(0.5, 2.5, 2)
    higher = rng.permutation([1.0, -1.0])
    margin = average * (1 + higher * setting.margin_spread)
    utility = np.log(FULL_DEMAND / (PEOPLE - FULL_DEMAND)) - effect
    unshown = PEOPLE / (1 + np.exp(-utility))
    products = {
        "price": unit_cost + margin,
        "unit_cost": unit_cost,
        "holding_cost": HOLDING * unit_cost,
        "lost_sale_cost": np.full(2, LOST_SALE_COST),
        "fixed_order_cost": setting.fixed_cost * margin * unshown,
        "lead_time": np.full(2, setting.lead_time),
        "max_order": np.full(2, float(setting.max_order)),
    }
    return build_market(
        products,
        utility[None],
        effect[None] * (1 - setting.share_later),
        population=np.array([PEOPLE]),
        persistence=setting.persistence,
        carry_over=setting.carry_over,
        name=f"coordination-map-draw{draw}",
        solve=SolveSettings(_stock_cap(setting), None, LEVELS[setting.levels], setting.intention_points),
    )


def _stock_cap(setting: Setting) -> int:
    """Room that good policies hardly use up: more where orders are placed for several periods at once."""
    if setting.fixed_cost > 0:
        return 20
    return 10 if setting.share_later > 0 else 12
