"""`intandem forecast`: demand of the periods ahead, and how right such forecasts were."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from intandem.app.answer import Answer, percent
from intandem.app.commands.calibrate import Source
from intandem.app.options import JsonFlag, Seed, one_of, option
from intandem.errors import InputError


def forecast(
    folder: Annotated[
        str,
        tyro.conf.Positional,
        option("The folder with your tables, or with a fetched dataset.", metavar="DIR"),
    ],
    /,
    out: Annotated[str, option("The folder for the forecast, its accuracy and its page.", metavar="DIR")] = "forecast",
    horizon: Annotated[int, option("Periods ahead.")] = 4,
    models: Annotated[
        str,
        option(
            "CountModel, Naive; with the extra forecast also SeasonalNaive, AutoETS, AutoTheta, "
            "SimpleExponentialSmoothingOptimized, CrostonSBA, IMAPA, LightGBM.",
            metavar="A,B,..",
        ),
    ] = "CountModel,Naive",
    levels: Annotated[str, option("Intervals, in per cent.", metavar="A,B,..")] = "80,95",
    origins: Annotated[int, option("Cut-offs of the back-test; 0 leaves it out.")] = 6,
    paths: Annotated[int, option("Sample paths that are drawn.")] = 500,
    keep_paths: Annotated[bool, option("Write the sample paths too (paths.parquet).", default="no")] = False,
    source: Annotated[Source, option(f"What DIR holds; auto tells by its files: {one_of(Source)}")] = "auto",
    products: Annotated[int | None, option("Most bought products to keep of Complete Journey.", default="50")] = None,
    seed: Seed = 0,
    json_output: JsonFlag = False,
) -> Answer:
    """Forecasts demand: quantiles and sample paths, with a back-test.

    Counts of products that were sold out stand for that or more; prices and exposures explain what they moved. The
    folder holds forecast.csv, totals.csv (sums over periods), accuracy.csv and a page.

    Example: intandem forecast my-tables --horizon 4
    """
    del json_output
    from intandem.app.commands.calibrate import read_tables
    from intandem.app.runtime import claim
    from intandem.forecasting.forecast import forecast as predicted
    from intandem.forecasting.paths import NAME
    from intandem.forecasting.writing import CONTENTS, FRAME, PAGE, write_forecast
    from intandem.progress import Meter

    wanted, names = _numbers(levels), [name.strip() for name in models.split(",")]
    target = claim(out, folder=True, ours=CONTENTS)
    with Meter() as meter:
        meter.update("reading")
        tables = read_tables(Path(folder), source, products, None, None, target)
        found = predicted(
            tables,
            horizon,
            models=names,
            levels=wanted,
            origins=origins,
            paths=paths,
            seed=seed,
            progress=meter.update,
        )
    place = write_forecast(found, target, paths=keep_paths)
    accuracy = {name: dict(one) for name, one in found.accuracy.items()}
    figures = {
        "frame": str(place / FRAME),
        "page": str(place / PAGE),
        "accuracy": accuracy,
        "series": len(found.series.unique_id),
        "horizon": horizon,
        "mean": {one: float(mean) for one, mean in zip(found.paths.ds, found.paths.mean().sum(1), strict=True)},
        "notes": list(tables.notes),
    }
    lines = [
        f"{tables.name}: {len(found.series.unique_id):,} products, {horizon} {tables.period_name}s ahead, in {place}"
    ]
    for name, one in accuracy.items():
        own = (
            ""
            if name != NAME
            else ", of its sums {} and {}".format(
                *(percent(one[key]) if key in one else "–" for key in ("total_coverage_80", "total_coverage_95"))
            )
        )
        lines.append(
            f"  {name}: pinball loss {one['pinball']:.3f}, error {percent(one['wape'])} of demand; intervals of 80% "
            f"and 95% held {percent(one['coverage_80'])} and {percent(one['coverage_95'])}{own}"
        )
    return Answer(figures, "\n".join([*lines, *(f"note: {line}" for line in tables.notes)]))


def _numbers(text: str) -> list[float]:
    try:
        return [float(one) for one in text.split(",")]
    except ValueError as error:
        raise InputError("--levels", f"'{text}' is not numbers with commas between", "give such as 80,95") from error
