"""How likely demand is: chances of purchase from the market's own choice model, and exact sums over customers."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from scipy import stats

from intandem.market import Market
from intandem.market.demand import choice_probability, unexposed_utility
from intandem.theory.intertemporal.grid import places
from intandem.theory.intertemporal.layout import Factor, double_precision


def in_double_precision(market: Market) -> Market:
    """The market with its numbers in double precision; call it where double precision is enabled.

    ```python
    >>> from intandem.market import example_market
    >>> with double_precision():
    ...     wide = in_double_precision(example_market("two-products-capped"))
    >>> str(wide.price.dtype)
    'float64'

    ```
    """
    wide = lambda leaf: jnp.asarray(np.asarray(leaf, np.float64)) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf  # noqa: E731
    return jax.tree.map(wide, market)


def purchase_chances(
    market: Market,
    position: np.ndarray,
    intention: Float[np.ndarray, "batch rows width"],
    exposure: Float[np.ndarray, "batch rows width"],
    available: Float[np.ndarray, "batch products"],
) -> Float[np.ndarray, "batch rows width"]:
    """The chance that a visitor of each row buys each product, for a batch of situations.

    **Arguments:** `position`: in the season, `batch`. `intention`: logit units. `available`: units, for substitution.

    With utilities -2 and -1.2 and the first product shown, at an effect of 2.5, `sigmoid(0.5)` and `sigmoid(-1.2)`:

    ```python
    >>> from intandem.market import example_market
    >>> market = example_market("two-products-capped")
    >>> shown = np.array([[[1.0, 0.0]]])
    >>> purchase_chances(market, np.zeros(1, int), np.zeros((1, 1, 2)), shown, np.ones((1, 2))).round(4)
    array([[[0.6225, 0.2315]]])

    ```
    """
    with double_precision():
        # Without what has no bearing, so that markets of one shape share one compiled program.
        wide = in_double_precision(replace(market, name="", solve=None))
        return np.asarray(_batch_of_chances(wide, jnp.asarray(position), intention, exposure, available))


@jax.jit
def _batch_of_chances(
    market: Market,
    position: Int[Array, " batch"],
    intention: Float[Array, "batch rows width"],
    exposure: Float[Array, "batch rows width"],
    available: Float[Array, "batch products"],
) -> Float[Array, "batch rows width"]:
    def one(
        period: Array,
        moved: Float[Array, "rows width"],
        shown: Float[Array, "rows width"],
        stock: Float[Array, " products"],
    ) -> Float[Array, "rows width"]:
        return choice_probability(market, unexposed_utility(market, moved, period), shown, stock)

    return jax.vmap(one)(position, intention, exposure, available)


def chances_of_products(market: Market, factor: Factor, by_place: np.ndarray) -> np.ndarray:
    """Chances by product of the factor instead of by place: `... rows products`; 0 where a row does not have it.

    ```python
    >>> from intandem.market import example_market
    >>> chances_of_products(example_market("two-products-capped"), Factor((1,), ()), np.array([[0.6, 0.2]]))
    array([[0.2]])

    ```
    """
    at = places(market)
    found = np.zeros((*by_place.shape[:-1], len(factor.products)))
    for f, j in enumerate(factor.products):
        row, place = np.nonzero(at == j)
        found[..., row, f] = by_place[..., row, place]
    return found


def demand_chances(
    market: Market, bought: np.ndarray, people: np.ndarray, visiting: np.ndarray, sizes: tuple[int, ...]
) -> np.ndarray:
    """Joint chances of demand of the factor's products, the last count of each standing for "or more".

    **Arguments:** `bought`: chance per visitor, `... rows products`. `people`, `visiting`: population of each row and
    its chance of a visit. `sizes`: counts kept per product.

    Two rows of one person, who ask with chances 1/2 and 1/4:

    ```python
    >>> from intandem.market import example_market
    >>> market = example_market("two-products-capped")
    >>> demand_chances(market, np.array([[0.5], [0.25]]), np.ones(2, int), np.ones(2), (3,))
    array([0.375, 0.5  , 0.125])

    ```
    """
    lead = tuple(bought.shape[:-2])
    if len(sizes) == 1:
        total = np.zeros((*lead, sizes[0]))
        total[..., 0] = 1.0
        for row, population in enumerate(people):
            chance = visiting[row] * bought[..., row, 0]
            if not chance.any():
                continue
            count = stats.binom.pmf(np.arange(sizes[0] - 1), int(population), chance[..., None])
            total = _add_counts(total, np.concatenate([count, 1 - count.sum(-1, keepdims=True)], -1))
        return total
    total = np.zeros((*lead, *sizes))
    total.reshape(-1, int(np.prod(sizes)))[:, 0] = 1.0
    for row, population in enumerate(people):
        joint = _row_counts(market, bought[..., row, :], int(population), float(visiting[row]))
        total = _add_joint_counts(total, joint, sizes)
    return total


def _add_counts(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Chances of the sum of two counts, the last standing for "or more"."""
    size = one.shape[-1]
    total = np.zeros_like(one)
    for d in range(size - 1):
        total[..., d : size - 1] += other[..., d, None] * one[..., : size - 1 - d]
    total[..., -1] = np.maximum(1 - total[..., :-1].sum(-1), 0.0)
    return total


