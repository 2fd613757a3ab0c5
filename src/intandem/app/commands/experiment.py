"""`intandem experiment`: a named study, resumable, with its tables, its page and what it claims."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import tyro

from intandem.app.answer import Answer
from intandem.app.options import JsonFlag
from intandem.errors import InputError

if TYPE_CHECKING:
    from intandem.evaluation.experiments import Outcome


def experiment(
    name: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME", help="coordination-map.")],
    /,
    scale: Annotated[str, tyro.conf.arg(help="small for a look, full for verdicts.")] = "small",
    out: Annotated[
        str | None, tyro.conf.arg(metavar="DIR", help="The folder for page, tables and finished parts; default: NAME.")
    ] = None,
    seed: Annotated[int, tyro.conf.arg(help="Of the markets that are drawn.")] = 0,
    json_output: JsonFlag = False,
) -> Answer:
    """Runs a named study, or goes on with one that was stopped, and writes its page.

    Example: intandem experiment coordination-map --scale small --out coordination-map
    """
    del json_output
    from intandem.app.runtime import claim, prepare
    from intandem.evaluation.experiments import FINISHED_PARTS, SCALES
    from intandem.evaluation.experiments import experiment as named
    from intandem.progress import Meter

    chosen = named(name)
    size = next((one for one in SCALES if one == scale), None)
    if size is None:
        raise InputError("--scale", f"'{scale}' is not known", f"choose one of {', '.join(SCALES)}")
    folder = claim(out or name, folder=True, marker=FINISHED_PARTS)
    prepare()
    with Meter() as meter:
        outcome = chosen.run(size, folder, seed=seed, progress=meter.update)
    figures = {"experiment": name, "scale": size, "budget": chosen.budget[size], **outcome.as_json()}
    return Answer(figures, summary(outcome))


def summary(outcome: Outcome) -> str:
    """The answer, the claims and their verdicts, and where the page is."""
    lines = [outcome.answer]
    width = max(len(claim.verdict) for claim in outcome.claims.values())
    lines += [f"  {claim.verdict:<{width}}  {claim.statement}: {claim.detail}" for claim in outcome.claims.values()]
    lines.append(f"The page: {outcome.page}")
    return "\n".join(lines)
