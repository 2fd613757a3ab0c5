"""The inventory department: a learned correction to a newsvendor order-up-to level.

The level is `cover + g (cover_lifted - cover) + (z + s) deviation`: demand over lead time + 1, the share `g` of the
recommendation's lift that is counted on, and the safety stock of the critical ratio with a learned shift `s`. A
learned shift of the quantity on top lets orders follow stock more gently than a base-stock policy does, as is
optimal for lost sales with lead times. Weights are shared across products.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.special import ndtri
from jaxtyping import Array, Float, Key

from intandem.departments.department import PathwiseDepartment, Sample, weights_at
from intandem.departments.features import FEATURES, product_features
from intandem.departments.networks import ProductNetwork
from intandem.departments.outlook import Outlook, Reference, critical_ratio, economic_order_quantity, look_ahead
from intandem.market import Market, State
from intandem.market.draws import stochastic_round, uniform
from intandem.market.supply import inventory_position, nearest_feasible_order, order_range


class StockObservation(eqx.Module):
    """What inventory looks at: product features, the inventory position (units), and the outlook."""

    features: Float[Array, "products features"]
    position: Float[Array, " products"]
    outlook: Outlook


class OrderProposal(eqx.Module):
    """A quantity before it is made feasible (units), and the log-odds of ordering at all."""

    quantity: Float[Array, " products"]
    ordering: Float[Array, " products"]


class InventoryNetwork(PathwiseDepartment[StockObservation]):
    """The learning inventory department.

    - `network`: product features to the corrections. `standing`: the market's reference demand, not trained.
    - `gated`: whether to order is a decision of its own, drawn in training and learned by its likelihood. It is for
      fixed order costs, to which a quantity's gradient is blind.
    """

    network: ProductNetwork
    standing: Reference
    gated: bool = eqx.field(static=True)

    def observe(self, market: Market, state: State) -> StockObservation:
        """Features, position and outlook."""
        outlook = look_ahead(market, self.standing, state)
        features = product_features(market, self.standing, state, outlook)
        return StockObservation(features, inventory_position(state), outlook)

    def wanted(self, market: Market, observation: StockObservation) -> OrderProposal:
        """The quantity before it is cut to what may be ordered; below 0 where there is too much."""
        outlook = observation.outlook
        corrections = self.network(observation.features)
        counted_on = 2 * jax.nn.sigmoid(corrections[:, 0])
        level = outlook.cover + counted_on * (outlook.cover_lifted - outlook.cover)
        level = level + (ndtri(critical_ratio(market)) + corrections[:, 1]) * outlook.deviation
        short = level - observation.position + corrections[:, 2] * outlook.typical / (market.lead_time + 1.0)
        if not self.gated:
            return OrderProposal(short, jnp.zeros_like(short))
        # With a fixed cost the level is a reorder point; ordering restores it and a learned batch on top.
        batch = economic_order_quantity(market, outlook.now_lifted)
        below = short / jnp.maximum(outlook.deviation, 0.5 * market.units_per_purchase)
        return OrderProposal(short + batch * jnp.exp(corrections[:, 3]), 3.0 * below + 3.0 * corrections[:, 4])

    def noise_unit(self, market: Market, observation: StockObservation) -> Float[Array, " products"]:
        """Units in which noise on a quantity is counted: a standard deviation of demand over the cover."""
        return jnp.maximum(observation.outlook.deviation, 0.5 * market.units_per_purchase)

    def proposal(self, market: Market, observation: StockObservation) -> OrderProposal:
        """The quantity the department would order if it could order fractions."""
        wanted = self.wanted(market, observation)
        return OrderProposal(within_bounds(wanted.quantity, order_range(market)[1]), wanted.ordering)

    def decide(self, market: Market, observation: StockObservation) -> Float[Array, " products"]:
        """The feasible order nearest to the proposal, if it is likelier than not to order."""
        proposal = self.proposal(market, observation)
        order = nearest_feasible_order(market, proposal.quantity)
        return jnp.where(proposal.ordering > 0, order, 0.0) if self.gated else order

    def sample(
        self, market: Market, observation: StockObservation, exploration: Float[Array, ""], key: Key[Array, ""]
    ) -> Sample:
        """Whole units by stochastic rounding, with the gradient of the proposal straight through.

        As exploration fades, the point at which a proposal is rounded up narrows from anywhere to one half, so that
        what is learned last is learned on the orders that operation places.
        """
        rounding_key, gate_key = jax.random.split(key)
        proposal = self.proposal(market, observation)
        quantity = jax.lax.stop_gradient(proposal.quantity)
        order = _feasible_at_random(market, quantity, exploration, rounding_key) + (proposal.quantity - quantity)
        if not self.gated:
            return Sample(order, None)
        placed = uniform(gate_key, proposal.ordering.shape) < jax.nn.sigmoid(proposal.ordering)
        log_probability = jnp.where(
            placed, jax.nn.log_sigmoid(proposal.ordering), jax.nn.log_sigmoid(-proposal.ordering)
        )
        return Sample(jnp.where(placed, order, 0.0), log_probability)

    def weights(self) -> InventoryNetwork:
        """True at the network's arrays."""
        return weights_at(self, lambda department: department.network)

    def perturbed(self) -> InventoryNetwork:
        """True at the network's last layer."""
        return weights_at(self, lambda department: department.network.outputs)


def inventory_network(market: Market, standing: Reference, *, width: int, key: Key[Array, ""]) -> InventoryNetwork:
    """An untrained inventory department for a market, `width` units wide."""
    return InventoryNetwork(
        ProductNetwork(len(FEATURES), 5, width=width, key=key), standing, gated=market.traits.fixed_costs
    )


@jax.custom_vjp
def within_bounds(proposal: Float[Array, " products"], largest: Float[Array, " products"]) -> Float[Array, " products"]:
    """`proposal` cut to `0..largest`, with the gradient of a projection.

    A cut has no slope outside its bounds, and a product that is once not ordered would never be tried again. A
    projected gradient step moves a point outside the bounds if the step leads back inside, and so does this.
    """
    return jnp.clip(proposal, 0.0, largest)


def _within_bounds_forward(
    proposal: Float[Array, " products"], largest: Float[Array, " products"]
) -> tuple[Float[Array, " products"], tuple[Array, Array]]:
    return within_bounds(proposal, largest), (proposal, largest)


def _within_bounds_backward(
    kept: tuple[Array, Array], slope: Float[Array, " products"]
) -> tuple[Float[Array, " products"], Float[Array, " products"]]:
    proposal, largest = kept
    # A loss is descended: a negative slope moves the proposal up.
    moves = ((proposal >= 0) | (slope < 0)) & ((proposal <= largest) | (slope > 0))
    return jnp.where(moves, slope, 0.0), jnp.zeros_like(largest)


within_bounds.defvjp(_within_bounds_forward, _within_bounds_backward)


def _feasible_at_random(
    market: Market, quantity: Float[Array, " products"], exploration: Float[Array, ""] | float, key: Key[Array, ""]
) -> Float[Array, " products"]:
    """A feasible order whose mean is the quantity (at most the largest feasible one); without exploration, the
    feasible order nearest to it."""
    smallest = order_range(market)[0]
    lot = jnp.where(quantity < smallest, smallest, market.order_multiple)
    return lot * stochastic_round(key, quantity / lot, exploration)
