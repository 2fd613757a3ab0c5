"""How much a customer row can ask for at most, on average, as a function of its average exposure.

Purchase probability is `sigmoid` of a utility that moves with exposures and purchases. Over a long run only the mean of
that utility is pinned down by the mean exposure, so the mean probability lies below the concave envelope of `sigmoid`
over the utilities that can be reached (Jensen). The envelope is the lower envelope of the lines `conjugate(r) + r z`,
for every slope `r`; a few well-chosen slopes give a piecewise-linear curve above it. The proofs are in
`docs/explanation/bounds.md`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from intandem.market import Market

PIECES = 24
"""Tangents on the curved part of an envelope: with 24 the curve lies above the envelope by less than 5e-4, in
probability, and between tangents only; twice as many quarter that."""

PLACES_AT_ONCE = 200_000


@dataclass(frozen=True)
class Season:
    """Utility shifts over the cycle: `weight` of each group of positions (sums to 1), and the least and the largest
    shift of each product within a group, shape `groups products`, season and price terms together."""

    weight: np.ndarray
    least: np.ndarray
    largest: np.ndarray


@dataclass(frozen=True)
class DemandCurves:
    """Upper bounds on mean demand by cell, a cell being a customer row in one group of season positions.

    Mean demand of a pair at mean exposure `a` is at most `start + sum_k slope_k y_k` for the best `y` with
    `sum_k y_k = a`, `0 <= y_k <= length_k`, in units per period; slopes fall along `k`, so the curve is concave. A
    purchase asks for its mean number of units, which scales the curve.

    - `product`: shape `cells width`; the number of products marks an empty place.
    - `start`: shape `cells width`. `length`, `slope`: shape `pieces cells width`.
    - `exposure_cost`: money per period and unit of exposure, shape `cells width`.
    - `persons`: population of the cell times its `season_weight`, its group's part of the cycle; shape `cells`.
    - `least_chance`, `largest_chance`: of a purchase of one person in one period, whatever is done, shape `cells
      width`.
    - `bounds_demand`: shape `products`; false where the curve bounds what is served and not what is asked for.
    - `slots`: exposures per cell. `groups`: of season positions; cells run group after group.
    - `units`: per purchase, shape `products`.
    """

    product: np.ndarray
    start: np.ndarray
    length: np.ndarray
    slope: np.ndarray
    exposure_cost: np.ndarray
    persons: np.ndarray
    season_weight: np.ndarray
    least_chance: np.ndarray
    largest_chance: np.ndarray
    bounds_demand: np.ndarray
    slots: float
    groups: int
    products: int
    units: np.ndarray

    @property
    def cells(self) -> int:
        """Number of cells."""
        return self.product.shape[0]

    def total(self, values: np.ndarray) -> np.ndarray:
        """Sum over cells, per product, of values of shape `cells width`."""
        sums = np.bincount(self.product.ravel(), np.asarray(values).ravel(), self.products + 1)
        return sums[: self.products]

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Product values at every place, 0 at an empty one, shape `cells width`."""
        return np.append(values, 0.0)[self.product]

    def least_demand(self) -> np.ndarray:
        """Mean demand per product and period below which no policy can push it, shape `products`."""
        return self.units * self.total(self.persons[:, None] * self.least_chance)

    def largest_demand(self) -> np.ndarray:
        """The largest mean demand per product of any one period, given whatever came before it, shape `products`."""
        by_group = np.zeros((self.groups, self.products))
        rows = self.cells // self.groups
        for group in range(self.groups):
            here = slice(group * rows, (group + 1) * rows)
            units = (self.persons[here] / self.season_weight[here])[:, None] * self.largest_chance[here]
            by_group[group] = np.bincount(self.product[here].ravel(), units.ravel(), self.products + 1)[:-1]
        return self.units * by_group.max(0)


