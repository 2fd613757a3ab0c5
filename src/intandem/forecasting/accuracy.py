"""How right forecasts were: errors of the middle, losses of quantiles, and how often intervals held what came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from intandem.forecasting.paths import probabilities_of
from intandem.forecasting.series import DemandSeries

LEVELS = (20, 40, 60, 80, 90, 95)
"""Intervals that are judged, in per cent."""

PROBABILITIES = (*probabilities_of(LEVELS)[:6], 0.5, *probabilities_of(LEVELS)[6:])
"""Quantiles that are judged: the ends of those intervals, and the median."""

WHOLE = 0.95
"""Periods of which less was recorded are not judged by."""


@dataclass(frozen=True)
class Predicted:
    """What a model said of the periods after a cut-off.

    - `mean`: `horizon series`. `quantiles`: at `PROBABILITIES`, `probabilities horizon series`.
    - `total`: quantiles of the sum over the horizon, `probabilities series`; none where a model has none.
    """

    mean: np.ndarray
    quantiles: np.ndarray
    total: np.ndarray | None = None


@dataclass(frozen=True)
class Actual:
    """What came: `counts`, `horizon series`, and where it can be judged by: recorded, on sale, and not sold out."""

    counts: np.ndarray
    judged: np.ndarray

    @staticmethod
    def after(series: DemandSeries, cutoff: int, horizon: int) -> Actual:
        """The periods after a cut-off; those beyond the last one are not judged by."""
        counts, judged = np.zeros((2, horizon, len(series.unique_id)))
        part = slice(cutoff, min(cutoff + horizon, series.periods))
        many = part.stop - part.start
        counts[:many] = series.counts[part]
        whole = (series.observed[part] >= WHOLE)[:, None]
        judged[:many] = series.seen[part] & ~series.sold_out[part] & whole & series.seen[:cutoff].any(0)
        return Actual(counts, judged > 0)


def pinball(counts: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """Mean pinball loss over `PROBABILITIES`, in units: half the continuous ranked probability score, nearly.

    ```python
    >>> pinball(np.array([2.0]), np.full((13, 1), 3.0)).round(3).tolist()
    [0.5]

    ```
    """
    share = np.array(PROBABILITIES).reshape(-1, *[1] * counts.ndim)
    over = counts - quantiles
    return np.maximum(share * over, (share - 1) * over).mean(0)


def accuracy_of(said: Sequence[Predicted], came: Sequence[Actual]) -> dict[str, float]:
    """Measures over all cut-offs, series and periods ahead.

    - `wape`: weighted absolute percentage error of the median, `sum |error| / sum demand`. `bias`: of the mean, as a
      share of demand.
    - `pinball`: mean loss of the quantiles, in units. `crps`: scaled continuous ranked probability score,
      `2 sum pinball / sum demand`.
    - `coverage_80`, `coverage_95`: shares of what came inside the central intervals, ends included.
    - `total_pinball`, `total_coverage_80`, `total_coverage_95`: the same of the sum over the horizon, where a model
      has quantiles of sums.
    """
    judged = [one.judged for one in came]
    counts = np.concatenate([one.counts[mask] for one, mask in zip(came, judged, strict=True)])
    quantiles = np.concatenate([one.quantiles[:, mask] for one, mask in zip(said, judged, strict=True)], axis=1)
    means = np.concatenate([one.mean[mask] for one, mask in zip(said, judged, strict=True)])
    demand = max(float(counts.sum()), 1e-9)
    loss = pinball(counts, quantiles)
    found = {
        "wape": float(np.abs(counts - quantiles[PROBABILITIES.index(0.5)]).sum() / demand),
        "bias": float(means.sum() / demand - 1.0),
        "pinball": float(loss.mean()),
        "crps": float(2 * loss.sum() / demand),
        **_coverage("coverage", counts, quantiles),
    }
    totals = [(one.total, two) for one, two in zip(said, came, strict=True) if one.total is not None]
    whole = [two.judged.all(0) for _, two in totals]
    if totals and any(mask.any() for mask in whole):
        sums = np.concatenate([two.counts.sum(0)[mask] for (_, two), mask in zip(totals, whole, strict=True)])
        ends = np.concatenate([one[:, mask] for (one, _), mask in zip(totals, whole, strict=True)], axis=1)
        found |= {"total_pinball": float(pinball(sums, ends).mean()), **_coverage("total_coverage", sums, ends)}
    return found


def _coverage(name: str, counts: np.ndarray, quantiles: np.ndarray) -> dict[str, float]:
    found = {}
    for level in (80, 95):
        low, high = (quantiles[PROBABILITIES.index(end)] for end in probabilities_of([level]))
        found[f"{name}_{level}"] = float(((counts >= low) & (counts <= high)).mean())
    return found
