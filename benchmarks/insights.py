"""Statements C1 to C4 and T1 to T4 on random markets: how often each is violated, inside its assumptions and outside.

```
python benchmarks/insights.py                    # 500 markets for every case; goes on where it stopped
python benchmarks/insights.py --markets 50       # a look
python benchmarks/insights.py --only "T1"        # cases whose name begins so
python benchmarks/insights.py --table            # print the tables of what was found, and no more
python benchmarks/insights.py --counterexamples  # smallest counterexamples, kept as market files
```
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
import tyro

from insights_markets import Case, cases, rounded
from intandem.errors import RunError
from intandem.evaluation.statistics import wilson_interval
from intandem.market import Market, load_market, save_market
from intandem.market.files import market_hash
from intandem.storage import replace_file
from intandem.theory.insights import CHECKS, Finding
from intandem.theory.insights.finding import nothing_to_test

RESULTS = Path(__file__).parent / "results" / "insights.json"
COUNTEREXAMPLES = Path(__file__).parent.parent / "docs" / "explanation" / "counterexamples"
KEEP_EVERY = 10
LOOKED_AT = 4
"""Markets drawn at most for each that is to be tested: some have nothing to test, or no average of their own."""

DEFAULTS = {
    "substitution = false",
    'exposure = "intensity"',
    'unmet_demand = "lost"',
    "observed = true",
    "discount = 1.0",
    "persistence = 0.0",
    "carry_over = 0.0",
    "habit = 0.0",
    "lost_sale_cost = 0.0",
    "backorder_cost = 0.0",
    "fixed_order_cost = 0.0",
    "exposure_cost = 0.0",
    "visit_probability = 1.0",
    "exposure_levels = [0.0, 0.25, 0.5, 0.75, 1.0]",
}


@dataclass(frozen=True)
class Options:
    """The study's options."""

    markets: int = 500
    only: str = ""
    table: bool = False
    counterexamples: bool = False
    tries: int = 300
    """Markets of each size that are looked at for a counterexample."""


def run(name: str, case: Case, markets: int, kept: dict[str, Any], keep: Any) -> None:
    """Tests a case's markets from where it stopped, until so many had something to test or most had nothing."""
    found = kept.setdefault(
        name, {"next_seed": 0, "tested": 0, "telling": 0, "violated": [], "worst": 0.0, "seconds": 0.0}
    )
    size = case.sizes[-1]
    while found["tested"] < markets and found["next_seed"] < LOOKED_AT * markets:
        seed = found["next_seed"]
        started = time.monotonic()
        finding = tested(case, case.draw(seed, size))
        _count(found, seed, finding, case)
        found["next_seed"] = seed + 1
        found["seconds"] = round(found["seconds"] + time.monotonic() - started, 3)
        if found["next_seed"] % KEEP_EVERY == 0:
            keep()
    keep()
    print(f"{name}: {row(found)}; {found['seconds'] / max(found['next_seed'], 1):.2f} s a market", flush=True)
    # Programs of one case serve no other: without this they pile up.
    jax.clear_caches()


def tested(case: Case, market: Market) -> Finding:
    """The finding; nothing where the average depends on the initial state, so that value iteration has no end."""
    try:
        return CHECKS[case.check](market)
    except RunError as unsolved:
        return nothing_to_test(case.statement, str(unsolved))


def _count(found: dict[str, Any], seed: int, finding: Finding, case: Case) -> None:
    outside = case.dropped is None and not finding.inside
    if finding.holds is None or outside:
        return
    found["tested"] += 1
    monotone = finding.name in {"C1", "C2", "C2-cross", "T1", "T1-jointly", "T2"}
    found["telling"] += int(not monotone or finding.rises + finding.violations > 0)
    if not finding.holds:
        found["violated"].append(seed)
        found["worst"] = max(found["worst"], abs(float(finding.statistic)))


def row(found: dict[str, Any]) -> str:
    """Rate of violation with its interval, in words."""
    violated, tested = len(found["violated"]), found["tested"]
    rate = wilson_interval(violated, tested)
    return f"{violated} of {tested} ({100 * rate.low:.1f} to {100 * rate.high:.1f}%), {found['telling']} telling"


