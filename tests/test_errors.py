"""Errors are one line that names the place and the cure."""

from __future__ import annotations

from pathlib import Path

import pytest

from intandem.errors import InputError, RunError


@pytest.mark.parametrize(
    ("row", "key", "line"),
    [
        (None, None, "shop.toml: is odd; fix it"),
        (3, None, "shop.toml: row 3: is odd; fix it"),
        ("products 2", "price", "shop.toml: products 2: price: is odd; fix it"),
        (None, "price", "shop.toml: price: is odd; fix it"),
        (0, "", "shop.toml: row 0: : is odd; fix it"),
    ],
)
def test_input_error_names_what_it_knows(row: str | int | None, key: str | None, line: str) -> None:
    error = InputError(Path("shop.toml"), "is odd", "fix it", row=row, key=key)
    assert str(error) == line
    assert (error.place, error.problem, error.cure, error.row, error.key) == (
        "shop.toml",
        "is odd",
        "fix it",
        row,
        key,
    )


def test_errors_stay_on_one_line() -> None:
    assert str(InputError("a\nb", "is\n  'x\ty'", "fix\r\nit")) == "a b: is 'x y'; fix it"
    assert str(RunError("a", "failed:\nno space\n", "free some")) == "a: failed: no space ; free some"


def test_the_two_kinds_are_told_apart() -> None:
    assert not issubclass(InputError, RunError)
    assert issubclass(InputError, ValueError)
    assert issubclass(RunError, RuntimeError)
