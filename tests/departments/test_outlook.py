"""The outlook against what the simulator does."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from intandem.departments import look_ahead, policy_of_rules, reference
from intandem.departments.outlook import top_slots
from intandem.market import family_market, initial_state, rollout


@pytest.mark.parametrize("family", ["capped-supply", "seasonal", "capped-supply, by several"])
def test_cover_without_exposure_is_what_demand_averages(family: str) -> None:
    market = family_market(family.partition(",")[0], 3, 10, 0)
    if "by several" in family:
        size = jnp.array([1.0, 2.5, 40.0])
        market = replace(market, units_per_purchase=size, traits=replace(market.traits, single_units=False))
    policy = policy_of_rules(market, "base-stock", "none")
    state = initial_state(market)
    outlook = look_ahead(market, reference(market), state)
    run = jax.vmap(lambda key: rollout(market, state, policy, market.longest_lead_time + 1, key)[1].demand.sum(0))
    demand = np.asarray(run(jax.random.split(jax.random.key(0), 3000)))
    error = 4 * demand.std(0) / np.sqrt(3000)
    np.testing.assert_array_less(np.abs(demand.mean(0) - np.asarray(outlook.cover)), error + 1e-3)
    # The deviation counts the lift of exposures, which are not given here.
    usual = np.asarray(outlook.deviation) ** 2 * np.asarray(outlook.cover / outlook.cover_lifted)
    if family != "seasonal":
        np.testing.assert_allclose(demand.var(0), usual, rtol=0.1)


def test_raised_intentions_fade_over_the_cover() -> None:
    market = family_market("capped-supply", 3, 10, 0)
    standing, state = reference(market), initial_state(market)
    raised = type(state)(
        state.on_hand,
        state.backlog,
        state.pipeline,
        jnp.ones_like(state.intention),
        state.period,
        state.history,
    )
    calm, warm = look_ahead(market, standing, state), look_ahead(market, standing, raised)
    periods = np.asarray(market.lead_time) + 1
    assert (warm.cover > calm.cover).all()
    assert (warm.cover - calm.cover < periods * (warm.now - calm.now)).all()


def test_top_slots_takes_the_best_positive_and_the_first_of_equals() -> None:
    scores = jnp.array([[1.0, 3.0, 3.0, 2.0], [-1.0, -2.0, 0.0, 0.5]])
    np.testing.assert_array_equal(top_slots(scores, 1), [[0, 1, 0, 0], [0, 0, 0, 1]])
    np.testing.assert_array_equal(top_slots(scores, 3), [[0, 1, 1, 1], [0, 0, 0, 1]])
    np.testing.assert_array_equal(top_slots(scores, 0), np.zeros((2, 4)))
