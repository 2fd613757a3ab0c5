"""The same market under other assumptions about what no data say: the effect of exposure, and margins."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import jax.numpy as jnp

from intandem.data.calibration.calibrate import STRONG_EFFECT
from intandem.data.calibration.kept import KeptCalibration, load_calibration
from intandem.evaluation.compare import replay
from intandem.evaluation.comparison import Comparison
from intandem.evaluation.report import Scenario
from intandem.market import Market, market_hash

SCENARIO_RUNS = 2
"""Replications for each training that judge a scenario."""


def with_margin(market: Market, factor: float) -> Market:
    """The market with every gross margin times `factor`; holding costs follow the unit cost."""
    cost = market.price - factor * (market.price - market.unit_cost)
    share = cost / jnp.maximum(market.unit_cost, 1e-6)
    return dataclasses.replace(market, unit_cost=cost, salvage=cost, holding_cost=market.holding_cost * share)


def with_effect(market: Market, effect: float) -> Market:
    """The market in which every exposure has one and the same effect."""
    return dataclasses.replace(market, exposure_effect=jnp.full_like(market.exposure_effect, effect))


def variations(market: Market) -> dict[str, Market]:
    """The market under other assumptions, by what people read."""
    return {
        "Recommendations move nobody": with_effect(market, 0.0),
        f"Recommendations move people strongly (effect {STRONG_EFFECT:g})": with_effect(market, STRONG_EFFECT),
        "Gross margins halved": with_margin(market, 0.5),
        "Gross margins 1.5 times as high": with_margin(market, 1.5),
    }


def kept_of(market: Market, path: str) -> KeptCalibration | None:
    """What was kept of the calibration that a market file or folder comes from; `None` if nothing was, or if the market
    was changed since."""
    if not Path(path).exists():
        return None
    kept = load_calibration(path)
    return kept if kept is not None and kept.market_hash == market_hash(market) else None


def sections_of(kept: KeptCalibration, found: Comparison) -> dict[str, Any]:
    """What a report on a firm's own market shows beside the comparison, as arguments of `report_of`."""
    scenarios = [Scenario("As calibrated", found)]
    for label, changed in variations(found.market).items():
        scenarios.append(Scenario(label, replay(found, changed, runs=SCENARIO_RUNS)))
    return {
        "fit": {name: kept.fit[name] for name in ("calibration_curve", "period") if name in kept.fit},
        "calibration": kept.sentences,
        "assumptions": kept.assumptions,
        "limits": (*kept.alarms, *kept.notes),
        "scenarios": scenarios,
    }
