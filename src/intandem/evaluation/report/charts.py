"""The charts that only the report has; profit, learning and products over time are `intandem.evaluation.plots`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from intandem.evaluation.labels import colours, phrase, together
from intandem.evaluation.report.content import Report
from intandem.pages.drawing import (
    INK,
    RULE,
    error_bar,
    figure_of,
    labelled_rows,
    legend_above,
    rounded,
    stacked,
    styled_axis,
    styled_layout,
)

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

COVER_EDGES = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0, 9.0)
"""Where stock is cut into classes, in periods of the product's demand."""

HELD_OUT = "test"
FITTED = "train"


def lost_by_method(report: Report) -> Figure:
    """Share of demand lost, by method."""
    results = list(report.comparison.results.values())
    shade = colours(report.comparison.results)
    shares = [100 * result.mean("lost_share") for result in results]
    heights = list(range(len(results)))[::-1]
    data = [
        {
            "type": "bar",
            "orientation": "h",
            "x": rounded(shares, 2),
            "y": heights,
            "marker": {"color": [shade[result.name] for result in results]},
            "width": 0.34,
            "customdata": [result.label for result in results],
            "hovertemplate": "%{customdata}: %{x:.1f}% of demand lost<extra></extra>",
        }
    ]
    labels = [f"{result.label}  <b>{share:.1f}%</b>" for result, share in zip(results, shares, strict=True)]
    layout = styled_layout(
        80 + 46 * len(results),
        xaxis=styled_axis("Demand that found no stock, % of all demand", rangemode="tozero", ticksuffix="%"),
        **labelled_rows(labels),
    )
    return figure_of(data, layout)


def stock_against_exposure(report: Report) -> Figure:
    """Exposure a product gets, relative to its own mean, by how much stock it has, relative to its own mean demand."""
    data: list[dict[str, Any]] = []
    edges = np.array(COVER_EDGES)
    shade = colours(report.comparison.results)
    for name, followed in report.traces.items():
        demand = followed.demand.mean(0)
        shown = followed.exposures.mean(0)
        usual = (demand > 0) & (shown > 0)
        if not usual.any():
            continue
        cover = followed.on_hand[:, usual] / demand[usual]
        exposure = followed.exposures[:, usual] / shown[usual]
        place = np.digitize(cover, edges) - 1
        counts = np.bincount(place.ravel(), minlength=len(edges))
        sums = np.bincount(place.ravel(), exposure.ravel(), minlength=len(edges))
        middles = np.bincount(place.ravel(), cover.ravel(), minlength=len(edges))
        enough = counts >= max(30, 0.01 * counts.sum())
        points = rounded(middles[enough] / counts[enough]), rounded(sums[enough] / counts[enough])
        label = report.comparison.results[name].label
        if (alike := next((one for one in data if (one["x"], one["y"]) == points), None)) is not None:
            # One line would hide the other.
            alike["name"] = together([alike["name"], label])
            continue
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": label,
                "x": points[0],
                "y": points[1],
                "line": {"color": shade[name], "width": 2.5, "shape": "spline", "smoothing": 0.4},
                "marker": {"size": 7, "color": shade[name]},
                "hovertemplate": "%{x:.1f} periods of stock: %{y:.2f} x usual exposure<extra></extra>",
            }
        )
    period = report.comparison.market.period
    layout = styled_layout(
        360,
        showlegend=True,
        legend=legend_above(),
        xaxis=styled_axis(f"Stock when deciding, in {period}s of demand", rangemode="tozero"),
        yaxis=styled_axis("Exposure, multiple of usual", rangemode="tozero"),
        shapes=[
            {
                "type": "line",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": 1,
                "y1": 1,
                "line": {"color": RULE, "width": 1},
            }
        ],
    )
    return figure_of(data, layout, narrow={"height": 440})


