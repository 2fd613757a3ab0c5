"""The pictures of the coordination map, as Plotly figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from intandem.evaluation.experiments.coordination_map.cells import PARTS, Cell, Silo
from intandem.evaluation.experiments.coordination_map.claims import NOTHING, Findings, tightness_words
from intandem.evaluation.experiments.coordination_map.plan import Table
from intandem.evaluation.report.numbers import percent
from intandem.evaluation.statistics import Interval, mean_interval
from intandem.pages.drawing import FAINT, INK, figure_of, legend_above, stacked, styled_axis, styled_layout

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

OVER: dict[Silo, tuple[str, str, str]] = {
    "silo": ("over the silo without filter", "#c58b33", "diamond-open"),
    "filtered-silo": ("over the silo with in-stock filter, with 95% interval", "#0b7a6f", "circle"),
}
"""Words, colour and mark of each gain; the one that the page is about is drawn last, on top."""

SHADES = [[0.0, "#fbfaf7"], [0.6, "#8fcac2"], [1.0, "#0a5a52"]]
"""One hue from paper to dark, so that it reads without colour vision and in print."""

PART_WORDS = {
    "more_units": ("more units sold", "#0b7a6f"),
    "better_mix": ("mix of margins sold", "#c58b33"),
    "fewer_lost_sales": ("cost of customers disappointed", "#5b5fc7"),
    "less_stock": ("cost of stock held", "#9aa1ab"),
    "fewer_orders": ("cost of placing orders", "#a05a7c"),
}


def supply_curves(found: Findings) -> Figure:
    """The gain against supply, as a share of profit and in money."""
    line = found.along_supply()
    at = [100 * one.setting.tightness for one in line]
    data = []
    for over in OVER:
        shares = [one.share(over).interval for one in line]
        money = [mean_interval(one.gain(over)) for one in line]
        data.append(_curve(at, shares, over, scale=100, axis="", unit="%"))
        data.append(_curve(at, money, over, scale=1, axis="2", unit="", legend=False))
    layout = styled_layout(
        360,
        showlegend=True,
        legend=legend_above(),
        xaxis=styled_axis(SUPPLY, domain=[0, 0.45], **_ticks(at, "%"), range=[0, max(at) + 10]),
        yaxis=styled_axis("Gain, % of profit", ticksuffix="%", rangemode="tozero"),
        xaxis2=styled_axis(SUPPLY, domain=[0.55, 1], **_ticks(at, "%"), range=[0, max(at) + 10], anchor="y2"),
        yaxis2=styled_axis("Gain, money per period", rangemode="tozero", anchor="x2"),
    )
    return figure_of(data, layout, narrow=stacked(620))


SUPPLY = "Supply: largest order, % of a shown product's demand"


def heat_map(
    found: Findings,
    table: Table,
    *,
    across: str,
    down: str,
    name_across: Callable[[float], str],
    name_down: Callable[[float], str],
    most: float,
) -> Figure:
    """Gains over the filtered silo by two factors, per cent; `most` is the darkest shade's, 0 is the paper's."""
    columns = sorted({key[0] for key in table})
    rows = sorted({key[1] for key in table})
    values: list[list[float | None]] = []
    words: list[list[str]] = []
    hover: list[list[str]] = []
    for row in rows:
        intervals = [_share(found, table, (column, row)) for column in columns]
        values.append([None if one is None else round(100 * max(one.mean, 0.0), 3) for one in intervals])
        words.append(["–" if one is None else _written(one) for one in intervals])
        hover.append(["" if one is None else _ends(one) for one in intervals])
    data = [
        {
            "type": "heatmap",
            "x": [name_across(one) for one in columns],
            "y": [name_down(one) for one in rows],
            "z": values,
            "text": words,
            "texttemplate": "%{text}",
            "textfont": {"size": 14},
            "customdata": hover,
            "hovertemplate": f"{down}: %{{y}}<br>{across}: %{{x}}<br>gain %{{text}}%{{customdata}}<extra></extra>",
            "zmin": 0,
            "zmax": round(100 * most, 3),
            "colorscale": SHADES,
            "showscale": False,
            "xgap": 2,
            "ygap": 2,
            "hoverongaps": False,
        }
    ]
    layout = styled_layout(
        110 + 46 * len(rows),
        xaxis=styled_axis(across, type="category", showgrid=False),
        yaxis=styled_axis(down, type="category", showgrid=False),
    )
    return figure_of(data, layout)


def factor_curves(found: Findings) -> Figure | None:
    """The gain against one factor at a time, the rest as in the base case."""
    panels = [(title, axis, cells) for title, axis, cells in _lines(found) if len(cells) > 1]
    if not panels:
        return None
    data: list[dict[str, Any]] = []
    layout = styled_layout(330, showlegend=True, legend={**legend_above(), "y": 1.12})
    gap = 0.06
    width = (1 - gap * (len(panels) - 1)) / len(panels)
    highest = lowest = 0.0
    for k, (title, suffix, cells) in enumerate(panels):
        axis = "" if k == 0 else str(k + 1)
        start = k * (width + gap)
        for over in OVER:
            shares = [one.share(over).interval for _, one in cells]
            ends = [one.high if np.isfinite(one.high) else one.mean for one in shares]
            highest = max(highest, *ends)
            where = [value for value, _ in cells]
            lowest = min(lowest, *(one.low for one in shares if np.isfinite(one.low)), 0.0)
            data.append(_curve(where, shares, over, scale=100, axis=axis, unit="%", legend=k == 0))
        ticks = _ticks([at for at, _ in cells], suffix)
        layout[f"xaxis{axis}"] = styled_axis(title, domain=[start, start + width], anchor=f"y{axis}", **ticks)
        layout[f"yaxis{axis}"] = styled_axis(
            "Gain, % of profit" if k == 0 else "", ticksuffix="%", anchor=f"x{axis}", showticklabels=k == 0
        )
    for k in range(len(panels)):
        layout[f"yaxis{'' if k == 0 else k + 1}"]["range"] = [
            100 * max(lowest, -0.3 * highest) - 3 * highest,
            105 * highest,
        ]
    return figure_of(data, layout, narrow=_two_by_two(len(panels)))


def _two_by_two(panels: int) -> dict[str, Any]:
    """The panels of one factor at a time in two columns, for a telephone."""
    rows = (panels + 1) // 2
    narrow: dict[str, Any] = {"height": 90 + 250 * rows, "legend.y": 1.03}
    for k in range(panels):
        axis = "" if k == 0 else str(k + 1)
        row, column = divmod(k, 2)
        top = 1 - row / rows
        narrow[f"xaxis{axis}.domain"] = [0.54, 1] if column else [0, 0.46]
        narrow[f"yaxis{axis}.domain"] = [top - (0.7 if rows > 1 else 1) / rows, top]
        narrow[f"yaxis{axis}.showticklabels"] = column == 0
        narrow[f"yaxis{axis}.title.text"] = "" if column else "Gain, % of profit"
        narrow[f"xaxis{axis}.title.font.size"] = 11
    return narrow


def parts_by_supply(found: Findings) -> Figure:
    """What the gain over the filtered silo is made of, by supply."""
    line = found.along_supply()
    names = [tightness_words(one) for one in line]
    data = []
    for part in PARTS:
        shares = [100 * one.share(of=part).value for one in line]
        if max(map(abs, shares)) < 0.05:
            continue
        label, colour = PART_WORDS[part]
        data.append(
            {
                "type": "bar",
                "name": label,
                "x": names,
                "y": [round(share, 3) for share in shares],
                "marker": {"color": colour},
                "width": 0.55,
                "hovertemplate": f"{label}: %{{y:+.1f}}% of profit<extra></extra>",
            }
        )
    total = [round(100 * one.share().value, 3) for one in line]
    data.append(
        {
            "type": "scatter",
            "mode": "markers",
            "name": "all together",
            "x": names,
            "y": total,
            "marker": {"color": INK, "size": 10, "symbol": "diamond"},
            "hovertemplate": "all together: %{y:.1f}% of profit<extra></extra>",
        }
    )
    layout = styled_layout(
        400,
        barmode="relative",
        showlegend=True,
        legend=legend_above(),
        xaxis=styled_axis(SUPPLY, type="category", showgrid=False),
        yaxis=styled_axis("% of the silo's profit", ticksuffix="%", zerolinecolor=FAINT),
    )
    return figure_of(data, layout)


def _lines(found: Findings) -> list[tuple[str, str, list[tuple[float, Cell]]]]:
    """The panels of one factor at a time: title, suffix of its ticks, cells by its value."""
    plan = found.plan
    exact = next((one.setting.max_order for one in found.along_supply() if one.setting.tightness >= 1), None)
    lead = [(float(one), found.cell(lead_time=one)) for one in plan.lead_times]
    spread = [(100 * one, found.cell(margin_spread=one)) for one in plan.margin_spreads]
    fixed = [(one, found.cell(max_order=exact, fixed_cost=one)) for one in plan.fixed_costs] if exact else []
    later = {one.share_later: found.cells.get(one) for one in plan.memory_map().values()}
    wanted: list[tuple[str, str, list[tuple[float, Cell | None]]]] = [
        ("Lead time, periods", "", lead),
        ("Margins apart by ±", "%", spread),
        ("Fixed order cost", "", fixed),
        ("Effect that comes later", "%", [(float(round(100 * share)), later[share]) for share in sorted(later)]),
    ]
    return [
        (title, suffix, [(value, one) for value, one in cells if one is not None and _earning(one)])
        for title, suffix, cells in wanted
    ]


def _ticks(at: Sequence[float], suffix: str = "") -> dict[str, Any]:
    """Ticks at the values themselves, those left out that would lie too close to be read."""
    shown = list(at[:1])
    for value in at[1:]:
        if value - shown[-1] >= 0.22 * (max(at) - min(at)):
            shown.append(value)
    return {"tickangle": 0, "tickvals": shown, "ticktext": [f"{round(value, 2):g}{suffix}" for value in shown]}


def _earning(cell: Cell) -> bool:
    return bool(np.isfinite(cell.share("silo").value) and np.isfinite(cell.share().value))


def _curve(
    at: Sequence[float],
    intervals: Sequence[Interval],
    over: Silo,
    *,
    scale: float | int,
    axis: str,
    unit: str,
    legend: bool = True,
) -> dict[str, Any]:
    label, colour, mark = OVER[over]
    main = over == "filtered-silo"
    up = [scale * (one.high - one.mean) if np.isfinite(one.high) else 0.0 for one in intervals]
    down = [scale * (one.mean - one.low) if np.isfinite(one.low) else 0.0 for one in intervals]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": label,
        "legendgroup": over,
        "showlegend": legend,
        "x": [round(float(one), 4) for one in at],
        "y": [round(scale * one.mean, 4) for one in intervals],
        "xaxis": f"x{axis}",
        "yaxis": f"y{axis}",
        "line": {"color": colour, "width": 2.2 if main else 4, "dash": "solid" if main else "dot"},
        "marker": {"color": colour, "size": 7 if main else 12, "symbol": mark},
        "error_y": {
            "visible": main,
            "type": "data",
            "symmetric": False,
            "array": [round(one, 4) for one in up],
            "arrayminus": [round(one, 4) for one in down],
            "color": colour,
            "thickness": 1.4,
            "width": 4,
        },
        "hovertemplate": f"{label}: %{{y:.2f}}{unit}<extra></extra>",
    }


def _share(found: Findings, table: Table, key: tuple[float, float]) -> Interval | None:
    setting = table.get(key)
    if setting is None or not np.isfinite(found.cells[setting].share().value):
        return None
    return found.cells[setting].share().interval


def _written(one: Interval) -> str:
    """The gain, in brackets where neither a gain nor its absence is settled."""
    words = f"&lt;{percent(NOTHING)}" if one.mean < NOTHING else percent(one.mean)
    return words if one.low > 0 or one.high <= NOTHING else f"({words})"


def _ends(one: Interval) -> str:
    return f" ({percent(one.low)} to {percent(one.high)})" if np.isfinite(one.low) else ""
