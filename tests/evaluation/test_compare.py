"""Methods side by side: common random numbers, pairs, names, replay under other assumptions."""

from __future__ import annotations

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from intandem.app.commands.compare import table
from intandem.errors import InputError
from intandem.evaluation import methods
from intandem.evaluation.compare import compare, judging_size, replay, without
from intandem.evaluation.methods import METHOD_NAMES, check_methods
from intandem.learning import TrainSettings
from intandem.learning.mtma import Handed
from intandem.market import family_market
from intandem.market.files import example_market

TINY = TrainSettings(updates=2, shops=2, window=4, width=4)


@pytest.fixture(scope="module")
def market():
    return example_market("two-products-capped")


@pytest.fixture(scope="module")
def found(market):
    return compare(market, ["silo", "filtered-silo", "mtma"], seeds=2, settings=TINY, periods=30, runs=4)


def test_one_method_under_two_names_differs_by_nothing(found):
    # With stock in every period the filter changes nothing only if both met the same random numbers, run by run.
    difference = found.difference("filtered-silo", "silo")
    spread = found.results["silo"].profit_by_run.std()
    assert abs(difference.high - difference.low) < spread
    same = dataclasses.replace(found, results={"a": found.results["silo"], "b": found.results["silo"]})
    assert (same.difference("a", "b").low, same.difference("a", "b").high) == (0.0, 0.0)


def test_trained_methods_are_paired_by_seed_and_rules_by_run(found):
    rules, trained = found.results["silo"], found.results["mtma"]
    assert len(trained.policies) == len(trained.trainings) == 2
    assert len(rules.policies) == 1
    by_seed = trained.profit_by_seed - rules.profit_by_seed
    assert found.difference("mtma", "silo").mean == pytest.approx(by_seed.mean())
    by_run = trained.profit_by_run - rules.profit_by_run
    halves = 12.706 * by_seed.std(ddof=1) / np.sqrt(2), 2.3646 * by_run.std(ddof=1) / np.sqrt(8)
    # Two trainings that happen to agree are no better settled than the runs that judge them.
    assert found.difference("mtma", "silo").high == pytest.approx(by_seed.mean() + max(halves), rel=1e-3)
    assert found.over("mtma", "silo") == ("8 runs" if halves[1] > halves[0] else "2 trainings")
    assert found.over("filtered-silo", "silo") == "8 runs"
    assert len(rules.profit_by_run) == 8


def test_keys_of_the_contract(found):
    figures = found.as_json()
    assert {"profit", "ci", "fill_rate", "lost_share", "seconds"} <= figures["methods"]["mtma"].keys()
    assert set(figures["paired"]) == {"filtered-silo - silo", "mtma - silo", "mtma - filtered-silo"}


def test_the_frames_hold_what_the_json_holds(found):
    figures, frame = found.as_json(), found.to_frame()
    assert frame["method"].to_list() == list(found.results)
    for row in frame.iter_rows(named=True):
        told = figures["methods"][row["method"]]
        assert [row["low"], row["high"]] == told["ci"]
        assert all(row[name] == told[name] for name in ("profit", "fill_rate", "lost_share", "cover", "seconds"))
    paired = found.paired_frame()
    assert [f"{one} - {other}" for one, other in paired.select("method", "reference").rows()] == list(figures["paired"])
    assert paired["difference"].to_list() == [one["mean"] for one in figures["paired"].values()]
    assert found.results["mtma"].to_frame()["profit"].mean() == pytest.approx(found.results["mtma"].profit)
    assert found.results["mtma"].trainings[0].to_frame()["update"].to_list() == [1, 2]
    alone = without(found, "filtered-silo", "mtma")
    assert alone.paired_frame().is_empty()
    assert alone.paired_frame().schema == paired.schema


def test_the_same_seed_gives_the_same_comparison(market, found):
    again = compare(market, ["silo", "filtered-silo", "mtma"], seeds=2, settings=TINY, periods=30, runs=4)
    for name, result in again.results.items():
        np.testing.assert_array_equal(result.profit_by_run, found.results[name].profit_by_run)


def test_replay_plays_the_same_policies_in_another_market(market, found):
    same = replay(found, market)
    for name, result in same.results.items():
        np.testing.assert_allclose(result.profit_by_run, found.results[name].profit_by_run, rtol=1e-6)
    richer = dataclasses.replace(market, price=market.price + 1.0)
    assert replay(without(found, "mtma"), richer).results["silo"].profit > found.results["silo"].profit + 1
    with pytest.raises(ValueError, match="same products"):
        replay(found, family_market("capped-supply", 3, 4, 0))


def test_unknown_methods_are_refused_before_any_work():
    with pytest.raises(InputError, match="did you mean 'mtma'"):
        check_methods(["silo", "mtmaa"])
    check_methods(METHOD_NAMES)


def test_judging_covers_whole_seasons():
    market = family_market("seasonal", 3, 4, 0)
    periods, runs = judging_size(market)
    assert periods % market.season.shape[0] == 0
    assert 8 <= runs <= 64


def test_no_effect_of_exposure_no_gain_of_seeing_stock(market):
    # A negative control: where showing a product does nothing, rules that differ in what they show earn the same.
    dull = dataclasses.replace(market, exposure_effect=jnp.zeros_like(market.exposure_effect))
    found = compare(dull, ["silo", "filtered-silo"], seeds=1, periods=50, runs=4)
    assert found.difference("filtered-silo", "silo").mean == 0.0


def test_rivals_are_judged_as_trained_and_what_took_the_place_of_training_is_said(market, monkeypatch, found):
    asked, training = {}, found.results["mtma"].trainings[0]
    handed = Handed("base-stock + uplift", {"base-stock + uplift": 2.0, "trained": 1.0}, "as valued")

    def trained(market, settings, seed, progress):
        asked[settings.method] = settings.starts
        return dataclasses.replace(training, handed=None if settings.starts == "one" else handed)

    monkeypatch.setattr(methods, "train", trained)
    again = compare(market, ["stma", "mtma", "learned-silo"], seeds=1, settings=TINY, periods=30, runs=4)
    assert asked == {"stma": "one", "mtma": "compete", "silo": "one"}
    assert again.results["stma"].handed_over == ()
    assert again.results["mtma"].as_json()["handed_over"] == ["base-stock + uplift"]
    assert "in 1 of 1 trainings something simpler earned more" in table(again)
    assert "handed_over" not in found.as_json()["methods"]["mtma"]
