"""The real datasets, for the tests that read them: skipped where they are neither here nor can be brought."""

from __future__ import annotations

from pathlib import Path

import pytest

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
