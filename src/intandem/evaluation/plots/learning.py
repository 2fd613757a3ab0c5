"""Profit while policies are trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from intandem.display import in_currency
from intandem.errors import InputError
from intandem.evaluation.labels import LABELS, colours, together
from intandem.evaluation.plots.compared import Compared
from intandem.learning import Training
from intandem.pages.drawing import (
    figure_of,
    legend_above,
    money_axis,
    money_prefix,
    rounded,
    styled_axis,
    styled_layout,
)

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

POINTS = 200
"""Points of a curve that are drawn at most."""


def plot_learning(trained: Training | Compared, *, currency: str = "") -> Figure:
    """Profit per period against updates, smoothed over an eighth of the run; a band spans several trainings.

    It is the profit of policies whose weights are perturbed, in order to see what that earns: the trained policy, which
    is not perturbed, earns more.

    **Arguments:**

    - `trained`: a training, or a comparison: then methods that do not learn are level lines, those of equal profit as
      one.
    - `currency`: put before money, such as `"$"`.

    **Raises:** `InputError` for a comparison in which nothing was trained.

    ```python
    >>> from intandem.learning import TrainSettings, train
    >>> from intandem.market import family_market
    >>> market = family_market("capped-supply", products=2, customers=3, seed=0)
    >>> training = train(market, TrainSettings(updates=2, shops=2, window=4, width=4))
    >>> [curve.name for curve in plot_learning(training).data]
    ['Coordinated (MTMA), while it explores']

    ```
    """
    if isinstance(trained, Training):
        method = trained.settings.method
        method = "learned-silo" if method == "silo" else method
        data = _curves(LABELS.get(method, method), colours([method])[method], (trained,), currency)
        return _drawn(data, "period", currency)
    if not any(result.trainings for result in trained.results.values()):
        raise InputError("trained", "holds no method that learns", "add one to the comparison, such as 'mtma'")
    shade = colours(trained.results)
    data = []
    last = 1.0
    for result in trained.results.values():
        if result.trainings:
            data += _curves(result.label, shade[result.name], result.trainings, currency)
            last = max(last, float(data[-1]["x"][-1]))
    level: dict[float, list[str]] = {}
    for result in trained.results.values():
        if not result.trainings:
            level.setdefault(round(result.profit, 3), []).append(result.name)
    for profit, names in level.items():
        label = together(trained.results[name].label for name in names)
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": label,
                "x": [0, last],
                "y": [profit] * 2,
                "line": {"color": shade[names[-1]], "width": 1.8, "dash": "dot"},
                "hovertemplate": f"{label}: {in_currency(profit, currency)}<extra></extra>",
            }
        )
    return _drawn(data, trained.market.period, currency)


def _curves(label: str, colour: str, trainings: tuple[Training, ...], currency: str) -> list[dict[str, Any]]:
    """The mean curve of the trainings of one method, and the band between the lowest and the highest."""
    curves = np.stack([one.curve["profit"] for one in trainings])
    window = max(1, curves.shape[1] // 8)
    kernel = np.hanning(window + 2)[1:-1]
    kernel = kernel / kernel.sum()
    # At either end there are fewer updates to take the mean of.
    weight = np.convolve(np.ones(curves.shape[1]), kernel, mode="same")
    smooth = np.stack([np.convolve(curve, kernel, mode="same") / weight for curve in curves])
    at = np.arange(smooth.shape[1]) + 1
    keep = np.unique(np.linspace(0, len(at) - 1, POINTS).astype(int))
    data: list[dict[str, Any]] = []
    if len(curves) > 1:
        band = np.concatenate([smooth.max(0)[keep], smooth.min(0)[keep][::-1]])
        data.append(
            {
                "type": "scatter",
                "x": rounded(np.concatenate([at[keep], at[keep][::-1]])),
                "y": rounded(band),
                "fill": "toself",
                "fillcolor": f"rgba({', '.join(str(int(colour[k : k + 2], 16)) for k in (1, 3, 5))}, 0.14)",
                "line": {"width": 0},
                "mode": "lines",
                "hoverinfo": "skip",
                "showlegend": False,
            }
        )
    data.append(
        {
            "type": "scatter",
            "mode": "lines",
            "name": f"{label}, while it explores",
            "x": rounded(at[keep]),
            "y": rounded(smooth.mean(0)[keep]),
            "line": {"color": colour, "width": 2.5},
            "customdata": [in_currency(float(one), currency) for one in smooth.mean(0)[keep]],
            "hovertemplate": "update %{x}: %{customdata}<extra></extra>",
        }
    )
    return data


def _drawn(data: list[dict[str, Any]], period: str, currency: str) -> Figure:
    prefix = money_prefix(currency, min(float(min(one["y"])) for one in data))
    layout = styled_layout(
        360,
        showlegend=True,
        legend=legend_above(),
        xaxis=styled_axis("Updates of the networks"),
        yaxis=styled_axis(money_axis(period, currency), tickprefix=prefix),
    )
    return figure_of(data, layout, narrow={"height": 440})
