"""`intandem demo`: the whole path on public grocery data, from raw tables to a page."""

from __future__ import annotations

import time
from typing import Annotated

from intandem.app.answer import Answer
from intandem.app.options import JsonFlag, Seed, option


def demo(
    out: Annotated[str, option("The folder for the market, the trained policy and the pages.", metavar="DIR")],
    products: Annotated[int, option("Most bought products to keep.")] = 50,
    customers: Annotated[int, option("Households with most baskets to keep.")] = 200,
    updates: Annotated[int | None, option("Gradient updates of training.", default="200")] = None,
    seed: Seed = 0,
    json_output: JsonFlag = False,
) -> Answer:
    """Shows on public grocery data what coordination is worth.

    The whole path: fetch, calibrate, tune, train, compare, report, decide.

    Example: intandem demo --out demo
    """
    del json_output
    started = time.monotonic()
    from pathlib import Path

    from intandem.app.runtime import claim, prepare
    from intandem.pages.document import SIGNED
    from intandem.progress import Meter

    folder = claim(Path(out) / "report.html", folder=False, marks=[SIGNED]).parent
    prepare(brief=True)
    from intandem.app.demonstration import demonstrate
    from intandem.learning.bundle import CONTENTS
    from intandem.market.files import writing
    from intandem.operation.writing import CONTENTS as DECISIONS

    claim(folder / "market", folder=True, ours=writing.CONTENTS)
    claim(folder / "policy", folder=True, ours=CONTENTS)
    claim(folder / "today", folder=True, ours=DECISIONS)

    with Meter() as meter:
        found = demonstrate(folder, products=products, households=customers, updates=updates, seed=seed, meter=meter)
    seconds = time.monotonic() - started
    comparison = found.report.comparison
    figures = {
        "report": str(found.page),
        "today": str(found.today),
        "markets": {name: str(place) for name, place in found.markets.items()},
        "methods": comparison.as_json()["methods"],
        "profit": {name: result.profit for name, result in comparison.results.items()},
        "paired": comparison.as_json()["paired"],
        "scenarios": {one.label: one.comparison.as_json()["paired"] for one in found.report.scenarios},
        "calibration": found.calibration,
        "answer": found.answer,
        "to_do": list(found.to_do),
        "seconds": seconds,
        "seconds_by_step": found.seconds,
    }
    advice = "\n".join(f"- {line}" for line in found.to_do)
    text = (
        f"{found.answer}\n{advice}\n{found.beside}\nThe week after the last: {found.decided}\n"
        f"The pages: {found.page}, {found.today} ({seconds:.0f} s)"
    )
    return Answer(figures, text)
