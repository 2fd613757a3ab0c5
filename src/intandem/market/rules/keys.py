"""What a market may hold: its sections, its tables, and for every key the values it takes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from intandem.market.model import Choice, ExposureMode, PeriodName, UnmetDemand

LARGEST_WHOLE = 2.0**24
"""The largest whole number up to which single precision counts without gaps."""

LONGEST_LEAD_TIME = 1_000.0
"""Periods; the state holds one row of the pipeline for each."""


@dataclass(frozen=True)
class Key:
    """The values a key takes.

    - `kind`: a number, a whole number, several numbers, a text, true or false, or a period: its first day or number.
    - `required`: whether a file without the key is wrong.
    - `lowest`, `highest`: bounds; `above` and `below` leave the bound itself out.
    - `options`: the only texts allowed, if there are any.
    """

    kind: Literal["number", "whole", "numbers", "text", "flag", "period"] = "number"
    required: bool = False
    lowest: float = -math.inf
    highest: float = math.inf
    above: bool = False
    below: bool = False
    options: tuple[str, ...] = ()

    @property
    def numeric(self) -> bool:
        """Whether one value is a number."""
        return self.kind in ("number", "whole")

    @property
    def bounded(self) -> bool:
        """Whether some finite number is out of range."""
        return math.isfinite(self.lowest) or math.isfinite(self.highest)

    @property
    def expectation(self) -> str:
        """What to give, in words.

        ```python
        >>> Key("whole", lowest=1.0).expectation
        'a whole number of 1 or more'
        >>> Key(lowest=0.0, highest=1.0, above=True).expectation
        'a number above 0 and at most 1'

        ```
        """
        if self.kind == "flag":
            return "true or false"
        if self.kind == "period":
            return "a day such as 2024-01-01, without quotes, or a whole number"
        if self.kind == "text":
            return f"one of {', '.join(self.options)}" if self.options else "a text in quotes"
        noun = {
            "number": "a number",
            "whole": "a whole number",
            "numbers": "a list of different numbers, each",
        }[self.kind]
        low, high = f"{self.lowest:g}", f"{self.highest:g}"
        if math.isinf(self.lowest):
            return noun
        if math.isinf(self.highest):
            return f"{noun} above {low}" if self.above else f"{noun} of {low} or more"
        if self.above:
            return f"{noun} above {low} and at most {high}"
        return f"{noun} from {low} to below {high}" if self.below else f"{noun} from {low} to {high}"


_TEXT = Key("text", required=True)
_COST = Key(lowest=0.0)
_REQUIRED_COST = Key(required=True, lowest=0.0)
_FLAG = Key("flag")
_WHOLE = Key("whole", lowest=0.0)

SECTIONS: dict[str, dict[str, Key]] = {
    "market": {
        "name": _TEXT,
        "period": Key("text", required=True, options=get_args(PeriodName)),
        "choice": Key("text", required=True, options=get_args(Choice)),
        "substitution": _FLAG,
        "exposure": Key("text", options=get_args(ExposureMode)),
        "exposure_slots": Key("whole", required=True, lowest=0.0),
        "unmet_demand": Key("text", options=get_args(UnmetDemand)),
        "discount": Key(lowest=0.0, highest=1.0, above=True),
        "observed": _FLAG,
        "first_period": Key("period"),
    },
    "intention": {
        "persistence": Key(lowest=0.0, highest=1.0, below=True),
        "carry_over": Key(),
        "habit": Key(),
    },
    "solve": {
        "stock_cap": Key("whole", lowest=1.0),
        "backlog_cap": _WHOLE,
        "exposure_levels": Key("numbers", lowest=0.0, highest=1.0),
        "intention_grid": Key("whole", lowest=2.0),
    },
}
"""The sections of a market file; only `market` must be there."""

TABLES: dict[str, dict[str, Key]] = {
    "products": {
        "product_id": _TEXT,
        "name": Key("text"),
        "category": Key("text"),
        "choice": Key("text", options=get_args(Choice)),
        "price": _REQUIRED_COST,
        "unit_cost": _REQUIRED_COST,
        "holding_cost": _REQUIRED_COST,
        "lost_sale_cost": _COST,
        "backorder_cost": _COST,
        "fixed_order_cost": _COST,
        "exposure_cost": _COST,
        "salvage": Key(),
        "elasticity": _COST,
        "regular_price": _COST,
        "lead_time": Key("whole", required=True, lowest=0.0, highest=LONGEST_LEAD_TIME),
        "min_order": _WHOLE,
        "order_multiple": Key("whole", lowest=1.0),
        "max_order": Key("whole", lowest=1.0),
        "initial_stock": _WHOLE,
        "habit": Key(),
        "units_per_purchase": Key(lowest=1.0, highest=LARGEST_WHOLE),
        "unit_size": Key(lowest=0.0, highest=1.0, above=True),
    },
    "customers": {
        "customer_id": _TEXT,
        "population": Key("whole", lowest=1.0),
        "visit_probability": Key(lowest=0.0, highest=1.0),
    },
    "pairs": {
        "customer_id": _TEXT,
        "product_id": _TEXT,
        "base_utility": Key(required=True),
        "exposure_effect": Key(required=True),
    },
    "season": {
        "product_id": _TEXT,
        "position": Key("whole", required=True, lowest=0.0),
        "utility_shift": Key(required=True),
    },
}
"""The tables of a market file, inline or in Parquet; all but `season` must be there."""

PRODUCT_DEFAULTS: dict[str, float] = {
    "lost_sale_cost": 0.0,
    "backorder_cost": 0.0,
    "fixed_order_cost": 0.0,
    "exposure_cost": 0.0,
    "elasticity": 0.0,
    "lead_time": 1.0,
    "min_order": 0.0,
    "order_multiple": 1.0,
    "max_order": np.inf,
    "units_per_purchase": 1.0,
    "unit_size": 1.0,
}
"""What a product has when nobody says otherwise. Besides: `salvage` is the unit cost, `regular_price` the price,
`habit` the market's, `initial_stock` the newsvendor level of `lead_time + 1` periods at zero exposure."""

PRODUCT_TEXTS = ("name", "category", "choice")
"""The keys of a product that hold texts, beside its id; a product may have none."""

IDS = ("customer_id", "product_id")
"""The keys that name a row."""
