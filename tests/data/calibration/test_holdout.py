"""The baselines are what they claim to be, and a sharper forecast scores higher."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from intandem.data.calibration.holdout import log_score, popularity, shrunk_frequency, tuned_strength
from intandem.data.calibration.panel import Panel, panel_of
from intandem.data.sources.simulated import simulated_firm, simulated_tables


@pytest.fixture(scope="module")
def panel() -> Panel:
    tables = simulated_tables(simulated_firm(1, products=8, customers=60, slots=2), 30, jax.random.key(0))
    return panel_of(tables, candidates_per_customer=60, holdout_share=0.2, least_observed=0.5)


def test_log_score_by_hand() -> None:
    probability, bought = np.array([0.5, 0.25, 0.9]), np.array([1.0, 0.0, 1.0])
    opportunity = np.array([1.0, 1.0, 0.0])
    assert log_score(probability, bought, opportunity) == pytest.approx((np.log(0.5) + np.log(0.75)) / 2)


def test_shrinkage_runs_from_own_frequency_to_popularity(panel: Panel) -> None:
    periods = panel.train
    own = panel.bought[periods].sum(0) / np.maximum(panel.opportunities[periods].sum(0), 1)
    np.testing.assert_allclose(shrunk_frequency(panel, periods, 1e-9), own, atol=1e-6)
    np.testing.assert_allclose(shrunk_frequency(panel, periods, 1e9), popularity(panel, periods), atol=1e-6)
    assert 1 <= tuned_strength(panel, periods) <= 300


def test_held_out_periods_are_the_last_and_do_not_overlap(panel: Panel) -> None:
    assert panel.test.sum() == 6
    assert panel.test[-6:].all()
    assert not (panel.train & panel.test).any()
