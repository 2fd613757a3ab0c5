"""A network over products whose size does not depend on how many there are.

Each product is embedded from its own features, sees the mean embedding of all products (what is scarce elsewhere
changes what exposure is worth here), and gives its outputs. Weights are shared across products: a deep set (Zaheer
et al. 2017). The last layer starts at zero, so a department starts as the rule that its structure holds.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key


class ProductNetwork(eqx.Module):
    """Features of every product to outputs of every product.

    - `inputs`, `context`, `hidden`, `outputs`: weights; `width` units in between.
    """

    inputs: eqx.nn.Linear
    context: eqx.nn.Linear
    hidden: eqx.nn.Linear
    outputs: eqx.nn.Linear

    def __init__(self, features: int, outputs: int, *, width: int, key: Key[Array, ""]) -> None:
        keys = jax.random.split(key, 4)
        self.inputs = eqx.nn.Linear(features, width, key=keys[0])
        self.context = eqx.nn.Linear(width, width, use_bias=False, key=keys[1])
        self.hidden = eqx.nn.Linear(width, width, key=keys[2])
        last = eqx.nn.Linear(width, outputs, key=keys[3])
        zeros = jax.tree.map(jnp.zeros_like, (last.weight, last.bias))
        self.outputs = eqx.tree_at(lambda layer: (layer.weight, layer.bias), last, zeros)

    def __call__(self, features: Float[Array, "products features"]) -> Float[Array, "products outputs"]:
        """Outputs of every product."""
        embedded = jax.nn.silu(jax.vmap(self.inputs)(features))
        around = self.context(embedded.mean(0))
        deeper = jax.nn.silu(jax.vmap(self.hidden)(embedded) + around)
        return jax.vmap(self.outputs)(deeper + embedded)
