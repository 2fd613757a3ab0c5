"""The effect of an exposure: its mean over products, its spread, and the parts that kinds of exposure have in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from intandem.data.calibration.choice_model import DYNAMIC, ChoiceData, Coefficients
from intandem.data.calibration.controls import LOOSE
from intandem.data.calibration.estimation import Fit, fit_choice_model
from intandem.data.calibration.information import columns_of
from intandem.data.calibration.panel import Panel
from intandem.data.calibration.standard_errors import Estimate, clustered_covariance, relaxed
from intandem.display import Displayed

MEAN_SHRINKAGE = 0.1
"""Share of the products' shrinkage that is left when the mean exposure effect is taken."""


@dataclass(frozen=True, repr=False)
class ExposureEffect(Displayed):
    """The effect of one exposure on the utility of the exposed product, in logit units.

    - `mean`, `se`: over the products. `spread`: standard deviation between products.
    - `by_product`: shrunk to the mean. `estimated`: false where the value was stated, for the `reason` given.
    - `kinds`: effect of each kind of exposure alone and, as `a x b`, what both together differ from their sum.
    """

    mean: float
    se: float
    spread: float
    by_product: np.ndarray
    estimated: bool
    kinds: dict[str, Estimate]
    reason: str = ""


def stated_effect(value: float, products: int, reason: str) -> ExposureEffect:
    """An effect that the data cannot speak of, and why."""
    return ExposureEffect(value, float("nan"), 0.0, np.full(products, value), False, {}, reason)


def estimated_effect(fit: Fit, data: ChoiceData, panel: Panel) -> ExposureEffect:
    """The effect of any exposure, whatever its kind."""
    by_product = np.asarray(fit.coefficients.shared[0] + fit.coefficients.deviation, float)
    columns = columns_of(data)
    contrast = _mean_contrast(columns, panel.products)
    freer, move = relaxed(fit, columns["deviation"], MEAN_SHRINKAGE)
    mean = float(by_product.mean() + contrast @ move)
    se = float(np.sqrt(clustered_covariance(freer, panel.cluster, contrast[None])[0, 0]))
    return ExposureEffect(mean, se, fit.spread["deviation"], by_product, True, {})


def with_kinds(
    effect: ExposureEffect, fit: Fit, data: ChoiceData, panel: Panel, telling: Callable[[np.ndarray], bool]
) -> ExposureEffect:
    """The effect with its kinds, from a short fit in which they may differ; unchanged if there is only one kind.

    **Arguments:** `telling`: whether exposures, of the shape of `panel.exposed`, vary enough to tell what they do.
    """
    names = [name for name, shown in panel.kinds.items() if telling(shown)]
    if len(names) < 2:
        return effect
    # On top of the common effect: each further kind, and where there are two, both at once.
    extra = [panel.kinds[name] for name in names[1:]]
    if len(names) == 2:
        extra.append(panel.kinds[names[0]] * panel.kinds[names[1]])
    periods, pairs = data.bought.shape
    stacked = jnp.asarray(np.stack(extra), jnp.float32).reshape(len(extra), periods, pairs)
    finer = eqx.tree_at(lambda d: d.varying, data, jnp.concatenate([data.varying, stacked]))
    start = _with_room(fit.coefficients, len(DYNAMIC) + data.varying.shape[0], len(extra))
    again = fit_choice_model(finer, panel.group, start=start, tolerance=LOOSE)

    columns = columns_of(finer)
    first = _mean_contrast(columns, panel.products)
    rows = {names[0]: first}
    place = columns["shared"].start + len(DYNAMIC) + data.varying.shape[0]
    for index, name in enumerate(names[1:]):
        rows[name] = first.copy()
        rows[name][place + index] = 1.0
    if len(names) == 2:
        both = -first
        both[place + 1] = 1.0
        rows[f"{names[0]} x {names[1]}"] = both
    contrasts = np.stack(list(rows.values()))
    errors = np.sqrt(np.diag(clustered_covariance(again, panel.cluster, contrasts)))
    shared = np.asarray(again.coefficients.shared, float)
    vector = np.zeros(contrasts.shape[1])
    vector[columns["shared"]] = shared
    vector[columns["deviation"]] = np.asarray(again.coefficients.deviation, float)
    kinds = {
        name: Estimate(float(value), float(se))
        for name, value, se in zip(rows, contrasts @ vector, errors, strict=True)
    }
    return replace(effect, kinds=kinds)


def _mean_contrast(columns: dict[str, slice], products: int) -> np.ndarray:
    contrast = np.zeros(columns["log_spread"].stop)
    contrast[columns["shared"].start] = 1.0
    contrast[columns["deviation"]] = 1 / products
    return contrast


def _with_room(coefficients: Coefficients, place: int, count: int) -> Coefficients:
    shared = np.insert(np.asarray(coefficients.shared), place, np.zeros(count))
    return eqx.tree_at(lambda c: c.shared, coefficients, jnp.asarray(shared, jnp.float32))
