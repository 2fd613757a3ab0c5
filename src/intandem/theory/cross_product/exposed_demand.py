"""One period's demand for a product under exposure, as an exact distribution: binomial, Poisson, normal, or a sum.

A `DemandLaw` holds one distribution for each of many exposures, so that a whole curve over exposure costs one call.
Its arrays have the shape of the exposures; `units` and `ratio` broadcast against it. Symbols: demand `D`, stock `z`.
Everything is double precision.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

_ROUNDING = 1e-12
"""Room for rounding in a distribution function when it is compared with a ratio."""

Numbers = np.ndarray | np.integer | np.floating | float | int


class DemandLaw(ABC):
    """The distribution of demand at each of many exposures."""

    @property
    @abstractmethod
    def mean(self) -> np.ndarray:
        """`E[D]`, units."""

    @abstractmethod
    def cumulative(self, units: Numbers) -> np.ndarray:
        """`F(z) = P(D <= z)`."""

    @abstractmethod
    def shortage(self, units: Numbers) -> np.ndarray:
        """`E[(D - z)+]`, units."""

    @abstractmethod
    def quantile(self, ratio: Numbers) -> np.ndarray:
        """The least `z >= 0` with `F(z) >= ratio`, the newsvendor level of a critical ratio (0 for a ratio of 0)."""


@dataclass(frozen=True)
class BinomialDemand(DemandLaw):
    """`D ~ Binomial(trials, chance)`: people of one kind, each buying with the same chance.

    ```python
    >>> law = BinomialDemand(12, np.array([0.2, 0.5]))
    >>> law.quantile(0.9), law.shortage(0).round(6)
    (array([4., 8.]), array([2.4, 6. ]))

    ```
    """

    trials: Numbers
    chance: Numbers

    @property
    def mean(self) -> np.ndarray:
        """`trials * chance`."""
        return np.asarray(self.trials * self.chance)

    def cumulative(self, units: Numbers) -> np.ndarray:
        """`P(D <= z)`."""
        return binomial_cumulative(units, self.trials, self.chance)

    def shortage(self, units: Numbers) -> np.ndarray:
        """`n p P(B' >= z) - z P(B >= z + 1)` with `B' ~ Binomial(n - 1, p)`, as `k C(n, k) = n C(n - 1, k - 1)`."""
        whole = np.floor(units)
        above = 1 - binomial_cumulative(whole, self.trials, self.chance)
        fewer = 1 - binomial_cumulative(whole - 1, np.maximum(np.subtract(self.trials, 1), 0), self.chance)
        return np.asarray(np.maximum(self.mean * fewer - units * above, 0.0))

    def quantile(self, ratio: Numbers) -> np.ndarray:
        """The least `z` with `F(z) >= ratio`."""
        return np.asarray(np.maximum(stats.binom.ppf(_below(ratio), self.trials, self.chance), 0.0))


@dataclass(frozen=True)
class PoissonDemand(DemandLaw):
    """`D ~ Poisson(rate)`: the limit of many people who buy seldom.

    ```python
    >>> PoissonDemand(np.array([4.0])).quantile(0.9)
    array([7.])

    ```
    """

    rate: Numbers

    @property
    def mean(self) -> np.ndarray:
        """`rate`."""
        return np.asarray(self.rate)

    def cumulative(self, units: Numbers) -> np.ndarray:
        """`P(D <= z)`."""
        return np.asarray(stats.poisson.cdf(units, self.rate))

    def shortage(self, units: Numbers) -> np.ndarray:
        """`rate P(D >= z) - z P(D >= z + 1)`."""
        whole = np.floor(units)
        at_least, above = stats.poisson.sf(whole - 1, self.rate), stats.poisson.sf(whole, self.rate)
        return np.asarray(np.maximum(self.rate * at_least - units * above, 0.0))

    def quantile(self, ratio: Numbers) -> np.ndarray:
        """The least `z` with `F(z) >= ratio`."""
        return np.asarray(np.maximum(stats.poisson.ppf(_below(ratio), self.rate), 0.0))


@dataclass(frozen=True)
class NormalDemand(DemandLaw):
    """`D ~ Normal(average, deviation)`, continuous; with one deviation for all exposures the noise is additive.

    Example 4.3 of Snyder and Shen, Fundamentals of Supply Chain Theory (holding .18, shortage .70):

    ```python
    >>> law = NormalDemand(np.array(50.0), 8.0)
    >>> level = law.quantile(0.70 / 0.88)
    >>> short = law.shortage(level)
    >>> round(float(level), 3), round(float(0.18 * (level - 50 + short) + 0.70 * short), 4)
    (56.604, 1.9976)

    ```
    """

    average: Numbers
    deviation: Numbers

    @property
    def mean(self) -> np.ndarray:
        """`average`."""
        return np.asarray(self.average)

    def cumulative(self, units: Numbers) -> np.ndarray:
        """`P(D <= z)`."""
        return np.asarray(stats.norm.cdf(units, self.average, self.deviation))

    def shortage(self, units: Numbers) -> np.ndarray:
        """`deviation * (phi(t) - t (1 - Phi(t)))` at the standardised stock `t`."""
        standard = (units - self.average) / self.deviation
        return np.asarray(self.deviation * (stats.norm.pdf(standard) - standard * stats.norm.sf(standard)))

    def quantile(self, ratio: Numbers) -> np.ndarray:
        """`average + deviation * Phi^-1(ratio)`, at least 0."""
        standard = special.ndtri(np.minimum(ratio, 1 - _ROUNDING))
        return np.asarray(np.maximum(self.average + self.deviation * standard, 0.0))


@dataclass(frozen=True)
class TabulatedDemand(DemandLaw):
    """Whole-unit demand by its chances: the last axis of `chances` counts 0, 1, 2, ... units.

    ```python
    >>> TabulatedDemand(np.array([0.2, 0.3, 0.3, 0.2])).quantile(0.75)
    array(2.)

    ```
    """

    chances: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """The sum of units times chances."""
        return np.asarray(self.chances @ np.arange(self.chances.shape[-1]))

    def cumulative(self, units: Numbers) -> np.ndarray:
        """`P(D <= z)`."""
        reached = np.minimum(np.cumsum(self.chances, -1), 1.0)
        return self._at(reached, units)

    def shortage(self, units: Numbers) -> np.ndarray:
        """`E[(D - z)+]`: at a whole `z` the sum of `P(D > k)` over `k >= z`, a straight line in between."""
        counts = np.arange(self.chances.shape[-1])
        beyond = 1 - np.cumsum(self.chances, -1)
        from_here = np.maximum(np.cumsum(beyond[..., ::-1], -1)[..., ::-1], 0.0)
        whole = np.clip(np.floor(units), 0, counts[-1])
        slope = 1 - self.cumulative(whole)
        return np.asarray(np.maximum(self._at(from_here, whole) - slope * (units - whole), 0.0))

    def quantile(self, ratio: Numbers) -> np.ndarray:
        """The least `z` with `F(z) >= ratio`."""
        reached = np.cumsum(self.chances, -1)
        least = (reached < _below(ratio)[..., None]).sum(-1)
        return np.asarray(np.minimum(least, self.chances.shape[-1] - 1), float)

    def _at(self, table: np.ndarray, units: Numbers) -> np.ndarray:
        """`table` along its last axis at whole units; 0 below its start, its last value above its end."""
        whole = np.floor(units).astype(int)
        shape = np.broadcast_shapes(whole.shape, table.shape[:-1])
        place = np.broadcast_to(np.clip(whole, 0, table.shape[-1] - 1), shape)
        found = np.take_along_axis(np.broadcast_to(table, (*shape, table.shape[-1])), place[..., None], -1)[..., 0]
        return np.asarray(np.where(whole < 0, 0.0, found))


def sum_of_binomials(trials: np.ndarray, chance: np.ndarray) -> TabulatedDemand:
    """The law of a sum of independent `Binomial(trials_i, chance_i)`, by convolution.

    **Arguments:** `trials`: whole, shape `rows`. `chance`: shape `exposures rows`.

    ```python
    >>> sum_of_binomials(np.array([1, 1]), np.array([[0.5, 0.2]])).chances.round(3)
    array([[0.4, 0.5, 0.1]])

    ```
    """
    whole = np.asarray(trials).astype(int)
    total = np.zeros((*chance.shape[:-1], int(whole.sum()) + 1))
    total[..., 0] = 1.0
    reached = 1
    for row, count in enumerate(whole):
        one = _binomial_chances(int(count), chance[..., row])
        before = total[..., :reached].copy()
        total[..., :reached] = 0.0
        for units in range(count + 1):
            total[..., units : units + reached] += one[..., units, None] * before
        reached += int(count)
    return TabulatedDemand(total)


def _binomial_chances(trials: int, chance: Numbers) -> np.ndarray:
    """`P(B = k)` for `k = 0..trials`, along a new last axis."""
    if trials == 1:
        return np.stack([1 - np.asarray(chance), np.asarray(chance)], -1)
    return np.asarray(stats.binom.pmf(np.arange(trials + 1), trials, np.asarray(chance)[..., None]))


def binomial_cumulative(units: Numbers, trials: Numbers, chance: Numbers) -> np.ndarray:
    """`P(B <= units)` for `B ~ Binomial(trials, chance)`, elementwise: `I_{1 - chance}(trials - k, k + 1)`.

    `k` is the whole part of `units`; `I` is the regularised incomplete beta function (Abramowitz and Stegun, 26.5.24).

    **Arguments:** `units`: whole or fractional, of any sign. `trials`: whole. `chance`: in [0, 1]. They broadcast.

    Of two tosses of a coin at most one shows heads in three cases of four:

    ```python
    >>> binomial_cumulative(np.array([-1, 0, 1, 1.5, 2]), 2, 0.5).round(6)
    array([0.  , 0.25, 0.75, 0.75, 1.  ])

    ```
    """
    whole = np.floor(units)
    inside = (whole >= 0) & (whole < trials)
    known = np.where(inside, whole, 0.0)
    reached = special.betainc(np.maximum(trials - known, 1e-300), known + 1, 1 - np.asarray(chance))
    return np.asarray(np.where(inside, reached, np.where(whole < 0, 0.0, 1.0)))


def _below(ratio: Numbers) -> np.ndarray:
    """The ratio less the room for rounding."""
    return np.asarray(np.maximum(np.asarray(ratio, float) - _ROUNDING, 0.0))
