"""Order terms in the market's unit: converted together, so that what fitted in units fits in purchases."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from intandem.market.rules.keys import LARGEST_WHOLE

NEAR = 1e-9
"""Share by which a quotient of floats may miss the whole number that it is."""

COARSE = 0.1
"""Share by which a rounded term may differ from the firm's before it is told."""


@dataclass(frozen=True)
class OrderTerms:
    """Smallest order, multiple and largest order (`nan`: no limit) in purchases, and the products, by index, whose
    terms are more than a tenth off what the firm wrote, since units and purchases do not go into each other."""

    min_order: np.ndarray
    order_multiple: np.ndarray
    max_order: np.ndarray
    rounded: np.ndarray


def order_terms(
    min_order: np.ndarray, order_multiple: np.ndarray, max_order: np.ndarray, units: np.ndarray
) -> OrderTerms:
    """Terms in purchases of `units` units each.

    A multiple becomes the nearest whole number of purchases, at least 1. Both limits become whole multiples of it: the
    smallest order not below the firm's, the largest not above; where none lies between, both become the nearest one.
    A largest order that no market file can hold is no limit.

    **Arguments:** all of shape `products`, in units; `nan` in `max_order`: no limit.

    ```python
    >>> terms = order_terms(np.array([10.0]), np.array([1.0]), np.array([10.0]), np.array([3.0]))
    >>> terms.min_order, terms.order_multiple, terms.max_order
    (array([3.]), array([1.]), array([3.]))

    ```
    """
    multiple = np.clip(np.round(order_multiple / units), 1.0, LARGEST_WHOLE)
    step = units * multiple
    ceiling = np.floor(LARGEST_WHOLE / multiple)
    fewest = np.ceil(min_order / step * (1 - NEAR))
    most = np.floor(np.where(np.isnan(max_order), np.inf, max_order) / step * (1 + NEAR))
    between = most >= np.maximum(fewest, 1.0)
    nearest = np.maximum(np.round((min_order + np.nan_to_num(max_order)) / 2 / step), 1.0)
    fewest = np.where(between, fewest, np.where(min_order > 0, nearest, 0.0))
    most = np.where(between, most, nearest)
    fewest = np.minimum(fewest, ceiling)
    most = np.where(most > ceiling, np.nan, most)
    off = _off(multiple * units, order_multiple, order_multiple > 1) | _off(fewest * step, min_order, min_order > 0)
    off |= _off(most * step, max_order, ~np.isnan(most) & ~np.isnan(max_order))
    return OrderTerms(fewest * multiple, multiple, most * multiple, np.flatnonzero(off))


def _off(made: np.ndarray, given: np.ndarray, stated: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return stated & (np.abs(made / np.maximum(given, 1e-12) - 1) > COARSE)
