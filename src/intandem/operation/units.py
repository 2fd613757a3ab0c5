"""The firm's own units and the market's: one and the same, but for what is weighed or measured."""

from __future__ import annotations

import numpy as np

from intandem.market import Market

DECIMALS = 6


def unit_sizes(market: Market) -> np.ndarray:
    """How much of the firm's own unit a unit of the market is, per product: 1, or a whole part of it (a gram of a
    kilogram), without what single precision adds."""
    parts = np.asarray(market.unit_size, float)
    return 1.0 / np.round(1.0 / parts)


def own_units(units: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Units of the market as the firm counts them.

    ```python
    >>> own_units(np.array([3.0, 2_500.0]), np.array([1.0, 0.001]))
    array([3. , 2.5])

    ```
    """
    return np.where(size == 1, units, np.round(units * size, DECIMALS))


def market_units(quantity: np.ndarray, size: np.ndarray) -> np.ndarray:
    """The firm's quantities in units of the market, whole where the market cuts the firm's unit."""
    return np.where(size == 1, quantity, np.rint(quantity / size))


def shown(units: float) -> str:
    """Units in a sentence: all digits of whole ones, six of others, and nothing without a sign.

    ```python
    >>> shown(2_500_000.0), shown(2.50), shown(-0.0)
    ('2500000', '2.5', '0')

    ```
    """
    units = round(float(units), DECIMALS) + 0.0
    return f"{units:.0f}" if units.is_integer() else f"{units:g}"
