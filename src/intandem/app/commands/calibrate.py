"""`intandem calibrate`: from tables to a market."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from intandem.app.answer import Answer
from intandem.app.options import JsonFlag, UnusedSeed, option

if TYPE_CHECKING:
    from intandem.data import Tables
    from intandem.data.calibration.calibrate import Calibration

_STATED = "what mapping.toml states, or "

Source = Literal["auto", "tables", "complete-journey", "ta-feng"]


def calibrate(
    folder: Annotated[
        str, tyro.conf.Positional, option("The folder with your tables, or with a fetched dataset.", metavar="DIR")
    ],
    /,
    out: Annotated[str, option("The market file (.toml) or folder to write.", metavar="MARKET")],
    source: Annotated[Source, option("What DIR holds; auto tells by its files.")] = "auto",
    products: Annotated[
        int | None, option("Most bought products to keep of Complete Journey.", default="50; of your own tables all")
    ] = None,
    customers: Annotated[
        int | None, option("Households to keep of Complete Journey.", default="200; of your own tables all")
    ] = None,
    size: Annotated[
        Literal["small", "medium", "large"] | None,
        option("Of Ta-Feng, products x customers: 10 x 200, 100 x 2,000 or 1,000 x 20,000.", default="medium"),
    ] = None,
    candidates: Annotated[int, option("Products modelled per customer, at most.")] = 60,
    supply_cap: Annotated[
        float | None, option("Largest order, in periods of base demand.", default="what the tables say, or none")
    ] = None,
    lead_time: Annotated[int, option("Lead time in periods, where the tables do not say.")] = 1,
    margin: Annotated[
        float | None, option("Gross margin as a share of price, where no unit cost is known.", default=_STATED + "0.25")
    ] = None,
    holding_rate: Annotated[
        float | None, option("Holding cost per period as a share of unit cost.", default=_STATED + "0.01")
    ] = None,
    lost_sale_cost: Annotated[
        float | None, option("Cost of a unit asked for and not there, beside its margin.", default=_STATED + "0")
    ] = None,
    exposure_cost: Annotated[float | None, option("Cost of showing a product once.", default=_STATED + "0")] = None,
    stated_effect: Annotated[
        float | None,
        option("Effect of an exposure in logit units, where the data cannot tell it.", default=_STATED + "0.4"),
    ] = None,
    slots: Annotated[int, option("Recommendation slots: products shown to a customer per period.")] = 3,
    seed: UnusedSeed = 0,
    json_output: JsonFlag = False,
) -> Answer:
    """Fits a market to your tables, or to a fetched dataset.

    What is fitted: choice, exposure effect, carry-over, habit, visits, seasons. Rows that break a rule are kept beside
    the market, in MARKET-quarantine.csv.

    Example: intandem calibrate my-tables --out market
    """
    del seed, json_output
    from intandem.app.runtime import claim, prepare
    from intandem.progress import Meter

    prepare()
    from intandem.data.calibration.calibrate import calibrate as fit
    from intandem.data.calibration.kept import save_calibration
    from intandem.data.calibration.settings import CalibrationSettings, MarketSettings
    from intandem.market.files.writing import CONTENTS

    target = claim(out, folder=not out.endswith(".toml"), ours=CONTENTS, marks=["[market]"])
    with Meter() as meter:
        meter.update("reading")
        tables = read_tables(Path(folder), source, products, customers, size, target)
        given = {
            "margin": margin,
            "holding_rate": holding_rate,
            "lost_sale_cost": lost_sale_cost,
            "exposure_cost": exposure_cost,
            "stated_effect": stated_effect,
        }
        check_stated(given)
        settings = CalibrationSettings(
            candidates_per_customer=candidates,
            market=MarketSettings(lead_time=lead_time, supply_cap=supply_cap, exposure_slots=slots),
        ).with_stated({**tables.stated, **{key: value for key, value in given.items() if value is not None}})
        found = fit(tables, settings, progress=lambda step, _: meter.update("fitting", step, 0, f"step {step}"))
    kept = save_calibration(found, target)
    return Answer(found.as_json() | {"market": str(target), "calibration": str(kept)}, _text(found, target))


def check_stated(given: dict[str, float | None]) -> None:
    """**Raises:** `InputError` for a value that `mapping.toml` would not take either."""
    from intandem.data.tables.reading.mapping import mapping_of
    from intandem.errors import InputError

    for key, value in given.items():
        if value is None:
            continue
        try:
            mapping_of({key: value})
        except InputError as error:
            raise InputError(f"--{key.replace('_', '-')}", error.problem, error.cure) from error


def read_tables(
    folder: Path, source: Source, products: int | None, customers: int | None, size: str | None, target: Path
) -> Tables:
    """The tables in a folder: a firm's own, checked, or those of a fetched dataset."""
    from intandem.errors import InputError

    if not folder.is_dir():
        raise InputError(folder, "there is no such folder", "give the folder that holds the tables")
    if source == "auto":
        source = "tables"
        if (folder / "promotions.parquet").exists() and (folder / "demographics.parquet").exists():
            source = "complete-journey"
        elif (folder / "ta_feng.csv").exists():
            source = "ta-feng"
    for name, value, of in (
        ("--products", products, "complete-journey"),
        ("--customers", customers, "complete-journey"),
        ("--size", size, "ta-feng"),
    ):
        if value is not None and source != of:
            holds = "your own tables" if source == "tables" else source
            raise InputError(name, f"is for {of}, and {folder} holds {holds}", "leave it out")
    if source == "complete-journey":
        from intandem.data import load_complete_journey

        return load_complete_journey(folder, products or 50, customers or 200)
    if source == "ta-feng":
        from intandem.data import load_ta_feng

        return load_ta_feng(folder, size or "medium")
    from intandem.data import validate_folder

    checked = validate_folder(folder, target.with_name(f"{target.stem}-quarantine.csv"))
    if checked.quarantine is not None and checked.set_aside.is_empty():
        checked.quarantine.unlink(missing_ok=True)
    return checked.tables


def _text(found: Calibration, target: Path) -> str:
    effect, market = found.exposure_effect, found.market
    how = f"standard error {effect.se:.3f}" if effect.estimated else f"stated: {effect.reason}"
    assumed = "".join(f"\nassumed: {line}" for line in found.assumptions)
    noted = "".join(f"\nnote: {line}" for line in found.notes)
    noted += "".join(f"\nlook at: {line}" for line in found.alarms)
    against = found.against
    return (
        f"{market.name}: {market.products} products, {market.rows} customers, kept in {target}\n"
        f"exposure effect {effect.mean:.2f} ({how}); persistence {found.persistence.value:.2f}, "
        f"habit {found.habit.value:.2f}\n"
        f"held-out log-likelihood {found.holdout_log_likelihood:.4f} per opportunity, "
        f"best simple forecast {found.baseline_log_likelihood:.4f}\n"
        f"played with what was shown then: {against.total:.1%} of the recorded purchases, "
        f"{against.purchases_per_visit[1]:.2f} products a visit (recorded {against.purchases_per_visit[0]:.2f}), rank "
        f"correlation over products {against.rank_correlation:.2f}{assumed}{noted}"
    )
