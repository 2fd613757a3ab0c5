"""The best rule that a planner could pick: settings tuned on the simulator, on a grid kept here.

The grid is walked in three steps, each judging every setting on the same random numbers: the inventory rule beside
three recommendation rules, then the recommendation rule beside the best inventory rules, then one setting at a time
around the best pair until nothing improves. Its seeds are its own, so that the winner is judged on numbers that it was
not chosen for. What comes out are the texts of two rules, which `intandem simulate` takes as they are.
"""

from __future__ import annotations

import dataclasses
import itertools
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from intandem.departments import JointPolicy, Reference, inventory_rule, recommendation_rule, reference
from intandem.display import Displayed
from intandem.evaluation.simulation import default_warmup, simulate
from intandem.market import Market

_logger = logging.getLogger(__name__)

SERVICE: tuple[float, ...] = (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0, 4.0)
"""Shifts of the safety factor: the level is `mean + (z + service) deviation` over lead time + 1."""

FIRST_SERVICE: tuple[float, ...] = (-1.0, 0.0, 1.0)
"""Those that the first step looks at; the last step reaches the others."""

ANTICIPATE: tuple[float, ...] = (0.0, 0.5, 1.0, 1.5)
"""Shares of the lift of a stock-blind recommendation that orders count on."""

CAP: tuple[float | None, ...] = (None, 1.0, 1.25, 1.6, 2.0)
"""Largest orders of a capped base-stock policy, in periods of base demand with the anticipated lift."""

BURY: tuple[float, ...] = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0)
"""Products with less than so many periods of expected demand on hand are left out of the exposure."""

BOOST: tuple[float, ...] = (0.0, 0.25, 0.5, 1.0, 2.0)
"""Growth of a product's score for each doubling of the periods of demand on hand (overstock boost)."""

StockSeen = Literal["nothing", "shelf", "cover"]

TUNING_SEED = 990_000
"""Tuning draws its random numbers from here on, apart from the seeds that policies are judged on (0 and up)."""

PAIR_PERIODS = 4_000_000
"""Customer-product pairs x periods that judging one setting may simulate in the first two steps."""

FINALISTS = 4


@dataclass(frozen=True)
class RuleSettings:
    """One point of the grid. `cap` is in periods of demand; `reorder` chooses (s, S) over base-stock.

    ```python
    >>> RuleSettings(bury=0.5, boost=1.0).recommendation()
    'uplift:filter=in-stock,bury=0.5,boost=1'

    ```
    """

    service: float = 0.0
    anticipate: float = 1.0
    cap: float | None = None
    reorder: bool = False
    popular: bool = False
    in_stock: bool = True
    bury: float = 0.0
    boost: float = 0.0

    def inventory(self, standing: Reference) -> str:
        """The text of the inventory rule."""
        settings = f"service={self.service:g},anticipate={self.anticipate:g}"
        if self.reorder:
            return f"s-S:{settings}"
        if self.cap is None:
            return f"base-stock:{settings}"
        demand = np.asarray(standing.base, float).mean(0) + self.anticipate * np.asarray(standing.lift, float)
        caps = "/".join(f"{units:g}" for units in np.maximum(np.ceil(self.cap * demand), 1.0))
        return f"capped-base-stock:cap={caps},{settings}"

    def recommendation(self) -> str:
        """The text of the recommendation rule."""
        shown = "in-stock" if self.in_stock else "none"
        if self.popular:
            return f"popularity:filter={shown}"
        return f"uplift:filter={shown},bury={self.bury:g},boost={self.boost:g}"


@dataclass(frozen=True, repr=False)
class TunedRule(Displayed):
    """The winner: its policy, the texts of its rules, and every setting tried with its profit per period.

    `tried` holds the first look at each; `profit` is the last, longest look at the winner, on tuning's own seeds.
    """

    policy: JointPolicy
    inventory: str
    recommendation: str
    settings: RuleSettings
    profit: float
    tried: dict[RuleSettings, float]


