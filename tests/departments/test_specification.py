"""Rules by name: settings reach the rule, and a wrong word is met with the right one."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from intandem.departments import inventory_rule, policy_of_rules, recommendation_rule
from intandem.departments.specification import INVENTORY_RULES, RECOMMENDATION_RULES
from intandem.errors import InputError
from intandem.market import Market, example_market, family_market, initial_state
from intandem.market.model import State


@pytest.fixture(scope="module")
def market() -> Market:
    return family_market("free-supply", 3, 4, 0)


def _stocked(market: Market, *units: float) -> State:
    state = initial_state(market)
    return State(jnp.asarray(units), state.backlog, state.pipeline, state.intention, state.period, state.history)


@pytest.mark.parametrize(
    ("rule", "stock", "order"),
    [
        ("base-stock:level=25", (20.0, 25.0, 30.0), (5.0, 0.0, 0.0)),
        ("base-stock:level=25/31/7", (20.0, 25.0, 3.0), (5.0, 6.0, 4.0)),
        ("capped-base-stock:level=26,cap=5", (0.0, 23.0, 30.0), (5.0, 3.0, 0.0)),
        ("s-S:s=6,S=40", (6.0, 7.0, 0.0), (34.0, 0.0, 40.0)),
    ],
)
def test_settings_reach_the_rule(market: Market, rule: str, stock: tuple[float, ...], order: tuple[float, ...]) -> None:
    department = inventory_rule(market, rule)
    decided = department.decide(market, department.observe(market, _stocked(market, *stock)))
    np.testing.assert_array_equal(decided, order)


def test_the_stock_filter_leaves_out_what_is_out_and_shows_the_next_best(market: Market) -> None:
    full, best_out = _stocked(market, 50.0, 50.0, 50.0), None
    policy = policy_of_rules(market, "base-stock", "uplift")
    shown = np.asarray(policy(market, full, jax.random.key(0)).exposure)
    favourite = int(shown.sum(0).argmax())
    stock = [50.0, 50.0, 50.0]
    stock[favourite] = 0.0
    best_out = _stocked(market, *stock)
    blind = np.asarray(policy(market, best_out, jax.random.key(0)).exposure)
    filtered = policy_of_rules(market, "base-stock", "uplift:filter=in-stock")
    seen = np.asarray(filtered(market, best_out, jax.random.key(0)).exposure)
    np.testing.assert_array_equal(blind, shown)
    assert seen[:, favourite].sum() == 0
    np.testing.assert_array_equal(seen.sum(1), 1)


def test_popularity_shows_everybody_the_same() -> None:
    market = family_market("capped-supply", 6, 5, 2)
    rule = recommendation_rule(market, "popularity")
    shown = np.asarray(rule.decide(market, rule.observe(market, initial_state(market))))
    assert (shown == shown[0]).all()
    assert shown.sum() == 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("base-stok", "'base-stok' is not a rule; did you mean 'base-stock'?"),
        ("base-stock:levle=3", "'levle=3' is not a setting of base-stock; did you mean 'level'?"),
        ("base-stock:3", "it takes level, service, anticipate, as key=value"),
        ("base-stock:", "leaves a setting empty"),
        ("base-stock:level=", "leaves a setting empty"),
        ("base-stock:level=x", "level=x is not a number of 0 or more"),
        ("base-stock:level=-1", "level=-1 is not a number of 0 or more"),
        ("base-stock:level=nan", "level=nan is not a number"),
        ("base-stock:level=1/2", "level has 2 values for 3 products"),
        ("base-stock:level=1,level=2", "'level' is given twice"),
        ("s-S:s=5,S=3", "S lies below s"),
    ],
)
def test_a_wrong_inventory_word_is_named(market: Market, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message.replace("?", r"\?")):
        inventory_rule(market, text)


@pytest.mark.parametrize("text", ["uplift:filter=stock", "populrity", "none:filter=in-stock"])
def test_a_wrong_recommendation_word_is_named(market: Market, text: str) -> None:
    with pytest.raises(InputError, match=r"^recommendation: "):
        recommendation_rule(market, text)


@pytest.mark.parametrize("name", [*INVENTORY_RULES, *RECOMMENDATION_RULES])
def test_a_rules_settings_and_defaults_are_those_that_are_told(name: str) -> None:
    """All that is told can be set; a default that is told as a value is the value that stands where nothing is set."""
    market = family_market("free-supply", 3, 4, 0)
    rule = (INVENTORY_RULES | RECOMMENDATION_RULES)[name]
    build = inventory_rule if rule.department == "inventory" else recommendation_rule
    build(market, rule.example)
    told = {key: setting.default for key, setting in rule.settings.items() if setting.default in ("0", "1", "none")}
    assert set(rule.settings) - set(told) <= {"level", "cap", "s", "S"}
    text = f"{name}:{','.join(f'{key}={value}' for key, value in told.items())}" if told else name
    jax.tree.map(np.testing.assert_array_equal, build(market, text), build(market, name))
    for key, setting in rule.settings.items():
        assert setting.meaning
        value = "in-stock" if key == "filter" else "3/4/5" if setting.per_product else "2"
        changed, usual = jax.tree.leaves(build(market, f"{name}:{key}={value}")), jax.tree.leaves(build(market, name))
        assert any(not np.array_equal(one, other, equal_nan=True) for one, other in zip(changed, usual, strict=True))


@pytest.mark.parametrize("name", INVENTORY_RULES)
def test_orders_count_on_no_lift_where_nothing_is_recommended(name: str) -> None:
    market = example_market("two-products-capped")
    beside = {shown: policy_of_rules(market, name, shown).inventory for shown in ("none", "uplift")}
    jax.tree.map(np.testing.assert_array_equal, beside["none"], inventory_rule(market, f"{name}:anticipate=0"))
    jax.tree.map(np.testing.assert_array_equal, beside["uplift"], inventory_rule(market, f"{name}:anticipate=1"))


def test_a_level_below_the_usual_reorder_point_is_the_reorder_point_too() -> None:
    market = example_market("two-products-capped")
    state = initial_state(market)
    told, level = (inventory_rule(market, text) for text in ("s-S:S=5", "base-stock:level=5"))
    for units in (0.0, 4.0, 5.0, 6.0):
        here = dataclasses.replace(state, on_hand=jnp.full(2, units), pipeline=jnp.zeros_like(state.pipeline))
        orders = [one.decide(market, one.observe(market, here)).tolist() for one in (told, level)]
        assert orders[0] == orders[1]
