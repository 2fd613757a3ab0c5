"""Returns: the recursion against the sums that define it."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from intandem.learning.critic import lambda_returns


def _n_step(profit: np.ndarray, values: np.ndarray, start: int, n: int, discount: float) -> np.ndarray:
    total = sum(discount**k * profit[start + k] for k in range(n))
    return total + discount**n * values[start + n - 1]


def test_lambda_returns_are_the_weighted_sum_of_n_step_returns() -> None:
    rng = np.random.default_rng(0)
    profit, values = rng.normal(size=(6, 2)), rng.normal(size=(6, 2))
    discount, trace = 0.9, 0.7
    got = np.asarray(lambda_returns(jnp.asarray(profit), jnp.asarray(values), discount, trace))
    for start in range(6):
        left = 6 - start
        expected = sum(
            (1 - trace) * trace ** (n - 1) * _n_step(profit, values, start, n, discount) for n in range(1, left)
        )
        expected = expected + trace ** (left - 1) * _n_step(profit, values, start, left, discount)
        np.testing.assert_allclose(got[start], expected, rtol=1e-5)
