"""Defaults, shapes and the stock a market opens with."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest
from scipy import stats

from intandem.market import Market, build_market, initial_state
from intandem.market.model import RECENCY_CAP

BARE = {"price": np.array([10.0, 9.0]), "unit_cost": np.array([6.0, 4.0]), "holding_cost": np.array([0.3, 0.2])}
OFF_PRICE = {"regular_price": np.array([9.0, 9.0])}


def build(products: dict[str, np.ndarray] | None = None, **rules: Any) -> Market:
    return build_market(BARE | (products or {}), np.full((3, 2), -1.0), np.ones((3, 2)), **rules)


def test_defaults() -> None:
    market = build(habit=0.2)
    np.testing.assert_allclose(market.salvage, BARE["unit_cost"])
    np.testing.assert_allclose(market.regular_price, BARE["price"])
    np.testing.assert_allclose(market.habit, 0.2)
    assert np.asarray(market.lead_time).tolist() == [1, 1]
    assert np.isinf(market.max_order).all()
    for name in ("lost_sale_cost", "backorder_cost", "fixed_order_cost", "exposure_cost", "elasticity", "min_order"):
        assert (np.asarray(getattr(market, name)) == 0).all()
    assert market.labels.product_ids == ("p1", "p2")


def test_nan_stands_for_the_default() -> None:
    market = build({"salvage": np.array([1.0, np.nan]), "initial_stock": np.array([np.nan, 17.0])})
    assert np.asarray(market.salvage).tolist() == [1, 4]
    assert float(market.initial_stock[1]) == 17
    same = build({"salvage": np.array([1.0, 4.0])})
    assert float(market.initial_stock[0]) == float(same.initial_stock[0])


@pytest.mark.parametrize("lead_time", [0, 3])
def test_opening_stock_is_the_newsvendor_level(lead_time: int) -> None:
    """Near the exact binomial quantile of demand over lead_time + 1 periods."""
    products = {key: value[:1] for key, value in BARE.items()} | {"lead_time": np.array([lead_time])}
    market = build_market(products, np.array([[-1.0]]), np.ones((1, 1)), population=np.array([400]))
    critical = 4 / 4.3
    exact = stats.binom(400 * (lead_time + 1), 1 / (1 + np.e)).ppf(critical)
    assert abs(float(market.initial_stock[0]) - exact) <= 1


def test_nothing_opens_where_nothing_is_earned() -> None:
    assert float(build({"price": np.array([5.0, 9.0])}).initial_stock[0]) == 0


@pytest.mark.parametrize(
    ("rules", "trait", "value"),
    [
        ({}, "single_persons", True),
        ({"population": np.array([1, 2, 1])}, "single_persons", False),
        ({"visit_probability": np.array([1, 1, 0.5])}, "always_visit", False),
        ({"persistence": 0.1}, "has_intention", True),
        ({"habit": -0.1}, "habitual", True),
        ({"products": {"elasticity": np.array([1.0, 1.0])}}, "price_terms", False),
        (
            {"products": {"elasticity": np.array([1.0, 0.0]), "regular_price": np.array([9.0, 9.0])}},
            "price_terms",
            True,
        ),
        (
            {"products": {"elasticity": np.array([0.0, 1.0]), "regular_price": np.array([9.0, 9.0])}},
            "price_terms",
            False,
        ),
        ({"products": {"fixed_order_cost": np.array([0.0, 1.0])}}, "fixed_costs", True),
    ],
)
def test_traits(rules: dict[str, Any], trait: str, value: bool) -> None:
    assert getattr(build(**rules).traits, trait) is value


def test_the_state_a_market_opens_in() -> None:
    state = initial_state(build({"lead_time": np.array([0, 4])}, observed=False))
    assert state.pipeline.shape == (4, 2)
    assert state.history is not None
    assert (state.history.recency == RECENCY_CAP).all()
    assert all((leaf == 0).all() for leaf in jax.tree.leaves((state.pipeline, state.intention, state.backlog)))
    assert initial_state(build()).history is None


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="holding_cost has shape"):
        build({"holding_cost": np.ones(3)})
    with pytest.raises(ValueError, match="needs 2 places"):
        build_market(BARE, np.zeros((3, 1)), np.zeros((3, 1)))
