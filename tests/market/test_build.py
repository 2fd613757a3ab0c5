"""Defaults, shapes and the stock a market opens with."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest
from scipy import stats

from intandem.errors import InputError
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


WRONG: dict[str, tuple[Any, str]] = {
    "unknown key": (lambda: build({"max_ordr": np.ones(2)}), "products: max_ordr: is not a known key; write max_order"),
    "negative cost": (
        lambda: build({"unit_cost": np.array([6.0, -6.0])}),
        "products 2 ('p2'): unit_cost: is -6, out of range; give a number of 0 or more",
    ),
    "missing key": (
        lambda: build_market({"price": [10.0], "unit_cost": [6.0]}, [[0.0]], [[0.0]]),
        "products: holding_cost: is missing; give a number of 0 or more per product",
    ),
    "missing value": (
        lambda: build({"price": np.array([np.nan, 9.0])}),
        "products 1 ('p1'): price: is empty; give a number of 0 or more",
    ),
    "product shape": (
        lambda: build({"holding_cost": np.ones(3)}),
        "products: holding_cost: has shape (3,), and there are 2 of price; give one number per product",
    ),
    "dense width": (
        lambda: build_market(BARE, np.zeros((3, 1)), np.zeros((3, 1))),
        "base_utility: has 1 columns, and there are 2 products; give a column per product, or candidates",
    ),
    "effect shape": (
        lambda: build_market(BARE, np.zeros((3, 2)), np.zeros((2, 2))),
        "exposure_effect: has shape (2, 2), and base_utility (3, 2); give both the same shape",
    ),
    "utility not finite": (
        lambda: build_market(BARE, np.array([[0.0, np.inf]]), np.zeros((1, 2))),
        "customer 1, place 2: base_utility: is inf, not a finite number",
    ),
    "candidate of no product": (
        lambda: build_market(BARE, np.zeros((1, 2)), np.zeros((1, 2)), candidates=np.array([[0, 7]])),
        "customer 1, place 2: candidates: is 7, no product; give the product's index from 0 to 1, or 2 for an empty",
    ),
    "candidate twice": (
        lambda: build_market(BARE, np.zeros((1, 2)), np.zeros((1, 2)), candidates=np.array([[1, 1]])),
        "customer 1: candidates: holds product 1 twice; give every product one place",
    ),
    "half a person": (
        lambda: build(population=np.array([1.0, 2.5, 3.0])),
        "customers 2 ('c2'): population: is 2.5, not a whole number; give a whole number of 1 or more",
    ),
    "probability": (
        lambda: build(visit_probability=np.array([1.0, 1.0, 1.5])),
        "customers 3 ('c3'): visit_probability: is 1.5, out of range; give a number from 0 to 1",
    ),
    "customers": (
        lambda: build(population=np.ones(2)),
        "population: has shape (2,), and base_utility has 3 rows; give one number per customer row",
    ),
    "persistence": (lambda: build(persistence=1.0), "[intention]: persistence: is 1, out of range; give a number from"),
    "discount": (lambda: build(discount=2.0), "[market]: discount: is 2, out of range; give a number above 0 and at"),
    "slots": (lambda: build(exposure_slots=-1), "[market]: exposure_slots: is -1, out of range"),
    "season": (
        lambda: build(season=np.zeros((4, 3))),
        "season: has shape (4, 3), and there are 2 products; give a row per position and a column per product",
    ),
    "ids": (lambda: build(product_ids=["a", "a"]), "products 2 ('a'): product_id: is the id of products 1 ('a') too"),
    "no order fits": (
        lambda: build({"max_order": np.array([3.0, 9.0]), "order_multiple": np.array([4.0, 1.0])}),
        "products 1 ('p1'): max_order: is 3, and no multiple of 4 from 0 up fits below it; give 4 or more",
    ),
    "texts": (lambda: build({"price": np.array(["ten", "nine"])}), "products: price: is ndarray, not numbers"),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", WRONG)
def test_what_a_market_file_would_not_take_is_refused(case: str) -> None:
    make, sentence = WRONG[case]
    with pytest.raises(InputError) as refused:
        make()
    assert str(refused.value).startswith(f"build_market: {sentence}")


def test_lists_and_a_cap_written_as_infinity_are_taken() -> None:
    products = {"price": [10, 9], "unit_cost": [6, 4], "holding_cost": [0.3, 0.2], "max_order": [np.inf, 5]}
    market = build_market(products, [[0.0, -1.0]], [[1.0, 1.0]], population=[3])
    assert np.asarray(market.max_order).tolist() == [np.inf, 5.0]
    assert np.asarray(market.lead_time).tolist() == [1, 1]
