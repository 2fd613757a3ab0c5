"""`intandem train`: trains a policy and keeps it as a bundle."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

from intandem.app.answer import Answer, money, percent
from intandem.app.options import (
    Departments,
    Estimator,
    JsonFlag,
    MarketName,
    MethodName,
    Preset,
    Ratio,
    Seed,
    Shops,
    Updates,
    Warmup,
    Width,
    Window,
    option,
)

if TYPE_CHECKING:
    from intandem.learning import TrainSettings


def train(
    market: MarketName,
    /,
    out: Annotated[str, option("The folder for the trained policy.", metavar="BUNDLE")],
    method: Annotated[
        MethodName, option("Who learns how fast, and for what; `intandem list methods` tells what each is.")
    ] = "mtma",
    estimator: Estimator = None,
    departments: Departments = None,
    preset: Preset = None,
    ratio: Ratio = None,
    start: Annotated[
        str | None,
        option(
            "A trained policy to start from, of this market or another.", name="from", metavar="BUNDLE", default="none"
        ),
    ] = None,
    updates: Updates = None,
    shops: Shops = None,
    window: Window = None,
    width: Width = None,
    periods: Annotated[int, option("Periods that count in every run that judges the policy.")] = 1_000,
    runs: Annotated[int, option("Replications that judge the policy.")] = 16,
    warmup: Warmup = None,
    seed: Seed = 0,
    json_output: JsonFlag = False,
) -> Answer:
    """Trains a policy's two departments and keeps them as a bundle.

    They are judged before they are kept. A run that is stopped keeps its state in BUNDLE.checkpoint: the same command
    goes on from there.

    Example: intandem train two-products-capped --out policy
    """
    del json_output
    from pathlib import Path

    from intandem.app.runtime import claim, resolve_market
    from intandem.progress import Meter

    world = resolve_market(market)
    from intandem.evaluation.compare import EVALUATION_SEED
    from intandem.evaluation.simulation import simulate
    from intandem.learning import load_bundle, save_bundle
    from intandem.learning import train as learn
    from intandem.learning.bundle import CONTENTS
    from intandem.learning.warm_start import width_of

    folder = claim(out, folder=True, ours=CONTENTS)
    checkpoint = Path(f"{folder}.checkpoint")
    begun = None if start is None else load_bundle(start, world, transfer=True)
    if begun is not None and width is None:
        width = width_of(begun)
    settings = train_settings(
        method,
        preset,
        ratio,
        estimator=estimator,
        departments=departments,
        updates=updates,
        shops=shops,
        window=window,
        width=width,
    )
    with Meter() as meter:
        try:
            training = learn(
                world,
                settings,
                seed,
                checkpoint=checkpoint,
                start=begun,
                progress=lambda done, total, figures: meter.training(
                    f"training {method}", done, total, figures["profit"]
                ),
            )
        except KeyboardInterrupt:
            if checkpoint.exists():
                line = f"stopped; run the same command again to go on from {checkpoint}"
                raise KeyboardInterrupt(line) from None
            raise
        meter.update("judging")
        judged = simulate(
            world, training.policy, periods=periods, runs=runs, warmup=warmup, seed=EVALUATION_SEED + 1_000 * seed
        )
    figures = judged.as_json()
    save_bundle(training, world, folder, backtest=figures)
    figures |= {
        "seed": seed,
        "judging_seed": judged.seed,
        "seconds": training.seconds,
        "steps": training.steps,
        "parameters": training.parameters,
        "method": method,
        "estimator": settings.estimator,
        "departments": settings.departments,
        "handed_over": None if training.handed is None else asdict(training.handed),
        "updates": settings.updates,
        "from": start,
        "bundle": str(folder),
    }
    text = (
        f"{world.name}: {method} earns {money(judged.profit)} per {world.period} "
        f"(standard error {money(judged.profit_se)}), {percent(judged.lost_share)} of demand lost\n"
        f"trained in {training.seconds:.0f} s on {training.steps:,} periods; kept in {folder}"
    )
    return Answer(figures, text)


def train_settings(method: str, preset: str | None = None, ratio: float | None = None, **given: Any) -> TrainSettings:
    """Training's settings: a preset's or its own defaults, with what is given."""
    from intandem.learning import PRESETS, TrainSettings
    from intandem.learning.timescales import at_ratio, default_timescales

    base = TrainSettings() if preset is None else PRESETS[preset]()
    settings = replace(base, method=method, **{name: value for name, value in given.items() if value is not None})
    if ratio is not None:
        speeds = settings.timescales or default_timescales(settings.updates, settings.estimator)
        settings = replace(settings, timescales=at_ratio(speeds, ratio))
    return settings
