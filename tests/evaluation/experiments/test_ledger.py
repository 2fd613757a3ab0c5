"""The ledger of a study: what is finished stays, what was cut short is done again, parts run side by side."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from intandem.errors import RunError
from intandem.evaluation.experiments.ledger import Ledger, work_through


def test_finished_cells_are_read_again_and_a_torn_line_is_done_again(tmp_path: Path) -> None:
    place = tmp_path / "cells" / "study.jsonl"
    ledger = Ledger(place)
    for seed in range(3):
        ledger.cell({"market": "a", "seed": seed}, lambda seed=seed: {"profit": float(seed)})
    place.write_text(place.read_text()[:-8])
    again = Ledger(place)
    assert again.found({"seed": 1, "market": "a"}) == {"profit": 1.0}
    assert again.found({"market": "a", "seed": 2}) is None
    again.cell({"market": "a", "seed": 2}, lambda: {"profit": 7.0})
    assert Ledger(place).found({"market": "a", "seed": 2}) == {"profit": 7.0}
    assert Ledger(place).found({"market": "a", "seed": 0}) == {"profit": 0.0}


def test_other_lines_are_no_cells(tmp_path: Path) -> None:
    place = tmp_path / "study.jsonl"
    place.write_text('[]\n{"cell": {"a": 1}}\n{"cell": {"a": 1}, "row": 3}\n\n')
    assert Ledger(place).found({"a": 1}) is None


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "cells").write_text("")
    with pytest.raises(RunError, match="cells"):
        Ledger(tmp_path / "cells" / "study.jsonl").cell({}, dict)


@pytest.mark.parametrize("at_once", [1, 3])
def test_parts_are_all_done_and_counted(tmp_path: Path, at_once: int) -> None:
    ledger = Ledger(tmp_path / "study.jsonl")
    parts = [partial(ledger.cell, {"seed": seed}, lambda seed=seed: {"seed": seed}) for seed in range(20)]
    told: list[tuple[str, int, int]] = []
    work_through(parts, "counting", at_once=at_once, progress=lambda *one: told.append(one))
    assert told == [("counting", done, 20) for done in range(21)]
    assert all(Ledger(ledger.place).found({"seed": seed}) == {"seed": seed} for seed in range(20))


@pytest.mark.parametrize("at_once", [1, 2])
def test_a_failure_goes_on_to_the_caller(at_once: int) -> None:
    def fail() -> None:
        raise RunError("market", "failed", "try again")

    with pytest.raises(RunError, match="failed"):
        work_through([fail, fail], "failing", at_once=at_once)
