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

MEMORIES = (0.3, 0.8)
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
    """The part of each pair's mean exposure that its own past purchases explain, `rows width`.

    Exposures are regressed on purchase histories in forward deviations (each less its mean over later periods), with
    the histories' backward deviations as instruments (Arellano and Bover 1995): plain deviations from the pair's mean
    would mix in what exposures did to purchases.
    """
    visits = np.maximum(scored.sum(0), 1.0)
    later_visits = _later(scored)
    weight = scored * (later_visits > 0)

    def forward(values: np.ndarray) -> np.ndarray:
        return weight * (values - _later(scored * values) / np.maximum(later_visits, 1.0))

    seen = np.maximum(np.cumsum(scored, 0), 1.0)
    outcome = forward(panel.exposed)
    histories, instruments, regressors = [], [], []
    for memory in MEMORIES:
        history = np.zeros_like(panel.bought)
        for period in range(1, panel.periods):
            history[period] = memory * history[period - 1] + panel.bought[period - 1]
        histories.append((scored * history).sum(0) / visits)
        instruments.append(history - np.cumsum(scored * history, 0) / seen)
        regressors.append(forward(history))
    normal = np.array([[np.vdot(a, b) for b in regressors] for a in instruments], float)
    right = np.array([np.vdot(a, outcome) for a in instruments], float)
    ridge = 1e-4 * np.abs(np.diag(normal)).max() + 1e-9
    slope = np.linalg.solve(normal + ridge * np.eye(len(MEMORIES)), right)
    return np.tensordot(slope, np.stack(histories), 1)


def _later(values: np.ndarray) -> np.ndarray:
    """Sums over the periods after each."""
    total = np.cumsum(values[::-1], 0)[::-1]
    return total - values
