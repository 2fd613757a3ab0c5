"""The charts of the planner's page: cover before and after today's orders, exposures beside the uncoordinated list."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import polars as pl

from intandem.operation.decisions import Decisions
from intandem.pages.drawing import (
    FAINT,
    INK,
    RULE,
    figure_of,
    labelled_rows,
    legend_above,
    rounded,
    styled_axis,
    styled_layout,
)

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

ORDERED, SPARED = "#0b7a6f", "#c2562d"
ROWS = 10
NAME_LENGTH = 40


def cover_chart(found: Decisions) -> Figure:
    """Days of demand that stock lasts before and after today's order, of the largest orders."""
    rows = found.placed.filter(pl.col("cover_after_days").is_not_null()).head(ROWS)
    heights = list(range(rows.height))[::-1]
    before, after = rounded(rows["cover_before_days"].to_list(), 1), rounded(rows["cover_after_days"].to_list(), 1)
    lines_x: list[float | None] = []
    lines_y: list[float | None] = []
    for start, end, height in zip(before, after, heights, strict=True):
        lines_x += [start, end, None]
        lines_y += [height, height, None]
    names = [_short(name) for name in rows["name"]]
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": lines_x,
            "y": lines_y,
            "line": {"color": RULE, "width": 5},
            "hoverinfo": "skip",
            "showlegend": False,
        },
        *(
            {
                "type": "scatter",
                "mode": "markers",
                "x": values,
                "y": heights,
                "name": name,
                "customdata": names,
                "marker": {"color": colour, "size": 12},
                "hovertemplate": "%{customdata}: %{x:.0f} days<extra></extra>",
            }
            for name, values, colour in (("Without today's order", before, FAINT), ("With it", after, ORDERED))
        ),
    ]
    layout = styled_layout(
        110 + 46 * rows.height,
        xaxis=styled_axis("Days of expected demand on hand, on order and ordered", rangemode="tozero"),
        legend=legend_above(),
        **labelled_rows(names),
    )
    return figure_of(data, {**layout, "showlegend": True, "margin": {**layout["margin"], "t": 50}})


def exposure_chart(found: Decisions) -> Figure:
    """Expected showings more and less than on the uncoordinated list, of the products that move most."""
    rows = found.push_and_spare.head(ROWS).sort("difference", descending=True)
    heights = list(range(rows.height))[::-1]
    difference = rows["difference"].to_list()
    names = [_short(name) for name in rows["name"]]
    data = [
        {
            "type": "bar",
            "orientation": "h",
            "x": rounded(difference, 1),
            "y": heights,
            "width": 0.34,
            "marker": {"color": [ORDERED if one > 0 else SPARED for one in difference]},
            "customdata": names,
            "hovertemplate": "%{customdata}: %{x:+.0f} showings<extra></extra>",
        }
    ]
    layout = styled_layout(
        90 + 46 * rows.height,
        xaxis=styled_axis("Showings more or less than by uplift and margin alone", zerolinecolor=INK),
        **labelled_rows(names),
    )
    return figure_of(data, layout)


def _short(name: str) -> str:
    cut = name if len(name) <= NAME_LENGTH else f"{name[: NAME_LENGTH - 1]}…"
    return html.escape(cut)
