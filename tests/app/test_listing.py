"""`intandem list`: everything that has a name, with what it is."""

from __future__ import annotations

import json

import pytest

import intandem
from intandem.app import cli
from intandem.evaluation.catalogue import KINDS, catalogue


@pytest.mark.parametrize("kind", KINDS)
def test_items_as_json_and_every_name_in_words(capsys, monkeypatch, kind: str) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.run(["list", kind, "--json"]) == 0
    items = json.loads(capsys.readouterr().out)["items"]
    assert items == json.loads(json.dumps(catalogue(kind)))
    assert all(item["name"] and item["what"] for item in items)
    assert cli.run(["list", kind]) == 0
    words = capsys.readouterr().out
    assert all(item["name"] in words for item in items)
    assert all(len(line) <= 80 for line in words.splitlines())


def test_every_setting_of_every_rule_is_told_with_its_default(capsys) -> None:
    assert cli.run(["list", "rules"]) == 0
    words = " ".join(capsys.readouterr().out.split())
    for rule in intandem.catalogue("rules"):
        for setting in rule["settings"]:
            assert f"{setting['name']}= {setting['meaning']} (" in words
            assert f"default: {setting['default']})" in words


def test_another_kind_is_refused() -> None:
    with pytest.raises(intandem.InputError, match="did you mean 'rules'"):
        catalogue("rule")
