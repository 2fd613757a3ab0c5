"""Nothing is made and nothing vanishes: units, money, exposure and time, in markets of every kind."""

from __future__ import annotations

from functools import cache
from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intandem.market import Market, initial_state, step
from intandem.market.demand import choice_probability, draw_demand, unexposed_utility
from intandem.market.model import HISTORY_DECAY, RECENCY_CAP
from intandem.market.supply import arrivals_at_once, fulfil, served_pairs
from properties.random_markets import CASES, PRODUCTS, Kind, random_decision, random_market

PERIODS = 9
SEEDS = st.integers(0, 2**20)


def _play(market: Market, key: Any) -> dict[str, Any]:
    """Plays random decisions and records everything, the pairs' demand and service from inside a step included."""

    def period(state: Any, key: Any) -> tuple[Any, dict[str, Any]]:
        decision_key, step_key = jax.random.split(key)
        decision = random_decision(market, state, decision_key)
        following, outcome = step(market, state, decision, step_key)
        demand_key, serving_key = jax.random.split(step_key)
        arrived = arrivals_at_once(market, decision.order)
        demand = draw_demand(market, state, decision.exposure, state.on_hand + arrived - state.backlog, demand_key)
        service = fulfil(market, state, arrived, demand)
        return following, {
            "before": state,
            "after": following,
            "decision": decision,
            "outcome": outcome,
            "visits": demand.visits,
            "asked": demand.pairs,
            "purchases": demand.purchases,
            "served": served_pairs(market, demand, service.served_new, serving_key),
            "chance": choice_probability(
                market, unexposed_utility(market, state.intention, state.period), decision.exposure, state.on_hand
            ),
        }

    return jax.lax.scan(period, initial_state(market), jax.random.split(key, PERIODS))[1]


_compiled = jax.jit(_play)


@cache
def played(kind: Kind, seed: int) -> tuple[Market, dict[str, Any]]:
    market = random_market(kind, seed)
    run = _compiled(market, jax.random.key(seed))
    return market, jax.tree.map(lambda leaf: np.asarray(leaf, float), run | {"profit": run["outcome"].profit})


@pytest.mark.parametrize("kind", CASES)
@settings(max_examples=12)
@given(seed=SEEDS)
def test_units_are_conserved(kind: Kind, seed: int) -> None:
    market, run = played(kind, seed)
    before, after, outcome = run["before"], run["after"], run["outcome"]
    at_once = np.where(np.asarray(market.lead_time) == 0, outcome.order, 0)
    later = outcome.order - at_once
    arriving = outcome.received - at_once
    assert (before.on_hand + at_once == outcome.sales + outcome.end_stock).all()
    assert (after.on_hand == outcome.end_stock + arriving).all()
    assert (before.pipeline.sum(1) + later == after.pipeline.sum(1) + arriving).all()
    assert (before.backlog + outcome.demand == outcome.sales + outcome.lost + outcome.end_backlog).all()
    assert (after.backlog == outcome.end_backlog).all()
    initial = np.asarray(market.initial_stock)
    assert (initial + outcome.received.sum(0) == outcome.sales.sum(0) + after.on_hand[-1]).all()
    for amount in (outcome.order, outcome.demand, outcome.sales, outcome.lost, outcome.end_stock, outcome.end_backlog):
        assert (amount >= 0).all()
        assert (amount == np.floor(amount)).all()
    assert (outcome.end_stock * outcome.end_backlog == 0).all(), "stock is kept while customers wait"
    assert (outcome.end_stock * outcome.lost == 0).all(), "stock is kept while sales are lost"
    if market.unmet_demand == "lost":
        assert (outcome.end_backlog == 0).all()
    else:
        assert (outcome.lost == 0).all()


@pytest.mark.parametrize("kind", CASES)
@settings(max_examples=12)
@given(seed=SEEDS)
def test_orders_arrive_after_their_lead_time(kind: Kind, seed: int) -> None:
    market, run = played(kind, seed)
    order, on_hand, end_stock = run["decision"].order, run["before"].on_hand, run["outcome"].end_stock
    for product, lead_time in enumerate(np.asarray(market.lead_time)):
        if lead_time == 0:
            served_from = run["outcome"].sales[:, product] + end_stock[:, product]
            assert (served_from == on_hand[:, product] + order[:, product]).all()
            continue
        received = on_hand[1:, product] - end_stock[:-1, product]
        due = np.concatenate([np.zeros(lead_time - 1), order[:, product]])[: PERIODS - 1]
        assert (received == due).all()


