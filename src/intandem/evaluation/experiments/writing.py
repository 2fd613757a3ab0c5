"""What every study writes into its folder: tables, results, and a page in Markdown whose verdicts come first."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl

from intandem.evaluation.experiments.experiment import Claim, Outcome
from intandem.storage import replace_file


def write_tables(tables: Mapping[str, pl.DataFrame], folder: Path) -> dict[str, Path]:
    """Each table as `NAME.csv`; the places by name."""
    places = {}
    for name, table in tables.items():
        places[name] = folder / f"{name}.csv"
        with replace_file(places[name]) as beside:
            table.write_csv(beside, float_precision=6)
    return places


def write_results(outcome: Outcome, folder: Path) -> None:
    """`results.json`: the outcome without what differs between places."""
    kept: dict[str, Any] = outcome.as_json()
    kept["page"] = outcome.page.name
    kept["tables"] = {name: place.name for name, place in outcome.tables.items()}
    write_text(json.dumps(kept, indent=1, ensure_ascii=False), folder / "results.json")


def write_text(text: str, place: Path) -> None:
    """A text, whole or not at all."""
    with replace_file(place) as beside:
        beside.write_text(text, encoding="utf-8")


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown.

    ```python
    >>> print(table(["kind", "markets"], [["slate", 15]]))
    | kind | markets |
    | --- | --- |
    | slate | 15 |

    ```
    """
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def claims_table(claims: Mapping[str, Claim]) -> str:
    """Statements, verdicts and figures."""
    return table(
        ["statement", "verdict", "figure"], [[one.statement, one.verdict, one.detail] for one in claims.values()]
    )


def how_it_was_run(command: str, notes: Sequence[str] = ()) -> str:
    """The command that prints a page, the machine and the versions."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("intandem", "jax", "numpy"))
    machine = f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}"
    lines = [f"```sh\n{command}\n```", f"Run on {machine}; {packages}.", *notes]
    return "\n\n".join(lines)
