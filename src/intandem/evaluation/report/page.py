"""The page: one HTML file with everything in it, that works from disk without a network."""

from __future__ import annotations

import html
from pathlib import Path
from typing import TYPE_CHECKING

from intandem.errors import InputError
from intandem.evaluation.labels import LABELS, MEANINGS, colours, phrase
from intandem.evaluation.plots import plot_learning, plot_products, plot_profit
from intandem.evaluation.plots.products import SHOWN_PERIODS
from intandem.evaluation.report import charts, words
from intandem.evaluation.report.content import Report
from intandem.evaluation.report.gains import Gain, gain_of
from intandem.evaluation.report.numbers import ends, money, percent, signed_percent, yearly
from intandem.pages.document import document, list_of, place_of, section, table_of
from intandem.storage import replace_file

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def write_report(report: Report, path: str | Path) -> Path:
    """Writes the page, whole or not at all.

    **Raises:** `InputError` if `path` is a folder; `RunError` if the system refuses.
    """
    target = Path(path)
    if target.is_dir():
        raise InputError(target, "is a folder", "name a file, such as report.html")
    text = page(report)
    with replace_file(target) as beside:
        beside.write_text(text, encoding="utf-8")
    return target


def page(report: Report) -> str:
    """The page's HTML."""
    sections, figures = _sections(report)
    return document(
        title=report.title,
        answer=words.answer(report),
        to_do=words.to_do(report),
        lead=words.beside(report),
        scale=words.scale(report),
        sections=sections,
        figures=figures,
        footer=f"Figures are means per {report.comparison.market.period}; intervals hold 95% and are paired where "
        "methods are compared.",
    )


def _sections(report: Report) -> tuple[list[str], dict[str, Figure]]:
    found, currency = report.comparison, report.currency
    period = found.market.period
    parts: list[str] = []
    figures: dict[str, Figure] = {}

    def chart(place: str, title: str, see: str, figure: Figure | None, after: str = "") -> None:
        if figure is None:
            return
        figures[place] = figure
        parts.append(section(title, see, f"{place_of(place)}{after}"))

    chart(
        "profit",
        "Profit by method",
        f"Mean profit per {period}; the bars are 95% intervals. The axis does not start at zero. Differences in the "
        "table are taken pair by pair on common random numbers, so they are settled more finely than the means.",
        plot_profit(found, currency=currency),
        _profit_table(report) + list_of(words.equal_figures(report)) + _methods(report),
    )
    chart(
        "sensitivity",
        "What if the assumptions are wrong?",
        words.sensitivity(report) + " Each row plays the same policies in a market that differs in one assumption. "
        "They are told its figures, and neither trained nor tuned again. Filled: the best of the other methods there.",
        charts.sensitivity(report),
        _sensitivity_table(report),
    )
    chart(
        "lost",
        "Demand lost",
        "The share of what customers wanted that found no stock. Exposure spent on what is not there is lost twice.",
        charts.lost_by_method(report),
    )
    chart(
        "exposure",
        "Does exposure follow stock?",
        "How much exposure a product gets when it is short and when it is long. A rising line is a recommendation "
        "that spares what is short; a level line is one that does not look.",
        charts.stock_against_exposure(report),
    )
    methods = [name for name in (report.subject, report.reference) if name is not None]
    chart(
        "time",
        "Three products over time" if len(report.chosen) == 3 else "Products over time",
        f"The products whose exposure moves most, over {SHOWN_PERIODS} {period}s of one run, with "
        f"{' and with '.join(map(phrase, methods))}, on common random numbers.",
        plot_products(
            {name: report.traces[name] for name in methods}, products=report.chosen, names=report.names, period=period
        ),
    )
    if any(result.trainings for result in found.results.values()):
        band = " Bands span the trainings of a method." if found.seeds > 1 else ""
        chart(
            "learning",
            "Learning",
            "Profit in training, of policies whose weights are perturbed to see what that earns. Dotted lines are "
            f"rules, which do not learn.{band} Smoothed over an eighth of the updates.",
            plot_learning(found, currency=currency),
        )
    chart(
        "fit",
        "How well the market fits the data",
        words.fit(report),
        charts.calibration_fit(report),
        list_of(report.calibration),
    )
    parts.append(
        "<section><h2>Assumptions and limits</h2>"
        + list_of((*report.facts, *report.assumptions))
        + '<p class="see">What this page cannot say:</p>'
        + list_of(report.limits)
        + "</section>\n"
    )
    return parts, figures


def _profit_table(report: Report) -> str:
    found = report.comparison
    period = found.market.period
    shade = colours(found.results)
    head = [
        "Method",
        f"Profit per {period}",
        f"{html.escape(found.results[report.subject].label)}<br>earns more by",
        "95% interval",
        "More money<br>a year",
        "Demand<br>lost",
        "Slots<br>used",
        f"Stock lasts<br>({period}s)",
        "Products<br>shown",
    ]
    rows = []
    for name, result in found.results.items():
        difference = ["–"] * 3 if name == report.subject else _difference(report, gain_of(found, report.subject, name))
        rows.append(
            [
                f'<span class="dot" style="background:{shade[name]}"></span>{html.escape(result.label)}',
                money(result.profit, report.currency),
                *difference,
                percent(result.mean("lost_share")),
                percent(result.mean("exposure_share")),
                f"{result.mean('cover'):.1f}",
                percent(result.mean("catalogue_coverage")),
            ]
        )
    return table_of(head, rows, marked=list(found.results).index(report.subject))


def _sensitivity_table(report: Report) -> str:
    head = ["Assumption", "Best of the others", "Gain over it", "95% interval", "More money<br>a year", "Verdict"]
    rows = []
    for scenario in report.scenarios:
        gain = words.scenario_gain(report, scenario)
        if gain is not None:
            best = html.escape(LABELS.get(gain.reference, gain.reference))
            rows.append(
                [html.escape(scenario.label), best, *_difference(report, gain), html.escape(words.verdict(gain))]
            )
    return table_of(head, rows, kind="scenarios") if rows else ""


def _difference(report: Report, gain: Gain) -> list[str]:
    """Share, its interval, and money a year, as cells."""
    interval = ends(gain.share) if gain.share.ci[0] is not None else "–"
    year = yearly(gain.a_year, report.currency)
    return ["–", "–", year] if gain.in_money else [signed_percent(gain.share.mean), interval, year]


def _methods(report: Report) -> str:
    """What each method is, and the settings that its rules were tuned to."""
    rows = []
    for name, result in report.comparison.results.items():
        meaning = html.escape(MEANINGS.get(name, "A policy of your own."))
        if result.rules is not None:
            meaning += f"<br><code>{html.escape(' · '.join(result.rules))}</code>"
        rows.append([html.escape(result.label), meaning])
    table = table_of(["Method", "What it does"], rows, kind="meanings")
    return f"<details><summary>What the methods are</summary>{table}</details>"
