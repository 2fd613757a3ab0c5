"""One purchase at most per visitor: the shares of a multinomial choice as linear constraints.

In the manner of the sales-based linear program of Gallego, Ratliff and Shebalov (2015, A General Attraction Model and
Sales-Based Linear Program for Network Revenue Management under Customer Choice, Operations Research 63(1)): the share
of a product is its weight times the share `p0` of visitors who buy nothing, and `exp` lies below its chord.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from intandem.market import Market
from intandem.theory.bounds.curves import DemandCurves, Season

LARGEST_WEIGHT = 1e3
"""A pair whose weight can exceed this has no chord: it says next to nothing, and would strain the solver."""

TOUCHED = (0.0, 0.5, 1.0)
"""Exposures at which the weight's tangents bound shares from below."""

AddRows = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], slice]


@dataclass(frozen=True)
class ChoiceShares:
    """Constraints on shares, by cell. Columns: `p0` per cell, then per pair its share, then its exposure times `p0`.

    - `cell`, `place`, `product`: of each pair. `units`: units per period at a share of 1.
    - `unexposed`, `exposed`: largest weights relative to buying nothing, not shown and shown.
    - `exact`: whether weights are exactly `unexposed * exp(effect * exposure)`; `effect`: logit units.
    """

    cell: np.ndarray
    place: np.ndarray
    product: np.ndarray
    units: np.ndarray
    unexposed: np.ndarray
    exposed: np.ndarray
    effect: np.ndarray
    exact: bool
    cells: int
    slots: float

    @property
    def columns(self) -> int:
        """Number of columns."""
        return self.cells + 2 * len(self.cell)

    @property
    def chosen(self) -> np.ndarray:
        """The column of each pair's share."""
        return self.cells + np.arange(len(self.cell))

    def constrain(
        self, add: AddRows, first: int, curves: DemandCurves, pieces: tuple[np.ndarray, np.ndarray, np.ndarray]
    ) -> None:
        """Adds the rows.

        **Arguments:** `first`: the first column of these. `pieces`: cell, place and slope of each piece of exposure,
        the
        columns from 0.
        """
        pairs = len(self.cell)
        none, chosen = first + self.cell, first + self.chosen
        shown = chosen + pairs
        every, one = np.arange(pairs), np.ones(pairs)
        all_none = first + np.arange(self.cells)
        # Shares and `p0` add up to 1.
        row = np.concatenate([np.arange(self.cells), self.cell])
        column = np.concatenate([all_none, chosen])
        full = np.ones(self.cells)
        add(row, column, np.ones(len(row)), full)
        add(row, column, -np.ones(len(row)), -full)
        # Exposure times p0: at most p0, and within the slots.
        add(np.concatenate([every, every]), np.concatenate([shown, none]), np.concatenate([one, -one]), np.zeros(pairs))
        budget = np.concatenate([np.ones(pairs), np.full(self.cells, -self.slots)])
        row = np.concatenate([self.cell, np.arange(self.cells)])
        add(row, np.concatenate([shown, all_none]), budget, np.zeros(self.cells))
        # The chord of the weight.
        low, high = self.unexposed, self.exposed
        kept = np.flatnonzero(np.maximum(low, high) <= LARGEST_WEIGHT)
        self._rows(add, kept, (chosen, none, shown), (one, -low, low - high))
        if self.exact:
            for touch in TOUCHED:
                weight = low * np.exp(self.effect * touch)
                there = (-one, weight * (1 - self.effect * touch), weight * self.effect)
                self._rows(add, kept, (chosen, none, shown), there)
        self._below_curves(add, chosen, curves, pieces)

    @staticmethod
    def _rows(add: AddRows, kept: np.ndarray, columns: tuple[np.ndarray, ...], values: tuple[np.ndarray, ...]) -> None:
        row = np.tile(np.arange(len(kept)), len(columns))
        column = np.concatenate([one[kept] for one in columns])
        add(row, column, np.concatenate([one[kept] for one in values]), np.zeros(len(kept)))

    def _below_curves(
        self,
        add: AddRows,
        chosen: np.ndarray,
        curves: DemandCurves,
        pieces: tuple[np.ndarray, np.ndarray, np.ndarray],
    ) -> None:
        """No share exceeds what independent choice would give: others only take visitors away."""
        cell, place, slope = pieces
        number = np.zeros(curves.product.shape, int)
        number[self.cell, self.place] = np.arange(len(self.cell))
        row = np.concatenate([np.arange(len(self.cell)), number[cell, place]])
        column = np.concatenate([chosen, np.arange(len(cell))])
        add(row, column, np.concatenate([self.units, -slope]), curves.start[self.cell, self.place])


def choice_shares(market: Market, season: Season, curves: DemandCurves) -> ChoiceShares:
    """The constraints of a market with multinomial choice.

    Past exposures count as if all of them were within one budget with the present one and reached every person; habit
    and what cannot be so written count at their most favourable. After Gallego, Ratliff and Shebalov (2015); see this
    module.

    **Arguments:** `season`, `curves`: of this market.

    Weights of 1 and 3 against one of buying nothing, doubled by exposure; ten people, of whom half visit:

    ```python
    >>> from intandem.market import build_market
    >>> from intandem.theory.bounds.curves import demand_curves, season_of
    >>> products = {"price": np.ones(2), "unit_cost": np.zeros(2), "holding_cost": np.zeros(2)}
    >>> market = build_market(
    ...     products, np.log([[1.0, 3.0]]), np.log([[2.0, 2.0]]), choice="multinomial",
    ...     population=np.array([10]), visit_probability=np.array([0.5]))
    >>> season = season_of(market)
    >>> shares = choice_shares(market, season, demand_curves(market, season))
    >>> shares.units, shares.unexposed.round(5), shares.exposed.round(5), shares.exact
    (array([5., 5.]), array([1., 3.]), array([2., 6.]), True)

    ```
    """
    effect = np.asarray(market.exposure_effect, float)
    carry = float(market.carry_over)
    persistence = float(market.persistence) if market.traits.has_intention else 0.0
    past = carry * effect * persistence / (1 - persistence)
    index = np.asarray(market.pairs.index())
    habit = np.asarray(market.habit, float)[index] / (1 - persistence)
    gain = np.maximum(effect, 0) + (np.maximum(past, 0) if carry >= 0 else 0)
    free = np.maximum(habit, 0) + (np.maximum(past, 0) if carry < 0 else 0)
    utility = np.asarray(market.base_utility, float) + free
    shifted = np.concatenate([utility + shift[index] for shift in season.largest])
    cell, place = np.nonzero(curves.product < market.products)
    groups = len(season.weight)
    at = (cell, place)
    visits = np.tile(np.asarray(market.visit_probability, float), groups)
    exact = not (market.traits.has_intention or market.substitution) and bool((season.least == season.largest).all())
    step = np.tile(effect if exact else gain, (groups, 1))[at]
    unexposed = np.exp(np.minimum(shifted[at], 300.0))
    return ChoiceShares(
        cell=cell,
        place=place,
        product=curves.product[at],
        units=(curves.persons * visits)[cell] * curves.units[curves.product[at]],
        unexposed=unexposed,
        exposed=unexposed * np.exp(np.minimum(step, 300.0)),
        effect=step,
        exact=exact,
        cells=curves.cells,
        slots=float(market.exposure_slots),
    )
