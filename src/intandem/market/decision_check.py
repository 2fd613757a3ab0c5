"""Whether a decision is one that the market allows."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool

from intandem.errors import InputError
from intandem.market.model import Decision, Market

_TOLERANCE = 1e-4
"""Room for rounding in single precision, for exposures and their sums."""


def check_decision(market: Market, decision: Decision, place: str = "decision") -> None:
    """Tests one period's decisions against the market's rules.

    **Arguments:**

    - `decision`: `order` of shape `products`, `exposure` of shape `rows width`.
    - `place`: what an error calls it.

    **Raises:** `InputError` naming the product or the customer and the rule: an order is 0, or a whole multiple of
    `order_multiple` within `min_order..max_order`; an exposure lies in [0, 1] (0 or 1 in slate mode) and is 0 at an
    empty place; a customer's exposures do not exceed `exposure_slots`.

    ```python
    >>> import jax.numpy as jnp
    >>> from intandem.market.files import example_market
    >>> market = example_market("two-products-capped")
    >>> check_decision(market, Decision(jnp.array([6.0, 0.0]), jnp.array([[1.0, 0.0]])))
    Traceback (most recent call last):
    intandem.errors.InputError: decision: product p1: order: is 6, above max_order 5; order at most 5

    ```
    """
    check_shapes(market, decision, place)
    _check_order(market, np.asarray(decision.order), place)
    _check_exposure(market, np.asarray(decision.exposure), place)


def check_shapes(market: Market, decision: object, place: str = "decision") -> None:
    """Tests that something is a `Decision`, with arrays (or their shapes alone) of the market's shapes.

    **Raises:** `InputError`.
    """
    if not isinstance(decision, Decision):
        cure = "return Decision(order=..., exposure=...)"
        raise InputError(place, f"returned {type(decision).__name__} where a Decision is due", cure)
    wanted = {"order": (market.products,), "exposure": (market.rows, market.pairs.width)}
    for key, shape in wanted.items():
        found = np.shape(getattr(decision, key))
        if found != shape:
            raise InputError(place, f"has shape {found}", f"give shape {shape}", key=key)


def is_allowed(market: Market, decision: Decision) -> Bool[Array, ""]:
    """Whether the market allows a decision of the right shapes: `check_decision` for compiled programs.

    ```python
    >>> from intandem.market.files import example_market
    >>> market = example_market("two-products-capped")
    >>> [bool(is_allowed(market, Decision(jnp.array([units, 0.0]), jnp.array([[1.0, 0.0]])))) for units in (5.0, 6.0)]
    [True, False]

    ```
    """
    order, exposure = decision.order, decision.exposure
    batches = jnp.floor(order / market.order_multiple) * market.order_multiple
    ordered = (
        (order == jnp.floor(order)) & (order == batches) & (order >= market.min_order) & (order <= market.max_order)
    )
    allowed = jnp.where(order == 0, True, jnp.isfinite(order) & (order > 0) & ordered).all()
    shown = (exposure >= -_TOLERANCE) & (exposure <= 1 + _TOLERANCE)
    if market.exposure == "slate":
        shown = (exposure == 0) | (exposure == 1)
    if market.pairs.ragged:
        shown = shown & (market.pairs.valid() | (exposure == 0))
    return allowed & shown.all() & (exposure.sum(1) <= _most_exposures(market)).all()


def _most_exposures(market: Market) -> float:
    return market.exposure_slots + _TOLERANCE * max(1, market.exposure_slots)


def _check_order(market: Market, order: np.ndarray, place: str) -> None:
    multiple, least, most = (
        np.asarray(column) for column in (market.order_multiple, market.min_order, market.max_order)
    )
    placed = order != 0
    rules = (
        (~np.isfinite(order) | (order < 0), "not a number of units", "order 0 or more"),
        (order != np.floor(order), "not a whole number", "order whole units"),
        (
            order != np.floor(order / multiple) * multiple,
            "not a multiple of order_multiple {multiple:g}",
            "order a multiple of it",
        ),
        (placed & (order < least), "below min_order {least:g}", "order 0, or at least {least:g}"),
        (order > most, "above max_order {most:g}", "order at most {most:g}"),
    )
    for broken, problem, cure in rules:
        if broken.any():
            row = int(broken.argmax())
            bounds = {"multiple": multiple[row], "least": least[row], "most": most[row]}
            raise InputError(
                place,
                f"is {order[row]:g}, {problem.format(**bounds)}",
                cure.format(**bounds),
                row=f"product {market.labels.product_ids[row]}",
                key="order",
            )


def _check_exposure(market: Market, exposure: np.ndarray, called: str) -> None:
    rules = [
        (~((exposure >= -_TOLERANCE) & (exposure <= 1 + _TOLERANCE)), "not from 0 to 1", "give a number from 0 to 1")
    ]
    if market.exposure == "slate":
        rules.append(((exposure != 0) & (exposure != 1), "between 0 and 1, in a slate", "give 0 or 1"))
    if market.pairs.ragged:
        empty = ~np.asarray(market.pairs.valid())
        rules.append((empty & (exposure != 0), "at a place without a product", "give 0 there"))
    for broken, problem, cure in rules:
        if broken.any():
            row, place = divmod(int(broken.argmax()), market.pairs.width)
            index = market.pairs.product
            product = place if index is None else int(index[row, place])
            named = market.labels.product_ids[product] if product < market.products else f"place {place + 1}"
            raise InputError(
                called,
                f"is {exposure[row, place]:g}, {problem}",
                cure,
                row=f"customer {market.labels.customer_ids[row]}, {named}",
                key="exposure",
            )
    total = exposure.sum(1)
    over = total > _most_exposures(market)
    if over.any():
        row = int(over.argmax())
        raise InputError(
            called,
            f"adds up to {total[row]:g}, above exposure_slots {market.exposure_slots}",
            f"show at most {market.exposure_slots}",
            row=f"customer {market.labels.customer_ids[row]}",
            key="exposure",
        )