def best_rule(
    market: Market,
    *,
    looks_at: StockSeen = "cover",
    seed: int = 0,
    progress: Callable[[int, float], object] | None = None,
) -> TunedRule:
    """Tunes a pair of rules on a market.

    **Arguments:**

    - `looks_at`: what recommendation sees of stock: `nothing`, the best silo of two rules; `shelf`, an in-stock
      filter hides what is out of stock; `cover`, it also hides what is low and pushes what is plenty.
    - `seed`: of tuning's own random numbers. `progress`: called with the number tried and the best profit so far.
    """
    search = _Search(market, seed, progress)
    in_stock = looks_at != "nothing"
    first_looks = [RuleSettings(in_stock=in_stock)]
    if looks_at == "cover":
        first_looks += [RuleSettings(bury=1.0), RuleSettings(bury=0.5, boost=0.5)]
    # Without fixed costs an (s, S) policy is a base-stock policy: its batch is one unit.
    forms: list[tuple[float | None, bool]] = [(cap, False) for cap in CAP]
    if market.traits.fixed_costs:
        forms.append((None, True))
    search.look(
        dataclasses.replace(shown, service=service, anticipate=anticipate, cap=cap, reorder=reorder)
        for shown in first_looks
        for (cap, reorder), service, anticipate in itertools.product(forms, FIRST_SERVICE, ANTICIPATE[:3])
    )
    levels = (BURY, BOOST) if looks_at == "cover" else ((0.0,), (0.0,))
    for best in search.leaders(2):
        stock = {name: getattr(best, name) for name in ("service", "anticipate", "cap", "reorder")}
        search.look(
            RuleSettings(**stock, in_stock=in_stock, bury=bury, boost=boost)
            for bury, boost in itertools.product(*levels)
        )
        search.look([RuleSettings(**stock, in_stock=in_stock, popular=True)])
    search.refine(by_cover=looks_at == "cover")
    return search.winner()


class _Search:
    """What was tried so far."""

    def __init__(self, market: Market, seed: int, progress: Callable[[int, float], object] | None) -> None:
        self.market = market
        self.standing = reference(market)
        self.seed = TUNING_SEED + 1_000 * seed
        self.progress = progress
        self.tried: dict[RuleSettings, float] = {}
        positions = 1 if market.season is None else market.season.shape[0]
        self.periods = -(-100 // positions) * positions
        self.warmup = default_warmup(market)
        once = (self.periods + self.warmup) * market.base_utility.size
        self.runs = int(np.clip(PAIR_PERIODS // once, 2, 32))

    def policy(self, settings: RuleSettings) -> JointPolicy:
        return JointPolicy(
            inventory_rule(self.market, settings.inventory(self.standing), standing=self.standing),
            recommendation_rule(self.market, settings.recommendation(), standing=self.standing),
        )

    def profit(self, settings: RuleSettings, longer: int, seed: int) -> float:
        periods = self.periods * longer
        return simulate(
            self.market, self.policy(settings), periods=periods, runs=self.runs, warmup=self.warmup, seed=seed
        ).profit

    def look(self, settings: Iterable[RuleSettings]) -> None:
        for one in settings:
            if one not in self.tried:
                self.tried[one] = self.profit(one, 1, self.seed)
                if self.progress is not None:
                    self.progress(len(self.tried), max(self.tried.values()))

    def leaders(self, count: int) -> list[RuleSettings]:
        return sorted(self.tried, key=self.tried.__getitem__, reverse=True)[:count]

    def refine(self, *, by_cover: bool) -> None:
        """One setting at a time to its neighbours on the grid, from the best, until nothing improves."""
        while True:
            (best,) = self.leaders(1)
            neighbours: list[RuleSettings] = []
            axes: dict[str, Sequence[float | None]] = {"service": SERVICE, "anticipate": ANTICIPATE}
            if not best.reorder:
                axes["cap"] = CAP
            if by_cover and not best.popular:
                axes |= {"bury": BURY, "boost": BOOST}
            for name, levels in axes.items():
                at = levels.index(getattr(best, name))
                for neighbour in levels[max(at - 1, 0) : at + 2]:
                    changed: dict[str, float | None] = {name: neighbour}
                    neighbours.append(dataclasses.replace(best, **changed))  # type: ignore[arg-type]
            self.look(neighbours)
            if self.leaders(1) == [best]:
                return

    def winner(self) -> TunedRule:
        """The best of the finalists over a longer look at other random numbers."""
        scores = {one: self.profit(one, 4, self.seed + 1) for one in self.leaders(FINALISTS)}
        best = max(scores, key=scores.__getitem__)
        inventory, recommendation = best.inventory(self.standing), best.recommendation()
        found = (inventory, recommendation, len(self.tried), scores[best])
        _logger.info("tuned: %s with %s, the best of %d settings tried, profit %.4g per period", *found)
        return TunedRule(
            policy=self.policy(best),
            inventory=inventory,
            recommendation=recommendation,
            settings=best,
            profit=scores[best],
            tried=self.tried,
        )
