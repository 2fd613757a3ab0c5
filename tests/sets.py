"""Which cases of a parametrised test belong to every run, and which to the slow set."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pytest
from _pytest.mark import ParameterSet


def slow_but(fast: Collection[Any], cases: Iterable[Any], names: Iterable[str] | None = None) -> list[ParameterSet]:
    """The cases, all but the fast ones marked `slow`; `names` are what `fast` speaks of where cases are no names."""
    cases = list(cases)
    names = cases if names is None else list(names)
    missing = set(fast) - set(names)
    assert not missing, f"no such cases: {missing}"
    return [
        pytest.param(
            *(case if isinstance(case, tuple) else (case,)),
            id=str(name),
            marks=[] if name in fast else pytest.mark.slow,
        )
        for case, name in zip(cases, names, strict=True)
    ]
