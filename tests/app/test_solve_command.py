"""`intandem solve`: keys, words, the policy it keeps, and its refusals."""

from __future__ import annotations

import json

import polars as pl
import pytest

from intandem.app import cli


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, tmp_path_factory):
    monkeypatch.setenv("INTANDEM_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture
def small_cap(tmp_path):
    """The example with room for 4 units of a product, as a file."""
    from dataclasses import replace

    from intandem.market import example_market, save_market

    market = example_market("two-products-capped")
    path = tmp_path / "small.toml"
    save_market(replace(market, solve=replace(market.solve_settings, stock_cap=4)), path)
    return str(path)


def test_the_optimum_as_json_and_its_policy_played(capsys, tmp_path):
    policy = tmp_path / "policy.parquet"
    assert cli.run(["solve", "two-products-capped", "--policy-out", str(policy), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["average_profit"] == pytest.approx(42.32057, rel=1e-4)
    assert found["silo_profit"] == pytest.approx(33.48991, rel=1e-4)
    assert found["bounds"][0] <= found["average_profit"] <= found["bounds"][1]
    assert found["stock_cap_share"] < 1e-3
    assert pl.read_parquet(policy).height == found["states"]
    assert cli.run(["simulate", "two-products-capped", "--policy", str(policy), "--periods", "2000", "--json"]) == 0
    played = json.loads(capsys.readouterr().out)["profit_per_period"]
    assert abs(played["mean"] - found["average_profit"]) < 4 * played["se"]


def test_words_say_what_coordination_is_worth_and_whether_the_stock_cap_holds_it_back(capsys, small_cap):
    assert cli.run(["solve", "two-products-capped"]) == 0
    words = capsys.readouterr().out
    assert "coordination is worth 8.83 (26.37%) over the silo" in words
    assert "stock_cap" not in words
    assert cli.run(["solve", small_cap]) == 0
    assert "a higher stock_cap" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["two-products-capped", "--policy-out", "policy.csv"], ".parquet"),
        (["two-products-capped", "--regime", "both"], "--regime"),
        (["two-products-capped", "--regime", "silo"], "--policy-out FILE"),
        (["two-products-capped", "--policy-out", ".parquet"], ".parquet"),
        (["two-products-capped", "--tolerance", "0"], "--tolerance"),
        (["family:free-supply:30x20:0"], "states"),
    ],
)
def test_refusals_are_one_line_that_names_the_cure(capsys, arguments, named):
    assert cli.run(["solve", *arguments]) == 2
    told = capsys.readouterr().err
    assert named in told
    assert told.count("\n") == 1
