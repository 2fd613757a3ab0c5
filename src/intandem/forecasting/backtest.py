"""Forecasts of periods past, each from what was known at its cut-off, set against what came."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from intandem.display import Displayed, Summary, count, percent
from intandem.errors import InputError
from intandem.forecasting.accuracy import PROBABILITIES, Actual, Predicted, accuracy_of
from intandem.forecasting.count_model import CountModel, FittedCounts, fit_count_model
from intandem.forecasting.filtering import Dynamics
from intandem.forecasting.others import check_names, predict
from intandem.forecasting.paths import NAME, SamplePaths
from intandem.forecasting.series import DemandSeries

FEWEST = 6
"""Periods before the first cut-off, at least."""

PLANNED = f"{NAME}+plan"
"""The count model that is told prices and exposures of the periods ahead."""

MODELS = (NAME, PLANNED)
AGAIN = 60
"""Evaluations in search of the shared numbers from the second cut-off on, which begins from those of the first."""


@dataclass(frozen=True, repr=False)
class BacktestResult(Displayed):
    """`accuracy`: measures by model, see `accuracy_of`; `seconds`: by model; `by_horizon`: per period ahead."""

    accuracy: Mapping[str, Mapping[str, float]]
    seconds: Mapping[str, float]
    by_horizon: pl.DataFrame
    cutoffs: tuple[int, ...]

    def _summary(self) -> Summary:
        head = ("model", "pinball", "WAPE", "80%", "95%")
        rows = [
            (
                name,
                f"{one['pinball']:.3f}",
                *(percent(one[key]) for key in ("wape", "coverage_80", "coverage_95")),
            )
            for name, one in self.accuracy.items()
        ]
        return Summary(f"{count(len(self.cutoffs), 'cut-off')}, best first", rows, head)


def cutoffs_of(periods: int, horizon: int, origins: int) -> tuple[int, ...]:
    """The last cut-offs with a whole horizon after them, as many of them as leave enough periods before.

    ```python
    >>> cutoffs_of(20, horizon=4, origins=3), cutoffs_of(11, horizon=4, origins=3)
    ((14, 15, 16), (6, 7))

    ```
    """
    last = periods - horizon
    return tuple(one for one in range(last - origins + 1, last + 1) if one >= FEWEST)


def backtest_forecasts(
    series: DemandSeries,
    horizon: int = 4,
    *,
    models: Sequence[str] = (NAME,),
    cutoffs: Sequence[int] | None = None,
    origins: int = 6,
    settings: CountModel | None = None,
    paths: int = 500,
    seed: int = 0,
    progress: Callable[[str, int, int], object] | None = None,
) -> BacktestResult:
    """Rolls models over periods past; all are judged by the same counts.

    **Arguments:** `models`: `CountModel`, `CountModel+plan` and the names of `others`. `cutoffs`: how many periods were
    known each time; by default the last `origins`.

    **Raises:** `InputError` for a model that is not known, or too few periods.
    """
    check_names([name for name in models if name not in MODELS])
    cuts = tuple(cutoffs or cutoffs_of(series.periods, horizon, origins))
    if not cuts:
        raise InputError("series", f"have {series.periods} periods", f"give {horizon + FEWEST} or more")
    came = [Actual.after(series, cut, horizon) for cut in cuts]
    if not any(one.judged.any() for one in came):
        raise InputError("series", "have no period to judge by", "take another horizon, or more periods")
    said: dict[str, list[Predicted]] = {name: [] for name in models}
    seconds = dict.fromkeys(models, 0.0)
    dynamics: Dynamics | None = None
    settings = settings or CountModel()
    for done, cut in enumerate(cuts):
        known = series.until(cut)
        fitted: FittedCounts | None = None
        for name in models:
            if progress is not None:
                progress(f"judging {name}", done, len(cuts))
            started = time.perf_counter()
            if name in MODELS:
                if fitted is None:
                    fitted = fit_count_model(known, settings, dynamics)
                plan = _plan(series, cut, horizon) if name == PLANNED else None
                drawn = fitted.paths(horizon, paths=paths, plan=plan, seed=seed + cut)
                found = _predicted(drawn)
            else:
                found = predict(name, known, horizon, PROBABILITIES)
            said[name].append(found)
            seconds[name] += time.perf_counter() - started
        if fitted is not None:
            dynamics, settings = (
                fitted.dynamics,
                replace(settings, rounds=1, evaluations=min(settings.evaluations, AGAIN)),
            )
    measured = {name: accuracy_of(one, came) for name, one in said.items()}
    order = sorted(measured, key=lambda name: measured[name]["pinball"])
    rows = []
    for step in range(horizon):
        at = [_actual_at(one, step) for one in came]
        if any(one.judged.any() for one in at):
            rows += [{"model": name, "ahead": step + 1, **accuracy_of(_at(said[name], step), at)} for name in order]
    return BacktestResult({name: measured[name] for name in order}, seconds, pl.DataFrame(rows), cuts)


def _predicted(drawn: SamplePaths) -> Predicted:
    return Predicted(drawn.mean(), drawn.quantiles(PROBABILITIES), drawn.total_quantiles(PROBABILITIES))


def _plan(series: DemandSeries, cutoff: int, horizon: int) -> dict[str, np.ndarray]:
    """The drivers as they came; beyond the last period they stay."""
    at = np.minimum(np.arange(cutoff, cutoff + horizon), series.periods - 1)
    return {name: one[at] for name, one in series.drivers.items()}


def _at(said: Sequence[Predicted], step: int) -> list[Predicted]:
    return [Predicted(one.mean[step : step + 1], one.quantiles[:, step : step + 1]) for one in said]


def _actual_at(one: Actual, step: int) -> Actual:
    return Actual(one.counts[step : step + 1], one.judged[step : step + 1])