@pytest.mark.parametrize("kind", CASES)
@settings(max_examples=12)
@given(seed=SEEDS)
def test_money_is_units_times_prices(kind: Kind, seed: int) -> None:
    market, run = played(kind, seed)
    outcome = run["outcome"]
    booked = {
        "revenue": market.price * outcome.sales,
        "procurement": market.unit_cost * outcome.order,
        "ordering": market.fixed_order_cost * (outcome.order > 0),
        "holding": market.holding_cost * outcome.end_stock,
        "lost_sales": market.lost_sale_cost * outcome.lost,
        "backorders": market.backorder_cost * outcome.end_backlog,
        "exposure": market.exposure_cost * outcome.exposures,
    }
    for name, amount in booked.items():
        np.testing.assert_allclose(getattr(outcome.ledger, name), np.asarray(amount), rtol=1e-5, err_msg=name)
    costs = sum(np.asarray(amount, float) for name, amount in booked.items() if name != "revenue")
    profit = (np.asarray(booked["revenue"], float) - costs).sum(1)
    np.testing.assert_allclose(run["profit"], profit, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("kind", CASES)
@settings(max_examples=12)
@given(seed=SEEDS)
def test_pairs_add_up_to_products(kind: Kind, seed: int) -> None:
    market, run = played(kind, seed)
    outcome, asked, served = run["outcome"], run["asked"], run["served"]
    product = np.asarray(market.pairs.index())
    valid = np.asarray(market.pairs.valid())
    purchases = run["purchases"]
    single = np.asarray(market.units_per_purchase) == 1
    assert (purchases[:, single] == outcome.demand[:, single]).all()
    assert (purchases <= outcome.demand).all()
    assert ((purchases == 0) <= (outcome.demand == 0)).all(), "units are asked for that nobody purchases"
    taken = np.stack([np.bincount(product[valid], period[valid], PRODUCTS) for period in served])
    share = purchases * outcome.served_new / np.maximum(outcome.demand, 1)
    assert (np.abs(taken - share) < 1).all()
    assert (taken[:, single] == outcome.served_new[:, single]).all()
    for pairs, total in (
        (asked, purchases),
        (run["decision"].exposure * run["visits"][:, :, None], outcome.exposures),
    ):
        assert (pairs[:, ~valid] == 0).all()
        added = np.stack([np.bincount(product[valid], period[valid], PRODUCTS) for period in pairs])
        np.testing.assert_allclose(added, total, rtol=1e-5, atol=1e-6)
    assert (served >= 0).all()
    assert (served <= asked).all()
    assert (served == np.floor(served)).all()
    assert (run["visits"] <= np.asarray(market.population)).all()
    if market.rivals is not None:
        own = {"a": [0, 2], "b": [1], None: [3]}
        for category, members in own.items():
            inside = np.where(valid & np.isin(product, members), asked, 0).sum(2)
            assert (inside <= run["visits"]).all(), f"a visitor bought twice in {category}"
    elif market.choice == "multinomial":
        assert (asked.sum(2) <= run["visits"]).all()
    else:
        assert (asked <= run["visits"][:, :, None]).all()
    if market.substitution:
        at_once = np.where(np.asarray(market.lead_time) == 0, outcome.order, 0)
        none_left = run["before"].on_hand + at_once - run["before"].backlog <= 0
        assert (outcome.demand[none_left] == 0).all()


@pytest.mark.parametrize("kind", CASES)
@settings(max_examples=12)
@given(seed=SEEDS)
def test_decisions_are_feasible_and_attention_is_not_exceeded(kind: Kind, seed: int) -> None:
    market, run = played(kind, seed)
    order, exposure = run["decision"].order, run["decision"].exposure
    multiple = np.asarray(market.order_multiple)
    assert (order % multiple == 0).all()
    assert (order <= np.asarray(market.max_order)).all()
    assert ((order == 0) | (order >= np.asarray(market.min_order))).all()
    assert (exposure.sum(2) <= market.exposure_slots + 1e-5).all()
    delivered = run["outcome"].exposures.sum(1)
    assert (delivered <= market.exposure_slots * run["visits"].sum(1) * (1 + 1e-5) + 1e-5).all()


@pytest.mark.parametrize("kind", CASES)
@settings(max_examples=12)
@given(seed=SEEDS)
def test_intentions_and_histories_follow_their_recursion(kind: Kind, seed: int) -> None:
    market, run = played(kind, seed)
    before, after = run["before"], run["after"]
    assert (after.period == np.arange(1, PERIODS + 1)).all()
    population = np.asarray(market.population)[:, None]
    delivered = run["decision"].exposure * run["visits"][:, :, None] / population
    moved = before.intention + np.asarray(market.carry_over * market.exposure_effect) * delivered
    habit = np.asarray(market.pairs.spread(market.habit))
    expected = kind.persistence * moved + habit * run["served"] / population
    np.testing.assert_allclose(after.intention, expected, rtol=1e-5, atol=1e-5)
    if kind.observed:
        assert before.history is None
        return
    bought = run["served"] > 0
    recency = np.where(bought, 0, np.minimum(before.history.recency + 1, RECENCY_CAP))
    frequency = HISTORY_DECAY * before.history.frequency + run["served"] / population
    exposures = HISTORY_DECAY * before.history.exposures + delivered
    np.testing.assert_allclose(after.history.recency, recency)
    np.testing.assert_allclose(after.history.frequency, frequency, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(after.history.exposures, exposures, rtol=1e-5, atol=1e-6)
