"""`intandem insights`: keys, words, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from intandem.app import cli
from intandem.learning import TrainSettings, save_bundle, train
from intandem.market import build_market, example_market, save_market

TINY = TrainSettings(updates=1, shops=2, window=4, width=4)


def small_market(path: Path) -> str:
    """One product that is solved in no time, as a file."""
    import numpy as np

    from intandem.market import SolveSettings

    market = build_market(
        {
            "price": np.array([9.0]),
            "unit_cost": np.array([5.0]),
            "holding_cost": np.array([0.2]),
            "exposure_cost": np.array([0.3]),
            "max_order": np.array([2.0]),
        },
        np.array([[-1.0]]),
        np.array([[2.0]]),
        population=np.array([4]),
        solve=SolveSettings(stock_cap=5, exposure_levels=(0.0, 1.0)),
    )
    save_market(market, path)
    return str(path)


def test_a_market_is_solved_and_every_statement_reported(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    place = small_market(tmp_path / "small.toml")
    assert cli.run(["insights", place, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"C1", "C2", "C3", "C4", "T1", "T2", "T3", "T4"} <= found["insights"].keys()
    for one in found["insights"].values():
        assert {"holds", "statistic", "violations", "n", "inside", "broken_assumptions"} <= one.keys()
    assert found["insights"]["T2"]["holds"] is True
    assert found["insights"]["T2"]["verdict"] == "holds"
    not_claimed = found["insights"]["C4-equality"]
    assert (not_claimed["claimed"], not_claimed["verdict"]) == (False, "not claimed here")
    assert "orders have limits" in not_claimed["why"]
    assert found["insights"]["T1"]["holds"] is None
    assert found["insights"]["T1"]["statistic"] is None
    assert cli.run(["insights", place]) == 0
    words = capsys.readouterr().out
    assert "promotion is led by stock" in words
    assert "statements hold" in words.splitlines()[0]
    assert "outside its assumptions: orders take time to arrive; orders have limits" in words
    assert not any(line.rstrip().endswith("fails") for line in words.splitlines())


@pytest.mark.slow
def test_a_trained_policy_is_played(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    market = example_market("two-products-capped")
    save_bundle(train(market, TINY), market, tmp_path / "policy")
    options = ["--bundle", str(tmp_path / "policy"), "--periods", "40", "--runs", "3", "--json"]
    assert cli.run(["insights", "two-products-capped", *options]) == 0
    found = json.loads(capsys.readouterr().out)["insights"]
    assert 0 <= found["T2"]["p_value"] <= 1
    assert found["T4"]["n"] >= 0
    assert {"C2", "C3", "C4", "T1", "T2", "T3", "T4"} <= found.keys()


def test_what_cannot_be_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["insights", "family:long-lead:10x20:0"]) == 2
    assert "too many to solve exactly" in capsys.readouterr().err
