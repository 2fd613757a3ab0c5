"""What one method earns over another, and whether that is worth speaking of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from intandem.evaluation.comparison import Comparison
from intandem.evaluation.statistics import Interval

MATERIAL = 1e-3
"""A difference below a tenth of a per cent of profit is not worth having, however well it is settled."""

PERIODS_A_YEAR = {"day": 365, "week": 52}

Verdict = Literal["more", "less", "same"]


@dataclass(frozen=True)
class Gain:
    """What `subject` earns over `reference`.

    - `share`: of the size of the reference's profit. `money`: per period. `a_year`: money in a year.
    - `over`: what the intervals are over: trainings as soon as one of the two was trained more than once, or runs where
      that is wider.
    - `in_money`: whether shares mean nothing, because the reference earns nothing.
    """

    subject: str
    reference: str
    share: Interval
    money: Interval
    a_year: float
    over: str
    in_money: bool

    @property
    def settled(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.share.excludes_zero

    @property
    def small(self) -> bool:
        """Whether it is shown to be below `MATERIAL`: it is settled and so small, or all of its interval is."""
        within = max(abs(self.share.low), abs(self.share.high)) < MATERIAL
        return within or (self.settled and abs(self.share.mean) < MATERIAL)

    @property
    def verdict(self) -> Verdict:
        """Whether the subject earns more, less, or the same: below `MATERIAL`, or not settled."""
        if not self.settled or abs(self.share.mean) < MATERIAL:
            return "same"
        return "more" if self.share.mean > 0 else "less"


def gain_of(found: Comparison, subject: str, reference: str) -> Gain:
    """What one method of a comparison earns over another."""
    money = found.difference(subject, reference)
    return Gain(
        subject=subject,
        reference=reference,
        share=found.gain(subject, reference),
        money=money,
        a_year=money.mean * PERIODS_A_YEAR[found.market.period],
        over=found.over(subject, reference),
        in_money=found.results[reference].profit <= 0,
    )
