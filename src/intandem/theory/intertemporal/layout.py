"""What a small market's dynamic program is made of: the shape of its states and decisions, and its numbers."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from intandem.display import Displayed


@dataclass(frozen=True)
class Factor:
    """Products whose stocks and intentions move together: indices of `products` and of intention axes (`pairs`)."""

    products: tuple[int, ...]
    pairs: tuple[int, ...]


@dataclass(frozen=True)
class Layout:
    """The shape of a program, known before compilation.

    - `stock_sizes`, `order_sizes`, `lead_times`: per product. `intention_sizes`: per pair with a grid.
    - `factors`: a partition of products. `positions`: of the season, 1 without one.
    """

    stock_sizes: tuple[int, ...]
    order_sizes: tuple[int, ...]
    lead_times: tuple[int, ...]
    intention_sizes: tuple[int, ...]
    factors: tuple[Factor, ...]
    positions: int

    @property
    def pipeline_sizes(self) -> tuple[int, ...]:
        """One axis for every order that is under way when the departments decide, product after product."""
        pairs = zip(self.order_sizes, self.lead_times, strict=True)
        return tuple(size for size, lead in pairs for _ in range(max(lead - 1, 0)))

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the values at one position: stocks, intentions, orders under way."""
        return (*self.stock_sizes, *self.intention_sizes, *self.pipeline_sizes)

    @property
    def states(self) -> int:
        """Number of states, over all positions of the season."""
        return self.positions * int(np.prod(self.shape, dtype=object))

    @property
    def decision_size(self) -> int:
        """Numbers in the array of values after a decision."""
        return int(np.prod([*self.shape, *self.order_sizes], dtype=object))

    def factor_size(self, factor: Factor) -> int:
        """Local states of a factor."""
        sizes = [self.stock_sizes[j] for j in factor.products] + [self.intention_sizes[k] for k in factor.pairs]
        return int(np.prod(sizes, dtype=object))

    def factor_axes(self, factor: Factor) -> tuple[int, ...]:
        """The axes of a factor's local state among those of the values."""
        return (*factor.products, *(len(self.stock_sizes) + k for k in factor.pairs))


@jax.tree_util.register_dataclass
@dataclass(frozen=True, repr=False)
class Program(Displayed):
    """The numbers of a program, double precision.

    - `arrival`: per product, the index of the stock when order `o` joins stock `x`: `stock orders`.
    - `returned`: per product, money back for what of it the cap has no room for: `stock orders`, mostly 0.
    - `order_cost`: per product, money by order: `orders`.
    - `kernels`: per factor, the chances of moving from a local state to another, before what arrives at the end of the
      period: `positions exposures states states`, by the factor's own list of exposures.
    - `rewards`: per factor, expected money of the period, orders left out: `positions exposures states`.
    - `local`: which of a factor's exposures each joint exposure means: `exposures factors`.
    - `discount`: 1 for the average.
    """

    arrival: tuple[Int[Array, "_ _"], ...]
    returned: tuple[Float[Array, "_ _"], ...]
    order_cost: tuple[Float[Array, "_"], ...]
    kernels: tuple[Float[Array, "positions _ _ _"], ...]
    rewards: tuple[Float[Array, "positions _ _"], ...]
    local: Int[Array, "exposures factors"]
    discount: Float[Array, ""]


def double_precision() -> AbstractContextManager[None]:
    """A context in which JAX's arrays are double precision (64 bits); outside they are single.

    ```python
    >>> import jax.numpy as jnp
    >>> with double_precision():
    ...     inside = jnp.ones(1).dtype
    >>> inside == np.float64, jnp.ones(1).dtype == np.float64
    (True, False)

    ```
    """
    return jax.enable_x64(True)


def newsvendor_program() -> tuple[Layout, Program]:
    """The smallest program there is, for examples; call it where double precision is enabled.

    A newsvendor, one period after the other: demand 0 or 1 with equal chances, price 4, cost 1, no holding cost, room
    for one unit, orders arrive at once.

    ```python
    >>> with double_precision():
    ...     layout, program = newsvendor_program()
    >>> layout.states, program.order_cost[0].tolist()
    (2, [0.0, 1.0])

    ```
    """
    layout = Layout((2,), (2,), (0,), (), (Factor((0,), ()),), 1)
    program = Program(
        arrival=(jnp.array([[0, 1], [1, 1]]),),
        returned=(jnp.zeros((2, 2)),),
        order_cost=(jnp.array([0.0, 1.0]),),
        kernels=(jnp.array([[[[1.0, 0.0], [0.5, 0.5]]]]),),
        rewards=(jnp.array([[[0.0, 2.0]]]),),
        local=jnp.zeros((1, 1), int),
        discount=jnp.array(1.0),
    )
    return layout, program