def table(kept: dict[str, Any]) -> None:
    """The tables of the documentation: statement, dropped assumption, rate and its 95% Wilson interval."""
    print("| statement | dropped | markets | telling | violated | rate, % | worst |\n|---|---|---|---|---|---|---|")
    for name, case in cases().items():
        if name not in kept:
            continue
        found = kept[name]
        violated, tested = len(found["violated"]), found["tested"]
        rate = wilson_interval(violated, tested)
        dropped = case.dropped or ("none: proved" if case.proved else "none")
        if case.besides:
            dropped += f", with {case.besides}"
        interval = "-" if tested == 0 else f"{100 * rate.mean:.1f} ({100 * rate.low:.1f} to {100 * rate.high:.1f})"
        cells = [case.check, dropped, tested, found["telling"], violated, interval, f"{found['worst']:.3g}"]
        print("| " + " | ".join(map(str, cells)) + " |")


def listing() -> None:
    """The list of counterexamples for the documentation, from the heads of their files."""
    for path in sorted(COUNTEREXAMPLES.glob("*.toml")):
        what, found = (line.removeprefix("# ") for line in path.read_text().splitlines()[:2])
        print(f"- [{path.stem}](counterexamples/{path.name}): {what} {found}")


def smallest_counterexample(case: Case, tries: int, violated: list[int]) -> tuple[Market, Finding] | None:
    """The first violation among markets of round numbers, small ones first; one of the largest wrong moves there.

    **Arguments:** `violated`: seeds of the study's own violations, of which one serves where round numbers have none.
    """
    for size in case.sizes:
        found: list[tuple[float, Market, Finding]] = []
        for seed in range(tries):
            market = rounded(case.draw(10_000 + seed, size))
            finding = tested(case, market)
            if finding.holds is False and (case.dropped is not None or finding.inside):
                found.append((abs(float(finding.statistic)), market, finding))
            if len(found) == 5:
                break
        jax.clear_caches()
        if found:
            _, market, finding = max(found, key=lambda one: one[0])
            return market, finding
    if not violated:
        return None
    market = case.draw(violated[0], case.sizes[-1])
    return market, tested(case, market)


def without_defaults(text: str) -> str:
    """A market file without what is left to its defaults, to be read at a glance."""
    lines = [line for line in text.splitlines() if line and line not in DEFAULTS]
    filled = [
        line
        for line, after in zip(lines, [*lines[1:], "["], strict=True)
        if not (line == "[intention]" and after.startswith("["))
    ]
    return "".join(f"\n{line}\n" if line[0] == "[" and line[1] != "[" else f"{line}\n" for line in filled)


def keep_counterexample(name: str, case: Case, market: Market, finding: Finding) -> None:
    """Writes the market with a line that says what fails in it."""
    COUNTEREXAMPLES.mkdir(exist_ok=True)
    title = f"{name}: inside" if name == case.check else name
    path = COUNTEREXAMPLES / f"{title.replace(': ', '--').replace(', ', '-').replace(' ', '-').lower()}.toml"
    save_market(market, path)
    inside = "inside its assumptions" + (f", with {case.besides}" if case.besides else "")
    where = inside if case.dropped is None else f"without its assumption on: {case.dropped}"
    head = f"# {case.check} fails {where}.\n# Found: {finding.detail}.\n"
    path.write_text(head + without_defaults(path.read_text()))
    assert market_hash(load_market(path)) == market_hash(market)
    assert CHECKS[case.check](load_market(path)).holds is False
    print(f"{name}: {path.name}: {finding.detail}", flush=True)


def main(options: Options) -> None:
    """Runs, or tabulates, or looks for counterexamples."""
    kept: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    chosen = {name: case for name, case in cases().items() if name.startswith(options.only)}

    def keep() -> None:
        with replace_file(RESULTS) as beside:
            beside.write_text(json.dumps(kept, indent=1) + "\n")

    if options.table:
        table(kept)
        print()
        listing()
        return
    if options.counterexamples:
        for name, case in chosen.items():
            if case.proved:
                continue
            found = smallest_counterexample(case, options.tries, kept.get(name, {}).get("violated", []))
            if found is None:
                print(f"{name}: none in {options.tries} markets of each size, nor in the study", flush=True)
            else:
                keep_counterexample(name, case, *found)
        return
    for name, case in chosen.items():
        run(name, case, options.markets, kept, keep)
    worst = [name for name, case in chosen.items() if case.proved and kept[name]["violated"]]
    print("\nproved statements with violations: " + (", ".join(worst) if worst else "none") + "\n")
    table(kept)


if __name__ == "__main__":
    np.seterr(all="warn")
    main(tyro.cli(Options, description=__doc__))
