"""What a fitted choice model predicts, period by period, and the tables that set it against what happened."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jaxtyping import Array, Float

from intandem.data.calibration.choice_model import (
    NODE_WEIGHTS,
    NODES,
    ChoiceData,
    Coefficients,
    intention_paths,
    known_utility,
)
from intandem.data.calibration.estimation import Fit
from intandem.data.calibration.panel import Panel

CURVE_BINS = 12


@jax.jit
def _mean_probability(
    data: ChoiceData, coefficients: Coefficients, mean: Float[Array, " pairs"], deviation: Float[Array, " pairs"]
) -> Float[Array, "periods pairs"]:
    paths = intention_paths(data.bought, data.exposed, coefficients.shared[2])
    utility = known_utility(coefficients, data, paths)
    share, nodes = jnp.asarray(NODE_WEIGHTS / NODE_WEIGHTS.sum()), jnp.asarray(NODES)

    def add_node(index: Array, total: Array) -> Array:
        return total + share[index] * jax.nn.sigmoid(utility + mean + deviation * nodes[index])

    return jax.lax.fori_loop(0, len(NODES), add_node, jnp.zeros_like(utility))


def predict(fit: Fit, data: ChoiceData) -> np.ndarray:
    """Probability that a visiting customer buys, given what was known before the period, `periods rows width`.

    Taste (`e`) is what the training periods tell of it; intentions follow the purchases and exposures up to the
    period. Periods outside training have no week effect.
    """
    probability = _mean_probability(
        data,
        fit.coefficients,
        jnp.asarray(fit.mean, jnp.float32),
        jnp.asarray(np.sqrt(fit.variance), jnp.float32),
    )
    return np.asarray(probability).reshape(data.scored.shape[0], data.rows, data.width)


def fit_tables(panel: Panel, probability: np.ndarray) -> dict[str, pl.DataFrame]:
    """Predicted against observed purchases.

    - `product_period`: `product, period, split, predicted, observed`, purchases over all customers.
    - `period`: `period, split, predicted, observed, residual`, over all products.
    - `calibration_curve`: `split, predicted, observed, opportunities`: mean predicted probability and frequency in
      bins of equal count.
    """
    opportunity = panel.opportunities
    expected, bought = probability * opportunity, panel.bought * opportunity
    product = panel.pair_product

    def by_product(values: np.ndarray) -> np.ndarray:
        flat = values.reshape(panel.periods, -1)
        return np.stack([np.bincount(product, row, panel.products) for row in flat]).ravel()

    split = np.where(panel.train, "train", np.where(panel.test, "test", "neither"))
    weekly = pl.DataFrame(
        {
            "product": np.tile(np.arange(panel.products, dtype=np.int32), panel.periods),
            "period": np.repeat(np.arange(panel.periods, dtype=np.int32), panel.products),
            "split": np.repeat(split, panel.products),
            "predicted": by_product(expected),
            "observed": by_product(bought),
        }
    )
    period = (
        weekly.group_by("period", "split", maintain_order=True)
        .agg(pl.col("predicted").sum(), pl.col("observed").sum())
        .with_columns(residual=pl.col("observed") - pl.col("predicted"))
    )
    curves = [
        _curve(name, probability[which], bought[which], opportunity[which])
        for name, which in (("train", panel.train), ("test", panel.test))
        if which.any()
    ]
    return {"product_period": weekly, "period": period, "calibration_curve": pl.concat(curves)}


def _curve(split: str, probability: np.ndarray, bought: np.ndarray, opportunity: np.ndarray) -> pl.DataFrame:
    there = opportunity > 0
    chance, outcome = probability[there], bought[there]
    edges = np.unique(np.quantile(chance, np.linspace(0, 1, CURVE_BINS + 1)[1:-1])) if chance.size else np.zeros(0)
    bins = np.digitize(chance, edges)
    count = np.bincount(bins, minlength=len(edges) + 1)
    filled = count > 0
    total = np.maximum(count, 1)
    return pl.DataFrame(
        {
            "split": [split] * int(filled.sum()),
            "predicted": (np.bincount(bins, chance, len(total)) / total)[filled],
            "observed": (np.bincount(bins, outcome, len(total)) / total)[filled],
            "opportunities": count[filled],
        }
    )
