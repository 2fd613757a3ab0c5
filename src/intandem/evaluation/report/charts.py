"""The report's charts, as Plotly figures in plain dictionaries. One colour per method, the same in every chart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from intandem.evaluation.report.content import SHOWN_PERIODS, Report
from intandem.evaluation.report.drawing import INK, Figure, legend_above, styled_axis, styled_layout

COLOURS = {
    "silo": "#9aa1ab",
    "filtered-silo": "#c58b33",
    "tuned-silo": "#7c6f64",
    "tuned-filter": "#8f8a3a",
    "tuned-rule": "#5b5fc7",
    "learned-silo": "#a05a7c",
    "mtma": "#0b7a6f",
    "stma": "#b07aa1",
    "reversed": "#b4553f",
}
SECOND = ("filtered-silo",)
"""Shown beside the main reference where assumptions vary."""


def colour(method: str) -> str:
    """A method's colour."""
    return COLOURS.get(method, INK)


def _figures(values: Sequence[float] | np.ndarray, digits: int = 3) -> list[float | None]:
    return [round(float(value), digits) if np.isfinite(value) else None for value in np.asarray(values, float)]


def profit_by_method(report: Report) -> Figure:
    """Mean profit of each method with its interval."""
    results = list(report.comparison.results.values())[::-1]
    data = []
    for result in results:
        interval = result.interval
        finite = np.isfinite(interval.low)
        data.append(
            {
                "type": "scatter",
                "mode": "markers+text",
                "x": [round(interval.mean, 4)],
                "y": [result.label],
                "text": [f"{report.currency}{interval.mean:,.2f}"],
                "textposition": "top center",
                "textfont": {"size": 13, "color": colour(result.name)},
                "marker": {"color": colour(result.name), "size": 13},
                "error_x": {
                    "type": "data",
                    "symmetric": False,
                    "array": [round(interval.high - interval.mean, 4) if finite else 0],
                    "arrayminus": [round(interval.mean - interval.low, 4) if finite else 0],
                    "color": colour(result.name),
                    "thickness": 2,
                    "width": 6,
                },
                "hovertemplate": f"{result.label}: {report.currency}%{{x:,.2f}}<extra></extra>",
            }
        )
    title = f"Profit per {report.comparison.market.period}{_unit(report)}"
    layout = styled_layout(
        90 + 58 * len(results),
        xaxis=styled_axis(title, tickprefix=report.currency),
        yaxis=styled_axis(tickfont={"size": 13, "color": INK}, showgrid=False, range=[-0.5, len(results) - 0.3]),
    )
    return {"data": data, "layout": layout}


def _unit(report: Report) -> str:
    return f" ({report.currency.strip()})" if report.currency.strip() else ""


def lost_by_method(report: Report) -> Figure:
    """Share of demand lost, by method."""
    results = list(report.comparison.results.values())[::-1]
    shares = [100 * result.mean("lost_share") for result in results]
    data = [
        {
            "type": "bar",
            "orientation": "h",
            "x": _figures(shares, 2),
            "y": [result.label for result in results],
            "text": [f"{share:.1f}%" for share in shares],
            "textposition": "outside",
            "cliponaxis": False,
            "marker": {"color": [colour(result.name) for result in results]},
            "width": 0.55,
            "hovertemplate": "%{y}: %{x:.1f}% of demand lost<extra></extra>",
        }
    ]
    layout = styled_layout(
        80 + 46 * len(results),
        xaxis=styled_axis("Demand that found no stock, % of all demand", rangemode="tozero", ticksuffix="%"),
        yaxis=styled_axis(tickfont={"size": 13, "color": INK}, showgrid=False),
    )
    layout["margin"]["r"] = 60
    return {"data": data, "layout": layout}


def learning_curve(report: Report) -> Figure | None:
    """Profit while training, against updates, beside the level of the rules."""
    trained = [result for result in report.comparison.results.values() if result.trainings]
    if not trained:
        return None
    data: list[dict[str, Any]] = []
    last = 1.0
    for result in trained:
        curves = np.stack([one.curve["profit"] for one in result.trainings])
        window = max(1, curves.shape[1] // 8)
        kernel = np.hanning(window + 2)[1:-1]
        kernel = kernel / kernel.sum()
        smooth = np.stack([np.convolve(curve, kernel, mode="valid") for curve in curves])
        at = np.arange(smooth.shape[1]) + window
        last = max(last, float(at[-1]))
        keep = np.unique(np.linspace(0, len(at) - 1, 200).astype(int))
        if len(curves) > 1:
            band = np.concatenate([smooth.max(0)[keep], smooth.min(0)[keep][::-1]])
            data.append(
                {
                    "type": "scatter",
                    "x": _figures(np.concatenate([at[keep], at[keep][::-1]])),
                    "y": _figures(band),
                    "fill": "toself",
                    "fillcolor": f"{colour(result.name)}22",
                    "line": {"width": 0},
                    "hoverinfo": "skip",
                    "showlegend": False,
                }
            )
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": f"{result.label}, while it explores",
                "x": _figures(at[keep]),
                "y": _figures(smooth.mean(0)[keep]),
                "line": {"color": colour(result.name), "width": 2.5},
                "hovertemplate": f"update %{{x}}: {report.currency}%{{y:,.2f}}<extra></extra>",
            }
        )
    for result in report.comparison.results.values():
        if not result.trainings:
            data.append(
                {
                    "type": "scatter",
                    "mode": "lines",
                    "name": result.label,
                    "x": [0, last],
                    "y": [round(result.profit, 3)] * 2,
                    "line": {"color": colour(result.name), "width": 1.8, "dash": "dot"},
                    "hovertemplate": f"{result.label}: {report.currency}%{{y:,.2f}}<extra></extra>",
                }
            )
    layout = styled_layout(
        360,
        showlegend=True,
        legend=legend_above(),
        xaxis=styled_axis("Updates of the networks"),
        yaxis=styled_axis(f"Profit per {report.comparison.market.period}{_unit(report)}", tickprefix=report.currency),
    )
    return {"data": data, "layout": layout}


