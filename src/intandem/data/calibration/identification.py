"""What the data can tell apart: an effect is estimated only from what varies once all that is held constant is gone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from intandem.data.calibration.panel import Panel
from intandem.display import count

LEAST_EXPOSED = 50.0
"""Exposures of visiting customers below which an effect is not estimated but stated."""

LEAST_VARIED = 20.0
"""The same for exposures that vary: how many, given at random, would tell as much."""

LARGEST_PRICE_ERROR = 2.0
"""Standard error, in units of elasticity, beyond which prices say nothing of it."""

SWEEPS = 8


@dataclass(frozen=True)
class Identified:
    """Which effects the data speak of.

    - `recorded`: rows of exposures. `counted`: exposures of visiting customers in the periods that are fitted.
    - `varied`: exposures, given at random, that would tell as much as these do.
    - `prices`: whether prices vary enough to tell what they do; `priced`: whether they vary at all.
    """

    recorded: int
    counted: float
    varied: float
    prices: bool
    priced: bool

    @property
    def exposures(self) -> bool:
        """Whether the effect of an exposure is estimated."""
        return self.counted >= LEAST_EXPOSED and self.varied >= LEAST_VARIED

    @property
    def reason(self) -> str:
        """Why the effect is stated; empty where it is estimated."""
        if self.exposures:
            return ""
        if not self.recorded:
            return "the data record no exposures"
        recorded = f"the data record {count(self.recorded, 'exposure')}"
        if self.counted < LEAST_EXPOSED:
            return (
                f"{recorded}, {self.counted:,.0f} of them of visiting customers in the periods that are fitted, and "
                f"an estimate needs {LEAST_EXPOSED:.0f}"
            )
        return (
            f"{recorded} that do not vary: within a customer and product, beside what all products of a department "
            f"have in common in a period, and beside prices, they tell as much as {self.varied:.0f} exposures given at "
            f"random, and an estimate needs {LEAST_VARIED:.0f}"
        )


def identified(panel: Panel, scored: np.ndarray, recorded: int, *, across_stores: bool) -> Identified:
    """Looks for what varies.

    **Arguments:**

    - `scored`: opportunities that count in the likelihood, `periods rows width`.
    - `recorded`: rows of exposures in the tables. `across_stores`: hold a product's mean exposure in a period constant.
    """
    log_ratio = panel.of_pairs(np.log(panel.price_ratio))
    prices = within(log_ratio, scored, panel)
    rate = float(panel.bought.sum(where=scored > 0)) / max(float(scored.sum()), 1.0)
    information = float((scored * prices**2).sum(dtype=float)) * rate * (1 - rate)
    known = scored * panel.exposure_known[:, :, None]
    counted = float((panel.exposed * known).sum(dtype=float))
    varied = 0.0
    if counted >= LEAST_EXPOSED:
        varied = variation(panel.exposed, known, panel, prices, across_stores=across_stores)
    return Identified(
        recorded=recorded,
        counted=counted,
        varied=varied,
        prices=information >= 1 / LARGEST_PRICE_ERROR**2,
        priced=float(log_ratio.std()) > 1e-6,
    )


def variation(
    exposed: np.ndarray, known: np.ndarray, panel: Panel, prices: np.ndarray, *, across_stores: bool
) -> float:
    """The sum of squares of what is left of exposures, in units of as many exposures that are given at random."""
    left = within(exposed, known, panel, by_product=across_stores)
    square = float((known * prices**2).sum(dtype=float))
    if square > 0:
        left = left - float((known * left * prices).sum(dtype=float)) / square * prices
    return float((known * left**2).sum(dtype=float))


def within(values: np.ndarray, weight: np.ndarray, panel: Panel, *, by_product: bool = False) -> np.ndarray:
    """What is left of `values` (`periods rows width`) beside weighted means of pairs, and of departments in periods.

    The means are taken off in turn until nothing is left of them (Frisch and Waugh 1933, by alternating projections).

    **Arguments:** `by_product`: take off the mean of each product in each period as well.
    """
    shape = values.shape
    left = np.array(values, np.float32).reshape(shape[0], -1)
    weight = np.asarray(weight, np.float32).reshape(shape[0], -1)
    kinds = [panel.group[panel.pair_product]]
    if by_product:
        kinds.append(panel.pair_product)
    totals = [_by_kind(weight, kind) for kind in kinds]
    per_pair = np.maximum(weight.sum(0), 1e-12)
    for _ in range(SWEEPS):
        left -= (weight * left).sum(0) / per_pair
        for kind, total in zip(kinds, totals, strict=True):
            left -= (_by_kind(weight * left, kind) / np.maximum(total, 1e-12))[:, kind]
    return left.reshape(shape)


def _by_kind(values: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """Sums over the pairs of each kind, `periods kinds`."""
    count = int(kind.max()) + 1
    return np.stack([np.bincount(kind, row, count) for row in values]).astype(np.float32)
