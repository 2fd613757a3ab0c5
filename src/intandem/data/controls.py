"""Controls for exposures that were not given out at random.

A shop shows a product more to those who buy it anyway. Comparing exposed with unexposed customers then mistakes
their taste for the effect. The pair's own mean exposure among the explanatory variables (Mundlak 1978; Chamberlain
1982) takes that difference out: what is left to identify the effect is when a pair was exposed, not how often.

One thing more where exposures are given to customers: what a customer bought may raise later exposures, and a mean
over the whole log would carry these purchases back in time. Past purchases are therefore regressed out of the
exposures, within pairs, before the mean is taken.
"""

from __future__ import annotations

import numpy as np

from intandem.data.panel import Panel

MEMORIES = (0.0, 0.5, 0.8, 0.95)
"""Decays of the purchase histories that may drive exposures."""


def exposure_controls(panel: Panel) -> np.ndarray:
    """Two controls per pair, its mean exposure and the logit of it, each less the product's mean: `2 pairs`."""
    scored = panel.opportunities * panel.train[:, None, None]
    visits = scored.sum(0)
    mean = (scored * panel.exposed).sum(0) / np.maximum(visits, 1.0)
    if not panel.by_store:
        mean = np.clip(mean - _purchase_feedback(panel, scored), 0.0, 1.0)
    pooled = (visits * mean + 0.5) / (visits + 1.0)
    controls = np.stack([mean, np.log(pooled / (1 - pooled))]).reshape(2, -1)
    return _within_product(controls, panel, visits.ravel())


def product_week_exposure(panel: Panel) -> np.ndarray:
    """Mean exposure of each product in each period over visiting customers, `periods products`."""
    product = panel.pair_product
    visits = panel.opportunities.reshape(panel.periods, -1)
    shown = (panel.exposed * panel.opportunities).reshape(panel.periods, -1)

    def total(values: np.ndarray) -> np.ndarray:
        return np.stack([np.bincount(product, row, panel.products) for row in values])

    return total(shown) / np.maximum(total(visits), 1.0)


def _within_product(controls: np.ndarray, panel: Panel, weight: np.ndarray) -> np.ndarray:
    product = panel.pair_product
    total = np.maximum(np.bincount(product, weight, panel.products), 1e-9)
    centred = [values - (np.bincount(product, weight * values, panel.products) / total)[product] for values in controls]
    return np.stack([values / max(values.std(), 1e-6) for values in centred])


def _purchase_feedback(panel: Panel, scored: np.ndarray) -> np.ndarray:
    """The part of each pair's mean exposure that its own past purchases explain, `rows width`."""
    visits = np.maximum(scored.sum(0), 1.0)

    def within(values: np.ndarray) -> np.ndarray:
        return (values - (scored * values).sum(0) / visits) * scored

    outcome = within(panel.exposed)
    histories, centred = [], []
    for memory in MEMORIES:
        history = np.zeros_like(panel.bought)
        for period in range(1, panel.periods):
            history[period] = memory * history[period - 1] + panel.bought[period - 1]
        histories.append((scored * history).sum(0) / visits)
        centred.append(within(history))
    normal = np.array([[np.vdot(a, b) for b in centred] for a in centred], float)
    right = np.array([np.vdot(a, outcome) for a in centred], float)
    slope = np.linalg.solve(normal + 1e-6 * np.trace(normal) * np.eye(len(MEMORIES)) + 1e-9, right)
    return sum(s * h for s, h in zip(slope, histories, strict=True))  # type: ignore[return-value]
