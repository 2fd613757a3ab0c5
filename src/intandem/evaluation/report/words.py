"""The report's sentences: the answer first, losses said as plainly as gains, and what to do about it."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np

from intandem.evaluation.comparison import Comparison
from intandem.evaluation.labels import LABELS, phrase
from intandem.evaluation.report.content import Report, Scenario
from intandem.evaluation.report.gains import MATERIAL, Gain, gain_of
from intandem.evaluation.report.numbers import between, ends, money, percent, size_of, yearly

A_CENT = 0.005
"""Profits that differ by less in every run are equal figures, which a reader would wonder at."""


def answer(report: Report) -> str:
    """The one sentence that the page opens with."""
    found, subject, reference = report.comparison, report.subject, report.reference
    period, mine = found.market.period, found.results[subject].profit
    deciding = _opening(subject)
    if reference is None:
        return f"{deciding} earns {money(mine, report.currency)} per {period} in this market."
    gain = gain_of(found, subject, reference)
    figures = f"{money(mine, report.currency)} against {money(found.results[reference].profit, report.currency)}"
    other = phrase(reference)
    if len(found.results) > 2:
        other += ", the best of the other methods"
    if gain.verdict == "same":
        told = "makes no difference worth having against" if gain.small else "shows no difference worth having from"
        why = f"below {percent(MATERIAL)} of profit" if gain.small else "which holds zero"
        year = f", {_year(report, gain)} a year" if abs(gain.a_year) >= A_CENT else ""
        return f"{deciding} {told} {other}: {figures} per {period}{year} ({_interval(report, gain)}, {why})."
    shown = gain if gain.verdict == "more" else _turned(gain)
    return (
        f"{deciding} earns {_size(report, gain)} {gain.verdict} per {period} than {other}: {figures}, "
        f"{_year(report, gain, signed=False)} a year ({_interval(report, shown)})."
    )


def beside(report: Report) -> str:
    """What the subject earns beside every other method, and what it loses of demand."""
    found, subject = report.comparison, report.subject
    others = [name for name in found.results if name not in (subject, report.reference)]
    parts = [_against(report, gain_of(found, subject, name)) for name in others]
    lost = percent(found.results[subject].mean("lost_share"))
    sentences = [f"Beside that it earns {'; '.join(parts)}."] if parts else []
    if report.reference is not None:
        theirs = percent(found.results[report.reference].mean("lost_share"))
        sentences.append(f"{lost} of demand finds no stock, with {phrase(report.reference)} {theirs}.")
    return " ".join(sentences)


def to_do(report: Report) -> tuple[str, ...]:
    """What follows from the figures."""
    found, subject, reference = report.comparison, report.subject, report.reference
    if reference is None:
        return ()
    gain = gain_of(found, subject, reference)
    lines = [_choice(report, gain)]
    practice = next((name for name in ("silo", "filtered-silo") if name in found.results), None)
    if practice is not None and practice not in (subject, reference):
        lines += _from_practice(report, practice)
    if report.scenarios:
        lines += _depends(report)
    return tuple(lines)


def scale(report: Report) -> str:
    """On what the figures rest."""
    found = report.comparison
    market = found.market
    trained = [result for result in found.results.values() if result.trainings]
    training = ""
    if trained:
        seconds = sum(result.seconds for result in trained) / len(trained)
        times = "once" if found.seeds == 1 else f"{found.seeds} times"
        training = f" Learned methods were trained {times}, {seconds:.0f} s each on this computer."
        if found.seeds == 1:
            training += " Intervals are over runs, not over trainings."
    runs = f"{found.runs} runs" if found.seeds == 1 else f"{found.seeds} × {found.runs} runs"
    people = float(np.asarray(market.population).sum())
    who = f"{people:,.0f} customers"
    if people > market.rows:
        who += " of one kind" if market.rows == 1 else f" of {market.rows:,} kinds"
    return (
        f"{market.products:,} products, {who}. Every method was played on common random numbers: "
        f"{runs} of {found.periods} {market.period}s, after {found.warmup} that do not count.{training}"
    )


def sensitivity(report: Report) -> str:
    """Under which assumptions the subject earns more, less, or the same as the best of the others there."""
    gains = {one.label: gain for one in report.scenarios if (gain := scenario_gain(report, one)) is not None}
    if not gains:
        return ""
    told = []
    for verdict, words in (
        ("more", "earns more"),
        ("less", "earns less"),
        ("same", "shows no difference worth having"),
    ):
        named = [
            f"{_inside(label)} ({_size(report, gain)})" if verdict != "same" else _inside(label)
            for label, gain in gains.items()
            if gain.verdict == verdict
        ]
        if named:
            told.append(f"{words} under {len(named)} of {len(gains)} assumptions: {', '.join(named)}")
    several = any(len(one.comparison.results) > 2 for one in report.scenarios)
    best = "the best of the other methods there" if several else phrase(str(report.reference))
    return f"Measured against {best}, {phrase(report.subject)} {'; it '.join(told)}."


def scenario_gain(report: Report, scenario: Scenario) -> Gain | None:
    """The subject against the best of the others that were played under an assumption."""
    found = scenario.comparison
    if report.subject not in found.results or found.reference is None:
        return None
    return gain_of(found, report.subject, found.reference)


def equal_figures(report: Report) -> tuple[str, ...]:
    """Why methods earn the same to the cent, where the runs that were followed tell it."""
    found = report.comparison
    lines = []
    for one, other in itertools.pairwise(_by_likeness(found)):
        if np.abs(found.results[one].profit_by_run - found.results[other].profit_by_run).max() >= A_CENT:
            continue
        told = f"{_opening(one)} and {phrase(other)} earn the same to the cent: "
        first, second = report.traces[one], report.traces[other]
        periods, products = second.on_hand.shape
        empty = int((second.on_hand <= 0).sum())
        followed = f"{periods * products:,} {found.market.period}s of a product that were followed"
        if (one, other) == ("silo", "filtered-silo") and not empty:
            lost = found.results[other].mean("lost_share")
            later = f" Demand is lost ({percent(lost)}) because shelves empty afterwards." if lost > 0 else ""
            lines.append(
                f"{told}in none of the {followed} was it out of stock when recommendations were decided, which is "
                f"after orders have arrived, so the filter had nothing to hide.{later}"
            )
        elif np.array_equal(first.exposures, second.exposures) and np.array_equal(first.order, second.order):
            lines.append(f"{told}in the {followed} both decided alike.")
    return tuple(lines)


def _by_likeness(found: Comparison) -> list[str]:
    """Methods with those of equal profit side by side."""
    order = {name: at for at, name in enumerate(LABELS)}
    return sorted(found.results, key=lambda name: (round(found.results[name].profit, 2), order.get(name, len(order))))


def _choice(report: Report, gain: Gain) -> str:
    year = _year(report, gain, signed=False)
    if gain.verdict == "more":
        return (
            f"Let {phrase(gain.subject)} decide: in this market that is worth {year} a year beyond the best of the "
            "other methods."
        )
    learned = {name for name in (gain.subject, gain.reference) if report.comparison.results[name].kind == "learned"}
    if gain.verdict == "less":
        untrained = " and needs no training" if learned == {gain.subject} else ""
        return f"Take {phrase(gain.reference)}: it earns {year} a year more{untrained}."
    simpler = gain.subject if learned == {gain.reference} else gain.reference
    untrained = ", which needs no training" if len(learned) == 1 else ""
    if gain.small:
        return f"Take {phrase(simpler)}{untrained}: it earns as much here."
    more = "trainings" if gain.over.endswith("trainings") or report.comparison.seeds == 1 else "runs"
    return (
        f"Until more {more} show a difference, keep to {phrase(simpler)}{untrained}: it may be anything from "
        f"{ends(gain.share)} of profit."
        if not gain.in_money and np.isfinite(gain.share.low)
        else f"Until more {more} show a difference, keep to {phrase(simpler)}{untrained}."
    )


def _from_practice(report: Report, practice: str) -> list[str]:
    """What the departments of today, which do not coordinate, would gain, and how much of that needs no training."""
    found, subject, reference = report.comparison, report.subject, str(report.reference)
    whole, part = gain_of(found, subject, practice), gain_of(found, reference, practice)
    best = max((whole, part), key=lambda one: one.money.mean)
    if best.verdict != "more":
        return []
    line = (
        f"Whoever decides by {phrase(practice)} today gains {_year(report, best, signed=False)} a year "
        f"({_size(report, best)}) with {phrase(best.subject)}"
    )
    if best is whole and part.verdict == "more":
        share = part.money.mean / whole.money.mean
        line += f"; {percent(share, 0)} of that comes with {phrase(reference)} alone"
    return [f"{line}."]


def _depends(report: Report) -> list[str]:
    """The assumptions that would change the choice."""
    base = scenario_gain(report, report.scenarios[0])
    if base is None:
        return []
    changed = []
    for scenario in report.scenarios[1:]:
        gain = scenario_gain(report, scenario)
        if gain is None or gain.verdict == base.verdict:
            continue
        changed.append(f"{_inside(scenario.label)} ({_verdict(report, gain)})")
    if not changed:
        return ["The choice is the same under every assumption tried below; how much it is worth differs."]
    return [f"First find out whether one of these holds for you, for it changes the answer: {'; '.join(changed)}."]


def verdict(gain: Gain) -> str:
    """The verdict of a gain in a table."""
    return {"more": "earns more", "less": "earns less", "same": _no_difference(gain)}[gain.verdict]


def _no_difference(gain: Gain) -> str:
    """Told apart: a difference too small to have, and one that is not settled however large it may be."""
    return "no difference worth having" if gain.small else "no difference shown"


def _verdict(report: Report, gain: Gain) -> str:
    if gain.verdict == "same":
        return f"{_no_difference(gain)} from {phrase(gain.reference)}"
    return f"{_size(report, gain)} {gain.verdict} than {phrase(gain.reference)}"


def _against(report: Report, gain: Gain) -> str:
    if gain.verdict == "same":
        return f"as much as {phrase(gain.reference)} ({_no_difference(gain)})"
    year = _year(report, gain, signed=False)
    return f"{_size(report, gain)} {gain.verdict} than {phrase(gain.reference)} ({year} a year)"


def _opening(subject: str) -> str:
    words = phrase(subject)
    return f"{words[0].upper()}{words[1:]}"


def _inside(label: str) -> str:
    """A scenario's label within a sentence."""
    return f"{label[0].lower()}{label[1:]}"


