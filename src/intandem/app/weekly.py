"""The weekly step of a firm, from its files to its orders: check, calibrate, train, accept or keep, decide.

```
DIR/
  tables/            the firm's files, as they are this week; mapping.toml and rules.csv (rules of the house) if any
  market/  policy/   what decides: the market of the last calibration, the bundle that was accepted last
  decisions/DATE/    orders, recommendations and page of each week
  plans/DATE.csv     what the orders of the week after should be
  next/              this week's market and bundle until they are accepted
  cycle.json cycle.log quarantine.csv
```
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

import intandem
from intandem.data import validate_folder
from intandem.data.calibration.calibrate import calibrate
from intandem.data.calibration.kept import save_calibration
from intandem.data.calibration.settings import CalibrationSettings, MarketSettings
from intandem.departments import JointPolicy, policy_of_rules
from intandem.errors import InputError, RunError
from intandem.evaluation.acceptance import RULES, accept
from intandem.learning import TrainSettings, load_bundle, save_bundle, train
from intandem.learning.warm_start import width_of
from intandem.market import Market
from intandem.market.files import load_market
from intandem.operation import decide
from intandem.operation.plan import changed_share, plan_of
from intandem.operation.steps import Steps, alone
from intandem.operation.writing import PAGE, write_decisions
from intandem.storage import replace_file, replace_folder

TABLES, MARKET, POLICY, NEXT, DECISIONS, PLANS = "tables", "market", "policy", "next", "decisions", "plans"

FALLBACK = ("base-stock", "uplift:filter=in-stock")
"""Who decides before any policy is accepted, if the best of the rules is no pair of them (`dual-price`)."""


@dataclass(frozen=True)
class CycleSettings:
    """What a cycle is told: of calibration `lead_time` (periods, where the tables do not say) and `slots`; of training
    the next; `rules` to fall behind of which a new policy is refused; of deciding `n` and `day`; `currency` is put
    before money on the page. What `mapping.toml` states of margins, rates and costs counts as in `calibrate`."""

    lead_time: int = 1
    slots: int = 3
    candidates: int = 60
    updates: int = 400
    shops: int = 0
    window: int = 0
    width: int = 32
    rules: Sequence[str] = RULES
    periods: int | None = None
    runs: int | None = None
    n: int | None = None
    day: str | None = None
    seed: int = 0
    currency: str = ""


def cycle(folder: str | Path, settings: CycleSettings | None = None) -> dict[str, Any]:
    """Takes a firm one week on. Run again with the same files it does nothing twice; stopped, it goes on.

    **Returns** `accepted`, `why`, `orders`, `recommendations` and `page` (paths), `date`, `changed_share`: of the
    orders beside last week's plan for the same period (nothing without one), `notes` on the tables, `assumptions` and
    `alarms` of the calibration, and what each step came to. A run that fails leaves its reason in `cycle.log`.

    **Raises:** `InputError` for files that cannot be used; `RunError` if another run is at work, or the system refuses.
    """
    folder, settings = Path(folder), settings or CycleSettings()
    if not (folder / TABLES).is_dir():
        raise InputError(folder, f"has no folder {TABLES}", f"put your files into {folder / TABLES}")
    with alone(folder):
        steps = Steps(folder, _key(folder / TABLES, settings))
        try:
            return _cycle(folder, settings, steps)
        except (InputError, RunError) as error:
            steps.log(f"stopped: {error}")
            raise


def _cycle(folder: Path, settings: CycleSettings, steps: Steps) -> dict[str, Any]:
    new_market, new_policy = folder / NEXT / MARKET, folder / NEXT / POLICY
    if not steps.begun:
        # What an earlier week left half done is of other files.
        shutil.rmtree(folder / NEXT, ignore_errors=True)
    (folder / NEXT).mkdir(exist_ok=True)
    checked = validate_folder(folder / TABLES, folder / "quarantine.csv")
    found = {"check": steps.step("check", lambda: {"rows": checked.rows, "quarantined": checked.quarantined})}

    def fitted() -> dict[str, Any]:
        wanted = CalibrationSettings(
            candidates_per_customer=settings.candidates,
            market=MarketSettings(lead_time=settings.lead_time, exposure_slots=settings.slots),
        ).with_stated(checked.tables.stated)
        fit = calibrate(checked, wanted, progress=False)
        save_calibration(fit, new_market)
        return {
            "products": fit.market.products,
            "customers": fit.market.rows,
            "exposure_effect": round(fit.exposure_effect.mean, 3),
            "assumptions": list(fit.assumptions),
            "alarms": list(fit.alarms),
        }

    found["calibrate"] = steps.step("calibrate", fitted)
    market = load_market(new_market)
    old = load_bundle(folder / POLICY, market, transfer=True) if (folder / POLICY).is_dir() else None

    def trained() -> dict[str, Any]:
        width = settings.width if old is None else width_of(old)
        how = TrainSettings(updates=settings.updates, shops=settings.shops, window=settings.window, width=width)
        checkpoint = folder / NEXT / "policy.checkpoint"
        training = train(market, how, settings.seed, checkpoint=checkpoint, start=old, progress=False)
        save_bundle(training, market, new_policy)
        return {"updates": settings.updates, "warm_start": old is not None}

    found["train"] = steps.step("train", trained)
    found["accept"] = steps.step("accept", lambda: _judged(market, load_bundle(new_policy, market), old, settings))
    found["install"] = steps.step("install", lambda: _install(folder, found["accept"]["accepted"]))
    found["decide"] = steps.step("decide", lambda: _decide(folder, found["accept"]["rules"], checked, settings))
    verdict, decided = found["accept"], found["decide"]
    place = folder / DECISIONS / decided["date"]
    return {
        "accepted": verdict["accepted"],
        "why": verdict["why"],
        "date": decided["date"],
        "orders": str(place / "orders.csv"),
        "recommendations": str(place / "recommendations.csv"),
        "page": str(place / PAGE),
        "changed_share": decided["changed_share"],
        "ordered": decided["ordered"],
        "flags": decided["flags"],
        "notes": list(checked.notes),
        "assumptions": found["calibrate"]["assumptions"],
        "alarms": found["calibrate"]["alarms"],
        "steps": found,
    }


def _judged(market: Market, new: JointPolicy, old: JointPolicy | None, settings: CycleSettings) -> dict[str, Any]:
    verdict = accept(
        market,
        new,
        old,
        rules=settings.rules,
        periods=settings.periods,
        runs=settings.runs,
        seed=settings.seed,
        progress=False,
    )
    best = verdict.best_rule
    return {
        "accepted": verdict.accepted,
        "why": verdict.why,
        "best_rule": best,
        # As they were tuned, so that they can decide where no policy was ever accepted.
        "rules": list(verdict.comparison.results[best].rules or FALLBACK),
        "profit": {name: round(value, 4) for name, value in verdict.profit.items()},
    }


def _install(folder: Path, accepted: bool) -> str:
    """The new market takes the old one's place, and if it was accepted so does the new policy."""
    for name in (MARKET, POLICY) if accepted else (MARKET,):
        with replace_folder(folder / name) as beside:
            shutil.copytree(folder / NEXT / name, beside, dirs_exist_ok=True)
    return "the new policy decides" if accepted else "the old policy stays"


