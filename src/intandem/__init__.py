"""intandem: inventory and recommendation, in tandem.

```python
>>> import intandem
>>> market = intandem.example_market("two-products-capped")
>>> policy = intandem.policy_of_rules(market, "base-stock", "uplift:filter=in-stock")
>>> 30 < intandem.simulate(market, policy, periods=200, runs=4).profit < 43
True

```
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import Any

# What is assumed, left out and found on the way goes to the loggers under `intandem`; who wants it configures logging.
logging.getLogger(__name__).addHandler(logging.NullHandler())

__version__ = "0.1.0"

# What each name is, for type checkers and editors, stands in `__init__.pyi`.
_NAMES = {
    "intandem.data.calibration": ("Calibration", "CalibrationSettings", "MarketSettings", "calibrate"),
    "intandem.data.sources": ("load_complete_journey", "load_ta_feng"),
    "intandem.data.sources.fetch": ("fetch",),
    "intandem.data.tables": ("Tables", "ValidationReport", "validate_folder"),
    "intandem.departments": ("Department", "JointPolicy", "firm_of_rules", "policy_of_rules"),
    "intandem.errors": ("InputError", "RunError"),
    "intandem.evaluation.catalogue": ("catalogue",),
    "intandem.evaluation.compare": ("compare", "replay"),
    "intandem.evaluation.comparison": ("Comparison", "MethodResult"),
    "intandem.evaluation.insights": ("insights",),
    "intandem.evaluation.plots": ("plot_learning", "plot_products", "plot_profit"),
    "intandem.evaluation.policies": ("PolicyLike", "policy_of"),
    "intandem.evaluation.simulated": ("Simulated", "Trace"),
    "intandem.evaluation.simulation": ("simulate", "trace"),
    "intandem.forecasting": ("Forecast", "forecast"),
    "intandem.learning": ("Timescales", "TrainSettings", "Training", "load_bundle", "save_bundle", "train"),
    "intandem.market": (
        "FAMILIES",
        "Decision",
        "Market",
        "Outcome",
        "State",
        "build_market",
        "check_decision",
        "family_market",
        "initial_state",
        "market_of",
        "rollout",
        "step",
    ),
    "intandem.market.files": ("example_market", "load_market", "save_market"),
    "intandem.operation": ("Decisions", "decide"),
    "intandem.theory.bounds": ("Bounds", "bounds"),
    "intandem.theory.insights": ("Finding", "Findings"),
    "intandem.theory.intertemporal": ("PolicyTable", "Solution", "read_policy", "solve", "tabled_policy"),
}

_HOMES = {name: home for home, names in _NAMES.items() for name in names}

_RENAMED = {"firm_of_rules": "policy_of_rules"}
"""Names of before, which go on working, and what they are now."""

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> Any:
    # Loaded when first used: `import intandem` alone must not cost seconds.
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), _RENAMED.get(name, name))
    raise AttributeError(f"module 'intandem' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
