"""Newton steps of the choice model: what stands for the inverse of an information that may not be one."""

from __future__ import annotations

import numpy as np
import pytest

from intandem.data.calibration.estimation import _inverse


@pytest.mark.parametrize("shift", [0.0, 40.0], ids=["positive definite", "not"])
def test_the_inverse_takes_curvatures_by_their_size(shift: float) -> None:
    draw = np.random.default_rng(0).normal(size=(12, 30))
    matrix = draw @ draw.T - shift * np.eye(12)
    free = np.arange(12) % 5 > 0
    inverse = _inverse(matrix, free)
    assert not inverse[~free].any()
    size = 1 / np.sqrt(np.abs(np.diag(matrix))[free])
    values, vectors = np.linalg.eigh(size[:, None] * matrix[np.ix_(free, free)] * size)
    assert (values.min() > 0) == (shift == 0)
    wanted = size[:, None] * (vectors / np.abs(values)) @ vectors.T * size
    np.testing.assert_allclose(inverse[np.ix_(free, free)], wanted, rtol=1e-7, atol=1e-9)
