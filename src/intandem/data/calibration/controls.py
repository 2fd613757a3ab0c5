"""Controls for exposures that were not given out at random.

A shop shows a product more to those who buy it anyway. Comparing exposed with unexposed customers then mistakes their
taste for the effect. What the exposures themselves say of the firm's opinion of a pair is therefore held constant (a
correlated random effect; Mundlak 1978; Chamberlain 1982): what is left to identify the effect is when a pair was
exposed, not how often.

The pair's plain mean exposure will not do for that. A pair shown in 2 of 40 visits says little of how often it would be
shown in the long run; and where past purchases raise later exposures, a mean over the whole log would carry purchases
back in time. So the exposures get a model of their own, the choice model with the parts exchanged: a pair is shown by a
propensity of its own, by its product's exposure in the period, and by its past exposures and purchases. How these past
events raise exposures is estimated with the pair's taste held constant (as its purchases tell it), the propensity
then from exposures alone: purchases must not tell of the propensity that is to explain purchases.
"""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from intandem.data.calibration.choice_model import DYNAMIC, ChoiceData, Coefficients
from intandem.data.calibration.estimation import Fit, fit_choice_model
from intandem.data.calibration.panel import Panel

NO_FEEDBACK = {"exposure": 0.0, "carry_over": 0.0, "persistence": 0.5, "habit": 0.0}
"""A store shows its products to all alike: one household's purchases do not move its exposures."""


LOOSE = 0.3
"""Gain in log-likelihood at which these fits stop: they need not be as exact as the one they serve."""


class ExposureModel:
    """The model of a panel's exposures; each fit starts where the last one ended."""

    def __init__(self, panel: Panel, data: ChoiceData) -> None:
        self.group = panel.group
        self.alone = exposure_data(panel, data)
        self.starts: dict[str, Coefficients] = {}

    def propensity(self, taste: Fit | None) -> np.ndarray:
        """Each pair's expected logit propensity to be shown, beyond its product's and customer's, as far as the
        training periods tell; in standard deviations, `pairs`.

        **Arguments:**

        - `taste`: a fit of the choice model that knows of no controls; without it, purchases do not move exposures.
        """
        feedback = NO_FEEDBACK
        if taste is not None:
            held = jnp.asarray(standardised(taste.mean)[None], jnp.float32)
            data = eqx.tree_at(lambda d: d.fixed, self.alone, held)
            answering = self._fit("beside_taste", data, {})
            feedback = dict(zip(DYNAMIC, np.asarray(answering.coefficients.shared, float).tolist(), strict=False))
        return standardised(self._fit("alone", self.alone, feedback).mean)

    def _fit(self, name: str, data: ChoiceData, fixed: dict[str, float]) -> Fit:
        start = self.starts.get(name)
        fit = fit_choice_model(data, self.group, start=start, fixed=fixed, tolerance=LOOSE)
        self.starts[name] = fit.coefficients
        return fit


def exposure_data(panel: Panel, data: ChoiceData) -> ChoiceData:
    """The data with exposures in the place of purchases, the last period's purchases in that of exposures, and the
    product's exposure in the period for a covariate."""
    known = panel.opportunities * (panel.exposure_known * panel.train[:, None])[:, :, None]
    common = product_period_exposure(panel)
    logit = panel.of_pairs(np.log(common / (1 - common)))

    def single(values: np.ndarray) -> jnp.ndarray:
        return jnp.asarray(np.asarray(values, np.float32).reshape(data.bought.shape))

    return ChoiceData(
        product=data.product,
        row=data.row,
        group=data.group,
        scored=single(known),
        bought=data.exposed,
        exposed=jnp.roll(data.bought, 1, 0).at[0].set(0.0),
        varying=jnp.zeros_like(data.varying).at[0].set(single(logit)),
        fixed=jnp.zeros_like(data.fixed),
        rows=data.rows,
        products=data.products,
        groups=data.groups,
    )


def product_period_exposure(panel: Panel) -> np.ndarray:
    """Mean exposure of each product in each period over visiting customers, `periods products`, within (0, 1)."""
    visits = panel.opportunities.reshape(panel.periods, -1)
    shown = visits * panel.exposed.reshape(panel.periods, -1)

    def total(values: np.ndarray) -> np.ndarray:
        return np.stack([np.bincount(panel.pair_product, row, panel.products) for row in values])

    return (total(shown) + 0.5) / (total(visits) + 1.0)


def standardised(values: np.ndarray) -> np.ndarray:
    """Values less their mean, in standard deviations; 0 where they do not vary."""
    return (values - values.mean()) / max(values.std(), 1e-6)
