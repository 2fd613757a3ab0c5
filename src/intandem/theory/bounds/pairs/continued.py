"""Values of pairs between the points of their grids of intentions: in straight lines, or smooth with known bends."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from intandem.theory.bounds.pairs.pairs import Pairs

Values = Float[Array, "pairs intentions"]
Places = Float[Array, "#pairs #intentions #exposures"]


def grid(pairs: Pairs, points: int) -> Values:
    """Evenly spaced intentions from the lowest to the highest of each pair, logit units.

    ```python
    >>> from intandem.theory.bounds.pairs.pairs import loyal_pair
    >>> pairs = loyal_pair()
    >>> grid(pairs, 3).tolist()  # from nothing bought to bought in every period
    [[0.0, 1.0, 2.0]]

    ```
    """
    low, high = jnp.asarray(pairs.low)[:, None], jnp.asarray(pairs.high)[:, None]
    return low + (high - low) * jnp.linspace(0, 1, points)


def step(pairs: Pairs, points: int) -> Float[Array, " pairs"]:
    """Logit units between two points of the grid.

    ```python
    >>> from intandem.theory.bounds.pairs.pairs import loyal_pair
    >>> pairs = loyal_pair()
    >>> step(pairs, 3).tolist()
    [1.0]

    ```
    """
    return (jnp.asarray(pairs.high) - pairs.low) / (points - 1)


def place(intention: Float[Array, "..."], pairs: Pairs, points: int) -> tuple[Array, Array]:
    """The grid point below an intention, and how far it is on the way to the next, between 0 and 1.

    ```python
    >>> from intandem.theory.bounds.pairs.pairs import loyal_pair
    >>> pairs = loyal_pair()
    >>> index, beyond = place(jnp.array([[1.25]]), pairs, 3)
    >>> index.tolist(), beyond.tolist()
    ([[1]], [[0.25]])

    ```
    """
    shape = (-1, *[1] * (intention.ndim - 1))
    steps = (intention - pairs.low.reshape(shape)) / step(pairs, points).reshape(shape)
    index = jnp.clip(jnp.floor(steps).astype(jnp.int32), 0, points - 2)
    return index, jnp.clip(steps - index, 0.0, 1.0)


def _pick(values: Values, index: Int[Array, "#pairs #intentions #exposures"]) -> Places:
    return jnp.take_along_axis(values, index.reshape(len(values), -1), axis=1).reshape(index.shape)


class Linear(NamedTuple):
    """Values continued in straight lines: what value iteration uses."""

    values: Values
    pairs: Pairs

    @property
    def points(self) -> int:
        """Of the grid."""
        return self.values.shape[1]

    def __call__(self, intention: Places) -> Places:
        """Values at intentions within the range of their pair."""
        index, beyond = place(intention, self.pairs, self.points)
        below = _pick(self.values, index)
        return below + beyond * (_pick(self.values, index + 1) - below)


class Smooth(NamedTuple):
    """Values continued as cubics that share their slopes at the grid points, so that bends are finite and known.

    - `slope`: money per logit unit at every grid point. `least_slope`, `most_slope`: between which the first derivative
      lies everywhere; `least_bend`, `most_bend`: the second. Shape `pairs`.
    """

    values: Values
    pairs: Pairs
    slope: Values
    least_slope: Float[Array, " pairs"]
    most_slope: Float[Array, " pairs"]
    least_bend: Float[Array, " pairs"]
    most_bend: Float[Array, " pairs"]

    @staticmethod
    def through(values: Values, pairs: Pairs) -> Smooth:
        """The curve through values at grid points; its slope there is the mean of those of the chords beside it."""
        run = step(pairs, values.shape[1])[:, None]
        rise = jnp.diff(values, axis=1) / run
        slope = jnp.concatenate([rise[:, :1], (rise[:, 1:] + rise[:, :-1]) / 2, rise[:, -1:]], axis=1)
        left, right = slope[:, :-1], slope[:, 1:]
        # A cubic's second derivative is linear: the ends of an interval hold the extremes. Its first lies within an
        # eighth of the squared step times the third derivative of the chord between its ends.
        starts, ends = (6 * rise - 4 * left - 2 * right) / run, (2 * left + 4 * right - 6 * rise) / run
        bulge = run / 8 * jnp.abs(ends - starts)
        return Smooth(
            values,
            pairs,
            slope,
            least_slope=(jnp.minimum(left, right) - bulge).min(1),
            most_slope=(jnp.maximum(left, right) + bulge).max(1),
            least_bend=jnp.minimum(starts, ends).min(1),
            most_bend=jnp.maximum(starts, ends).max(1),
        )

    @property
    def points(self) -> int:
        """Of the grid."""
        return self.values.shape[1]

    def __call__(self, intention: Places) -> Places:
        """Values at intentions within the range of their pair."""
        index, beyond = place(intention, self.pairs, self.points)
        run = step(self.pairs, self.points)[:, None, None]
        left, right = _pick(self.values, index), _pick(self.values, index + 1)
        leaves, arrives = run * _pick(self.slope, index), run * _pick(self.slope, index + 1)
        rest = 1 - beyond
        return (
            left * rest**2 * (1 + 2 * beyond)
            + right * beyond**2 * (1 + 2 * rest)
            + beyond * rest * (rest * leaves - beyond * arrives)
        )
