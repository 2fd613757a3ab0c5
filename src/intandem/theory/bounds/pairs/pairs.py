"""Pairs of customer row and product, one by one: what is known of each, and what decides of it at prices."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import jax
import numpy as np
from jaxtyping import Array

from intandem.market import Market, build_market
from intandem.theory.bounds.curves import season_of

Numbers = np.ndarray | Array
Number = float | Array
"""NumPy's outside of compiled functions, JAX's inside."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Pairs:
    """Every pair of a market, and the range that its intention never leaves.

    - `row`, `place`, `product`: where it stands, shape `pairs`.
    - `utility`, `effect`, `habit`, `low`, `high` (of the intention): logit units, shape `pairs`. `shift`: the season's,
      price term included, shape `positions pairs`. `weight`: of each position, sums to 1.
    - `people`, `visits`: population of the row, and its chance of a visit. `persistence`, `carry_over`, `discount`: the
      market's. `slate`: whether exposures are 0 or 1.
    """

    row: Numbers
    place: Numbers
    product: Numbers
    utility: Numbers
    effect: Numbers
    habit: Numbers
    low: Numbers
    high: Numbers
    shift: Numbers
    weight: Numbers
    people: Numbers
    visits: Numbers
    persistence: Number
    carry_over: Number
    discount: Number
    slate: bool = field(metadata={"static": True})

    @property
    def count(self) -> int:
        """How many pairs."""
        return self.row.size

    @property
    def positions(self) -> int:
        """How many, in the cycle of the season."""
        return self.weight.size

    def part(self, chosen: np.ndarray) -> Pairs:
        """Some of them, by index."""
        by_pair = ("row", "place", "product", "utility", "effect", "habit", "low", "high", "people", "visits")
        picked = {name: getattr(self, name)[chosen] for name in by_pair}
        return replace(self, **picked, shift=self.shift[:, chosen])


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Worths:
    """What decides of a pair at prices: money per period.

    - `exposure`: paid per unit of exposure, shape `positions pairs`. `asked`: earned per unit asked for, of any sign,
      shape `positions pairs`. `served`: earned on top per unit served at once, shape `pairs`.
    """

    exposure: Numbers
    asked: Numbers
    served: Numbers

    def part(self, chosen: np.ndarray) -> Worths:
        """Those of some pairs, by index."""
        return Worths(self.exposure[:, chosen], self.asked[:, chosen], self.served[chosen])


def pairs_of(market: Market) -> Pairs:
    """The pairs of a market with independent choice.

    ```python
    >>> from intandem.market import example_market
    >>> pairs = pairs_of(example_market("two-products-capped"))
    >>> pairs.count, pairs.utility.round(6), pairs.people
    (2, array([-2. , -1.2]), array([12, 12]))

    ```
    """
    row, place = np.nonzero(np.asarray(market.pairs.valid()))
    product = np.asarray(market.pairs.index())[row, place]
    season = season_of(market)
    kept = float(market.persistence) if market.traits.has_intention else 0.0
    effect = np.asarray(market.exposure_effect, float)[row, place]
    habit = np.asarray(market.habit, float)[product]
    past, bought = float(market.carry_over) * effect * kept / (1 - kept), habit / (1 - kept)
    low, high = (extreme(past, 0.0) + extreme(bought, 0.0) for extreme in (np.minimum, np.maximum))
    return Pairs(
        row=row,
        place=place,
        product=product,
        utility=np.asarray(market.base_utility, float)[row, place],
        effect=effect,
        habit=habit,
        low=low,
        # A range of nothing, where nothing is remembered, would have no grid.
        high=np.maximum(high, low + 0.1),
        shift=season.least[:, product],
        weight=season.weight,
        people=np.rint(np.asarray(market.population, float)[row]).astype(int),
        visits=np.asarray(market.visit_probability, float)[row],
        persistence=kept,
        carry_over=float(market.carry_over),
        discount=float(market.discount),
        slate=market.exposure == "slate",
    )


def loyal_pair() -> Pairs:
    """One person of utility 0 whom a purchase moves by 2 for one period, for examples.

    ```python
    >>> pair = loyal_pair()
    >>> pair.count, pair.habit, pair.high
    (1, array([2.]), array([2.]))

    ```
    """
    product = {"price": np.ones(1), "unit_cost": np.zeros(1), "holding_cost": np.zeros(1)}
    return pairs_of(build_market(product, np.zeros((1, 1)), np.zeros((1, 1)), habit=2.0))
