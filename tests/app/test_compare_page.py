"""A report on a market of one's own shows what is kept of its calibration."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from intandem.app import cli
from intandem.market import example_market, market_hash, save_market


def _kept(market_fingerprint: str) -> str:
    curve = {"split": ["test"] * 2, "predicted": [0.1, 0.4], "observed": [0.12, 0.37], "opportunities": [50, 50]}
    period = {"period": [0, 1], "split": ["train"] * 2, "predicted": [5.0, 6.0], "observed": [5.0, 7.0]}
    content = {
        "format": 1,
        "estimates": {"exposure_effect": {"mean": 0.4, "se": None}},
        "sentences": ["Exposure moves the log-odds by 0.40, stated."],
        "identification": "The data record no exposures.",
        "assumptions": ["Orders arrive after 1 week (assumed)."],
        "notes": ["2 of 20 weeks hold no line."],
        "alarms": ["The largest order lies below what was sold."],
        "fit": {"calibration_curve": curve, "period": period | {"residual": [0.0, 1.0]}},
        "diagnostics": {},
        "data_hash": "0" * 64,
        "market_hash": market_fingerprint,
    }
    return json.dumps(content)


@pytest.mark.parametrize("changed", [False, True])
def test_the_page_of_a_calibrated_market(tmp_path: Path, capsys: pytest.CaptureFixture[str], changed: bool) -> None:
    market = example_market("two-products-capped")
    fingerprint = "f" * 64 if changed else market_hash(market)
    save_market(market, tmp_path / "market", calibration=_kept(fingerprint))
    page = tmp_path / "page.html"
    few = ["--methods", "silo,filtered-silo", "--periods", "5", "--runs", "2", "--warmup", "2"]
    assert cli.run(["compare", str(tmp_path / "market"), *few, "--out", str(page), "--json"]) == 0
    capsys.readouterr()
    text = page.read_text(encoding="utf-8")
    for told in (
        "stated.",
        "(assumed)",
        "no line",
        "below what was sold",
        "Recommendations move nobody",
        "margins halved",
    ):
        # A market that was changed since is not the one that was calibrated.
        assert (told in text) is not changed, told
