"""Pictures: what is drawn is what was found, in the colour of its method."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

from intandem.errors import InputError
from intandem.evaluation.labels import COLOURS, COORDINATED, LABELS, MEANINGS
from intandem.evaluation.plots import plot_learning, plot_products, plot_profit
from intandem.evaluation.simulated import Trace


@pytest.fixture(scope="module")
def found(invented):
    silo = [[100.0, 101.0], [102.0, 99.0], [100.0, 100.0]]
    return invented({"silo": silo, "mine": silo, "mtma": [[110.0, 112.0], [108.0, 109.0], [111.0, 112.0]]})


def test_profit_shows_means_intervals_and_trainings(found):
    drawn = plot_profit(found, currency="$")
    means = [trace.x[0] for trace in drawn.data if trace.error_x.array is not None]
    assert means == pytest.approx([result.profit for result in found.results.values()], abs=1e-3)
    (trainings,) = [trace for trace in drawn.data if trace.error_x.array is None]
    assert trainings.x == pytest.approx([111, 108.5, 111.5])
    interval = found.results["mtma"].interval
    assert drawn.data[-1].error_x.array[0] == pytest.approx(interval.high - interval.mean, abs=1e-3)
    assert drawn.layout.annotations[2].text == "Coordinated (MTMA)  <b>$110.33</b>"
    assert drawn.data[-1].marker.color == COLOURS["mtma"]
    assert drawn.data[0].marker.color != drawn.data[1].marker.color
    assert found.plot_profit(currency="$") == drawn


def test_one_training_has_no_dots_of_its_own_and_no_bar(invented):
    drawn = plot_profit(invented({"mtma": [[5.0]]}))
    (only,) = drawn.data
    assert only.error_x.array == (0,)


def test_learning_shows_each_learned_method_and_the_level_of_the_rules(found):
    drawn = plot_learning(found)
    named = {trace.name: trace for trace in drawn.data if trace.name}
    assert set(named) == {"Coordinated (MTMA), while it explores", "Rule silo; mine"}
    assert set(named["Rule silo; mine"].y) == {round(found.results["silo"].profit, 3)}
    curve = named["Coordinated (MTMA), while it explores"]
    band = next(trace for trace in drawn.data if trace.fill == "toself")
    assert min(band.y) <= min(curve.y)
    assert max(band.y) >= max(curve.y)
    single = plot_learning(found.results["mtma"].trainings[0])
    assert [trace.name for trace in single.data] == ["Coordinated (MTMA), while it explores"]
    assert curve.x[0] == 1
    assert found.plot_learning() == drawn
    with pytest.raises(InputError, match="no method that learns"):
        plot_learning(dataclasses.replace(found, results={"silo": found.results["silo"]}))


@pytest.fixture
def followed(rng) -> dict[str, Trace]:
    def one(scale: float) -> Trace:
        units = rng.uniform(0, 5, (30, 4))
        shown = 1 + np.sin(np.arange(30))[:, None] * np.array([0.1, scale, 0.3, 0.2])
        return Trace(("a", "b", "c", "<d>"), units, units, units, units, shown, units.sum(1))

    return {"mtma": one(0.9), "silo": one(0.0)}


def test_products_over_time_are_those_whose_exposure_moves_most(followed):
    drawn = plot_products(followed, period="week")
    assert [one.text for one in drawn.layout.annotations] == ["<b>b</b>", "<b>c</b>", "<b>&lt;d&gt;</b>"]
    assert len(drawn.data) == 3 * 3 * 2
    assert drawn.data[0].y == pytest.approx(followed["mtma"].exposures[:, 1], abs=0.01)
    assert drawn.layout.xaxis3.title.text == "Week"
    chosen = plot_products(followed, products=["<d>", 0], periods=5)
    assert [one.text for one in chosen.layout.annotations] == ["<b>&lt;d&gt;</b>", "<b>a</b>"]
    assert len(chosen.data[0].x) == 5


def test_on_a_telephone_panels_stand_one_below_the_other(followed):
    layout = plot_products(followed).layout
    narrow = layout.meta["narrow"]
    domains = sorted(value for path, value in narrow.items() if path.startswith("yaxis") and path.endswith("domain"))
    assert len(domains) == 9
    assert all(low[1] <= high[0] for low, high in itertools.pairwise(domains))
    axes = {path.split(".")[0] for path in narrow if "axis" in path}
    assert axes <= set(layout.to_plotly_json())


def test_products_of_a_simulation_are_means_per_period(found):
    simulated = found.results["silo"].simulated[0]
    drawn = simulated.plot_products()
    assert [panel.x for panel in drawn.data] == [pytest.approx((50.25, 50.25)), (1, 1), (10, 10)]
    assert simulated.plot_products([1], names=["Tea", "Milk"]).layout.annotations[0].text == "Milk"
    with pytest.raises(InputError, match="'tea', which is not in the market"):
        simulated.plot_products(["tea"])
    with pytest.raises(InputError, match="has 7"):
        simulated.plot_products([7])


def test_every_method_has_words_and_a_colour_of_its_own():
    assert LABELS.keys() == MEANINGS.keys() == COLOURS.keys()
    assert set(COORDINATED) <= LABELS.keys()
    assert len(set(COLOURS.values())) == len(COLOURS)
