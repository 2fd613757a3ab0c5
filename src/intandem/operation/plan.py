"""What is to be expected of the next period's orders, and how far this period's keep to what was expected."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import polars as pl

from intandem.departments import JointPolicy
from intandem.market import Market, State
from intandem.market.demand import mean_demand, next_intention, unexposed_utility
from intandem.market.supply import next_pipeline
from intandem.operation.decisions import Decisions
from intandem.operation.units import own_units, unit_sizes

CHANGED = 0.2
"""Share by which an order may differ from its plan before it counts as changed."""


@eqx.filter_jit
def _expected(market: Market, policy: JointPolicy, state: State) -> State:
    """The next period's state if everybody does on average what is expected of them."""
    order = policy.inventory.decide(market, policy.inventory.observe(market, state))
    exposure = policy.recommendation.decide(market, policy.recommendation.observe(market, state))
    at_once = jnp.where(market.lead_time == 0, order, 0.0)
    demand = mean_demand(market, unexposed_utility(market, state.intention, state.period), exposure)
    left = state.on_hand + at_once - state.backlog - jnp.round(demand)
    rows = max(market.longest_lead_time, 1)
    pipeline = jnp.zeros((rows, market.products)).at[: state.pipeline.shape[0]].set(state.pipeline)
    arriving, under_way = (
        next_pipeline(market, pipeline, order) if market.longest_lead_time else (pipeline[0], jnp.zeros_like(pipeline))
    )
    visits = market.population * market.visit_probability
    waits = market.unmet_demand == "backordered"
    return State(
        on_hand=jnp.maximum(left, 0.0) + arriving,
        backlog=jnp.maximum(-left, 0.0) if waits else jnp.zeros_like(left),
        pipeline=under_way,
        intention=next_intention(market, state.intention, exposure, visits, None),
        period=state.period + 1,
        history=state.history,
    )


def plan_of(found: Decisions, policy: JointPolicy) -> pl.DataFrame:
    """The orders that the policy would place next period if demand is what is expected, in the firm's own units:
    columns `period` (its first day, or the firm's own number of it), `product_id`, `quantity`."""
    market = found.today.market
    following = _expected(market, policy, found.today.state)
    order = policy.inventory.decide(market, policy.inventory.observe(market, following))
    return pl.DataFrame(
        {
            "period": [found.today.named(found.today.period + 1)] * market.products,
            "product_id": market.labels.product_ids,
            "quantity": own_units(np.asarray(order, float), unit_sizes(market)),
        }
    )


def changed_share(found: Decisions, plan: pl.DataFrame, more_than: float = CHANGED) -> float | None:
    """Share of the products, of those that are ordered or were planned to be, whose order differs from the plan by more
    than so much of the larger of the two; nothing where the plan is of another period."""
    mine = pl.col("period").cast(pl.String) == found.today.named(found.today.period)
    meant = plan.filter(mine).select("product_id", planned="quantity")
    both = found.orders.select("product_id", "quantity").join(meant, on="product_id", how="inner")
    both = both.filter((pl.col("quantity") > 0) | (pl.col("planned") > 0))
    if both.is_empty():
        return None
    now, planned = both["quantity"].to_numpy(), both["planned"].to_numpy()
    return float((np.abs(now - planned) > more_than * np.maximum(now, planned)).mean())
