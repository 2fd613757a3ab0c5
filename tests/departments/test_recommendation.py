"""Exposure: the budget holds, the best is shown, the gradient is that of the constrained allocation."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from intandem.departments import recommendation_network, reference
from intandem.departments.recommendation import allocate_exposures
from intandem.market import build_market, family_market, initial_state
from intandem.market.decision_check import check_decision
from intandem.market.model import Decision


@pytest.mark.parametrize("slots", [1, 2, 3])
def test_the_budget_is_kept_and_spent_where_it_pays(slots: int) -> None:
    scores = 3 * jax.random.normal(jax.random.key(slots), (50, 6))
    exposure = allocate_exposures(scores, jnp.array(0.3), slots)
    sums = np.asarray(exposure.sum(1))
    assert (sums <= slots + 1e-4).all()
    assert ((exposure >= 0) & (exposure <= 1)).all()
    eager = np.asarray(jax.nn.sigmoid(scores / 0.3).sum(1)) > slots
    np.testing.assert_allclose(sums[eager], slots, atol=1e-3)
    order = np.argsort(-np.asarray(scores), axis=1)
    ranked = np.take_along_axis(np.asarray(exposure), order, axis=1)
    assert (np.diff(ranked, axis=1) <= 1e-6).all()


def test_places_without_a_product_are_never_shown() -> None:
    scores = jnp.array([[1.0, -jnp.inf, 0.5]])
    assert allocate_exposures(scores, jnp.array(0.1), 1)[0, 1] < 1e-6


def test_the_gradient_of_the_allocation_matches_finite_differences() -> None:
    scores = jnp.array([[0.4, 0.1, -0.2, 0.3]])
    weight = jnp.array([[1.0, -2.0, 0.5, 3.0]])

    def worth(scores: jax.Array) -> jax.Array:
        return (weight * allocate_exposures(scores, jnp.array(0.5), 1)).sum()

    slope = jax.grad(worth)(scores)
    for place in range(4):
        bump = jnp.zeros_like(scores).at[0, place].set(1e-2)
        difference = (worth(scores + bump) - worth(scores - bump)) / 2e-2
        assert abs(float(slope[0, place] - difference)) < 3e-3


@pytest.mark.parametrize("exposure", ["intensity", "slate"])
def test_decisions_and_samples_are_feasible(exposure: str) -> None:
    rng = np.random.default_rng(0)
    candidates = np.array([[0, 1, 2], [1, 3, 4], [0, 4, 4 + 1]])
    market = build_market(
        {"price": np.full(5, 9.0), "unit_cost": np.full(5, 5.0), "holding_cost": np.full(5, 0.1)},
        rng.normal(-1, 1, (3, 3)),
        np.full((3, 3), 1.5),
        candidates=candidates,
        exposure=exposure,  # type: ignore[arg-type]
        exposure_slots=2,
    )
    department = recommendation_network(reference(market), width=4, sees_stock=True, key=jax.random.key(0))
    observation = department.observe(market, initial_state(market))
    for shown in (
        department.decide(market, observation),
        department.sample(market, observation, jnp.array(1.0), jax.random.key(1)).value,
    ):
        check_decision(market, Decision(jnp.zeros(5), shown))
        assert float(shown[2, 2]) == 0.0 or float(shown[2, 2]) < 1e-6


def test_a_stock_blind_department_does_not_see_stock() -> None:
    market = family_market("capped-supply", 4, 3, 0)
    state = initial_state(market)
    empty = type(state)(jnp.zeros(4), state.backlog, state.pipeline, state.intention, state.period, state.history)
    shown = {}
    for sees in (True, False):
        department = recommendation_network(reference(market), width=4, sees_stock=sees, key=jax.random.key(0))
        shown[sees] = [np.asarray(department.decide(market, department.observe(market, s))) for s in (state, empty)]
    np.testing.assert_array_equal(*shown[False])
    assert not np.allclose(*shown[True])
