"""The clipped surrogate, and how far a policy has moved from the one that played."""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float


def clipped_surrogate(
    log_ratio: Float[Array, "*parts"], advantage: Float[Array, "*parts"], clip: float
) -> Float[Array, "*parts"]:
    """What is raised: `min(ratio A, clip(ratio, 1 - clip, 1 + clip) A)` (Schulman et al. 2017, arXiv 1707.06347).

    A part whose likelihood has moved past the clip the way its advantage asks for has no gradient.

    ```python
    >>> found = clipped_surrogate(jnp.log(jnp.array([1.5, 1.5])), jnp.array([1.0, -1.0]), 0.2)
    >>> [round(float(one), 3) for one in found]
    [1.2, -1.5]

    ```
    """
    ratio = jnp.exp(log_ratio)
    return jnp.minimum(ratio * advantage, jnp.clip(ratio, 1 - clip, 1 + clip) * advantage)


def divergence(log_ratio: Float[Array, "*parts"]) -> Float[Array, "*parts"]:
    """An estimate of the Kullback-Leibler divergence from the policy that played, by what was drawn: `r - 1 - log r`,
    unbiased, and never below 0 (Schulman 2020, "Approximating KL divergence")."""
    return jnp.expm1(log_ratio) - log_ratio
