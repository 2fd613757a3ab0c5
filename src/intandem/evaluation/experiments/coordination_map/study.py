"""The map of coordination value: what deciding together is worth, exactly, over small markets of many kinds."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import polars as pl

from intandem.evaluation.experiments import FINISHED_PARTS
from intandem.evaluation.experiments.coordination_map.cells import PARTS, Cell, Silo, solve_cell
from intandem.evaluation.experiments.coordination_map.claims import Findings, claims_of
from intandem.evaluation.experiments.coordination_map.markets import Setting
from intandem.evaluation.experiments.coordination_map.page import page_of
from intandem.evaluation.experiments.coordination_map.plan import PLANS, Plan
from intandem.evaluation.experiments.coordination_map.words import answer
from intandem.evaluation.experiments.experiment import Outcome, Progress, Scale
from intandem.evaluation.experiments.ledger import Ledger
from intandem.evaluation.experiments.writing import write_results, write_tables, write_text
from intandem.evaluation.statistics import Interval, mean_interval


def coordination_map(scale: Scale, folder: Path, *, seed: int = 0, progress: Progress | None = None) -> Outcome:
    """Solves the plan of a scale and writes tables, `results.json` and the page; finished cells are read again."""
    return draw_map(PLANS[scale], folder, seed=seed, progress=progress)


def draw_map(plan: Plan, folder: Path, *, seed: int = 0, progress: Progress | None = None) -> Outcome:
    """Solves a plan and writes its tables, `results.json` and page into `folder`.

    **Raises:** `RunError` if the system refuses.
    """
    started = time.monotonic()
    found = Findings(plan, _solve(plan, Ledger(folder / FINISHED_PARTS / "coordination-map.jsonl"), seed, progress))
    seconds = time.monotonic() - started
    solving = sum(float(one.column("seconds").sum()) for one in found.cells.values())
    claims = claims_of(found)
    tables = _write_tables(found, folder)
    page = folder / "page.html"
    write_text(page_of(found, claims), page)
    outcome = Outcome(
        answer=answer(found),
        page=page,
        tables=tables,
        claims=claims,
        figures={
            "settings": len(found.cells),
            "draws": plan.draws,
            "seed": seed,
            "seconds": seconds,
            "solving_seconds": solving,
        },
    )
    write_results(outcome, folder)
    return outcome


def _solve(plan: Plan, ledger: Ledger, seed: int, progress: Progress | None) -> dict[Setting, Cell]:
    settings = plan.cells()
    total = plan.draws * len(settings)
    cells = {}
    for k, setting in enumerate(settings):
        before = plan.draws * k
        told = None
        if progress is not None:
            told = lambda draw, before=before: progress("solving markets", before + draw, total)  # noqa: E731
        cells[setting] = solve_cell(setting, plan.draws, ledger, seed, told)
    return cells


def _write_tables(found: Findings, folder: Path) -> dict[str, Path]:
    """`cells.csv`: means and intervals by setting. `markets.csv`: every market that was solved."""
    cells = list(found.cells.values())
    tables = {
        "cells": pl.DataFrame([_described(one) for one in cells]),
        "markets": pl.DataFrame(
            [
                {**asdict(one.setting), "tightness": one.setting.tightness, "draw": draw, **row}
                for one in cells
                for draw, row in enumerate(one.rows)
            ]
        ),
    }
    return write_tables(tables, folder)


def _described(cell: Cell) -> dict[str, float | int | None]:
    setting = cell.setting
    row: dict[str, float | int | None] = {
        **asdict(setting),
        "tightness": setting.tightness,
        "share_later": setting.share_later,
    }
    for name in ("joint", "filtered-silo", "silo"):
        row[name.replace("-", "_")] = float(cell.column(name).mean())
    regimes: dict[str, Silo] = {"over_filtered_silo": "filtered-silo", "over_silo": "silo"}
    for name, over in regimes.items():
        row |= _ends(f"share_{name}", cell.share(over).interval) | _ends(f"gain_{name}", mean_interval(cell.gain(over)))
    row |= {f"share_{part}": cell.share(of=part).value for part in PARTS}
    row |= {"lost_joint": float(cell.column("lost_joint").mean())}
    row |= {"lost_filtered_silo": float(cell.column("lost_filtered-silo").mean())}
    return {name: value if value is not None and np.isfinite(value) else None for name, value in row.items()}


def _ends(name: str, interval: Interval) -> dict[str, float | int | None]:
    return {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}
