"""Spreading, totalling and walking along queues, in every layout."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from intandem.market.pairs import Pairs, dense_pairs, sparse_pairs


def ragged_pairs(rng: np.random.Generator, rows: int, width: int, products: int) -> tuple[np.ndarray, Pairs]:
    candidates = np.stack([rng.permutation(products + 3)[:width] for _ in range(rows)])
    candidates = np.where(candidates > products, products, candidates)
    return candidates, sparse_pairs(candidates, products)


def test_spread_and_total_are_each_others_transpose(rng: np.random.Generator) -> None:
    candidates, pairs = ragged_pairs(rng, 30, 6, 11)
    values = rng.normal(size=11).astype(np.float32)
    weights = rng.normal(size=candidates.shape).astype(np.float32)
    spread = np.asarray(pairs.spread(jnp.asarray(values)))
    valid = np.asarray(pairs.valid())
    assert (valid == (candidates < 11)).all()
    np.testing.assert_array_equal(spread, np.where(valid, np.append(values, 0)[candidates], 0))
    total = np.asarray(pairs.total(jnp.asarray(weights)))
    np.testing.assert_allclose(total, np.bincount(candidates[valid], weights[valid], 11), rtol=1e-5, atol=1e-5)


def test_dense_is_a_broadcast_and_a_sum() -> None:
    pairs = dense_pairs(3, 2)
    assert pairs.dense
    assert pairs.spread(jnp.array([1.0, 2.0])).tolist() == [[1.0, 2.0]]
    assert pairs.total(jnp.ones((3, 2))).tolist() == [3.0, 3.0]
    assert pairs.index().tolist() == [[0, 1]] * 3


@pytest.mark.parametrize(("rows", "width", "products"), [(5, 3, 7), (1_003, 5, 40), (1_600, 6, 9), (64, 2, 5_000)])
def test_queue_counts_the_units_ahead(rng: np.random.Generator, rows: int, width: int, products: int) -> None:
    """Whatever the number of lanes, units ahead are a fixed order's running sum: 0, 1, ... without gap or repeat."""
    candidates, pairs = ragged_pairs(rng, rows, width, products)
    units = np.where(candidates < products, rng.integers(0, 4, candidates.shape), 0).astype(np.int32)
    ahead = np.asarray(pairs.along_queues(lambda ahead, units: ahead, jnp.asarray(units)))
    for product in np.unique(candidates[candidates < products])[:40]:
        mine = (candidates == product) & (units > 0)
        place = np.concatenate([np.arange(a, a + u) for a, u in zip(ahead[mine], units[mine], strict=True)] or [[]])
        assert sorted(place) == list(range(units[mine].sum()))


def test_queue_hands_every_pair_its_products_value() -> None:
    candidates, pairs = np.array([[2, 0], [1, 3], [0, 2]]), sparse_pairs(np.array([[2, 0], [1, 3], [0, 2]]), 3)
    ones = jnp.asarray((candidates < 3).astype(np.int32))
    got = pairs.along_queues(lambda ahead, units, value: units * (10 * value + ahead), ones, jnp.array([1, 2, 3]))
    assert got.tolist() == [[30, 10], [20, 0], [11, 31]]


@pytest.mark.parametrize("candidates", [[[0, 3]], [[-1, 0]]])
def test_index_out_of_range_is_refused(candidates: list[list[int]]) -> None:
    with pytest.raises(ValueError, match=r"0\.\.2"):
        sparse_pairs(np.array(candidates), 2)


def test_repeated_candidate_is_refused() -> None:
    with pytest.raises(ValueError, match="only once"):
        sparse_pairs(np.array([[1, 1]]), 2)
    assert sparse_pairs(np.array([[2, 2]]), 2).ragged
