"""What a test of a statement found."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from intandem.display import Displayed, Summary, number

STATEMENTS: dict[str, str] = {
    "C1": "orders follow recommendation",
    "C2": "recommendation follows its own stock",
    "C2-cross": "recommendation leaves to others what they have in stock",
    "C3": "exposure goes by efficiency times profitability",
    "C4": "coordinated departments earn at least as much as uncoordinated ones",
    "C4-equality": "and no more where supply is free",
    "C4-over-time": "it does so over time, too",
    "T1": "orders never fall in intention",
    "T1-jointly": "nor where exposures move as well",
    "T2": "promotion is led by stock",
    "T3": "demand is smoothed",
    "T4": "orders lead exposures",
}
"""What each statement says, in a few words."""


@dataclass(frozen=True, repr=False)
class Finding(Displayed):
    """A statement tested in one market.

    - `name`: of the statement, such as `T1`. `holds`: `None` where there is nothing to test.
    - `statistic`: see the statement's function. `violations` of `n` comparisons; `n` is 0 where nothing was compared.
    - `p_value`: for what was sampled; `None` for what is exact.
    - `broken`: the statement's assumptions that this market does not meet. `detail`: in words.
    - `rises`: of a monotone response, at how many of the `n` it moves the right way.
    """

    name: str
    holds: bool | None
    statistic: float
    violations: int
    n: int
    p_value: float | None = None
    broken: tuple[str, ...] = ()
    detail: str = ""
    rises: int = 0

    @property
    def inside(self) -> bool:
        """Whether the market meets the statement's assumptions: only there is the statement claimed."""
        return not self.broken

    @property
    def verdict(self) -> str:
        """For people: `holds`, `fails`, `not tested`, or `not claimed here`, whatever was found there."""
        if not self.inside:
            return "not claimed here"
        return {True: "holds", False: "fails", None: "not tested"}[self.holds]

    @property
    def why(self) -> str:
        """What the verdict rests on: the assumptions that do not hold, or what was found."""
        return "; ".join(self.broken) or self.detail

    def _summary(self) -> Summary:
        rows = [("found", self.detail), ("violations", f"{self.violations:,} of {self.n:,}")]
        if self.p_value is not None:
            rows.append(("p-value", number(self.p_value)))
        if self.broken:
            rows.append(("outside", "; ".join(self.broken)))
        states = STATEMENTS.get(self.name)
        return Summary(f"{self.name} {self.verdict}" + (f": {states}" if states else ""), rows)

    def as_json(self) -> dict[str, object]:
        """The figures under the names of the command line's JSON.

        `holds` is what was found, claimed or not.
        """
        found: dict[str, object] = {
            "holds": self.holds,
            "statistic": self.statistic,
            "violations": self.violations,
            "n": self.n,
        }
        if self.p_value is not None:
            found["p_value"] = self.p_value
        found |= {"claimed": self.inside, "verdict": self.verdict, "why": self.why}
        return found | {"inside": self.inside, "broken_assumptions": list(self.broken), "detail": self.detail}


class Findings(Displayed, dict[str, Finding]):
    """What was found of each statement, by its name (`STATEMENTS` says what each states)."""

    def _summary(self) -> Summary:
        verdicts: dict[str, list[str]] = {}
        for name, one in self.items():
            verdicts.setdefault(one.verdict, []).append(name)
        tested = [one for one in self.values() if one.holds is not None and one.inside]
        held = sum(one.holds is True for one in tested)
        headline = f"{held} of {len(tested)} statements hold whose assumptions the market meets"
        return Summary(headline, [(verdict, ", ".join(names)) for verdict, names in verdicts.items()])

    def to_frame(self) -> pl.DataFrame:
        """One row per statement tested.

        - `name`, `statement` (in a few words), `verdict` (see `Finding`).
        - `holds`: what was found, null where there is nothing to test.
        - `statistic`, `violations` of `n` comparisons, `p_value` (null for what is exact): see `Finding`.
        - `inside`: whether the market meets the statement's assumptions; `detail`: in words.
        """
        schema = {
            "name": pl.String,
            "statement": pl.String,
            "verdict": pl.String,
            "holds": pl.Boolean,
            "statistic": pl.Float64,
            "violations": pl.Int64,
            "n": pl.Int64,
            "p_value": pl.Float64,
            "inside": pl.Boolean,
            "detail": pl.String,
        }
        own = ("verdict", "holds", "statistic", "violations", "n", "p_value", "inside", "detail")
        rows = [(name, STATEMENTS.get(one.name), *(getattr(one, field) for field in own)) for name, one in self.items()]
        return pl.DataFrame(rows, schema=schema, orient="row").with_columns(pl.col("statistic").fill_nan(None))


def nothing_to_test(name: str, reason: str, broken: tuple[str, ...] = ()) -> Finding:
    """The finding for a market in which the statement says nothing.

    **Arguments:** `name`: of the statement. `reason`: in words. `broken`: assumptions that the market does not meet.

    ```python
    >>> found = nothing_to_test("T1", "no intention moves in this market")
    >>> found.holds, found.n, found.inside, found.detail
    (None, 0, True, 'no intention moves in this market')

    ```
    """
    return Finding(name, None, float("nan"), 0, 0, None, broken, reason)
