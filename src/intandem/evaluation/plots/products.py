"""What happens to single products: over time under each method, or on average under one policy."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from intandem.errors import InputError
from intandem.evaluation.labels import LABELS, colours
from intandem.evaluation.plots.compared import Averaged, Compared, Followed
from intandem.pages.drawing import (
    INK,
    figure_of,
    labelled_rows,
    legend_above,
    rounded,
    styled_axis,
    styled_layout,
)

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

SHOWN_PERIODS = 52
CHOSEN_PRODUCTS = 3
AVERAGED_PRODUCTS = 12
OWN = 2
"""Policies of the user's own that are drawn beside the two methods that a comparison is about."""
NAME_LENGTH = 34

OVER_TIME = (("exposures", "Exposures"), ("on_hand", "Stock, units"), ("order", "Order, units"))
ON_AVERAGE = (
    ("profit", "Profit per period"),
    ("exposures", "Exposures per period"),
    ("lost", "Demand lost, %"),
)
GAP = 0.06


def plot_products(
    played: Compared | Averaged | Mapping[str, Followed],
    *,
    products: Sequence[int | str] | None = None,
    methods: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    periods: int = SHOWN_PERIODS,
    seed: int = 0,
    period: str = "period",
) -> Figure:
    """Single products.

    Of a comparison: exposures, stock and orders of some products over time, one run of each method on common random
    numbers. Of a simulation (`Simulated`): profit, exposures and share of demand lost of products, means per period.

    **Arguments:**

    - `played`: what `compare` or `simulate` returned, or traces by method (`Trace`, of every product).
    - `products`: their ids or places. By default three whose exposures move most under the first method shown, or the
      twelve that are shown most.
    - `methods`: of a comparison; by default the one that it is about, the best of the others, and policies of your own.
    - `names`: what people call each product of the market, in its order; by default its id.
    - `periods`, `seed`: of the run that is followed. `period`: what a period is called, where only traces are given.

    **Raises:** `InputError` for a product that is not in the market.

    ```python
    >>> from intandem.evaluation.compare import compare
    >>> from intandem.market.files import example_market
    >>> found = compare(example_market("two-products-capped"), ["silo", "filtered-silo"], seeds=2, periods=200, runs=8)
    >>> len(plot_products(found, periods=26).data)  # two products, three figures, two methods
    12
    >>> simulated = found.results["silo"].simulated[0]
    >>> [panel.orientation for panel in plot_products(simulated).data]
    ['h', 'h', 'h']

    ```
    """
    if isinstance(played, Averaged):
        return _on_average(played, products, names)
    if isinstance(played, Mapping):
        followed = played
    else:
        own = [name for name in played.results if name not in LABELS][:OWN]
        wanted = methods or [name for name in dict.fromkeys((played.subject, played.reference, *own)) if name]
        followed, period = played.traces(wanted, periods=periods, seed=seed), played.market.period
    first = next(iter(followed.values()))
    chosen = most_telling(first) if products is None else _places(first.product_ids, products)
    titles = [_short((names or first.product_ids)[j]) for j in chosen]
    return _over_time(followed, chosen, titles, periods, period)


def most_telling(followed: Followed) -> list[int]:
    """The places of the products whose exposures move most: the largest standard deviation over time."""
    order = np.argsort(-followed.exposures.std(0), kind="stable")
    return [int(j) for j in order[:CHOSEN_PRODUCTS]]


