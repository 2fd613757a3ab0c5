"""`intandem insights`: whether what theory says of coordination holds in a market, or of a trained policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import tyro

from intandem.app.answer import Answer
from intandem.app.options import JsonFlag, MarketName, Seed

if TYPE_CHECKING:
    from intandem.theory.insights import Finding


def insights(
    market: MarketName,
    /,
    bundle: Annotated[
        str | None,
        tyro.conf.arg(metavar="BUNDLE", help="Test this trained policy, by simulation, not the exact optimum."),
    ] = None,
    periods: Annotated[int, tyro.conf.arg(help="With a bundle: periods of every run, after the warm-up.")] = 400,
    runs: Annotated[int, tyro.conf.arg(help="With a bundle: independent runs, 3 or more.")] = 16,
    seed: Seed = 0,
    json_output: JsonFlag = False,
) -> Answer:
    """Tests what theory says of coordination (C1 to C4, T1 to T4) on a market's exact optimum, or on a trained policy.

    Example: intandem insights two-products-capped
    """
    del json_output
    import time

    from intandem.app.runtime import resolve_market
    from intandem.progress import Meter

    world = resolve_market(market)
    started = time.monotonic()
    with Meter() as meter:
        if bundle is None:
            from intandem.theory.insights import insights as test
            from intandem.theory.intertemporal import solve

            solution = solve(
                world,
                progress=lambda name, sweeps, gap: meter.update(
                    f"solving: {name}", sweeps, note=f"bounds {gap:.1e} apart"
                ),
            )
            found = test(solution, lambda name: meter.update(f"testing {name}"))
        else:
            from intandem.evaluation.insights import policy_insights
            from intandem.learning import load_bundle

            meter.update("playing the policy")
            found = policy_insights(world, load_bundle(bundle, world), periods=periods, runs=runs, seed=seed)
    figures: dict[str, object] = {
        "insights": {name: one.as_json() for name, one in found.items()},
        "of": "exact optimum" if bundle is None else str(bundle),
        "seed": seed,
        "seconds": time.monotonic() - started,
    }
    return Answer(figures, summary(world.name, found, exact=bundle is None))


def summary(market: str, found: dict[str, Finding], *, exact: bool) -> str:
    """One line per statement, with what it rests on; and before them how many hold."""
    from intandem.theory.insights import STATEMENTS

    tested = [one for one in found.values() if one.holds is not None]
    held = sum(one.holds is True for one in tested)
    whose = "exact optimum" if exact else "trained policy"
    lines = [f"{market}, {whose}: {held} of {len(tested)} statements hold that can be tested"]
    for name, one in found.items():
        verdict = {True: "holds", False: "FAILS", None: "not tested"}[one.holds]
        lines.append(f"  {name:<13}{STATEMENTS[name]:<56}{verdict}")
        chance = "" if one.p_value is None else f"; p = {one.p_value:.2g}"
        lines.append(f"  {'':<13}{one.detail}{chance}")
        if one.broken and one.holds is not None:
            lines.append(f"  {'':<13}outside its assumptions: {'; '.join(one.broken)}")
    return "\n".join(lines)
