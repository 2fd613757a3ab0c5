"""Cases of `tests/data/field`: folders as their firms would have them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from intandem.data.tables.checks.report import ValidationReport
from intandem.data.tables.checks.validate import validate_folder
from intandem.errors import InputError

FIELD = Path(__file__).parent / "field"
TODAY = date(2025, 6, 1)
HEADER = "customer_id,product_id,date,quantity,price"

Field = Callable[..., Path]


def lay_out(
    place: Path, case: str | None = None, *, lines: int = 812, mapping: str | None = None, **files: str
) -> Path:
    """The folder of a case, in `place`.

    `lines` names the base transactions (812 or 365) of a case without its own; `files` are written over it, by table.
    """
    folder = place / (case or "shop").replace("/", "-")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    shutil.copy(FIELD / "base" / f"transactions-{lines}.csv", folder / "transactions.csv")
    shutil.copy(FIELD / "base" / "products.csv", folder / "products.csv")
    if case is not None:
        if (FIELD / case / "transactions.parquet").exists():
            (folder / "transactions.csv").unlink()
        shutil.copytree(FIELD / case, folder, dirs_exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    if mapping is not None:
        (folder / "mapping.toml").write_text(mapping)
    return folder


def base_lines(lines: int = 812) -> list[list[str]]:
    """The rows of a base shop's transactions: customer, product, date, quantity, price."""
    text = (FIELD / "base" / f"transactions-{lines}.csv").read_text()
    return [row.split(",") for row in text.splitlines()[1:]]


def as_csv(header: str, rows: list[list[str]]) -> str:
    """A table as text."""
    return "\n".join([header, *(",".join(row) for row in rows)]) + "\n"


def check(folder: Path) -> ValidationReport:
    """The report on a folder, some day after all cases."""
    return validate_folder(folder, today=TODAY)


def note_of(report: ValidationReport, *words: str) -> str:
    """The one note that holds all of the words."""
    found = [note for note in report.notes if all(word in note for word in words)]
    assert len(found) == 1, (words, report.notes)
    return found[0]


def refused(folder: Path, *words: str) -> None:
    """The folder is refused in one line that holds all of the words."""
    with pytest.raises(InputError) as caught:
        check(folder)
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert "\n" not in str(caught.value)
