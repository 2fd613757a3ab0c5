"""`intandem bound`: what no policy can exceed in a market."""

from __future__ import annotations

from intandem.app.answer import Answer, money
from intandem.app.options import JsonFlag, MarketName, Seed


def bound(market: MarketName, /, seed: Seed = 0, json_output: JsonFlag = False) -> Answer:
    """Computes what no policy can exceed, in markets of any size.

    Upper bounds on the profit of every policy: proved, but for one estimate that says so. `intandem list bounds` tells
    what each counts and where it applies.

    Example: intandem bound family:capped-supply:10x20:0
    """
    del json_output
    from intandem.app.runtime import resolve_market
    from intandem.progress import Meter

    world = resolve_market(market)
    from intandem.theory.bounds import LEVELS_ONLY, bounds

    with Meter() as meter:
        found = bounds(world, seed=seed, progress=meter.update)
    figures = {
        "bounds": found.values,
        "best": found.best,
        "best_name": found.best_name,
        "objective": "average profit" if float(world.discount) == 1 else "discounted profit",
        "seconds": found.seconds,
        "skipped": found.skipped,
        "seed": seed,
    }
    earned = f"per {world.period}" if float(world.discount) == 1 else "discounted, from the initial state"
    lines = [f"{world.name}: no policy earns more than {money(found.best)} {earned} ({found.best_name} bound)"]
    notes = {"clairvoyant": " (an estimate)", LEVELS_ONLY: " (for exposures on the solver's levels only)"}
    lines += [
        f"{name}{notes.get(name, '')}: {money(value)} ({found.seconds[name]:.1f} s)"
        for name, value in sorted(found.values.items(), key=lambda one: one[1])
    ]
    lines += [f"{name}: left out, {reason}" for name, reason in found.skipped.items()]
    return Answer(figures, "\n".join(lines))
