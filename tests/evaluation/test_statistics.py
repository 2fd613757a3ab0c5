"""Intervals against textbook values and by their coverage."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from intandem.evaluation.statistics import (
    bootstrap_interval,
    interquartile_mean,
    interquartile_mean_interval,
    mean_interval,
    paired_difference,
)


def test_mean_interval_is_student_t():
    values = np.array([4.1, 5.2, 3.9, 6.0, 5.5])
    low, high = stats.t.interval(0.9, 4, values.mean(), stats.sem(values))
    interval = mean_interval(values, 0.9)
    assert (interval.low, interval.high) == pytest.approx((low, high))


def test_one_value_settles_nothing():
    interval = mean_interval(np.array([3.0]))
    assert interval.ci == [None, None]
    assert not interval.excludes_zero


def test_pairing_removes_what_is_common():
    rng = np.random.default_rng(0)
    common = 100 * rng.standard_normal(50)
    one, other = common + rng.standard_normal(50), common + 2 + rng.standard_normal(50)
    interval = paired_difference(other, one)
    assert interval.excludes_zero
    assert interval.high - interval.low < 1.5
    assert (interval.low, interval.high) == pytest.approx(stats.ttest_rel(other, one).confidence_interval())


def test_pairs_of_different_length_are_refused():
    with pytest.raises(ValueError, match="equal shapes"):
        paired_difference(np.zeros(3), np.zeros(4))


def test_interquartile_mean_agrees_with_scipy():
    values = np.random.default_rng(1).standard_normal((3, 8))
    assert interquartile_mean(values) == pytest.approx(stats.trim_mean(values, 0.25, axis=None))


def test_bootstrap_covers_as_often_as_it_says():
    rng = np.random.default_rng(2)
    hits = [
        (interval := bootstrap_interval(rng.standard_normal((4, 10)), seed=k)).low <= 0 <= interval.high
        for k in range(200)
    ]
    assert 0.85 < np.mean(hits) < 0.99


def test_bootstrap_resamples_within_strata():
    # Two markets of very different level and no spread within: a stratified bootstrap has nothing to vary.
    table = np.array([[1.0] * 5, [100.0] * 5])
    interval = bootstrap_interval(table)
    assert (interval.low, interval.mean, interval.high) == (50.5, 50.5, 50.5)


def test_interquartile_interval_ignores_one_collapse():
    table = np.tile(np.array([[9.9, 10.0, 10.1, 10.0]]), (3, 1)) + np.arange(3)[:, None] * 0.01
    table[0, 0] = -1_000.0
    interval = interquartile_mean_interval(table)
    assert interval.mean == pytest.approx(10.0, abs=0.1)
    assert interval.low <= interval.mean <= interval.high
