"""Which assumptions of the statements C1 to C4 and T1 to T4 a market does not meet, in words."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from intandem.market import Market
from intandem.theory.intertemporal.grid import places


def broken_assumptions(market: Market, statement: str) -> tuple[str, ...]:
    """The assumptions of a statement that a market does not meet; empty inside.

    ```python
    >>> from intandem.market import example_market
    >>> broken_assumptions(example_market("two-products-capped"), "T2")
    ('more than one product',)

    ```
    """
    return tuple(_WORDS[one] for one in _ASSUMED[statement] if not _MET[one](market))


def supply_binds(market: Market) -> bool:
    """Whether some product cannot be ordered as fast as it would sell if everybody were shown it.

    That is `max_order < sum over rows of population * visit_probability * sigmoid(base_utility + max(effect, 0))`,
    units per period.

    Five units against `12 sigmoid(0.5) = 7.5`, and no cap:

    ```python
    >>> from intandem.market import example_market
    >>> from intandem.theory.random_markets import KINDS, random_market
    >>> supply_binds(example_market("two-products-capped")), supply_binds(random_market(KINDS["fixed-cost"], 0))
    (True, False)

    ```
    """
    shown = np.asarray(market.base_utility, float) + np.maximum(np.asarray(market.exposure_effect, float), 0)
    people = np.asarray(market.population, float) * np.asarray(market.visit_probability, float)
    demand = expit(shown) * people[:, None]
    units = np.asarray(market.units_per_purchase, float)
    at = places(market)
    largest = np.asarray(market.max_order, float)
    return any(largest[j] < units[j] * demand[at == j].sum() for j in range(market.products))


def _multiples(market: Market) -> bool:
    return bool((np.asarray(market.order_multiple) == 1).all() and (np.asarray(market.min_order) <= 1).all())


def _no_limits(market: Market) -> bool:
    return bool(np.isinf(np.asarray(market.max_order)).all()) and _multiples(market)


_MET = {
    "lead time 0": lambda market: market.longest_lead_time == 0,
    "lead time": lambda market: bool((np.asarray(market.lead_time) >= 1).all()),
    "no fixed cost": lambda market: not market.traits.fixed_costs,
    "no lots": _multiples,
    "no limits": _no_limits,
    "one product": lambda market: market.products == 1,
    "two products": lambda market: market.products <= 2,
    "one row": lambda market: market.rows == 1,
    "independent": lambda market: market.choice == "independent",
    "no substitution": lambda market: not market.substitution,
    "effects": lambda market: bool((np.asarray(market.exposure_effect) >= 0).all()),
    "no habit": lambda market: not market.traits.habitual,
    "habit": lambda market: bool((np.asarray(market.habit) >= 0).all()),
    "persistence": lambda market: float(market.persistence) >= 0,
    "lost": lambda market: market.unmet_demand == "lost",
    "binds": supply_binds,
    "no holding": lambda market: bool((np.asarray(market.holding_cost) == 0).all()),
    "salvage": lambda market: bool((np.asarray(market.salvage) >= np.asarray(market.unit_cost)).all()),
}

_WORDS = {
    "lead time 0": "orders take time to arrive",
    "lead time": "some orders arrive at once",
    "no fixed cost": "orders have a fixed cost",
    "no lots": "orders come in lots or have a minimum",
    "no limits": "orders have limits",
    "one product": "more than one product",
    "two products": "more than two products",
    "one row": "more than one customer row",
    "independent": "customers choose one product among all",
    "no substitution": "customers substitute what is out of stock",
    "effects": "some exposure lowers demand",
    "no habit": "purchases form habits",
    "habit": "purchases satiate",
    "persistence": "intentions alternate",
    "lost": "unmet demand is backordered",
    "binds": "supply never binds",
    "no holding": "stock that is left costs something, under binomial noise",
    "salvage": "stock that is left loses value",
}

_ASSUMED: dict[str, tuple[str, ...]] = {
    "C1": ("effects", "no substitution"),
    "C2": ("one row", "independent", "effects"),
    "C2-cross": ("one row", "independent", "effects", "two products"),
    "C2-orders": ("no fixed cost", "no lots"),
    "C3": ("independent", "no limits", "no fixed cost"),
    "C4": (),
    "C4-equality": ("lead time 0", "no limits", "no fixed cost", "no holding", "salvage", "no substitution"),
    "T1": ("lead time 0", "no fixed cost", "no lots", "no habit", "persistence", "lost", "no substitution"),
    "T2": ("one product", "no fixed cost", "no lots", "effects"),
    "T3": ("binds", "no fixed cost", "independent"),
    "T4": ("lead time",),
}
"""Of each statement. That exposures are fixed (T1) and that orders vary (T4) is not a market's property."""
