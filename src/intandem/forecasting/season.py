"""Seasons that all products of a category share: days of the week, weeks of the year."""

from __future__ import annotations

import numpy as np

from intandem.forecasting.series import DemandSeries

CAUTION = 20.0
"""Units that a position must have sold before a category's own season outweighs that of all products."""


def season_of(series: DemandSeries, periods: np.ndarray) -> np.ndarray:
    """Logarithm of the seasonal factor of each category in given periods.

    **Arguments:** `periods`: numbers of periods, which may lie ahead.

    **Returns** `periods series`, around 0 on average; all 0 where no season was seen twice.
    """
    length = series.season_length
    if length == 1:
        return np.zeros((len(periods), len(series.unique_id)))
    groups = series.groups.max() + 1
    totals = np.zeros((series.periods, groups))
    np.add.at(totals.T, series.groups, np.where(series.seen, series.counts, 0.0).T)
    share = np.where(series.observed > 0, series.observed, np.nan)[:, None]
    usual = _moving_average(np.where(np.isnan(share), np.nan, totals / share), length)
    everything = _factors(
        totals.sum(1, keepdims=True), usual.sum(1, keepdims=True), share, length, np.zeros((length, 1))
    )
    own = _factors(totals, usual, share, length, everything)
    return own[periods % length][:, series.groups]


def _factors(totals: np.ndarray, usual: np.ndarray, share: np.ndarray, length: int, prior: np.ndarray) -> np.ndarray:
    sold, expected = np.zeros((2, length, totals.shape[1]))
    known = np.isfinite(usual) & np.isfinite(share)
    position = np.arange(len(totals)) % length
    np.add.at(sold, position, np.where(known, totals, 0.0))
    np.add.at(expected, position, np.where(known, usual * share, 0.0))
    factor = np.log((sold + CAUTION * np.exp(prior)) / (expected + CAUTION))
    return factor - np.log(np.exp(factor).mean(0))


def _moving_average(values: np.ndarray, length: int) -> np.ndarray:
    """Mean over a season around each period, shorter at the ends."""
    known = np.isfinite(values)
    padded = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(np.where(known, values, 0.0), 0)])
    counted = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(known, 0)])
    start = np.clip(np.arange(len(values)) - length // 2, 0, max(len(values) - length, 0))
    end = np.minimum(start + length, len(values))
    return (padded[end] - padded[start]) / np.maximum(counted[end] - counted[start], 1)
