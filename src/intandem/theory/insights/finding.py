"""What a test of a statement found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
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
        """Whether the market meets the statement's assumptions."""
        return not self.broken

    def as_json(self) -> dict[str, object]:
        """The figures under the names of the command line's JSON."""
        found: dict[str, object] = {
            "holds": self.holds,
            "statistic": self.statistic,
            "violations": self.violations,
            "n": self.n,
        }
        if self.p_value is not None:
            found["p_value"] = self.p_value
        return found | {"inside": self.inside, "broken_assumptions": list(self.broken), "detail": self.detail}


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
