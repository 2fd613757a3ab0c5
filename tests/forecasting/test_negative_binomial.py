"""The distribution against its own definition, whole and cut off."""

from __future__ import annotations

import numpy as np
import pytest

from intandem.forecasting.negative_binomial import expected_above, log_likelihood, log_tail, score_and_information

COUNTS = np.arange(4000.0)


def chances(mean: float, dispersion: float) -> np.ndarray:
    ones = np.ones_like(COUNTS)
    return np.exp(log_likelihood(COUNTS, np.log(mean) * ones, dispersion * ones))


@pytest.mark.parametrize(("mean", "dispersion"), [(0.2, 0.5), (3.0, 0.05), (40.0, 1.0)])
def test_mean_variance_and_tails(mean: float, dispersion: float) -> None:
    chance = chances(mean, dispersion)
    assert chance.sum() == pytest.approx(1)
    assert (chance * COUNTS).sum() == pytest.approx(mean)
    assert (chance * (COUNTS - mean) ** 2).sum() == pytest.approx(mean + dispersion * mean**2)
    for least in (0.0, 1.0, 5.0, 30.0):
        one = [np.array([value]) for value in (least, np.log(mean), dispersion)]
        above = chance[least <= COUNTS]
        assert np.exp(log_tail(*one))[0] == pytest.approx(above.sum(), rel=1e-6)
        if above.sum() > 1e-9:
            assert expected_above(*one)[0] == pytest.approx((above * COUNTS[least <= COUNTS]).sum() / above.sum())


def test_the_score_is_the_slope_of_the_likelihood() -> None:
    count, place, dispersion = np.array([3.0, 3.0, 0.0]), np.log([5.0, 5.0, 5.0]), np.full(3, 0.3)
    at_least = np.array([False, True, True])

    def value(where: np.ndarray) -> np.ndarray:
        return np.where(at_least, log_tail(count, where, dispersion), log_likelihood(count, where, dispersion))

    score, information = score_and_information(count, at_least, place, dispersion)
    step = 1e-4
    np.testing.assert_allclose(score, (value(place + step) - value(place - step)) / (2 * step), atol=1e-6)
    second = (value(place + step) - 2 * value(place) + value(place - step)) / step**2
    np.testing.assert_allclose(information, -second, atol=1e-3)
    # "At least 0" says nothing.
    assert score[2] == information[2] == 0