def _decide(folder: Path, rules: list[str], checked: Any, settings: CycleSettings) -> dict[str, Any]:
    market = load_market(folder / MARKET)
    if (folder / POLICY).is_dir():
        policy = load_bundle(folder / POLICY, market, transfer=True)
    else:
        policy = policy_of_rules(market, *rules)
    house = folder / TABLES / "rules.csv"
    found = decide(
        policy,
        checked,
        market=market,
        day=settings.day,
        n=settings.n,
        rules=house if house.is_file() else None,
    )
    place = folder / DECISIONS / found.when.replace(" ", "-")
    shares = [
        changed_share(found, pl.read_csv(earlier, schema_overrides={"product_id": pl.String, "period": pl.String}))
        for earlier in sorted((folder / PLANS).glob("*.csv"))
        if earlier.stem != place.name
    ]
    share = next((one for one in reversed(shares) if one is not None), None)
    write_decisions(found, place, currency=settings.currency)
    with replace_file(folder / PLANS / f"{place.name}.csv") as beside, beside.open("wb") as file:
        plan_of(found, policy).write_csv(file)
    return {
        "date": place.name,
        "ordered": found.placed.height,
        "flags": found.flags.height,
        "changed_share": None if share is None else round(share, 4),
    }


def _key(tables: Path, settings: CycleSettings) -> str:
    """What makes a week the same week: the files, what was asked for, and this version of the package."""
    digest = hashlib.sha256(json.dumps([asdict(settings), intandem.__version__], default=str).encode())
    for file in sorted(tables.rglob("*")):
        if file.is_file() and not file.name.startswith("."):
            digest.update(file.relative_to(tables).as_posix().encode())
            with file.open("rb") as opened:
                digest.update(hashlib.file_digest(opened, "sha256").digest())
    return digest.hexdigest()
