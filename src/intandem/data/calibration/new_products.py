"""Products that nobody bought: what is guessed of them until somebody does, and how far the guess may miss."""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax.numpy as jnp
import numpy as np
import polars as pl

from intandem.data.calibration.estimation import Fit, replace_coefficients
from intandem.data.calibration.panel import Panel
from intandem.data.tables.tables import Tables
from intandem.market import Market, base_demand

PRIOR_PRODUCTS, PRIOR_SPREAD = 2.0, 1.0
"""What is assumed of how levels scatter among alike products before any is seen: a standard deviation, in logit units,
that counts as that many products."""

PRIOR_PRICES = 1.0
"""Sum of squared logarithms of prices that pulls their slope to nothing: products cheap and dear must be seen."""

NINETY = 1.645
"""Standard deviations to either side within which nine of ten lie."""


@dataclass(frozen=True)
class Guesses:
    """Products without a purchase in the periods that are fitted.

    - `product`: which, by index. `doubt`: standard deviation of the guess, in logit units.
    """

    product: np.ndarray
    doubt: float

    def to_frame(self, market: Market, panel: Panel) -> pl.DataFrame:
        """`product_id`, `demand`: units a period without exposure, in the firm's units, with the ends `low` and `high`
        of an interval that holds nine of ten such products."""
        new = np.zeros(panel.products)
        new[self.product] = NINETY * self.doubt
        size = np.asarray(market.unit_size, float)
        columns = {}
        for name, side in (("demand", 0.0), ("low", -1.0), ("high", 1.0)):
            shift = jnp.asarray(side * new[panel.candidates], jnp.float32)
            moved = replace(market, name="", base_utility=market.base_utility + shift)
            columns[name] = (np.asarray(base_demand(moved), float) * size)[self.product]
        ids = [market.labels.product_ids[place] for place in self.product]
        return pl.DataFrame({"product_id": pl.Series(ids, dtype=pl.String), **columns})


def with_guesses(fit: Fit, panel: Panel, tables: Tables) -> tuple[Fit, Guesses]:
    """The fit with a level for products that were not bought in the periods that are fitted, and which these are.

    Likelihood puts a product without a purchase at no demand at all, and what is never shown is never bought. Its level
    is the mean of its category, or else of its department, or of all, moved by its price as the levels of the others
    move with theirs. How far that may miss is how far it misses the others, each guessed without itself.
    """
    scored = panel.opportunities * panel.train[:, None, None]
    bought = np.bincount(panel.pair_product, (panel.bought * scored).sum(0).ravel(), panel.products)
    known = bought > 0
    if known.all() or not known.any():
        return fit, Guesses(np.flatnonzero(~known), PRIOR_SPREAD)
    level = np.asarray(fit.coefficients.product, float)
    guess, doubt = guessed_levels(level, known, tables)
    coefficients = replace_coefficients(
        fit.coefficients, product=jnp.asarray(np.where(known, level, guess), jnp.float32)
    )
    return replace(fit, coefficients=coefficients), Guesses(np.flatnonzero(~known), doubt)


def guessed_levels(level: np.ndarray, known: np.ndarray, tables: Tables) -> tuple[np.ndarray, float]:
    """What each product's level would be guessed at from the others, `products`, and the standard deviation of that.

    **Arguments:** `level`, `known`: of shape `products`; some are known.
    """
    price = tables.products["price"].fill_null(float("nan")).to_numpy().astype(float)
    priced = np.isfinite(price) & (price > 0)
    log_price = np.log(np.where(priced, price, 1.0))
    centre, usual = _from_others(level, known, tables), _from_others(log_price, known & priced, tables)
    apart = np.where(priced, log_price - usual, 0.0)
    # The only known product has no others to be guessed from, and tells neither a slope nor a miss.
    told = known & (known.sum() > 1)
    slope = (apart * (level - centre))[told].sum() / ((apart**2)[told].sum() + PRIOR_PRICES)
    guess = centre + slope * apart
    missed, count = ((level - guess)[told] ** 2).sum(), told.sum()
    return guess, float(np.sqrt((missed + PRIOR_PRODUCTS * PRIOR_SPREAD**2) / (count + PRIOR_PRODUCTS)))


def _from_others(values: np.ndarray, known: np.ndarray, tables: Tables) -> np.ndarray:
    """For each product the mean of the other known ones: of its category, else of its department, else of all."""
    found = np.zeros(len(values))
    everywhere = pl.Series([""] * len(values))
    for labels in (everywhere, tables.products["department"], tables.products["category"]):
        code = labels.cast(pl.Categorical).to_physical().fill_null(0).to_numpy().astype(np.int64)
        own = np.where(known, values, 0.0)
        total, count = np.bincount(code, own)[code] - own, np.bincount(code, known)[code] - known
        named = labels.is_not_null().to_numpy() & (count > 0)
        found = np.where(named, total / np.maximum(count, 1), found)
    return found


def by_department(values: np.ndarray, known: np.ndarray, tables: Tables) -> np.ndarray:
    """The values, and where they are not known the median of the known ones of the department, or of all.

    **Arguments:** `values`, `known`: of shape `products`; some are known.
    """
    frame = tables.products.select("department").with_columns(value=pl.Series(np.where(known, values, np.nan)))
    median = pl.col("value").fill_nan(None).median()
    usual = frame.select(median.over("department").fill_null(median))["value"]
    return np.where(known, values, usual.to_numpy())
