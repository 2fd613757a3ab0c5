"""What departments try: draws are of the densities that are stated for them, and move all products together."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from intandem.departments import inventory_network, plain_departments, recommendation_network, reference
from intandem.learning.estimators.score.explorers import LEVEL, explorer_of
from intandem.market import Market, build_market, initial_state

PRODUCTS = {
    "price": [9.0, 12.0],
    "unit_cost": [5.0, 6.0],
    "holding_cost": [0.2, 0.3],
    "fixed_order_cost": [3.0, 0.0],
    "order_multiple": [1, 2],
}
DRAWS = 4_000


def _market(exposure: str) -> Market:
    rng = np.random.default_rng(0)
    utility, effect = rng.normal(-0.5, 0.5, (3, 2)), rng.uniform(0.5, 2.0, (3, 2))
    return build_market(PRODUCTS, utility, effect, persistence=0.5, carry_over=0.5, exposure=exposure)  # type: ignore[arg-type]


def _departments(market: Market) -> list[Any]:
    standing, keys = reference(market), jax.random.split(jax.random.key(0), 4)
    structured = [
        inventory_network(market, standing, width=4, key=keys[0]),
        recommendation_network(standing, width=4, sees_stock=True, key=keys[1]),
    ]
    return structured + list(plain_departments(market, standing, width=4, sees_stock=True, keys=keys[2:]))


@pytest.mark.parametrize(("exposure", "number"), [("intensity", 0), ("intensity", 1), ("intensity", 3), ("slate", 3)])
def test_the_score_of_what_is_drawn_is_nothing_on_average(exposure: str, number: int) -> None:
    """`E[d log p / d weight] = 0`, which holds for the density that draws are from and hardly for another."""
    market = _market(exposure)
    department = _departments(market)[number]
    explorer, state, spread = explorer_of(department), initial_state(market), jnp.array(0.8)

    @eqx.filter_jit
    @eqx.filter_vmap
    def score(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        decision, seen, drawn = explorer.draw(department, market, state, spread, key)

        def likelihood(bias: jax.Array) -> jax.Array:
            moved = eqx.tree_at(lambda one: one.network.outputs.bias, department, bias)
            found = explorer.likelihood(moved, market, seen, drawn, spread)
            return found.own.sum() + found.common.sum()

        return jax.grad(likelihood)(department.network.outputs.bias), decision

    scores, decisions = (np.asarray(one, float) for one in score(jax.random.split(jax.random.key(1), DRAWS)))
    error = scores.std(0) / np.sqrt(DRAWS)
    assert (error > 0).any()
    assert (np.abs(scores.mean(0)) <= 4 * error + 1e-5).all()
    if number % 2:
        assert decisions.min() >= 0
        assert decisions.max() <= 1
        assert (decisions.sum(-1) <= market.exposure_slots + 1e-4).all()
    else:
        assert set(np.unique(decisions[:, 1] % 2)) == {0.0}


def test_orders_are_tried_up_and_down_together() -> None:
    """Own and common noise have the same deviation, so that two products' quantities correlate by one half."""
    market = build_market({**PRODUCTS, "fixed_order_cost": [0.0, 0.0]}, np.full((30, 2), 1.0), np.zeros((30, 2)))
    department = inventory_network(market, reference(market), width=4, key=jax.random.key(0))
    explorer, state = explorer_of(department), initial_state(market)
    state = eqx.tree_at(lambda one: one.on_hand, state, jnp.zeros(2))
    draw = jax.jit(jax.vmap(lambda key: explorer.draw(department, market, state, jnp.array(1.0), key)[0]))
    orders = np.asarray(draw(jax.random.split(jax.random.key(2), DRAWS)))
    assert np.corrcoef(orders.T)[0, 1] == pytest.approx(0.5, abs=0.08)
    unit = np.asarray(department.noise_unit(market, department.observe(market, state)))
    np.testing.assert_allclose(orders.std(0), np.sqrt(2) * LEVEL * unit, rtol=0.1)
