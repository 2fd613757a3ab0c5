"""The front door: every public name is there for people, editors and type checkers, and says what it is."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import intandem

NAMES = [name for name in intandem.__all__ if name != "__version__"]
VALUES = {"FAMILIES", "PolicyLike"}
"""Names of values and types, which can have no docstring."""


def test_type_checkers_know_the_same_names_as_python() -> None:
    stub = ast.parse(Path(intandem.__file__).with_suffix(".pyi").read_text())
    told = {
        alias.asname: (node.module, alias.name)
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    real = {name: (home, name) for name, home in intandem._HOMES.items() if name not in intandem._RENAMED}
    assert told == real


@pytest.mark.parametrize("name", NAMES)
def test_it_is_documented(name: str) -> None:
    """A function by an example that runs (docstrings are run as tests), a record by what it holds."""
    thing = getattr(intandem, name)
    if name in VALUES:
        return
    text = inspect.getdoc(thing) or ""
    assert len(text) > 20
    assert not text.startswith(f"{name}("), "a dataclass without a docstring of its own"
    if not inspect.isclass(thing):
        assert ">>>" in text


def test_names_of_before_go_on_working() -> None:
    assert intandem.firm_of_rules is intandem.policy_of_rules
    assert set(dir(intandem)) >= {"load_bundle", "TrainSettings", "InputError"}
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = intandem.nonsense


def test_importing_it_loads_nothing_heavy() -> None:
    heavy = ("jax", "polars", "numpy", "scipy", "rich", "plotly")
    script = f"import sys, intandem; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
