"""The checker of types and shapes that jaxtyping calls, for the suite."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from beartype import beartype


def at_first_call(function: Callable[..., Any]) -> Callable[..., Any]:
    """beartype, applied when the function is first called: most functions are never called in a given worker."""
    checked: list[Callable[..., Any]] = []

    def check(*arguments: Any, **named: Any) -> Any:
        if not checked:
            checked.append(beartype(function))
        return checked[0](*arguments, **named)

    return check
