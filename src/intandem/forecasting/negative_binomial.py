"""The negative binomial distribution of counts: mean `mu`, variance `mu + dispersion x mu^2`."""

from __future__ import annotations

import numpy as np
from scipy.special import betainc, gammaln

STEP = 1e-2
"""Step of the difference quotient that gives the information of a censored count."""


def log_likelihood(count: np.ndarray, log_mean: np.ndarray, dispersion: np.ndarray) -> np.ndarray:
    """Logarithm of the probability of each count.

    **Arguments:** all of one shape; `count` 0 or more, `dispersion` above 0.

    ```python
    >>> import numpy as np
    >>> one = log_likelihood(np.array([0.0, 3.0]), np.log([2.0, 2.0]), np.array([0.5, 0.5]))
    >>> np.exp(one).round(4).tolist()  # (1 + 2/2)^-2 and 4 x 2^-5
    [0.25, 0.125]

    ```
    """
    size = 1.0 / dispersion
    mean = np.exp(log_mean)
    return (
        gammaln(count + size)
        - gammaln(size)
        - gammaln(count + 1.0)
        + size * np.log(size / (size + mean))
        + count * (log_mean - np.log(size + mean))
    )


def log_tail(least: np.ndarray, log_mean: np.ndarray, dispersion: np.ndarray) -> np.ndarray:
    """Logarithm of the probability of `least` or more.

    ```python
    >>> import numpy as np
    >>> np.exp(log_tail(np.array([0.0, 1.0]), np.log([2.0, 2.0]), np.array([0.5, 0.5]))).round(4).tolist()
    [1.0, 0.75]

    ```
    """
    return np.log(np.maximum(_tail(least, np.exp(log_mean), 1.0 / dispersion), 1e-300))


def expected_above(least: np.ndarray, log_mean: np.ndarray, dispersion: np.ndarray) -> np.ndarray:
    """Mean of a count that is known to be `least` or more.

    `E[Y; Y >= c] = mu P(Y' >= c - 1)`, where `Y'` has one more in its size, and the same odds.

    ```python
    >>> import numpy as np
    >>> expected_above(np.array([0.0, 1.0]), np.log([2.0, 2.0]), np.array([0.5, 0.5])).round(4).tolist()
    [2.0, 2.6667]

    ```
    """
    size, mean = 1.0 / dispersion, np.exp(log_mean)
    above = _tail(least, mean, size)
    weighted = _tail(least - 1.0, mean * (size + 1.0) / size, size + 1.0)
    # Far out in the tail both vanish, and a count there is hardly above what it is known to be.
    return np.where(above > 1e-12, mean * weighted / np.maximum(above, 1e-12), least + 1.0)


def score_and_information(
    count: np.ndarray, at_least: np.ndarray, log_mean: np.ndarray, dispersion: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """First derivative of the log-likelihood by the logarithm of the mean, and minus the second.

    **Arguments:** `at_least`: where the count is only known to be that or more.
    """
    size, mean = 1.0 / dispersion, np.exp(log_mean)
    score = (count - mean) * size / (size + mean)
    information = (count + size) * size * mean / (size + mean) ** 2
    if at_least.any():
        least, log_mean, dispersion = count[at_least], log_mean[at_least], dispersion[at_least]
        score[at_least] = _tail_score(least, log_mean, dispersion)
        upper, lower = (_tail_score(least, log_mean + step, dispersion) for step in (STEP, -STEP))
        information[at_least] = np.maximum((lower - upper) / (2 * STEP), 0.0)
    return score, information


def _tail_score(least: np.ndarray, log_mean: np.ndarray, dispersion: np.ndarray) -> np.ndarray:
    mean = np.exp(log_mean)
    return (expected_above(least, log_mean, dispersion) - mean) / (1.0 + dispersion * mean)


def _tail(least: np.ndarray, mean: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Probability of `least` or more."""
    inside = betainc(np.maximum(least, 1e-9), size, mean / (size + mean))
    return np.where(least > 0, inside, 1.0)
