"""Departments as ONNX programs: they decide as the departments do, and play like any policy of a user's own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from intandem.app import cli
from intandem.departments import JointPolicy, policy_of_rules
from intandem.environments.onnx import PARITY, OnnxPolicy, export_onnx, inputs_of
from intandem.errors import InputError
from intandem.evaluation.compare import compare
from intandem.evaluation.policies import is_own
from intandem.learning import TrainSettings, save_bundle, train
from intandem.learning.mtma import untrained
from intandem.market import Market, example_market, family_market, initial_state

jax2onnx = pytest.importorskip("jax2onnx", reason="the extra onnx is not installed")


def _structured(market: Market) -> JointPolicy:
    return untrained(market, TrainSettings(shops=2, window=4, width=4), 0)


def _plain(market: Market) -> JointPolicy:
    how = TrainSettings(estimator="score", departments="plain", shops=2, window=4, width=4)
    return untrained(market, how, 0)


def _rules(market: Market) -> JointPolicy:
    return policy_of_rules(market, "base-stock", "uplift:filter=in-stock")


@pytest.mark.slow
@pytest.mark.parametrize("family", ["mixed", "long-lead", "habit", "seasonal"])
@pytest.mark.parametrize("policy", [_structured, _plain])
def test_programs_decide_as_departments_do(tmp_path: Path, family: str, policy) -> None:  # type: ignore[no-untyped-def]
    market = family_market(family, 5, 8, 0)
    assert max(export_onnx(policy(market), market, tmp_path / "programs").values()) <= PARITY


def test_programs_play_beside_what_they_came_from(tmp_path: Path) -> None:
    market = example_market("two-products-capped")
    folder = tmp_path / "programs"
    differences = export_onnx(_rules(market), market, folder)
    assert differences == pytest.approx({"inventory": 0.0, "recommendation": 0.0}, abs=PARITY)
    assert json.loads((folder / "onnx.json").read_text())["inputs"] == list(inputs_of(initial_state(market)))
    assert not is_own(OnnxPolicy(folder))
    found = compare(market, {"rules": _rules(market), "programs": folder}, seeds=1, periods=20, runs=2)
    np.testing.assert_allclose(found.results["programs"].profit_by_run, found.results["rules"].profit_by_run, rtol=1e-6)
    (folder / "inventory.onnx").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"inventory\.onnx: cannot be read"):
        OnnxPolicy(folder)
    (folder / "inventory.onnx").unlink()
    with pytest.raises(InputError, match=r"inventory\.onnx: is not there"):
        OnnxPolicy(folder)


@pytest.mark.slow
def test_a_bundle_is_exported_by_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    market = example_market("two-products-capped")
    training = train(market, TrainSettings(updates=2, shops=2, window=4, width=4), progress=False)
    save_bundle(training, market, tmp_path / "policy")
    assert cli.run(["export", str(tmp_path / "policy"), "--onnx", "--out", str(tmp_path / "out"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["parity"] is True
    assert Path(told["inventory"]).is_file()
    assert cli.run(["export", str(tmp_path / "policy"), "--out", str(tmp_path / "out")]) == 2
