"""C3: where supply is free, exposure goes by efficiency times profitability.

The optimum is found without using the statement, by moving exposure between two products of a row at a time for as
long as profit rises; then the statement's index is read off there.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from intandem.market import Market
from intandem.theory.cross_product.exposed_demand import DemandLaw, NormalDemand, Numbers
from intandem.theory.cross_product.exposed_newsvendor import Terms, order_given_exposure
from intandem.theory.cross_product.one_period import OnePeriod, one_period
from intandem.theory.insights.assumptions import broken_assumptions
from intandem.theory.insights.finding import Finding, nothing_to_test

INTERIOR = 1e-3
"""Exposures nearer to 0 or 1 than this count as at the end."""

EQUAL = 1e-2
"""Indices that differ by less than this share of the largest count as equal: the optimum is found numerically."""

_SWEEPS = 60
_STARTS = 4
_REFINEMENTS = 7

Noise = Literal["additive", "market"]


def check_priority(market: Market, noise: Noise = "additive") -> Finding:
    """C3: at an interior optimum (marginal demand per exposure) x margin - exposure cost is equal within a row.

    The statistic is the largest difference of that index between two products of a row that both have an interior
    exposure, as a share of the largest index there; a violation is a pair that differs by more than 1%.

    **Arguments:** `noise`: `additive`: normal with the standard deviation of unexposed demand, as assumed; `market`:
    the market's own, whose variance moves with exposure.

    **Raises:** `InputError` for a market that `one_period` refuses.

    Two products share exposure. Where orders are capped, at what the shelf can sell, the index is not the rule:

    ```python
    >>> from intandem.market import build_market, example_market
    >>> products = {"price": np.array([4.0, 5.0]), "unit_cost": np.ones(2), "holding_cost": np.zeros(2)}
    >>> free = build_market(products, np.ones((1, 2)), np.full((1, 2), 2.0), population=np.array([20]))
    >>> for market in (free, example_market("two-products-capped")):
    ...     found = check_priority(market)
    ...     found.holds, found.n, found.broken
    (True, 1, ())
    (False, 1, ('orders have limits',))

    ```
    """
    broken = broken_assumptions(market, "C3")
    if noise == "market":
        broken = (*broken, "noise is binomial, not additive")
    if market.choice != "independent" or market.exposure == "slate" or market.unmet_demand != "lost":
        return nothing_to_test("C3", "needs independent choice, exposure as an intensity and lost sales", broken)
    problem = one_period(market, np.zeros(market.products))
    exposures = _RowExposures(problem, noise)
    differences: list[float] = []
    for row in range(len(problem.population)):
        found = exposures.best_exposures(row)
        places = np.flatnonzero(problem.valid[row])
        inside = places[(found[places] > INTERIOR) & (found[places] < 1 - INTERIOR)]
        index = exposures.index(row, found)[inside]
        scale = max(float(np.abs(index).max(initial=0.0)), 1e-9)
        differences += [float(abs(a - b)) / scale for at, a in enumerate(index) for b in index[at + 1 :]]
    if not differences:
        return nothing_to_test("C3", "no two products of a row share its exposure at the optimum", broken)
    wrong = sum(one > EQUAL for one in differences)
    detail = f"{len(differences)} pairs of products that share exposure; indices differ by up to {max(differences):.2%}"
    return Finding("C3", wrong == 0, max(differences), wrong, len(differences), None, broken, detail)


class _RowExposures:
    """What the exposure of one row earns, other rows left out."""

    def __init__(self, problem: OnePeriod, noise: Noise) -> None:
        self.problem, self.noise = problem, noise

    def index(self, row: int, exposure: np.ndarray) -> np.ndarray:
        """(Marginal demand per exposure delivered) x margin - exposure cost, by place."""
        problem = self.problem
        chance = problem.choice_chances(exposure[None], np.array([row]))[0]
        product = np.minimum(problem.product[row], problem.products - 1)
        margin = np.asarray(problem.terms.price)[product] - np.asarray(problem.terms.unit_cost)[product]
        cost = np.asarray(problem.terms.exposure_cost)[product]
        return np.asarray(problem.effect[row] * chance * (1 - chance) * margin - cost)

    def profit(self, row: int, place: int, exposure: Numbers) -> np.ndarray:
        """One product's profit at many exposures."""
        problem = self.problem
        product = int(problem.product[row, place])
        response = problem.response(row, place)
        law: DemandLaw = response.law(exposure)
        terms = problem.terms_of(product)
        if self.noise == "additive":
            unshown = float(response.chance(0.0))
            deviation = float(np.sqrt(problem.population[row] * unshown * (1 - unshown)))
            law = NormalDemand(law.mean, max(deviation, 1e-6))
            terms = _continuous(terms)
        return order_given_exposure(terms, law, 0.0, response.exposures(exposure)).profit

    def best_exposures(self, row: int) -> np.ndarray:
        """The best of several starts, by place; a last place of its own stands for exposure that is not used."""
        problem = self.problem
        places = np.flatnonzero(problem.valid[row])
        rng = np.random.default_rng(row)
        count = len(places)
        best, most = np.zeros(problem.utility.shape[1]), -np.inf
        for start in range(_STARTS):
            share = rng.dirichlet(np.ones(count + 1)) * problem.slots if start else np.zeros(count + 1)
            shown = np.clip(share[:count], 0, 1)
            shown = self._climb(row, places, shown)
            profits = [self.profit(row, int(place), a) for place, a in zip(places, shown, strict=True)]
            earned = float(np.sum(profits))
            if earned > most + 1e-9:
                best, most = np.zeros(problem.utility.shape[1]), earned
                best[places] = shown
        return best

    def _climb(self, row: int, places: np.ndarray, shown: np.ndarray) -> np.ndarray:
        count = len(places)
        for _ in range(_SWEEPS):
            before = shown.copy()
            for one in range(count):
                for other in range(one + 1, count + 1):
                    self._exchange(row, places, shown, one, other)
            if np.abs(shown - before).max() < 1e-7:
                break
        return shown

    def _exchange(self, row: int, places: np.ndarray, shown: np.ndarray, one: int, other: int) -> None:
        """Moves exposure between two products, or between a product and what is not used, to the best split."""
        unused = self.problem.slots - shown.sum()
        held = unused if other == len(places) else shown[other]
        together = shown[one] + held
        low = 0.0 if other == len(places) else max(0.0, together - 1.0)
        high = min(1.0, together)
        if high - low < 1e-12:
            return

        def loss(share: Numbers) -> np.ndarray:
            earned = self.profit(row, int(places[one]), share)
            if other < len(places):
                earned = earned + self.profit(row, int(places[other]), together - share)
            return np.asarray(-earned)

        best, width = shown[one], 2 * (high - low)
        for _ in range(_REFINEMENTS):
            near = np.linspace(max(low, best - width / 2), min(high, best + width / 2), 41)
            # What is held stands first, so that a tie moves nothing.
            tried = np.concatenate([[best], near])
            best, width = tried[int(loss(tried).argmin())], width / 16
        shown[one] = best
        if other < len(places):
            shown[other] = together - shown[one]


def _continuous(terms: Terms) -> Terms:
    """The same product in quantities of any size."""
    fields = {name: getattr(terms, name) for name in Terms.__dataclass_fields__}
    return Terms(**(fields | {"order_multiple": 0.0, "min_order": 0.0}))