def calibration_fit(report: Report) -> Figure | None:
    """Predicted against observed purchases: by size of prediction in held-out periods, and period by period.

    Of the fitted periods only the totals are shown. The prediction for a pair has learned from the pair's own purchases
    in them: the pairs that are predicted least are those that bought nothing there, so that their points would lie far
    below the line whatever the model.
    """
    if not report.fit:
        return None
    curve, weeks = report.fit["calibration_curve"], report.fit["period"]
    tested = [at for at, one in enumerate(curve["split"]) if one == HELD_OUT and curve["observed"][at] > 0]
    layout = styled_layout(360, showlegend=True, legend=legend_above())
    data: list[dict[str, Any]] = []
    predicted = [curve["predicted"][at] for at in tested]
    observed = [curve["observed"][at] for at in tested]
    counts = [curve["opportunities"][at] for at in tested]
    low, high = (100 * min(*predicted, *observed), 100 * max(*predicted, *observed)) if tested else (0.1, 100.0)
    shades = {FITTED: ("#9aa1ab", "observed, fitted", "circle"), HELD_OUT: ("#0b7a6f", "observed, held out", "diamond")}
    data.append(
        {
            "type": "scatter",
            "mode": "lines",
            "x": rounded([low, high], 4),
            "y": rounded([low, high], 4),
            "line": {"color": RULE, "width": 1.2, "dash": "dot"},
            "hoverinfo": "skip",
            "showlegend": False,
        }
    )
    # The frequency of rare purchases is known to within about two standard errors of its count.
    errors = [2 * np.sqrt(share * (1 - share) / count) for share, count in zip(observed, counts, strict=True)]
    data.append(
        {
            "type": "scatter",
            "mode": "markers",
            "showlegend": False,
            "x": rounded([100 * one for one in predicted], 4),
            "y": rounded([100 * one for one in observed], 4),
            "error_y": {
                "type": "data",
                "symmetric": False,
                "array": rounded([100 * one for one in errors], 4),
                "arrayminus": rounded(
                    [100 * min(one, 0.95 * share) for one, share in zip(errors, observed, strict=True)], 4
                ),
                "color": shades[HELD_OUT][0],
                "thickness": 1.2,
                "width": 3,
            },
            "customdata": counts,
            "marker": {"color": shades[HELD_OUT][0], "size": 8, "symbol": "diamond"},
            "hovertemplate": "predicted %{x:.2f}%, observed %{y:.2f}% of %{customdata:,}<extra></extra>",
        }
    )
    seen = [at for at, one in enumerate(weeks["split"]) if one in shades]
    data.append(
        {
            "type": "scatter",
            "mode": "lines",
            "name": "predicted",
            "x": [weeks["period"][at] + 1 for at in seen],
            "y": rounded([weeks["predicted"][at] for at in seen], 1),
            "xaxis": "x2",
            "yaxis": "y2",
            "line": {"color": INK, "width": 1.6},
            "hovertemplate": "%{x}: %{y:,.0f} predicted<extra></extra>",
        }
    )
    for split, (shade, label, symbol) in shades.items():
        mine = [at for at in seen if weeks["split"][at] == split]
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": label,
                "x": [weeks["period"][at] + 1 for at in mine],
                "y": rounded([weeks["observed"][at] for at in mine], 1),
                "xaxis": "x2",
                "yaxis": "y2",
                "marker": {"color": shade, "size": 7, "symbol": symbol},
                "hovertemplate": "%{x}: %{y:,.0f} observed<extra></extra>",
            }
        )
    period = report.comparison.market.period
    layout["xaxis"] = styled_axis("Predicted chance of a purchase, %", type="log", domain=[0, 0.45], dtick=1)
    layout["yaxis"] = styled_axis(f"Observed in held-out {period}s, %", type="log", dtick=1)
    layout["xaxis2"] = styled_axis(period.capitalize(), domain=[0.57, 1], anchor="y2", showgrid=False)
    layout["yaxis2"] = styled_axis(f"Purchases per {period}", anchor="x2", rangemode="tozero")
    return figure_of(data, layout, narrow=stacked(640))


def sensitivity(report: Report) -> Figure | None:
    """The gain over each of the other methods, under each assumption; filled where that is the best of them."""
    if not report.scenarios or report.reference is None:
        return None
    rivals = [name for name in report.scenarios[-1].comparison.results if name != report.subject]
    shade = colours(report.comparison.results)
    data: list[dict[str, Any]] = []
    for name in rivals:
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": f"over {phrase(name)}",
                "legendgroup": name,
                "x": [None],
                "y": [None],
                "marker": {"color": shade[name], "size": 11},
            }
        )
    for at, scenario in enumerate(report.scenarios):
        height = len(report.scenarios) - 1 - at
        for name in rivals:
            gain = scenario.comparison.gain(report.subject, name)
            best = name == scenario.comparison.reference
            data.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "legendgroup": name,
                    "showlegend": False,
                    "x": [round(100 * gain.mean, 3)],
                    "y": [height],
                    "marker": {
                        "color": shade[name],
                        "size": 12 if best else 10,
                        "symbol": "circle" if best else "circle-open",
                        "line": {"width": 2, "color": shade[name]},
                    },
                    "error_x": error_bar(100 * gain.low, 100 * gain.mean, 100 * gain.high, shade[name], 3),
                    "hovertemplate": f"{scenario.label}, over {phrase(name)}: %{{x:+.2f}}%<extra></extra>",
                }
            )
    rows = labelled_rows([scenario.label for scenario in report.scenarios])
    layout = styled_layout(
        120 + 50 * len(report.scenarios),
        showlegend=True,
        legend=legend_above(),
        xaxis=styled_axis(
            f"Gain in profit per {report.comparison.market.period}, %",
            ticksuffix="%",
            zeroline=True,
            zerolinecolor=INK,
            zerolinewidth=1.4,
        ),
        **rows,
    )
    return figure_of(data, layout)
