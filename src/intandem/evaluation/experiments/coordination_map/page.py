"""The coordination map's page: the answer, the pictures, where there is nothing and why, how it was found, claims."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import numpy as np

from intandem.evaluation.experiments.coordination_map import charts, words
from intandem.evaluation.experiments.coordination_map.claims import Findings, tightness_words
from intandem.evaluation.experiments.coordination_map.plan import Table
from intandem.evaluation.experiments.experiment import Claim
from intandem.evaluation.report.numbers import percent
from intandem.pages.document import document, list_of, place_of, section, table_of

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def page_of(found: Findings, claims: dict[str, Claim]) -> str:
    """The page's HTML."""
    parts: list[str] = []
    figures: dict[str, Figure] = {}

    def chart(place: str, title: str, see: str, figure: Figure | None, after: str = "") -> None:
        if figure is not None:
            figures[place] = figure
            parts.append(section(title, see, f"{place_of(place)}{after}"))

    chart(
        "supply",
        "How tight is supply?",
        "The gain against supply, lead time one period. Left: in per cent of profit. Right: in money per period. Bars "
        "are 95% intervals over markets, which differ in what there is to be earned.",
        charts.supply_curves(found),
        _supply_table(found),
    )
    for place, title, see, figure in _maps(found):
        chart(place, title, see, figure)
    chart(
        "factors",
        "One thing at a time",
        "The gain when one thing is changed and the rest stays as in the base case (supply 75%; for fixed order costs "
        "100%).",
        charts.factor_curves(found),
    )
    chart("parts", "Where the gain comes from", words.parts(found), charts.parts_by_supply(found))
    parts.append(section("Where there is nothing to gain, and why", "", list_of(words.zeros(found, claims))))
    parts.append(section("What was asked, and what the figures say", "", _claims_table(claims)))
    limits = f'<p class="see">What this page cannot say:</p>{list_of(words.limits())}'
    parts.append(section("How it was computed, and limits", "", list_of(words.method()) + limits))
    return document(
        title="The map of coordination value",
        answer=words.answer(found),
        to_do=words.to_do(found),
        lead=words.lead(found),
        scale=words.scale(found),
        sections=parts,
        figures=figures,
        footer="Figures are long-run averages per period; intervals hold 95%.",
    )


def _maps(found: Findings) -> list[tuple[str, str, str, Figure | None]]:
    """Every heat map, all in the same shades."""
    plan = found.plan
    tables = (plan.lead_time_map(), plan.margin_map(), plan.fixed_cost_map(), plan.memory_map())
    shares = [found.cells[one].share().interval for table in tables for one in table.values()]
    most = max([share.mean for share in shares if share.low > 0], default=0.0)

    def heat(
        table: Table, down: str, unit: str = "", across: str = charts.SUPPLY, memory: bool = False
    ) -> Figure | None:
        if len({key[1] for key in table}) < 2:
            return None
        return charts.heat_map(
            found,
            table,
            across=across,
            down=down,
            name_across=(lambda one: f"{one:g}") if memory else (lambda one: percent(one, 0)),
            name_down=(lambda one: f"±{percent(one, 0)}" if one else "equal")
            if unit == "%"
            else (lambda one: f"{one:g}"),
            most=max(most, 1e-6),
        )

    return [
        (
            "lead-time",
            "Supply and lead time",
            "Gain over the silo with in-stock filter, per cent of its profit; the darker, the more, in the same shades "
            "in every map; in brackets where 95% intervals leave open whether there is a gain. With lead time 0 "
            "orders arrive before the customers; a dash was not solved.",
            heat(plan.lead_time_map(), "Lead time, periods"),
        ),
        (
            "margins",
            "Supply and margins",
            "How far the two products' margins lie above and below their average.",
            heat(plan.margin_map(), "Margins apart by", "%"),
        ),
        (
            "fixed-costs",
            "Supply and fixed order costs",
            "The cost of placing an order, in unit margins times the demand of a product that is not shown."
            + words.fixed_cost_blanks(found),
            heat(plan.fixed_cost_map(), "Fixed order cost"),
        ),
        (
            "memory",
            "Exposures that act later",
            "How long intentions last (persistence) and how much of an exposure goes into them (carry-over), at a "
            "supply of 75%. In the long run an exposure does the same everywhere; to the top right it does it later.",
            heat(plan.memory_map(), "Carry-over", across="Persistence", memory=True),
        ),
    ]


def _supply_table(found: Findings) -> str:
    head = [
        "Supply",
        "Profit,<br>coordinated",
        "Silo with<br>in-stock filter",
        "Silo",
        "Gain over silo<br>with filter",
        "95% interval",
        "Gain over<br>silo",
        "Demand lost,<br>coordinated",
        "Demand lost,<br>silo with filter",
    ]
    rows = []
    for one in found.along_supply():
        interval = one.share().interval
        rows.append(
            [
                tightness_words(one),
                *(f"{one.column(name).mean():.2f}" for name in ("joint", "filtered-silo", "silo")),
                percent(interval.mean, 2),
                f"{percent(interval.low, 2)} to {percent(interval.high, 2)}" if np.isfinite(interval.low) else "–",
                percent(one.share("silo").value, 2),
                *(percent(float(one.column(name).mean())) for name in ("lost_joint", "lost_filtered-silo")),
            ]
        )
    return table_of(head, rows)


def _claims_table(claims: dict[str, Claim]) -> str:
    rows = [
        [html.escape(claim.statement), html.escape(claim.verdict), html.escape(claim.detail)]
        for claim in claims.values()
    ]
    return table_of(["Statement", "Verdict", "Figure"], rows, kind="words")
