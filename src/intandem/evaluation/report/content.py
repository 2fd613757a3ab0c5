"""What a report holds, gathered from a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from intandem.evaluation.comparison import Comparison
from intandem.evaluation.plots.products import most_telling
from intandem.evaluation.simulated import Trace
from intandem.market import Market

TRACED_PERIODS = 208

FEW_TRAININGS = 5
"""Fewer than these say little about how trainings differ, and a page says so."""


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
        return self.comparison.subject

    @property
    def reference(self) -> str | None:
        """What the subject is measured against."""
        return self.comparison.reference


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
    traces = comparison.traces(periods=TRACED_PERIODS)
    return Report(
        title=title or market.name,
        comparison=comparison,
        traces=traces,
        chosen=tuple(most_telling(traces[comparison.subject])),
        names=tuple(names or _names(market)),
        currency=currency,
        facts=tuple(facts),
        fit=fit or {},
        calibration=tuple(calibration),
        scenarios=tuple(scenarios),
        assumptions=tuple(assumptions),
        limits=(*limits, *_limits(comparison)),
    )


def _names(market: Market) -> list[str]:
    ids = market.labels.product_ids
    return [name or own for name, own in zip(market.labels.names, ids, strict=True)]


def _limits(comparison: Comparison) -> tuple[str, ...]:
    trained = [result for result in comparison.results.values() if result.trainings]
    limits = [
        "Every figure comes from the simulated market above: it says what the methods are worth if the market is as "
        "described, not what a shop has earned.",
    ]
    if trained and comparison.seeds == 1:
        limits.append(
            "Each learned method was trained once: the intervals hold the noise of demand, not that of training."
        )
    elif trained:
        few = (
            " So few trainings tell little of how far others may lie apart." if comparison.seeds < FEW_TRAININGS else ""
        )
        limits.append(
            f"Each learned method was trained {comparison.seeds} times. Intervals of differences with it are over "
            "these trainings (Student's t), each judged on random numbers that all methods share, or over all runs "
            f"where that is wider.{few}"
        )
    return tuple(limits)
