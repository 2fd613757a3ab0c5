"""Whether a new policy may take an old one's place: judged beside it and beside rules on common random numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from intandem.departments import JointPolicy
from intandem.display import Displayed, Summary, money
from intandem.evaluation.compare import compare
from intandem.evaluation.comparison import Comparison
from intandem.evaluation.policies import PolicyLike
from intandem.market import Market

NEW, OLD = "new", "old"

RULES = ("silo", "filtered-silo", "tuned-rule")
"""Rules that a new policy must not fall behind, the tuned one among them."""


@dataclass(frozen=True, repr=False)
class Acceptance(Displayed):
    """The verdict: `accepted`, `why` in a sentence, `profit` per period by policy, `comparison`: the figures behind it.

    `best_rule`: the rule that earns most.
    """

    accepted: bool
    why: str
    profit: dict[str, float]
    best_rule: str
    comparison: Comparison

    def _summary(self) -> Summary:
        rows = [(name, money(profit)) for name, profit in self.profit.items()]
        return Summary(f"{'accepted' if self.accepted else 'not accepted'}: {self.why}", rows)


def accept(
    market: Market,
    new: JointPolicy,
    old: JointPolicy | None = None,
    *,
    rules: Sequence[str] = RULES,
    periods: int | None = None,
    runs: int | None = None,
    seed: int = 0,
    progress: Any = None,
) -> Acceptance:
    """Judges a new policy.

    It is accepted unless the 95% interval of its paired difference from the old policy, or from the best of the rules,
    lies below zero as a whole: what noise may explain is no reason to refuse.

    **Arguments:** `rules`: names that `compare` knows. `periods`, `runs`, `seed`: of judging, as in `compare`.

    ```python
    >>> from intandem.departments import policy_of_rules
    >>> from intandem.market import example_market
    >>> market = example_market("two-products-capped")
    >>> full, empty = (policy_of_rules(market, f"base-stock:level={level}", "uplift") for level in (9, 0))
    >>> found = accept(market, empty, full, rules=["silo"], periods=50, runs=4)
    >>> found.accepted, found.why.split(" earns")[0]
    (False, 'the new policy')

    ```
    """
    played: Mapping[str, PolicyLike] = {NEW: new, **({} if old is None else {OLD: old}), **{one: one for one in rules}}
    found = compare(market, played, seeds=1, periods=periods, runs=runs, seed=seed, progress=progress)
    profit = {name: result.profit for name, result in found.results.items()}
    best = max(rules, key=lambda name: profit[name])
    for name, called in ((OLD, "the old one"), (best, f"the best rule, {best}")):
        if name not in profit:
            continue
        gap = found.difference(NEW, name)
        if gap.high < 0:
            less = f"{money(-gap.mean)} a {market.period} less than {called} (95% interval {_ends(gap.low, gap.high)})"
            return Acceptance(False, f"the new policy earns {less}", profit, best, found)
    beside = [f"the old one {money(profit[OLD])}"] if OLD in profit else []
    beside.append(f"the best rule, {best}, {money(profit[best])}")
    why = f"the new policy earns {money(profit[NEW])} a {market.period}, {' and '.join(beside)}"
    return Acceptance(True, why, profit, best, found)


def _ends(low: float, high: float) -> str:
    return f"{money(-high)} to {money(-low)}"
