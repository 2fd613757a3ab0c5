"""`intandem bound`: keys, words, and its refusals."""

from __future__ import annotations

import json

import pytest

from intandem.app import cli


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, tmp_path_factory):
    monkeypatch.setenv("INTANDEM_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def test_bound_as_json(capsys):
    assert cli.run(["bound", "two-products-capped", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"bounds", "best", "best_name", "seconds", "skipped", "objective"} <= found.keys()
    assert set(found["bounds"]) == set(found["seconds"]) == {"fluid", "newsvendor", "lagrangian", "clairvoyant"}
    assert found["best"] == min(found["bounds"].values()) == found["bounds"][found["best_name"]]


def test_bound_in_words_opens_with_the_answer_and_says_what_was_left_out(capsys):
    assert cli.run(["bound", "family:habit:3x4:0"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("habit-3x4-seed0: no policy earns more than")
    assert "clairvoyant: left out, not for markets with intention" in lines


def test_bound_of_nothing_is_one_line(capsys):
    assert cli.run(["bound", "no-such-market"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
