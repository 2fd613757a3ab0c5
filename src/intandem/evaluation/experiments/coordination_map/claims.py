"""What the coordination map is asked, and what its cells answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from intandem.evaluation.experiments.coordination_map.cells import TOLERANCE, Cell, Share
from intandem.evaluation.experiments.coordination_map.markets import BASE, Setting
from intandem.evaluation.experiments.coordination_map.plan import Plan
from intandem.evaluation.experiments.experiment import Claim
from intandem.evaluation.report.numbers import between, percent
from intandem.evaluation.statistics import Interval, paired_difference

NOTHING = 1e-3
"""A gain below a tenth of a per cent of profit counts as none."""

SAME = 2.5e-3
"""A change below a quarter of a point counts as none where only the solution's fineness differs."""


@dataclass(frozen=True)
class Findings:
    """All cells of a plan."""

    plan: Plan
    cells: Mapping[Setting, Cell]

    def cell(self, **changes: Any) -> Cell | None:
        """The cell that differs from the base case by `changes`, if the plan has it."""
        return self.cells.get(replace(BASE, **changes))

    def along_supply(self, **changes: Any) -> list[Cell]:
        """Cells by tightness, tightest first; without those where the silo earns nothing to compare with."""
        found = [self.cell(max_order=units, **changes) for units in sorted(self.plan.max_orders)]
        return [one for one in found if one is not None and np.isfinite(one.share().value)]

    @property
    def peak(self) -> Cell:
        """Where, by supply alone, the gain in money is largest."""
        return max(self.along_supply(), key=lambda one: float(one.gain().mean()))

    @property
    def enough(self) -> float | None:
        """The tightness from which on, by supply alone, the gain is settled to be none."""
        found = None
        for cell in reversed(self.along_supply()):
            if not cell.share().interval.high <= NOTHING:
                break
            found = cell.setting.tightness
        return found

    @property
    def slowest(self) -> Cell | None:
        """The cell whose exposures act latest."""
        remembered = [self.cells[one] for one in self.plan.memory_map().values() if one.share_later > 0]
        return max(remembered, key=lambda one: one.setting.share_later, default=None)


def claims_of(found: Findings) -> dict[str, Claim]:
    """Every claim that the plan's cells can answer."""
    made = {
        "never-worse": _never_worse(found),
        "zero-with-free-supply": _free_supply(found),
        "zero-with-plenty": _plenty(found),
        "largest-in-money-between-scarce-and-plenty": _inside(found),
        "largest-share-where-scarcest": _scarcest(found),
        "zero-with-equal-margins": _equal_margins(found),
        "falls-with-margin-spread": _margin_spread(found),
        "rises-with-lead-time": _lead_time(found),
        "rises-with-fixed-order-cost": _fixed_cost(found),
        "falls-when-exposure-acts-later": _later(found),
        "filter-changes-nothing-with-lead-time": _filter(found),
        "finer-exposures-change-nothing": _finer(
            found, "Five levels of exposure in place of three", found.plan.exposure_checks()
        ),
        "finer-intentions-change-nothing": _finer(
            found, "Nine points of intention in place of six", found.plan.intention_checks()
        ),
    }
    return {name: claim for name, claim in made.items() if claim is not None}


def tightness_words(cell: Cell) -> str:
    """Tightness as a share."""
    return percent(cell.setting.tightness, 0)


def _never_worse(found: Findings) -> Claim:
    worst, scale = np.inf, 0.0
    for cell in found.cells.values():
        worst = min(worst, float(cell.gain("silo").min()), float(cell.gain("filtered-silo").min()))
        scale = max(scale, float(np.abs(cell.column("joint")).max()))
    markets = sum(len(cell.rows) for cell in found.cells.values())
    return Claim(
        "The coordinated optimum never earns less than either silo",
        worst >= -1e-5 * scale,
        worst,
        f"smallest gain of {markets:,} markets: {worst:.6f} a period; the solver is exact to {TOLERANCE * scale:.6f}",
    )


def _free_supply(found: Findings) -> Claim | None:
    cell = found.cell(lead_time=0, max_order=max(found.plan.max_orders))
    if cell is None:
        return None
    largest = cell.largest_share("silo")
    return Claim(
        "With supply at once and without limit, coordination is worth nothing (below 0.1%) over the silo without "
        "filter",
        largest <= NOTHING,
        largest,
        f"largest gain of {len(cell.rows)} markets: {percent(largest, 3)} of profit",
    )


def _plenty(found: Findings) -> Claim:
    cell = found.along_supply()[-1]
    largest = cell.largest_share("filtered-silo")
    return Claim(
        "Where supply is plentiful, coordination is worth nothing (below 0.1%) with a lead time as well",
        largest <= NOTHING,
        largest,
        f"largest gain of {len(cell.rows)} markets at a supply of {tightness_words(cell)}: {percent(largest, 3)} of "
        "profit",
    )


def _inside(found: Findings) -> Claim | None:
    line = found.along_supply()
    if len(line) < 3:
        return None
    peak = found.peak
    ends = [paired_difference(peak.gain(), one.gain()) for one in (line[0], line[-1]) if one is not peak]
    return Claim(
        "In money, coordination is worth most between scarce and plentiful supply",
        len(ends) == 2 and all(one.low > 0 for one in ends),
        peak.setting.tightness,
        f"largest at a supply of {tightness_words(peak)}: {peak.gain().mean():.2f} a period, against "
        f"{line[0].gain().mean():.2f} at {tightness_words(line[0])} and {line[-1].gain().mean():.2f} at "
        f"{tightness_words(line[-1])}",
        settled=len(ends) < 2 or all(one.excludes_zero for one in ends),
    )


