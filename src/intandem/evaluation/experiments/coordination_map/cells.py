"""The cells of the coordination map: solved draw by draw, kept on disk, averaged with their intervals."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Literal

import numpy as np
from jaxtyping import Float

from intandem.evaluation.experiments.coordination_map.averages import averages, parts_of_gain
from intandem.evaluation.experiments.coordination_map.markets import Setting, market_of
from intandem.evaluation.experiments.ledger import Ledger
from intandem.evaluation.statistics import Interval, mean_interval
from intandem.theory.intertemporal import solve

Silo = Literal["silo", "filtered-silo"]

TOLERANCE = 1e-6
"""Relative distance of the solver's proved bounds; gains below it are none."""

EDITION = 1
"""Raised when markets or figures change, so that cells kept before are solved again."""

PARTS = ("more_units", "better_mix", "fewer_lost_sales", "less_stock", "fewer_orders")


@dataclass(frozen=True)
class Share:
    """A gain as a share of the profit it is measured against: the ratio of means over draws.

    - `value`: the share; not a number where the other regime earns nothing.
    - `influence`: what each draw adds to it (the linearised ratio), so that shares over the same draws can be compared
      pair by pair (Cochran, Sampling Techniques, section 6.3).
    """

    value: float
    influence: Float[np.ndarray, " draws"]

    @property
    def interval(self) -> Interval:
        """With its 95% interval over draws."""
        return mean_interval(self.value + self.influence)

    def less(self, other: Share) -> Interval:
        """The difference from another share on the same draws."""
        return mean_interval(self.value + self.influence - other.value - other.influence)


@dataclass(frozen=True)
class Cell:
    """A setting and what was found on every draw, one row each; see `solve_draw` for a row's figures."""

    setting: Setting
    rows: tuple[dict[str, float], ...]

    def column(self, name: str) -> Float[np.ndarray, " draws"]:
        """One figure of all draws."""
        return np.array([row[name] for row in self.rows])

    def gain(self, over: Silo = "filtered-silo") -> Float[np.ndarray, " draws"]:
        """Money per period that the joint optimum earns more."""
        return self.column("joint") - self.column(over)

    def share(self, over: Silo = "filtered-silo", of: str = "") -> Share:
        """The gain, or the figure `of` in its place, as a share of what the other regime earns."""
        part = self.column(of) if of else self.gain(over)
        earned = self.column(over)
        mean = float(earned.mean())
        if mean <= 0:
            return Share(float("nan"), np.full(len(part), np.nan))
        ratio = float(part.mean()) / mean
        return Share(ratio, (part - ratio * earned) / mean)

    def largest_share(self, over: Silo) -> float:
        """The largest gain of any draw, as a share of the size of what the other regime earns."""
        return float((self.gain(over) / np.maximum(np.abs(self.column(over)), 1e-12)).max())


def solve_draw(setting: Setting, draw: int, seed: int) -> dict[str, float]:
    """Solves one market.

    - `joint`, `silo`, `filtered-silo`: profit per period. `lost_...`: share of demand lost. `seconds`: it took.
    - `limit_used`: orders of the joint optimum over the most that could be ordered. And the gain's `Parts`.
    """
    started = time.monotonic()
    solution = solve(market_of(setting, draw, seed), tolerance=TOLERANCE)
    joint, filtered = averages(solution, "joint"), averages(solution, "filtered-silo")
    found = {name: one.profit for name, one in solution.regimes.items()}
    found |= {"lost_joint": joint.lost_share, "lost_filtered-silo": filtered.lost_share}
    found["limit_used"] = float(joint.ordered.mean()) / setting.max_order
    found |= asdict(parts_of_gain(solution, joint, filtered))
    return found | {"seconds": time.monotonic() - started}


def solve_cell(
    setting: Setting, draws: int, ledger: Ledger, seed: int = 0, told: Callable[[int], None] | None = None
) -> Cell:
    """A cell with its first `draws` draws, those in the ledger read again and each new one kept at once."""
    same = {"setting": asdict(setting), "seed": seed, "edition": EDITION, "tolerance": TOLERANCE}
    rows = []
    for draw in range(draws):
        if told is not None:
            told(draw)
        rows.append(ledger.cell({**same, "draw": draw}, partial(solve_draw, setting, draw, seed)))
    return Cell(setting, tuple(rows))