def stock_against_exposure(report: Report) -> Figure:
    """Exposure a product gets, relative to its own mean, by how much stock it has, relative to its own mean demand."""
    data = []
    edges = np.array([0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0, 9.0])
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
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": report.comparison.results[name].label,
                "x": _figures(middles[enough] / counts[enough]),
                "y": _figures(sums[enough] / counts[enough]),
                "line": {"color": colour(name), "width": 2.5, "shape": "spline", "smoothing": 0.4},
                "marker": {"size": 7, "color": colour(name)},
                "hovertemplate": "%{x:.1f} periods of stock: %{y:.2f} x usual exposure<extra></extra>",
            }
        )
    period = report.comparison.market.period
    layout = styled_layout(
        360,
        showlegend=True,
        legend=legend_above(),
        xaxis=styled_axis(f"Stock when deciding, in {period}s of the product's demand", rangemode="tozero"),
        yaxis=styled_axis("Exposure, as a multiple of the product's usual", rangemode="tozero"),
        shapes=[
            {
                "type": "line",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": 1,
                "y1": 1,
                "line": {"color": "#c9c6bf", "width": 1},
            }
        ],
    )
    return {"data": data, "layout": layout}


def over_time(report: Report) -> Figure:
    """Exposures, stock and orders of the chosen products, the subject beside its reference."""
    methods = [name for name in (report.reference, report.subject) if name is not None]
    rows = (("exposures", "Exposures"), ("on_hand", "Stock, units"), ("order", "Order, units"))
    columns = len(report.chosen)
    gap, data, layout = 0.06, [], styled_layout(560, showlegend=True, legend=legend_above())
    layout["legend"]["y"] = 1.09
    layout["margin"]["t"] = 70
    layout["annotations"] = []
    width = (1 - gap * (columns - 1)) / columns
    for column, product in enumerate(report.chosen):
        left = column * (width + gap)
        name = report.names[product]
        layout["annotations"].append(
            {
                "text": f"<b>{name if len(name) < 40 else name[:38] + '…'}</b>",
                "xref": "paper",
                "yref": "paper",
                "x": left,
                "y": 1.03,
                "xanchor": "left",
                "yanchor": "bottom",
                "showarrow": False,
                "font": {"size": 12.5, "color": INK},
            }
        )
        for row, (field, title) in enumerate(rows):
            number = column * len(rows) + row + 1
            top = 1 - row * (0.29 + 0.065)
            layout[f"xaxis{number}"] = styled_axis(
                f"{report.comparison.market.period.capitalize()}" if row == 2 else "",
                domain=[left, left + width],
                anchor=f"y{number}",
                showgrid=False,
                showticklabels=row == 2,
            )
            layout[f"yaxis{number}"] = styled_axis(
                title if column == 0 else "",
                domain=[max(top - 0.29, 0.0), top],
                anchor=f"x{number}",
                rangemode="tozero",
                nticks=4,
            )
            for method in methods:
                shape = "hv" if field == "order" else "linear"
                values = getattr(report.traces[method], field)[:SHOWN_PERIODS, product]
                data.append(
                    {
                        "type": "scatter",
                        "mode": "lines",
                        "x": list(range(1, len(values) + 1)),
                        "y": _figures(values, 2),
                        "xaxis": f"x{number}",
                        "yaxis": f"y{number}",
                        "name": report.comparison.results[method].label,
                        "legendgroup": method,
                        "showlegend": number == 1,
                        "line": {
                            "color": colour(method),
                            "width": 1.8,
                            "shape": shape,
                        },
                        "hovertemplate": f"{title.lower()} %{{y:,.1f}}<extra></extra>",
                    }
                )
    return {"data": data, "layout": layout}


