"""Products that nobody bought: what is guessed of them until somebody does."""

from __future__ import annotations

from dataclasses import replace

import jax.numpy as jnp
import numpy as np

from intandem.data.calibration.estimation import Fit, replace_coefficients
from intandem.data.calibration.panel import Panel
from intandem.data.tables.tables import Tables


def with_guesses(fit: Fit, panel: Panel, tables: Tables) -> tuple[Fit, np.ndarray]:
    """The fit with a level for products that were not bought in the periods that are fitted, and which these are.

    Likelihood puts a product without a purchase at no demand at all, and what is never shown is never bought. Its level
    is that of the median product of its department, or of all.
    """
    scored = panel.opportunities * panel.train[:, None, None]
    bought = np.bincount(panel.pair_product, (panel.bought * scored).sum(0).ravel(), panel.products)
    new = bought == 0
    if not new.any() or new.all():
        return fit, np.flatnonzero(new)
    level = by_department(np.asarray(fit.coefficients.product, float), ~new, tables)
    coefficients = replace_coefficients(fit.coefficients, product=jnp.asarray(level, jnp.float32))
    return replace(fit, coefficients=coefficients), np.flatnonzero(new)


def by_department(values: np.ndarray, known: np.ndarray, tables: Tables) -> np.ndarray:
    """The values, and where they are not known the median of the known ones of the department, or of all.

    **Arguments:** `values`, `known`: of shape `products`; some are known.
    """
    departments = tables.products["department"].fill_null("").to_numpy()
    filled = values.copy()
    for place in np.flatnonzero(~known):
        alike = known & (departments == departments[place])
        filled[place] = np.median(values[alike if alike.any() else known])
    return filled
