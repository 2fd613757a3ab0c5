"""How to calibrate, and what to assume of what the data do not say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class MarketSettings:
    """What is stated where a firm's tables do not say it. A product's own value in the tables comes first.

    - `margin`: gross margin as a share of price; `margin_by_department` comes before it.
    - `holding_rate`: holding cost per unit and period, as a share of unit cost: capital at some 20% a year,
      space and shrinkage make 0.5 to 1% a week.
    - `lead_time`: periods. `lost_sale_cost`, `exposure_cost`, `fixed_order_cost`: money.
    - `supply_cap`: largest order as a multiple of base demand; `None` for no cap.
    - `exposure_slots`: products shown to a customer per period.
    """

    margin: float = 0.25
    margin_by_department: Mapping[str, float] = field(default_factory=dict)
    holding_rate: float = 0.01
    lead_time: int = 1
    lost_sale_cost: float = 0.0
    fixed_order_cost: float = 0.0
    exposure_cost: float = 0.0
    supply_cap: float | None = None
    exposure_slots: int = 3


STATED = ("margin", "holding_rate", "lost_sale_cost", "exposure_cost", "stated_effect")
"""What a firm may state in `mapping.toml`; an option of the command line comes before it."""


@dataclass(frozen=True)
class CalibrationSettings:
    """How to calibrate.

    - `candidates_per_customer`: products modelled per customer (see `intandem.data.calibration.candidates`); all of
      them if there are fewer.
    - `holdout_share`: share of last periods to hold out where the calendar names no test periods.
    - `least_observed`: periods of which a smaller fraction was recorded are left out.
    - `across_stores`: also control for the product's mean exposure in each period, so that only differences
      between customers or stores in the same period count.
    - `largest_elasticity`: an elasticity above it is an event's lift (a promotion announced, a pile at the door) and
      no response to price, which on average is 2.6 (Bijmolt, van Heerde and Pieters 2005): prices are then left out.
    - `stated_exposure_effect`, `stated_carry_over`: taken where the data have no exposures.
    - `market`: what the data do not say of supply and costs.
    """

    candidates_per_customer: int = 60
    holdout_share: float = 0.15
    least_observed: float = 0.5
    across_stores: bool = False
    largest_elasticity: float = 4.0
    stated_exposure_effect: float = 0.4
    stated_carry_over: float = 0.2
    market: MarketSettings = field(default_factory=MarketSettings)

    def with_stated(self, stated: Mapping[str, float]) -> CalibrationSettings:
        """With what a firm states, by the keys of `STATED`, in place of the defaults.

        ```python
        >>> found = CalibrationSettings().with_stated({"margin": 0.4, "stated_effect": 0.7})
        >>> found.market.margin, found.stated_exposure_effect, found.market.holding_rate
        (0.4, 0.7, 0.01)

        ```
        """
        own: dict[str, Any] = {key: value for key, value in stated.items() if key != "stated_effect"}
        effect = stated.get("stated_effect", self.stated_exposure_effect)
        return replace(self, stated_exposure_effect=effect, market=replace(self.market, **own))
