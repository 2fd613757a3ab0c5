"""What every named experiment takes and gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Scale = Literal["small", "full"]

SCALES: tuple[Scale, ...] = ("small", "full")

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many parts are done, and how many there are."""


@dataclass(frozen=True)
class Claim:
    """A statement that a study tests.

    - `statement`: in plain words. `holds`: whether the study's data bear it out.
    - `figure`: the number that decides. `detail`: that number in words, with its interval where it has one.
    - `settled`: False where the interval leaves the sign open, so that neither the statement nor its contrary is shown.
    """

    statement: str
    holds: bool
    figure: float
    detail: str
    settled: bool = True

    @property
    def verdict(self) -> str:
        """The verdict for people."""
        if self.holds:
            return "holds"
        return "does not hold" if self.settled else "not settled"

    def as_json(self) -> dict[str, Any]:
        """Under the names of the command line's JSON."""
        return {
            "holds": self.holds,
            "figure": self.figure,
            "verdict": self.verdict,
            "statement": self.statement,
            "detail": self.detail,
        }


@dataclass(frozen=True)
class Outcome:
    """What an experiment wrote and found: places of the page, of the tables by name, and the claims by name."""

    answer: str
    page: Path
    tables: Mapping[str, Path]
    claims: Mapping[str, Claim]
    figures: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Under the names of the command line's JSON."""
        return {
            "answer": self.answer,
            "page": str(self.page),
            "tables": {name: str(place) for name, place in self.tables.items()},
            "claims": {name: claim.as_json() for name, claim in self.claims.items()},
            **self.figures,
        }
