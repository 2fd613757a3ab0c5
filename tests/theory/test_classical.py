"""Textbook policies against enumeration, and their refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intandem.errors import InputError
from intandem.theory.classical import mismatch_cost, newsvendor, newsvendor_normal, reorder_policy


def _stationary_cost(chances: np.ndarray, reorder: int, level: int, h: float, b: float, k: float) -> float:
    """The cost of an (s, S) policy from the stationary law of its position after ordering."""
    states = np.arange(reorder + 1, level + 1)
    move = np.zeros((states.size, states.size))
    for row, position in enumerate(states):
        for demand, chance in enumerate(chances):
            left = position - demand
            move[row, states.size - 1 if left <= reorder else left - reorder - 1] += chance
    law = np.linalg.lstsq(
        np.vstack([move.T - np.eye(states.size), np.ones(states.size)]), np.eye(states.size + 1)[-1], rcond=None
    )[0]
    orders = sum(
        weight * chances[np.arange(len(chances)) >= position - reorder].sum()
        for weight, position in zip(law, states, strict=True)
    )
    return float(law @ mismatch_cost(chances, states, h, b) + k * orders)


@settings(max_examples=40)
@given(st.integers(0, 10_000))
def test_the_reorder_policy_is_the_best_of_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    chances = rng.dirichlet(np.ones(rng.integers(2, 6)))
    holding, shortage, fixed = rng.uniform(0.5, 2), rng.uniform(1, 8), rng.uniform(0, 10)
    found = reorder_policy(chances, holding, shortage, fixed)
    best = min(
        _stationary_cost(chances, reorder, level, holding, shortage, fixed)
        for reorder in range(-8, 8)
        for level in range(reorder + 1, reorder + 16)
    )
    assert found.cost == pytest.approx(
        _stationary_cost(chances, found.reorder, found.level, holding, shortage, fixed), rel=1e-8
    )
    assert found.cost <= best + 1e-8


@given(st.integers(0, 10_000))
def test_the_newsvendor_level_is_the_best_of_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    chances = rng.dirichlet(np.ones(rng.integers(2, 12)))
    holding, shortage = rng.uniform(0.1, 3, 2)
    found = newsvendor(chances, holding, shortage)
    costs = mismatch_cost(chances, np.arange(len(chances)), holding, shortage)
    assert found.cost == pytest.approx(costs.min())
    assert costs[int(found.level)] == pytest.approx(costs.min())


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="give positive costs"):
        newsvendor_normal(5.0, 1.0, holding=0.0, shortage=1.0)
    with pytest.raises(InputError, match="negative"):
        newsvendor_normal(5.0, -1.0, holding=1.0, shortage=1.0)
    with pytest.raises(InputError, match="that sum to 1"):
        newsvendor(np.array([0.5, 0.6]), 1.0, 1.0)
    with pytest.raises(InputError, match="can exceed 0"):
        reorder_policy(np.array([1.0]), 1.0, 1.0, 1.0)
    with pytest.raises(InputError, match="fixed cost -1"):
        reorder_policy(np.array([0.5, 0.5]), 1.0, 1.0, -1.0)
