"""Demand ahead from a firm's tables, and how right the same models were in periods past."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from intandem.data.tables.checks.validate import validate_folder
from intandem.data.tables.reading.frames import source_of
from intandem.display import Displayed, Summary, count
from intandem.errors import InputError
from intandem.forecasting.backtest import MODELS, BacktestResult, backtest_forecasts
from intandem.forecasting.count_model import CountModel, FittedCounts, fit_count_model
from intandem.forecasting.others import NAIVE, check_names, predict
from intandem.forecasting.paths import NAME, SamplePaths, frame_of, probabilities_of
from intandem.forecasting.series import DemandSeries, series_of

MOST_HORIZON = 104


@dataclass(frozen=True, repr=False)
class Forecast(Displayed):
    """What `forecast` found.

    - `frame`: `unique_id, ds`, and per model its mean and the ends of its intervals, as statsforecast names them.
    - `paths`: of the count model: whole futures, `paths.total_quantiles([0.95])` for sums over periods.
    - `backtest`: accuracy in periods past; none with `origins=0`. `fitted`: the count model itself.
    """

    frame: Any
    paths: SamplePaths
    series: DemandSeries
    fitted: FittedCounts
    backtest: BacktestResult | None
    levels: tuple[float | int, ...]

    @property
    def accuracy(self) -> Mapping[str, Mapping[str, float]]:
        """Measures by model, the best first; empty without a back-test."""
        return {} if self.backtest is None else self.backtest.accuracy

    def _summary(self) -> Summary:
        ahead = count(len(self.paths.ds), self.series.period_name)
        rows = [(name, f"pinball loss {one['pinball']:.4g}") for name, one in self.accuracy.items()]
        return Summary(f"{count(len(self.series.unique_id), 'series', 'series')}, {ahead} ahead", rows)


def forecast(
    source: Any,
    horizon: int = 4,
    *,
    models: Sequence[str] = (NAME, NAIVE),
    levels: Sequence[float | int] = (80, 95),
    quantiles: Sequence[float | int] = (),
    plan: Any = None,
    origins: int = 6,
    paths: int = 500,
    settings: CountModel | None = None,
    seed: int = 0,
    progress: Callable[[str, int, int], object] | None = None,
) -> Forecast:
    """Forecasts demand of every product.

    **Arguments:**

    - `source`: a folder with a firm's tables, `Tables`, or a frame with `unique_id, ds, y` (see `series_of`).
    - `horizon`: periods ahead. `levels`: of central intervals, in per cent. `quantiles`: one-sided, between 0 and 1.
    - `models`: `CountModel`, and to compare `Naive`, `SeasonalNaive`, `AutoETS`, `AutoTheta`,
      `SimpleExponentialSmoothingOptimized`, `CrostonSBA`, `IMAPA`, `LightGBM` (all but the first two need the extra
      `forecast`). The count model is always fitted.
    - `plan`: drivers that are known ahead: a frame with `unique_id, ds` and columns of their names.
    - `origins`: cut-offs of the back-test; 0 leaves it out. `paths`: how many futures are drawn.

    **Returns** a `Forecast`; its `frame` is pandas where `source` is, else polars.

    **Raises:** `InputError` for wrong arguments, tables or frames.

    ```python
    >>> sales = {"unique_id": ["tea"] * 12, "ds": list(range(12)), "y": [4, 6, 5, 3, 5, 4, 6, 5, 4, 5, 3, 6]}
    >>> found = forecast(sales, horizon=2, levels=[80], origins=0)
    >>> found.frame.columns[:5]
    ['unique_id', 'ds', 'CountModel', 'CountModel-lo-80', 'CountModel-hi-80']
    >>> 3 < found.frame["CountModel"][0] < 7
    True

    ```
    """
    levels, models = tuple(sorted(levels)), list(dict.fromkeys(models))
    _check(horizon, levels, quantiles, models)
    series = series_of(validate_folder(source).tables if isinstance(source, str | Path) else source)
    judged = None
    if origins:
        judged = backtest_forecasts(
            series,
            horizon,
            models=models,
            origins=origins,
            settings=settings,
            paths=paths,
            seed=seed,
            progress=progress,
        )
    if progress is not None:
        progress("forecasting", 0, 0)
    fitted = fit_count_model(series, settings)
    known = None if plan is None else _plan_of(plan, series, horizon)
    drawn = fitted.paths(horizon, paths=paths, plan=known, seed=seed)
    frame = drawn.frame(levels, quantiles)
    ends = [*probabilities_of(levels), *quantiles]
    for name in models:
        if name not in MODELS:
            said = predict(name, series, horizon, ends)
            own = frame_of(name, series.unique_id, drawn.ds, said.mean, said.quantiles, levels, quantiles)
            frame = frame.hstack(own.drop("unique_id", "ds"))
    if type(source).__module__.startswith("pandas"):
        frame = type(source)(frame.to_dict(as_series=False))
    return Forecast(frame, drawn, series, fitted, judged, levels)


def _check(
    horizon: int, levels: Sequence[float | int], quantiles: Sequence[float | int], models: Sequence[str]
) -> None:
    if not 1 <= horizon <= MOST_HORIZON:
        raise InputError("horizon", f"is {horizon}", f"give 1 to {MOST_HORIZON} periods")
    for level in levels:
        if not 0 < level < 100:
            raise InputError("levels", f"has {level:g}", "give per cents between 0 and 100, such as 80")
    for share in quantiles:
        if not 0 < share < 1:
            raise InputError("quantiles", f"has {share:g}", "give shares between 0 and 1, such as 0.95")
    check_names([name for name in models if name not in MODELS])


def _plan_of(plan: Any, series: DemandSeries, horizon: int) -> dict[str, np.ndarray]:
    """A plan as arrays. What it does not name of a driver is as it was in the last period."""
    if isinstance(plan, Mapping) and "unique_id" not in plan:
        return {name: np.asarray(one, float) for name, one in plan.items()}
    frame = source_of("plan", plan).frame
    ids = dict(zip(series.unique_id, range(len(series.unique_id)), strict=True))
    periods = dict(zip(map(str, series.ahead(horizon)), range(horizon), strict=True))
    at = frame.select(
        pl.col("unique_id").cast(pl.String).replace_strict(ids, default=None, return_dtype=pl.Int64),
        pl.col("ds").cast(pl.String).str.slice(0, 10).replace_strict(periods, default=None, return_dtype=pl.Int64),
    )
    if at.null_count().sum_horizontal().item():
        raise InputError("plan", "has a unique_id or ds that is not ahead", f"give the {horizon} periods that follow")
    found = {}
    for name in frame.columns[2:]:
        if name not in series.drivers:
            raise InputError("plan", f"has '{name}', which is no driver", f"known are {', '.join(series.drivers)}")
        found[name] = np.tile(series.drivers[name][-1], (horizon, 1))
        found[name][at["ds"].to_numpy(), at["unique_id"].to_numpy()] = frame[name].cast(pl.Float64).to_numpy()
    return found