def _over_time(
    followed: Mapping[str, Followed], chosen: Sequence[int], titles: Sequence[str], periods: int, period: str
) -> Figure:
    """A column of panels for each product; on a telephone one below the other."""
    shade = colours(followed)
    layout = styled_layout(560, showlegend=True, legend={**legend_above(), "y": 1.09})
    layout["margin"]["t"] = 70
    narrow: dict[str, Any] = {"height": 170 + 360 * len(chosen), "legend.y": 1.0 + 0.12 / len(chosen)}
    annotations: list[dict[str, Any]] = []
    data = []
    width = (1 - GAP * (len(chosen) - 1)) / max(len(chosen), 1)
    for column, (product, title) in enumerate(zip(chosen, titles, strict=True)):
        left = column * (width + GAP)
        # On a telephone each product has a band of the height, with room for its name on top.
        top_narrow, band = 1 - column / len(chosen), 0.88 / len(chosen)
        annotations.append(_heading(title, left))
        narrow[f"annotations.{column}.x"] = 0
        narrow[f"annotations.{column}.y"] = top_narrow - 0.005
        for row, (field, what) in enumerate(OVER_TIME):
            number = column * len(OVER_TIME) + row + 1
            axis = "" if number == 1 else str(number)
            top = 1 - row * (0.29 + 0.065)
            last = row == len(OVER_TIME) - 1
            layout[f"xaxis{axis}"] = styled_axis(
                period.capitalize() if last else "",
                domain=[left, left + width],
                anchor=f"y{axis}",
                showgrid=False,
                showticklabels=last,
            )
            layout[f"yaxis{axis}"] = styled_axis(
                what if column == 0 else "",
                domain=[max(top - 0.29, 0.0), top],
                anchor=f"x{axis}",
                rangemode="tozero",
                nticks=4,
            )
            below = top_narrow - 0.06 / len(chosen) - row * (band / 3)
            narrow[f"xaxis{axis}.domain"] = [0, 1]
            narrow[f"yaxis{axis}.domain"] = [max(below - band / 3 + 0.06 / len(chosen), 0.0), below]
            narrow[f"yaxis{axis}.title.text"] = what
            narrow[f"yaxis{axis}.title.font.size"] = 11
            narrow[f"xaxis{axis}.title.text"] = period.capitalize() if last and column == len(chosen) - 1 else ""
            for method, trace in followed.items():
                values = getattr(trace, field)[:periods, product]
                data.append(
                    {
                        "type": "scatter",
                        "mode": "lines",
                        "x": list(range(1, len(values) + 1)),
                        "y": rounded(values, 2),
                        "xaxis": f"x{axis}",
                        "yaxis": f"y{axis}",
                        "name": LABELS.get(method, method),
                        "legendgroup": method,
                        "showlegend": number == 1,
                        "line": {
                            "color": shade[method],
                            "width": 1.8,
                            "shape": "hv" if field == "order" else "linear",
                        },
                        "hovertemplate": f"{what.lower()} %{{y:,.1f}}<extra></extra>",
                    }
                )
    layout["annotations"] = annotations
    return figure_of(data, layout, narrow=narrow)


def _on_average(simulated: Averaged, products: Sequence[int | str] | None, names: Sequence[str] | None) -> Figure:
    """One row for each product, one panel for each figure."""
    exposures, demand = simulated.per_period("exposures"), simulated.per_period("demand")
    lost = 100 * np.divide(simulated.per_period("lost"), demand, out=np.zeros_like(demand), where=demand > 0)
    figures = {"profit": simulated.per_period("profit"), "exposures": exposures, "lost": lost}
    if products is None:
        chosen = [int(j) for j in np.argsort(-exposures, kind="stable")[:AVERAGED_PRODUCTS]]
    else:
        chosen = _places(simulated.product_ids, products)
    labels = [_short((names or simulated.product_ids)[j]) for j in chosen]
    layout = styled_layout(90 + 42 * len(chosen), **labelled_rows(labels))
    heights = list(range(len(chosen)))[::-1]
    width = (1 - GAP * (len(ON_AVERAGE) - 1)) / len(ON_AVERAGE)
    data = []
    for column, (field, what) in enumerate(ON_AVERAGE):
        axis = "" if column == 0 else str(column + 1)
        left = column * (width + GAP)
        layout[f"xaxis{axis}"] = styled_axis(what, domain=[left, left + width], rangemode="tozero", nticks=4)
        data.append(
            {
                "type": "bar",
                "orientation": "h",
                "x": rounded(figures[field][chosen]),
                "y": heights,
                "xaxis": f"x{axis}",
                "width": 0.4,
                "marker": {"color": colours(["mtma"])["mtma"]},
                "text": labels,
                "textposition": "none",
                "hovertemplate": f"%{{text}}: %{{x:,.2f}} ({what.lower()})<extra></extra>",
            }
        )
    return figure_of(data, layout)


def _heading(text: str, left: float) -> dict[str, Any]:
    return {
        "text": f"<b>{text}</b>",
        "xref": "paper",
        "yref": "paper",
        "x": left,
        "y": 1.03,
        "xanchor": "left",
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"size": 12.5, "color": INK},
    }


def _short(name: str) -> str:
    """The name as Plotly may draw it, which takes what looks like HTML for HTML."""
    return html.escape(name if len(name) <= NAME_LENGTH else f"{name[: NAME_LENGTH - 1]}…")


def _places(product_ids: Sequence[str], products: Sequence[int | str]) -> list[int]:
    """Where the products stand in the market."""
    places = []
    for one in products:
        if isinstance(one, str):
            if one not in product_ids:
                raise InputError("products", f"has '{one}', which is not in the market", "give ids of its products")
            places.append(list(product_ids).index(one))
        elif 0 <= one < len(product_ids):
            places.append(int(one))
        else:
            raise InputError("products", f"has {one}", f"give places from 0 to {len(product_ids) - 1}, or ids")
    return places
