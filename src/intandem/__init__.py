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

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# What each name is, for type checkers and editors, stands in `__init__.pyi`.
_HOMES = {
    "bounds": "intandem.theory.bounds",
    "calibrate": "intandem.data.calibration",
    "compare": "intandem.evaluation.compare",
    "example_market": "intandem.market.files",
    "family_market": "intandem.market",
    "firm_of_rules": "intandem.departments",
    "load_market": "intandem.market.files",
    "policy_of_rules": "intandem.departments",
    "save_market": "intandem.market.files",
    "simulate": "intandem.evaluation.simulation",
    "solve": "intandem.theory.intertemporal",
    "train": "intandem.learning",
    "validate_folder": "intandem.data.tables",
}

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