def calibration_fit(report: Report) -> Figure | None:
    """Predicted against observed purchases: by size of prediction, and week by week."""
    if not report.fit:
        return None
    curve, weeks = report.fit["calibration_curve"], report.fit["period"]
    layout = styled_layout(360, showlegend=True, legend=legend_above())
    data: list[dict[str, Any]] = []
    shades = {"train": ("#9aa1ab", "weeks fitted"), "test": ("#0b7a6f", "weeks held out")}
    positive = [value for value in (*curve["predicted"], *curve["observed"]) if value > 0]
    low, high = (100 * min(positive), 100 * max(positive)) if positive else (0.1, 100.0)
    data.append(
        {
            "type": "scatter",
            "mode": "lines",
            "x": [low, high],
            "y": [low, high],
            "line": {"color": "#c9c6bf", "width": 1.2, "dash": "dot"},
            "hoverinfo": "skip",
            "showlegend": False,
        }
    )
    for split, (shade, label) in shades.items():
        mine = [at for at, one in enumerate(curve["split"]) if one == split]
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": label,
                "legendgroup": split,
                "x": _figures([100 * curve["predicted"][at] for at in mine]),
                "y": _figures([100 * curve["observed"][at] for at in mine]),
                "marker": {"color": shade, "size": 8, "symbol": "circle" if split == "train" else "diamond"},
                "hovertemplate": "predicted %{x:.2f}%, observed %{y:.2f}%<extra></extra>",
            }
        )
    seen = [at for at, one in enumerate(weeks["split"]) if one in shades]
    data.append(
        {
            "type": "scatter",
            "mode": "lines",
            "name": "predicted",
            "x": [weeks["period"][at] + 1 for at in seen],
            "y": _figures([weeks["predicted"][at] for at in seen], 1),
            "xaxis": "x2",
            "yaxis": "y2",
            "line": {"color": INK, "width": 1.6},
            "hovertemplate": "week %{x}: %{y:,.0f} predicted<extra></extra>",
        }
    )
    for split, (shade, _) in shades.items():
        mine = [at for at in seen if weeks["split"][at] == split]
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "legendgroup": split,
                "showlegend": False,
                "x": [weeks["period"][at] + 1 for at in mine],
                "y": _figures([weeks["observed"][at] for at in mine], 1),
                "xaxis": "x2",
                "yaxis": "y2",
                "marker": {"color": shade, "size": 7, "symbol": "circle" if split == "train" else "diamond"},
                "hovertemplate": "week %{x}: %{y:,.0f} observed<extra></extra>",
            }
        )
    layout["xaxis"] = styled_axis("Predicted chance of a purchase, %", type="log", domain=[0, 0.46], dtick=1)
    layout["yaxis"] = styled_axis("Observed, %", type="log", dtick=1)
    layout["xaxis2"] = styled_axis("Week", domain=[0.56, 1], anchor="y2", showgrid=False)
    layout["yaxis2"] = styled_axis("Purchases per week", anchor="x2", rangemode="tozero")
    return {"data": data, "layout": layout}


def sensitivity(report: Report) -> Figure | None:
    """The gain over the reference, under each assumption."""
    reference = report.reference
    if not report.scenarios or reference is None:
        return None
    data = []
    labels = [scenario.label for scenario in report.scenarios][::-1]
    for scenario in report.scenarios[::-1]:
        for name in dict.fromkeys((reference, *SECOND)):
            if name not in scenario.comparison.results:
                continue
            gain = scenario.comparison.gain(report.subject, name)
            finite = np.isfinite(gain.low)
            main = name == reference
            data.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "name": f"over the {report.comparison.results[name].label.lower()}",
                    "legendgroup": name,
                    "showlegend": scenario is report.scenarios[-1],
                    "x": [round(100 * gain.mean, 3)],
                    "y": [scenario.label],
                    "marker": {
                        "color": colour(report.subject) if main else colour(name),
                        "size": 12 if main else 9,
                        "symbol": "circle" if main else "circle-open",
                    },
                    "error_x": {
                        "type": "data",
                        "symmetric": False,
                        "array": [round(100 * (gain.high - gain.mean), 3) if finite else 0],
                        "arrayminus": [round(100 * (gain.mean - gain.low), 3) if finite else 0],
                        "color": colour(report.subject) if main else colour(name),
                        "thickness": 1.8,
                        "width": 5,
                    },
                    "hovertemplate": "%{y}: %{x:+.1f}%<extra></extra>",
                }
            )
    layout = styled_layout(
        110 + 44 * len(labels),
        showlegend=True,
        legend=legend_above(),
        xaxis=styled_axis(f"Gain in profit per {report.comparison.market.period}, %", ticksuffix="%", zeroline=True),
        yaxis=styled_axis(
            tickfont={"size": 13, "color": INK},
            categoryorder="array",
            categoryarray=labels,
            range=[-0.6, len(labels) - 0.4],
        ),
    )
    return {"data": data, "layout": layout}
