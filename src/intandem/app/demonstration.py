"""The demonstration: Complete Journey's raw tables to a calibrated market, trained departments, and two pages: what
coordination is worth, and what its departments decide in the week after the last.

The data hold purchases and exposures but neither stock nor costs nor a supplier's terms. What is assumed about them is
stated here, on the page, and varied: the answer depends on it.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from intandem.app.assumptions import SCENARIO_RUNS, variations
from intandem.data import load_complete_journey
from intandem.data.calibration.calibrate import calibrate
from intandem.data.calibration.settings import CalibrationSettings, MarketSettings
from intandem.data.sources.fetch import fetch
from intandem.evaluation.compare import compare, replay, without
from intandem.evaluation.report import Report, Scenario, report_of, words, write_report
from intandem.learning import TrainSettings, save_bundle
from intandem.market import Market, base_demand
from intandem.market.files import save_market
from intandem.operation import decide
from intandem.operation.words import answer as decided_in_words
from intandem.operation.writing import PAGE, write_decisions
from intandem.progress import Meter

SCARCE = 0.5
"""Part of the assortment whose supplier allots: every other product in order of sales."""

ALLOTMENT = 1.3
"""What such a supplier delivers at most in a week, in weeks of the product's sales without exposure."""

METHODS = ("silo", "filtered-silo", "tuned-rule", "learned-silo", "mtma")
TRAININGS = 3
"""Of each learned method, so that intervals are over trainings."""

UPDATES = 200
SHOPS = 2
WINDOW = 52
"""Sized so that the whole demonstration takes a minute or two on two cores."""


@dataclass(frozen=True)
class Demonstration:
    """What the demonstration found and where it put it; `seconds` by step."""

    report: Report
    page: Path
    today: Path
    decided: str
    markets: dict[str, Path]
    answer: str
    to_do: tuple[str, ...]
    beside: str
    calibration: dict[str, object]
    seconds: dict[str, float]


def demonstrate(
    folder: Path, *, products: int, households: int, updates: int | None, seed: int, meter: Meter
) -> Demonstration:
    """Runs the whole path and writes the market, the trained policy and the page into `folder`."""
    training = TrainSettings(updates=UPDATES if updates is None else updates, shops=SHOPS, window=WINDOW)
    seconds: dict[str, float] = {}
    lap = _laps(seconds)
    meter.update("fetching Complete Journey")
    source = fetch("complete-journey")
    lap("fetch")
    meter.update("reading")
    tables = load_complete_journey(source.path, products, households)
    lap("load")
    settings = CalibrationSettings(market=MarketSettings(lead_time=1))
    fitted = calibrate(tables, settings, progress=lambda step, _: meter.update("calibrating", step, 0, f"step {step}"))
    lap("calibrate")
    free = fitted.market
    market = with_allotment(free)
    found = compare(market, METHODS, seeds=TRAININGS, settings=training, seed=seed, progress=meter.training)
    lap("compare")
    scenarios = [Scenario("As calibrated", found)]
    shown = without(found, "silo", "learned-silo")
    for label, changed in ({"No cap on orders": free} | variations(market)).items():
        meter.update(f"what if: {label.lower()}")
        scenarios.append(Scenario(label, replay(shown, changed, runs=SCENARIO_RUNS)))
    lap("scenarios")
    meter.update("writing the page")
    report = report_of(
        found,
        title=f"Complete Journey: {market.products} grocery products, {market.rows} households, a year of weeks",
        names=[str(name).capitalize() for name in tables.products["name"].to_list()],
        currency="$",
        facts=_facts(market),
        fit={name: fitted.fit[name].to_dict(as_series=False) for name in ("calibration_curve", "period")},
        calibration=fitted.sentences(),
        scenarios=scenarios,
        assumptions=fitted.assumptions,
    )
    place = folder / "market"
    save_market(market, place)
    save_bundle(found.results["mtma"].trainings[0], market, folder / "policy", backtest=found.as_json())
    page = write_report(report, folder / "report.html")
    lap("page")
    meter.update("deciding the week after the last")
    decisions = decide(folder / "policy", tables)
    today = write_decisions(decisions, folder / "today", currency="$") / PAGE
    lap("decide")
    return Demonstration(
        report=report,
        page=page,
        today=today,
        decided=decided_in_words(decisions, "$"),
        markets={market.name: place},
        answer=words.answer(report),
        to_do=words.to_do(report),
        beside=words.beside(report),
        calibration=fitted.as_json(),
        seconds=seconds,
    )


def with_allotment(market: Market) -> Market:
    """The market in which every other product, in order of base demand, comes from a supplier who allots."""
    demand = np.asarray(base_demand(market), float)
    rank = np.argsort(np.argsort(-demand, kind="stable"), kind="stable")
    every = round(1 / SCARCE)
    cap = np.where(rank % every == 0, np.maximum(1.0, np.floor(ALLOTMENT * demand)), np.inf)
    return dataclasses.replace(market, max_order=jnp.asarray(cap, jnp.float32))


def _laps(seconds: dict[str, float]) -> Callable[[str], None]:
    last = [time.monotonic()]

    def lap(name: str) -> None:
        now = time.monotonic()
        seconds[name], last[0] = round(now - last[0], 2), now

    return lap


def _facts(market: Market) -> tuple[str, ...]:
    scarce = int(np.isfinite(np.asarray(market.max_order)).sum())
    return (
        f"Supply is assumed: orders arrive a week later, and {scarce} of {market.products} products (every other in "
        f"order of sales) come from suppliers who deliver at most {ALLOTMENT:g} times a product's weekly sales without "
        "exposure. Where supply is free there is little to coordinate; the market without a cap on orders is "
        "among the assumptions varied.",
    )
