"""Which markets the exact theory is for: purchases of one unit each, independent or one out of all products."""

from __future__ import annotations

from intandem.errors import InputError
from intandem.market import Market

SEVERAL_UNITS = "not for purchases of several units"


def refuse_beyond_theory(market: Market) -> None:
    """Tests that the exact theory says something of a market.

    **Raises:** `InputError` where a purchase is of several units, or customers choose within several categories.

    ```python
    >>> from intandem.market import build_market
    >>> fields = {"price": [9.0], "unit_cost": [4.0], "holding_cost": [1.0], "units_per_purchase": [2.5]}
    >>> refuse_beyond_theory(build_market(fields, [[0.0]], [[1.0]], name="bakery"))
    Traceback (most recent call last):
    intandem.errors.InputError: bakery: products: units_per_purchase: is 2.5 for 'p1', and exact solutions know \
purchases of one unit; simulate it, or `intandem bound` it

    ```
    """
    refuse_several_units(market)
    if market.rivals is not None:
        names = [repr(name) for name in dict.fromkeys(market.category) if name is not None]
        problem = f"has choices within several categories ({', '.join(names[:3])}), and exact solutions know one"
        cure = "leave category out, set choice = 'independent', or simulate it"
        raise InputError(market.name, problem, cure, row="products", key="category")


def refuse_several_units(market: Market) -> None:
    """Tests that every purchase is of one unit.

    **Raises:** `InputError` where a purchase is of several units.

    ```python
    >>> from intandem.market.files import example_market
    >>> refuse_several_units(example_market("two-products-capped"))

    ```
    """
    if not market.traits.single_units:
        product = int((market.units_per_purchase > 1).argmax())
        units = float(market.units_per_purchase[product])
        problem = (
            f"is {units:g} for {market.labels.product_ids[product]!r}, and exact solutions know purchases of one unit"
        )
        cure = "simulate it, or `intandem bound` it"
        raise InputError(market.name, problem, cure, row="products", key="units_per_purchase")
