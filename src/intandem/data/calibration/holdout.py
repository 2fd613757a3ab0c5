"""How well a calibration predicts periods it has not seen, against the two baselines a shop would try first."""

from __future__ import annotations

import numpy as np

from intandem.data.calibration.panel import Panel

STRENGTHS = np.concatenate([[0.1, 0.3], np.geomspace(1, 300, 12)])
"""Prior visits tried for the shrunk purchase frequency."""


def log_score(probability: np.ndarray, bought: np.ndarray, opportunity: np.ndarray) -> float:
    """Mean log-probability of what happened, per opportunity (a visiting customer and a candidate product)."""
    chance = np.clip(probability, 1e-7, 1 - 1e-7)
    value = np.where(bought > 0, np.log(chance), np.log1p(-chance))
    return float((value * opportunity).sum(dtype=float) / max(opportunity.sum(dtype=float), 1.0))


def purchase_counts(panel: Panel, periods: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Purchases and opportunities of each pair over `periods`, and each product's purchase rate per opportunity."""
    opportunity = panel.opportunities[periods].sum(0, dtype=float)
    bought = panel.bought[periods].sum(0, dtype=float)
    product = panel.pair_product
    trials = np.bincount(product, opportunity.ravel(), panel.products)
    successes = np.bincount(product, bought.ravel(), panel.products)
    return bought, opportunity, (successes + 0.5) / (trials + 50.0)


def popularity(panel: Panel, periods: np.ndarray) -> np.ndarray:
    """Each pair's probability by the popularity of its product alone, `rows width`."""
    return purchase_counts(panel, periods)[2][panel.candidates]


def shrunk_frequency(panel: Panel, periods: np.ndarray, strength: float) -> np.ndarray:
    """Each pair's own purchase frequency, shrunk to its product's popularity by `strength` prior visits."""
    bought, opportunity, rate = purchase_counts(panel, periods)
    return (bought + strength * rate[panel.candidates]) / (opportunity + strength)


def tuned_strength(panel: Panel, periods: np.ndarray) -> float:
    """The strength that predicts the last quarter of the training periods best from those before."""
    chosen = np.flatnonzero(periods)
    cut = max(1, round(0.75 * len(chosen)))
    early, late = np.zeros_like(periods), np.zeros_like(periods)
    early[chosen[:cut]] = True
    late[chosen[cut:]] = True
    if not late.any():
        return 10.0
    bought, opportunity = panel.bought[late], panel.opportunities[late]
    scores = [log_score(shrunk_frequency(panel, early, k)[None], bought, opportunity) for k in STRENGTHS]
    return float(STRENGTHS[int(np.argmax(scores))])


def baseline_scores(panel: Panel) -> dict[str, float]:
    """Held-out log-likelihood per opportunity of both baselines, fitted on the training periods."""
    bought, opportunity = panel.bought[panel.test], panel.opportunities[panel.test]
    strength = tuned_strength(panel, panel.train)
    return {
        "popularity": log_score(popularity(panel, panel.train)[None], bought, opportunity),
        "shrunk_frequency": log_score(shrunk_frequency(panel, panel.train, strength)[None], bought, opportunity),
    }
