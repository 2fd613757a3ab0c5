"""The weekly step: done once, resumed wherever it was stopped, and never taken over by a worse policy."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from intandem import storage
from intandem.app import cli, weekly
from intandem.app.weekly import CycleSettings, cycle
from intandem.data.calibration.kept import load_calibration
from intandem.errors import InputError, RunError
from intandem.evaluation.acceptance import accept
from intandem.market.files import load_market
from intandem.operation.steps import Steps, alone

SIZES = {"updates": 4, "shops": 2, "window": 4, "width": 4, "periods": 8, "runs": 2, "slots": 1}
SMALL = CycleSettings(rules=("silo",), **SIZES)  # type: ignore[arg-type]
OPTIONS = ["--rules", "silo", *(text for name, size in SIZES.items() for text in (f"--{name}", str(size)))]


@pytest.fixture(scope="module", autouse=True)
def _two_updates_a_call() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("intandem.learning.mtma.CHUNK", 2)
        yield


def write_week(firm: Path, weeks: int) -> None:
    """The files of a small firm after so many weeks."""
    tables = firm / "tables"
    tables.mkdir(parents=True, exist_ok=True)
    week, customer, product = np.nonzero(np.random.default_rng(1).random((30, 6, 3)) < 0.4)
    seen = week < weeks
    pl.DataFrame(
        {
            "customer_id": [f"c{one}" for one in customer[seen]],
            "product_id": [f"p{one}" for one in product[seen]],
            "period": week[seen],
            "quantity": np.ones(seen.sum(), int),
            "price": 4.0 + product[seen],
        }
    ).write_csv(tables / "transactions.csv")
    ids = ["p0", "p1", "p2"]
    pl.DataFrame({"product_id": ids, "unit_cost": [2.0, 3.0, 4.0]}).write_csv(tables / "products.csv")
    pl.DataFrame({"product_id": ids, "period": [weeks] * 3, "on_hand": [0, 2, 9]}).write_csv(tables / "stock.csv")


@pytest.fixture(scope="module")
def firm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A firm after its first week, to be copied."""
    folder = tmp_path_factory.mktemp("firm")
    write_week(folder, 24)
    cycle(folder, SMALL)
    return folder


def kept(folder: Path) -> dict[str, Any]:
    """What a firm has after a week, without the seconds that it took."""
    done = json.loads((folder / "cycle.json").read_text())["done"]
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in ("manifest.json", "cycle.json", "cycle.log", "cycle.lock")
    }
    return {"done": done, **files}


