"""The optimality study: fills its ledger, market by market, and writes tables, results and page from it."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import jax

from intandem.evaluation.experiments import FINISHED_PARTS
from intandem.evaluation.experiments.experiment import Outcome, Progress, Scale
from intandem.evaluation.experiments.ledger import Ledger, work_through
from intandem.evaluation.experiments.optimality.cells import fill
from intandem.evaluation.experiments.optimality.claims import claims_of, findings
from intandem.evaluation.experiments.optimality.markets import PLANS, Plan
from intandem.evaluation.experiments.optimality.page import answer, page_of
from intandem.evaluation.experiments.writing import write_results, write_tables, write_text


def optimality(scale: Scale, folder: Path, *, seed: int = 0, progress: Progress | None = None) -> Outcome:
    """Trains on the markets of a scale and writes tables, `results.json` and the page; finished cells are read again.

    After every kind the page says what is known by then.
    """
    plan = PLANS[scale]
    ledger = Ledger(folder / FINISHED_PARTS / "optimality.jsonl")
    begun, total = 0, len(plan.places())
    for batch in plan.batches():
        parts = [partial(fill, one, plan.arms(one), ledger, seed) for one in batch]
        told = None if progress is None else _onward(progress, begun, total)
        work_through(parts, "training", at_once=min(os.cpu_count() or 1, 2), progress=told)
        begun += len(batch)
        outcome = write(plan, ledger, folder, scale, seed)
        # A system maps so many pieces of memory and no more: the programs of thirty kinds are too many for it.
        jax.clear_caches()
    return outcome


def write(plan: Plan, ledger: Ledger, folder: Path, scale: Scale, seed: int = 0) -> Outcome:
    """Writes what the ledger has by now."""
    found = findings(plan, ledger, seed)
    claims = claims_of(found)
    page = folder / "page.md"
    write_text(page_of(found, claims, scale), page)
    outcome = Outcome(
        answer=answer(found, claims),
        page=page,
        tables=write_tables({"markets": found.table}, folder),
        claims=claims,
        figures={"markets": found.markets, "planned": len(plan.places()), "seed": seed},
    )
    write_results(outcome, folder)
    return outcome


def _onward(progress: Progress, begun: int, total: int) -> Progress:
    """Counts on from rounds that are done."""
    return lambda what, done, _: progress(what, begun + done, total)
