"""What a report holds, gathered from a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from intandem.evaluation.comparison import Comparison
from intandem.evaluation.simulated import Trace
from intandem.evaluation.simulation import trace

SHOWN_PERIODS = 52
TRACED_PERIODS = 208
CHOSEN_PRODUCTS = 3

TANDEM = ("mtma", "stma", "reversed")
"""Methods in which the departments learn together, the one a report is about first."""

REFERENCES = ("tuned-rule", "tuned-filter", "filtered-silo", "silo", "tuned-silo", "learned-silo")
"""What a coordinated policy is measured against, the strongest first."""


@dataclass(frozen=True)
class Scenario:
    """The same comparison under another assumption, to show how the answer depends on it."""

    label: str
    comparison: Comparison


@dataclass(frozen=True)
class Report:
    """A comparison and what goes with it.

    - `traces`: by method, one run of every product on common random numbers. `chosen`: products shown over time
      (indices).
    - `names`: what people call each product. `currency`: put before money.
    - `fit`: a calibration's tables `calibration_curve` and `period`, as columns. `calibration`: its estimates in
      words. `scenarios`: the first is the comparison itself.
    """

    title: str
    comparison: Comparison
    traces: Mapping[str, Trace]
    chosen: Sequence[int]
    names: Sequence[str]
    currency: str = ""
    facts: Sequence[str] = ()
    fit: Mapping[str, Mapping[str, Sequence[Any]]] = field(default_factory=dict)
    calibration: Sequence[str] = ()
    scenarios: Sequence[Scenario] = ()
    assumptions: Sequence[str] = ()
    limits: Sequence[str] = ()

    @property
    def subject(self) -> str:
        """The method that the report is about."""
        names = list(self.comparison.results)
        return next((name for name in TANDEM if name in names), names[-1])

    @property
    def reference(self) -> str | None:
        """The strongest method that the subject is measured against."""
        return next((n for n in REFERENCES if n in self.comparison.results and n != self.subject), None)


def report_of(
    comparison: Comparison,
    *,
    title: str | None = None,
    names: Sequence[str] | None = None,
    currency: str = "",
    facts: Sequence[str] = (),
    fit: Mapping[str, Mapping[str, Sequence[Any]]] | None = None,
    calibration: Sequence[str] = (),
    scenarios: Sequence[Scenario] = (),
    assumptions: Sequence[str] = (),
    limits: Sequence[str] = (),
) -> Report:
    """Gathers a report: follows every method through one run, and chooses the products to show over time."""
    market = comparison.market
    traces = {
        name: trace(market, result.policies[0], products=range(market.products), periods=TRACED_PERIODS, seed=0)
        for name, result in comparison.results.items()
    }
    draft = Report(
        title=title or market.name,
        comparison=comparison,
        traces=traces,
        chosen=(),
        names=tuple(names or market.labels.product_ids),
        currency=currency,
        facts=tuple(facts),
        fit=fit or {},
        calibration=tuple(calibration),
        scenarios=tuple(scenarios),
        assumptions=tuple(assumptions),
        limits=(*limits, *_limits(comparison)),
    )
    return Report(**{**vars(draft), "chosen": _most_telling(traces[draft.subject])})


def _most_telling(followed: Trace) -> tuple[int, ...]:
    """Products whose exposures move most under the policy: the largest spread over time."""
    spread = followed.exposures.std(0)
    order = np.argsort(-spread, kind="stable")
    return tuple(int(j) for j in order[:CHOSEN_PRODUCTS])


def _limits(comparison: Comparison) -> tuple[str, ...]:
    trained = [result for result in comparison.results.values() if result.trainings]
    limits = [
        "Every figure comes from the simulated market above: it says what the methods are worth if the market is as "
        "described, not what a shop has earned.",
    ]
    if trained and comparison.seeds == 1:
        limits.append(
            "Each trained policy was trained once: the intervals hold the noise of demand, not that of training."
        )
    return tuple(limits)
