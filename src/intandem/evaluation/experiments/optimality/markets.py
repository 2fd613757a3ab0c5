"""The markets of the optimality study: random ones of twenty kinds, kinds that bind, and costly exposure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from intandem.evaluation.experiments.experiment import Scale
from intandem.market import Market, example_market
from intandem.theory.random_markets import KINDS, Kind, random_market

FIRST_SEED = 5_000
"""Markets are drawn from seeds from here on, which nothing was tuned on."""

BINDING: dict[str, Kind] = {
    "capped": replace(KINDS["two-products-tight"], lead_time=0),
    "substitution-tight": replace(KINDS["substitution"], tight=True),
    "fixed-cost-exposed": Kind(people=4, fixed_cost=True, lead_time=1, max_order=8, stock_cap=15),
    "exposure-cost": Kind(
        products=1,
        people=12,
        persistence=0.6,
        carry_over=0.5,
        exposure_cost=6.0,
        stock_cap=24,
        max_order=8,
        points=21,
    ),
    "slate-tight": replace(KINDS["slate"], tight=True),
}
"""Kinds in which something binds: supply, one choice among all, a fixed cost, a cost of exposures that last."""

COSTLY = ("costly-exposure-1", "costly-exposure-2", "costly-exposure-3")

ARMS = ("mtma", "score")

FIRST_ROUND = 3
"""Markets of every kind that are met before more of any."""


@dataclass(frozen=True)
class Place:
    """One market: its `group` (`random`, `binding` or `costly`), kind, and draw."""

    draw: int
    group: str
    kind: str

    @property
    def name(self) -> str:
        """As the ledger and the tables have it."""
        return f"{self.kind}:{self.draw}" if self.group != "costly" else self.kind

    def market(self, seed: int = 0) -> Market:
        """The market itself; `seed` shifts what is drawn.

        ```python
        >>> Place(0, "binding", "slate-tight").market().exposure
        'slate'

        ```
        """
        if self.group == "costly":
            return example_market(self.kind)
        kinds = KINDS if self.group == "random" else BINDING
        return random_market(kinds[self.kind], FIRST_SEED + 1_000 * seed + self.draw)


@dataclass(frozen=True)
class Plan:
    """How many markets of which kinds, and how many of each are trained by `score` too."""

    random: dict[str, int]
    binding: dict[str, int]
    costly: tuple[str, ...]
    scored: int

    def places(self) -> list[Place]:
        """All markets."""
        found = [Place(0, "costly", name) for name in self.costly]
        for group, kinds in (("random", self.random), ("binding", self.binding)):
            found += [Place(draw, group, kind) for kind, draws in kinds.items() for draw in range(draws)]
        return found

    def batches(self) -> list[list[Place]]:
        """All markets, those together that share their compiled programs; a few of every kind come first, so that a
        study that is stopped has met them all."""
        found: list[list[Place]] = []
        for draws in (range(FIRST_ROUND), range(FIRST_ROUND, 1_000)):
            met: dict[str, list[Place]] = {}
            for one in self.places():
                if one.draw in draws:
                    met.setdefault("costly" if one.group == "costly" else one.kind, []).append(one)
            found += met.values()
        return found

    def arms(self, place: Place) -> tuple[str, ...]:
        """What is trained there."""
        return ARMS if place.draw < self.scored else ARMS[:1]


PLANS: dict[Scale, Plan] = {
    "small": Plan({"one-product": 3, "two-products-tight": 3}, {"capped": 2}, COSTLY[:1], scored=0),
    "full": Plan(dict.fromkeys(KINDS, 15), dict.fromkeys(BINDING, 12), COSTLY, scored=3),
}
