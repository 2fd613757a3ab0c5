"""The centralised critic: what a state is worth, product by product. Used in training only.

It values the end of a training window, so that orders still under way and intentions just raised count, and it is
the baseline of decisions learned by their likelihood. Its worth is the expected discounted profit to come above the
average, which for a discount near 1 is the relative value function of the average-profit problem.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from intandem.departments.features import FEATURES, product_features
from intandem.departments.networks import ProductNetwork
from intandem.departments.outlook import Reference, look_ahead, margin
from intandem.market import Market, State
from intandem.market.supply import inventory_position


class View(eqx.Module):
    """What the critic sees of a state: product features, stock that is of use at its replacement cost (money), and
    the profit of a typical period (money) in which the rest is counted."""

    features: Float[Array, "*times products features"]
    stock: Float[Array, "*times products"]
    stake: Float[Array, "*times products"]


def view(market: Market, standing: Reference, state: State) -> View:
    """The critic's view of a state. It joins stock, orders under way and customers, which no department must."""
    outlook = look_ahead(market, standing, state)
    features = product_features(market, standing, state, outlook)
    per_period = outlook.typical / (market.lead_time + 1.0)
    stake = jnp.maximum(margin(market), 0.05 * market.price) * per_period
    useful = jnp.minimum(inventory_position(state), outlook.cover_lifted + 2 * outlook.deviation)
    return View(features, market.salvage * useful, stake)


class Critic(eqx.Module):
    """Value per product: stock at what its replacement costs, and a learned rest in units of a period's profit."""

    network: ProductNetwork

    def __call__(self, seen: View) -> Float[Array, " products"]:
        """The value of one state above the average, in money per product."""
        return seen.stock + seen.stake * self.network(seen.features)[:, 0]


def new_critic(*, width: int, key: Key[Array, ""]) -> Critic:
    """A critic that values stock at its replacement cost and nothing else yet."""
    return Critic(ProductNetwork(len(FEATURES), 1, width=width, key=key))


def lambda_returns(
    profit: Float[Array, "periods products"],
    values: Float[Array, "ends products"],
    discount: Float[Array, ""] | float,
    trace: float,
) -> Float[Array, "periods products"]:
    """Lambda-returns (Sutton and Barto 2018, section 12.1) of profit above average, bootstrapped from the last state.

    **Arguments:** `profit`: above average, per period and product; `values`: of the states after each period, of
    the same length; `discount` and `trace` in [0, 1].
    """

    def back(following: Array, at: tuple[Array, Array]) -> tuple[Array, Array]:
        gained, next_value = at
        now = gained + discount * ((1 - trace) * next_value + trace * following)
        return now, now

    return jax.lax.scan(back, values[-1], (profit, values), reverse=True)[1]
