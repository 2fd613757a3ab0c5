"""The report's sentences: the answer first, in plain words, and honest where there is nothing to report."""

from __future__ import annotations

from intandem.evaluation.report.content import Report
from intandem.evaluation.statistics import Interval


def money(report: Report, value: float) -> str:
    """Money with its currency."""
    sign = "−" if value < 0 else ""
    digits = 0 if abs(value) >= 1_000 else 1 if abs(value) >= 100 else 2
    return f"{sign}{report.currency}{abs(value):,.{digits}f}"


def signed_percent(share: float) -> str:
    """A share with its sign.

    ```python
    >>> signed_percent(0.0512), signed_percent(-0.2)
    ('+5.1%', '−20.0%')

    ```
    """
    return f"{'−' if share < 0 else '+'}{abs(100 * share):.1f}%"


def percent(share: float, digits: int = 1) -> str:
    """A share."""
    return f"{'−' if share < 0 else ''}{abs(100 * share):.{digits}f}%"


def between(interval: Interval) -> str:
    """The interval in words, with the decimals that tell its ends apart.

    ```python
    >>> between(Interval(0.0051, 0.0049, 0.0053)), between(Interval(0.1, 0.05, 0.15))
    ('95% interval 0.49% to 0.53%', '95% interval 5.0% to 15.0%')

    ```
    """
    if not interval.low > -float("inf"):
        return "one value, so no interval"
    digits = 1 if percent(interval.low) != percent(interval.high) else 2
    return f"95% interval {percent(interval.low, digits)} to {percent(interval.high, digits)}"


def answer(report: Report) -> str:
    """The one sentence that the page opens with."""
    found, subject, reference = report.comparison, report.subject, report.reference
    period = found.market.period
    label = found.results[subject].label
    if reference is None:
        profit = found.results[subject].profit
        return f"{label} earns {money(report, profit)} per {period} in this market."
    other = found.results[reference].label.lower()
    gain = found.gain(subject, reference)
    mine, theirs = found.results[subject].profit, found.results[reference].profit
    figures = f"{money(report, mine)} against {money(report, theirs)}"
    deciding = "Deciding in tandem" if subject == "mtma" else label
    if not gain.excludes_zero:
        return (
            f"{deciding} shows no gain here over the {other}: {signed_percent(gain.mean)} of profit per {period} "
            f"({between(gain)}), {figures}."
        )
    more = "more" if gain.mean > 0 else "less"
    return (
        f"{deciding} earns {percent(abs(gain.mean))} {more} per {period} than the {other} "
        f"({between(gain if gain.mean > 0 else gain.mirrored)}): {figures}."
    )


def beside(report: Report) -> str:
    """What the subject gains over the other methods, in one sentence."""
    found, subject = report.comparison, report.subject
    others = [name for name in found.results if name not in (subject, report.reference)]
    parts = []
    for name in others:
        gain = found.gain(subject, name)
        parts.append(f"{signed_percent(gain.mean)} over the {found.results[name].label.lower()}")
    if not parts:
        return ""
    lost = found.results[subject].mean("lost_share")
    return f"Beside that: {', '.join(parts)}. It loses {percent(lost)} of demand" + (
        f", where the {found.results[report.reference].label.lower()} loses "
        f"{percent(found.results[report.reference].mean('lost_share'))}."
        if report.reference
        else "."
    )


def scale(report: Report) -> str:
    """On what the figures rest."""
    found = report.comparison
    market = found.market
    trained = [result for result in found.results.values() if result.trainings]
    training = ""
    if trained:
        seconds = sum(result.seconds for result in trained) / len(trained)
        training = f" Training took {seconds:.0f} s a policy on this computer."
    if trained and found.seeds == 1:
        training += " One policy of each method was trained: intervals are over replications, not over trainings."
    seeds = f"{found.seeds} seeds of " if found.seeds > 1 else ""
    return (
        f"{market.products:,} products, {market.rows:,} customers. Every method met the same visitors and "
        f"random numbers: {seeds}{found.runs} runs of {found.periods} {market.period}s, after {found.warmup} that do "
        f"not count.{training}"
    )


def sensitivity(report: Report) -> str:
    """Whether the answer survives other assumptions."""
    gains: dict[str, Interval] = {}
    for scenario in report.scenarios:
        if report.reference is not None:
            gains[scenario.label] = scenario.comparison.gain(report.subject, report.reference)
    if not gains:
        return ""
    positive = [label for label, gain in gains.items() if gain.low > 0]
    over = f"over the {report.comparison.results[report.reference].label.lower()}" if report.reference else ""
    if len(positive) == len(gains):
        return f"The gain {over} is there under every assumption tried; how large it is depends on them."
    if not positive:
        return f"Under none of the assumptions tried is there a gain {over}."
    named = ", ".join(label[0].lower() + label[1:] for label in positive)
    return f"A gain {over} shows under {len(positive)} of {len(gains)} assumptions: {named}."
