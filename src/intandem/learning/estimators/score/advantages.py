"""What decisions earned beyond what was expected: generalised advantages, and values kept in units of their spread."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def generalised_advantages(
    profit: Float[Array, "periods products"],
    values: Float[Array, "periods products"],
    last: Float[Array, " products"],
    discount: Float[Array, ""] | float,
    trace: float,
) -> Float[Array, "periods products"]:
    """Generalised advantage estimates (Schulman et al. 2016, arXiv 1506.02438) of one market, bootstrapped from its
    last state.

    **Arguments:**

    - `profit`: of each period, by product. In a firm that goes on: above its average, with `discount` 1, which makes
      the values relative ones (average-reward policy gradients: Zhang and Ross 2021, arXiv 2106.07329).
    - `values`: of the states in which the periods began; `last`: of the state after the last.
    - `discount`, `trace`: in [0, 1]. `trace` 0: one period and the next state's value; 1: all that follows.

    With `trace` 1 the advantage is the discounted profit until the end, the last state's value and no more:

    ```python
    >>> profit, values = jnp.array([[1.0], [2.0]]), jnp.array([[5.0], [7.0]])
    >>> generalised_advantages(profit, values, jnp.array([8.0]), 0.5, 1.0)[:, 0].tolist()
    [-1.0, -1.0]

    ```
    """
    following = jnp.concatenate([values[1:], last[None]])
    surprise = profit + discount * following - values

    def back(later: Array, now: Array) -> tuple[Array, Array]:
        advantage = now + discount * trace * later
        return advantage, advantage

    return jax.lax.scan(back, jnp.zeros_like(last), surprise, reverse=True)[1]


class Scale(eqx.Module):
    """Where values lie and how far they spread, from what was seen so far; `weight` is how much that was."""

    mean: Float[Array, ""]
    square: Float[Array, ""]
    weight: Float[Array, ""]

    @property
    def deviation(self) -> Float[Array, ""]:
        """Standard deviation, at least a thousandth."""
        return jnp.sqrt(jnp.maximum(self.square - self.mean**2, 1e-6))

    def seen(self, values: Float[Array, "..."], share: float = 0.05) -> Scale:
        """With `values` besides: each of the latest counts `share`, all the earlier less by that (MAPPO's value
        normalisation: Yu et al. 2022, arXiv 2103.01955). The first are taken as they are.

        ```python
        >>> scale = new_scale().seen(jnp.array([1.0, 3.0]))
        >>> float(scale.mean), float(scale.deviation)
        (2.0, 1.0)

        ```
        """
        weight = self.weight + share * (1 - self.weight)
        rate = share / weight
        return Scale(
            self.mean + rate * (values.mean() - self.mean),
            self.square + rate * ((values**2).mean() - self.square),
            weight,
        )


def new_scale() -> Scale:
    """The scale before anything was seen: values as they are."""
    return Scale(jnp.zeros(()), jnp.ones(()), jnp.zeros(()))


def standardised(advantages: Float[Array, "..."], axis: int | tuple[int, ...] | None = None) -> Float[Array, "..."]:
    """Advantages in units of their standard deviation, about their mean, along `axis`; all of them without one."""
    spread = advantages.std(axis, keepdims=True)
    return (advantages - advantages.mean(axis, keepdims=True)) / jnp.maximum(spread, 1e-6)
