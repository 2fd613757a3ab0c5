"""Small scenarios worked out by hand: the order of events, lead times, backorders, money."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from intandem.market import Decision, Market, State, build_market, initial_state, rollout, step
from intandem.market.supply import inventory_position, nearest_feasible_order, next_pipeline

KEY = jax.random.key(0)
ALWAYS, NEVER = 60.0, -60.0
"""Utilities at which a visitor surely buys, or surely does not."""


def one_product(buyers: int, **fields: Any) -> Market:
    """One product that each of `buyers` persons wants every period."""
    rules = {key: fields.pop(key) for key in ("unmet_demand", "choice", "substitution") if key in fields}
    product = {"price": 10.0, "unit_cost": 6.0, "holding_cost": 0.5, "initial_stock": 0.0} | fields
    return build_market(
        {key: np.array([value], float) for key, value in product.items()},
        np.full((buyers, 1), ALWAYS),
        np.ones((buyers, 1)),
        **rules,
    )


_step = jax.jit(step)


def play(market: Market, orders: list[float]) -> tuple[State, Any]:
    state, outcomes = initial_state(market), []
    for order in orders:
        exposure = jnp.zeros(market.base_utility.shape)
        state, outcome = _step(market, state, Decision(jnp.array([order], float), exposure), KEY)
        outcomes.append(outcome)
    return state, jax.tree.map(lambda *leaves: np.stack(leaves)[:, 0], *outcomes)


@pytest.mark.parametrize("lead_time", range(6))
def test_an_order_arrives_after_its_lead_time(lead_time: int) -> None:
    """One order of 8 units at time 1 serves demand of 2 a period from time 1 + lead time on."""
    market = one_product(2, lead_time=lead_time)
    _, outcome = play(market, [0, 8, *[0] * 8])
    expected = np.zeros(10)
    expected[1 + lead_time : 5 + lead_time] = 2
    np.testing.assert_array_equal(outcome.sales, expected[:10])
    assert outcome.order.tolist() == [0, 8, *[0] * 8]


def test_the_pipeline_seen_by_the_departments() -> None:
    market = one_product(1, lead_time=3)
    state, _ = play(market, [5, 7])
    assert state.pipeline[:, 0].tolist() == [5, 7, 0]
    assert state.on_hand.tolist() == [0]
    assert inventory_position(state).tolist() == [12]
    state, _ = play(market, [5, 7, 1])
    assert state.on_hand.tolist() == [5], "what is due has arrived before the departments observe"
    assert state.pipeline[:, 0].tolist() == [7, 1, 0]


def test_products_with_different_lead_times_share_one_pipeline() -> None:
    market = build_market(
        {
            "price": np.full(3, 2.0),
            "unit_cost": np.ones(3),
            "holding_cost": np.ones(3),
            "lead_time": np.array([0, 1, 3]),
        },
        np.zeros((1, 3)),
        np.zeros((1, 3)),
    )
    arriving, pipeline = next_pipeline(market, jnp.zeros((3, 3)), jnp.array([4.0, 5.0, 6.0]))
    assert arriving.tolist() == [0, 5, 0]
    assert pipeline.tolist() == [[0, 0, 0], [0, 0, 6], [0, 0, 0]]


def test_lost_sales_by_hand() -> None:
    """3 buyers a period, 4 units at first, 2 ordered each period with lead time 1."""
    market = one_product(3, lead_time=1, initial_stock=4, lost_sale_cost=1.5, fixed_order_cost=7, holding_cost=0.5)
    state, outcome = play(market, [2, 2, 0])
    assert outcome.sales.tolist() == [3, 3, 2]
    assert outcome.lost.tolist() == [0, 0, 1]
    assert outcome.end_stock.tolist() == [1, 0, 0]
    assert outcome.ledger.revenue.tolist() == [30, 30, 20]
    assert outcome.ledger.procurement.tolist() == [12, 12, 0]
    assert outcome.ledger.ordering.tolist() == [7, 7, 0]
    assert outcome.ledger.holding.tolist() == [0.5, 0, 0]
    assert outcome.ledger.lost_sales.tolist() == [0, 0, 1.5]
    assert outcome.ledger.backorders.tolist() == [0, 0, 0]
    assert state.on_hand.tolist() == [0]


def test_backorders_are_served_first_from_the_next_arrivals_on() -> None:
    """2 buyers a period and no stock; 5 units arrive for period 2, 1 for period 3."""
    market = one_product(2, lead_time=1, unmet_demand="backordered", backorder_cost=0.25)
    state, outcome = play(market, [0, 5, 1, 0])
    assert outcome.demand.tolist() == [2, 2, 2, 2]
    assert outcome.end_backlog.tolist() == [2, 4, 1, 2]
    assert outcome.sales.tolist() == [0, 0, 5, 1]
    assert outcome.served_new.tolist() == [0, 0, 1, 0], "four owed units go before this period's two"
    assert outcome.lost.tolist() == [0, 0, 0, 0]
    assert outcome.ledger.backorders.tolist() == [0.5, 1.0, 0.25, 0.5]
    assert state.backlog.tolist() == [2]
    assert inventory_position(state).tolist() == [-2]


def test_at_once_deliveries_serve_the_backlog_too() -> None:
    market = one_product(2, lead_time=0, unmet_demand="backordered")
    _, outcome = play(market, [1, 4])
    assert outcome.end_backlog.tolist() == [1, 0]
    assert outcome.sales.tolist() == [1, 3]
    assert outcome.end_stock.tolist() == [0, 1]


def test_exposure_cost_is_paid_for_visitors_reached_only() -> None:
    fields = {"price": 10.0, "unit_cost": 6.0, "holding_cost": 0.5, "exposure_cost": 0.2}
    market = build_market(
        {key: np.array([value]) for key, value in fields.items()},
        np.full((2, 1), NEVER),
        np.ones((2, 1)),
        population=np.array([5, 7]),
        visit_probability=np.array([1.0, 0.0]),
    )
    decision = Decision(jnp.zeros(1), jnp.array([[0.4], [1.0]]))
    _, outcome = _step(market, initial_state(market), decision, KEY)
    assert float(outcome.exposures[0]) == pytest.approx(0.4 * 5)
    assert float(outcome.profit) == pytest.approx(-0.2 * 0.4 * 5 - 0.5 * float(outcome.end_stock[0]))


def test_substitution_moves_demand_to_what_is_there() -> None:
    fields = {"price": [10.0, 9.0], "unit_cost": [6.0, 5.0], "holding_cost": [1.0, 1.0], "initial_stock": [0.0, 9.0]}
    market = build_market(
        {key: np.array(value) for key, value in fields.items()},
        np.array([[ALWAYS + 20, ALWAYS]]),
        np.ones((1, 2)),
        population=np.array([4]),
        choice="multinomial",
        substitution=True,
    )
    _, outcome = _step(market, initial_state(market), Decision(jnp.zeros(2), jnp.zeros((1, 2))), KEY)
    assert outcome.demand.tolist() == [0, 4]
    assert outcome.sales.tolist() == [0, 4]


def test_season_turns_with_the_calendar() -> None:
    fields = {"price": np.array([2.0]), "unit_cost": np.array([1.0]), "holding_cost": np.array([0.1])}
    season = np.array([[ALWAYS], [NEVER], [NEVER]])
    market = build_market(fields, np.zeros((1, 1)), np.ones((1, 1)), population=np.array([3]), season=season)
    nothing = Decision(jnp.zeros(1), jnp.zeros((1, 1)))
    last, outcome = rollout(market, initial_state(market), lambda *_: nothing, 7, KEY)
    assert outcome.demand[:, 0].tolist() == [3, 0, 0, 3, 0, 0, 3]
    assert int(last.period) == 7


def test_habit_follows_units_served_and_not_units_asked_for() -> None:
    market = one_product(4, initial_stock=1, habit=0.5)
    state, outcome = play(market, [0])
    assert outcome.demand.tolist() == [4]
    assert sorted(state.intention[:, 0].tolist()) == [0, 0, 0, 0.5]


@pytest.mark.parametrize(
    ("proposal", "feasible"), [(0, 0), (2.9, 0), (3.1, 6), (7.4, 6), (7.6, 9), (100, 15), (-4, 0), (14, 15)]
)
def test_nearest_feasible_order(proposal: float, feasible: float) -> None:
    """Minimum 4 in multiples of 3, at most 17: 6, 9, 12 or 15, or nothing."""
    market = one_product(1, min_order=4, order_multiple=3, max_order=17)
    assert float(nearest_feasible_order(market, jnp.array([proposal], float))[0]) == feasible


def test_nothing_can_be_ordered_where_the_limits_leave_no_quantity() -> None:
    market = dataclasses.replace(one_product(1, min_order=5, order_multiple=4), max_order=jnp.array([7.0]))
    assert float(nearest_feasible_order(market, jnp.array([6.0]))[0]) == 0
