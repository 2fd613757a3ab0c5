"""Every market file of the documentation's counterexamples still is one."""

from __future__ import annotations

from pathlib import Path

import pytest

from intandem.market import load_market
from intandem.theory.insights import CHECKS

FOLDER = Path(__file__).parents[2] / "docs" / "explanation" / "counterexamples"
FILES = sorted(FOLDER.glob("*.toml"))


def test_there_are_some() -> None:
    assert FILES


def _quick(path: Path) -> bool:
    """One file of each statement, and all that need no solving over time, where most time is compilation."""
    over_time = path.stem.startswith("t") or "over-time" in path.stem
    return not over_time or path == min(FOLDER.glob(f"{path.stem.split('--')[0]}--*.toml"))


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, id=path.stem, marks=[] if _quick(path) else pytest.mark.slow) for path in FILES],
)
def test_the_statement_fails_there(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) < 60
    check = {name.lower(): name for name in CHECKS}[path.stem.split("--")[0]]
    finding = CHECKS[check](load_market(path))
    assert finding.holds is False
    assert finding.violations > 0
    assert finding.inside == ("inside" in path.stem or "--with-" in path.stem)
