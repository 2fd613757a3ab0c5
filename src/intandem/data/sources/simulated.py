"""Logs of a simulated firm as `Tables`: data whose truth is known, to try a calibration on.

Exposures are not given out at random here, as they are not in real logs: products are shown more to customers who like
them, who have bought or been shown them lately, and in weeks in which they are promoted to everyone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jaxtyping import Array, Float, Key

from intandem.data.tables.tables import Tables, build_tables, week_calendar
from intandem.market import Decision, Market, State, build_market, initial_state, rollout
from intandem.market.model import HISTORY_DECAY, Outcome

AMPLE_STOCK = 1e6


@dataclass(frozen=True)
class Targeting:
    """How a firm chose what to show: weights in the score by which each customer's slate is drawn.

    - `taste`: of the pair's base utility. `intention`: of its present intention.
    - `promotion`: standard deviation of a shift per product and week that all customers share.
    """

    taste: float = 0.8
    intention: float = 0.5
    promotion: float = 0.7


def simulated_firm(
    seed: int,
    *,
    products: int = 50,
    customers: int = 500,
    slots: int = 5,
    persistence: float = 0.6,
    carry_over: float = 0.8,
    habit: float = 0.4,
) -> Market:
    """A market with taste that differs by pair and ample stock; intentions are as the arguments say."""
    rng = np.random.default_rng([seed, products, customers])
    utility = -2.6 + 0.5 * rng.standard_normal(products) + 0.3 * rng.standard_normal((customers, 1))
    utility = utility + 0.8 * rng.standard_normal((customers, products))
    unit_cost = rng.uniform(4, 8, products)
    return build_market(
        {
            "price": unit_cost * rng.uniform(1.2, 1.9, products),
            "unit_cost": unit_cost,
            "holding_cost": 0.01 * unit_cost,
            "initial_stock": np.full(products, AMPLE_STOCK),
        },
        utility,
        np.broadcast_to(rng.uniform(0.3, 1.3, products), utility.shape),
        visit_probability=rng.uniform(0.6, 1.0, customers),
        persistence=persistence,
        carry_over=carry_over,
        habit=habit,
        observed=False,
        exposure="slate",
        exposure_slots=slots,
        name=f"simulated-{seed}",
    )


def simulated_tables(market: Market, weeks: int, key: Key[Array, ""], targeting: Targeting | None = None) -> Tables:
    """Plays a market for some weeks and returns what a firm would have logged.

    **Arguments:**

    - `market`: dense, of single persons, `observed=False`, with ample stock (as `simulated_firm` makes it).
    """
    log = jax.device_get(_play(market, weeks, key, targeting or Targeting()))
    product_ids, customer_ids = (np.array(ids) for ids in (market.labels.product_ids, market.labels.customer_ids))
    week, customer, product = np.nonzero(log.bought)
    price = np.asarray(market.price, float)
    lines = pl.DataFrame(
        {
            "customer_id": customer_ids[customer],
            "product_id": product_ids[product],
            "period": week,
            "quantity": np.ones(len(week)),
            "price": price[product],
        }
    )
    shown_week, shown_customer, shown_product = np.nonzero(log.reached)
    exposures = pl.DataFrame(
        {
            "customer_id": customer_ids[shown_customer],
            "product_id": product_ids[shown_product],
            "period": shown_week,
            "kind": ["recommendation"] * len(shown_week),
        }
    )
    visit_week, visitor = np.nonzero(log.reached.any(2))
    visits = pl.DataFrame({"customer_id": customer_ids[visitor], "period": visit_week, "visits": [1] * len(visitor)})
    frames = {
        "products": pl.DataFrame(
            {"product_id": product_ids, "price": price, "unit_cost": np.asarray(market.unit_cost, float)}
        ),
        "customers": pl.DataFrame({"customer_id": customer_ids}),
        "transactions": lines,
        "exposures": exposures,
        "visits": visits,
    }
    return build_tables(market.name, "week", frames, calendar=week_calendar(date(2024, 1, 1), weeks))


class _Log(eqx.Module):
    bought: Array
    reached: Array


def _play(market: Market, weeks: int, key: Key[Array, ""], targeting: Targeting) -> _Log:
    promotion_key, play_key = jax.random.split(key)
    promotion = targeting.promotion * jax.random.normal(promotion_key, (weeks, market.products))

    def show(market: Market, state: State, key: Key[Array, ""]) -> Decision:
        score = targeting.taste * market.base_utility + targeting.intention * state.intention
        score = score + promotion[state.period] + jax.random.gumbel(key, score.shape)
        slate = jax.lax.top_k(score, market.exposure_slots)[1]
        shown = jnp.zeros(score.shape).at[jnp.arange(market.rows)[:, None], slate].set(1.0)
        return Decision(jnp.zeros(market.products), shown)

    def record(before: State, decision: Decision, after: State, outcome: Outcome) -> _Log:
        del decision, outcome
        if before.history is None or after.history is None:
            raise ValueError("the market must be built with observed=False, so that its history is kept")
        reached: Float[Array, "rows width"] = after.history.exposures - HISTORY_DECAY * before.history.exposures
        return _Log(after.history.recency == 0, reached > 0.5)

    play = eqx.filter_jit(lambda market, key: rollout(market, initial_state(market), show, weeks, key, record)[1])
    return play(market, play_key)  # type: ignore[no-any-return]
