"""How likely a decision that was drawn is: exact log-densities, each of one draw, and how such draws are made.

Orders lie on a lattice (0, or multiples of a lot between a least and a largest), and what is drawn is a quantity on the
line: an order's probability is the normal mass of the quantities that become it.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax.scipy.special import log_ndtr
from jaxtyping import Array, Bool, Float, Int, Key

from intandem.market import Market
from intandem.market.supply import order_range


def normal_log_density(
    value: Float[Array, "..."], mean: Float[Array, "..."], log_deviation: Float[Array, "..."]
) -> Float[Array, "..."]:
    """Of `Normal(mean, exp(log_deviation))`, elementwise.

    ```python
    >>> round(float(normal_log_density(jnp.array(1.0), jnp.array(0.0), jnp.array(0.0))), 4)
    -1.4189

    ```
    """
    standard = (value - mean) * jnp.exp(-log_deviation)
    return -0.5 * standard**2 - log_deviation - 0.5 * math.log(2 * math.pi)


def log_normal_mass(low: Float[Array, "..."], high: Float[Array, "..."]) -> Float[Array, "..."]:
    """`log(Phi(high) - Phi(low))`, `low < high`, either of which may be infinite; exact in both tails.

    ```python
    >>> round(float(jnp.exp(log_normal_mass(jnp.array(-1.0), jnp.array(1.0)))), 4)
    0.6827

    ```
    """
    # To the right of the mean the tails are swapped, so that the difference is taken of small numbers. What is beyond
    # the bound has no mass that single precision knows.
    right = low + high > 0
    near, far = jnp.where(right, -low, high), jnp.where(right, -high, low)
    near, far = jnp.clip(near, -_FAR, _FAR), jnp.clip(far, -_FAR - 1.0, _FAR)
    more, less = log_ndtr(near), log_ndtr(far)
    return more + jnp.log1p(-jnp.exp(jnp.minimum(less - more, -1e-6)))


_FAR = 30.0


def order_log_probability(
    market: Market,
    order: Float[Array, "*#times products"],
    location: Float[Array, "*#times products"],
    deviation: Float[Array, "*#times products"],
) -> Float[Array, "*#times products"]:
    """Of the order that `nearest_feasible_order` makes of a quantity drawn from `Normal(location, deviation)`.

    **Arguments:** all in units. Where nothing but 0 can be ordered, that is certain.
    """
    multiple = market.order_multiple
    smallest, largest = order_range(market)
    none, most = order <= 0, order >= largest
    low = jnp.where(order <= smallest, 0.5 * smallest, order - 0.5 * multiple)
    low = jnp.where(none, -jnp.inf, low)
    high = jnp.where(most, jnp.inf, order + 0.5 * multiple)
    high = jnp.where(none, jnp.where(largest < smallest, jnp.inf, 0.5 * smallest), high)
    return log_normal_mass((low - location) / deviation, (high - location) / deviation)


def gate_log_probability(placed: Bool[Array, "..."], log_odds: Float[Array, "..."]) -> Float[Array, "..."]:
    """Of a yes or no with the given log-odds of yes."""
    return jax.nn.log_sigmoid(jnp.where(placed, log_odds, -log_odds))


def draw_slates(logits: Float[Array, "rows width"], slots: int, key: Key[Array, ""]) -> Int[Array, "rows slots"]:
    """Slates by Plackett and Luce: places are drawn one by one without replacement, by the weights `exp(logits)`.

    By the Gumbel-top-k trick (Kool, van Hoof and Welling 2019, arXiv 1903.06059): the largest of the logits with Gumbel
    noise, in falling order, are such a draw. Every row has `slots` blanks of logit 0, at the places from `width` on: a
    slot that takes one shows nothing.
    """
    padded = _with_blanks(logits, slots)
    return jax.lax.top_k(padded + jax.random.gumbel(key, padded.shape), slots)[1]


def slate_log_probability(
    logits: Float[Array, "*times width"], slate: Int[Array, "*times slots"]
) -> Float[Array, "*times"]:
    """Of ordered slates that `draw_slates` has drawn (Plackett 1975): the product over slots of a choice among what is
    left."""
    padded = _with_blanks(logits, slate.shape[-1])
    chosen = jnp.take_along_axis(padded, slate, axis=-1)
    total = jnp.zeros(chosen.shape[:-1])
    for slot in range(slate.shape[-1]):
        total = total + chosen[..., slot] - jax.nn.logsumexp(padded, axis=-1)
        taken = jax.nn.one_hot(slate[..., slot], padded.shape[-1], dtype=bool)
        padded = jnp.where(taken, -jnp.inf, padded)
    return total


def slate_exposures(slate: Int[Array, "rows slots"], width: int) -> Float[Array, "rows width"]:
    """1 at the places that a slate shows, 0 elsewhere."""
    return jax.nn.one_hot(slate, width).sum(-2)


def _with_blanks(logits: Float[Array, "*times width"], slots: int) -> Float[Array, "*times places"]:
    return jnp.concatenate([logits, jnp.zeros((*logits.shape[:-1], slots))], axis=-1)
