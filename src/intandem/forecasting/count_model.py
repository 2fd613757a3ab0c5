"""A count model of all series at once: negative binomial, hierarchical over products, and it knows what sold out means.

What moves a series is in `filtering`. Here: its prior, how the numbers that all series share are found, and fitting.

- **Hierarchical.** A series begins at the level of its category, and its responses to drivers at those of all series;
  how much series differ is estimated from them. Levels of some series move faster than those of others (`SPEEDS`).
- **Shared numbers** maximise the probability of each count given those before it, on a sample of series.
- **Censored.** A sold out period counts as "this or more" (`corrected=False` takes it for all of demand).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit, softmax

from intandem.errors import InputError
from intandem.forecasting.filtering import PERMANENT, RESPONSES, TRANSIENT, Belief, Dynamics, ahead, learn, loads
from intandem.forecasting.paths import SamplePaths, draw_paths
from intandem.forecasting.season import season_of
from intandem.forecasting.series import DemandSeries

SHARES = ("damping", "common_damping", "lasting")
"""Numbers between 0 and 1; all others are above 0."""

FIRST_STEPS = (1.0, 1.0, 1.0, 0.7, 1.0, 1.0, 1.0)
"""Of the search, by number of `Dynamics`, on the scale of logarithms or log odds."""

MOST_PERIODS = 156
"""Periods, the last ones, on which the shared numbers are found."""

SPEEDS = np.array([0.2, 0.45, 1.0, 2.2, 5.0])
"""How many times the usual variance the level of a series may move by."""

SPEED_SPREAD = 0.7
"""Standard deviation of the logarithm of the speed between series."""

CAUTION = 1e-3
"""Pull towards the usual numbers, so that what the data do not tell stays there."""


@dataclass(frozen=True)
class CountModel:
    """Settings: `sample` series and `evaluations` per round find the shared numbers; `corrected`: see the module."""

    sample: int = 200
    evaluations: int = 150
    rounds: int = 2
    corrected: bool = True
    seed: int = 0


@dataclass(frozen=True)
class Responses:
    """How the log of demand responds to drivers: mean over series and variance between them, per driver."""

    mean: np.ndarray
    variance: np.ndarray


@dataclass(frozen=True)
class FittedCounts:
    """The model after the last period of `series`, in units of `unit` of each series.

    `speeds`: the probability of each of `SPEEDS`, `speeds series`.
    """

    series: DemandSeries
    dynamics: Dynamics
    responses: Responses
    belief: Belief
    unit: np.ndarray
    speeds: np.ndarray

    def paths(
        self, horizon: int, *, paths: int = 500, plan: Mapping[str, np.ndarray] | None = None, seed: int = 0
    ) -> SamplePaths:
        """Draws demand of the periods ahead.

        **Arguments:** `plan`: drivers that are known ahead, by name, `horizon series`. The others are drawn from the
        series' own past, from stretches that begin as the last period is.

        **Raises:** `InputError` for a plan of a driver that the series do not have, or of another shape.
        """
        names = list(self.series.drivers)
        for name, values in (plan or {}).items():
            if name not in names:
                raise InputError("plan", f"has '{name}', which is no driver", f"known are {', '.join(names) or 'none'}")
            if np.shape(values) != (horizon, len(self.series.unique_id)):
                raise InputError("plan", f"'{name}' is {np.shape(values)}", "give horizon x series", row=name)
        known = {names.index(name): np.asarray(values, float) for name, values in (plan or {}).items()}
        season = season_of(self.series, np.arange(self.series.periods, self.series.periods + horizon))
        values = draw_paths(
            self.belief,
            self.dynamics,
            (SPEEDS, self.speeds),
            drivers_of(self.series),
            known,
            season,
            paths=paths,
            seed=seed,
        )
        return SamplePaths(values * self.unit, self.series.unique_id, self.series.ahead(horizon), self.unit)


def fit_count_model(
    series: DemandSeries, settings: CountModel | None = None, start: Dynamics | None = None
) -> FittedCounts:
    """Fits the model.

    **Arguments:** `start`: numbers to search from, such as those of last week.

    **Raises:** `InputError` with fewer than 4 periods.
    """
    settings = settings or CountModel()
    if series.periods < 4:
        raise InputError("series", f"have {series.periods} periods", "give at least 4")
    data = _Data.of(series, settings.corrected)
    dynamics = start or Dynamics()
    responses = Responses(np.zeros(len(series.drivers)), np.full(len(series.drivers), 0.5))
    many = len(series.unique_id)
    sample = np.sort(np.random.default_rng(settings.seed).choice(many, min(settings.sample, many), replace=False))
    for _ in range(settings.rounds):
        for _ in range(2):
            belief, _ = _filtered(data, responses, dynamics)
            responses = _between_series(belief, responses)
        dynamics = _shared_numbers(data.some(sample, MOST_PERIODS), responses, dynamics, settings.evaluations)
    speeds = _speeds(data, responses, dynamics)
    belief, _ = _filtered(data, responses, dynamics, np.exp(np.log(SPEEDS) @ speeds))
    return FittedCounts(series, dynamics, responses, belief, data.unit, speeds)


def drivers_of(series: DemandSeries) -> np.ndarray:
    """The drivers, `periods series drivers`."""
    columns = list(series.drivers.values())
    return np.stack(columns, -1) if columns else np.zeros((*series.counts.shape, 0))


@dataclass(frozen=True)
class _Data:
    counts: np.ndarray
    at_least: np.ndarray
    seen: np.ndarray
    known: np.ndarray
    load: np.ndarray
    groups: np.ndarray
    unit: np.ndarray

    @staticmethod
    def of(series: DemandSeries, corrected: bool) -> _Data:
        unit = _units(series.counts)
        observed = np.log(np.maximum(series.observed, 1e-2))[:, None]
        return _Data(
            counts=series.counts / unit,
            at_least=series.sold_out & corrected,
            seen=series.seen,
            known=observed + season_of(series, np.arange(series.periods)),
            load=loads(drivers_of(series)),
            groups=series.groups,
            unit=unit,
        )

    def some(self, sample: np.ndarray, periods: int) -> _Data:
        """A sample of the series, and the last periods alone."""
        cells = {
            name: getattr(self, name)[-periods:, sample] for name in ("counts", "at_least", "seen", "known", "load")
        }
        return _Data(**cells, groups=self.groups[sample], unit=self.unit[sample])


def _units(counts: np.ndarray) -> np.ndarray:
    """What is counted as one, per series: 1, or a tenth or a hundredth where quantities are weighed."""
    fraction = (np.abs(counts - np.round(counts)) > 1e-6).any(0)
    usual = np.where(counts > 0, counts, 0.0).sum(0) / np.maximum((counts > 0).sum(0), 1)
    return np.where(fraction, np.where(usual < 1, 0.01, 0.1), 1.0)


def _prior(data: _Data, responses: Responses, dynamics: Dynamics, speed: np.ndarray) -> Belief:
    """Levels around those of the category, by how much series differ; responses around those of all."""
    usable = data.seen & ~data.at_least
    usable = np.where(usable.any(0), usable, data.seen)
    share = np.exp(data.known) * usable
    level = np.log((np.where(usable, data.counts, 0.0).sum(0) + 0.5) / np.maximum(share.sum(0), 0.5))
    drivers = data.load[:, :, RESPONSES:]
    level = level - (drivers * usable[..., None]).sum(0) / np.maximum(usable.sum(0), 1)[:, None] @ responses.mean
    sizes = np.bincount(data.groups)
    usual = (np.bincount(data.groups, level) + 2 * level.mean()) / (sizes + 2)
    many, states = len(level), RESPONSES + len(responses.mean)
    mean, variance = np.zeros((many, states)), np.zeros((many, states, states))
    mean[:, PERMANENT], mean[:, TRANSIENT] = usual[data.groups], dynamics.rest * speed
    mean[:, RESPONSES:] = responses.mean
    variance[:, PERMANENT, PERMANENT] = ((level - usual[data.groups]) ** 2).mean() + 0.05
    variance[:, TRANSIENT, TRANSIENT] = dynamics.spread * speed
    for place, one in enumerate(responses.variance, RESPONSES):
        variance[:, place, place] = one
    return Belief(mean, variance, 0.0, 0.05)


def _filtered(
    data: _Data, responses: Responses, dynamics: Dynamics, speed: np.ndarray | None = None
) -> tuple[Belief, np.ndarray]:
    speed = np.ones(data.counts.shape[1]) if speed is None else speed
    belief = _prior(data, responses, dynamics, speed)
    dispersion = np.full(data.counts.shape[1], dynamics.dispersion)
    told = np.zeros(data.counts.shape)
    for period, counts in enumerate(data.counts):
        if period:
            belief = ahead(belief, dynamics, speed)
        belief, told[period] = learn(
            belief,
            data.load[period],
            data.known[period],
            counts,
            data.at_least[period],
            data.seen[period],
            dispersion,
        )
    return belief, told


def _speeds(data: _Data, responses: Responses, dynamics: Dynamics) -> np.ndarray:
    """How likely each speed is for each series, by what its counts say and how much series differ; `speeds series`."""
    ones = np.ones(data.counts.shape[1])
    told = [_filtered(data, responses, dynamics, speed * ones)[1][1:].sum(0) for speed in SPEEDS]
    likely = np.stack(told) - 0.5 * (np.log(SPEEDS)[:, None] / SPEED_SPREAD) ** 2
    return softmax(likely, axis=0)


def _between_series(belief: Belief, before: Responses) -> Responses:
    """Responses of all series and their spread, from what each has told (a step of expectation-maximisation)."""
    own = belief.mean[:, RESPONSES:]
    if not own.size:
        return before
    mean = own.mean(0)
    doubt = np.diagonal(belief.variance, axis1=1, axis2=2)[:, RESPONSES:]
    return Responses(mean, ((own - mean) ** 2 + doubt).mean(0))


def _shared_numbers(data: _Data, responses: Responses, start: Dynamics, evaluations: int) -> Dynamics:
    usual, first = _as_free(Dynamics()), _as_free(start)

    def loss(free: np.ndarray) -> float:
        dynamics = _as_dynamics(free)
        told = _filtered(data, responses, dynamics)[1]
        # The first count of a series tells of its level only, which everything else has to begin from.
        return float(-told[1:].sum() / max(data.seen[1:].sum(), 1) + CAUTION * ((free - usual) ** 2).mean())

    simplex = first + np.vstack([np.zeros(len(first)), np.diag(FIRST_STEPS)])
    found = minimize(loss, first, method="Nelder-Mead", options={"maxfev": evaluations, "initial_simplex": simplex})
    return _as_dynamics(found.x)


def _as_free(dynamics: Dynamics) -> np.ndarray:
    values = {one.name: getattr(dynamics, one.name) for one in fields(Dynamics)}
    return np.array([logit(value) if name in SHARES else np.log(value) for name, value in values.items()])


def _as_dynamics(free: np.ndarray) -> Dynamics:
    values = zip((one.name for one in fields(Dynamics)), np.clip(free, -10.0, 6.0), strict=True)
    return Dynamics(**{name: float(expit(value) if name in SHARES else np.exp(value)) for name, value in values})
