"""The real datasets."""

from __future__ import annotations

from real_data import complete_journey_folder, ta_feng_folder

__all__ = ["complete_journey_folder", "ta_feng_folder"]
