"""The features of products that networks look at, each about one in size, with their names.

Names are kept beside the weights of a trained department, so that weights are never fed another list of features.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax.scipy.special import ndtri
from jaxtyping import Array, Float

from intandem.departments.outlook import Outlook, Reference, critical_ratio, margin, usual_deviation
from intandem.market import Market, State

STOCK_FEATURES = ("on_hand", "next_arrivals", "on_order", "periods_on_hand", "shortage", "overhang")
DEMAND_FEATURES = ("demand_now", "cover", "deviation", "reference_lift", "scale")
ECONOMY_FEATURES = (
    "margin",
    "service_quantile",
    "holding_cost",
    "lost_sale_cost",
    "fixed_order_cost",
    "order_cap",
    "lead_time",
)
FEATURES = STOCK_FEATURES + DEMAND_FEATURES + ECONOMY_FEATURES


def product_features(
    market: Market, standing: Reference, state: State, outlook: Outlook
) -> Float[Array, "products features"]:
    """One row per product, in the order of `FEATURES`; values beyond 4 in size are cut off.

    Stock is counted in units of the reference demand over the cover, money in units of the margin or the price; what
    is counted in numbers is counted in purchases, so that a product sold by the gram looks as one sold by the piece.
    """
    units = market.units_per_purchase
    per_period = outlook.typical / (market.lead_time + 1.0)
    free = state.on_hand - state.backlog
    arrivals = state.pipeline[0] if market.longest_lead_time else jnp.zeros_like(free)
    on_order = state.pipeline.sum(0)
    # What is given away has no margin and no price; money is then counted in thousandths.
    gain = jnp.maximum(jnp.maximum(margin(market), 0.05 * market.price), 1e-3)
    columns = {
        "on_hand": free / outlook.typical,
        "next_arrivals": arrivals / per_period,
        "on_order": on_order / outlook.typical,
        "periods_on_hand": jnp.log1p(jnp.maximum(free, 0.0) / per_period) - 1.0,
        "shortage": (outlook.now_lifted - free) / usual_deviation(market, outlook.now_lifted),
        "overhang": (free + on_order - outlook.cover_lifted) / jnp.maximum(outlook.deviation, 0.5 * units),
        "demand_now": outlook.now / per_period,
        "cover": outlook.cover / outlook.typical,
        "deviation": outlook.deviation / outlook.typical,
        "reference_lift": standing.lift / per_period,
        "scale": 0.5 * jnp.log(per_period / units),
        "margin": 2.0 * gain / jnp.maximum(market.price, 1e-6) - 0.5,
        "service_quantile": ndtri(critical_ratio(market)) - 1.0,
        "holding_cost": 10.0 * market.holding_cost / gain,
        "lost_sale_cost": (market.lost_sale_cost + market.backorder_cost) / gain,
        "fixed_order_cost": jnp.log1p(market.fixed_order_cost / (gain * per_period)),
        "order_cap": jnp.minimum(market.max_order / per_period, 3.0) - 1.0,
        "lead_time": market.lead_time / 4.0,
    }
    return jnp.clip(jnp.stack([columns[name] for name in FEATURES], axis=1), -4.0, 4.0)


def without_stock(features: Float[Array, "products features"]) -> Float[Array, "products features"]:
    """The features with everything about stock set to zero: what a stock-blind department sees."""
    seen = jnp.asarray([0.0 if name in STOCK_FEATURES else 1.0 for name in FEATURES])
    return features * seen
