"""What each method earns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from intandem.display import in_currency
from intandem.evaluation.labels import colours
from intandem.evaluation.plots.compared import Compared
from intandem.pages.drawing import (
    error_bar,
    figure_of,
    labelled_rows,
    money_axis,
    money_prefix,
    rounded,
    styled_axis,
    styled_layout,
)

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

ROW = 54
"""Pixels of a row with its label."""


def plot_profit(comparison: Compared, *, currency: str = "") -> Figure:
    """Mean profit per period of each method with its 95% interval; small dots are the trainings of a learned method.

    **Arguments:** `currency`: put before money, such as `"$"`.

    ```python
    >>> from intandem.evaluation.compare import compare
    >>> from intandem.market.files import example_market
    >>> found = compare(example_market("two-products-capped"), ["silo", "filtered-silo"], seeds=2, periods=200, runs=8)
    >>> [row.text.split("  ")[0] for row in plot_profit(found).layout.annotations]
    ['Rule silo', 'Rule silo with in-stock filter']

    ```
    """
    results = list(comparison.results.values())
    shade = colours(comparison.results)
    data = []
    labels = []
    for at, result in enumerate(results):
        height, interval, colour = len(results) - 1 - at, result.interval, shade[result.name]
        labels.append(f"{result.label}  <b>{in_currency(interval.mean, currency)}</b>")
        if len(result.trainings) > 1:
            data.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "x": rounded(result.profit_by_seed, 4),
                    "y": [height] * len(result.profit_by_seed),
                    "marker": {"color": colour, "size": 7, "symbol": "line-ns-open", "opacity": 0.7},
                    "customdata": [in_currency(float(one), currency) for one in result.profit_by_seed],
                    "hovertemplate": "one training: %{customdata}<extra></extra>",
                }
            )
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": [round(interval.mean, 4)],
                "y": [height],
                "marker": {"color": colour, "size": 13},
                "error_x": error_bar(interval.low, interval.mean, interval.high, colour),
                "hovertemplate": f"{result.label}: {in_currency(interval.mean, currency)}<extra></extra>",
            }
        )
    period = comparison.market.period
    prefix = money_prefix(currency, min(result.interval.mean for result in results))
    axis = styled_axis(money_axis(period, currency), tickprefix=prefix, nticks=6)
    layout = styled_layout(80 + ROW * len(results), xaxis=axis, **labelled_rows(labels))
    return figure_of(data, layout)
