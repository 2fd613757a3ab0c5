"""`intandem export`: the departments of a trained policy as programs that run without this package."""

from __future__ import annotations

from typing import Annotated

from intandem.app.answer import Answer
from intandem.app.commands.decide import Bundle
from intandem.app.options import JsonFlag, UnusedSeed, option
from intandem.errors import InputError


def export(
    bundle: Bundle,
    /,
    out: Annotated[str, option("The folder for the programs.", metavar="DIR")],
    onnx: Annotated[bool, option("As ONNX programs, the one form there is.", default="no")] = False,
    seed: UnusedSeed = 0,
    json_output: JsonFlag = False,
) -> Answer:
    """Writes each department of a trained policy as an ONNX program.

    A program takes the state's arrays and gives orders or exposures, without this package and without JAX. Each is
    compared with its department over a run.

    Example: intandem export policy --onnx --out programs
    """
    del seed, json_output
    from intandem.app.runtime import claim, prepare

    if not onnx:
        raise InputError("--onnx", "is not given, and there is no other form", "give --onnx")
    prepare()
    from pathlib import Path

    from intandem.environments.onnx import CONTENTS, PARITY, PROGRAMS, STATES, export_onnx
    from intandem.learning import load_bundle
    from intandem.learning.bundle import MARKET
    from intandem.market.files import load_market
    from intandem.progress import Meter

    policy = load_bundle(bundle)
    market = load_market(Path(bundle) / MARKET)
    target = claim(out, folder=True, ours=CONTENTS)
    with Meter() as meter:
        meter.update("writing programs")
        differences = export_onnx(policy, market, target)
    parity = max(differences.values()) <= PARITY
    figures = {
        **{name: str(target / file) for name, file in PROGRAMS.items()},
        "largest_difference": differences,
        "parity": parity,
    }
    lines = [
        f"  {PROGRAMS[name]}: differs from the department by at most {worst:.1g} over {STATES} periods"
        for name, worst in differences.items()
    ]
    return Answer(figures, "\n".join([f"{market.name}: programs in {target}", *lines]), code=0 if parity else 1)
