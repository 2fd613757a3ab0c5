"""Settings of the whole suite: shapes are checked, programs compiled in haste and kept, hypothesis repeats itself."""

from __future__ import annotations

import gc
import os
import resource
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

# The import hook keeps nothing of what is imported inside its modules, so the large libraries come before it.
import equinox  # noqa: F401
import jax
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
from jax._src.interpreters import mlir

from shape_checks import check_shapes

# Most of the suite's time is compilation of programs that then run once: LLVM does not optimise them, one thread
# compiles them (there is a worker for every core), and fused loops take the older, quicker way to machine code.
# The program ends at a flag that it does not know, so the last two are given to releases that are known to have them.
FLAGS = ["--xla_backend_optimization_level=0", "--xla_llvm_disable_expensive_passes=true"]
if (0, 8) <= tuple(int(part) for part in version("jaxlib").split(".")[:2]) <= (0, 10):
    FLAGS += ["--xla_cpu_use_fusion_emitters=false", "--xla_cpu_parallel_codegen_split_count=1"]
os.environ["XLA_FLAGS"] = " ".join([os.environ.get("XLA_FLAGS", ""), *FLAGS])

# What one worker, or yesterday's run, has compiled, nobody compiles again. A program's name is made of its text, the
# flags and the versions, so nothing stale is ever run.
PROGRAMS = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "intandem" / "tests"
KEPT_DAYS = 14
for name, value in {
    "jax_compilation_cache_dir": str(PROGRAMS),
    "jax_persistent_cache_min_compile_time_secs": 0.0,
    "jax_persistent_cache_min_entry_size_bytes": -1,
}.items():
    jax.config.update(name, value)
    os.environ[name.upper()] = str(value)  # for the commands that tests start

# One MLIR context for all programs: to make one takes longer than to lower a small program into it.
mlir.make_ir_context = cache(mlir.make_ir_context)

# Every function of the package is checked against its annotated shapes and types while tests run, doctests
# included. In use nothing is checked, so it costs nothing.
check_shapes("intandem")

settings.register_profile(
    "suite", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.load_profile("suite")


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers that are the same in every run."""
    return np.random.default_rng(2024)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Programs that nobody has asked for in two weeks are of code that is no more."""
    if hasattr(session.config, "workerinput") or not PROGRAMS.is_dir():
        return
    old = time.time() - KEPT_DAYS * 86_400
    for entry in PROGRAMS.iterdir():
        with suppress(OSError):
            if entry.stat().st_atime < old:
                entry.unlink()


ROOM = 500 * 2**20


def _memory() -> int:
    """Bytes that this process holds; 0 where the system does not say."""
    with suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    return 0


@pytest.fixture(scope="session")
def _held() -> list[int]:
    return [_memory()]


@pytest.fixture(autouse=True, scope="module")
def _room_for_programs(_held: list[int]) -> Iterator[None]:
    """Programs are let go after a file when they have filled some room: what is asked for again is read."""
    yield
    if _memory() > _held[0] + ROOM:
        jax.clear_caches()
        gc.collect()
        _held[0] = _memory()


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
