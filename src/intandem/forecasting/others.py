"""Forecasters to compare with: what was sold a season ago, statsforecast's models, and LightGBM through mlforecast.

All but `Naive` need the extra `forecast`. They are given what their users would give them: one column of counts, scaled
up where a period was recorded in part, without what was sold out, offered or shown.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import ndtri

from intandem.errors import InputError, did_you_mean
from intandem.forecasting.accuracy import Predicted
from intandem.forecasting.series import LEAST_OBSERVED, DemandSeries

STATISTICAL = ("SeasonalNaive", "AutoETS", "AutoTheta", "SimpleExponentialSmoothingOptimized", "CrostonSBA", "IMAPA")
"""Classes of `statsforecast.models`."""

LEARNED = ("LightGBM",)
NAIVE = "Naive"
NAMES = (NAIVE, *STATISTICAL, *LEARNED)

WITHOUT_INTERVALS = ("SimpleExponentialSmoothingOptimized", "CrostonSBA", "IMAPA")
"""Models that need conformal intervals, from their own errors in windows of the past."""

MOST_WINDOWS = 6

LEAST_ROWS = 8
"""Periods that LightGBM learns from, beside the windows of its intervals."""


def check_names(names: Sequence[str]) -> None:
    """**Raises:** `InputError` for a model that is not known."""
    for name in names:
        if name not in NAMES:
            raise InputError("models", f"'{name}' is not known", did_you_mean(name, NAMES, some=True))


def predict(name: str, series: DemandSeries, horizon: int, probabilities: Sequence[float | int]) -> Predicted:
    """What one of `NAMES` says of the periods ahead.

    **Arguments:** `probabilities`: of the quantiles.

    **Raises:** `InputError` for an unknown name, where the extra is not installed, or where the series are too short.
    """
    check_names([name])
    if name == NAIVE:
        return _naive(series, horizon, probabilities)
    levels = sorted({_level(one) for one in probabilities if one != 0.5})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = (_learned if name in LEARNED else _statistical)(name, series, horizon, levels)
    except ImportError as error:
        lacking = error.name or "a library"
        raise InputError("models", f"{name} needs {lacking}", "pip install 'intandem[forecast]'") from error
    shape = (len(series.unique_id), horizon)
    columns = [name if one == 0.5 else f"{name}-{'lo' if one < 0.5 else 'hi'}-{_level(one)}" for one in probabilities]
    mean = found[name].to_numpy().reshape(shape).T
    quantiles = np.stack([found[column].to_numpy().reshape(shape).T for column in columns])
    return Predicted(np.maximum(mean, 0.0), np.maximum(quantiles, 0.0))


def _naive(series: DemandSeries, horizon: int, probabilities: Sequence[float | int]) -> Predicted:
    """The count a season ago, or the last one, with normal intervals that widen by the root of the seasons ahead."""
    share = np.maximum(series.observed, LEAST_OBSERVED)[:, None]
    seen = np.where(series.seen, series.counts / share, np.nan)
    place = np.maximum.accumulate(np.where(series.seen, np.arange(series.periods)[:, None], 0), axis=0)
    filled = np.nan_to_num(np.take_along_axis(seen, place, axis=0))
    length, steps = series.season_length, np.arange(horizon)
    deviation = np.sqrt(((filled[length:] - filled[:-length]) ** 2).mean(0))
    mean = filled[-length:][steps % length]
    spread = np.sqrt(steps // length + 1)[:, None] * deviation
    quantiles = mean + ndtri(np.array(probabilities))[:, None, None] * spread
    return Predicted(mean, np.maximum(quantiles, 0.0))


def _level(probability: float) -> float | int:
    """The interval, in per cent, that a quantile is an end of; a whole number where it is one, as it names columns."""
    level = round(abs(2 * probability - 1) * 100, 4)
    return int(level) if level == int(level) else level


def _long(series: DemandSeries) -> Any:
    """The series as statsforecast takes them; counts that say nothing repeat the one before."""
    import pandas as pd

    share = np.where(series.observed >= LEAST_OBSERVED, series.observed, np.nan)[:, None]
    seen = pd.DataFrame(np.where(np.isfinite(share), series.counts / share, np.nan)).ffill().bfill()
    many, periods = len(series.unique_id), series.periods
    columns = {
        "unique_id": np.repeat(np.arange(many), periods),
        "ds": np.tile(np.arange(periods), many),
        "y": seen.to_numpy().T.ravel(),
    }
    return pd.DataFrame(columns)


def _statistical(name: str, series: DemandSeries, horizon: int, levels: Sequence[float | int]) -> Any:
    from statsforecast import StatsForecast, models
    from statsforecast.utils import ConformalIntervals

    settings: dict[str, Any] = {}
    if name in WITHOUT_INTERVALS:
        settings["prediction_intervals"] = ConformalIntervals(n_windows=_windows(series, horizon), h=horizon)
    else:
        settings["season_length"] = series.season_length
    model = getattr(models, name)(alias=name, **settings)
    return StatsForecast([model], freq=1).forecast(df=_long(series), h=horizon, level=levels)


def _learned(name: str, series: DemandSeries, horizon: int, levels: Sequence[float | int]) -> Any:
    from lightgbm import LGBMRegressor
    from mlforecast import MLForecast
    from mlforecast.lag_transforms import RollingMean
    from mlforecast.utils import PredictionIntervals

    windows = 2
    rows = series.periods - windows * horizon
    if rows < LEAST_ROWS:
        cure = f"give {windows * horizon + LEAST_ROWS} periods or more, or take another model"
        raise InputError("series", f"have {series.periods} periods, too few for {name} and its intervals", cure)
    lags = [lag for lag in (1, 2, 3, 4, 7, 13) if lag <= rows // 2]
    model = LGBMRegressor(
        objective="tweedie", n_estimators=200, learning_rate=0.05, num_leaves=31, n_jobs=1, verbosity=-1
    )
    learner = MLForecast({name: model}, freq=1, lags=lags, lag_transforms={1: [RollingMean(min(4, rows // 2))]})
    learner.fit(_long(series), prediction_intervals=PredictionIntervals(n_windows=windows, h=horizon))
    return learner.predict(horizon, level=levels)


def _windows(series: DemandSeries, horizon: int) -> int:
    windows = min((series.periods - 1) // horizon, MOST_WINDOWS)
    if windows < 2:
        cure = "take a shorter horizon, or a model with intervals of its own such as AutoETS"
        raise InputError("series", f"have {series.periods} periods, too few for conformal intervals", cure)
    return windows
