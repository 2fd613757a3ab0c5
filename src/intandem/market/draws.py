"""Exact random draws, fast enough that they are not what a simulation waits for.

Bits come from a counter-based generator: the key (two words, from `jax.random.split`) seeds a double round of a
32-bit avalanche over the counter, which fuses into the loop that uses the number, so nothing is written to memory.
Its output is tested for bias, serial and cross-key correlation in `tests/market/test_draws.py`.

Binomials are drawn by inverting the distribution function outwards from the mode, whose probability comes from
the saddle-point form (Loader 2000, "Fast and accurate computation of binomial probabilities"), which keeps its
precision in float32 for any population; `jax.random.binomial` and `poisson` are several times slower here.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key, UInt32

_Search = tuple[Array, Array, Array, Array, Array, Array, Array]


def _avalanche(word: UInt32[Array, "..."]) -> UInt32[Array, "..."]:
    """Two multiply-and-shift rounds that let each input bit reach each output bit (a bijection on 32 bits)."""
    word = (word ^ (word >> 16)) * jnp.uint32(0x21F0AAAD)
    word = (word ^ (word >> 15)) * jnp.uint32(0x735A2D97)
    return word ^ (word >> 15)


def random_bits(key: Key[Array, ""], shape: tuple[int, ...]) -> UInt32[Array, "..."]:
    """Independent uniform 32-bit words of the given shape."""
    words = jax.random.key_data(key).astype(jnp.uint32).ravel()
    counter = jax.lax.iota(jnp.uint32, math.prod(shape)).reshape(shape)
    return _avalanche(_avalanche(counter ^ words[0]) + words[-1])


def uniform(key: Key[Array, ""], shape: tuple[int, ...]) -> Float[Array, "..."]:
    """Uniform on (0, 1), never 0: the middle of one of 2**32 cells, rounded to float32 (1 is possible)."""
    return (random_bits(key, shape).astype(jnp.float32) + 0.5) * jnp.float32(2.0**-32)


def bernoulli(key: Key[Array, ""], probability: Float[Array, "..."]) -> Float[Array, "..."]:
    """1 with the given probability, else 0."""
    return jnp.where(uniform(key, probability.shape) < probability, 1.0, 0.0).astype(probability.dtype)


def _stirling_error(n: Float[Array, "..."]) -> Float[Array, "..."]:
    """`log(n!) - log(sqrt(2 pi n) (n/e)^n)`, for n >= 1 (Loader 2000); exact at 1..4, a series above."""
    small = jnp.asarray([0.0, 0.0810614668, 0.0413406960, 0.0276779257, 0.0207906721], jnp.float32)
    square = jnp.maximum(n, 1.0) ** 2
    series = (1 / 12 - (1 / 360 - (1 / 1260) / square) / square) / jnp.maximum(n, 1.0)
    return jnp.where(n < 5, small[jnp.clip(n, 0, 4).astype(jnp.int32)], series)


def _deviance(x: Float[Array, "..."], mean: Float[Array, "..."]) -> Float[Array, "..."]:
    """`x log(x/mean) + mean - x` without the cancellation near `x = mean` (Loader 2000)."""
    ratio = (x - mean) / jnp.maximum(x + mean, 1e-30)
    square = ratio * ratio
    near = (x - mean) * ratio + 2 * x * ratio * square * (1 / 3 + square * (1 / 5 + square * (1 / 7 + square / 9)))
    far = jnp.where(x > 0, x * jnp.log(jnp.maximum(x, 1e-30) / jnp.maximum(mean, 1e-30)), 0.0) + mean - x
    return jnp.where(jnp.abs(ratio) < 0.1, near, far)


def binomial_probability(
    count: Float[Array, "..."], trials: Float[Array, "..."], probability: Float[Array, "..."]
) -> Float[Array, "..."]:
    """`P(X = count)` for `X ~ Binomial(trials, probability)`, relative error below 5e-5 within five deviations.

    ```python
    >>> round(float(binomial_probability(jnp.float32(3), jnp.float32(10), jnp.float32(0.5))), 4)
    0.1172

    ```
    """
    missed = trials - count
    p, q = probability, 1 - probability
    inside = jnp.exp(
        _stirling_error(trials)
        - _stirling_error(count)
        - _stirling_error(missed)
        - _deviance(count, trials * p)
        - _deviance(missed, trials * q)
    ) * jnp.sqrt(trials / jnp.maximum(2 * math.pi * count * missed, 1e-30))
    none = jnp.exp(trials * jnp.log1p(-jnp.minimum(p, 1 - 1e-7)))
    every = jnp.exp(trials * jnp.log(jnp.maximum(p, 1e-30)))
    edge = jnp.where(count <= 0, none, every)
    return jnp.where((count <= 0) | (missed <= 0), edge, inside)


def binomial(key: Key[Array, ""], trials: Float[Array, "..."], probability: Float[Array, "..."]) -> Float[Array, "..."]:
    """Exact draws of `Binomial(trials, probability)`, elementwise.

    **Arguments:**

    - `trials`: whole numbers >= 0.
    - `probability`: in [0, 1], of the same shape.
    """
    shape = jnp.broadcast_shapes(trials.shape, probability.shape)
    trials = jnp.broadcast_to(trials, shape)
    probability = jnp.broadcast_to(probability, shape)
    # Below one half the odds never overflow; the rest is drawn as failures.
    swapped = probability > 0.5
    p = jnp.where(swapped, 1 - probability, probability)
    odds = p / (1 - p)
    mode = jnp.clip(jnp.floor((trials + 1) * p), 0, trials)
    at_mode = binomial_probability(mode, trials, p)
    left_over = uniform(key, shape)

    def searching(carry: _Search) -> Array:
        return jnp.any(~carry[-1])

    def widen(carry: _Search) -> _Search:
        drawn, rest, low, high, p_low, p_high, found = carry
        p_high_next = p_high * odds * (trials - high) / (high + 1)
        high = high + 1
        take_high = ~found & (rest < p_high_next)
        drawn = jnp.where(take_high, high, drawn)
        rest = rest - p_high_next
        found = found | take_high
        p_low_next = jnp.where(odds > 0, p_low * low / (jnp.maximum(odds, 1e-30) * (trials - low + 1)), 0.0)
        low = low - 1
        take_low = ~found & (rest < p_low_next)
        drawn = jnp.where(take_low, low, drawn)
        rest = rest - p_low_next
        # Rounding can leave a sliver of probability past both ends: it belongs to the mode.
        found = found | take_low | ((p_high_next <= 1e-12) & (p_low_next <= 1e-12))
        return drawn, rest, low, high, p_low_next, p_high_next, found

    start = (mode, left_over - at_mode, mode, mode, at_mode, at_mode, left_over < at_mode)
    drawn = jax.lax.while_loop(searching, widen, start)[0]
    return jnp.where(swapped, trials - drawn, drawn)


LARGE_MEAN = 10.0
"""From here on Poisson draws are by rejection, whose work does not grow with the mean; below by inversion."""


def poisson(key: Key[Array, ""], mean: Float[Array, "..."]) -> Float[Array, "..."]:
    """Exact draws of `Poisson(mean)`, elementwise.

    Small means by inversion from 0; large ones by transformed rejection (Hörmann 1993, "The transformed rejection
    method for generating Poisson random variables", algorithm PTRS) with the saddle-point form of the probability,
    which keeps its precision in float32 where a logarithm of the factorial would not.

    **Arguments:** `mean`: 0 or more.

    ```python
    >>> poisson(jax.random.key(0), jnp.array([0.0, 2.5, 400.0]))[0]
    Array(0., dtype=float32)

    ```
    """
    inversion_key, rejection_key = jax.random.split(key)
    large = mean >= LARGE_MEAN
    small = _poisson_by_inversion(inversion_key, jnp.where(large, 0.0, mean))
    return jnp.where(large, _poisson_by_rejection(rejection_key, jnp.where(large, mean, LARGE_MEAN), ~large), small)


def _poisson_by_inversion(key: Key[Array, ""], mean: Float[Array, "..."]) -> Float[Array, "..."]:
    def count_up(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        drawn, rest, chance = carry
        # Rounding can leave a sliver beyond the last count that has a probability: it belongs to that count.
        beyond = rest >= chance
        further = beyond & ((chance > 1e-12) | (drawn < mean))
        rest = jnp.where(further, rest - chance, -1.0)
        drawn = jnp.where(further, drawn + 1, drawn)
        return drawn, rest, chance * mean / jnp.maximum(drawn, 1.0)

    start = (jnp.zeros_like(mean), uniform(key, mean.shape), jnp.exp(-mean))
    drawn = jax.lax.while_loop(lambda carry: jnp.any(carry[1] >= 0), count_up, start)[0]
    return jnp.where(mean > 0, drawn, 0.0)


def _poisson_by_rejection(
    key: Key[Array, ""], mean: Float[Array, "..."], found: Bool[Array, "..."]
) -> Float[Array, "..."]:
    """**Arguments:** `mean`: at least `LARGE_MEAN`. `found`: where no draw is wanted; 0 comes back."""
    b = 0.931 + 2.53 * jnp.sqrt(mean)
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    squeeze = 0.9277 - 3.6224 / (b - 2)

    def attempt(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        turn, drawn, found = carry
        side_key, height_key = jax.random.split(jax.random.fold_in(key, turn))
        side, height = uniform(side_key, mean.shape) - 0.5, uniform(height_key, mean.shape)
        edge = jnp.maximum(0.5 - jnp.abs(side), 1e-12)
        count = jnp.floor((2 * a / edge + b) * side + mean + 0.43)
        whole = jnp.maximum(count, 1.0)
        log_chance = -_stirling_error(whole) - _deviance(whole, mean) - 0.5 * jnp.log(2 * math.pi * whole)
        log_chance = jnp.where(count == 0, -mean, log_chance)
        below = jnp.log(height * inverse_alpha / (a / (edge * edge) + b)) <= log_chance
        taken = ((edge >= 0.07) & (height <= squeeze)) | (((edge >= 0.013) | (height <= edge)) & below)
        taken = ~found & (count >= 0) & taken
        return turn + 1, jnp.where(taken, count, drawn), found | taken

    start = (jnp.zeros((), jnp.int32), jnp.zeros_like(mean), found)
    return jax.lax.while_loop(lambda carry: jnp.any(~carry[2]), attempt, start)[1]


def stochastic_round(
    key: Key[Array, ""], value: Float[Array, "..."], spread: Float[Array, ""] | float = 1.0
) -> Float[Array, "..."]:
    """A whole number whose mean is `value`: the floor, or one more with the probability of the fraction.

    **Arguments:** `spread`: 1 for that; towards 0 the point at which a fraction is rounded up narrows to one half.
    """
    floor = jnp.floor(value)
    point = 0.5 + spread * (uniform(key, value.shape) - 0.5)
    return floor + jnp.where(point < value - floor, 1.0, 0.0)


def systematic_share(
    start: Int[Array, "..."],
    units: Int[Array, "..."],
    asked: Int[Array, "..."],
    served: Int[Array, "..."],
    offset: Int[Array, "..."],
) -> Int[Array, "..."]:
    """Units served to each asker by systematic sampling (Madow 1949) along a queue of `asked` units.

    An asker at `start` with `units` gets `floor(((start + units) served + offset)/asked) - floor((start served
    + offset)/asked)`. With `offset` uniform on `0..asked-1` every unit is served with probability exactly
    `served/asked`, and the shares add up to `served` exactly.

    **Arguments:** all whole; `start + units <= asked`, `served <= asked`, `0 <= offset < asked`, `asked` below 2**22.
    """
    whole = jnp.maximum(asked, 1)
    left_over = _divide(start, served, whole, offset)[1]
    return _divide(units, served, whole, left_over)[0]


def _divide(
    count: Int[Array, "..."], served: Int[Array, "..."], asked: Int[Array, "..."], rest: Int[Array, "..."]
) -> tuple[Int[Array, "..."], Int[Array, "..."]]:
    """Quotient and remainder of `(count * served + rest) / asked` in 32 bits.

    The product may overflow, but a float guess is at most one off, so the remainder is small, and arithmetic modulo
    2**32 gives it exactly.
    """
    times = served.astype(jnp.float32) * count.astype(jnp.float32) + rest.astype(jnp.float32)
    guess = jnp.floor(times / asked.astype(jnp.float32)).astype(jnp.int32)
    remainder = count * served + rest - guess * asked
    off = (remainder >= asked).astype(jnp.int32) - (remainder < 0).astype(jnp.int32)
    return guess + off, remainder - off * asked
