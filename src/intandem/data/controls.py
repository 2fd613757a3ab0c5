"""Controls for exposures that were not given out at random.

A shop shows a product more to those who buy it anyway. Comparing exposed with unexposed customers then mistakes
their taste for the effect. The pair's own mean exposure among the explanatory variables (Mundlak 1978; Chamberlain
1982) takes that difference out: what is left to identify the effect is when a pair was exposed, not how often.

One thing more where exposures are given to customers: what a customer bought may raise later exposures, and a mean
over the whole log would carry these purchases back in time. Past purchases are therefore regressed out of the
exposures, within pairs, before the mean is taken.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from intandem.data.panel import Panel

EXPECTATION_STEPS = 15
REACH = 1.5

MEMORIES = (0.3, 0.8)
"""Decays of the purchase histories that may drive exposures."""


@dataclass(frozen=True)
class ExposureControls:
    """What a pair's exposures say of the firm's opinion of it, both centred and in standard deviations.

    - `propensity`: the pair's logit propensity to be shown less its product's, and the square of it: `2 pairs`.
    - `uncertainty`: variance of that propensity given the log, `pairs`.
    """

    propensity: np.ndarray
    uncertainty: np.ndarray


def exposure_controls(panel: Panel) -> ExposureControls:
    """Each pair's propensity to be shown, from how often it was.

    A pair that was shown in 2 of 40 visits says little of its propensity: the logit is shrunk to the product's mean as
    far as its count is noise (empirical Bayes, a normal prior of logits within each product).
    """
    scored = panel.opportunities * panel.train[:, None, None]
    visits = scored.sum(0, dtype=float)
    mean = (scored * panel.exposed).sum(0) / np.maximum(visits, 1.0)
    if not panel.by_store:
        mean = np.clip(mean - _purchase_feedback(panel, scored), 0.0, 1.0)
    logit, variance = _shrunk_logit((visits * mean).ravel(), visits.ravel(), panel.pair_product, panel.products)
    first = logit / max(logit.std(), 1e-6)
    square = first**2 - (first**2).mean()
    propensity = np.stack([first, square / max(square.std(), 1e-6)])
    return ExposureControls(propensity, (variance - variance.mean()) / max(variance.std(), 1e-6))


def _shrunk_logit(
    shown: np.ndarray, visits: np.ndarray, product: np.ndarray, products: int
) -> tuple[np.ndarray, np.ndarray]:
    """Posterior mean (less the product's) and variance of `a` with `shown ~ Binomial(visits, sigmoid(a))` and
    `a ~ Normal(centre[product], width^2)`, both fitted by expectation maximisation."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(15)
    pairs = np.maximum(np.bincount(product, minlength=products), 1)
    rate = (np.bincount(product, shown, products) + 0.5) / (np.bincount(product, visits, products) + 1.0)
    centre, width = np.log(rate / (1 - np.minimum(rate, 0.999))), 1.0
    for _ in range(EXPECTATION_STEPS):
        # Nodes reach beyond the prior, so that pairs far out in its tail are still resolved.
        offset = REACH * width * nodes
        value = centre[product][:, None] + offset
        log_prior = -0.5 * (offset / width) ** 2 + 0.5 * nodes**2 + np.log(weights)
        log_share = shown[:, None] * value - visits[:, None] * np.logaddexp(0.0, value) + log_prior
        share = np.exp(log_share - log_share.max(1, keepdims=True))
        share /= share.sum(1, keepdims=True)
        deviation = share @ offset
        variance = share @ offset**2 - deviation**2
        shift = np.bincount(product, deviation, products) / pairs
        centre = centre + shift
        width = float(np.clip(np.sqrt((variance + (deviation - shift[product]) ** 2).mean()), 0.02, 5.0))
    return deviation - shift[product], variance


def product_week_exposure(panel: Panel) -> np.ndarray:
    """Mean exposure of each product in each period over visiting customers, `periods products`."""
    product = panel.pair_product
    visits = panel.opportunities.reshape(panel.periods, -1)
    shown = (panel.exposed * panel.opportunities).reshape(panel.periods, -1)

    def total(values: np.ndarray) -> np.ndarray:
        return np.stack([np.bincount(product, row, panel.products) for row in values])

    return total(shown) / np.maximum(total(visits), 1.0)


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
