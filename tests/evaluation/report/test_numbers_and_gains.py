"""When a difference is worth speaking of, and over what its interval is."""

from __future__ import annotations

import pytest

from intandem.evaluation.report.gains import gain_of
from intandem.evaluation.report.numbers import ends, size_of
from intandem.evaluation.statistics import Interval

SILO = [[100.0, 100.2, 99.8, 100.0]]


@pytest.mark.parametrize(
    ("mine", "verdict"),
    [
        ([110.0, 110.3, 109.7, 110.0], "more"),
        ([90.0, 90.3, 89.7, 90.0], "less"),
        ([110.0, 90.3, 105.7, 97.0], "same"),  # the interval holds zero
        ([100.05, 100.25, 99.85, 100.05], "same"),  # settled to the fifth digit, and below a tenth of a per cent
        ([99.95, 100.15, 99.75, 99.95], "same"),
        ([100.2, 100.4, 100.0, 100.2], "more"),
    ],
)
def test_a_difference_is_worth_having_above_a_tenth_of_a_per_cent_and_where_its_sign_is_settled(
    invented, mine, verdict
):
    found = invented({"silo": SILO, "mtma": [mine]})
    gain = gain_of(found, "mtma", "silo")
    assert gain.verdict == verdict
    assert gain.a_year == pytest.approx(52 * (sum(mine) / 4 - 100))


def test_intervals_are_over_trainings_as_soon_as_there_are_two(invented):
    mine = [[110.0, 111.0], [109.0, 108.0]]
    silo = [[100.0, 100.0], [99.0, 101.0]]
    assert gain_of(invented({"silo": silo, "mtma": mine}), "mtma", "silo").over == "2 trainings"
    rules = gain_of(invented({"silo": silo, "filtered-silo": mine}), "filtered-silo", "silo")
    assert rules.over == "4 runs"
    once = gain_of(invented({"silo": silo[:1], "mtma": mine[:1]}), "mtma", "silo")
    assert once.over == "2 runs"


def test_what_it_is_measured_against_is_the_best_of_the_others(invented):
    found = invented({"silo": SILO, "mine": [[103.0] * 4], "stma": [[120.0] * 4], "mtma": [[110.0] * 4]})
    assert (found.subject, found.reference) == ("mtma", "mine")
    only_coordinated = invented({"stma": [[120.0] * 4], "mtma": [[110.0] * 4]})
    assert only_coordinated.reference == "stma"
    rules = invented({"mine": [[1.0]], "silo": [[2.0]]})
    assert (rules.subject, rules.reference) == ("silo", "mine")
    assert invented({"mtma": [[1.0]]}).reference is None


def test_no_size_is_written_as_none():
    assert size_of(0.00049) == "0.05%"
    assert size_of(-3e-6) == "less than 0.01%"
    assert ends(Interval(0.02, 0.001, 0.05)) == "0.10% to 5.00%"
