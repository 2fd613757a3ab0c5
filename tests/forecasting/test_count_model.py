"""The count model on demand whose truth is known: levels, intervals, sums, what was sold out, what drives it."""

from __future__ import annotations

from functools import cache

import equinox as eqx
import jax
import numpy as np
import polars as pl
import pytest

from forecasting.markets import demand, frame_of
from intandem.departments import policy_of_rules
from intandem.errors import InputError
from intandem.forecasting import CountModel, SamplePaths, fit_count_model, outlook_of, series_of, with_forecast
from intandem.forecasting.accuracy import PROBABILITIES
from intandem.forecasting.count_model import FittedCounts
from intandem.market import Decision, initial_state
from intandem.market.files import example_market

QUICK = CountModel(sample=40, evaluations=40, rounds=1)
KNOWN = 36


@cache
def fitted() -> FittedCounts:
    return fit_count_model(series_of(frame_of(demand(1)[:KNOWN])), QUICK)


def test_intervals_hold_what_comes_and_so_do_those_of_the_sum() -> None:
    paths, came = fitted().paths(4, paths=400), demand(1)[KNOWN:]
    quantiles = paths.quantiles(PROBABILITIES)
    low, high = quantiles[PROBABILITIES.index(0.1)], quantiles[PROBABILITIES.index(0.9)]
    assert 0.75 < ((came >= low) & (came <= high)).mean() < 0.93
    low, high = paths.total_quantiles([0.1, 0.9])
    assert 0.65 < ((came.sum(0) >= low) & (came.sum(0) <= high)).mean() < 0.97
    assert paths.mean().sum() == pytest.approx(came.sum(), rel=0.1)


def test_a_sum_has_a_quantile_of_its_own() -> None:
    paths = fitted().paths(4, paths=400)
    assert (paths.total_quantiles([0.95]) < paths.quantiles([0.95]).sum(1)).mean() > 0.95
    assert (paths.values >= 0).all()
    np.testing.assert_array_equal(paths.values, fitted().paths(4, paths=400).values)
    with pytest.raises(InputError, match="paths have 4"):
        paths.total(5)


def test_sold_out_periods_count_as_that_or_more() -> None:
    wanted = demand(2, series=60)
    stock = np.quantile(wanted, 0.8, axis=0)
    out = wanted > stock
    assert 0.12 < out.mean() < 0.25
    sold = frame_of(np.minimum(wanted, stock.round()), sold_out=out.astype(int))

    def expected(frame: pl.DataFrame, corrected: bool) -> float:
        settings = CountModel(sample=60, evaluations=60, rounds=1, corrected=corrected)
        return float(fit_count_model(series_of(frame), settings).paths(1, paths=300).mean().sum())

    # Set against what the same model makes of demand that is seen in full.
    whole = expected(frame_of(wanted), True)
    bias = {corrected: expected(sold, corrected) / whole - 1 for corrected in (True, False)}
    assert bias[False] < -0.04
    assert abs(bias[True]) <= abs(bias[False]) / 3


def test_what_drives_demand_is_found_and_a_plan_is_followed() -> None:
    rng = np.random.default_rng(3)
    shown = (rng.random((40, 40)) < 0.3).astype(float)
    counts = rng.poisson(10 * np.exp(0.8 * shown)).astype(float)
    model = fit_count_model(series_of(frame_of(counts, exposure=shown)), QUICK)
    assert model.responses.mean[0] == pytest.approx(0.8, abs=0.1)
    none, all_shown = (model.paths(2, plan={"exposure": np.full((2, 40), one)}).mean().sum() for one in (0.0, 1.0))
    assert all_shown / none == pytest.approx(np.exp(0.8), rel=0.1)
    assert none < model.paths(2).mean().sum() < all_shown
    with pytest.raises(InputError, match="no driver"):
        model.paths(2, plan={"price": np.zeros((2, 40))})
    with pytest.raises(InputError, match="horizon x series"):
        model.paths(2, plan={"exposure": np.zeros((3, 40))})


def test_a_new_product_takes_the_level_of_its_category() -> None:
    counts = demand(4, series=20, level=30.0)
    counts[:, :10] = demand(4, series=10, level=3.0)
    counts[:-1, [0, 19]] = 0.0
    counts[-1, [0, 19]] = 1.0, 30.0
    category = np.where(np.arange(20) < 10, "small", "large")
    series = series_of(frame_of(counts, category=np.tile(category, (40, 1))))
    mean = fit_count_model(series, QUICK).paths(1).mean()[0]
    assert mean[0] < 6 < 15 < mean[19]


def test_weekdays_are_a_season() -> None:
    rng = np.random.default_rng(5)
    shape = np.array([1, 1, 1, 1, 2, 3, 0.2])
    counts = rng.poisson(10 * shape[np.arange(56) % 7][:, None] * np.ones((56, 15))).astype(float)
    frame = frame_of(counts)
    days = np.datetime64("2024-01-01") + frame["ds"].to_numpy()
    series = series_of(frame.with_columns(ds=days.astype("datetime64[D]")))
    assert (series.period_name, series.season_length) == ("day", 7)
    mean = fit_count_model(series, QUICK).paths(7).mean().mean(1)
    np.testing.assert_allclose(mean, 10 * shape, rtol=0.2)


def test_weighed_products_are_counted_in_tenths() -> None:
    counts = np.round(demand(6, series=10) * 0.37, 2)
    model = fit_count_model(series_of(frame_of(counts)), QUICK)
    assert (model.unit == 0.1).all()
    assert model.paths(2).mean().sum() == pytest.approx(2 * counts.mean(0).sum(), rel=0.2)


def test_the_outlook_is_that_of_the_paths() -> None:
    paths = fitted().paths(4)
    lead_time = np.arange(40) % 4
    outlook = outlook_of(paths, lead_time, lift=2.0)
    total = paths.total(lead_time + 1)
    np.testing.assert_allclose(outlook.cover, total.mean(0), rtol=1e-5)
    np.testing.assert_allclose(outlook.deviation, total.std(0), rtol=1e-5)
    np.testing.assert_allclose(outlook.cover_lifted - outlook.cover, 2.0 * (lead_time + 1), rtol=1e-4)


def test_a_policy_counts_on_a_forecast() -> None:
    market = example_market("two-products-capped")
    policy, state = policy_of_rules(market, "base-stock:service=0.5", "uplift"), initial_state(market)
    longest = market.longest_lead_time + 1
    ids = tuple(reversed(market.labels.product_ids))
    values = np.zeros((2, longest + 1, 2)) + np.array([7.0, 3.0])
    values[:, -1] = 0.0
    told = with_forecast(policy, market, SamplePaths(values, ids, tuple(range(longest + 1))))
    outlook = told.inventory.observe(market, state)[1]
    # By their ids, not by their places; and in the next period over the periods that are ahead then.
    np.testing.assert_allclose(outlook.cover, np.array([3.0, 7.0]) * (np.asarray(market.lead_time) + 1))
    later = eqx.tree_at(lambda one: one.period, state, state.period + 1)
    next_cover = told.inventory.observe(market, later)[1].cover
    assert (np.asarray(next_cover) < np.asarray(outlook.cover)).all()
    assert isinstance(told(market, state, jax.random.key(0)), Decision)
    with pytest.raises(InputError, match="have no product"):
        with_forecast(policy, market, SamplePaths(values, ("x", "y"), tuple(range(longest + 1))))


def test_too_few_periods_are_refused() -> None:
    with pytest.raises(InputError, match="have 3 periods"):
        fit_count_model(series_of(frame_of(demand(1)[:3])))
