"""`intandem experiment`: keys, going on, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from intandem.app import cli
from intandem.evaluation.experiments.coordination_map import study as coordination_map
from intandem.evaluation.experiments.coordination_map.plan import Plan


def test_a_tiny_map_and_its_keys(capsys, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("INTANDEM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(
        coordination_map.PLANS, "small", Plan(draws=1, max_orders=(3,), lead_times=(1,), most_units=(9,))
    )
    command = ["experiment", "coordination-map", "--out", str(tmp_path / "map"), "--json"]
    assert cli.run(command) == 0
    found = json.loads(capsys.readouterr().out)
    assert Path(found["page"]).read_text().startswith("<!doctype html>")
    assert all(Path(place).is_file() for place in found["tables"].values())
    assert all({"holds", "figure"} <= claim.keys() for claim in found["claims"].values())
    assert cli.run(command[:-1]) == 0
    printed = capsys.readouterr().out
    assert found["answer"] in printed
    assert "page.html" in printed


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["no-such"], ["no-such", "coordination-map"]),
        (["coordination-map", "--scale", "huge"], ["--scale", "huge", "small, full"]),
        (["coordination-map", "--seed", "-1"], ["--seed", "-1"]),
        (["coordination-map", "--out", "{file}"], ["is a file"]),
        (["coordination-map", "--out", "{other}"], ["holds other things"]),
    ],
)
def test_what_is_wrong_is_said_in_a_line(capsys, tmp_path: Path, arguments: list[str], parts: list[str]) -> None:
    (tmp_path / "file").write_text("kept")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine").write_text("kept")
    places = {"file": tmp_path / "file", "other": tmp_path / "other"}
    assert cli.run(["experiment", *(one.format(**places) for one in arguments)]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert all(part in told for part in parts)
    assert (tmp_path / "other" / "mine").read_text() == "kept"
