"""The page: opens with the answer, says what was found and no more, needs no network."""

from __future__ import annotations

import dataclasses
import json
import re
from html.parser import HTMLParser

import equinox as eqx
import numpy as np
import pytest

from intandem.errors import InputError
from intandem.evaluation.compare import compare, replay
from intandem.evaluation.report import Scenario, report_of, words, write_report
from intandem.learning import TrainSettings
from intandem.market.files import example_market


@pytest.fixture(scope="module")
def report():
    market = example_market("two-products-capped")
    settings = TrainSettings(updates=2, shops=2, window=4, width=4)
    found = compare(market, ["silo", "mtma"], seeds=1, settings=settings, periods=30, runs=4)
    fit = {
        "calibration_curve": {"split": ["train", "test"], "predicted": [0.1, 0.2], "observed": [0.1, 0.0]},
        "period": {"split": ["train", "test"], "period": [0, 1], "predicted": [5.0, 6.0], "observed": [4.0, 7.0]},
    }
    return report_of(
        found,
        names=["Tea <b>&", "Milk"],
        currency="$",
        fit=fit,
        scenarios=[Scenario("As calibrated", found), Scenario("Again", replay(found, market))],
        assumptions=["Supply is assumed."],
    )


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.first = ""
        self.inside = ""

    def handle_starttag(self, tag, attributes):
        self.inside = tag
        self.links += [value for name, value in attributes if name in ("src", "href", "action", "data")]

    def handle_data(self, data):
        if self.inside == "h1" and not self.first:
            self.first = data


def test_the_page_opens_with_the_answer_and_links_to_nothing(report, tmp_path):
    text = write_report(report, tmp_path / "page.html").read_text()
    reader = _Reader()
    reader.feed(text)
    assert reader.first == words.answer(report)
    assert "95% interval" in reader.first
    assert reader.links == []
    assert "@import" not in text.split("<script>")[0]
    assert "url(" not in text.split("<script>")[0]
    assert "Tea <b>" not in text.split("<script>")[0]


def test_every_chart_has_its_place_and_the_methods_keep_their_colour(report, tmp_path):
    text = write_report(report, tmp_path / "page.html").read_text()
    figures = json.loads(re.search(r"const figures = (.*);\n", text)[1])
    wanted = {"profit", "learning", "lost", "exposure", "time", "sensitivity", "fit"}
    assert set(figures) == wanted
    assert all(f'id="{place}"' in text for place in wanted)
    assert text.count("#0b7a6f") > 5


def _with_profits(report, tandem, silo):
    def paid(result, profit):
        one = result.simulated[0]
        totals = eqx.tree_at(lambda t: t.profit, one.totals, np.asarray(profit)[:, None] * one.periods)
        return dataclasses.replace(result, simulated=(dataclasses.replace(one, totals=totals),))

    results = report.comparison.results
    changed = {"silo": paid(results["silo"], silo), "mtma": paid(results["mtma"], tandem)}
    return dataclasses.replace(report, comparison=dataclasses.replace(report.comparison, results=changed))


def test_a_gain_a_loss_and_nothing_are_called_so(report):
    silo = [100.0, 101.0, 99.0, 100.0]
    gain = words.answer(_with_profits(report, [110.0, 111.2, 109.0, 109.8], silo))
    assert gain.startswith("Deciding in tandem earns 10.0% more per week than the silo (95% interval 9.")
    assert gain.endswith("$110.0 against $100.0.")
    loss = words.answer(_with_profits(report, [90.0, 91.2, 89.0, 89.8], silo))
    assert loss.startswith("Deciding in tandem earns 10.0% less per week than the silo")
    nothing = words.answer(_with_profits(report, [101.0, 99.0, 100.0, 100.4], silo))
    assert "shows no gain here" in nothing


def test_one_training_is_named_as_a_limit(report):
    assert any("trained once" in limit for limit in report.limits)


def test_sensitivity_names_where_the_gain_shows(report):
    silo = [100.0, 101.0, 99.0, 100.0]
    better = _with_profits(report, [110.0, 111.2, 109.0, 109.8], silo).comparison
    worse = _with_profits(report, [90.0, 91.2, 89.0, 89.8], silo).comparison
    both = dataclasses.replace(report, scenarios=[Scenario("Free supply", better), Scenario("No effect", worse)])
    assert words.sensitivity(both).endswith("1 of 2 assumptions: free supply.")


def test_a_folder_is_not_a_page(report, tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        write_report(report, tmp_path)
