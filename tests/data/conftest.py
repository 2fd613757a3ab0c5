"""Files as firms write them, and the real datasets."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from data.field_cases import Field, lay_out
from real_data import complete_journey_folder, ta_feng_folder

__all__ = ["complete_journey_folder", "field", "ta_feng_folder"]


@pytest.fixture
def field(tmp_path: Path) -> Field:
    """Lays out a case of `tests/data/field`, see `field_cases.lay_out`."""
    return partial(lay_out, tmp_path)
