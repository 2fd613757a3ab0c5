"""The optimality study's page: the verdict, the claims, gaps by kind, the markets that are furthest off."""

from __future__ import annotations

import numpy as np
import polars as pl

from intandem.evaluation.experiments.experiment import Claim
from intandem.evaluation.experiments.optimality.cells import PERIODS, RUNS
from intandem.evaluation.experiments.optimality.claims import Findings
from intandem.evaluation.experiments.optimality.markets import ARMS
from intandem.evaluation.experiments.writing import claims_table, how_it_was_run, table
from intandem.evaluation.report.numbers import percent

WORST = 12


def answer(found: Findings, claims: dict[str, Claim]) -> str:
    """The verdict in a sentence or two."""
    rows = found.arm("mtma")
    gaps = rows["gap"].to_numpy()
    behind = round(claims["mtma-never-behind"].figure * rows.height)
    text = (
        f"On {rows.height} markets that are solved exactly the default learner is {percent(np.median(gaps), 2)} from "
        f"the optimum at the median, {percent(np.quantile(gaps, 0.95), 2)} at the 95th percentile and "
        f"{percent(gaps.max(), 1)} at worst; it is behind the best rule by more than 0.2% on {behind}."
    )
    missed = [claim for claim in claims.values() if not claim.holds]
    return f"{text} {len(claims) - len(missed)} of {len(claims)} targets are met."


def page_of(found: Findings, claims: dict[str, Claim], scale: str) -> str:
    """The page in Markdown."""
    planned = len(found.plan.places())
    notes = [f"A look: {found.markets} of the {planned} planned markets are done."] if found.markets < planned else []
    parts = [
        "# How near does training come to the optimum?",
        f"**{answer(found, claims)}**",
        how_it_was_run(f"intandem experiment optimality --scale {scale}", notes),
        "## Targets",
        claims_table(claims),
        "## By kind",
        "Gap to the optimum in % of it; `behind`: markets on which the best rule earns over 0.2% more.",
        _by_kind(found),
        "## Furthest from the optimum",
        _worst(found),
        "## How it was judged",
        _method(),
    ]
    return "\n\n".join(parts) + "\n"


def _by_kind(found: Findings) -> str:
    head = ["kind", "arm", "markets", "median", "95th percentile", "worst", "best rule, median", "behind", "seconds"]
    lines = []
    for (group, kind), _ in found.table.group_by(["group", "kind"], maintain_order=True):
        for arm in ARMS:
            rows = found.arm(arm).filter((pl.col("group") == group) & (pl.col("kind") == kind))
            if rows.height:
                lines.append([kind, *_figures(rows, arm)])
    totals = [["**all**", *_figures(found.arm(arm), arm)] for arm in ARMS if found.arm(arm).height]
    return table(head, [*lines, *totals])


def _figures(rows: pl.DataFrame, arm: str) -> list[str]:
    gaps = rows["gap"].to_numpy()
    quantiles = [f"{100 * one:.2f}" for one in (np.median(gaps), np.quantile(gaps, 0.95), gaps.max())]
    behind = rows.filter(pl.col("over_rule") < -0.002).height
    rule = f"{100 * float(np.median(rows['rule_gap'].to_numpy())):.2f}"
    return [arm, str(rows.height), *quantiles, rule, str(behind), f"{float(np.median(rows['seconds'].to_numpy())):.0f}"]


def _worst(found: Findings) -> str:
    head = ["market", "arm", "optimum", "gap, %", "standard error", "over the best rule, %", "handed over", "start"]
    rows = found.table.sort("gap", descending=True).head(WORST)
    return table(
        head,
        [
            [
                row["market"],
                row["arm"],
                f"{row['optimum']:.2f}",
                f"{100 * row['gap']:.2f}",
                f"{100 * row['gap_se']:.2f}",
                f"{100 * row['over_rule']:+.2f}",
                row["handed"] or "trained",
                row["start"] or "as valued",
            ]
            for row in rows.iter_rows(named=True)
        ],
    )


def _method() -> str:
    return "\n".join(
        [
            f"- Every policy is played on the same {RUNS} replications of {PERIODS:,} periods, which no tuning and no "
            "training met. Without memory the gap is the paired difference from the exact policy, else from the exact "
            "value.",
            "- The exact solution chooses exposures in steps and discards stock above its cap; intentions lie on a "
            "grid. A trained policy does not, so that a gap can be below 0.",
            "- The best rule is that of the tuning grid, or one of the rules that training itself compares with.",
            "- One training (seed 0) for each market. Rules and the learner's starts had no part in choosing markets: "
            "seeds from 5,000 on, which nothing was tuned on. The three of `costly-exposure` were looked at in "
            "development.",
        ]
    )
