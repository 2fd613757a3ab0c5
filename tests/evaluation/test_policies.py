"""Whatever is given as a policy is played or refused in one sentence; what it decides is put to the market's rules."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from intandem.departments import Department, JointPolicy, policy_of_rules
from intandem.errors import InputError
from intandem.evaluation.compare import compare
from intandem.evaluation.policies import HostPolicy, JaxPolicy, is_own, policy_of
from intandem.evaluation.simulation import simulate
from intandem.market import Decision, Market, State, family_market, initial_state
from intandem.market.files import example_market

SHORT: dict[str, int] = {"periods": 40, "runs": 2, "warmup": 10}


@pytest.fixture(scope="module")
def market() -> Market:
    return example_market("two-products-capped")


def up_to_nine(market: Market, state: State, key: Any) -> Decision:
    """Base-stock levels of 9, the first product shown; in JAX."""
    del key
    position = state.on_hand + state.pipeline.sum(0)
    order = jnp.clip(9.0 - position, 0.0, market.max_order)
    return Decision(order, jnp.array([[1.0, 0.0]]))


def up_to_nine_in_numpy(market: Market, state: State, key: Any) -> Decision:
    """The same, in NumPy: it refuses JAX's arrays."""
    assert isinstance(state.on_hand, np.ndarray)
    assert isinstance(market.max_order, np.ndarray)
    np.random.default_rng(key)
    position = state.on_hand + state.pipeline.sum(0)
    return Decision(np.clip(9.0 - position, 0.0, market.max_order), np.array([[1.0, 0.0]]))


def too_much_in_the_eighth(market: Market, state: State, key: Any) -> Decision:
    decision = up_to_nine(market, state, key)
    return Decision(jnp.where(state.period == 7, 9.0, decision.order), decision.exposure)


def two_in_one_slot(market: Market, state: State, key: Any) -> Decision:
    return Decision(up_to_nine(market, state, key).order, jnp.ones((1, 2)))


def test_names_texts_and_pairs_mean_the_rules_they_name(market: Market) -> None:
    rules = policy_of_rules(market, "base-stock:level=9", "uplift")
    for given in (("base-stock:level=9", "uplift"), "base-stock:level=9 + uplift", rules):
        found = policy_of(market, given)
        assert is_own(found)
        for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(rules), strict=True):
            np.testing.assert_array_equal(one, other)
    alone = policy_of(market, "base-stock:level=9")
    decision = alone(market, initial_state(market), jax.random.key(0))
    assert not np.asarray(decision.exposure).any()
    silo = policy_of(market, "uplift")
    assert np.asarray(silo(market, initial_state(market), jax.random.key(0)).exposure).sum() == 1


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("upliift", "policy: 'upliift' names no policy; did you mean 'uplift'?"),
        ("mtma", "policy: 'mtma' has to be trained first; give train(market).policy, or compare 'mtma'"),
        ("silo:level=3", "policy: silo is a whole policy and takes no settings; give silo alone"),
        ("base-stock:levle=3", "policy: 'levle=3' is not a setting of base-stock; did you mean 'level'?"),
        (3, "policy: is of type int, and nobody decides; give a function (market, state, key) -> Decision"),
        (("base-stock",), "policy: has 1 parts; give two: inventory and recommendation"),
        (("base-stock", 3), "policy: recommendation is a int; give a Department or a rule's text"),
        (lambda *_: (1, 2), "policy: returned tuple where a Decision is due; return Decision(order=..., exposure=...)"),
        (lambda *_: Decision(jnp.ones(3), jnp.ones((1, 2))), "policy: order: has shape (3,); give shape (2,)"),
    ],
)
def test_what_is_no_policy_is_refused_in_one_sentence(market: Market, given: Any, sentence: str) -> None:
    with pytest.raises(InputError) as refused:
        policy_of(market, given)
    assert str(refused.value).startswith(sentence)


