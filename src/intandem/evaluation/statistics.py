"""Intervals: of a mean, of paired differences, of the interquartile mean over markets and seeds.

Policies are compared on common random numbers, so that what matters is the difference pair by pair; and a run that
collapses counts, so that nothing is trimmed before it is reported.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtr, stdtrit

Statistic = Callable[[np.ndarray], np.ndarray]

RESAMPLES = 2_000


@dataclass(frozen=True)
class Interval:
    """An estimate and the interval around it; `low` and `high` are infinite where one value is all there is."""

    mean: float
    low: float
    high: float

    @property
    def ci(self) -> list[float | None]:
        """The ends for JSON, which has no infinity."""
        return [end if np.isfinite(end) else None for end in (self.low, self.high)]

    @property
    def mirrored(self) -> Interval:
        """The interval of the difference taken the other way round."""
        return Interval(-self.mean, -self.high, -self.low)

    @property
    def excludes_zero(self) -> bool:
        """Whether the sign is settled at the interval's level."""
        return self.low > 0 or self.high < 0


def mean_interval(values: np.ndarray, level: float = 0.95) -> Interval:
    """Student's t interval of a mean.

    ```python
    >>> mean_interval(np.array([1.0, 2.0, 3.0]))
    Interval(mean=2.0, low=-0.484..., high=4.484...)

    ```
    """
    values = np.asarray(values, float)
    mean = float(values.mean())
    if len(values) < 2:
        return Interval(mean, -np.inf, np.inf)
    half = float(stdtrit(len(values) - 1, 0.5 + level / 2) * values.std(ddof=1) / np.sqrt(len(values)))
    return Interval(mean, mean - half, mean + half)


def paired_difference(values: np.ndarray, reference: np.ndarray, level: float = 0.95) -> Interval:
    """The t interval of the mean of `values - reference`, pair by pair.

    **Raises:** `ValueError` if the shapes differ.
    """
    values, reference = np.asarray(values, float), np.asarray(reference, float)
    if values.shape != reference.shape:
        raise ValueError(f"pairs need equal shapes, not {values.shape} and {reference.shape}")
    return mean_interval(values - reference, level)


def wider(one: Interval, other: Interval) -> Interval:
    """Of two intervals of one estimate the wider; one that a single value leaves open does not count.

    ```python
    >>> wider(Interval(1.0, 0.9, 1.1), Interval(1.0, 0.5, 1.5))
    Interval(mean=1.0, low=0.5, high=1.5)
    >>> wider(Interval(1.0, 0.9, 1.1), Interval(1.0, -np.inf, np.inf))
    Interval(mean=1.0, low=0.9, high=1.1)

    ```
    """
    known = [interval for interval in (one, other) if np.isfinite(interval.high - interval.low)]
    return max(known, key=lambda interval: interval.high - interval.low, default=one)


def wilson_interval(count: int, trials: int, level: float = 0.95) -> Interval:
    """Wilson's score interval of a share (Wilson 1927): sound at 0 of `trials`, too. The whole range without trials.

    ```python
    >>> interval = wilson_interval(0, 500)
    >>> interval.mean, round(interval.low, 4), round(interval.high, 4)
    (0.0, 0.0, 0.0076)

    ```
    """
    if trials == 0:
        return Interval(float("nan"), 0.0, 1.0)
    share, z = count / trials, float(ndtri(0.5 + level / 2))
    scale = 1 + z**2 / trials
    middle = (share + z**2 / (2 * trials)) / scale
    half = z / scale * np.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    return Interval(share, float(max(middle - half, 0.0)), float(min(middle + half, 1.0)))


def bootstrap_interval(
    values: np.ndarray, statistic: Statistic | None = None, level: float = 0.95, seed: int = 0
) -> Interval:
    """Percentile bootstrap, stratified (Efron and Tibshirani 1993, chapter 13).

    **Arguments:**

    - `values`: one stratum, or `strata values`: each stratum (a market, say) is resampled on its own.
    - `statistic`: from `... strata values` to `...`; by default the mean of all.
    """
    table = np.atleast_2d(np.asarray(values, float))
    statistic = statistic or (lambda sample: sample.mean((-2, -1)))
    rng = np.random.default_rng(seed)
    strata, count = table.shape
    picks = rng.integers(0, count, (RESAMPLES, strata, count))
    sampled = np.take_along_axis(np.broadcast_to(table, picks.shape), picks, axis=2)
    low, high = np.quantile(statistic(sampled), [0.5 - level / 2, 0.5 + level / 2])
    return Interval(float(statistic(table)), float(low), float(high))


def interquartile_mean(values: np.ndarray) -> np.ndarray:
    """Mean of the middle half of all values in the last two axes (Agarwal and others 2021, rliable).

    A quarter of the values is left out at either end, rounded down.

    ```python
    >>> float(interquartile_mean(np.array([[0.0, 1.0, 2.0, 3.0, 100.0, -50.0, 1.5, 2.5]])))
    1.75

    ```
    """
    values = np.asarray(values, float)
    pooled = np.sort(values.reshape(*values.shape[:-2], -1), axis=-1)
    cut = pooled.shape[-1] // 4
    return np.asarray(pooled[..., cut : pooled.shape[-1] - cut].mean(-1))


def interquartile_mean_interval(values: np.ndarray, level: float = 0.95, seed: int = 0) -> Interval:
    """Interquartile mean of `strata values`, with its stratified bootstrap interval."""
    return bootstrap_interval(values, interquartile_mean, level, seed)


def one_sided(values: np.ndarray) -> float:
    """Student's p-value of a mean that is not above 0.

    ```python
    >>> round(one_sided(np.array([1.0, 2.0, 3.0])), 4)
    0.0371

    ```
    """
    values = np.asarray(values, float)
    spread = float(values.std(ddof=1)) / np.sqrt(len(values))
    if spread < 1e-15:
        return 0.0 if values.mean() > 1e-12 else 1.0
    return float(stdtr(len(values) - 1, -values.mean() / spread))