def _scarcest(found: Findings) -> Claim | None:
    line = found.along_supply()
    if len(line) < 3:
        return None
    rivals = [line[0].share().less(one.share()) for one in line[1:]]
    closest = min(rivals, key=lambda one: one.low)
    return Claim(
        "As a share of profit, coordination is worth most where supply is scarcest",
        closest.low > 0,
        line[0].share().value,
        f"{percent(line[0].share().value)} at a supply of {tightness_words(line[0])}; least settled difference "
        f"{_points(closest)}",
        settled=closest.excludes_zero,
    )


def _equal_margins(found: Findings) -> Claim | None:
    cell = found.cell(margin_spread=0.0)
    if cell is None:
        return None
    share = cell.share()
    return Claim(
        f"Products of equal margin leave nothing to coordinate (at a supply of {tightness_words(cell)})",
        share.interval.high <= NOTHING,
        share.value,
        f"gain {_gain(share)}",
        settled=share.interval.low > NOTHING or share.interval.high <= NOTHING,
    )


def _margin_spread(found: Findings) -> Claim | None:
    spreads = found.plan.margin_spreads
    return _moves(
        f"The further margins lie apart, the less coordination is worth (at a supply of {percent(BASE.tightness, 0)})",
        found.cell(margin_spread=min(spreads)),
        found.cell(margin_spread=max(spreads)),
        falls=True,
    )


def _lead_time(found: Findings) -> Claim | None:
    solved = [one for one in found.plan.lead_times if found.cell(lead_time=one) is not None]
    longest = max(solved, default=1)
    return _moves(
        f"The longer the lead time, the more coordination is worth (1 against {longest} periods, at a supply of "
        f"{percent(BASE.tightness, 0)})",
        found.cell(),
        found.cell(lead_time=longest) if longest > 1 else None,
    )


def _fixed_cost(found: Findings) -> Claim | None:
    exact = next((one for one in found.along_supply() if one.setting.tightness >= 1), None)
    if exact is None:
        return None
    highest = max(found.plan.fixed_costs)
    return _moves(
        f"A fixed order cost makes coordination worth more (0 against {highest:g}, at a supply of "
        f"{tightness_words(exact)})",
        exact,
        found.cell(max_order=exact.setting.max_order, fixed_cost=highest),
    )


def _later(found: Findings) -> Claim | None:
    slowest = found.slowest
    later = percent(slowest.setting.share_later, 0) if slowest else ""
    return _moves(
        f"The later exposures act, the less coordination is worth (all at once, against {later} of the effect later)",
        found.cell(),
        slowest,
        falls=True,
    )


def _filter(found: Findings) -> Claim | None:
    line = found.along_supply()
    changes = [float(np.abs(one.column("filtered-silo") - one.column("silo")).mean()) for one in line]
    shares = [
        change / max(abs(float(one.column("silo").mean())), 1e-12) for change, one in zip(changes, line, strict=True)
    ]
    largest = int(np.argmax(shares))
    return Claim(
        "Where orders arrive a period later, hiding what is out of stock changes nothing",
        shares[largest] <= NOTHING,
        shares[largest],
        f"largest mean difference between the two silos: {percent(shares[largest], 2)} of profit, at a supply of "
        f"{tightness_words(line[largest])}",
    )


def _finer(found: Findings, statement: str, checks: list[tuple[Setting, Setting]]) -> Claim | None:
    pairs = [(found.cells[coarse], found.cells[fine]) for coarse, fine in checks]
    changes = [fine.share().value - coarse.share().value for coarse, fine in pairs]
    if not changes:
        return None
    largest = max(changes, key=abs)
    return Claim(
        f"{statement} change no gain by a quarter of a point",
        abs(largest) <= SAME,
        largest,
        f"largest change {signed_points(largest, 2)}",
    )


def _moves(statement: str, before: Cell | None, after: Cell | None, *, falls: bool = False) -> Claim | None:
    """Whether the share moves from one cell to another, the interval of the difference on one side of zero."""
    if before is None or after is None or before is after:
        return None
    if not np.isfinite([before.share().value, after.share().value]).all():
        return None
    change = after.share().less(before.share())
    return Claim(
        statement,
        change.high < 0 if falls else change.low > 0,
        change.mean,
        f"from {percent(before.share().value, 2)} to {percent(after.share().value, 2)}: {_points(change)}",
        settled=change.excludes_zero,
    )


def signed_points(share: float, digits: int = 1) -> str:
    """A difference of shares in percentage points.

    ```python
    >>> signed_points(-0.0123), signed_points(0.0004, 2)
    ('−1.2 points', '+0.04 points')

    ```
    """
    return f"{'−' if share < 0 else '+'}{abs(100 * share):.{digits}f} points"


def _points(change: Interval) -> str:
    if not np.isfinite(change.low):
        return f"{signed_points(change.mean)} (one market, so no interval)"
    digits = 1 if abs(change.mean) >= 0.01 else 2
    ends = f"{signed_points(change.low, digits).removesuffix(' points')} to {signed_points(change.high, digits)}"
    return f"{signed_points(change.mean, digits)} (95% interval {ends})"


def _gain(share: Share) -> str:
    return f"{percent(share.value)} of profit ({between(share.interval)})"
