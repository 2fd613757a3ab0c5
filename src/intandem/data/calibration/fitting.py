"""The choice model fitted to a panel: its data, its controls, its estimates with standard errors."""

from __future__ import annotations

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from intandem.data.calibration.choice_model import DYNAMIC, ChoiceData, Coefficients
from intandem.data.calibration.controls import LOOSE, ExposureModel, product_period_exposure, standardised
from intandem.data.calibration.estimation import Fit, fit_choice_model
from intandem.data.calibration.identification import Identified
from intandem.data.calibration.information import columns_of
from intandem.data.calibration.panel import Panel
from intandem.data.calibration.settings import CalibrationSettings
from intandem.data.calibration.standard_errors import Estimate, clustered_covariance
from intandem.errors import InputError

Progress = Callable[[int, float], object]
"""Told the number of a Newton step and the log-likelihood."""

ROUNDS = 2
"""Turns that the choice model and the model of exposures take."""


def fit_panel(
    panel: Panel,
    scored: np.ndarray,
    found: Identified,
    settings: CalibrationSettings,
    progress: Progress | None,
) -> tuple[Fit, ChoiceData, tuple[str, ...]]:
    """Fits the choice model with those effects that the data speak of; the others take the values that are stated.
    Also the names of the covariates.

    **Raises:** `InputError` if the fit ends nowhere.
    """
    data, covariates = choice_data(
        panel, scored, found.exposures, prices=found.prices, across_stores=settings.across_stores
    )
    if found.exposures:
        fit, data = fit_with_controls(data, panel, progress)
    else:
        fit = fit_choice_model(data, panel.group, fixed=stated_effects(found, settings), report=progress)
    numbers = [np.asarray(fit.log_likelihood), *map(np.asarray, jax.tree.leaves(fit.coefficients))]
    if not all(np.isfinite(one).all() for one in numbers):
        raise InputError("transactions", "cannot be fitted: the likelihood is no number", "give more periods")
    return fit, data, covariates


def stated_effects(found: Identified, settings: CalibrationSettings) -> dict[str, float]:
    """Coefficients that are not estimated, with the values that are stated."""
    if found.exposures:
        return {}
    return {"exposure": settings.stated_exposure_effect, "carry_over": settings.stated_carry_over}


def choice_data(
    panel: Panel, scored: np.ndarray, exposed: bool, *, prices: bool = True, across_stores: bool = False
) -> tuple[ChoiceData, tuple[str, ...]]:
    """The panel as the likelihood reads it, without controls, and the names of its varying covariates.

    **Arguments:** `exposed`, `prices`: whether exposures and prices vary enough to estimate what they do.
    """
    periods, pairs = panel.periods, panel.rows * panel.candidates.shape[1]
    varying: dict[str, np.ndarray] = {}
    log_ratio = np.log(panel.price_ratio)
    if prices and float(log_ratio.std()) > 1e-6:
        varying["elasticity"] = -panel.of_pairs(log_ratio)
    if exposed and float(panel.exposure_known.min()) == 0.0:
        unknown = 1.0 - panel.exposure_known[:, :, None]
        varying["exposure_unknown"] = np.broadcast_to(unknown, panel.bought.shape)
    if exposed and across_stores:
        varying["product_period_exposure"] = panel.of_pairs(product_period_exposure(panel))

    def single(values: np.ndarray) -> jnp.ndarray:
        return jnp.asarray(np.asarray(values, np.float32).reshape(periods, pairs))

    # A covariate and a control are there even if they are nought, so that all fits share one compiled program.
    stacked = [single(values) for values in varying.values()] or [jnp.zeros((periods, pairs))]
    data = ChoiceData(
        product=jnp.asarray(panel.pair_product, jnp.int32),
        row=jnp.asarray(np.repeat(np.arange(panel.rows), panel.candidates.shape[1]), jnp.int32),
        group=jnp.asarray(panel.group[panel.pair_product], jnp.int32),
        scored=single(scored),
        bought=single(panel.bought),
        exposed=single(panel.exposed),
        varying=jnp.stack(stacked),
        fixed=jnp.zeros((1, pairs)),
        rows=panel.rows,
        products=panel.products,
        groups=int(panel.group.max()) + 1,
    )
    return data, tuple(varying)


def fit_with_controls(data: ChoiceData, panel: Panel, progress: Progress | None) -> tuple[Fit, ChoiceData]:
    """Fits with what the exposures say of each pair held constant (see `intandem.data.calibration.controls`).

    Where exposures may answer to purchases, their model needs the tastes and the choice model needs its controls: the
    two take turns, `ROUNDS` times.
    """
    if panel.propensity is not None:
        # Given its propensity an exposure is drawn: nothing else needs to be held constant (Rosenbaum and Rubin 1983).
        logit = np.log(panel.propensity / np.maximum(1 - panel.propensity, 1e-6))
        held = jnp.asarray(standardised(np.clip(logit, -7, 7)).reshape(1, -1), jnp.float32)
        controlled = eqx.tree_at(lambda d: d.fixed, data, held)
        return fit_choice_model(controlled, panel.group, report=progress), controlled
    model = ExposureModel(panel, data)
    rounds = 0 if panel.by_store else ROUNDS
    start: Coefficients | None = None
    taste: Fit | None = None
    for turn in range(rounds + 1):
        if start is not None:
            dynamics = dict(zip(DYNAMIC, np.asarray(start.shared, float).tolist(), strict=False))
            taste = fit_choice_model(
                data, panel.group, start=taste.coefficients if taste else start, fixed=dynamics, tolerance=LOOSE
            )
        held = jnp.asarray(model.propensity(taste)[None], jnp.float32)
        controlled = eqx.tree_at(lambda d: d.fixed, data, held)
        if turn < rounds:
            start = fit_choice_model(controlled, panel.group, start=start, tolerance=LOOSE).coefficients
    return fit_choice_model(controlled, panel.group, start=start, report=progress), controlled


def estimates_of(fit: Fit, data: ChoiceData, panel: Panel, covariates: tuple[str, ...]) -> dict[str, Estimate]:
    """What the dynamics and the covariates were estimated at, with clustered standard errors."""
    columns = columns_of(data)
    names = (*DYNAMIC, *covariates)
    contrasts = np.zeros((len(names), columns["log_spread"].stop))
    contrasts[np.arange(len(names)), columns["shared"].start + np.arange(len(names))] = 1.0
    errors = np.sqrt(np.diag(clustered_covariance(fit, panel.cluster, contrasts)))
    found = {
        name: Estimate(float(value), float(se))
        for name, value, se in zip(names, np.asarray(fit.coefficients.shared, float), errors, strict=False)
    }
    found.setdefault("elasticity", Estimate(0.0, float("nan")))
    if fit.precision[columns["shared"].start] > 1e9:
        found["carry_over"] = Estimate(found["carry_over"].value, float("nan"))
    return found
