"""The sparse customer x product layout: spread product values to pairs, total pairs to products.

Every customer row has the same number of places, `width`, one per candidate product. Work and memory grow with
`rows x width`, never with `rows x products`. Dense is the case where place `j` of every row is product `j`: then
no index is stored and spreading and totalling are a broadcast and a sum.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int


class QueueOrder(eqx.Module):
    """Pairs in product order, for what must be counted along each product's queue of customers.

    - `place`: the flat place of each pair, products one after another, rows in order within a product.
    - `rank`: the inverse permutation: where in that order each flat place stands.
    - `start`: where in that order each product begins (`products` entries).
    """

    place: Int[Array, " pairs"]
    rank: Int[Array, " pairs"]
    start: Int[Array, " products"]


class Pairs(eqx.Module):
    """Which product stands at which place of which customer row.

    - `product`: product index per place; `products` (one past the last) marks an empty place. `None`: dense.
    - `queue`: product order, only where units must be given to customers one by one in a sparse layout.
    - `products`, `rows`, `width`: sizes.
    - `ragged`: some places are empty.
    """

    product: Int[Array, "rows width"] | None
    queue: QueueOrder | None
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

    def spread(self, values: Float[Array, " products"]) -> Float[Array, "#rows width"]:
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

    def queued_before(self, units: Int[Array, "rows width"]) -> Int[Array, "rows width"]:
        """Units asked for by earlier rows, per product: each pair's place in its product's queue."""
        if self.product is None:
            return jnp.cumsum(units, 0) - units
        if self.queue is None:
            raise ValueError("this layout was built without its queue order")
        in_order = units.ravel().at[self.queue.place].get(mode="promise_in_bounds", unique_indices=True)
        before = _exclusive_cumulative(in_order)
        owner_start = before.at[jnp.minimum(self.queue.start, before.size - 1)].get()
        flat = before.at[self.queue.rank].get(mode="promise_in_bounds", unique_indices=True)
        at_start = owner_start.at[self.index()].get(mode="promise_in_bounds")
        return flat.reshape(units.shape) - at_start


_BLOCK = 128


def _exclusive_cumulative(units: Int[Array, " n"]) -> Int[Array, " n"]:
    """Exclusive running sum. Blocks go through a triangular matrix product, several times faster than a scan
    on a processor's wide units; counts within a block stay far below 2**24 and so exact in float32."""
    n = units.size
    if n <= 4 * _BLOCK:
        return jnp.cumsum(units) - units
    blocks = jnp.pad(units, (0, -n % _BLOCK)).reshape(-1, _BLOCK)
    before_me = jnp.triu(jnp.ones((_BLOCK, _BLOCK), jnp.float32), 1)
    within = jax.lax.dot(blocks.astype(jnp.float32), before_me, precision=jax.lax.Precision.HIGHEST)
    sums = blocks.sum(1)
    before = jnp.cumsum(sums) - sums
    return (within.astype(units.dtype) + before[:, None]).ravel()[:n]


def dense_pairs(rows: int, products: int) -> Pairs:
    """Every product is a candidate of every row."""
    return Pairs(None, None, products, rows, products, False)


def sparse_pairs(product: np.ndarray, products: int, *, queue: bool) -> Pairs:
    """A layout from a table of product indices, `(rows, width)`; `products` marks an empty place.

    **Arguments:**

    - `product`: integers in `0..products`.
    - `products`: how many products there are.
    - `queue`: also store the product order that unit-level fulfilment needs (8 bytes per pair).

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
    order: QueueOrder | None = None
    if queue:
        flat = product.ravel()
        place = np.argsort(flat, kind="stable").astype(np.int32)
        rank = np.empty_like(place)
        rank[place] = np.arange(place.size, dtype=np.int32)
        start = np.searchsorted(flat[place], np.arange(products)).astype(np.int32)
        order = QueueOrder(jnp.asarray(place), jnp.asarray(rank), jnp.asarray(start))
    return Pairs(jnp.asarray(product), order, products, rows, width, ragged)
