"""What a comparison found: methods side by side on one market, with paired differences and their intervals.

Where training is part of a method its seeds are the pairs (a run that collapses counts); rules alone differ by noise,
and then the runs are the pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from intandem.departments import JointPolicy
from intandem.evaluation.simulated import Simulated
from intandem.evaluation.statistics import Interval, mean_interval, paired_difference
from intandem.learning import Training
from intandem.market import Market

Kind = Literal["rule", "tuned", "learned"]

LABELS = {
    "silo": "Silo",
    "filtered-silo": "Silo with in-stock filter",
    "dual-price": "Dual prices",
    "tuned-silo": "Tuned silo",
    "tuned-filter": "In-stock filter, tuned levels",
    "tuned-rule": "Tuned rules with in-stock filter",
    "learned-silo": "Learned silo",
    "mtma": "In tandem (MTMA)",
    "stma": "One speed (STMA)",
    "reversed": "Speeds reversed",
}
"""What people read for each method."""


@dataclass(frozen=True)
class MethodResult:
    """One method on one market.

    - `simulated`: its figures, by seed. `policies`: one, or one per seed where it was trained.
    - `trainings`: by seed, for trained policies. `rules`: the texts of its rules, for the others.
    - `seconds`: to prepare one policy: to train or tune it; 0 for rules as they are.
    """

    name: str
    kind: Kind
    policies: tuple[JointPolicy, ...]
    simulated: tuple[Simulated, ...]
    seconds: float
    trainings: tuple[Training, ...] = ()
    rules: tuple[str, str] | None = None

    @property
    def label(self) -> str:
        """What people read."""
        return LABELS.get(self.name, self.name)

    @property
    def profit_by_seed(self) -> np.ndarray:
        """Profit per period, mean over runs, shape `seeds`."""
        return np.array([one.profit for one in self.simulated])

    @property
    def profit_by_run(self) -> np.ndarray:
        """Profit per period of every run of every seed, seed after seed."""
        return np.concatenate([one.profit_by_run for one in self.simulated])

    @property
    def profit(self) -> float:
        """Mean profit per period."""
        return float(self.profit_by_seed.mean())

    @property
    def interval(self) -> Interval:
        """Mean profit with its 95% interval: over seeds where it was trained with several, else over runs."""
        over_seeds = self.kind == "learned" and len(self.simulated) > 1
        return mean_interval(self.profit_by_seed if over_seeds else self.profit_by_run)

    def mean(self, name: str) -> float:
        """Mean over seeds of one figure of `Simulated`."""
        return float(np.mean([getattr(one, name) for one in self.simulated]))

    def as_json(self) -> dict[str, object]:
        """The figures under the names of the command line's JSON."""
        figures: dict[str, object] = {
            "profit": self.profit,
            "ci": self.interval.ci,
            "fill_rate": self.mean("fill_rate"),
            "lost_share": self.mean("lost_share"),
            "seconds": self.seconds,
            "exposure_share": self.mean("exposure_share"),
            "orders_per_period": self.mean("orders_per_period"),
            "end_stock": self.mean("end_stock"),
            "cover": self.mean("cover"),
            "exposure_concentration": self.mean("exposure_concentration"),
            "catalogue_coverage": self.mean("catalogue_coverage"),
            "profit_by_seed": self.profit_by_seed.tolist(),
        }
        if self.trainings:
            figures["parameters"] = self.trainings[0].parameters
            figures["steps"] = self.trainings[0].steps
        if self.rules:
            figures["inventory"], figures["recommendation"] = self.rules
        return figures


@dataclass(frozen=True)
class Comparison:
    """Methods on one market, in the order given; `seeds` and `runs` of each, `periods` after `warmup`."""

    market: Market
    results: dict[str, MethodResult]
    seeds: int
    runs: int
    periods: int
    warmup: int

    def difference(self, name: str, reference: str) -> Interval:
        """Profit per period of one method less that of another, with its 95% interval."""
        one, other = self.results[name], self.results[reference]
        if self.seeds > 1 and "learned" in (one.kind, other.kind):
            return paired_difference(one.profit_by_seed, other.profit_by_seed)
        return paired_difference(one.profit_by_run, other.profit_by_run)

    def gain(self, name: str, reference: str) -> Interval:
        """The difference as a share of the size of the reference's profit."""
        difference = self.difference(name, reference)
        base = max(abs(self.results[reference].profit), 1e-9)
        return Interval(difference.mean / base, difference.low / base, difference.high / base)

    def as_json(self) -> dict[str, object]:
        """The comparison under the names of the command line's JSON."""
        names = list(self.results)
        paired = {}
        for at, name in enumerate(names):
            for other in names[:at]:
                difference = self.difference(name, other)
                paired[f"{name} - {other}"] = {
                    "mean": difference.mean,
                    "ci": difference.ci,
                    "share": self.gain(name, other).mean,
                }
        return {
            "methods": {name: result.as_json() for name, result in self.results.items()},
            "paired": paired,
            "seeds": self.seeds,
            "runs": self.runs,
            "periods": self.periods,
            "warmup": self.warmup,
        }
