"""The page: one HTML file with everything in it, that works from disk without a network."""

from __future__ import annotations

import html
from pathlib import Path

from intandem.errors import InputError
from intandem.evaluation.report import charts, words
from intandem.evaluation.report.content import SHOWN_PERIODS, Report
from intandem.evaluation.report.document import document, list_of, section
from intandem.evaluation.report.drawing import Figure
from intandem.storage import replace_file


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
        lead=words.beside(report),
        scale=words.scale(report),
        sections=sections,
        figures=figures,
        footer=f"Figures are means per {report.comparison.market.period}; intervals hold 95% and are paired where "
        "methods are compared.",
    )


def _sections(report: Report) -> tuple[list[str], dict[str, Figure]]:
    period = report.comparison.market.period
    reference = report.comparison.results[report.reference].label.lower() if report.reference else ""
    parts: list[str] = []
    figures: dict[str, Figure] = {}

    def chart(place: str, title: str, see: str, figure: Figure | None, after: str = "") -> None:
        if figure is None:
            return
        figures[place] = figure
        parts.append(section(title, see, f'<div class="chart" id="{place}"></div>{after}'))

    chart(
        "profit",
        "Profit by method",
        f"Mean profit per {period}; the bars are 95% intervals. The axis does not start at zero. Differences in the "
        "table are taken pair by pair on common random numbers, so they are settled more finely than the means.",
        charts.profit_by_method(report),
        _table(report),
    )
    chart(
        "learning",
        "Learning",
        "Profit in training, of policies whose weights are perturbed to see what that earns. Dotted lines are rules, "
        "which do not learn.",
        charts.learning_curve(report),
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
    chart(
        "time",
        "Three products over time" if len(report.chosen) == 3 else "Products over time",
        f"The products whose exposure moves most, over {SHOWN_PERIODS} {period}s of one run, in tandem and "
        f"with the {reference or 'others'}, on common random numbers.",
        charts.over_time(report),
    )
    chart(
        "sensitivity",
        "What if the assumptions are wrong?",
        words.sensitivity(report) + " Each line plays the same policies in a market that differs in one assumption. "
        "They are told its figures, and neither trained nor tuned again.",
        charts.sensitivity(report),
    )
    chart(
        "fit",
        "How well the market fits the data",
        "Left: purchases should lie on the dotted line, rare ones and frequent ones. Right: all purchases, week by "
        "week; the diamonds were held out when fitting.",
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


def _table(report: Report) -> str:
    found = report.comparison
    period = found.market.period
    head = (
        f"<tr><th>Method</th><th>Profit per {period}</th><th>Against the<br>{_short(report)}</th><th>95% interval</th>"
        f"<th>Demand lost</th><th>Slots used</th><th>Stock lasts<br>({period}s)</th><th>Products<br>shown</th></tr>"
    )
    rows = []
    for name, result in found.results.items():
        gain = words.signed_percent(found.gain(name, report.reference).mean) if report.reference else ""
        interval = ""
        if report.reference and name != report.reference:
            share = found.gain(name, report.reference)
            interval = f"{words.percent(share.low)} to {words.percent(share.high)}" if share.ci[0] is not None else "–"
        elif report.reference:
            gain, interval = "–", "–"
        marked = ' class="subject"' if name == report.subject else ""
        rows.append(
            f'<tr{marked}><td><span class="dot" style="background:{charts.colour(name)}"></span>'
            f"{html.escape(result.label)}</td><td>{words.money(report, result.profit)}</td><td>{gain}</td>"
            f"<td>{interval}</td><td>{words.percent(result.mean('lost_share'))}</td>"
            f"<td>{words.percent(result.mean('exposure_share'))}</td><td>{result.mean('cover'):.1f}</td>"
            f"<td>{words.percent(result.mean('catalogue_coverage'))}</td></tr>"
        )
    return f'<div class="scroll"><table>{head}{"".join(rows)}</table></div>'


def _short(report: Report) -> str:
    return html.escape(report.comparison.results[report.reference].label.lower()) if report.reference else "reference"
