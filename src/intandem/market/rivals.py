"""Which places of a customer row compete for one purchase: those of products of one category.

A visitor buys at most one product of a category, and the choices in different categories are independent. Independent
choice (every product its own category) and multinomial choice (one category) are the ends of it, and need none of this.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from intandem.market.pairs import Pairs


class Rivals(eqx.Module):
    """The categories in every customer row, numbered within the row.

    - `category`: of each place; one row stands for all in a dense layout. `categories`: how many a row has at most.
    """

    category: Int[Array, "#rows width"]
    categories: int = eqx.field(static=True)

    def total(self, values: Float[Array, "rows width"]) -> Float[Array, "rows width"]:
        """At every place, the sum over the places of its category."""
        if len(self.category) == 1:
            sums = jnp.zeros((self.categories, len(values)), values.dtype).at[self.category[0]].add(values.T)
            return sums[self.category[0]].T
        sums = jnp.zeros((len(values), self.categories), values.dtype)
        sums = sums.at[jnp.arange(len(values))[:, None], self.category].add(values)
        return jnp.take_along_axis(sums, self.category, 1)

    def largest(self, values: Float[Array, "rows width"], least: float) -> Float[Array, "rows width"]:
        """At every place, the largest value of its category, and no less than `least`."""
        if len(self.category) == 1:
            found = jnp.full((self.categories, len(values)), least, values.dtype)
            return found.at[self.category[0]].max(values.T)[self.category[0]].T
        found = jnp.full((len(values), self.categories), least, values.dtype)
        found = found.at[jnp.arange(len(values))[:, None], self.category].max(values)
        return jnp.take_along_axis(found, self.category, 1)


def product_groups(categories: Sequence[str | None], own_choice: Sequence[str | None]) -> Int[np.ndarray, " products"]:
    """The category of every product as a number: products without a category are one together, and a product whose
    own choice is independent is a category by itself.

    ```python
    >>> product_groups(["tea", "tea", None, None], [None, "independent", None, None])
    array([0, 2, 1, 1])

    ```
    """
    apart = np.array([one == "independent" for one in own_choice], bool)
    shared = [name for name, alone in zip(categories, apart, strict=True) if not alone]
    number = {name: position for position, name in enumerate(dict.fromkeys(shared))}
    found = np.array([number.get(name, 0) for name in categories], np.int64)
    found[apart] = len(number) + np.arange(apart.sum())
    return found


def rivals_of(group: Int[np.ndarray, " products"], pairs: Pairs) -> Rivals | None:
    """The rivals in every row; `None` where all products compete with each other.

    **Arguments:** `group`: of every product, any numbers.
    """
    found, group = np.unique(group, return_inverse=True)
    if len(found) <= 1:
        return None
    if pairs.product is None:
        return Rivals(jnp.asarray(group[None], jnp.int32), len(found))
    product = np.asarray(pairs.product)
    # An empty place is a category by itself, so that it takes nothing from the others.
    empty = len(found) + np.broadcast_to(np.arange(pairs.width), product.shape)
    of_place = np.where(product < pairs.products, np.append(group, 0)[product], empty)
    order = np.argsort(of_place, axis=1, kind="stable")
    in_order = np.take_along_axis(of_place, order, 1)
    starts = np.ones(product.shape, np.int32)
    starts[:, 1:] = in_order[:, 1:] != in_order[:, :-1]
    category = np.zeros(product.shape, np.int32)
    np.put_along_axis(category, order, np.cumsum(starts, 1, dtype=np.int32) - 1, 1)
    return Rivals(jnp.asarray(category), int(category.max()) + 1)


def choose_among(
    rivals: Rivals,
    visits: Float[Array, " rows"],
    probability: Float[Array, "rows width"],
    draw: Callable[[Array, Array, Array], Array],
    noise: Array,
) -> Float[Array, "rows width"]:
    """Purchases of each pair, place after place: of those who have bought nothing of its category yet.

    **Arguments:** `draw`: from trials, probability and the noise of a place to a count; `noise`: with `width` ahead.
    """
    rows, width = probability.shape
    category = jnp.broadcast_to(rivals.category, (rows, width)).T
    row = jnp.arange(rows)

    def place(carry: tuple[Array, Array], at: tuple[Array, Array, Array]) -> tuple[tuple[Array, Array], Array]:
        undecided, rest = carry
        chance, here, own_noise = at
        left, remaining = undecided[row, here], rest[row, here]
        count = draw(left, jnp.clip(chance / jnp.maximum(remaining, 1e-12), 0.0, 1.0), own_noise)
        return (undecided.at[row, here].add(-count), rest.at[row, here].add(-chance)), count

    start = (jnp.broadcast_to(visits[:, None], (rows, rivals.categories)), jnp.ones((rows, rivals.categories)))
    return jax.lax.scan(place, start, (probability.T, category, noise))[1].T
