"""The centralised critics: what a state is worth, product by product, in training only.

One critic serves both departments where they learn on the firm's profit together. Departments that learn apart have one
each: of the firm's profit (`independent`), or of their own objectives (`silo`).
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from intandem.departments.features import FEATURES
from intandem.departments.networks import ProductNetwork
from intandem.learning.estimators.score.advantages import Scale, generalised_advantages, new_scale, standardised
from intandem.learning.estimators.score.experience import Window


class Critics(eqx.Module):
    """Networks of values, first inventory's, and last recommendation's; one network where they share it."""

    networks: tuple[ProductNetwork, ...]


def new_critics(count: int, *, width: int, key: Key[Array, ""]) -> Critics:
    """Critics that know nothing yet."""
    keys = jax.random.split(key, count)
    return Critics(tuple(ProductNetwork(len(FEATURES), 1, width=width, key=one) for one in keys))


class Account(eqx.Module):
    """What is kept between updates for one critic: average profit per product and period, and the scale of values."""

    average: Float[Array, " products"]
    scale: Scale


def new_account(products: int) -> Account:
    """Before anything was played."""
    return Account(jnp.zeros(products), new_scale())


class Judgement(eqx.Module):
    """What a critic makes of what was played: advantages of each product and of all together, in units of their spread,
    and the values that it should have given, in units of theirs."""

    own: Float[Array, "shops periods products"]
    team: Float[Array, "shops periods"]
    targets: Float[Array, "shops periods products"]


def judged(
    network: ProductNetwork,
    account: Account,
    window: Window,
    profit: Float[Array, "shops periods products"],
    stake: Float[Array, " products"],
    *,
    first: Array,
    discount: Float[Array, ""],
    trace: float,
) -> tuple[Judgement, Account]:
    """Advantages and targets by one critic.

    **Arguments:** `profit`: what it judges by, money. `stake`: money in which the values of a product are counted.
    `first`: whether this is the first update. `discount`: 1 for profit above its average.
    """
    played = profit.mean((0, 1))
    average = jnp.where(first, played, account.average + 0.1 * (played - account.average))
    scale = account.scale

    def value(features: Array) -> Array:
        return stake * (scale.mean + scale.deviation * network(features)[:, 0])

    values = jax.vmap(jax.vmap(value))(window.features)
    last = jax.vmap(value)(window.last)
    relative = discount >= 1
    gained = profit - jnp.where(relative, average, 0.0)
    advantages = jax.vmap(generalised_advantages, (0, 0, 0, None, None))(gained, values, last, discount, trace)
    worth = (values + advantages) / stake
    # Relative values are known up to a constant: theirs is that they are 0 on average.
    worth = worth - jnp.where(relative, worth.mean((0, 1)), 0.0)
    scale = scale.seen(worth)
    judgement = Judgement(
        own=standardised(advantages / stake),
        team=standardised(advantages.sum(-1)),
        targets=(worth - scale.mean) / scale.deviation,
    )
    return judgement, Account(average, scale)
