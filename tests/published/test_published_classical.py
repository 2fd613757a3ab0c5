"""Published numbers of the textbook policies.

Sources: Snyder and Shen, Fundamentals of Supply Chain Theory (2nd ed.), examples 4.3 and 4.4; Zheng and Federgruen
(1991), Finding Optimal (s, S) Policies Is About As Simple As Evaluating a Single Policy, table 1 (h = 1, backorder
cost 9, K = 64, Poisson demand, lead time 0). For mean 50 copies of the table give S = 118; the cost of 70.975 beside it
is that of S = 108, and (42, 118) costs 75.766.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from intandem.theory.classical import newsvendor_normal, reorder_policy


@pytest.mark.parametrize(
    ("lead_time", "level", "cost"), [(0, 56.60395592743389, 1.9976051931766445), (4, 264.767, 4.4668)]
)
def test_newsvendor_examples_of_snyder_and_shen(lead_time: int, level: float, cost: float) -> None:
    policy = newsvendor_normal(50.0, 8.0, holding=0.18, shortage=0.70, lead_time=lead_time)
    np.testing.assert_allclose((policy.level, policy.cost), (level, cost), rtol=2e-5)


@pytest.mark.parametrize(
    ("mean", "reorder", "level", "cost"), [(10, 6, 40, 35.022), (20, 14, 62, 49.173), (50, 42, 108, 70.975)]
)
def test_reorder_policies_of_zheng_and_federgruen(mean: int, reorder: int, level: int, cost: float) -> None:
    chances = stats.poisson.pmf(np.arange(mean + 12 * int(np.sqrt(mean)) + 20), mean)
    policy = reorder_policy(chances / chances.sum(), holding=1.0, shortage=9.0, fixed_cost=64.0)
    assert (policy.reorder, policy.level) == (reorder, level)
    assert policy.cost == pytest.approx(cost, abs=6e-4)
