"""The optimality study: its markets, gaps from invented cells, claims and page; a tiny study that goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from intandem.evaluation.experiments.ledger import Ledger
from intandem.evaluation.experiments.optimality import cells, study
from intandem.evaluation.experiments.optimality.claims import claims_of, findings
from intandem.evaluation.experiments.optimality.markets import BINDING, PLANS, Place, Plan
from intandem.learning import TrainSettings
from intandem.theory.intertemporal.grid import grid_of


def test_the_full_plan_has_its_markets_and_meets_every_kind_first() -> None:
    places = PLANS["full"].places()
    count = {group: sum(one.group == group for one in places) for group in ("random", "binding", "costly")}
    assert count == {"random": 300, "binding": 60, "costly": 3}
    assert len({one.name for one in places}) == len(places)
    batches = PLANS["full"].batches()
    assert sorted(one.name for batch in batches for one in batch) == sorted(one.name for one in places)
    assert {one.kind for batch in batches[:26] for one in batch} == {one.kind for one in places}


@pytest.mark.parametrize("kind", BINDING)
def test_binding_kinds_can_be_solved(kind: str) -> None:
    assert grid_of(Place(0, "binding", kind).market()).layout.states < 50_000


def invented(ledger: Ledger, place: Place, earned: float, ruled: float, seconds: float = 5.0) -> None:
    """Cells of a market whose optimum is 10 a period, in which everyone is lucky alike."""
    luck = np.linspace(-1, 1, 8)
    row = {"profit": 10.0, "states": 9, "remembers": False, "seconds": 1.0}
    made = {"optimum": row | {"by_run": list(10 + luck)}, "rule": {"rule": "r", "by_run": list(ruled + luck)}}
    made["mtma"] = {"by_run": list(earned + luck), "seconds": seconds, "handed": "trained", "start": "as valued"}
    for arm, cell in made.items():
        ledger.cell(cells.key_of(place, arm), lambda cell=cell: cell)


def test_gaps_are_paired_and_claims_read_them(tmp_path: Path) -> None:
    plan = Plan({"one-product": 3}, {}, (), scored=0)
    ledger = Ledger(tmp_path / "a.jsonl")
    for place, earned, ruled in zip(plan.places(), (9.99, 9.98, 9.0), (9.5, 9.5, 9.6), strict=True):
        invented(ledger, place, earned, ruled)
    found = findings(plan, ledger)
    assert found.table["gap"].to_list() == pytest.approx([0.001, 0.002, 0.1])
    assert found.table["gap_se"].to_list() == pytest.approx([0, 0, 0], abs=1e-12)
    claims = claims_of(found)
    assert claims["mtma-median"].holds
    assert claims["mtma-median"].figure == pytest.approx(0.002)
    assert not claims["mtma-worst"].holds
    assert "10.00%" in claims["mtma-worst"].detail
    assert not claims["mtma-never-behind"].holds
    assert claims["mtma-never-behind"].figure == pytest.approx(1 / 3)
    assert claims["mtma-seconds"].holds
    written = study.write(plan, ledger, tmp_path, "small").page.read_text()
    assert "one-product:2" in written
    assert "0.20% from the optimum at the median" in written


def test_a_page_says_how_much_is_done(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "a.jsonl")
    plan = Plan({"one-product": 2}, {}, (), scored=0)
    invented(ledger, plan.places()[0], 9.9, 9.0)
    assert "1 of the 2 planned" in study.write(plan, ledger, tmp_path, "small").page.read_text()


@pytest.mark.slow
def test_a_tiny_study_ends_and_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(study.PLANS, "small", Plan({"one-product": 1}, {}, (), scored=0))
    monkeypatch.setitem(cells.SETTINGS, "mtma", TrainSettings(updates=2, shops=2, window=4, width=4))
    monkeypatch.setattr(cells, "PERIODS", 20)
    tried = {"rule": "base-stock + uplift", "seconds": 0.0, "by_run": [1.0] * cells.RUNS}
    monkeypatch.setattr(cells, "_rule", lambda market: tried)
    outcome = study.optimality("small", tmp_path)
    assert outcome.figures["markets"] == 1
    assert outcome.page.is_file()
    monkeypatch.setattr(cells, "_trained", lambda *_: pytest.fail("trained again"))
    assert study.optimality("small", tmp_path).as_json() == outcome.as_json()
