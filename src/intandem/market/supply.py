"""What can be sold: receipts, the pipeline, feasible orders and fulfilment."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from intandem.market.demand import Demand, with_expected_gradient
from intandem.market.draws import binomial, poisson, stochastic_round, systematic_share, uniform
from intandem.market.model import Market, State


class Fulfilment(eqx.Module):
    """Units per product in one period: those owed and served first, new demand served, what is left and owed."""

    served_owed: Float[Array, " products"]
    served_new: Float[Array, " products"]
    lost: Float[Array, " products"]
    end_stock: Float[Array, " products"]
    end_backlog: Float[Array, " products"]


def inventory_position(state: State) -> Float[Array, " products"]:
    """Units on hand and on order, less those owed."""
    return state.on_hand + state.pipeline.sum(0) - state.backlog


def arrivals_at_once(market: Market, order: Float[Array, " products"]) -> Float[Array, " products"]:
    """The part of an order that arrives before this period's demand."""
    return jnp.where(market.lead_time == 0, order, 0.0)


def next_pipeline(
    market: Market, pipeline: Float[Array, "lead products"], order: Float[Array, " products"]
) -> tuple[Float[Array, " products"], Float[Array, "lead products"]]:
    """Places the order, moves the pipeline on by one period, and returns what arrives and what stays under way."""
    if market.longest_lead_time == 0:
        return jnp.zeros_like(order), pipeline
    slot = jnp.arange(market.longest_lead_time)[:, None]
    placed = pipeline + jnp.where(slot == market.lead_time - 1, order, 0.0)
    return placed[0], jnp.concatenate([placed[1:], jnp.zeros_like(placed[:1])])


def order_range(market: Market) -> tuple[Float[Array, " products"], Float[Array, " products"]]:
    """The smallest and the largest order that is not 0, units per product; the largest is 0 if none is feasible.

    Orders are multiples of `order_multiple` between `min_order` and `max_order` (infinity without a cap).

    In pairs, at least 3 and at most 9 (4 to 8), or at most 5 (4):

    ```python
    >>> from intandem.market import build_market
    >>> limits = {"order_multiple": [2, 2], "min_order": [3, 3], "max_order": [9, 5]}
    >>> products = {"price": [1, 1], "unit_cost": [0, 0], "holding_cost": [0, 0]}
    >>> market = build_market(products | limits, [[0.0, 0.0]], [[0.0, 0.0]])
    >>> [limit.tolist() for limit in order_range(market)]
    [[4.0, 4.0], [8.0, 4.0]]

    ```
    """
    multiple = market.order_multiple
    smallest = jnp.maximum(jnp.ceil(market.min_order / multiple) * multiple, multiple)
    largest = jnp.where(jnp.isfinite(market.max_order), jnp.floor(market.max_order / multiple) * multiple, jnp.inf)
    return smallest, jnp.where(largest < smallest, 0.0, largest)


def nearest_feasible_order(market: Market, quantity: Float[Array, " products"]) -> Float[Array, " products"]:
    """The feasible order nearest to a proposed quantity: 0, or a multiple of `order_multiple` within
    `min_order..max_order`. A proposal below half of the smallest feasible order becomes 0."""
    multiple = market.order_multiple
    smallest, largest = order_range(market)
    rounded = jnp.clip(jnp.round(quantity / multiple) * multiple, smallest, largest)
    return jnp.where((quantity < 0.5 * smallest) | (largest < smallest), 0.0, rounded)


def units_served(demand: Demand, available: Float[Array, " products"]) -> Float[Array, " products"]:
    """`min(demand, available)`, with the gradient of one unit more or less (see `intandem.market.demand`).

    A unit that was drawn adds to sales if demand does not exceed stock; one that was not drawn would add if demand
    lay below stock. Stock has slope 1 where demand exceeds it; where they are equal a unit less would cost a sale
    and a unit more bring none, hence one half.
    """
    if demand.sizes is not None:
        sizes = demand.sizes
        return _sold_in_sizes(
            demand.purchases, demand.drawn, available, demand.total, sizes.mean, sizes.extra, sizes.key
        )
    asked, stock = jax.lax.stop_gradient((demand.total, available))
    fits = jnp.where(asked < stock, 1.0, 0.0)
    equal = jnp.where(asked == stock, 1.0, 0.0)
    slope_of_stock = 1.0 - fits - 0.5 * equal
    moving = fits * (demand.total - asked) + equal * demand.drawn + slope_of_stock * (available - stock)
    return jnp.minimum(asked, stock) + moving


