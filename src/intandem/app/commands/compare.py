"""`intandem compare`: methods side by side on common random numbers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import tyro

from intandem.app.answer import Answer, money, percent
from intandem.app.options import JsonFlag, MarketName, Periods, Runs, Seed, Shops, Updates, Warmup, Width, Window

if TYPE_CHECKING:
    from intandem.evaluation.comparison import Comparison


def compare(
    market: MarketName,
    /,
    methods: Annotated[
        str,
        tyro.conf.arg(
            metavar="A,B,..",
            help="Rules: silo, filtered-silo, dual-price. Tuned by simulation: tuned-rule, tuned-filter, tuned-silo. "
            "Trained: mtma, stma, reversed, learned-silo.",
        ),
    ] = "silo,filtered-silo,mtma",
    seeds: Annotated[int, tyro.conf.arg(help="Trainings of each trained method.")] = 3,
    estimator: Annotated[str, tyro.conf.arg(help="Of the gradient: perturbation or pathwise.")] = "perturbation",
    updates: Updates = None,
    shops: Shops = None,
    window: Window = None,
    width: Width = None,
    periods: Periods = None,
    runs: Runs = None,
    warmup: Warmup = None,
    report: Annotated[str | None, tyro.conf.arg(metavar="PAGE", help="Write a page (.html) as well.")] = None,
    seed: Seed = 0,
    json_output: JsonFlag = False,
) -> Answer:
    """Prepares methods on a market and plays them on common random numbers.

    Example: intandem compare family:capped-supply:10x20:0 --methods silo,filtered-silo,mtma --seeds 3
    """
    del json_output
    from intandem.app.commands.train import train_settings
    from intandem.app.runtime import claim, resolve_market
    from intandem.errors import RunError
    from intandem.progress import Meter

    page = claim(report, folder=False) if report is not None else None
    world = resolve_market(market)
    from intandem.evaluation.compare import compare as play
    from intandem.evaluation.methods import check_methods
    from intandem.learning import check_settings

    settings = train_settings("mtma", estimator, updates, shops, window, width)
    check_settings(settings, seed)
    names = [name.strip() for name in methods.split(",") if name.strip()]
    check_methods(names)
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
            from intandem.evaluation.report import write_report
            from intandem.evaluation.report.content import report_of

            meter.update("writing the page")
            try:
                write_report(report_of(found), page)
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
    last = list(found.results)[-1]
    for name in list(found.results)[:-1]:
        gain = found.gain(last, name)
        lines.append(
            f"{found.results[last].label} less {found.results[name].label}: {100 * gain.mean:+.1f}% "
            f"[{100 * gain.low:+.1f}%, {100 * gain.high:+.1f}%]"
        )
    return "\n".join(lines)
