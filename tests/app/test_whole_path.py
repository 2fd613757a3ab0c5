"""The command as a process of its own: stopped by a signal, and the whole path on real data."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "intandem"]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_training_says_how_to_go_on(tmp_path: Path, number: int) -> None:
    arguments = [
        "train",
        "two-products-capped",
        "--out",
        "policy",
        "--updates",
        "200000",
        "--shops",
        "2",
        "--window",
        "4",
    ]
    run = subprocess.Popen(
        [*COMMAND, *arguments], cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    checkpoint = tmp_path / "policy.checkpoint"
    deadline = time.monotonic() + 120
    while not checkpoint.exists() and run.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    run.send_signal(number)
    try:
        out, told = run.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        # A signal that falls into one of JAX's own callbacks is lost there; a person would press the keys again.
        run.send_signal(number)
        out, told = run.communicate(timeout=60)
    assert run.returncode == 1
    assert out == ""
    assert told.strip().splitlines()[-1] == (
        "intandem: stopped; run the same command again to go on from policy.checkpoint"
    )
    assert "Traceback" not in told
    assert os.listdir(tmp_path) == ["policy.checkpoint"]


@pytest.mark.slow
def test_the_demonstration_from_raw_tables_to_the_page(tmp_path: Path) -> None:
    sizes = ["--products", "10", "--customers", "20", "--updates", "2"]
    run = subprocess.run(
        [*COMMAND, "demo", "--out", "d", *sizes, "--json"], cwd=tmp_path, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    wanted = {"report", "markets", "methods", "profit", "paired", "scenarios", "calibration", "answer", "seconds"}
    assert wanted <= found.keys()
    assert set(os.listdir(tmp_path / "d")) == {"report.html", "market", "policy", "today"}
    page = (tmp_path / "d" / "report.html").read_text()
    assert found["answer"].split(":")[0] in page
    assert "http" not in page.split("<body")[0].split("<script")[0]
