"""Rules by name: `base-stock:level=25`, `capped-base-stock:level=26,cap=5`, `uplift:filter=in-stock`.

Settings take one value, or one per product separated by `/`. Without settings a rule computes its own. What a rule is
and what each of its settings means stands in the tables from which it is read: none can be read that is not described.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

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
from intandem.errors import InputError, did_you_mean
from intandem.market import Market, MarketLike, market_of


@dataclass(frozen=True)
class Setting:
    """A setting of a rule.

    - `meaning`, `unit`, `default`: in words. `per_product`: whether it may hold one value per product, as in `3/5`.
    """

    meaning: str
    unit: str
    default: str
    per_product: bool = False


@dataclass(frozen=True)
class Rule:
    """A rule by name: which department follows it, what it does, its settings by name, and a text that names it."""

    department: Literal["inventory", "recommendation"]
    does: str
    settings: dict[str, Setting]
    example: str


_LEVELS = {
    "service": Setting(
        "safety stock beyond the newsvendor level, in standard deviations of demand over lead time + 1 periods; "
        "below 0: less of it",
        "standard deviations",
        "0",
    ),
    "anticipate": Setting(
        "share of the lift that a stock-blind recommendation gives to demand that is counted on; 0: none, which "
        "is the default beside the recommendation none",
        "share",
        "1",
    ),
}

INVENTORY_RULES: dict[str, Rule] = {
    "base-stock": Rule(
        "inventory",
        "every period orders up to a level",
        {
            "level": Setting("order-up-to level, stock under way counted", "units", "the newsvendor level", True),
            **_LEVELS,
        },
        "base-stock:level=25",
    ),
    "capped-base-stock": Rule(
        "inventory",
        "orders up to a level, and never more than a cap at once",
        {
            "level": Setting("order-up-to level, stock under way counted", "units", "the newsvendor level", True),
            "cap": Setting("largest order", "units", "1.25 x a period's demand, rounded up", True),
            **_LEVELS,
        },
        "capped-base-stock:level=26,cap=5",
    ),
    "s-S": Rule(
        "inventory",
        "at or below s units, stock under way counted, orders up to S",
        {
            "s": Setting("reorder point", "units", "the newsvendor level, at most S", True),
            "S": Setting("order-up-to level, s or more", "units", "s + an economic order quantity", True),
            **_LEVELS,
        },
        "s-S:s=6,S=40",
    ),
}
"""By name. The newsvendor level is `intandem.departments.rules.order_up_to_level`: mean demand over lead time + 1
periods, and safety stock by the critical ratio."""

_FILTER = {"filter": Setting("in-stock: products without stock are not shown; none: blind to stock", "", "none")}

RECOMMENDATION_RULES: dict[str, Rule] = {
    "popularity": Rule(
        "recommendation", "shows every customer the products most in demand", _FILTER, "popularity:filter=in-stock"
    ),
    "uplift": Rule(
        "recommendation",
        "shows each customer what exposure earns most with: the purchases it adds x margin, less its cost",
        {
            **_FILTER,
            "bury": Setting("products with less stock than this are not shown; 0: all are", "periods of demand", "0"),
            "boost": Setting("the score grows by this share with each doubling of the stock's cover", "share", "0"),
        },
        "uplift:filter=in-stock,boost=0.2",
    ),
    "none": Rule("recommendation", "shows nothing", {}, "none"),
}
"""By name."""

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

    def __init__(self, place: str, text: str, known: dict[str, Rule], market: Market) -> None:
        self.place, self.market = place, market
        self.name, colon, rest = text.strip().partition(":")
        if not self.name:
            raise InputError(place, "is empty", f"choose one of {', '.join(known)}")
        if self.name not in known:
            elsewhere = (INVENTORY_RULES | RECOMMENDATION_RULES).get(self.name)
            what = "not a rule" if elsewhere is None else f"a rule of {elsewhere.department}"
            cure = did_you_mean(self.name, known) if elsewhere is None else f"choose one of {', '.join(known)}"
            raise InputError(place, f"'{self.name}' is {what}", cure)
        self.known = known[self.name].settings
        takes = f"it takes {', '.join(self.known)}, as key=value" if self.known else "it takes no settings"
        self.values: dict[str, str] = {}
        for item in rest.split(",") if colon else []:
            key, equals, value = (part.strip() for part in item.partition("="))
            if not item.strip() or (equals and not value):
                raise InputError(place, f"'{text}' leaves a setting empty", f"{takes}, or leave the colon or comma out")
            if not equals or key not in self.known:
                near = did_you_mean(key, self.known) if equals and self.known else takes
                cure = near if near.startswith("did") else takes
                raise InputError(place, f"'{item}' is not a setting of {self.name}", cure)
            if key in self.values:
                raise InputError(place, f"'{key}' is given twice", "give it once")
            self.values[key] = value

    def _given(self, key: str) -> str | None:
        """The text of a setting, which the rule's table must describe."""
        assert key in self.known, f"{self.name} reads a setting that it does not describe: {key}"
        return self.values.get(key)

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
        text = self._given(key)
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
        text = self._given(key)
        return jnp.asarray(default if text is None else self._number(key, text, low), jnp.float32)

    def in_stock(self) -> Float[Array, ""]:
        text = self._given("filter") or "none"
        if text not in _FILTERS:
            raise InputError(self.place, f"filter={text} is not known", f"choose one of {', '.join(_FILTERS)}")
        return jnp.asarray(float(text == "in-stock"))


def inventory_rule(
    market: Market, text: str, *, standing: Reference | None = None, place: str = "inventory", shown: bool = True
) -> Department[InventoryObservation]:
    """The inventory rule that a text names. `shown`: whether anything is recommended, whose lift may be counted on.

    **Raises:** `InputError` naming `place` for a rule or setting that is not known.
    """
    settings = _Settings(place, text, INVENTORY_RULES, market)
    standing = reference(market) if standing is None else standing
    service, anticipate = settings.scalar("service", 0.0), settings.scalar("anticipate", float(shown), 0.0)
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
    market: Market, text: str, *, standing: Reference | None = None, place: str = "recommendation"
) -> Department[RecommendationObservation] | Department[None]:
    """The recommendation rule that a text names.

    **Raises:** `InputError` naming `place` for a rule or setting that is not known.
    """
    settings = _Settings(place, text, RECOMMENDATION_RULES, market)
    standing = reference(market) if standing is None else standing
    if settings.name == "none":
        return NoExposure()
    bury, boost = (
        settings.scalar(key, 0.0, 0.0) if key in settings.known else jnp.zeros(()) for key in ("bury", "boost")
    )
    return RankedExposure(
        standing=standing,
        popular=jnp.asarray(float(settings.name == "popularity")),
        in_stock=settings.in_stock(),
        bury=bury,
        boost=boost,
    )


def policy_of_rules(market: MarketLike, inventory: str, recommendation: str) -> JointPolicy:
    """A policy whose two departments follow rules, given by their texts, in a market or in the one that is named.

    **Raises:** `InputError` for a rule or setting that is not known.

    ```python
    >>> from intandem.market import example_market
    >>> market = example_market("two-products-capped")
    >>> policy = policy_of_rules(market, "base-stock:level=25/31", "uplift:filter=in-stock")
    >>> policy.inventory.level.tolist()
    [25.0, 31.0]

    ```
    """
    market = market_of(market)
    standing = reference(market)
    recommending = recommendation_rule(market, recommendation, standing=standing)
    return JointPolicy(
        inventory_rule(market, inventory, standing=standing, shown=not isinstance(recommending, NoExposure)),
        recommending,
    )
