"""The report's sentences, case by case: gain, loss, no difference; one training, several; profits below zero."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from intandem.evaluation.report import Report, Scenario, words
from intandem.evaluation.simulated import Trace

SILO = [100.0, 100.4, 99.6, 100.0]
GAIN = [110.0, 110.8, 109.2, 110.0]
LOSS = [90.0, 90.8, 89.2, 90.0]
OPEN = [101.0, 99.0, 102.5, 99.5]
SMALL = [100.05, 100.45, 99.65, 100.05]


def report_of(found, **more) -> Report:
    return Report("t", found, traces={}, chosen=(), names=("Tea", "Milk"), currency="$", **more)


def seeds_of(profits, seeds):
    return [[one + 0.2 * k for one in profits] for k in range(seeds)]


def told(invented, mine, silo=SILO, **more) -> Report:
    return report_of(invented({"silo": [silo], "mtma": [mine]}), **more)


def test_a_gain_is_said_with_money_a_year(invented):
    assert words.answer(told(invented, GAIN)) == (
        "The coordinated policy (MTMA) earns 10.0% more per week than the rule silo: $110.0 against $100.0, $520 a "
        "year (95% interval over 4 runs 9.5% to 10.5%)."
    )


def test_a_loss_is_said_as_plainly_with_its_interval_the_same_way_round(invented):
    assert words.answer(told(invented, LOSS)) == (
        "The coordinated policy (MTMA) earns 10.0% less per week than the rule silo: $90.00 against $100.0, $520 a "
        "year (95% interval over 4 runs 9.5% to 10.5%)."
    )


def test_no_difference_worth_having_says_why(invented):
    small = words.answer(told(invented, SMALL))
    assert "makes no difference worth having against the rule silo" in small
    assert "+$2.6 a year" in small
    assert ", below 0.1% of profit)" in small
    unsettled = words.answer(told(invented, OPEN))
    assert "no difference worth having" in unsettled
    assert ", which holds zero)" in unsettled
    for text in (small, unsettled):
        assert "more per week" not in text
        assert "less per week" not in text


def test_an_interval_that_lies_within_what_is_material_settles_it(invented):
    alike = words.answer(told(invented, [100.002, 100.401, 99.599, 100.001]))
    assert "makes no difference worth having against" in alike
    assert ", below 0.1% of profit)" in alike


@pytest.mark.parametrize("mine", [GAIN, LOSS, SMALL, OPEN, [100.004, 100.404, 99.604, 100.004], SILO])
def test_no_difference_is_ever_called_nothing_per_cent_more_or_less(invented, mine):
    report = told(invented, mine, scenarios=[])
    for text in (words.answer(report), words.beside(report), *words.to_do(report)):
        for nothing in (" 0.0% more", " 0.0% less", " 0.00% more", " 0.00% less"):
            assert nothing not in text


def test_several_trainings_are_what_the_interval_is_over(invented):
    found = invented({"silo": seeds_of(SILO, 3), "mtma": [GAIN, [one + 1 for one in GAIN], [one - 1 for one in GAIN]]})
    assert "95% interval over 3 trainings" in words.answer(report_of(found))
    assert "Learned methods were trained 3 times" in words.scale(report_of(found))
    one = report_of(invented({"silo": [SILO], "mtma": [GAIN]}))
    assert "Intervals are over runs, not over trainings." in words.scale(one)


def test_the_best_of_the_others_is_named_and_the_others_come_beside(invented):
    found = invented(
        {
            "silo": [SILO],
            "filtered-silo": [SMALL],
            "tuned-rule": [[112.0, 112.5, 111.5, 112.0]],
            "mtma": [GAIN],
        }
    )
    report = report_of(found)
    assert "less per week than the tuned stock-aware rule, the best of the other methods" in words.answer(report)
    assert "10.0% more than the rule silo ($520 a year)" in words.beside(report)
    assert words.to_do(report)[0] == (
        "Take the tuned stock-aware rule: it earns $104 a year more and needs no training."
    )
    assert "12.0%) with the tuned stock-aware rule." in words.to_do(report)[1]


def test_how_much_of_the_gain_needs_no_training(invented):
    found = invented({"silo": [SILO], "tuned-rule": [[108.0, 108.5, 107.5, 108.0]], "mtma": [GAIN]})
    first, second = words.to_do(report_of(found))
    assert first.startswith("Let the coordinated policy (MTMA) decide: in this market that is worth $104 a year")
    assert second == (
        "Whoever decides by the rule silo today gains $520 a year (10.0%) with the coordinated policy (MTMA); 80% of "
        "that comes with the tuned stock-aware rule alone."
    )


def test_where_nothing_is_gained_the_simpler_is_advised(invented):
    (advice,) = words.to_do(told(invented, SMALL))
    assert advice == "Take the rule silo, which needs no training: it earns as much here."
    learned = invented({"silo": [SILO], "mtma": [SMALL]}, learned=("silo", "mtma"))
    assert words.to_do(report_of(learned)) == ("Take the rule silo: it earns as much here.",)
    found = invented({"learned-silo": [SILO], "mine": [SMALL]}, learned=("learned-silo",))
    assert words.to_do(report_of(found)) == ("Take mine, which needs no training: it earns as much here.",)
    (wide,) = words.to_do(told(invented, OPEN))
    assert wide.startswith(
        "Until more trainings show a difference, keep to the rule silo, which needs no training: it may"
    )
    assert "it earns as much" not in wide


def test_profits_below_zero_are_compared_in_money(invented):
    report = told(invented, [-8.0, -8.2, -7.8, -8.0], silo=[-10.0, -10.1, -9.9, -10.0])
    answer = words.answer(report)
    assert answer.startswith(
        "The coordinated policy (MTMA) earns $2.00 more per week than the rule silo: −$8.00 against"
    )
    assert "%" not in answer.replace("95%", "")
    assert "$104 a year" in answer


def test_one_run_leaves_no_interval(invented):
    answer = words.answer(report_of(invented({"silo": [[100.0]], "mtma": [[110.0]]})))
    assert "one value, so no interval" in answer
    assert "inf" not in answer


def test_a_method_alone_only_earns(invented):
    report = report_of(invented({"mtma": [GAIN]}))
    assert words.answer(report) == "The coordinated policy (MTMA) earns $110.0 per week in this market."
    assert words.to_do(report) == ()


def test_every_assumption_is_reported_losses_and_ties_too(invented):
    def compared(mine):
        return invented({"filtered-silo": [SILO], "tuned-rule": [[99.0] * 4], "mtma": [mine]})

    scenarios = [
        Scenario("As calibrated", compared(GAIN)),
        Scenario("No cap on orders", compared(LOSS)),
        Scenario("No effect", compared(SMALL)),
    ]
    report = report_of(compared(GAIN), scenarios=scenarios)
    assert words.sensitivity(report) == (
        "Measured against the best of the other methods there, the coordinated policy (MTMA) earns more under 1 of 3 "
        "assumptions: as calibrated (10.0%); it earns less under 1 of 3 assumptions: no cap on orders (10.0%); "
        "it shows no difference worth having under 1 of 3 assumptions: no effect."
    )
    assert words.to_do(report)[-1] == (
        "First find out whether one of these holds for you, for it changes the answer: no cap on orders (10.0% "
        "less than the rule silo with in-stock filter); no effect (no difference worth having from the rule silo with "
        "in-stock filter)."
    )
    same = dataclasses.replace(report, scenarios=scenarios[:1] * 2)
    assert words.to_do(same)[-1].startswith("The choice is the same under every assumption tried")


def followed(on_hand: float, exposure: float = 1.0) -> Trace:
    each = np.full((5, 2), on_hand)
    return Trace(("a", "b"), each, each, each, each, np.full((5, 2), exposure), each.sum(1))


def test_equal_figures_get_their_reason_only_where_it_is_true(invented):
    found = invented({"silo": [SILO], "filtered-silo": [SILO], "mtma": [GAIN]})
    rising = dataclasses.replace(report_of(found), traces={name: followed(3.0) for name in found.results})
    (reason,) = words.equal_figures(rising)
    assert "in none of the 10 weeks of a product that were followed was it out of stock" in reason
    assert "Demand is lost (10.0%)" in reason
    empty = {name: followed(0.0) for name in found.results}
    (alike,) = words.equal_figures(dataclasses.replace(rising, traces=empty))
    assert alike.endswith("in the 10 weeks of a product that were followed both decided alike.")
    unlike = {**empty, "filtered-silo": followed(0.0, exposure=0.5)}
    assert words.equal_figures(dataclasses.replace(rising, traces=unlike)) == ()
    differ = invented({"silo": [SILO], "filtered-silo": [SMALL], "mtma": [GAIN]})
    assert words.equal_figures(dataclasses.replace(rising, comparison=differ)) == ()


def test_the_calibration_says_what_is_drawn(invented):
    curve = {
        "split": ["train", "test", "test"],
        "predicted": [0.1, 0.2, 0.3],
        "observed": [0.1, 0.0, 0.3],
        "opportunities": [9, 10, 10],
    }
    text = words.fit(dataclasses.replace(told(invented, GAIN), fit={"calibration_curve": curve, "period": {}}))
    assert "20 of them in 2 classes" in text
    assert "1 classes without a purchase cannot be drawn" in text
    assert words.fit(told(invented, GAIN)) == ""
