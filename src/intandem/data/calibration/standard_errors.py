"""Standard errors that allow for correlation within a cluster: a customer, or a store where exposures are a store's."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from intandem.data.calibration.estimation import PINNED, Fit


@dataclass(frozen=True)
class Estimate:
    """A number with its standard error; `nan` where it was stated and not estimated."""

    value: float
    se: float

    @property
    def interval(self) -> tuple[float, float]:
        """Two standard errors to either side."""
        return self.value - 2 * self.se, self.value + 2 * self.se


def clustered_covariance(fit: Fit, cluster: np.ndarray, contrasts: np.ndarray) -> np.ndarray:
    """Covariance of linear combinations of the columns of `intandem.data.calibration.information.columns_of`.

    The sandwich `A^-1 (B + P) A^-1`: `A` the penalised information, `B` the sum over clusters of the outer product of
    their scores times `G / (G - 1)` (Liang and Zeger 1986), and `P` the prior precision, which accounts for
    what shrinkage leaves open (coefficients that are shrunk are draws from their prior).

    **Arguments:**

    - `cluster`: cluster of each customer row, from 0.
    - `contrasts`: one combination per row, `(k, columns)`.

    **Returns** `(k, k)`.
    """
    scores = fit.evaluation.scores
    clusters = int(cluster.max()) + 1
    summed = np.zeros((clusters, scores.shape[1]))
    np.add.at(summed, cluster, scores)
    free = fit.precision < PINNED
    summed[:, ~free] = 0.0
    directions = np.linalg.solve(fit.information, contrasts.T)
    directions[~free] = 0.0
    moved = summed @ directions
    moved -= moved.mean(0)
    meat = moved.T @ moved * clusters / max(clusters - 1, 1)
    return meat + (directions * np.where(free, fit.precision, 0.0)[:, None]).T @ directions


def relaxed(fit: Fit, columns: slice, share: float) -> tuple[Fit, np.ndarray]:
    """The fit as it would be had some columns been shrunk less, and the move of all columns, by one Newton step.

    Shrinkage moves what is known badly more than what is known well. Where the two differ in value, as products that
    sell more when shown are known better, a mean over shrunk values is biased; over less shrunk ones it is less so.

    **Arguments:**

    - `columns`: which; they are shrunk to 0. `share`: of their prior precision that is left.
    """
    precision = fit.precision.copy()
    precision[columns] *= share
    removed = np.where(fit.precision < PINNED, fit.precision - precision, 0.0)
    information = fit.information - np.diag(removed)
    gradient = np.zeros(len(precision))
    gradient[columns] = removed[columns] * np.asarray(fit.coefficients.deviation, float)
    return replace(fit, precision=precision, information=information), np.linalg.solve(information, gradient)
