"""Clustered standard errors, and means over effects that are shrunk less."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from intandem.data.calibration.estimation import Fit, fit_choice_model
from intandem.data.calibration.fitting import choice_data
from intandem.data.calibration.information import columns_of
from intandem.data.calibration.panel import panel_of
from intandem.data.calibration.standard_errors import clustered_covariance, relaxed
from intandem.data.sources.simulated import Targeting, simulated_firm, simulated_tables

CUSTOMERS = 120


@pytest.fixture(scope="module")
def fitted() -> tuple[Fit, dict[str, slice]]:
    firm = simulated_firm(1, products=8, customers=CUSTOMERS, slots=2)
    tables = simulated_tables(firm, 30, jax.random.key(0), Targeting(0.0, 0.0, 0.0))
    panel = panel_of(tables, candidates_per_customer=60, holdout_share=0.2, least_observed=0.5)
    data, _ = choice_data(panel, panel.opportunities * panel.train[:, None, None], True)
    return fit_choice_model(data, panel.group), columns_of(data)


def test_independent_customers_give_the_inverse_information(fitted: tuple[Fit, dict[str, slice]]) -> None:
    fit, columns = fitted
    contrasts = np.eye(columns["log_spread"].stop)[columns["shared"]][:4]
    sandwich = np.diag(clustered_covariance(fit, np.arange(CUSTOMERS), contrasts))
    plain = np.diag(contrasts @ np.linalg.inv(fit.information) @ contrasts.T)
    np.testing.assert_allclose(sandwich, plain, rtol=0.5)


def test_a_cluster_counts_once(fitted: tuple[Fit, dict[str, slice]]) -> None:
    fit, columns = fitted
    contrast = np.eye(columns["log_spread"].stop)[columns["shared"]][:1]
    scores = fit.evaluation.scores
    # Customers whose scores are alike within a pair of rows: together they vary four times as one, not twice.
    alike = fit.evaluation._replace(scores=np.repeat(scores[::2], 2, axis=0))
    twin = Fit(**{**fit.__dict__, "evaluation": alike, "precision": np.zeros_like(fit.precision)})
    apart = clustered_covariance(twin, np.arange(CUSTOMERS), contrast)[0, 0]
    together = clustered_covariance(twin, np.arange(CUSTOMERS) // 2, contrast)[0, 0]
    assert together == pytest.approx(2 * apart, rel=0.02)


def test_less_shrinkage_moves_the_deviations_outward(fitted: tuple[Fit, dict[str, slice]]) -> None:
    fit, columns = fitted
    deviation = np.asarray(fit.coefficients.deviation, float)
    freer, move = relaxed(fit, columns["deviation"], 0.1)
    assert np.linalg.norm(deviation + move[columns["deviation"]]) > np.linalg.norm(deviation)
    assert (np.diag(np.linalg.inv(freer.information)) >= np.diag(np.linalg.inv(fit.information)) - 1e-9).all()
