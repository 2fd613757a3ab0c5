"""Settings of the whole suite: shapes are checked, programs are compiled in haste, hypothesis repeats itself."""

from __future__ import annotations

import os
import resource
from importlib.metadata import version

# The import hook keeps nothing of what is imported inside its modules, so the large libraries come before it.
import equinox  # noqa: F401
import jaxtyping
import numpy as np
import optax  # noqa: F401
import plotly.graph_objects  # noqa: F401
import polars  # noqa: F401
import pydantic  # noqa: F401
import pytest
import scipy.optimize
import scipy.sparse
import scipy.stats  # noqa: F401
from hypothesis import HealthCheck, settings

# Most of the suite's time is compilation of programs that then run once: LLVM does not optimise them, one thread
# compiles them (there is a worker for every core), and fused loops take the older, quicker way to machine code.
# The program ends at a flag that it does not know, so the last two are given to releases that are known to have them.
FLAGS = ["--xla_backend_optimization_level=0", "--xla_llvm_disable_expensive_passes=true"]
if (0, 8) <= tuple(int(part) for part in version("jaxlib").split(".")[:2]) <= (0, 10):
    FLAGS += ["--xla_cpu_use_fusion_emitters=false", "--xla_cpu_parallel_codegen_split_count=1"]
os.environ["XLA_FLAGS"] = " ".join([os.environ.get("XLA_FLAGS", ""), *FLAGS])

# Every function of the package is checked against its annotated shapes and types while tests run, doctests
# included. In use nothing is checked, so it costs nothing.
jaxtyping.install_import_hook("intandem", "shape_checks.at_first_call")

settings.register_profile(
    "suite", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.load_profile("suite")


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers that are the same in every run."""
    return np.random.default_rng(2024)


USE = pytest.StashKey[list[str]]()


def _use() -> str:
    """Time and memory that this process has used, in words."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return f"{used.ru_utime + used.ru_stime:.0f} s of processor, {used.ru_maxrss / 2**20:.2f} GB at the peak"


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["use"] = _use()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error) -> None:  # type: ignore[no-untyped-def]
    del error
    uses = node.config.stash.setdefault(USE, [])
    uses.append(f"{node.gateway.id}: {node.workeroutput['use']}" if hasattr(node, "workeroutput") else "lost")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in sorted(config.stash.get(USE, [_use()])):
        terminalreporter.write_line(line)
