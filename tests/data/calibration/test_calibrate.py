"""Calibration recovers what a simulated firm was made of, and says what it did not estimate."""

from __future__ import annotations

import logging
from dataclasses import replace

import jax
import numpy as np
import polars as pl
import pytest

from intandem.data.calibration.calibrate import Calibration, calibrate
from intandem.data.calibration.settings import CalibrationSettings, MarketSettings
from intandem.data.sources.simulated import Targeting, simulated_firm, simulated_tables
from intandem.data.tables.tables import Tables
from intandem.errors import InputError
from intandem.market import base_demand
from intandem.market.model import Market

TRUTH = {"persistence": 0.6, "carry_over": 0.8, "habit": 0.4}


@pytest.fixture(scope="module")
def firm() -> Market:
    return simulated_firm(5, products=10, customers=120, slots=2, **TRUTH)


@pytest.fixture(scope="module")
def tables(firm: Market) -> Tables:
    return simulated_tables(firm, 36, jax.random.key(1), Targeting())


@pytest.fixture(scope="module")
def found(tables: Tables) -> Calibration:
    return calibrate(tables, CalibrationSettings(market=MarketSettings(supply_cap=1.3, holding_rate=0.02)))


def test_truth_lies_within_three_standard_errors(firm: Market, found: Calibration) -> None:
    truth = float(np.asarray(firm.exposure_effect).mean())
    assert abs(found.exposure_effect.mean - truth) < 3 * found.exposure_effect.se
    for name, value in TRUTH.items():
        estimate = getattr(found, name)
        assert abs(estimate.value - value) < 3 * estimate.se, name
        assert estimate.se < 0.25


def test_ignoring_who_was_shown_what_would_overstate_the_effect(tables: Tables, found: Calibration) -> None:
    lines = tables.transactions.select("customer", "product", "period").unique()
    shown = tables.customer_exposures().select("customer", "product", "period").unique()
    visits = tables.visits.height * tables.products.height
    both = lines.join(shown, on=["customer", "product", "period"], how="semi").height
    with_exposure = both / shown.height
    without = (lines.height - both) / (visits - shown.height)
    naive = np.log(with_exposure / (1 - with_exposure)) - np.log(without / (1 - without))
    assert naive > found.exposure_effect.mean + 5 * found.exposure_effect.se


def test_held_out_weeks_are_predicted_better_than_by_the_baselines(found: Calibration) -> None:
    assert set(found.baselines) == {"popularity", "shrunk_frequency"}
    assert found.baseline_log_likelihood == max(found.baselines.values())
    assert found.holdout_log_likelihood > found.baseline_log_likelihood


def test_the_market_carries_what_was_found(firm: Market, tables: Tables, found: Calibration) -> None:
    market = found.market
    assert (market.exposure, market.choice, market.period) == ("slate", "independent", "week")
    assert market.labels.product_ids == firm.labels.product_ids
    assert market.first_period == tables.calendar["start"][0]
    np.testing.assert_allclose(market.persistence, found.persistence.value, rtol=1e-5)
    np.testing.assert_allclose(market.unit_cost, firm.unit_cost, rtol=1e-5)
    np.testing.assert_allclose(market.holding_cost, 0.02 * np.asarray(firm.unit_cost), rtol=1e-5)
    demand = np.asarray(base_demand(market))
    np.testing.assert_allclose(market.max_order, np.maximum(1, np.floor(1.3 * demand)))
    # Taste is known pair by pair: those who like a product more than its average buyer are found.
    ours, theirs = (np.asarray(m.base_utility) - np.asarray(m.base_utility).mean(0) for m in (market, firm))
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.6
    np.testing.assert_allclose(base_demand(market), base_demand(firm), rtol=0.35)


def test_the_estimates_come_as_a_table(found: Calibration) -> None:
    assert f"an exposure adds {found.exposure_effect.mean:.2f} to the log-odds" in repr(found)
    assert repr(found.panel).startswith("Panel\n")
    assert len(repr(found).splitlines()) <= 10
    frame = found.to_frame()
    assert frame["value"][0] == found.exposure_effect.mean
    rows = {row["estimate"]: row for row in frame.iter_rows(named=True)}
    assert rows["habit"]["high"] == pytest.approx(found.habit.value + 2 * found.habit.se)
    # Prices do not move in these tables: nothing was estimated.
    assert (rows["elasticity"]["se"], rows["elasticity"]["low"]) == (None, None)


def test_the_fit_is_reported(tables: Tables, found: Calibration) -> None:
    weekly = found.fit["product_period"]
    assert weekly.height == tables.periods * tables.products.height
    train = weekly.filter(pl.col("split") == "train")
    assert train["predicted"].sum() == pytest.approx(train["observed"].sum(), rel=0.03)
    assert weekly["observed"].sum() == tables.transactions.height
    curve = found.fit["calibration_curve"].filter(pl.col("split") == "train")
    assert np.corrcoef(curve["predicted"], curve["observed"])[0, 1] > 0.99
    assert set(found.fit["period"]["split"]) == {"train", "test"}
    assert "within a pair" in found.identification
    assert any("purchase" in sentence for sentence in found.assumptions)


def test_the_null_and_a_strong_case_stand_beside_it(found: Calibration) -> None:
    cases = found.cases()
    assert float(np.abs(np.asarray(cases["null"].exposure_effect)).max()) == 0.0
    assert np.asarray(cases["strong"].exposure_effect).min() == pytest.approx(0.8)
    assert cases["calibrated"] is found.market