def _add_joint_counts(total: np.ndarray, joint: np.ndarray, sizes: tuple[int, ...]) -> np.ndarray:
    lead = total.ndim - len(sizes)
    found = np.zeros_like(total)
    for shift in np.ndindex(*joint.shape[lead:]):
        part = joint[(..., *shift)][(..., *[None] * len(sizes))] * total
        for axis, (step, size) in enumerate(zip(shift, sizes, strict=True), lead):
            if step:
                part = _moved_up(part, axis, step, size)
        found += part
    return found


def _moved_up(part: np.ndarray, axis: int, step: int, size: int) -> np.ndarray:
    part = np.moveaxis(part, axis, -1)
    moved = np.zeros_like(part)
    kept = max(size - 1 - step, 0)
    moved[..., step : step + kept] = part[..., :kept]
    moved[..., -1] = part[..., kept:].sum(-1)
    return np.moveaxis(moved, -1, axis)


def _row_counts(market: Market, bought: np.ndarray, population: int, visiting: float) -> np.ndarray:
    """Joint chances of what one row asks for, `0..population` of every product."""
    visits = stats.binom.pmf(np.arange(population + 1), population, visiting)
    found = np.zeros((*bought.shape[:-1], *[population + 1] * bought.shape[-1]))
    for visitors, chance in enumerate(visits):
        if chance > 0:
            found += chance * visitor_counts(market, bought, visitors, population + 1)
    return found


def visitor_counts(market: Market, bought: np.ndarray, visitors: int, size: int) -> np.ndarray:
    """Joint chances of what `visitors` people ask for, counts `0..size-1` of every product (the last axes).

    One visitor, who asks for each of two products with chance 1/2, independently:

    ```python
    >>> from intandem.market import example_market
    >>> visitor_counts(example_market("two-products-capped"), np.array([0.5, 0.5]), visitors=1, size=2)
    array([[0.25, 0.25],
           [0.25, 0.25]])

    ```
    """
    products = bought.shape[-1]
    spread = (..., *[None] * products)
    found = np.ones((*bought.shape[:-1], *[1] * products))
    undecided = np.full([1] * products, visitors)
    left = np.ones(bought.shape[:-1])
    for j in range(products):
        asked = np.arange(size).reshape([-1 if axis == j else 1 for axis in range(products)])
        chance = bought[..., j]
        if market.choice == "multinomial":
            # Of those who have not chosen an earlier product.
            chance, left = np.clip(chance / np.maximum(left, 1e-300), 0, 1), left - bought[..., j]
        found = found * np.where(undecided >= 0, stats.binom.pmf(asked, np.maximum(undecided, 0), chance[spread]), 0.0)
        if market.choice == "multinomial":
            undecided = undecided - asked
    return found
