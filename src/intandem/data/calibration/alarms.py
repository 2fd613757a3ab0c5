"""What should be looked at before a calibrated market is believed."""

from __future__ import annotations

import numpy as np
import polars as pl

from intandem.data.calibration.panel import Panel
from intandem.data.calibration.recorded import Against
from intandem.display import count
from intandem.market import Market

SHOWN = 3
"""Products that a sentence names."""

FAR = 0.05
"""Share by which simulated purchases may miss the recorded ones before it is told."""

ALWAYS = 0.95
"""Share of visits that buy a product beyond which showing it can add nothing to speak of."""


def alarms_of(
    market: Market, panel: Panel, against: Against, guessed: np.ndarray, scores: tuple[float, float]
) -> tuple[str, ...]:
    """Sentences, the gravest first.

    **Arguments:** `guessed`: products, by index, that nobody bought. `scores`: held-out log-likelihoods of the fit and
    of the best simple forecast.
    """
    ids = np.array(market.labels.product_ids, object)
    sold = np.zeros(panel.products)
    totals = against.frame.group_by("product").agg(pl.col("recorded").mean())
    sold[totals["product"].to_numpy()] = totals["recorded"].to_numpy()
    always = np.flatnonzero(sold > ALWAYS * panel.visited[panel.train].sum(1).mean())
    sold = sold * np.asarray(market.units_per_purchase, float)
    cap = np.asarray(market.max_order, float)
    said = []
    short = np.flatnonzero(cap < sold)
    if short.size:
        first = short[0]
        said.append(
            f"The largest order of {count(short.size, 'product')} ({_named(ids[short])}) lies below what was sold: "
            f"{count(int(cap[first]), 'unit')} against {sold[first]:.1f} a {market.period} of {ids[first]!r}."
        )
    errors = {name: error for name, error in against.errors.items() if name != "fit"}
    if scores[0] <= scores[1]:
        said.append(
            f"In held-out periods the fit is no better than a simple forecast: log-likelihood {scores[0]:.4f}, against "
            f"{scores[1]:.4f}."
        )
    elif errors and against.errors["fit"] >= min(errors.values()):
        best = min(errors, key=lambda name: errors[name])
        said.append(
            f"In held-out periods the fit misses a product's purchases by {against.errors['fit']:.0%}, the simple "
            f"forecast {best.replace('_', ' ')!r} by {errors[best]:.0%}."
        )
    if always.size:
        said.append(
            f"Nearly every visit buys {_named(ids[always])}, since visits are told by purchases: showing it can add "
            "nothing."
        )
    if panel.propensity_doubt:
        said.append(
            f"Logged propensities are not used, since they do not agree with what was shown: {panel.propensity_doubt}."
        )
    if abs(against.total - 1) > FAR:
        said.append(
            f"Played with what was shown then, the market sells {against.total:.0%} of the purchases on record."
        )
    empty = int((panel.visited[panel.train].sum(1) == 0).sum())
    if empty:
        hold = "holds" if empty == 1 else "hold"
        said.append(f"{empty} of {count(int(panel.train.sum()), market.period)} that are fitted {hold} no line.")
    if guessed.size:
        said.append(
            f"{count(guessed.size, 'product')} sold nothing in the {market.period}s that are fitted "
            f"({_named(ids[guessed])}): demand is a guess."
        )
    return tuple(said)


def _named(names: np.ndarray) -> str:
    return ", ".join(repr(name) for name in names[:SHOWN]) + (" ..." if len(names) > SHOWN else "")
