"""Advantages and values: against the sums that define them, and markets whose values are known."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from intandem.learning.estimators.score.advantages import generalised_advantages, new_scale, standardised
from intandem.learning.estimators.score.surrogate import clipped_surrogate, divergence


def test_advantages_are_the_weighted_sum_of_surprises(rng: np.random.Generator) -> None:
    profit, values, last = rng.normal(size=(6, 2)), rng.normal(size=(6, 2)), rng.normal(size=2)
    discount, trace = 0.9, 0.7
    found = generalised_advantages(jnp.asarray(profit), jnp.asarray(values), jnp.asarray(last), discount, trace)
    following = np.concatenate([values[1:], last[None]])
    surprise = profit + discount * following - values
    for start in range(6):
        expected = sum((discount * trace) ** k * surprise[start + k] for k in range(6 - start))
        np.testing.assert_allclose(np.asarray(found)[start], expected, rtol=1e-5)


@pytest.mark.parametrize(("discount", "average"), [(0.95, 0.0), (1.0, 2.0)])
@pytest.mark.parametrize("trace", [0.0, 0.6, 1.0])
def test_right_values_leave_no_surprise(discount: float, average: float, trace: float) -> None:
    """Two states in turn, earning 1 and 3: discounted, and relative to the average of 2."""
    earned = np.array([1.0, 3.0])
    if discount < 1:
        worth = np.linalg.solve(np.eye(2) - discount * np.array([[0, 1], [1, 0]]), earned)
    else:
        worth = np.array([-0.5, 0.5])
    profit, values = np.tile(earned, 4)[:7, None], np.tile(worth, 4)[:7, None]
    last = worth[1:]
    found = generalised_advantages(
        jnp.asarray(profit - average), jnp.asarray(values), jnp.asarray(last), discount, trace
    )
    np.testing.assert_allclose(np.asarray(found), 0.0, atol=1e-4)


def test_a_window_is_not_taken_for_the_end() -> None:
    """What the last state is worth counts in every advantage: a firm goes on after the window."""
    zeros = jnp.zeros((3, 1))
    found = generalised_advantages(zeros, zeros, jnp.array([8.0]), 0.5, 1.0)
    np.testing.assert_allclose(np.asarray(found)[:, 0], [1.0, 2.0, 4.0])


def test_the_scale_is_a_weighted_mean_of_what_was_seen(rng: np.random.Generator) -> None:
    parts = [rng.normal(3.0, 2.0, size=50) for _ in range(4)]
    scale = new_scale()
    for part in parts:
        scale = scale.seen(jnp.asarray(part), 0.1)
    weights = np.array([0.9**3, 0.9**2, 0.9, 1.0])
    weights /= weights.sum()
    mean = sum(w * part.mean() for w, part in zip(weights, parts, strict=True))
    square = sum(w * (part**2).mean() for w, part in zip(weights, parts, strict=True))
    assert float(scale.mean) == pytest.approx(mean, rel=1e-4)
    assert float(scale.deviation) == pytest.approx(np.sqrt(square - mean**2), rel=1e-4)


def test_standardised_advantages_do_not_know_the_moneys_unit(rng: np.random.Generator) -> None:
    advantages = jnp.asarray(rng.normal(size=(5, 4)))
    found = standardised(advantages)
    assert float(found.std()) == pytest.approx(1.0, rel=1e-4)
    np.testing.assert_allclose(np.asarray(standardised(100 * advantages + 7)), np.asarray(found), atol=1e-4)


def test_the_surrogate_stops_where_the_ratio_has_gone_far_enough() -> None:
    ratio, advantage = jnp.array([1.5, 0.5, 1.5, 0.5, 1.1]), jnp.array([1.0, 1.0, -1.0, -1.0, 2.0])
    found = clipped_surrogate(jnp.log(ratio), advantage, 0.2)
    np.testing.assert_allclose(np.asarray(found), [1.2, 0.5, -1.5, -0.8, 2.2], rtol=1e-5)


def test_divergence_is_that_of_two_normals(rng: np.random.Generator) -> None:
    drawn = jnp.asarray(rng.normal(size=200_000))
    log_ratio = -0.5 * (drawn - 0.1) ** 2 + 0.5 * drawn**2
    assert float(divergence(log_ratio).mean()) == pytest.approx(0.005, rel=0.05)
    assert float(divergence(log_ratio).min()) >= 0