def season_of(market: Market, groups: int | None = None) -> Season:
    """The market's season, its positions merged into at most `groups` runs of neighbours.

    With a discount below 1 a position weighs what its periods weigh, the first period being at position 0: `discount^t`
    over their sum. Shifts are in logit units, `-elasticity log(price / regular_price)` included.

    **Arguments:** `groups`: 1 or more; `None`: every position by itself.

    ```python
    >>> from intandem.market import build_market
    >>> product = {"price": np.ones(1), "unit_cost": np.zeros(1), "holding_cost": np.zeros(1)}
    >>> season = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> found = season_of(build_market(product, np.zeros((1, 1)), np.ones((1, 1)), season=season), groups=2)
    >>> found.weight, found.least.ravel(), found.largest.ravel()
    (array([0.5, 0.5]), array([0., 2.]), array([1., 3.]))

    ```
    """
    price_term = np.zeros(market.products)
    if market.traits.price_terms:
        price, regular = (np.maximum(np.asarray(v, float), 1e-6) for v in (market.price, market.regular_price))
        price_term = -np.asarray(market.elasticity, float) * np.log(price / regular)
    if market.season is None:
        return Season(np.ones(1), price_term[None], price_term[None])
    shift = np.asarray(market.season, float) + price_term
    positions = shift.shape[0]
    weight = float(market.discount) ** np.arange(positions)
    weight /= weight.sum()
    parts = np.array_split(np.arange(positions), positions if groups is None else min(groups, positions))
    return Season(
        np.array([weight[part].sum() for part in parts]),
        np.stack([shift[part].min(0) for part in parts]),
        np.stack([shift[part].max(0) for part in parts]),
    )


