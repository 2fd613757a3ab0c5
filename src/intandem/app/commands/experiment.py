"""`intandem experiment`: a named study, resumable, with its tables, its page and what it claims."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import tyro

from intandem.app.answer import Answer
from intandem.app.options import ExperimentName, JsonFlag, ScaleName, one_of, option

if TYPE_CHECKING:
    from intandem.evaluation.experiments import Outcome


def experiment(
    name: Annotated[ExperimentName, tyro.conf.Positional, option(one_of(ExperimentName), metavar="NAME")],
    /,
    scale: Annotated[ScaleName, one_of, option("small for a look, full for verdicts.")] = "small",
    out: Annotated[
        str | None, option("The folder for page, tables and finished parts.", metavar="DIR", default="NAME")
    ] = None,
    seed: Annotated[int, option("Of the markets that are drawn.")] = 0,
    json_output: JsonFlag = False,
) -> Answer:
    """Runs a named study and writes its page.

    A study that was stopped goes on from the parts that are finished.

    Example: intandem experiment coordination-map --scale small
    """
    del json_output
    from intandem.app.runtime import claim, prepare
    from intandem.evaluation.experiments import FINISHED_PARTS
    from intandem.evaluation.experiments import experiment as named
    from intandem.progress import Meter

    chosen = named(name)
    folder = claim(out or name, folder=True, marker=FINISHED_PARTS)
    prepare()
    with Meter() as meter:
        outcome = chosen.run(scale, folder, seed=seed, progress=meter.update)
    figures = {"experiment": name, "scale": scale, "budget": chosen.budget[scale], **outcome.as_json()}
    return Answer(figures, summary(outcome))


def summary(outcome: Outcome) -> str:
    """The answer, the claims and their verdicts, and where the page is."""
    lines = [outcome.answer]
    width = max(len(claim.verdict) for claim in outcome.claims.values())
    lines += [f"  {claim.verdict:<{width}}  {claim.statement}: {claim.detail}" for claim in outcome.claims.values()]
    lines.append(f"The page: {outcome.page}")
    return "\n".join(lines)
