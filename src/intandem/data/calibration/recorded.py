"""The market set against the record: played with what was shown then; and its forecasts against simple ones."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import numpy as np
import polars as pl
from scipy import stats

from intandem.data.calibration.competition import Competition
from intandem.data.calibration.panel import Panel
from intandem.data.calibration.played import played_purchases
from intandem.market import Market

REPLICATIONS = 8

CYCLE = {"week": 52, "day": 7}


@dataclass(frozen=True)
class Against:
    """What was recorded, and what the market sells with the exposures of then and plenty of stock.

    - `frame`: purchases by `product`, `period`: `recorded`, and `simulated` (mean over replications); the periods that
      are fitted.
    - `total`: simulated over recorded purchases. `rank_correlation`: over products (Spearman's).
    - `purchases_per_visit`: recorded and simulated. `by_category`: the same by category (`category`, `recorded`,
      `simulated`, `together`: share of its visits with a purchase that bought two products or more).
    - `errors`: weighted absolute percentage errors in held-out periods: of the fit, given who visits, and of simple
      forecasts (`mean`: of a product per visit; `seasonal_naive`: the period one cycle, or else one period, before).
    """

    frame: pl.DataFrame
    total: float
    rank_correlation: float
    purchases_per_visit: tuple[float, float]
    by_category: pl.DataFrame
    errors: dict[str, float]

    def as_json(self) -> dict[str, object]:
        """Under plain names."""
        recorded, simulated = self.purchases_per_visit
        return {
            "simulated_over_recorded": self.total,
            "rank_correlation": self.rank_correlation,
            "purchases_per_visit": {"recorded": recorded, "simulated": simulated},
            "categories": self.by_category.to_dicts(),
            "holdout_wape": self.errors,
        }


def against_record(
    market: Market, panel: Panel, competition: Competition, predicted: pl.DataFrame, *, seed: int = 0
) -> Against:
    """Plays the market over the recorded periods.

    **Arguments:** `predicted`: the table `product_period` of the fit.
    """
    demand = played_purchases(market, panel, jax.random.split(jax.random.key(seed), REPLICATIONS))
    scored = panel.train[:, None, None] * panel.bought
    product = panel.pair_product
    recorded = np.stack([np.bincount(product, one.ravel(), panel.products) for one in scored[panel.train]])
    periods = np.flatnonzero(panel.train).astype(np.int32)
    frame = pl.DataFrame(
        {
            "product": np.tile(np.arange(panel.products, dtype=np.int32), len(periods)),
            "period": np.repeat(periods, panel.products),
            "recorded": recorded.ravel(),
            "simulated": demand.ravel(),
        }
    )
    sold, played = recorded.sum(0), demand.sum(0)
    visits = float(panel.visited[panel.train].sum())
    come = float(np.asarray(market.visit_probability, float).sum()) * len(periods)
    names = [name or "all" for name in competition.names]
    kinds = range(len(names))
    by_category = pl.DataFrame(
        {
            "category": names,
            "recorded": [float(sold[competition.category == one].sum()) / visits for one in kinds],
            "simulated": [float(played[competition.category == one].sum()) / come for one in kinds],
            "together": competition.together,
        }
    ).with_columns(pl.col("together").fill_nan(None))
    alike = sold.std() > 0 and played.std() > 0
    return Against(
        frame=frame,
        total=float(played.sum() / max(sold.sum(), 1.0)),
        rank_correlation=float(stats.spearmanr(sold, played).statistic) if alike else float("nan"),
        purchases_per_visit=(float(sold.sum()) / visits, float(played.sum()) / come),
        by_category=by_category,
        errors=forecast_errors(panel, predicted, CYCLE[market.period]),
    )


def forecast_errors(panel: Panel, predicted: pl.DataFrame, cycle: int) -> dict[str, float]:
    """Sum of absolute errors over purchases recorded, by product and held-out period; empty without such periods."""
    if not panel.test.any():
        return {}
    visits = panel.visited.sum(1)
    bought = np.zeros((panel.periods, panel.products))
    fitted = np.zeros((panel.periods, panel.products))
    at = (predicted["period"].to_numpy(), predicted["product"].to_numpy())
    bought[at], fitted[at] = predicted["observed"].to_numpy(), predicted["predicted"].to_numpy()
    test, train = np.flatnonzero(panel.test), np.flatnonzero(panel.train)
    rate = bought[train].sum(0) / max(float(visits[train].sum()), 1.0)
    last = [train[train < period].max(initial=train[0]) for period in test]
    before = [period - cycle if period - cycle in train else near for period, near in zip(test, last, strict=True)]
    forecasts = {
        "fit": fitted[test],
        "mean": rate * visits[test][:, None],
        "seasonal_naive": bought[np.array(before)],
    }
    recorded = max(float(bought[test].sum()), 1.0)
    return {name: float(np.abs(one - bought[test]).sum()) / recorded for name, one in forecasts.items()}
