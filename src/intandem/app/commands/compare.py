"""`intandem compare`: methods side by side on common random numbers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

from intandem.app.answer import Answer, money, percent
from intandem.app.options import Estimator, JsonFlag, MarketName, Seed, Shops, Updates, Warmup, Width, Window, option

if TYPE_CHECKING:
    from intandem.evaluation.comparison import Comparison


def compare(
    market: MarketName,
    /,
    methods: Annotated[
        str,
        option(
            "Rules: silo, filtered-silo, dual-price. Tuned by simulation: tuned-rule, tuned-filter, tuned-silo. "
            "Trained: mtma, stma, reversed, mtsa, stsa, independent, learned-silo. `intandem list methods` tells what "
            "each is.",
            metavar="A,B,..",
        ),
    ] = "silo,filtered-silo,mtma",
    seeds: Annotated[int, option("Trainings of each trained method, each judged on random numbers of its own.")] = 3,
    estimator: Estimator = None,
    updates: Updates = None,
    shops: Shops = None,
    window: Window = None,
    width: Width = None,
    periods: Annotated[
        int | None,
        option(
            "Periods that count in every run that judges.", default="100 to 500 by the market's size, whole seasons"
        ),
    ] = None,
    runs: Annotated[
        int | None, option("Replications that judge each seed.", default="8 to 64 by the market's size")
    ] = None,
    warmup: Warmup = None,
    out: Annotated[
        str | None, option("Write a page of it as well, in this file (.html).", metavar="PAGE", default="no page")
    ] = None,
    seed: Seed = 0,
    json_output: JsonFlag = False,
) -> Answer:
    """Plays methods side by side on common random numbers.

    Rules are played as they are or tuned on the simulator first; learned methods are trained first.

    Example: intandem compare two-products-capped --methods silo,mtma --seeds 2
    """
    del json_output
    from intandem.app.commands.train import train_settings
    from intandem.app.runtime import claim, resolve_market
    from intandem.errors import InputError, RunError
    from intandem.pages.document import SIGNED
    from intandem.progress import Meter

    page = None if out is None else claim(out, folder=False, ending=".html", marks=[SIGNED])
    world = resolve_market(market)
    from intandem.evaluation.compare import compare as play
    from intandem.evaluation.methods import LEARNED, check_methods

    settings = train_settings("mtma", estimator=estimator, updates=updates, shops=shops, window=window, width=width)
    names = [name.strip() for name in methods.split(",")]
    check_methods(names)
    training = {"estimator": estimator, "updates": updates, "shops": shops, "window": window, "width": width}
    given = [f"--{name}" for name, value in training.items() if value is not None]
    if given and LEARNED.keys().isdisjoint(names):
        problem = f"says how to train, and nothing of {', '.join(names)} is trained"
        raise InputError(given[0], problem, f"leave it out, or add one of {', '.join(LEARNED)} to --methods")
    with Meter() as meter:
        found = play(
            world,
            names,
            seeds,
            settings=settings,
            periods=periods,
            runs=runs,
            warmup=warmup,
            seed=seed,
            progress=meter.training,
        )
        figures = found.as_json()
        if page is not None:
            from intandem.app.assumptions import kept_of, sections_of
            from intandem.evaluation.report import write_report
            from intandem.evaluation.report.content import report_of

            kept = kept_of(world, market)
            if kept is not None:
                meter.update("what if the assumptions are wrong")
            sections = {} if kept is None else sections_of(kept, found)
            meter.update("writing the page")
            try:
                write_report(report_of(found, **sections), page)
            except RunError:
                # The work is done: without its page at least its figures are not lost.
                print(table(found), file=sys.stderr)
                raise
            figures["report"] = str(page)
    return Answer(figures, table(found))


def table(found: Comparison) -> str:
    """The methods, one a line, and the last method's difference from each of the others."""
    lines = [f"{found.market.name}: profit per {found.market.period}, 95% interval; share of demand lost"]
    width = max(len(result.label) for result in found.results.values())
    for result in found.results.values():
        interval = result.interval
        lines.append(
            f"  {result.label:<{width}}  {money(result.profit):>10}  [{money(interval.low)}, {money(interval.high)}]"
            f"  {percent(result.mean('lost_share')):>6}"
        )
    for result in found.results.values():
        if other := [name for name in result.handed_over if name != "trained"]:
            lines.append(
                f"{result.label}: in {len(other)} of {len(result.handed_over)} trainings something simpler earned more "
                f"and is judged in its place: {', '.join(dict.fromkeys(other))}"
            )
    last = list(found.results)[-1]
    for name in list(found.results)[:-1]:
        gain = found.gain(last, name)
        lines.append(
            f"{found.results[last].label} less {found.results[name].label}: {100 * gain.mean:+.1f}% "
            f"[{100 * gain.low:+.1f}%, {100 * gain.high:+.1f}%]"
        )
    return "\n".join(lines)
