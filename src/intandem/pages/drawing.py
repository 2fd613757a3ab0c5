"""What all pictures share: ink, axes, layout, labelled rows, and what changes where a picture is narrow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

INK, FAINT, GRID, RULE = "#24292f", "#5f6671", "#e7e5e0", "#c9c6bf"

FONT = "Inter, 'Segoe UI', 'Helvetica Neue', Arial, 'Liberation Sans', sans-serif"

LABEL_ROOM = 19
"""Pixels between a row and the label above it."""


def figure_of(
    data: Sequence[Mapping[str, Any]],
    layout: Mapping[str, Any],
    *,
    narrow: Mapping[str, Any] | None = None,
) -> Figure:
    """A Plotly figure.

    **Arguments:** `narrow`: settings of the layout to replace on a telephone, by their path (`"xaxis2.domain"`).
    Plotly keeps them in the layout's `meta` and does nothing about them; our pages do.
    """
    # Loaded when the first picture is drawn: most commands draw none.
    import plotly.graph_objects as go

    drawn: dict[str, Any] = {"template": "none", **layout}
    if narrow:
        drawn["meta"] = {"narrow": dict(narrow)}
    return go.Figure(data=[dict(trace) for trace in data], layout=drawn)


def styled_axis(title: str = "", **more: Any) -> dict[str, Any]:
    """An axis in the pages' style; `more` replaces or adds settings."""
    plain = {
        "title": {"text": title, "font": {"size": 13, "color": FAINT}, "standoff": 10},
        "gridcolor": GRID,
        "zerolinecolor": RULE,
        "linecolor": RULE,
        "tickfont": {"size": 12, "color": FAINT},
        "automargin": True,
    }
    return {**plain, **more}


def styled_layout(height: int, **more: Any) -> dict[str, Any]:
    """A chart's layout in the pages' style; `more` replaces or adds settings."""
    plain = {
        "height": height,
        "margin": {"l": 10, "r": 20, "t": 30, "b": 10},
        "font": {"family": FONT, "size": 13, "color": INK},
        "paper_bgcolor": "#ffffff",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "hoverlabel": {"font": {"family": FONT, "size": 13}},
        "showlegend": False,
    }
    return {**plain, **more}


def legend_above() -> dict[str, Any]:
    """A legend in one line above the chart."""
    return {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "font": {"size": 13}}


def stacked(height: int) -> dict[str, Any]:
    """For `figure_of`'s `narrow`: two panels that stand side by side, one above the other."""
    return {
        "height": height,
        "xaxis.domain": [0, 1],
        "yaxis.domain": [0.6, 1],
        "xaxis2.domain": [0, 1],
        "yaxis2.domain": [0, 0.4],
    }


def labelled_rows(labels: Sequence[str]) -> dict[str, Any]:
    """Layout of a chart with one row for each label, the first on top, at the heights `n - 1` down to 0.

    Labels stand above their rows and not beside them, so that the picture keeps its width on a telephone.
    """
    count = len(labels)
    annotations = [
        {
            "text": label,
            "xref": "paper",
            "x": 0,
            "xanchor": "left",
            "yref": "y",
            "y": count - 1 - at,
            "yshift": LABEL_ROOM,
            "showarrow": False,
            "align": "left",
            "bgcolor": "rgba(253, 252, 251, 0.8)",
            "borderpad": 1,
            "font": {"size": 13, "color": INK},
        }
        for at, label in enumerate(labels)
    ]
    axis = styled_axis(range=[-0.45, count - 0.25], showticklabels=False, showgrid=False, zeroline=False)
    return {"annotations": annotations, "yaxis": axis}


def rounded(values: Sequence[float] | np.ndarray, digits: int = 3) -> list[float | None]:
    """The figures with so many decimals, so that pages stay small; nothing where there is none."""
    return [round(float(value), digits) if np.isfinite(value) else None for value in np.asarray(values, float)]


def error_bar(low: float, mean: float, high: float, colour: str, digits: int = 4) -> dict[str, Any]:
    """The bar of an interval around a point; without ends none is seen."""
    settled = bool(np.isfinite([low, high]).all())
    return {
        "type": "data",
        "symmetric": False,
        "array": [round(high - mean, digits) if settled else 0],
        "arrayminus": [round(mean - low, digits) if settled else 0],
        "color": colour,
        "thickness": 2,
        "width": 6,
    }


def money_axis(period: str, currency: str) -> str:
    """The title of an axis with profit."""
    unit = f" ({currency.strip()})" if currency.strip() else ""
    return f"Profit per {period}{unit}"


def money_prefix(currency: str, lowest: float) -> str:
    """What stands before the figures of an axis with money: nothing where some are below 0, since it would come before
    their sign; the title names the currency."""
    return currency if lowest >= 0 else ""


def for_page(figure: Figure) -> dict[str, Any]:
    """The figure in plain dictionaries for a page, whose paper shows through."""
    drawn = figure.to_plotly_json()
    return {"data": drawn["data"], "layout": {**drawn["layout"], "paper_bgcolor": "rgba(0,0,0,0)"}}
