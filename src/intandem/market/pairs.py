"""The sparse customer x product layout: spread product values to pairs, total pairs to products.

Every customer row has the same number of places, `width`, one per candidate product. Work and memory grow with
`rows x width`, never with `rows x products`. Dense is the case where place `j` of every row is product `j`: then
no index is stored and spreading and totalling are a broadcast and a sum.
"""

from __future__ import annotations

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Shaped


class Pairs(eqx.Module):
    """Which product stands at which place of which customer row.

    - `product`: product index per place; `products` (one past the last) marks an empty place. `None`: dense.
    - `products`, `rows`, `width`: sizes.
    - `ragged`: some places are empty.
    """

    product: Int[Array, "rows width"] | None
    products: int = eqx.field(static=True)
    rows: int = eqx.field(static=True)
    width: int = eqx.field(static=True)
    ragged: bool = eqx.field(static=True)

    @property
    def dense(self) -> bool:
        """Whether place `j` of every row is product `j`."""
        return self.product is None

    def valid(self) -> Bool[Array, "rows width"]:
        """True where a place holds a product."""
        if self.product is None or not self.ragged:
            return jnp.ones((self.rows, self.width), bool)
        return self.product < self.products

    def index(self) -> Int[Array, "rows width"]:
        """Product index per place; an empty place repeats the last product, to be masked by `valid`."""
        if self.product is None:
            return jnp.broadcast_to(jnp.arange(self.products), (self.rows, self.width))
        return jnp.minimum(self.product, self.products - 1) if self.ragged else self.product

    def spread(self, values: Shaped[Array, " products"]) -> Shaped[Array, "#rows width"]:
        """Product values at every place (0 at an empty place); dense layouts give one row to broadcast."""
        if self.product is None:
            return values[None, :]
        if self.ragged:
            return values.at[self.product].get(mode="fill", fill_value=0)
        return values.at[self.product].get(mode="promise_in_bounds")

    def total(self, values: Float[Array, "rows width"]) -> Float[Array, " products"]:
        """Sum over customers, per product."""
        if self.product is None:
            return values.sum(0)
        mode = "drop" if self.ragged else "promise_in_bounds"
        zeros = jnp.zeros(self.products, values.dtype)
        return zeros.at[self.product.ravel()].add(values.ravel(), mode=mode)

    def columns(self, *values: Shaped[np.ndarray, "rows width"]) -> tuple[Shaped[np.ndarray, " pairs"], ...]:
        """The pairs as a list, in the order of their places: the index of the customer row, the index of the product,
        and each of `values`. Empty places are left out."""
        row = np.repeat(np.arange(self.rows, dtype=np.uint32), self.width)
        flat = [one.ravel() for one in values]
        if self.product is None:
            return row, np.tile(np.arange(self.products, dtype=np.uint32), self.rows), *flat
        product = np.asarray(self.product).ravel().astype(np.uint32)
        if not self.ragged:
            return row, product, *flat
        held = product < self.products
        return tuple(one[held] for one in (row, product, *flat))

    def along_queues(
        self,
        give: Callable[..., Int[Array, "lanes width"]],
        units: Int[Array, "rows width"],
        *values: Int[Array, " products"],
    ) -> Int[Array, "rows width"]:
        """Walks along each product's queue of customers and gives to every pair.

        Customers queue lane after lane: lane `k` holds rows `k`, `k + lanes`, `k + 2 lanes`, ..., so that all lanes
        are walked at once and memory is read in order.

        **Arguments:**

        - `give`: from the units ahead of a pair in its product's queue, its own units, and its product's `values`
          to what the pair gets, elementwise.
        - `units`: units asked for; 0 at empty places.
        """
        lanes = self._lanes()
        steps = -(-self.rows // lanes)

        def by_step(values: Int[Array, "rows width"]) -> Int[Array, "steps lanes width"]:
            padded = jnp.pad(values, ((0, steps * lanes - self.rows), (0, 0)))
            return padded.reshape(steps, lanes, self.width)

        def dense_step(ahead: Array, units: Array) -> tuple[Array, Array]:
            return ahead + units, give(ahead, units, *values)

        if self.product is None:
            asked = by_step(units)
            given = jax.lax.scan(dense_step, _exclusive_cumulative(asked.sum(0)), asked)[1]
            return given.reshape(steps * lanes, self.width)[: self.rows]

        lane = jnp.arange(lanes)[:, None] * self.products

        def count(table: Array, at: tuple[Array, Array]) -> tuple[Array, None]:
            product, units = at
            return table.at[product + lane].add(units, mode="promise_in_bounds"), None

        def step(table: Array, at: tuple[Array, Array]) -> tuple[Array, Array]:
            product, units = at
            # Added first and read after, so that the table is updated in place and never copied.
            through = count(table, at)[0]
            ahead = through.at[product + lane].get(mode="promise_in_bounds") - units
            return through, give(ahead, units, *(v.at[product].get(mode="promise_in_bounds") for v in values))

        queue = (by_step(self.index()), by_step(units))
        in_lane = jax.lax.scan(count, jnp.zeros(lanes * self.products, units.dtype), queue)[0]
        ahead = _exclusive_cumulative(in_lane.reshape(lanes, self.products)).ravel()
        given = jax.lax.scan(step, ahead, queue)[1]
        return given.reshape(steps * lanes, self.width)[: self.rows]

    def _lanes(self) -> int:
        """How many lanes each queue has: enough to keep a step busy, few enough that counting them is cheap."""
        wanted = min(self.rows // 16, 2_048 // self.width, 2 * self.rows * self.width // self.products)
        for lanes in range(max(wanted, 1), max(wanted // 2, 0), -1):
            if self.rows % lanes == 0:
                return lanes
        return max(wanted, 1)


def _exclusive_cumulative(units: Int[Array, "lanes products"]) -> Int[Array, "lanes products"]:
    return jnp.cumsum(units, axis=0) - units


def dense_pairs(rows: int, products: int) -> Pairs:
    """Every product is a candidate of every row."""
    return Pairs(None, products, rows, products, False)


def sparse_pairs(product: np.ndarray, products: int) -> Pairs:
    """A layout from a table of product indices, `(rows, width)`; `products` marks an empty place.

    **Arguments:**

    - `product`: integers in `0..products`.
    - `products`: how many products there are.

    **Raises:** `ValueError` for an index out of range or a product twice in a row.
    """
    product = np.asarray(product, np.int32)
    rows, width = product.shape
    if product.size and (product.min() < 0 or product.max() > products):
        raise ValueError(f"product indices must lie in 0..{products}")
    in_row = np.sort(product, axis=1)
    if bool(((in_row[:, 1:] == in_row[:, :-1]) & (in_row[:, 1:] < products)).any()):
        raise ValueError("a product may stand only once among a customer's candidates")
    ragged = bool((product == products).any())
    return Pairs(jnp.asarray(product), products, rows, width, ragged)