def test_a_week_is_taken_once(firm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(firm, tmp_path / "firm")
    before = kept(tmp_path / "firm")
    assert {f"decisions/week-24/{name}.csv" for name in ("orders", "recommendations")} <= before.keys()
    assert list(before["done"]) == ["check", "calibrate", "train", "accept", "install", "decide"]
    log = (tmp_path / "firm" / "cycle.log").read_text()
    assert [line.split()[2].rstrip(":") for line in log.splitlines()] == list(before["done"])
    monkeypatch.setattr(weekly, "train", None)
    again = cycle(tmp_path / "firm", SMALL)
    assert kept(tmp_path / "firm") == before
    assert (tmp_path / "firm" / "cycle.log").read_text() == log
    assert Path(again["orders"]).is_file()
    assert again["changed_share"] is None


class Killed(BaseException):
    """What ends a run at once."""


def test_stopped_anywhere_it_comes_to_the_same(firm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each run is killed at one of its renames, before it or after, with nothing cleared up, until one gets through."""
    for name in ("straight", "killed"):
        shutil.copytree(firm, tmp_path / name)
        write_week(tmp_path / name, 25)
    whole = cycle(tmp_path / "straight", SMALL)
    assert whole["changed_share"] is not None
    draw, rename, remove = random.Random(0), os.replace, shutil.rmtree
    left: list[int] = []

    def killing(source: Any, target: Any) -> None:
        left[0] -= 1
        if left[0] == 0 and draw.random() < 0.5:
            raise Killed
        rename(source, target)
        if left[0] <= 0:
            raise Killed

    kills = 0
    monkeypatch.setattr(storage.os, "replace", killing)
    monkeypatch.setattr(storage.shutil, "rmtree", lambda *_, **__: None)
    while True:
        left[:] = [draw.randint(1, 9)]
        try:
            cycle(tmp_path / "killed", SMALL)
        except Killed:
            kills += 1
            assert kills < 60
        else:
            break
    monkeypatch.setattr(storage.os, "replace", rename)
    monkeypatch.setattr(storage.shutil, "rmtree", remove)
    assert kills >= 3
    with alone(tmp_path / "killed"):
        pass
    assert kept(tmp_path / "killed") == kept(tmp_path / "straight")


def test_a_worse_policy_is_not_taken_over(
    firm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(firm, tmp_path / "firm")
    write_week(tmp_path / "firm", 25)
    weights = tmp_path / "firm" / "policy" / "inventory" / "weights.safetensors"
    old = weights.read_bytes()

    def refused(*arguments: Any, **named: Any) -> Any:
        verdict = accept(*arguments, **named)
        return type(verdict)(False, "it earns less", verdict.profit, verdict.best_rule, verdict.comparison)

    monkeypatch.setattr(weekly, "accept", refused)
    assert cli.run(["cycle", str(tmp_path / "firm"), *OPTIONS, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["accepted"], found["why"]) == (False, "it earns less")
    assert weights.read_bytes() == old
    orders = pl.read_csv(found["orders"])
    assert orders.height == 3
    assert {"accepted", "why", "orders", "recommendations", "changed_share"} <= found.keys()


def test_before_a_first_policy_the_best_rule_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_week(tmp_path, 24)

    def refused(*arguments: Any, **named: Any) -> Any:
        verdict = accept(*arguments, **named)
        return type(verdict)(False, "it earns less", verdict.profit, verdict.best_rule, verdict.comparison)

    monkeypatch.setattr(weekly, "accept", refused)
    found = cycle(tmp_path, SMALL)
    assert not (tmp_path / "policy").exists()
    orders = pl.read_csv(found["orders"])
    assert_frame_equal(orders.select(quantity="plain_rule"), orders.select("quantity"))


def test_what_the_firm_states_and_what_is_odd_reach_the_week(tmp_path: Path) -> None:
    write_week(tmp_path, 24)
    tables = tmp_path / "tables"
    pl.DataFrame({"product_id": ["p0", "p1", "p2"], "price": [400.0, 5.0, 6.0]}).write_csv(tables / "products.csv")
    (tables / "mapping.toml").write_text("margin = 0.6\nexposure_cost = 0.01\n")
    found = cycle(tmp_path, replace(SMALL, currency="€"))
    market = load_market(tmp_path / "market")
    np.testing.assert_allclose(market.unit_cost / market.price, 0.4, rtol=1e-5)
    np.testing.assert_allclose(market.exposure_cost, 0.01, rtol=1e-5)
    assert load_calibration(tmp_path / "market") is not None
    assert any("apart from what was paid" in note for note in found["notes"])
    assert found["assumptions"]
    assert "€" in Path(found["page"]).read_text()
    (tables / "transactions.csv").write_text("customer_id\n")
    with pytest.raises(InputError):
        cycle(tmp_path, SMALL)
    assert "stopped: " in (tmp_path / "cycle.log").read_text().splitlines()[-1]


def test_two_runs_do_not_meet_and_a_folder_without_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no folder tables; put your files into"):
        cycle(tmp_path)
    (tmp_path / "tables").mkdir()
    with alone(tmp_path), pytest.raises(RunError, match="is being worked in by another run"):
        cycle(tmp_path)


def test_a_step_is_done_again_for_other_files(tmp_path: Path) -> None:
    steps = Steps(tmp_path, "a")
    assert steps.step("one", lambda: 1) == 1
    assert steps.step("one", lambda: 2) == 1
    assert Steps(tmp_path, "a").step("one", lambda: 3) == 1
    assert Steps(tmp_path, "b").step("one", lambda: 4) == 4
    (tmp_path / "cycle.json").write_text("{")
    with pytest.raises(RunError, match=r"cycle\.json: cannot be read"):
        Steps(tmp_path, "b")


@pytest.mark.slow
def test_killed_at_25_moments_it_comes_to_the_same(tmp_path: Path) -> None:
    for name in ("straight", "killed"):
        write_week(tmp_path / name, 24)

    def start(name: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "intandem", "cycle", str(tmp_path / name), *OPTIONS]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    begun = time.monotonic()
    codes = {start("straight").wait()}
    seconds = time.monotonic() - begun
    draw = random.Random(0)
    for _ in range(25):
        run = start("killed")
        time.sleep(draw.uniform(0.3, 1.0) * seconds)
        run.send_signal(signal.SIGKILL)
        run.wait()
    codes.add(start("killed").wait())
    assert codes <= {0, 1}
    assert kept(tmp_path / "killed") == kept(tmp_path / "straight")