def demand_curves(market: Market, season: Season, pieces: int = PIECES) -> DemandCurves:
    """The curves of every pair in every group of season positions.

    A curve is the concave envelope of mean demand in mean exposure, by tangents; see this module and
    `docs/explanation/bounds.md`.

    **Arguments:** `season`: of this market. `pieces`: tangents per pair; more of them bring the curve nearer to the
    envelope.

    Of 12 people `sigmoid(-2)` and `sigmoid(-1.2)` buy unexposed, `sigmoid(0.5)` and `sigmoid(0.2)` exposed:

    ```python
    >>> from intandem.market import example_market
    >>> market = example_market("two-products-capped")
    >>> curves = demand_curves(market, season_of(market))
    >>> curves.start.round(3), (curves.start + (curves.slope * curves.length).sum(0)).round(3)
    (array([[1.43 , 2.778]]), array([[7.47 , 6.598]]))

    ```
    """
    rows, width = market.rows, market.pairs.width
    index = np.asarray(market.pairs.index())
    valid = np.asarray(market.pairs.valid())
    groups = len(season.weight)
    shape = (groups * rows, width)
    pieces_shape = (pieces + 2, *shape)
    start, least, largest = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    length, slope = np.zeros(pieces_shape), np.zeros(pieces_shape)
    block = max(1, PLACES_AT_ONCE // width)
    units = np.asarray(market.units_per_purchase, float)
    for group in range(groups):
        for first in range(0, rows, block):
            here = slice(first, min(first + block, rows))
            there = slice(group * rows + here.start, group * rows + here.stop)
            reach = _reach(market, season, group, here, index[here])
            one_start, one_length, one_slope = _piecewise(reach, pieces)
            persons = (np.asarray(market.population, float)[here] * season.weight[group])[:, None]
            persons = persons * units[index[here]]
            start[there] = np.where(valid[here], persons * one_start, 0.0)
            length[:, there] = one_length
            slope[:, there] = np.where(valid[here], persons * one_slope, 0.0)
            least[there] = np.where(valid[here], _least_chance(market, reach, valid[here]), 0.0)
            largest[there] = np.where(valid[here], reach.visits * expit(reach.high), 0.0)
    product = np.where(valid, index, market.products)
    visitors = np.asarray(market.population * market.visit_probability, float)
    cost = np.append(np.asarray(market.exposure_cost, float), 0.0)[product] * visitors[:, None]
    return DemandCurves(
        product=np.tile(product, (groups, 1)),
        start=start,
        length=length,
        slope=slope,
        exposure_cost=np.concatenate([weight * cost for weight in season.weight]),
        persons=np.concatenate([weight * np.asarray(market.population, float) for weight in season.weight]),
        season_weight=np.repeat(season.weight, rows),
        least_chance=least,
        largest_chance=largest,
        bounds_demand=~(_served_feeds_back(market) & (np.asarray(market.habit, float) < 0)),
        slots=float(market.exposure_slots),
        groups=groups,
        products=market.products,
        units=units,
    )


@dataclass(frozen=True)
class _Reach:
    """What is known of the utility of some pairs, each field of a shape that broadcasts to `rows width`.

    - `low`, `high`: the utility always lies between them; `floor`: that at the season's least shift.
    - `base`, `gain`, `feedback`: its mean is at most `base + gain * exposure + feedback * purchases per person`.
    - `visits`: visit probability. `ends_only`: it takes no value between `low` and `high`.
    """

    low: np.ndarray
    high: np.ndarray
    floor: np.ndarray
    base: np.ndarray
    gain: np.ndarray
    feedback: np.ndarray
    visits: np.ndarray
    ends_only: bool


def _served_feeds_back(market: Market) -> bool:
    """Whether a satiating habit may count on sales being demand served at once: the curve then bounds sales only."""
    return market.choice == "independent" and market.unmet_demand == "lost" and market.season is None


def _reach(market: Market, season: Season, group: int, rows: slice, index: np.ndarray) -> _Reach:
    persistence = float(market.persistence) if market.traits.has_intention else 0.0
    kept = persistence * float(market.discount)
    carry = float(market.carry_over)
    effect = np.asarray(market.exposure_effect, float)[rows]
    habit = np.asarray(market.habit, float)[index]
    visits = np.asarray(market.visit_probability, float)[rows, None]
    utility = np.asarray(market.base_utility, float)[rows]
    # Sums of weights over the past: all of it for what can be reached, discounted for the mean.
    past, habit_past = carry * effect * persistence / (1 - persistence), habit / (1 - persistence)
    below = np.minimum(effect, 0) + np.minimum(past, 0) + np.minimum(habit_past, 0)
    above = np.maximum(effect, 0) + np.maximum(past, 0) + np.maximum(habit_past, 0)
    shifted = utility + season.largest[group][index]
    low, high = shifted + below, shifted + above
    if market.season is None:
        gain = effect * (1 + carry * visits * kept / (1 - kept))
        feedback = habit * float(market.discount) / (1 - kept)
        if not _served_feeds_back(market):
            feedback = np.maximum(feedback, 0.0)
        base = shifted
    else:
        # Position by position: habit at its largest, and an average of past and present exposures under one budget.
        reached = visits * expit(utility + season.largest.max(0)[index] + above)
        base = shifted + np.maximum(habit_past, 0) * reached
        if carry >= 0:
            gain = effect + visits * past
        else:
            gain, base = np.maximum(effect, 0), base + np.maximum(past, 0) * visits
        feedback = np.zeros_like(habit)
    return _Reach(
        low=low,
        high=high,
        floor=utility + season.least[group][index] + below,
        base=base,
        gain=np.broadcast_to(gain, low.shape),
        feedback=np.broadcast_to(feedback, low.shape),
        visits=visits,
        ends_only=market.exposure == "slate" and not market.traits.has_intention,
    )


def _least_chance(market: Market, reach: _Reach, valid: np.ndarray) -> np.ndarray:
    """The least chance of a purchase of one person: with substitution a product may leave the choice altogether."""
    if market.choice == "independent":
        return reach.visits * expit(reach.floor)
    if market.substitution:
        return np.zeros_like(reach.low)
    others = np.where(valid, np.exp(np.minimum(reach.high, 300.0)), 0.0)
    crowd = others.sum(1, keepdims=True) - others
    return reach.visits * np.exp(reach.floor) / (1 + np.exp(reach.floor) + np.maximum(crowd, 0.0))


def conjugate(slope: np.ndarray, low: np.ndarray, high: np.ndarray, ends_only: bool = False) -> np.ndarray:
    """`max (sigmoid(z) - slope z)` over `low <= z <= high`: the line of that slope with this intercept lies above
    `sigmoid` there, and touches it.

    **Arguments:** `slope`: 0 or more. `ends_only`: over the two ends alone.

    ```python
    >>> float(conjugate(np.array(0.25), np.array(-3.0), np.array(0.0)))
    0.7974...

    ```
    """
    at_ends = np.maximum(expit(low) - slope * low, expit(high) - slope * high)
    if ends_only:
        return at_ends
    upper = 0.5 * (1 + np.sqrt(np.maximum(1 - 4 * slope, 0.0)))
    with np.errstate(divide="ignore", invalid="ignore"):
        place = np.log(upper / (1 - upper))
        inside = (slope <= 0.25) & (place > low) & (place < high)
        return np.where(inside, np.maximum(at_ends, upper - slope * place), at_ends)


def _tangent_point(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Where the chord from `low` touches `sigmoid` from above, at most `high`; `low` itself if it is 0 or more."""
    left, right = np.zeros_like(low), np.maximum(-low, 0.0)
    chance = expit(low)
    for _ in range(40):
        middle = 0.5 * (left + right)
        here = expit(middle)
        steeper = here * (1 - here) * (middle - low) > here - chance
        left, right = np.where(steeper, middle, left), np.where(steeper, right, middle)
    return np.clip(np.where(low < 0, right, low), low, high)


def _slopes(reach: _Reach, pieces: int) -> np.ndarray:
    """Slopes of the lines, falling: the chord, tangents evenly spaced in `sqrt(1 - p)`, and a level line."""
    low, high = reach.low, reach.high
    touch = high if reach.ends_only else _tangent_point(low, high)
    run = np.maximum(touch - low, 1e-9)
    at_low = expit(low)
    chord = np.where(touch - low > 1e-6, (expit(touch) - at_low) / run, at_low * (1 - at_low))
    last = np.clip(reach.base + np.maximum(reach.gain, 0) + np.maximum(reach.feedback, 0) * reach.visits, touch, high)
    share = np.linspace(0, 1, pieces)[:, None, None]
    rest = ((1 - share) * np.sqrt(expit(-touch)) + share * np.sqrt(expit(-last))) ** 2
    slopes = np.concatenate([chord[None], np.minimum(rest * (1 - rest), chord), np.zeros((1, *low.shape))])
    # With strong loyalty a steep line says nothing; any slope is valid, so it is held where the line does.
    loyalty = reach.visits * np.maximum(reach.feedback, 0)
    return np.minimum(slopes, 0.9 / np.maximum(loyalty, 1e-9))


def _piecewise(reach: _Reach, pieces: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Start, lengths and slopes of the curve of one person over exposures in [0, 1]."""
    steep = _slopes(reach, pieces)
    divisor = 1 - reach.visits * steep * reach.feedback
    intercept = reach.visits * (conjugate(steep, reach.low, reach.high, reach.ends_only) + steep * reach.base) / divisor
    slope = reach.visits * steep * np.maximum(reach.gain, 0) / divisor
    fall = slope[:-1] - slope[1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        meet = np.where(fall > 1e-13, (intercept[1:] - intercept[:-1]) / fall, 0.0)
    meet = np.maximum.accumulate(np.clip(meet, 0.0, 1.0), axis=0)
    ends = np.concatenate([np.zeros_like(meet[:1]), meet, np.ones_like(meet[:1])])
    return intercept.min(0), np.diff(ends, axis=0), slope
