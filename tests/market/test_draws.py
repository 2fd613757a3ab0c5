"""The random numbers: no bias, no correlation, exact distributions."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from intandem.market.draws import (
    bernoulli,
    binomial,
    binomial_probability,
    poisson,
    random_bits,
    stochastic_round,
    systematic_share,
    uniform,
)

_binomial, _binomial_probability, _systematic_share = map(jax.jit, (binomial, binomial_probability, systematic_share))
_poisson = jax.jit(poisson)
N = 1 << 20
REFUSED = 1e-4
"""Below this p-value a test fails; keys are fixed, so a pass is a pass for good."""


def fit(counts: np.ndarray, chance: np.ndarray) -> float:
    """p-value of the chi-square test, cells of fewer than five expected pooled into one."""
    expected = chance * counts.sum()
    common = expected >= 5
    observed = np.append(counts[common], counts[~common].sum())
    expected = np.append(expected[common], expected[~common].sum())
    if expected[-1] < 1:
        assert observed[-1] <= 10
        observed, expected = observed[:-1], expected[:-1]
    return float(stats.chisquare(observed, expected * observed.sum() / expected.sum()).pvalue)


@pytest.mark.parametrize("seed", [0, 1, 2, 12345])
def test_every_bit_is_fair_and_numbers_are_uniform(seed: int) -> None:
    words = np.asarray(random_bits(jax.random.key(seed), (N,)))
    ones = np.array([(words >> bit & 1).mean() for bit in range(32)])
    assert (np.abs(ones - 0.5) < 5 * 0.5 / np.sqrt(N)).all()
    cells = np.bincount(words >> 20, minlength=4096)
    assert fit(cells, np.full(4096, 1 / 4096)) > REFUSED
    # Pairs of neighbours fill the square evenly.
    square = np.bincount((words[:-1] >> 26) * 64 + (words[1:] >> 26), minlength=4096)
    assert fit(square, np.full(4096, 1 / 4096)) > REFUSED


def test_numbers_lie_strictly_inside_and_never_repeat_within_a_key() -> None:
    key = jax.random.key(4)
    drawn = np.asarray(uniform(key, (N,)))
    assert drawn.min() > 0
    assert drawn.max() < 1
    assert len(np.unique(np.asarray(random_bits(key, (N,))))) == N


def test_no_serial_correlation() -> None:
    centred = np.asarray(uniform(jax.random.key(8), (N,)), float) - 0.5
    for lag in (1, 2, 3, 4, 7, 8, 16, 50, 64, 100, 128, 256, 1000, 1024, 4096, 65536):
        correlation = 12 * (centred[:-lag] * centred[lag:]).mean()
        assert abs(correlation) < 5 / np.sqrt(N), lag


def test_no_correlation_across_keys() -> None:
    """Keys that follow each other, keys that differ in one bit, and keys split from one another."""
    raw = [jax.random.wrap_key_data(jnp.array(words, jnp.uint32)) for words in ([0, 0], [0, 1], [1, 0], [0, 2**31])]
    keys = [*raw, *jax.random.split(jax.random.key(0), 6), jax.random.fold_in(jax.random.key(0), 99)]
    drawn = np.stack([np.asarray(uniform(key, (N // 4,)), float) for key in keys]) - 0.5
    correlation = 12 * drawn @ drawn.T / drawn.shape[1]
    off = correlation[~np.eye(len(keys), dtype=bool)]
    assert np.abs(off).max() < 5 / np.sqrt(drawn.shape[1])


def test_the_same_place_under_many_keys_is_uniform() -> None:
    """Across periods a pair meets the same counter under fresh keys; neighbours must stay unrelated there too."""
    keys = jax.random.split(jax.random.key(1), 40_000)
    drawn = np.asarray(jax.vmap(lambda key: uniform(key, (3,)))(keys), float)
    for place in range(3):
        assert stats.kstest(drawn[:, place], "uniform").pvalue > REFUSED
    correlation = np.corrcoef(drawn.T)[np.triu_indices(3, 1)]
    assert np.abs(correlation).max() < 5 / np.sqrt(len(keys))


def test_bernoulli_rate_and_certainty() -> None:
    key = jax.random.key(3)
    for chance in (0.001, 0.2, 0.97):
        rate = float(bernoulli(key, jnp.full(N, chance)).mean())
        assert abs(rate - chance) < 5 * np.sqrt(chance * (1 - chance) / N)
    assert float(bernoulli(key, jnp.zeros(N)).sum()) == 0
    assert float(bernoulli(key, jnp.ones(N)).sum()) == N


@pytest.mark.parametrize("trials", [1, 2, 12, 300, 2_000, 100_000, 2_000_000])
@pytest.mark.parametrize("chance", [1e-6, 0.003, 0.1, 0.5])
def test_binomial_probabilities_match_scipy(trials: int, chance: float) -> None:
    spread = np.sqrt(trials * chance * (1 - chance))
    centre = trials * chance
    counts = np.clip(np.round(centre + spread * np.linspace(-5, 5, 31)), 0, trials)
    ours = _binomial_probability(jnp.asarray(counts, jnp.float32), jnp.float32(trials), jnp.float32(chance))
    exact = stats.binom.pmf(counts, trials, float(np.float32(chance)))
    np.testing.assert_allclose(np.asarray(ours), exact, rtol=5e-5, atol=1e-12)


@pytest.mark.parametrize(
    ("trials", "chance"),
    [(1, 0.3), (2, 0.5), (12, 0.08), (12, 0.93), (2_000, 0.001), (2_000, 0.4), (100_000, 0.00003), (100_000, 0.7)],
)
def test_binomial_draws_are_binomial(trials: int, chance: float) -> None:
    size = 60_000
    drawn = np.asarray(_binomial(jax.random.key(trials), jnp.full(size, float(trials)), jnp.full(size, chance)))
    law = stats.binom(trials, float(np.float32(chance)))
    low, high = int(law.ppf(1e-7)), int(law.ppf(1 - 1e-7))
    assert drawn.min() >= low
    assert drawn.max() <= high
    counts = np.bincount((drawn - low).astype(int), minlength=high - low + 1)
    assert fit(counts, law.pmf(np.arange(low, high + 1))) > REFUSED


def test_binomial_at_the_edges() -> None:
    trials = jnp.array([0.0, 5.0, 5.0, 0.0, 100_000.0])
    chance = jnp.array([0.4, 0.0, 1.0, 1.0, 1.0])
    drawn = jax.vmap(lambda key: _binomial(key, trials, chance))(jax.random.split(jax.random.key(0), 20))
    assert (drawn == jnp.array([0.0, 0.0, 5.0, 0.0, 100_000.0])).all()


@pytest.mark.parametrize("mean", [0.02, 1.0, 9.9, 10.0, 37.5, 4_000.0, 600_000.0])
def test_poisson_draws_are_poisson(mean: float) -> None:
    """On both sides of the mean at which the method changes, and where a float32 has no digits to waste."""
    size = 60_000
    drawn = np.asarray(_poisson(jax.random.key(int(mean)), jnp.full(size, mean)))
    law = stats.poisson(float(np.float32(mean)))
    low, high = int(law.ppf(1e-7)), int(law.ppf(1 - 1e-7))
    assert drawn.min() >= low
    assert drawn.max() <= high
    assert (drawn == np.floor(drawn)).all()
    counts = np.bincount((drawn - low).astype(int), minlength=high - low + 1)
    assert fit(counts, law.pmf(np.arange(low, high + 1))) > REFUSED


def test_poisson_of_nothing_is_nothing_and_places_are_independent() -> None:
    means = jnp.tile(jnp.array([0.0, 5.0, 50.0]), 20_000)
    drawn = np.asarray(_poisson(jax.random.key(3), means)).reshape(-1, 3)
    assert (drawn[:, 0] == 0).all()
    assert abs(np.corrcoef(drawn[:, 1], drawn[:, 2])[0, 1]) < 5 / np.sqrt(len(drawn))


def test_stochastic_rounding_keeps_the_mean() -> None:
    drawn = np.asarray(stochastic_round(jax.random.key(0), jnp.full(N, 2.3)))
    assert set(np.unique(drawn)) == {2.0, 3.0}
    assert abs(drawn.mean() - 2.3) < 5 * np.sqrt(0.21 / N)
    assert (stochastic_round(jax.random.key(1), jnp.full(100, 7.0)) == 7).all()


@pytest.mark.parametrize("largest", [5, 1_000, 2**22 - 1])
def test_systematic_shares_match_whole_number_arithmetic(rng: np.random.Generator, largest: int) -> None:
    size = 300_000
    asked = np.maximum(1, (largest * rng.random(size) ** 0.3).astype(np.int64))
    served = (rng.random(size) * (asked + 1)).astype(np.int64)
    start = (rng.random(size) * (asked + 1)).astype(np.int64)
    units = (rng.random(size) ** 3 * (asked - start + 1)).astype(np.int64)
    offset = (rng.random(size) * asked).astype(np.int64)
    exact = ((start + units) * served + offset) // asked - (start * served + offset) // asked
    ours = _systematic_share(*(jnp.asarray(a, jnp.int32) for a in (start, units, asked, served, offset)))
    np.testing.assert_array_equal(np.asarray(ours), exact)


@pytest.mark.parametrize(("asked", "served"), [(7, 3), (6, 4), (5, 0), (5, 5), (12, 1)])
def test_each_unit_is_served_equally_often_over_the_offsets(asked: int, served: int) -> None:
    """Exact, not sampled: over all offsets every unit of the queue is served the same number of times."""
    # One program for all cases: what lies outside of the queue is left out afterwards.
    start, offset = np.meshgrid(np.arange(12), np.arange(12), indexing="ij")
    whole = np.ones_like(start)
    shares = np.asarray(_systematic_share(start, whole, asked * whole, served * whole, offset))[:asked, :asked]
    assert (shares.sum(1) == served).all()
    assert (shares.sum(0) == served).all()
    assert shares.min() >= 0
    assert shares.max() <= 1