@jax.custom_jvp
def _sold_in_sizes(
    purchases: Float[Array, " products"],
    drawn: Float[Array, " products"],
    available: Float[Array, " products"],
    total: Float[Array, " products"],
    size: Float[Array, " products"],
    extra: Float[Array, " products"],
    key: Key[Array, ""],
) -> Float[Array, " products"]:
    """`min(total, available)`, with the gradient of one purchase more or less, and of one unit of stock.

    A purchase that was not drawn would have a size of its own; one that was drawn has one more than its part in the
    extra units, which is `Binomial(extra, 1/purchases)` given the total.
    """
    del purchases, drawn, size, extra, key
    return jnp.minimum(total, available)


@_sold_in_sizes.defjvp
def _sold_in_sizes_jvp(primals: tuple, tangents: tuple) -> tuple[Array, Array]:  # type: ignore[type-arg]
    purchases, _, stock, total, size, extra, key = primals
    more_key, fewer_key = jax.random.split(key)
    joining = 1 + poisson(more_key, size - 1)
    leaving = 1 + binomial(fewer_key, extra, 1 / jnp.maximum(purchases, 1.0))
    not_drawn = jnp.clip(stock - total, 0.0, joining)
    were_drawn = leaving - jnp.clip(total - stock, 0.0, leaving)
    of_stock = jnp.where(total > stock, 1.0, jnp.where(total == stock, 0.5, 0.0))
    moved, moved_drawn, more = tangents[:3]
    moving = not_drawn * (moved - moved_drawn) + were_drawn * moved_drawn + of_stock * more
    return jnp.minimum(total, stock), moving


def fulfil(market: Market, state: State, arrived: Float[Array, " products"], demand: Demand) -> Fulfilment:
    """Serves what is owed, then new demand, from the stock on hand and what arrived at once."""
    stock = state.on_hand + arrived
    if market.unmet_demand == "lost":
        served = units_served(demand, stock)
        none = jnp.zeros_like(served)
        return Fulfilment(none, served, demand.total - served, stock - served, none)
    served_owed = jnp.minimum(state.backlog, stock)
    free = stock - served_owed
    served = units_served(demand, free)
    end_backlog = state.backlog - served_owed + demand.total - served
    return Fulfilment(served_owed, served, jnp.zeros_like(served), free - served, end_backlog)


def served_pairs(
    market: Market, demand: Demand, served_new: Float[Array, " products"], key: Key[Array, ""]
) -> Float[Array, "rows width"]:
    """Purchases of this period that each pair is served now, every purchase being equally likely.

    Stock serves units. Where a purchase is of several, as many purchases are served as the share of units that are,
    rounded at random. Whole purchases by systematic sampling along the product's queue; what is drawn adds up to those
    served. The gradient is that of the expected share, `demand * served_new / demand.total`. Units owed from earlier
    periods change no intention: a purchase counts in the period it is served only if it is asked for in that period.
    """
    share = served_new / jnp.maximum(demand.total, 1.0)
    asked, served = jax.lax.stop_gradient((demand.purchases, served_new))
    if demand.sizes is not None:
        key, rounding_key = jax.random.split(key)
        served = stochastic_round(rounding_key, asked * jax.lax.stop_gradient(share))
    offset = jnp.minimum(jnp.floor(uniform(key, asked.shape) * asked), jnp.maximum(asked - 1, 0))
    units = jax.lax.stop_gradient(demand.pairs).astype(jnp.int32)
    drawn = market.pairs.along_queues(systematic_share, units, *(v.astype(jnp.int32) for v in (asked, served, offset)))
    return with_expected_gradient(drawn.astype(jnp.float32), demand.pairs * market.pairs.spread(share))
