"""The compiled steps that all environments share: a market's start, and a period for one or for many copies."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from intandem.environments.encoding import Encoding
from intandem.market import Market, Outcome, State, initial_state, step

Observation = Float[Array, " observation"]


@eqx.filter_jit
def start(market: Market, encoding: Encoding, copies: int | None) -> tuple[State, Float[Array, "..."]]:
    """The initial state and its observation, with a leading axis of `copies` if there is a number of them."""
    state = initial_state(market)
    seen = encoding.observe(market, state)
    if copies is None:
        return state, seen
    return jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (copies, *leaf.shape)), (state, seen))


@eqx.filter_jit
def play(
    market: Market, encoding: Encoding, state: State, action: Float[Array, " action"], key: Key[Array, ""]
) -> tuple[State, Observation, Float[Array, ""], Outcome]:
    """One period: the next state, what is seen of it, the reward, and what came of the period."""
    following, outcome = step(market, state, encoding.decide(market, action), key)
    return following, encoding.observe(market, following), encoding.reward(outcome), outcome


@eqx.filter_jit
def play_copies(
    market: Market,
    encoding: Encoding,
    state: State,
    action: Float[Array, "copies action"],
    key: Key[Array, ""],
    over: Array,
) -> tuple[State, Float[Array, "copies observation"], Float[Array, " copies"], Observation]:
    """One period of many copies, each with random numbers of its own. Copies that are `over` open again.

    **Returns:** the states after that, what is seen of the states before opening again, rewards, and the observation
    that copies open with.
    """
    keys = jax.random.split(key, len(action))
    following, seen, reward, _ = jax.vmap(lambda *copy: play(market, encoding, *copy))(state, action, keys)
    first = initial_state(market)

    def opened(new: Array, old: Array) -> Array:
        return jnp.where(over.reshape((-1,) + (1,) * (old.ndim - 1)), new, old)

    again = jax.tree.map(opened, first, following)
    return again, seen, reward, encoding.observe(market, first)


def told(outcome: Outcome) -> dict[str, np.ndarray]:
    """What `info` says of a period: units per product."""
    return {name: np.asarray(getattr(outcome, name)) for name in ("order", "demand", "sales", "lost")}


def key_of(generator: np.random.Generator) -> Key[Array, ""]:
    """A key drawn from a NumPy generator, which is what these libraries seed."""
    return jax.random.key(int(generator.integers(2**31)))
