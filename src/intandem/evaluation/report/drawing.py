"""What all charts of our pages share: ink, axes, layout. Figures are Plotly's, in plain dictionaries."""

from __future__ import annotations

from typing import Any

Figure = dict[str, Any]

INK, FAINT, GRID = "#24292f", "#6b7280", "#e7e5e0"

FONT = "Inter, 'Segoe UI', 'Helvetica Neue', Arial, 'Liberation Sans', sans-serif"


def styled_axis(title: str = "", **more: Any) -> dict[str, Any]:
    """An axis in the pages' style; `more` replaces or adds settings."""
    plain = {
        "title": {"text": title, "font": {"size": 13, "color": FAINT}, "standoff": 10},
        "gridcolor": GRID,
        "zerolinecolor": "#c9c6bf",
        "linecolor": "#c9c6bf",
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
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "hoverlabel": {"font": {"family": FONT, "size": 13}},
        "showlegend": False,
    }
    return {**plain, **more}


def legend_above() -> dict[str, Any]:
    """A legend in one line above the chart."""
    return {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "font": {"size": 13}}
