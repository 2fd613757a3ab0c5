"""Whether a decision is one that the market allows."""

from __future__ import annotations

import numpy as np

from intandem.errors import InputError
from intandem.market.model import Decision, Market

_TOLERANCE = 1e-4
"""Room for rounding in single precision, for exposures and their sums."""


def check_decision(market: Market, decision: Decision) -> None:
    """Tests one period's decisions against the market's rules.

    **Arguments:**

    - `decision`: `order` of shape `products`, `exposure` of shape `rows width`.

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
    order, exposure = np.asarray(decision.order), np.asarray(decision.exposure)
    for key, array, shape in (
        ("order", order, (market.products,)),
        ("exposure", exposure, (market.rows, market.pairs.width)),
    ):
        if array.shape != shape:
            raise InputError("decision", f"has shape {array.shape}", f"give shape {shape}", key=key)
    _check_order(market, order)
    _check_exposure(market, exposure)


def _check_order(market: Market, order: np.ndarray) -> None:
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
                "decision",
                f"is {order[row]:g}, {problem.format(**bounds)}",
                cure.format(**bounds),
                row=f"product {market.labels.product_ids[row]}",
                key="order",
            )


def _check_exposure(market: Market, exposure: np.ndarray) -> None:
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
                "decision",
                f"is {exposure[row, place]:g}, {problem}",
                cure,
                row=f"customer {market.labels.customer_ids[row]}, {named}",
                key="exposure",
            )
    total = exposure.sum(1)
    over = total > market.exposure_slots + _TOLERANCE * max(1, market.exposure_slots)
    if over.any():
        row = int(over.argmax())
        raise InputError(
            "decision",
            f"adds up to {total[row]:g}, above exposure_slots {market.exposure_slots}",
            f"show at most {market.exposure_slots}",
            row=f"customer {market.labels.customer_ids[row]}",
            key="exposure",
        )
