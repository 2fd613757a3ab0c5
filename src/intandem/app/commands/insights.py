"""`intandem insights`: whether what theory says of coordination holds in a market, or of a trained policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from intandem.app.answer import Answer
from intandem.app.options import JsonFlag, MarketName, Seed, option
from intandem.errors import InputError

if TYPE_CHECKING:
    from intandem.theory.insights import Finding


def insights(
    market: MarketName,
    /,
    bundle: Annotated[
        str | None,
        option("Test this trained policy, by simulation.", metavar="BUNDLE", default="the market's exact optimum"),
    ] = None,
    periods: Annotated[
        int | None, option("With a bundle: periods of every run, after the warm-up.", default="400")
    ] = None,
    runs: Annotated[int | None, option("With a bundle: replications, 3 or more.", default="16")] = None,
    seed: Seed = 0,
    json_output: JsonFlag = False,
) -> Answer:
    """Tests what theory says of coordination in a market.

    The statements C1 to C4 and T1 to T4, on the exact optimum or on a trained policy. Where a market breaks the
    assumptions of a statement, the statement is not claimed there.

    Example: intandem insights two-products-capped
    """
    del json_output
    import time

    from intandem.app.runtime import resolve_market
    from intandem.progress import Meter

    if bundle is None:
        for name, value in (("--periods", periods), ("--runs", runs)):
            if value is not None:
                cure = "leave it out, or give --bundle"
                raise InputError(name, "is for a trained policy, and the exact optimum needs no runs", cure)
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
            played = {name: value for name, value in (("periods", periods), ("runs", runs)) if value is not None}
            found = policy_insights(world, load_bundle(bundle, world), seed=seed, **played)
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

    claimed = [one for one in found.values() if one.inside and one.holds is not None]
    held = sum(one.holds is True for one in claimed)
    elsewhere = sum(not one.inside for one in found.values())
    whose = "exact optimum" if exact else "trained policy"
    lines = [
        f"{market}, {whose}: {held} of the {len(claimed)} statements hold that are claimed and can be tested here"
        + (f"; {elsewhere} are not claimed here" if elsewhere else "")
    ]
    for name, one in found.items():
        lines.append(f"  {name:<13}{STATEMENTS[name]:<56}{one.verdict}")
        chance = "" if one.p_value is None else f"; p = {one.p_value:.2g}"
        if not one.inside:
            lines.append(f"  {'':<13}outside its assumptions: {'; '.join(one.broken)}")
            chance += {True: "; it holds all the same", False: "; it does not hold", None: ""}[one.holds]
        lines.append(f"  {'':<13}{one.detail}{chance}")
    return "\n".join(lines)
