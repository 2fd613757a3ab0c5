"""Departments without structure: deep networks of the joint state, whose size grows with the market.

They are what the published method has, and what the structure of the other departments is measured against: they know
no newsvendor, no shadow price and no symmetry between products. Each sees all there is to see of the state.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from intandem.departments.department import LearningDepartment, weights_at
from intandem.departments.inventory import OrderProposal
from intandem.departments.outlook import Reference, believed_intention, look_ahead, top_slots
from intandem.departments.recommendation import allocate_exposures
from intandem.market import Market, State
from intandem.market.supply import nearest_feasible_order, order_range


class StateNetwork(eqx.Module):
    """A vector to a vector by two hidden layers; the last layer starts at zero.

    - `inputs`, `hidden`, `outputs`: weights.
    """

    inputs: eqx.nn.Linear
    hidden: eqx.nn.Linear
    outputs: eqx.nn.Linear

    def __init__(self, inputs: int, outputs: int, *, width: int, key: Key[Array, ""]) -> None:
        keys = jax.random.split(key, 3)
        self.inputs = eqx.nn.Linear(inputs, width, key=keys[0])
        self.hidden = eqx.nn.Linear(width, width, key=keys[1])
        last = eqx.nn.Linear(width, outputs, key=keys[2])
        zeros = jax.tree.map(jnp.zeros_like, (last.weight, last.bias))
        self.outputs = eqx.tree_at(lambda layer: (layer.weight, layer.bias), last, zeros)

    def __call__(self, vector: Float[Array, " inputs"]) -> Float[Array, " outputs"]:
        """The outputs."""
        return self.outputs(jax.nn.silu(self.hidden(jax.nn.silu(self.inputs(vector)))))


def joint_state(market: Market, standing: Reference, state: State) -> Float[Array, " inputs"]:
    """All of a state as one vector: stock and orders under way in units of a typical period's demand, expected demand,
    intentions, the position in the season. Its numbers are about one in size, and none of them is cut off.

    ```python
    >>> from intandem.departments import reference
    >>> from intandem.market import example_market, initial_state
    >>> market = example_market("two-products-capped")
    >>> joint_state(market, reference(market), initial_state(market)).shape
    (6,)

    ```
    """
    per_period = _per_period(market, standing)
    parts = [(state.on_hand - state.backlog) / per_period - 1.0, (state.pipeline / per_period).ravel() - 1.0]
    parts.append(look_ahead(market, standing, state).now / per_period)
    if market.traits.has_intention:
        parts.append(believed_intention(market, state).ravel())
    if market.season is not None:
        angle = 2 * jnp.pi * state.period / market.season.shape[0]
        parts.append(jnp.stack([jnp.sin(angle), jnp.cos(angle)]))
    vector = jnp.concatenate(parts)
    return jnp.sign(vector) * jnp.log1p(jnp.abs(vector))


def _per_period(market: Market, standing: Reference) -> Float[Array, " products"]:
    return jnp.maximum(
        standing.base.mean(0) + standing.lift, 0.5 * market.units_per_purchase / (market.lead_time + 1.0)
    )


def _inputs(market: Market) -> int:
    """The length of the joint state."""
    intentions = int(np.prod(market.base_utility.shape)) if market.traits.has_intention else 0
    return market.products * (2 + market.longest_lead_time) + intentions + (0 if market.season is None else 2)


class PlainInventory(LearningDepartment[Float[Array, " inputs"]]):
    """Orders by a deep network of the joint state: a quantity for each product, and where orders have a fixed cost the
    log-odds of ordering."""

    network: StateNetwork
    standing: Reference
    gated: bool = eqx.field(static=True)

    def observe(self, market: Market, state: State) -> Float[Array, " inputs"]:
        """The joint state."""
        return joint_state(market, self.standing, state)

    def wanted(self, market: Market, observation: Float[Array, " inputs"]) -> OrderProposal:
        """The quantity before it is cut to what may be ordered; an untrained department orders a period's demand."""
        outputs = self.network(observation)
        quantity = _per_period(market, self.standing) * (1.0 + outputs[: market.products])
        return OrderProposal(quantity, outputs[market.products :] if self.gated else jnp.zeros_like(quantity))

    def noise_unit(self, market: Market, observation: Float[Array, " inputs"]) -> Float[Array, " products"]:
        """Units in which noise on a quantity is counted: a standard deviation of a period's demand."""
        del observation
        deviation = jnp.sqrt(self.standing.dispersion * _per_period(market, self.standing))
        return jnp.maximum(deviation, 0.5 * market.units_per_purchase)

    def decide(self, market: Market, observation: Float[Array, " inputs"]) -> Float[Array, " products"]:
        """The feasible order nearest to the quantity, if it is likelier than not to order."""
        wanted = self.wanted(market, observation)
        order = nearest_feasible_order(market, jnp.clip(wanted.quantity, 0.0, order_range(market)[1]))
        return jnp.where(wanted.ordering >= 0, order, 0.0)

    def weights(self) -> PlainInventory:
        """True at the network's arrays."""
        return weights_at(self, lambda department: department.network)

    def perturbed(self) -> PlainInventory:
        """True at the network's last layer."""
        return weights_at(self, lambda department: department.network.outputs)


class PlainRecommendation(LearningDepartment[Float[Array, " inputs"]]):
    """Exposures by a deep network of the joint state: a logit for each pair, 0 being that of showing nothing.

    - `sees_stock`: False for the department of a silo, to which stock and orders are zero.
    """

    network: StateNetwork
    standing: Reference
    sees_stock: bool = eqx.field(static=True)

    def observe(self, market: Market, state: State) -> Float[Array, " inputs"]:
        """The joint state."""
        vector = joint_state(market, self.standing, state)
        if self.sees_stock:
            return vector
        return vector.at[: market.products * (1 + market.longest_lead_time)].set(0.0)

    def logits(self, market: Market, observation: Float[Array, " inputs"]) -> Float[Array, "rows width"]:
        """Of every pair; minus infinity at an empty place."""
        outputs = self.network(observation).reshape(market.base_utility.shape)
        return jnp.where(market.pairs.valid(), outputs, -jnp.inf)

    def exposures(self, market: Market, logits: Float[Array, "rows width"]) -> Float[Array, "rows width"]:
        """Exposures under the slot budget: the best of each row in a slate, graded intensities otherwise."""
        if market.exposure == "slate":
            return top_slots(logits, market.exposure_slots)
        return allocate_exposures(logits, jnp.ones(()), market.exposure_slots)

    def decide(self, market: Market, observation: Float[Array, " inputs"]) -> Float[Array, "rows width"]:
        """Those of the logits."""
        return self.exposures(market, self.logits(market, observation))

    def weights(self) -> PlainRecommendation:
        """True at the network's arrays."""
        return weights_at(self, lambda department: department.network)

    def perturbed(self) -> PlainRecommendation:
        """True at the network's last layer."""
        return weights_at(self, lambda department: department.network.outputs)


def plain_departments(
    market: Market, standing: Reference, *, width: int, sees_stock: bool, keys: Key[Array, " two"]
) -> tuple[PlainInventory, PlainRecommendation]:
    """Untrained departments without structure, `width` units wide."""
    gated = market.traits.fixed_costs
    inputs, pairs = _inputs(market), int(np.prod(market.base_utility.shape))
    orders = StateNetwork(inputs, market.products * (2 if gated else 1), width=width, key=keys[0])
    exposures = StateNetwork(inputs, pairs, width=width, key=keys[1])
    return PlainInventory(orders, standing, gated), PlainRecommendation(exposures, standing, sees_stock)
