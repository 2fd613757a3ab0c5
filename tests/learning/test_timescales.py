"""Speeds: who is fast, and that steps shrink as several timescales need."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from intandem.learning.timescales import (
    Pace,
    Speed,
    default_timescales,
    first_pace,
    optimiser,
    targets,
    timescales_of,
)


def test_methods_differ_in_speed_alone() -> None:
    base = default_timescales(600)
    mtma, one, reverse = (timescales_of(method, base) for method in ("mtma", "stma", "reversed"))
    assert mtma.inventory.rate > mtma.recommendation.rate
    assert reverse.inventory == mtma.recommendation
    assert reverse.recommendation == mtma.inventory
    assert one.inventory == one.recommendation
    assert one.inventory.rate**2 == pytest.approx(mtma.inventory.rate * mtma.recommendation.rate)


def test_steps_are_of_robbins_and_monro_and_their_ratios_vanish() -> None:
    speeds = default_timescales(600)
    updates = np.logspace(3, 7, 9)
    critic, inventory, recommendation = (
        np.array([float(speed.at(float(n))) for n in updates])
        for speed in (speeds.critic, speeds.inventory, speeds.recommendation)
    )
    assert 0.5 < speeds.critic.power < speeds.inventory.power < speeds.recommendation.power <= 1
    assert (np.diff(inventory / critic) < 0).all()
    assert (np.diff(recommendation / inventory) < 0).all()


def test_departments_that_set_their_own_speeds_come_to_the_same_divergence() -> None:
    """Divergences in proportion to the square of the step, one department's a hundred times the other's."""
    sensitive, speeds = jnp.array([1.0, 100.0]), default_timescales(400, "score")
    pace = first_pace(speeds)
    for _ in range(120):
        pace = pace.steered(sensitive * pace.factor**2, targets(speeds, jnp.array(0)))
    np.testing.assert_allclose(np.asarray(sensitive * pace.factor**2), 0.01, rtol=1e-3)
    assert float(pace.factor[0] / pace.factor[1]) == pytest.approx(10.0, rel=1e-3)


def test_speeds_that_are_given_are_kept() -> None:
    speeds = default_timescales(400)
    pace = first_pace(speeds).steered(jnp.array([9.0, 1e-9]), targets(speeds, jnp.array(3)))
    assert pace.weighed(jnp.array([0.2, 0.9]), speeds.target).factor.tolist() == [1.0, 1.0]


def test_a_step_is_in_proportion_to_what_of_a_gradient_is_no_noise() -> None:
    pace = Pace(jnp.zeros(2), jnp.zeros(2))
    for _ in range(200):
        pace = pace.weighed(jnp.array([0.4, 0.1]), 0.4)
    np.testing.assert_allclose(np.asarray(pace.factor), [1.0, 0.25], rtol=1e-3)


def test_a_department_may_move_at_every_third_update_only() -> None:
    weights = {"w": jnp.zeros(1)}
    slow = optimiser(Speed(0.1, 0.0, 1.0, every=3.0), 1.0, 1e-8, passes=2)
    state, moved = slow.init(weights), []
    for _ in range(8):
        moves, state = slow.update({"w": jnp.ones(1)}, state, weights)
        moved.append(float(jnp.abs(moves["w"][0])) > 0)
    assert moved == [True, True, False, False, False, False, True, True]


def test_rivals_of_one_network_have_the_speeds_of_their_twins() -> None:
    base = default_timescales(600)
    for one, twin in (("mtsa", "mtma"), ("stsa", "stma"), ("independent", "mtma")):
        left, right = timescales_of(one, base), timescales_of(twin, base)
        assert (left.inventory, left.recommendation) == (right.inventory, right.recommendation)
