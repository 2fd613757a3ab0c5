"""A forecast as files: the frame, quantiles of sums, accuracy, and the page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from intandem.forecasting.forecast import Forecast
from intandem.forecasting.page import page
from intandem.forecasting.paths import probabilities_of
from intandem.storage import refuse_other_folder, replace_folder

FRAME, TOTALS, ACCURACY, BY_HORIZON, PATHS = (
    "forecast.csv",
    "totals.csv",
    "accuracy.csv",
    "accuracy_by_horizon.csv",
    "paths.parquet",
)
PAGE = "forecast.html"
CONTENTS = (FRAME, TOTALS, ACCURACY, BY_HORIZON, PATHS, PAGE)
"""All that a folder of a forecast may hold."""


def write_forecast(found: Forecast, folder: str | Path, *, paths: bool = False) -> Path:
    """Writes a forecast into a folder, all or nothing; one that is there is replaced.

    **Arguments:** `paths`: whether the sample paths are written too (`path, unique_id, ds, y`).

    **Raises:** `InputError` if the folder holds other things; `RunError` if the system refuses.
    """
    folder = Path(folder)
    refuse_other_folder(folder, CONTENTS)
    accuracy = pl.DataFrame([{"model": name, **one} for name, one in found.accuracy.items()])
    with replace_folder(folder) as beside:
        _write(pl.DataFrame(found.frame), beside / FRAME)
        _write(totals(found), beside / TOTALS)
        if found.backtest is not None:
            _write(accuracy, beside / ACCURACY)
            _write(found.backtest.by_horizon, beside / BY_HORIZON)
        if paths:
            _long_paths(found).write_parquet(beside / PATHS)
        (beside / PAGE).write_text(page(found), encoding="utf-8")
    return folder


def totals(found: Forecast) -> pl.DataFrame:
    """Demand over the first periods together: `unique_id, periods`, mean and ends of intervals, of the count model."""
    ends = probabilities_of(found.levels)
    parts = []
    for periods in range(1, len(found.paths.ds) + 1):
        total = found.paths.total(periods)
        columns = {f"q-{100 * end:g}": one for end, one in zip(ends, np.quantile(total, ends, axis=0), strict=True)}
        parts.append({"unique_id": list(found.paths.unique_id), "mean": total.mean(0), **columns})
    frames = [pl.DataFrame(one).insert_column(1, pl.lit(at).alias("periods")) for at, one in enumerate(parts, 1)]
    return pl.concat(frames)


def _long_paths(found: Forecast) -> pl.DataFrame:
    values = found.paths.values
    many, periods, series = values.shape
    return pl.DataFrame(
        {
            "path": np.repeat(np.arange(many, dtype=np.int32), periods * series),
            "unique_id": list(found.paths.unique_id) * (many * periods),
            "ds": [day for day in found.paths.ds for _ in range(series)] * many,
            "y": values.ravel(),
        }
    )


def _write(frame: pl.DataFrame, target: Path) -> None:
    frame.with_columns(pl.col(pl.Float64, pl.Float32).round(4)).write_csv(target)
