"""Sample paths of demand: whole futures, so that a sum over periods has a quantile of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from intandem.display import Displayed, Summary
from intandem.errors import InputError
from intandem.forecasting.filtering import PERMANENT, RESPONSES, TRANSIENT, Belief, Dynamics

NAME = "CountModel"
ALIKE = 0.2
"""How far on the log scale a period of the past may lie from the present one, to begin as it did."""

FEW = 5.0
"""Periods, over those seen, by which the variances of series' own levels are larger ahead than they were found."""

LARGEST_MEAN = 1e8
AT_ONCE = 1_000
"""Series whose paths are drawn in one go: so many fit in memory."""


@dataclass(frozen=True, repr=False)
class SamplePaths(Displayed):
    """Demand ahead: `values`, `paths periods series`, in the firm's units; `ds`: first days or numbers of periods.

    `unit`: what is counted as one, of each series or of all.
    """

    values: np.ndarray
    unique_id: tuple[str, ...]
    ds: tuple[date | int, ...]
    unit: np.ndarray | float = 1.0
    name: str = NAME

    def _summary(self) -> Summary:
        paths, periods, series = self.values.shape
        return Summary(f"{paths:,} paths of {periods} periods and {series:,} series")

    def mean(self) -> np.ndarray:
        """Mean demand, `periods series`."""
        return self.values.mean(0)

    def quantiles(self, probabilities: Sequence[float | int]) -> np.ndarray:
        """Quantiles of each period's demand, `probabilities periods series`.

        Of the mid-distribution (Ma, Genton and Parzen 2011): a count is spread over half a unit up and down. Of few
        counts, an interval of plain quantiles holds far more than its share; these do so on average over series.
        """
        spread = np.random.default_rng(0).uniform(-0.5, 0.5, self.values.shape).astype(np.float32) * self.unit
        return np.maximum(_quantiles(self.values + spread, probabilities), 0.0)

    def total(self, periods: int | np.ndarray | None = None) -> np.ndarray:
        """Demand over the first periods together, `paths series`: over lead time and review, for one.

        **Arguments:** `periods`: one number, one for each series, or all.

        **Raises:** `InputError` where the paths are shorter.

        ```python
        >>> paths = SamplePaths(np.arange(6.0).reshape(1, 3, 2), ("tea", "milk"), (1, 2, 3))
        >>> paths.total(np.array([1, 3])).tolist()
        [[0.0, 9.0]]

        ```
        """
        ahead = self.values.shape[1]
        wanted = np.broadcast_to(ahead if periods is None else periods, self.values.shape[2])
        if wanted.max() > ahead:
            raise InputError("periods", f"is {wanted.max()}, and paths have {ahead}", "draw paths that are as long")
        return (self.values * (np.arange(ahead)[:, None] < wanted)).sum(1)

    def total_quantiles(
        self, probabilities: Sequence[float | int], periods: int | np.ndarray | None = None
    ) -> np.ndarray:
        """Quantiles of demand over the first periods together, `probabilities series`: not the sum of quantiles.

        Plain ones: stock of the 0.95 quantile lasts with a chance of 0.95 or more.
        """
        return _quantiles(self.total(periods), probabilities)

    def frame(self, levels: Sequence[float | int] = (80, 95), quantiles: Sequence[float | int] = ()) -> pl.DataFrame:
        """Means and intervals as statsforecast names them: `unique_id, ds, NAME, NAME-lo-95, ..., NAME-hi-95`.

        **Arguments:** `levels`: of intervals, in per cent. `quantiles`: one-sided, columns `NAME-q-90`.
        """
        found = self.quantiles([*probabilities_of(levels), *quantiles])
        return frame_of(self.name, self.unique_id, self.ds, self.mean(), found, levels, quantiles)


def _quantiles(values: np.ndarray, probabilities: Sequence[float | int]) -> np.ndarray:
    if not all(0 < one < 1 for one in probabilities):
        raise InputError("quantiles", "are not all between 0 and 1", "give shares such as 0.9")
    return np.quantile(values, probabilities, axis=0)


def probabilities_of(levels: Sequence[float | int]) -> list[float]:
    """The ends of central intervals from the lowest to the highest.

    ```python
    >>> probabilities_of([80, 95])
    [0.025, 0.1, 0.9, 0.975]

    ```
    """
    ends = [0.5 + sign * level / 200 for level in levels for sign in (-1, 1)]
    return sorted(round(end, 6) for end in ends)


def frame_of(
    name: str,
    unique_id: Sequence[str],
    ds: Sequence[date | int],
    mean: np.ndarray,
    found: np.ndarray,
    levels: Sequence[float | int],
    quantiles: Sequence[float | int] = (),
) -> pl.DataFrame:
    """A long frame, series by series. `found`: the ends of the intervals in order, then one-sided quantiles."""
    columns = {"unique_id": np.repeat(np.array(unique_id, object), len(ds)).tolist(), "ds": list(ds) * len(unique_id)}
    rising = sorted(levels)
    labels = [f"{name}-lo-{level:g}" for level in rising[::-1]] + [f"{name}-hi-{level:g}" for level in rising]
    labels += [f"{name}-q-{100 * one:g}" for one in quantiles]
    values = {name: mean, **dict(zip(labels, found, strict=True))}
    return pl.DataFrame({**columns, **{label: np.maximum(one, 0.0).T.ravel() for label, one in values.items()}})


