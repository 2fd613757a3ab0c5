"""A decision outside the market's rules is one line that names the product or the customer, and the rule."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from intandem.errors import InputError
from intandem.market import Decision, Market, build_market
from intandem.market.decision_check import check_decision, is_allowed


def shop(**settings: object) -> Market:
    """Two customers and two of three candidates each; the second customer has an empty place."""
    products = {
        "price": np.full(3, 2.0),
        "unit_cost": np.ones(3),
        "holding_cost": np.full(3, 0.1),
        "min_order": np.array([0, 6, 0]),
        "order_multiple": np.array([1, 4, 1]),
        "max_order": np.array([np.inf, 12, 5]),
    }
    return build_market(
        products,
        np.zeros((2, 2)),
        np.ones((2, 2)),
        candidates=np.array([[0, 2], [1, 3]]),
        product_ids=["tea", "milk", "jam"],
        customer_ids=["ann", "bob"],
        **settings,  # type: ignore[arg-type]
    )


def decision(order: list[float], exposure: list[list[float]]) -> Decision:
    return Decision(jnp.array(order, jnp.float32), jnp.array(exposure, jnp.float32))


NOTHING = [[0.0, 0.0], [0.0, 0.0]]


@pytest.mark.parametrize("order", [[0, 0, 0], [1_000_000, 8, 5], [3, 12, 1]])
@pytest.mark.parametrize("exposure", [NOTHING, [[0.5, 0.5], [1.0, 0.0]], [[1 / 3, 2 / 3 + 1e-6], [0.2, 0.0]]])
def test_decisions_within_the_rules(order: list[float], exposure: list[list[float]]) -> None:
    check_decision(shop(), decision(order, exposure))


@pytest.mark.parametrize(
    ("order", "line"),
    [
        ([-1, 0, 0], "product tea: order: is -1, not a number of units; order 0 or more"),
        ([np.nan, 0, 0], "product tea: order: is nan, not a number of units; order 0 or more"),
        ([np.inf, 0, 0], "product tea: order: is inf, not a number of units; order 0 or more"),
        ([0, 0, 2.5], "product jam: order: is 2.5, not a whole number; order whole units"),
        ([0, 10, 0], "product milk: order: is 10, not a multiple of order_multiple 4; order a multiple of it"),
        ([0, 4, 0], "product milk: order: is 4, below min_order 6; order 0, or at least 6"),
        ([0, 16, 0], "product milk: order: is 16, above max_order 12; order at most 12"),
        ([0, 0, 6], "product jam: order: is 6, above max_order 5; order at most 5"),
    ],
)
def test_orders_outside_the_rules(order: list[float], line: str) -> None:
    with pytest.raises(InputError) as caught:
        check_decision(shop(), decision(order, NOTHING))
    assert str(caught.value) == f"decision: {line}"


@pytest.mark.parametrize(
    ("exposure", "line"),
    [
        ([[1.5, 0], [0, 0]], "customer ann, tea: exposure: is 1.5, not from 0 to 1; give a number from 0 to 1"),
        ([[0, -0.5], [0, 0]], "customer ann, jam: exposure: is -0.5, not from 0 to 1; give a number from 0 to 1"),
        ([[0, 0], [np.nan, 0]], "customer bob, milk: exposure: is nan, not from 0 to 1; give a number from 0 to 1"),
        ([[0, 0], [0, 0.5]], "customer bob, place 2: exposure: is 0.5, at a place without a product; give 0 there"),
        ([[0.75, 0.5], [0, 0]], "customer ann: exposure: adds up to 1.25, above exposure_slots 1; show at most 1"),
    ],
)
def test_exposures_outside_the_rules(exposure: list[list[float]], line: str) -> None:
    with pytest.raises(InputError) as caught:
        check_decision(shop(), decision([0, 0, 0], exposure))
    assert str(caught.value) == f"decision: {line}"


def test_a_slate_is_zero_or_one() -> None:
    check_decision(shop(exposure="slate"), decision([0, 0, 0], [[1, 0], [0, 0]]))
    with pytest.raises(
        InputError, match=r"customer ann, jam: exposure: is 0\.5, between 0 and 1, in a slate; give 0 or 1"
    ):
        check_decision(shop(exposure="slate"), decision([0, 0, 0], [[0, 0.5], [0, 0]]))


def test_two_slots_hold_two_products() -> None:
    check_decision(shop(exposure_slots=2), decision([0, 0, 0], [[1, 1], [1, 0]]))


def test_places_of_a_dense_market_are_its_products() -> None:
    flat = {key: np.ones(2) for key in ("price", "unit_cost", "holding_cost")}
    dense = build_market(flat, np.zeros((1, 2)), np.ones((1, 2)))
    with pytest.raises(InputError, match="customer c1, p2: exposure: is 2,"):
        check_decision(dense, decision([0, 0], [[0, 2]]))


def test_shapes_are_compared_first() -> None:
    with pytest.raises(InputError, match=r"decision: order: has shape \(2,\); give shape \(3,\)"):
        check_decision(shop(), decision([0, 0], NOTHING))
    with pytest.raises(InputError, match=r"decision: exposure: has shape \(1, 2\); give shape \(2, 2\)"):
        check_decision(shop(), decision([0, 0, 0], [[0, 0]]))


def test_the_compiled_check_agrees_with_the_one_that_names_the_fault() -> None:
    """On decisions drawn so that about half of them break some rule, in both exposure modes."""
    rng = np.random.default_rng(1)
    seen = set()
    for mode in ("intensity", "slate"):
        market = shop(exposure=mode)
        orders = rng.choice([0.0, 0.0, 4.0, 8.0, 5.0, 2.5, 16.0, -1.0, np.nan, np.inf], (400, 3))
        shown = rng.choice([0.0, 0.0, 0.0, 1.0, 0.5, 1.2, np.nan], (400, 2, 2))
        drawn = jnp.asarray(orders, jnp.float32), jnp.asarray(shown, jnp.float32)
        allowed = jax.vmap(lambda order, share, market=market: is_allowed(market, Decision(order, share)))(*drawn)
        for index in range(400):
            try:
                check_decision(market, decision(orders[index].tolist(), shown[index].tolist()))
                fine = True
            except InputError:
                fine = False
            assert fine == bool(allowed[index]), (mode, orders[index], shown[index])
            seen.add(fine)
    assert seen == {True, False}
