"""What the optimality study found, market by market, and what it claims."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from intandem.evaluation.experiments.experiment import Claim
from intandem.evaluation.experiments.ledger import Ledger, Row
from intandem.evaluation.experiments.optimality.cells import key_of
from intandem.evaluation.experiments.optimality.markets import Place, Plan
from intandem.evaluation.report.numbers import percent
from intandem.evaluation.statistics import wilson_interval

BEHIND = 0.002
"""A trained policy that earns less than the best rule by more than this share of the optimum is behind."""

PATIENCE = 60.0
"""Seconds that preparing a policy may take."""

TARGETS = {"mtma": (0.003, 0.02, 0.05), "score": (0.01, None, 0.06)}
"""By arm: the largest median, 95th percentile and worst gap, as shares of the optimum."""


@dataclass(frozen=True)
class Findings:
    """One row per market and arm.

    - `gap`: the optimum less the policy's profit, as a share of the optimum; `gap_se`: its standard error. Below 0 the
      policy does what the exact solution's grid leaves out.
    - `over_rule`, `over_rule_se`: what it earns more than the best rule, as a share of the optimum.
    - `rule_gap`: of the best rule. `seconds`: of preparation. `handed`, `start`: see `Handed`.
    """

    plan: Plan
    table: pl.DataFrame

    def arm(self, name: str) -> pl.DataFrame:
        """The rows of an arm."""
        return self.table.filter(pl.col("arm") == name)

    @property
    def markets(self) -> int:
        """Markets with a policy of the default learner."""
        return self.arm("mtma").height


def findings(plan: Plan, ledger: Ledger, seed: int = 0) -> Findings:
    """What the ledger has of a plan, finished markets only."""
    rows: list[Row] = []
    for place in plan.places():
        optimum, rule = (ledger.found(key_of(place, arm, seed)) for arm in ("optimum", "rule"))
        for arm in plan.arms(place):
            cell = ledger.found(key_of(place, arm, seed))
            if optimum is not None and rule is not None and cell is not None:
                rows.append(_compared(place, arm, optimum, rule, cell))
    return Findings(plan, pl.DataFrame(rows, schema=_SCHEMA))


_SCHEMA = {
    **dict.fromkeys(("market", "group", "kind", "arm"), pl.String),
    **dict.fromkeys(("optimum", "gap", "gap_se", "rule_gap", "over_rule", "over_rule_se", "seconds"), pl.Float64),
    **dict.fromkeys(("handed", "start"), pl.String),
}


def _compared(place: Place, arm: str, optimum: Row, rule: Row, cell: Row) -> Row:
    best, scale = float(optimum["profit"]), max(abs(float(optimum["profit"])), 1e-9)
    earned, ruled = np.array(cell["by_run"]), np.array(rule["by_run"])
    gap, error = _gap(optimum, earned)
    ahead = (earned - ruled) / scale
    return {
        "market": place.name,
        "group": place.group,
        "kind": place.kind,
        "arm": arm,
        "optimum": best,
        "gap": gap / scale,
        "gap_se": error / scale,
        "rule_gap": _gap(optimum, ruled)[0] / scale,
        "over_rule": float(ahead.mean()),
        "over_rule_se": _error(ahead),
        "seconds": float(cell["seconds"]),
        "handed": cell.get("handed"),
        "start": cell.get("start"),
    }


def _gap(optimum: Row, earned: np.ndarray) -> tuple[float, float]:
    """Money to the optimum. The exact policy plays on the same random numbers, and what it earns by chance is taken off
    where it plays exactly as solved; intentions lie between the points of its grid, so that there it does not."""
    short = float(optimum["profit"]) - earned if optimum["remembers"] else np.array(optimum["by_run"]) - earned
    return float(short.mean()), _error(short)


def _error(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def claims_of(found: Findings) -> dict[str, Claim]:
    """Every claim that the table can answer."""
    made: dict[str, Claim] = {}
    for arm, (median, most, worst) in TARGETS.items():
        rows = found.arm(arm)
        if not rows.height:
            continue
        limits = {"median": (0.5, median), "95th percentile": (0.95, most), "worst": (1.0, worst)}
        for name, (level, limit) in limits.items():
            if limit is not None:
                made[f"{arm}-{name.split()[0]}"] = _quantile(rows, arm, name, level, limit)
        made[f"{arm}-never-behind"] = _never_behind(rows, arm)
    made["mtma-seconds"] = _seconds(found.arm("mtma"))
    for name, kinds in {"costly": ("costly-exposure", "exposure-cost"), "substitution": ("substitution",)}.items():
        rows = found.arm("mtma").filter(pl.any_horizontal(*(pl.col("kind").str.starts_with(kind) for kind in kinds)))
        if rows.height:
            what = "Where exposures cost money and last" if name == "costly" else "With substitution"
            made[name] = _within(rows, what)
    return made


def _quantile(rows: pl.DataFrame, arm: str, name: str, level: float, limit: float) -> Claim:
    figure = float(np.quantile(rows["gap"].to_numpy(), level))
    return Claim(
        f"{arm}: the {name} gap to the optimum is at most {percent(limit)}",
        figure <= limit,
        figure,
        f"{percent(figure, 2)} over {rows.height} markets",
    )


def _never_behind(rows: pl.DataFrame, arm: str) -> Claim:
    behind = rows.filter(pl.col("over_rule") < -BEHIND)
    share = wilson_interval(behind.height, rows.height)
    return Claim(
        f"{arm}: never behind the best rule by more than {percent(BEHIND)}",
        behind.height == 0,
        share.mean,
        f"{behind.height} of {rows.height} markets are ({percent(share.low)} to {percent(share.high)})",
    )


def _seconds(rows: pl.DataFrame) -> Claim:
    seconds = rows["seconds"].to_numpy()
    late = int((seconds > PATIENCE).sum())
    return Claim(
        f"mtma: a market takes at most {PATIENCE:.0f} seconds",
        late == 0,
        float(seconds.max()),
        f"median {np.median(seconds):.1f} s, longest {seconds.max():.1f} s, {late} above; with compilation where a "
        "kind is met first, two markets trained side by side",
    )


def _within(rows: pl.DataFrame, what: str, limit: float = 0.02) -> Claim:
    worst = rows.sort("gap").row(-1, named=True)
    over = rows.filter(pl.col("gap") > limit).height
    return Claim(
        f"{what}, mtma ends within {percent(limit, 0)} of the optimum",
        over == 0,
        worst["gap"],
        f"worst {percent(worst['gap'], 2)} ({worst['market']}); {over} of {rows.height} markets further",
    )
