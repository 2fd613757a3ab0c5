"""Simulated firms whose logs are written as tables, so that what is rebuilt can be set against what was."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import date
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import polars as pl

from intandem.data.tables.tables import Tables, build_tables, week_calendar
from intandem.departments import JointPolicy, inventory_network, recommendation_network, reference
from intandem.market import Decision, Market, State, build_market, initial_state, rollout
from intandem.market.model import HISTORY_DECAY, History

PRODUCTS, CUSTOMERS, WIDTH, WEEKS = 6, 8, 4, 30
FIRST_DAY = date(2024, 1, 1)


def market_of(seed: int, *, backordered: bool, several: bool, first_period: date | int | None = FIRST_DAY) -> Market:
    """A market with lead times from 0 to 3, habit and carry-over, whose customers have candidates of their own."""
    rng = np.random.default_rng(seed)
    candidates = np.sort(rng.permuted(np.tile(np.arange(PRODUCTS), (CUSTOMERS, 1)), axis=1)[:, :WIDTH], axis=1)
    lead_time = rng.integers(0, 4, PRODUCTS)
    lead_time[0] = 3
    return build_market(
        {
            "price": rng.uniform(5, 9, PRODUCTS),
            "unit_cost": rng.uniform(2, 4, PRODUCTS),
            "holding_cost": np.full(PRODUCTS, 0.05),
            "backorder_cost": np.full(PRODUCTS, 0.5 * backordered),
            "lead_time": lead_time,
            "order_multiple": rng.integers(1, 4, PRODUCTS),
            "max_order": np.full(PRODUCTS, 12),
            "initial_stock": rng.integers(0, 9, PRODUCTS),
            "habit": rng.uniform(0.1, 0.8, PRODUCTS),
        },
        rng.normal(-1.0, 0.8, (CUSTOMERS, WIDTH)),
        rng.uniform(0.3, 1.4, (CUSTOMERS, WIDTH)),
        candidates=candidates,
        population=rng.integers(2, 7, CUSTOMERS) if several else np.ones(CUSTOMERS, int),
        visit_probability=rng.uniform(0.3, 0.9, CUSTOMERS),
        season=0.3 * rng.standard_normal((5, PRODUCTS)),
        persistence=float(rng.uniform(0.3, 0.9)),
        carry_over=float(rng.uniform(0.2, 1.0)),
        unmet_demand="backordered" if backordered else "lost",
        exposure="slate",
        exposure_slots=2,
        observed=False,
        first_period=first_period,
        name=f"firm-{seed}",
    )


@dataclass(frozen=True)
class Played:
    """What happened: the last state, and every period's state before it, purchases and visits reached by exposure."""

    last: State
    on_hand: np.ndarray
    backlog: np.ndarray
    served: np.ndarray
    reached: np.ndarray
    shown: np.ndarray


def _policy(market: Market, state: State, key: jax.Array) -> Decision:
    del state
    order_key, show_key = jax.random.split(key)
    lots = jax.random.randint(order_key, (market.products,), 0, 3).astype(jnp.float32)
    slate = jax.lax.top_k(jax.random.uniform(show_key, market.base_utility.shape), market.exposure_slots)[1]
    shown = jnp.zeros(market.base_utility.shape).at[jnp.arange(market.rows)[:, None], slate].set(1.0)
    return Decision(lots * market.order_multiple, shown)


def _record(before: State, decision: Decision, after: State, outcome: object) -> tuple[jax.Array, ...]:
    del outcome
    assert isinstance(before.history, History)
    assert isinstance(after.history, History)
    served = after.history.frequency - HISTORY_DECAY * before.history.frequency
    reached = after.history.exposures - HISTORY_DECAY * before.history.exposures
    return before.on_hand, before.backlog, served, reached, decision.exposure


@eqx.filter_jit
def _play(market: Market, key: jax.Array) -> tuple[State, tuple[jax.Array, ...]]:
    return rollout(market, initial_state(market), _policy, WEEKS, key, _record)


def play(market: Market, seed: int) -> Played:
    """Plays a market with orders and slates at random."""
    last, kept = _play(market, jax.random.key(seed))
    return Played(last, *(np.asarray(one) for one in kept))


def tables_of(market: Market, played: Played) -> Tables:
    """The logs of a played market as a firm would export them on the first day after the last week."""
    product_ids, customer_ids = (np.array(ids) for ids in (market.labels.product_ids, market.labels.customer_ids))
    product = np.asarray(market.pairs.index())
    persons = np.asarray(market.population)[:, None]
    purchases, reached = np.rint(played.served * persons), np.rint(played.reached * persons)
    week, row, place = np.nonzero(purchases > 0)
    lines = {
        "customer_id": customer_ids[row],
        "product_id": product_ids[product[row, place]],
        "period": week,
        "quantity": purchases[week, row, place],
        "price": np.asarray(market.price, float)[product[row, place]],
    }
    visits = reached.max(2)
    visit_week, visitor = np.nonzero(visits)
    seen_week, seen_row, seen_place = np.nonzero(played.shown)
    counted = np.concatenate([played.on_hand, np.asarray(played.last.on_hand)[None]])
    owed = np.concatenate([played.backlog, np.asarray(played.last.backlog)[None]])
    counts = np.tile(np.arange(market.products), len(counted))
    slot, under_way = np.nonzero(np.asarray(played.last.pipeline))
    frames = {
        "products": {"product_id": product_ids},
        "customers": {"customer_id": customer_ids},
        "transactions": lines,
        "visits": {
            "customer_id": customer_ids[visitor],
            "period": visit_week,
            "visits": visits[visit_week, visitor].astype(int),
        },
        "exposures": {
            "customer_id": customer_ids[seen_row],
            "product_id": product_ids[product[seen_row, seen_place]],
            "period": seen_week,
            "kind": ["slate"] * len(seen_week),
        },
        "stock": {
            "product_id": product_ids[counts],
            "period": np.repeat(np.arange(len(counted)), market.products),
            "on_hand": counted.ravel(),
            "backlog": owed.ravel(),
        },
        "open_orders": {
            "product_id": product_ids[under_way],
            "period": WEEKS + 1 + slot,
            "quantity": np.asarray(played.last.pipeline)[slot, under_way],
        },
    }
    framed = {name: pl.DataFrame(columns) for name, columns in frames.items()}
    return build_tables(market.name, "week", framed, calendar=week_calendar(FIRST_DAY, WEEKS))


def cut(tables: Tables, periods: int) -> Tables:
    """The same tables without their first periods, as a firm exports them that keeps so much."""

    def later(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.filter(pl.col("period") >= periods).with_columns(pl.col("period") - periods)

    names = ("transactions", "visits", "exposures", "prices", "stock", "open_orders", "calendar")
    first = None if tables.first_number is None else tables.first_number + periods
    frames: dict[str, Any] = {name: later(getattr(tables, name)) for name in names}
    return dataclasses.replace(tables, first_number=first, **frames)


def trained(market: Market, seed: int = 0) -> JointPolicy:
    """A policy whose networks say something, as after training."""
    keys = jax.random.split(jax.random.key(seed), 3)
    standing = reference(market)
    networks = (
        inventory_network(market, standing, width=8, key=keys[0]),
        recommendation_network(standing, width=8, sees_stock=True, key=keys[1]),
    )

    def moved(leaf: Any) -> Any:
        return leaf + 0.2 * jax.random.normal(keys[2], leaf.shape) if isinstance(leaf, jax.Array) else leaf

    return JointPolicy(*(dataclasses.replace(one, network=jax.tree.map(moved, one.network)) for one in networks))
