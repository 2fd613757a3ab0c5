"""`intandem demo`: the whole path on real grocery data, from raw tables to a page."""

from __future__ import annotations

import time
from typing import Annotated

import tyro

from intandem.app.answer import Answer
from intandem.app.options import JsonFlag, Seed, Updates


def demo(
    out: Annotated[str, tyro.conf.arg(metavar="DIR", help="The folder for the market and the page.")],
    products: Annotated[int, tyro.conf.arg(help="Most bought products to keep.")] = 50,
    households: Annotated[int, tyro.conf.arg(help="Households with most baskets to keep.")] = 200,
    updates: Updates = None,
    seed: Seed = 0,
    json_output: JsonFlag = False,
) -> Answer:
    """What coordination is worth on real grocery data: load, calibrate, train, compare, report.

    Example: intandem demo --out demo
    """
    del json_output
    started = time.monotonic()
    from pathlib import Path

    from intandem.app.runtime import claim, prepare
    from intandem.progress import Meter

    folder = claim(Path(out) / "report.html", folder=False).parent
    prepare()
    from intandem.app.demonstration import demonstrate

    with Meter() as meter:
        found = demonstrate(folder, products=products, households=households, updates=updates, seed=seed, meter=meter)
    seconds = time.monotonic() - started
    comparison = found.report.comparison
    figures = {
        "report": str(found.page),
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
    text = f"{found.answer}\n{advice}\n{found.beside}\nThe page: {found.page} ({seconds:.0f} s)"
    return Answer(figures, text)