def test_without_exposures_the_effect_is_stated(tables: Tables, caplog: pytest.LogCaptureFixture) -> None:
    blind = replace(tables, exposures=tables.exposures.clear())
    with caplog.at_level(logging.INFO, "intandem"):
        found = calibrate(blind, CalibrationSettings(stated_exposure_effect=0.5, holdout_share=0.0))
    said = {record.getMessage(): record.levelname for record in caplog.records}
    reason = found.exposure_effect.reason
    assert said[f"the effect of an exposure is stated (0.5) and not estimated: {reason}"] == "WARNING"
    assert all(said[f"assumed: {line}"] == "INFO" for line in found.assumptions)
    assert not found.exposure_effect.estimated
    assert found.exposure_effect.mean == 0.5
    assert np.isnan(found.exposure_effect.se)
    assert np.isnan(found.carry_over.se)
    assert found.habit.se > 0
    np.testing.assert_allclose(found.market.exposure_effect, 0.5)
    assert "not identified" in found.identification
    assert np.isnan(found.holdout_log_likelihood)


def test_exposures_by_store_are_clustered_by_store(tables: Tables) -> None:
    store = np.arange(tables.customers.height) % 8
    rng = np.random.default_rng(0)
    rows = [
        (s, j, t, kind)
        for kind in ("display", "mailer")
        for s in range(8)
        for j in range(tables.products.height)
        for t in range(tables.periods)
        if rng.random() < 0.15
    ]
    exposures = pl.DataFrame(rows, schema=["store", "product", "period", "kind"], orient="row").with_columns(
        pl.col("store", "product", "period").cast(pl.Int32),
        customer=pl.lit(None, pl.Int32),
        propensity=pl.lit(None, pl.Float64),
    )
    in_stores = replace(
        tables,
        customers=tables.customers.with_columns(store=pl.Series(store, dtype=pl.Int32)),
        visits=tables.visits.with_columns(store=pl.col("customer") % 8),
        stores=pl.DataFrame({"store": range(8), "store_id": [str(s) for s in range(8)]}).with_columns(
            pl.col("store").cast(pl.Int32), exposures_recorded=pl.lit(True)
        ),
        exposures=exposures.select(tables.exposures.columns),
    )
    found = calibrate(in_stores, CalibrationSettings(across_stores=True))
    assert "clustered by store (8 clusters)" in found.identification
    assert set(found.exposure_effect.kinds) == {"display", "mailer", "display x mailer"}
    # These exposures were drawn at random after the fact: they did nothing.
    assert abs(found.exposure_effect.mean) < 4 * found.exposure_effect.se + 0.02


def test_event_lift_is_not_taken_for_an_elasticity(tables: Tables) -> None:
    rng = np.random.default_rng(3)
    shape = (tables.periods, tables.products.height)
    offer = rng.random(shape) < 0.2
    weekly = pl.DataFrame(
        {
            "product": np.tile(np.arange(shape[1], dtype=np.int32), shape[0]),
            "period": np.repeat(np.arange(shape[0], dtype=np.int32), shape[1]),
            "price": np.where(offer, 0.8, 1.0).ravel(),
            "regular_price": np.ones(offer.size),
            "units": np.ones(offer.size),
        }
    )
    lifted = tables.visits.join(weekly.filter(pl.col("price") < 1), on="period").select("customer", "product", "period")
    lifted = lifted.sample(fraction=0.3, seed=1).with_columns(
        quantity=pl.lit(1.0), price=pl.lit(0.8), store=pl.lit(None, pl.Int32), date=pl.lit(None, pl.Date)
    )
    lines = pl.concat([tables.transactions, lifted.select(tables.transactions.columns)])
    found = calibrate(replace(tables, transactions=lines, prices=weekly, exposures=tables.exposures.clear()))
    assert np.isnan(found.elasticity.se)
    assert any("lift of events" in sentence for sentence in found.assumptions)


def test_nothing_to_learn_from_is_an_input_error(tables: Tables) -> None:
    with pytest.raises(InputError, match="transactions"):
        calibrate(replace(tables, transactions=tables.transactions.clear()))
    with pytest.raises(InputError, match="calendar"):
        calibrate(replace(tables, calendar=tables.calendar.with_columns(observed=pl.lit(0.1))))


def test_out_of_stock_weeks_say_nothing_of_demand(tables: Tables) -> None:
    gone = pl.DataFrame({"product": [0] * 10, "period": range(10, 20), "on_hand": [0.0] * 10}).cast(
        {"product": pl.Int32, "period": pl.Int32}
    )
    kept = tables.transactions.filter(~((pl.col("product") == 0) & pl.col("period").is_between(10, 19)))
    blind = replace(tables, transactions=kept, exposures=tables.exposures.clear())
    told, untold = calibrate(replace(blind, stock=gone)), calibrate(blind)
    assert base_demand(told.market)[0] > 1.1 * base_demand(untold.market)[0]


@pytest.mark.slow
def test_recovery_at_the_size_of_the_study() -> None:
    """One firm of the study in `benchmarks/calibration_recovery.py`, which runs twenty."""
    firm = simulated_firm(4, products=50, customers=500, **TRUTH)
    found = calibrate(simulated_tables(firm, 52, jax.random.key(4)), CalibrationSettings(holdout_share=0.0))
    assert abs(found.exposure_effect.mean - float(np.asarray(firm.exposure_effect).mean())) < 0.04
    for name, value in TRUTH.items():
        estimate = getattr(found, name)
        assert abs(estimate.value - value) < 3 * estimate.se, name
