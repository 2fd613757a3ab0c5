"""Demand whose truth is known, as long frames."""

from __future__ import annotations

import numpy as np
import polars as pl


def demand(seed: int, periods: int = 40, series: int = 40, level: float = 12.0, dispersion: float = 0.15) -> np.ndarray:
    """Negative binomial demand around levels that differ by product, `periods series`."""
    rng = np.random.default_rng(seed)
    mean = level * np.exp(0.6 * rng.standard_normal(series))
    return rng.poisson(mean * rng.gamma(1 / dispersion, dispersion, (periods, series))).astype(float)


def frame_of(counts: np.ndarray, **more: np.ndarray) -> pl.DataFrame:
    """Counts and other columns, `periods series`, as a long frame."""
    periods, series = counts.shape
    ids = [f"p{number}" for number in range(series)]
    columns = {"unique_id": np.repeat(ids, periods), "ds": np.tile(np.arange(periods), series), "y": counts.T.ravel()}
    return pl.DataFrame(columns | {name: values.T.ravel() for name, values in more.items()})
