"""The map of coordination value: its markets, exact averages, shares, resumption, claims and page."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from intandem.errors import InputError
from intandem.evaluation.experiments import experiment
from intandem.evaluation.experiments.coordination_map import cells, study
from intandem.evaluation.experiments.coordination_map.averages import averages, parts_of_gain, profit_of
from intandem.evaluation.experiments.coordination_map.cells import Cell, solve_cell
from intandem.evaluation.experiments.coordination_map.claims import Findings, claims_of
from intandem.evaluation.experiments.coordination_map.markets import BASE, FULL_DEMAND, PEOPLE, Setting, market_of
from intandem.evaluation.experiments.coordination_map.page import page_of
from intandem.evaluation.experiments.coordination_map.plan import PLANS, Plan
from intandem.evaluation.experiments.ledger import Ledger
from intandem.evaluation.simulation import simulate
from intandem.theory.intertemporal import solve
from intandem.theory.intertemporal.policy_table import tabled_policy

TINY = Plan(draws=2, max_orders=(3,), lead_times=(1,), most_units=(9,), margin_spreads=(0.0, 0.3))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> tuple[Path, study.Outcome]:
    folder = tmp_path_factory.mktemp("map")
    return folder, study.draw_map(TINY, folder)


@pytest.mark.parametrize("memory", [0.0, 0.8])
def test_a_product_that_is_always_shown_meets_the_same_demand_in_every_market(memory: float) -> None:
    setting = Setting(persistence=memory, carry_over=2.0)
    market = market_of(setting, 5)
    effect = np.asarray(market.exposure_effect[0], float)
    built_up = 2.0 * effect * memory / (1 - memory)
    utility = np.asarray(market.base_utility[0], float) + effect + built_up
    assert PEOPLE / (1 + np.exp(-utility)) == pytest.approx([FULL_DEMAND] * 2, rel=1e-5)


def test_settings_meet_the_same_draws() -> None:
    one, other = market_of(BASE, 3), market_of(replace(BASE, max_order=5, lead_time=0, fixed_cost=1.0), 3)
    for name in ("price", "unit_cost", "base_utility", "exposure_effect"):
        assert (np.asarray(getattr(one, name)) == np.asarray(getattr(other, name))).all()
    assert (np.asarray(one.price) != np.asarray(market_of(BASE, 4).price)).all()


@pytest.mark.parametrize(
    "setting",
    [
        Setting(max_order=1, lead_time=0),
        Setting(max_order=1, lead_time=3, fixed_cost=0.2),
        pytest.param(Setting(max_order=1, persistence=0.5, carry_over=1.0), marks=pytest.mark.slow),
    ],
)
def test_exact_averages_earn_what_the_solver_found_and_parts_add_up_to_the_gain(setting: Setting) -> None:
    solution = solve(market_of(setting, 1), tolerance=1e-7)
    found = {regime: averages(solution, regime) for regime in ("joint", "filtered-silo")}
    for regime, one in found.items():
        assert profit_of(solution, one) == pytest.approx(solution.regimes[regime].profit, abs=1e-5)
    gain = solution.profit - solution.regimes["filtered-silo"].profit
    assert parts_of_gain(solution, found["joint"], found["filtered-silo"]).total == pytest.approx(gain, abs=1e-5)


def test_exact_averages_against_simulation() -> None:
    market = market_of(BASE, 2)
    solution = solve(market, ("joint",))
    exact = averages(solution, "joint")
    played = simulate(market, tabled_policy(market, solution.regimes["joint"].policy), periods=2_000, runs=16)
    for name in ("demand", "sales", "end_stock"):
        totals = np.asarray(getattr(played.totals, name)) / played.periods
        error = totals.std(0, ddof=1) / np.sqrt(played.runs)
        assert (np.abs(totals.mean(0) - getattr(exact, name)) < 4.5 * error).all(), name
    assert played.per_period("order") == pytest.approx(exact.ordered, rel=0.02)


def cell_of(setting: Setting, joint: list[float], silo: list[float], filtered: list[float] | None = None) -> Cell:
    rows = []
    for k, earned in enumerate(silo):
        other = earned if filtered is None else filtered[k]
        row = {"joint": joint[k], "silo": earned, "filtered-silo": other, "seconds": 1.0, "limit_used": 0.9}
        rows.append(row | {"lost_joint": 0.1, "lost_filtered-silo": 0.2} | dict.fromkeys(cells.PARTS, 0.0))
    return Cell(setting, tuple(rows))


def test_a_share_is_the_ratio_of_means_and_compares_pair_by_pair() -> None:
    one = cell_of(BASE, [11.0, 24.0, 33.0], [10.0, 20.0, 30.0]).share()
    assert one.value == pytest.approx(8 / 60)
    assert one.influence.sum() == pytest.approx(0)
    # Every market's gain is the same share of its profit: nothing is left to chance.
    sure = cell_of(BASE, [11.0, 22.0, 33.0], [10.0, 20.0, 30.0]).share()
    assert (sure.interval.low, sure.interval.high) == pytest.approx((0.1, 0.1))
    assert one.less(sure).mean == pytest.approx(8 / 60 - 0.1)
    assert np.isnan(cell_of(BASE, [1.0, 2.0], [-1.0, 0.5]).share().value)


def test_the_interval_of_a_share_covers_it_in_most_samples(rng: np.random.Generator) -> None:
    covered = 0
    for _ in range(400):
        silo = rng.uniform(5, 15, 30)
        gain = 0.1 * silo + rng.normal(0, 1, 30)
        interval = cell_of(BASE, list(silo + gain), list(silo)).share().interval
        covered += interval.low <= 0.1 <= interval.high
    assert 0.91 <= covered / 400 <= 0.985


def findings(shares: dict[int, float], **other: Cell) -> Findings:
    """Invented cells along supply: gains as shares of profits of 10, 12, 14."""
    silo = [10.0, 12.0, 14.0]
    made = {}
    for units, share in shares.items():
        setting = replace(BASE, max_order=units)
        made[setting] = cell_of(setting, [one * (1 + share) for one in silo], silo)
    made |= {one.setting: one for one in other.values()}
    return Findings(Plan(draws=3, max_orders=tuple(shares)), made)


def test_claims_hold_and_fail_as_their_data_say() -> None:
    good = claims_of(findings({2: 0.05, 3: 0.1, 8: 0.0}))
    assert good["zero-with-plenty"].holds
    assert good["largest-in-money-between-scarce-and-plenty"].holds
    assert not good["largest-share-where-scarcest"].holds
    assert good["never-worse"].holds
    assert "rises-with-lead-time" not in good
    bad = claims_of(findings({2: 0.2, 3: 0.1, 8: 0.01}))
    assert not bad["zero-with-plenty"].holds
    assert bad["zero-with-plenty"].figure == pytest.approx(0.01)
    assert not bad["largest-in-money-between-scarce-and-plenty"].holds
    assert bad["largest-share-where-scarcest"].holds
    worse = claims_of(findings({2: 0.2, 3: -0.1, 8: 0.0}))
    assert not worse["never-worse"].holds
    assert worse["never-worse"].figure == pytest.approx(-1.4)


def test_a_change_that_the_interval_leaves_open_is_not_settled() -> None:
    setting = replace(BASE, margin_spread=0.0)
    found = findings({3: 0.1, 8: 0.0}, equal=cell_of(setting, [12.0, 12.0, 20.0], [10.0, 12.0, 14.0]))
    claim = claims_of(replace(found, plan=replace(found.plan, margin_spreads=(0.0, 0.3))))["falls-with-margin-spread"]
    assert not claim.holds
    assert claim.verdict == "not settled"


def test_tables_results_and_page(drawn: tuple[Path, study.Outcome]) -> None:
    folder, outcome = drawn
    assert {one.name for one in folder.iterdir()} == {"cells", "cells.csv", "markets.csv", "page.html", "results.json"}
    kept = json.loads((folder / "results.json").read_text())
    assert kept["claims"].keys() == outcome.claims.keys()
    assert kept["answer"] == outcome.answer
    markets = (folder / "markets.csv").read_text().splitlines()
    assert len(markets) == 1 + 2 * len(TINY.cells())
    assert outcome.claims["never-worse"].holds


def test_the_page_stands_alone_and_every_place_has_its_figure() -> None:
    plan = PLANS["full"]
    silo = [10.0, 12.0, 14.0]
    made = {one: cell_of(one, [1.1 * earned for earned in silo], silo) for one in plan.cells()}
    made[BASE] = cell_of(BASE, [earned + 1 for earned in silo], silo, [-1.0, -1.0, 0.5])
    found = Findings(plan, made)
    text = page_of(found, claims_of(found))
    own = re.sub(r"<script.*?</script>", "", text, flags=re.S)
    figures = json.loads(re.search(r'id="figures">(.*?)</script>', text)[1])
    assert "http" not in own
    assert len(text.encode()) < 1_500_000
    assert "What to do" in own
    for word in ("in tandem", "plain silo", "filtered silo", "attention"):
        assert word not in (own + json.dumps(figures)).lower(), word
    assert "10.0% of profit at a supply of 50%" in own
    assert (
        set(re.findall(r'class="chart" id="([^"]+)"', own)) == set(figures) >= {"supply", "margins", "parts", "memory"}
    )
    drawn = figures["margins"]["data"][0]
    assert drawn["zmin"] == 0
    assert drawn["zmax"] == pytest.approx(10)
    assert drawn["text"][2][2] == "–"
    assert drawn["text"][0][0] == "10.0%"


def test_finished_cells_are_read_again(drawn: tuple[Path, study.Outcome], monkeypatch) -> None:
    folder, outcome = drawn
    before = (folder / "cells.csv").read_bytes()
    monkeypatch.setattr(cells, "solve_draw", lambda *_: pytest.fail("solved again"))
    again = study.draw_map(TINY, folder)
    assert again.claims == outcome.claims
    assert (folder / "cells.csv").read_bytes() == before


def test_a_stopped_run_goes_on_and_other_settings_are_other_cells(tmp_path: Path, monkeypatch) -> None:
    solved: list[tuple[Setting, int, int]] = []

    def solve_draw(setting: Setting, draw: int, seed: int) -> dict[str, float]:
        if len(solved) == 2:
            raise KeyboardInterrupt
        solved.append((setting, draw, seed))
        return {"joint": float(draw)}

    monkeypatch.setattr(cells, "solve_draw", solve_draw)
    place = tmp_path / "cells.jsonl"
    with pytest.raises(KeyboardInterrupt):
        solve_cell(BASE, 3, Ledger(place))
    solved.clear()
    assert solve_cell(BASE, 3, Ledger(place)).column("joint").tolist() == [0.0, 1.0, 2.0]
    assert solved == [(BASE, 2, 0)]
    solve_cell(BASE, 1, Ledger(place), seed=1)
    assert solved[-1] == (BASE, 0, 1)


def test_plans_hold_the_base_case_in_every_map_and_no_cell_twice() -> None:
    for plan in PLANS.values():
        for table in (plan.lead_time_map(), plan.margin_map(), plan.fixed_cost_map(), plan.memory_map()):
            assert BASE in table.values()
        assert len(set(plan.cells())) == len(plan.cells())


def test_an_unknown_experiment_is_refused() -> None:
    with pytest.raises(InputError, match="coordination-map"):
        experiment("no-such")