def test_departments_of_another_market_are_refused(market: Market) -> None:
    other = family_market("capped-supply", products=3, customers=2, seed=0)
    with pytest.raises(InputError, match="was made for a market of 3 products, and this one has 2"):
        simulate(market, policy_of_rules(other, "base-stock", "uplift"), **SHORT)


def test_numpy_and_jax_earn_the_same_to_the_last_bit(market: Market) -> None:
    assert isinstance(policy_of(market, up_to_nine), JaxPolicy)
    assert isinstance(policy_of(market, up_to_nine_in_numpy), HostPolicy)
    compiled, called = (simulate(market, policy, **SHORT) for policy in (up_to_nine, up_to_nine_in_numpy))
    np.testing.assert_array_equal(compiled.profit_by_run, called.profit_by_run)
    assert compiled.profit > 0


def test_noise_drawn_outside_of_jax_is_not_frozen(market: Market) -> None:
    rng = np.random.default_rng(3)

    def at_random(market: Market, state: State, key: Any) -> Decision:
        del market, state, key
        return Decision(rng.integers(0, 6, 2).astype(float), np.array([[0.0, 1.0]]))

    orders = simulate(market, at_random, **SHORT).per_period("order")
    assert (np.abs(orders - 2.5) < 1.0).all()
    assert orders[0] != orders[1]


def test_a_forbidden_decision_is_named_with_its_period_product_and_limit(market: Market) -> None:
    with pytest.raises(InputError) as refused:
        simulate(market, too_much_in_the_eighth, **SHORT)
    line = "too_much_in_the_eighth: period 8 of run 1: product p1: order: is 9, above max_order 5; order at most 5"
    assert str(refused.value) == line
    with pytest.raises(InputError, match="mine: period 1 of run 1: customer everyone: exposure: adds up to 2"):
        compare(market, {"mine": two_in_one_slot, "silo": "silo"}, seeds=1, **SHORT)


def test_a_check_can_be_left_out_and_asked_for(market: Market) -> None:
    # What the market forbids earns more than its proved optimum of 42.32: that is why it is refused.
    def impossible(market: Market, state: State, key: Any) -> Decision:
        del market, key
        return Decision(jnp.clip(16.0 - state.on_hand - state.pipeline.sum(0), 0.0, 9.0), jnp.ones((1, 2)))

    assert simulate(market, impossible, periods=400, runs=2, check=False).profit > 43
    with pytest.raises(InputError, match="above max_order 5"):
        simulate(market, impossible, **SHORT)
    checked, trusted = (simulate(market, "silo", check=check, **SHORT) for check in (True, None))
    np.testing.assert_array_equal(checked.profit_by_run, trusted.profit_by_run)


def test_a_department_of_ones_own_decides_beside_a_rule(market: Market) -> None:
    class Steady(Department[None]):
        """Orders three of each, always."""

        def observe(self, market: Market, state: State) -> None:
            del market, state

        def decide(self, market: Market, observation: None) -> Any:
            del observation
            return jnp.full(market.products, 3.0)

    policy = policy_of(market, (Steady(), "uplift"))
    assert isinstance(policy, JaxPolicy)
    assert isinstance(policy.call, JointPolicy)
    np.testing.assert_allclose(simulate(market, policy, **SHORT).per_period("order"), 3.0)


def test_own_policies_are_compared_with_methods_on_common_random_numbers(market: Market) -> None:
    given = {"mine": up_to_nine, "same": up_to_nine, "rule silo": "silo", "lean": "base-stock:level=4 + uplift"}
    found = compare(market, given, seeds=2, **SHORT)
    assert list(found.results) == list(given)
    assert [one.kind for one in found.results.values()] == ["own", "own", "rule", "own"]
    same = found.difference("mine", "same")
    assert (same.mean, same.low, same.high) == (0.0, 0.0, 0.0)
    assert found.results["rule silo"].rules == ("base-stock", "uplift")
    assert found.as_json()["methods"]["mine"]["profit"] == found.results["mine"].profit  # type: ignore[index]
