"""The real datasets, for the tests that count them: skipped where they are neither here nor can be brought."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from data.field_cases import Field, lay_out
from intandem.data.sources.fetch import fetch
from intandem.errors import RunError


def _folder(name: str) -> Path:
    try:
        return fetch(name).path
    except RunError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def complete_journey_folder() -> Path:
    return _folder("complete-journey")


@pytest.fixture(scope="session")
def ta_feng_folder() -> Path:
    return _folder("ta-feng")


@pytest.fixture
def field(tmp_path: Path) -> Field:
    """Lays out a case of `tests/data/field`, see `field_cases.lay_out`."""
    return partial(lay_out, tmp_path)
