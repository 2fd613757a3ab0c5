"""Orders: feasible always, unbiased in training, and able to come back from a bound."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from intandem.departments import inventory_network, reference
from intandem.departments.inventory import _feasible_at_random, within_bounds
from intandem.market import build_market, family_market, initial_state
from intandem.market.model import Market


def _market(**fields: list[float]) -> Market:
    products = {"price": [10.0] * 3, "unit_cost": [6.0] * 3, "holding_cost": [0.3] * 3, **fields}
    return build_market(
        {key: np.asarray(value, float) for key, value in products.items()},
        np.full((4, 3), -1.0),
        np.full((4, 3), 1.0),
        population=np.full(4, 5),
    )


def test_training_orders_are_feasible_and_right_on_average() -> None:
    market = _market(order_multiple=[1.0, 4.0, 5.0], min_order=[0.0, 8.0, 0.0], max_order=[7.0, 20.0, np.inf])
    proposal = jnp.array([3.3, 5.0, 12.0])
    keys = jax.random.split(jax.random.key(0), 4000)
    drawn = np.asarray(jax.vmap(lambda key: _feasible_at_random(market, proposal, 1.0, key))(keys))
    np.testing.assert_allclose(drawn.mean(0), proposal, atol=0.25)
    assert set(np.unique(drawn[:, 0])) == {3.0, 4.0}
    assert set(np.unique(drawn[:, 1])) == {0.0, 8.0}
    assert set(np.unique(drawn[:, 2])) == {10.0, 15.0}


def test_a_wish_beyond_its_bound_moves_only_back_inside() -> None:
    largest = jnp.array([5.0, 5.0, 5.0, 5.0])
    proposal = jnp.array([-2.0, -2.0, 8.0, 3.0])
    slope = jnp.array([-1.0, 1.0, -1.0, 1.0])
    value, pull = jax.vjp(lambda proposal: within_bounds(proposal, largest), proposal)
    np.testing.assert_array_equal(value, [0.0, 0.0, 5.0, 3.0])
    np.testing.assert_array_equal(pull(slope)[0], [-1.0, 0.0, 0.0, 1.0])


def test_an_untrained_department_orders_like_the_newsvendor_rule() -> None:
    market = _market()
    department = inventory_network(market, reference(market), width=4, key=jax.random.key(0))
    state = initial_state(market)
    low = type(state)(jnp.zeros(3), state.backlog, state.pipeline, state.intention, state.period, state.history)
    full = np.asarray(department.decide(market, department.observe(market, state)))
    empty = np.asarray(department.decide(market, department.observe(market, low)))
    np.testing.assert_allclose(empty - full, state.on_hand, atol=1)


@pytest.mark.parametrize("family", ["fixed-cost", "capped-supply"])
def test_the_gate_exists_only_where_orders_have_a_fixed_cost(family: str) -> None:
    market = family_market(family, 3, 4, 0)
    department = inventory_network(market, reference(market), width=4, key=jax.random.key(0))
    drawn = department.sample(
        market, department.observe(market, initial_state(market)), jnp.array(1.0), jax.random.key(1)
    )
    assert (drawn.log_probability is not None) == (family == "fixed-cost")
