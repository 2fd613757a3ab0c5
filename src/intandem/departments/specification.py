"""Rules by name: `base-stock:level=25`, `capped-base-stock:level=26,cap=5`, `uplift:filter=in-stock`.

Settings take one value, or one per product separated by `/`. Without settings a rule computes its own.
"""

from __future__ import annotations

import difflib
import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from intandem.departments.department import Department
from intandem.departments.joint_policy import JointPolicy
from intandem.departments.outlook import Reference, reference
from intandem.departments.rules import (
    BaseStock,
    InventoryObservation,
    NoExposure,
    RankedExposure,
    RecommendationObservation,
    ReorderPoint,
)
from intandem.errors import InputError
from intandem.market import Market

INVENTORY_RULES: dict[str, tuple[str, ...]] = {
    "base-stock": ("level", "service", "anticipate"),
    "capped-base-stock": ("level", "cap", "service", "anticipate"),
    "s-S": ("s", "S", "service", "anticipate"),
}
RECOMMENDATION_RULES: dict[str, tuple[str, ...]] = {
    "popularity": ("filter",),
    "uplift": ("filter", "bury", "boost"),
    "none": (),
}
RULE_POLICIES: dict[str, tuple[str, str]] = {
    "silo": ("base-stock", "uplift"),
    "filtered-silo": ("base-stock", "uplift:filter=in-stock"),
}
"""Whole policies by name: the rules of their two departments."""

DUAL_PRICE = "dual-price"
"""The whole policy that acts on the prices of slots and stock; `intandem.theory.dual_price` computes its tables."""

_FILTERS = ("none", "in-stock")


class _Settings:
    """The settings written behind a rule's name, read one by one."""

    def __init__(self, place: str, text: str, known: dict[str, tuple[str, ...]], market: Market) -> None:
        self.place, self.market = place, market
        self.name, _, rest = text.partition(":")
        if not text.strip():
            raise InputError(place, "is empty", f"choose one of {', '.join(known)}")
        if self.name not in known:
            near = difflib.get_close_matches(self.name, known, 1)
            hint = f"did you mean '{near[0]}'?" if near else f"choose one of {', '.join(known)}"
            raise InputError(place, f"'{self.name}' is not a rule", hint)
        self.values: dict[str, str] = {}
        for item in filter(None, rest.split(",")):
            key, equals, value = item.partition("=")
            if not equals or key not in known[self.name]:
                allowed = ", ".join(known[self.name]) or "no settings"
                raise InputError(
                    place, f"'{item}' is not a setting of {self.name}", f"it takes {allowed}, as key=value"
                )
            if key in self.values:
                raise InputError(place, f"'{key}' is given twice", "give it once")
            self.values[key] = value

    def _number(self, key: str, text: str, low: float) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or value < low:
            bound = "a number" if low == -math.inf else f"a number of {low:g} or more"
            raise InputError(self.place, f"{key}={text} is not {bound}", f"give {bound}")
        return value

    def per_product(self, key: str, default: float) -> Float[Array, " products"]:
        text = self.values.get(key)
        count = self.market.products
        if text is None:
            return jnp.full(count, default, jnp.float32)
        values = [self._number(key, part, 0.0) for part in text.split("/")]
        if len(values) not in (1, count):
            raise InputError(
                self.place, f"{key} has {len(values)} values for {count} products", "give one, or one per product"
            )
        return jnp.asarray(np.broadcast_to(np.asarray(values, np.float32), count))

    def scalar(self, key: str, default: float, low: float = -math.inf) -> Float[Array, ""]:
        text = self.values.get(key)
        return jnp.asarray(default if text is None else self._number(key, text, low), jnp.float32)

    def in_stock(self) -> Float[Array, ""]:
        text = self.values.get("filter", "none")
        if text not in _FILTERS:
            raise InputError(self.place, f"filter={text} is not known", f"choose one of {', '.join(_FILTERS)}")
        return jnp.asarray(float(text == "in-stock"))


def inventory_rule(
    market: Market, text: str, *, standing: Reference | None = None, place: str = "--inventory"
) -> Department[InventoryObservation]:
    """The inventory rule that a text names.

    **Raises:** `InputError` naming `place` for a rule or setting that is not known.
    """
    settings = _Settings(place, text, INVENTORY_RULES, market)
    standing = reference(market) if standing is None else standing
    service, anticipate = settings.scalar("service", 0.0), settings.scalar("anticipate", 1.0, 0.0)
    if settings.name == "s-S":
        reorder, level = settings.per_product("s", math.nan), settings.per_product("S", math.nan)
        if bool((level < reorder).any()):
            raise InputError(place, "S lies below s", "give S of s or more")
        return ReorderPoint(standing, reorder, level, service, anticipate)
    cap = jnp.full(market.products, jnp.inf)
    if settings.name == "capped-base-stock":
        # Left to itself the cap is a quarter above the demand of a period: orders then follow demand's mean.
        usual = jnp.ceil(1.25 * (standing.base.mean(0) + anticipate * standing.lift))
        given = settings.per_product("cap", math.nan)
        cap = jnp.where(jnp.isnan(given), usual, given)
    return BaseStock(standing, settings.per_product("level", math.nan), service, anticipate, cap)


def recommendation_rule(
    market: Market, text: str, *, standing: Reference | None = None, place: str = "--recommendation"
) -> Department[RecommendationObservation] | Department[None]:
    """The recommendation rule that a text names.

    **Raises:** `InputError` naming `place` for a rule or setting that is not known.
    """
    settings = _Settings(place, text, RECOMMENDATION_RULES, market)
    standing = reference(market) if standing is None else standing
    if settings.name == "none":
        return NoExposure()
    return RankedExposure(
        standing=standing,
        popular=jnp.asarray(float(settings.name == "popularity")),
        in_stock=settings.in_stock(),
        bury=settings.scalar("bury", 0.0, 0.0),
        boost=settings.scalar("boost", 0.0, 0.0),
    )


def policy_of_rules(market: Market, inventory: str, recommendation: str) -> JointPolicy:
    """A policy whose two departments follow rules, given by their texts.

    **Raises:** `InputError` for a rule or setting that is not known.

    ```python
    >>> from intandem.market import example_market
    >>> market = example_market("two-products-capped")
    >>> policy = policy_of_rules(market, "base-stock:level=25/31", "uplift:filter=in-stock")
    >>> policy.inventory.level.tolist()
    [25.0, 31.0]

    ```
    """
    standing = reference(market)
    return JointPolicy(
        inventory_rule(market, inventory, standing=standing),
        recommendation_rule(market, recommendation, standing=standing),
    )