def _size(report: Report, gain: Gain) -> str:
    """How large the difference is: per cent, or money where the reference earns nothing."""
    if gain.in_money:
        return money(abs(gain.money.mean), report.currency)
    return size_of(gain.share.mean)


def _year(report: Report, gain: Gain, *, signed: bool = True) -> str:
    """Money in a year."""
    if not signed:
        return yearly(abs(gain.a_year), report.currency)
    return f"{'+' if gain.a_year > 0 else ''}{yearly(gain.a_year, report.currency)}"


def _interval(report: Report, gain: Gain) -> str:
    if not gain.in_money:
        return between(gain.share, gain.over)
    if not np.isfinite(gain.money.low):
        return between(gain.money)
    low, high = (money(end, report.currency) for end in (gain.money.low, gain.money.high))
    return f"95% interval over {gain.over} {low} to {high}"


def _turned(gain: Gain) -> Gain:
    """The same difference taken the other way round."""
    return replace(gain, share=gain.share.mirrored, money=gain.money.mirrored, a_year=-gain.a_year)


def fit(report: Report) -> str:
    """What to see in the chart of the calibration."""
    if not report.fit:
        return ""
    period, curve = report.comparison.market.period, report.fit["calibration_curve"]
    tested = [count for split, count in zip(curve["split"], curve["opportunities"], strict=True) if split == "test"]
    none = sum(split == "test" and not share for split, share in zip(curve["split"], curve["observed"], strict=True))
    left_out = f" {none} classes without a purchase cannot be drawn on its scale." if none else ""
    return (
        f"Left: chances of a purchase in {period}s held out when fitting, {sum(tested):,} of them in {len(tested)} "
        "classes of equal size by what was predicted; points should lie on the dotted line, bars are two standard "
        f"errors.{left_out} Fitted {period}s are not drawn there: predictions have learned from their purchases. "
        f"Right: all purchases, {period} by {period}; the diamonds were held out."
    )
