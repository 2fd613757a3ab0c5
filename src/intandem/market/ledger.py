"""Money: what a period earns and costs, per product."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from intandem.market.model import Ledger, Market
from intandem.market.supply import Fulfilment


def book(
    market: Market,
    order: Float[Array, " products"],
    fulfilment: Fulfilment,
    exposures: Float[Array, " products"],
) -> Ledger:
    """Books one period: procurement when ordered, revenue when served, holding on stock at the end of the period.

    **Arguments:**

    - `order`: units ordered. `exposures`: exposures delivered, per product.
    """
    placed = jnp.where(jax.lax.stop_gradient(order) > 0, 1.0, 0.0)
    return Ledger(
        revenue=market.price * (fulfilment.served_owed + fulfilment.served_new),
        procurement=market.unit_cost * order,
        ordering=market.fixed_order_cost * placed,
        holding=market.holding_cost * fulfilment.end_stock,
        lost_sales=market.lost_sale_cost * fulfilment.lost,
        backorders=market.backorder_cost * fulfilment.end_backlog,
        exposure=market.exposure_cost * exposures,
    )
