"""Settings of the whole suite: shapes are checked at run time, and hypothesis is fast and repeatable."""

from __future__ import annotations

import jaxtyping
import numpy as np
import pytest
from hypothesis import HealthCheck, settings

# Every function of the package is checked against its annotated shapes and types while tests run, doctests
# included. In use nothing is checked, so it costs nothing.
jaxtyping.install_import_hook("intandem", "beartype.beartype")

settings.register_profile(
    "suite", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.load_profile("suite")


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers that are the same in every run."""
    return np.random.default_rng(2024)
