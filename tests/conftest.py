"""Settings of the whole suite: shapes are checked at run time, and hypothesis is fast and repeatable."""

from __future__ import annotations

import os

# Most of the suite's time is compilation of programs that then run once, so they are compiled in haste.
os.environ["XLA_FLAGS"] = (
    os.environ.get("XLA_FLAGS", "") + " --xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
)

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