def draw_paths(
    belief: Belief,
    dynamics: Dynamics,
    speeds: tuple[np.ndarray, np.ndarray],
    drivers: np.ndarray,
    plan: Mapping[int, np.ndarray],
    season: np.ndarray,
    *,
    paths: int,
    seed: int,
) -> np.ndarray:
    """Futures of all series from what is known of them.

    **Arguments:** `speeds`: of levels, and how likely each is for each series. `drivers`: of the past, `periods series
    drivers`. `plan`: drivers that are known ahead, by place, `horizon series`. `season`: logarithm of the factor,
    `horizon series`.

    **Returns** counts, `paths horizon series`.
    """
    rng = np.random.default_rng(seed)
    horizon, many = season.shape
    periods = len(drivers)
    # Variances that were found in few periods are doubtful: as much as those of Student's t for what moves all series
    # together, less for what each series tells anew.
    wider = (periods + 1) / max(periods - 3, 1)
    shared = belief.common + np.sqrt(belief.common_variance) * rng.standard_normal(paths)
    common, lasting = np.zeros((paths, horizon)), np.zeros((paths, horizon))
    for step in range(horizon):
        lasting[:, step] = dynamics.lasting * (1.0 - dynamics.common_damping) * shared
        shared = dynamics.common_damping * shared + np.sqrt(wider * dynamics.common) * rng.standard_normal(paths)
        common[:, step] = shared
    moved = common + np.cumsum(lasting, axis=1)
    values = np.empty((paths, horizon, many), np.float32)
    for first in range(0, many, AT_ONCE):
        part = slice(first, first + AT_ONCE)
        own = {place: values[:, part] for place, values in plan.items()}
        speed = _drawn(speeds[0], speeds[1][:, part], paths, rng) * (1.0 + FEW / periods)
        log_mean = _own_parts(
            Belief(belief.mean[part], belief.variance[part]), dynamics, speed, drivers[:, part], own, horizon, rng
        )
        mean = np.exp(log_mean + moved[:, :, None] + season[:, part])
        mean *= rng.standard_gamma(1.0 / dynamics.dispersion, mean.shape) * dynamics.dispersion
        values[:, :, part] = rng.poisson(np.minimum(mean, LARGEST_MEAN))
    return values


def _drawn(values: np.ndarray, weights: np.ndarray, paths: int, rng: np.random.Generator) -> np.ndarray:
    """One of the values for each path and series, by their weights (`values series`)."""
    chance = np.cumsum(weights, axis=0)[:-1]
    drawn = rng.random((paths, weights.shape[1]))
    return values[(drawn[:, None] > chance).sum(1)]


def _own_parts(
    belief: Belief,
    dynamics: Dynamics,
    speed: np.ndarray,
    drivers: np.ndarray,
    plan: Mapping[int, np.ndarray],
    horizon: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """The part of the log mean that is each series' own, `paths horizon series`; `speed`: `paths series`."""
    mean, variance, paths = belief.mean, belief.variance, len(speed)
    many, states = mean.shape
    root = np.linalg.cholesky(variance + 1e-9 * np.eye(states))
    state = mean + np.einsum("sij,psj->psi", root, rng.standard_normal((paths, many, states)))
    start = _stretches(mean[:, RESPONSES:], drivers, horizon, paths, rng)
    series = np.arange(many)
    parts = np.empty((paths, horizon, many))
    for step in range(horizon):
        noise = rng.standard_normal((2, paths, many)) * np.sqrt(speed)
        state[:, :, PERMANENT] += np.sqrt(dynamics.permanent) * noise[0] - 0.5 * dynamics.permanent * speed
        state[:, :, TRANSIENT] += (1.0 - dynamics.damping) * (dynamics.rest * speed - state[:, :, TRANSIENT])
        state[:, :, TRANSIENT] += np.sqrt(dynamics.transient) * noise[1]
        parts[:, step] = state[:, :, PERMANENT] + state[:, :, TRANSIENT]
        if states > RESPONSES:
            driven = drivers[np.minimum(start + step, len(drivers) - 1), series]
            for place, values in plan.items():
                driven[:, :, place] = values[step]
            parts[:, step] += np.einsum("psd,psd->ps", state[:, :, RESPONSES:], driven)
    return parts


def _stretches(
    responses: np.ndarray, drivers: np.ndarray, horizon: int, paths: int, rng: np.random.Generator
) -> np.ndarray:
    """Where the stretch of the past begins whose drivers a path repeats, `paths series`.

    Likelier after periods whose drivers did to demand what those of the last period do: offers run for a while.
    """
    periods, many, _ = drivers.shape
    choices = max(periods - horizon, 1)
    apart = (drivers[:choices] - drivers[-1]) * responses
    weight = np.exp(-0.5 * (apart**2).sum(-1) / ALIKE**2) + 1e-6
    chance = np.cumsum(weight, 0) / weight.sum(0)
    drawn = rng.random((paths, many))
    # Sorted within each series, so that one search does for all its paths.
    place = np.stack([np.searchsorted(chance[:, one], drawn[:, one]) for one in range(many)], axis=1)
    return np.minimum(place, choices - 1) + 1
