"""The page of a forecast: what is expected, product by product, and how far such forecasts were to be trusted."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import numpy as np

from intandem.display import count, percent
from intandem.forecasting.forecast import Forecast
from intandem.forecasting.paths import NAME, probabilities_of
from intandem.pages.document import document, place_of, section, table_of
from intandem.pages.drawing import FAINT, INK, figure_of, legend_above, rounded, styled_axis, styled_layout

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

BAND, LINE = "rgba(11, 122, 111, 0.22)", "#0b7a6f"
SHOWN = 40
"""Products on the page; the files have all."""

PAST = 26
"""Periods of the past in the chart, at most."""


def page(found: Forecast) -> str:
    """The HTML of the page."""
    series, period = found.series, found.series.period_name
    horizon = len(found.paths.ds)
    ahead = count(horizon, period)
    total = found.paths.values.sum((1, 2))
    low, high = np.quantile(total, probabilities_of([80]))
    answer = f"{total.mean():,.0f} units in the next {ahead}, between {low:,.0f} and {high:,.0f} with a chance of 80%"
    driven = f" and the drivers {', '.join(series.drivers)}" if series.drivers else ""
    lead = f"Of {count(len(series.unique_id), 'product')}, from {count(series.periods, period)} of sales{driven}."
    sold_out = int((series.sold_out & series.seen).sum())
    scale = "Without stock counts: what was sold is taken for what was asked for."
    if sold_out:
        scale = f"{count(sold_out, 'count')} of products that were sold out stand for that or more."
    sections = [_ahead(found, ahead), *([_judged(found)] if found.accuracy else [])]
    return document(
        title=f"Demand of the next {ahead}",
        answer=answer,
        lead=lead,
        scale=scale,
        sections=sections,
        figures={"total": _chart(found)},
        footer="The files beside this page hold every product, period and level.",
        to_do=_to_do(found),
    )


def _to_do(found: Forecast) -> list[str]:
    order = "Order on quantiles of sums over lead time and review (totals.csv), not on sums of quantiles."
    if not found.accuracy:
        return [order]
    own = found.accuracy.get(NAME)
    best = next(iter(found.accuracy))
    if own is None or best.startswith(NAME):
        return [order]
    return [order, f"{best} was nearer in past periods ({own['pinball'] / found.accuracy[best]['pinball']:.2f} times)."]


def _ahead(found: Forecast, ahead: str) -> str:
    paths = found.paths
    mean = paths.values.mean(0)
    names = found.series.names or paths.unique_id
    order = np.argsort(-mean.sum(0))[:SHOWN]
    ends = probabilities_of([80])
    first, sums = paths.quantiles(ends)[:, 0], paths.total_quantiles([*ends, 0.95])
    rows = [
        [
            html.escape(names[at]),
            f"{mean[0, at]:,.1f}",
            f"{first[0, at]:,.0f} to {first[1, at]:,.0f}",
            f"{mean[:, at].sum():,.1f}",
            f"{sums[0, at]:,.0f} to {sums[1, at]:,.0f}",
            f"<b>{sums[2, at]:,.0f}</b>",
        ]
        for at in order
    ]
    period = found.series.period_name
    head = ["Product", f"Next {period}", "80% between", f"All {ahead}", "80% between", "19 times in 20<br>at most"]
    more = f"The {SHOWN} largest of {len(paths.unique_id):,}; the files have all. " if len(order) == SHOWN else ""
    see = f"{more}The last column covers demand of all {ahead} with a chance of 95%."
    return section("What is expected", see, place_of("total") + table_of(head, rows))


def _judged(found: Forecast) -> str:
    assert found.backtest is not None
    head = [
        "Model",
        "Pinball loss,<br>units",
        "Error, share<br>of demand",
        "Bias",
        "80% held",
        "95% held",
        "Sum: 80%",
        "95%",
    ]
    keys = ("wape", "bias", "coverage_80", "coverage_95", "total_coverage_80", "total_coverage_95")
    rows = [
        [html.escape(name), f"{one['pinball']:,.3f}", *(percent(one[key]) if key in one else "–" for key in keys)]
        for name, one in found.accuracy.items()
    ]
    cuts = count(len(found.backtest.cutoffs), "cut-off")
    see = (
        f"At {cuts} of the past each model saw only what was known then. Loss: of quantiles, less is better. An "
        "interval of 80% should have held what came in 80% of cases; so should that of the sum over all periods."
    )
    return section("How right it was", see, table_of(head, rows))


def _chart(found: Forecast) -> Figure:
    """Units of all products: the past, and what is expected with its 80% interval."""
    series = found.series
    past = slice(max(series.periods - PAST, 0), series.periods)
    whole = np.where(series.observed[past] > 0, series.counts[past].sum(1), np.nan)
    total = found.paths.values.sum(2)
    low, high = np.quantile(total, probabilities_of([80]), axis=0)
    before, after = ([str(day) for day in days] for days in (series.ds[past], found.paths.ds))
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "x": after,
            "y": rounded(high, 0),
            "line": {"width": 0},
            "showlegend": False,
            "hoverinfo": "skip",
        },
        {
            "type": "scatter",
            "x": after,
            "y": rounded(low, 0),
            "fill": "tonexty",
            "fillcolor": BAND,
            "line": {"width": 0},
            "name": "80% interval",
        },
        {"type": "scatter", "x": before, "y": rounded(whole, 0), "line": {"color": INK}, "name": "Sold"},
        {"type": "scatter", "x": after, "y": rounded(total.mean(0), 0), "line": {"color": LINE}, "name": "Expected"},
    ]
    layout = styled_layout(
        320, xaxis=styled_axis(), yaxis=styled_axis("Units, all products", rangemode="tozero"), legend=legend_above()
    )
    layout["hoverlabel"] = {**layout["hoverlabel"], "bordercolor": FAINT}
    return figure_of(data, {**layout, "showlegend": True})
