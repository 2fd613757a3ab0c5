"""Products whose every sale loses money: a field case (`tests/data/field/sold-below-cost`) and its kind."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from intandem.departments import policy_of_rules
from intandem.departments.outlook import critical_ratio
from intandem.market import Market, build_market, initial_state


def _market(unit: float = 1.0, **settings: Any) -> Market:
    """Three products: sold below cost, at cost, with a margin; money in `unit`s."""
    products = {"price": [4.0, 4.0, 4.0], "unit_cost": [5.2, 4.0, 2.8], "holding_cost": [0.04] * 3}
    money = {key: unit * np.asarray(value, float) for key, value in products.items()}
    costs = {key: settings.pop(key) for key in ("lost_sale_cost", "backorder_cost") if key in settings}
    utility, effect = np.full((6, 3), -0.5), np.ones((6, 3))
    return build_market({**money, **costs}, utility, effect, population=np.full(6, 5), **settings)


def _orders(market: Market, rule: str) -> list[float]:
    """What the rule orders for empty shelves."""
    state = initial_state(market)
    empty = type(state)(jnp.zeros(3), state.backlog, state.pipeline, state.intention, state.period, state.history)
    department = policy_of_rules(market, rule, "none").inventory
    return np.asarray(department.decide(market, department.observe(market, empty))).tolist()


@pytest.mark.parametrize("rule", ["base-stock", "s-S"])
def test_what_loses_on_every_sale_is_not_ordered(rule: str) -> None:
    below, even, above = _orders(_market(), rule)
    assert below == even == 0.0
    assert above > 0
    # A lost sale that costs more than the sale loses makes it worth having.
    assert min(_orders(_market(lost_sale_cost=np.array([2.0, 1.0, 0.0])), rule)) > 0


def test_what_waits_is_served_in_the_end() -> None:
    waiting = _market(backorder_cost=np.full(3, 0.5), unmet_demand="backordered")
    assert min(_orders(waiting, "base-stock")) > 0


@pytest.mark.parametrize("unit", [1e-6, 100.0])
def test_decisions_do_not_depend_on_the_moneys_unit(unit: float) -> None:
    np.testing.assert_allclose(critical_ratio(_market(unit)), critical_ratio(_market()), rtol=1e-5)
    assert _orders(_market(unit), "base-stock") == _orders(_market(), "base-stock")
