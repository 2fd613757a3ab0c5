"""Order terms in the market's units: what the firm wrote, to the unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from intandem.market.rules.keys import LARGEST_WHOLE


@dataclass(frozen=True)
class OrderTerms:
    """Smallest order, multiple and largest order (`nan`: no limit) in the market's units, and the products, by index,
    whose smallest order or multiple is cut, being beyond what a market file can hold."""

    min_order: np.ndarray
    order_multiple: np.ndarray
    max_order: np.ndarray
    cut: np.ndarray


def order_terms(
    min_order: np.ndarray, order_multiple: np.ndarray, max_order: np.ndarray, unit_size: np.ndarray
) -> OrderTerms:
    """Terms in units of `unit_size` of the firm's own units each: nothing is rounded.

    A largest order that no market file can hold is no limit.

    **Arguments:** all of shape `products`, terms in the firm's units; `nan` in `max_order`: no limit.

    Ten to the order and no more, whatever customers buy at a time; and 5 kg counted by 100 grams:

    ```python
    >>> terms = order_terms(np.array([10.0, 5]), np.array([1.0, 5]), np.array([10.0, np.nan]), np.array([1.0, 0.1]))
    >>> terms.min_order, terms.order_multiple, terms.max_order
    (array([10., 50.]), array([ 1., 50.]), array([10., nan]))

    ```
    """
    units = np.round(1 / unit_size)
    least, multiple = min_order * units, order_multiple * units
    most = np.where(max_order * units > LARGEST_WHOLE, np.nan, max_order * units)
    within = np.minimum(multiple, LARGEST_WHOLE)
    ceiling = np.floor(LARGEST_WHOLE / within) * within
    cut = (multiple > within) | (np.ceil(least / within) * within > ceiling)
    return OrderTerms(np.where(cut, np.minimum(least, ceiling), least), within, most, np.flatnonzero(cut))
