"""Every public function of the theory says what it does and shows it by an example that runs."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import intandem.theory

FOLDER = Path(intandem.theory.__file__).parent
FUNCTIONS = [
    pytest.param(node, id=f"{path.relative_to(FOLDER)}:{node.name}")
    for path in sorted(FOLDER.rglob("*.py"))
    for node in ast.parse(path.read_text()).body
    if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_it_has_an_example(function: ast.FunctionDef) -> None:
    assert ">>>" in (ast.get_docstring(function) or "")
