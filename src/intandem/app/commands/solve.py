"""`intandem solve`: the exact optimum of a small market, and what the silos would earn in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from intandem.app.answer import Answer, money, percent
from intandem.app.options import JsonFlag, MarketName, RegimeName, UnusedSeed, option
from intandem.errors import InputError

if TYPE_CHECKING:
    from intandem.theory.intertemporal import Solution

WORTH_SAYING = 1e-3
"""Share of periods at the stock cap from which it is mentioned."""


def solve(
    market: MarketName,
    /,
    policy_out: Annotated[
        str | None,
        option(
            "Keep the policy as a Parquet table (.parquet), for `simulate --policy`.",
            metavar="FILE",
            default="not kept",
        ),
    ] = None,
    regime: Annotated[RegimeName | None, option("Whose policy to keep, with --policy-out.", default="joint")] = None,
    tolerance: Annotated[float, option("Distance of the proved bounds at the end, relative.", default="1e-7")] = 1e-7,
    seed: UnusedSeed = 0,
    json_output: JsonFlag = False,
) -> Answer:
    """Solves a small market exactly: its optimum, and the silos.

    The silo recommends blind to stock and orders for the demand it meets; the filtered
    silo shows only what is in stock.

    Example: intandem solve two-products-capped --policy-out policy.parquet
    """
    del seed, json_output
    import time

    from intandem.app.runtime import claim, resolve_market
    from intandem.progress import Meter

    if regime is not None and policy_out is None:
        raise InputError("--regime", "is whose policy to keep, and none is kept", "give --policy-out FILE as well")
    target = (
        None
        if policy_out is None
        else claim(policy_out, folder=False, ending=".parquet", marks=["order:", "exposure:"])
    )
    world = resolve_market(market)
    from intandem.theory.intertemporal import solve as work_out
    from intandem.theory.intertemporal.chain import chain_of

    if not 0 < tolerance < 1:
        raise InputError("--tolerance", f"is {tolerance:g}", "give a number between 0 and 1, such as 1e-7")
    started = time.monotonic()
    with Meter() as meter:
        solution = work_out(
            world,
            tolerance=tolerance,
            progress=lambda name, sweeps, gap: meter.update(f"solving: {name}", sweeps, note=f"bounds {gap:.1e} apart"),
        )
        figures = solution.as_json()
        meter.update("looking at the stock cap")
        try:
            capped = chain_of(solution, solution.regimes["joint"].policy).cap_share
        except InputError:
            # Too many moves from state to state: only this figure is missing.
            capped = None
        figures["stock_cap_share"] = capped
        if target is not None:
            meter.update("writing the policy")
            solution.regimes[regime or "joint"].policy.write(world, target)
            figures["policy"] = str(target)
    figures["seconds"] = time.monotonic() - started
    words = summary(solution, capped)
    return Answer(
        figures, words if target is None else f"{words}\nthe policy of the {regime or 'joint'} regime: {target}"
    )


def summary(solution: Solution, capped: float | None) -> str:
    """What each regime earns, and what coordination is worth."""
    market = solution.market
    what = "discounted profit from the initial state" if solution.discounted else f"profit per {market.period}"
    labels = {"joint": "Coordinated (optimum)", "silo": "Silo", "filtered-silo": "Silo with in-stock filter"}
    lines = [f"{market.name}: exact {what}, {solution.states:,} states"]
    lines += [f"  {labels[name]:<26}{money(one.profit):>12}" for name, one in solution.regimes.items()]
    for name in ("silo", "filtered-silo"):
        other = solution.regimes[name].profit
        # A share of next to nothing says nothing.
        share = f" ({percent(solution.gain_over(name), 2)})" if abs(other) > 0.01 * abs(solution.profit) else ""
        gained = f"{money(solution.profit - other)}{share}"
        lines.append(f"coordination is worth {gained} over the {labels[name].lower()}")
    if capped is not None and capped > WORTH_SAYING:
        lines.append(
            f"the optimum has a product at its stock cap in {percent(capped, 1)} of all periods: it may earn more with "
            "a higher stock_cap in [solve]"
        )
    return "\n".join(lines)
