"""The most that one pair earns by itself, at prices: a customer row and a product, with the intention between them.

At prices of slots and of a unit, pairs come apart. What is left of each is a Markov decision process over one
number, its own intention: it is shown or not, people ask, and what they ask for is served or not. All pairs are solved
together on grids of intentions and exposures, by value iteration. What is proved holds for the continuum between the
grid points: values are continued as smooth curves, whose bends bound what can lie between. The proofs are in
`docs/explanation/bounds.md`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from intandem.theory.bounds.pairs.pairs import Pairs, Worths
from intandem.theory.bounds.pairs.periods import Shape, cycle, proved, treated
from intandem.theory.intertemporal.layout import double_precision

INTENTIONS, EXPOSURES = 65, 9
FINE_INTENTIONS, FINE_EXPOSURES = 257, 65
"""Grid points while prices are searched for, and of what is proved."""

PERIODS, FOLLOWED = 2_000, 12
SETTLED = 3e-4
"""Value iteration ends when what a cycle earns and leaves differs over intentions by less than this part of the largest
difference between values, or after so many periods. `FOLLOWED` of them, for each in which exposures are chosen anew,
follow it."""

SETTLING = 60
"""Periods from an intention of 0 until what is done is about the same in every cycle."""

PLACES_AT_ONCE = 1_500_000


@dataclass(frozen=True)
class Ways:
    """How pairs are treated for the best at some worths, on the grid.

    `exposure` and units `asked` for per period, shape `positions pairs`; units `served` per period, shape `pairs`; and
    the `values` by intention, money, shape `pairs intentions`.
    """

    exposure: np.ndarray
    asked: np.ndarray
    served: np.ndarray
    values: np.ndarray


def best_ways(pairs: Pairs, worths: Worths, values: np.ndarray | None = None) -> Ways:
    """How every pair is treated for the best, on grids of `INTENTIONS` and `EXPOSURES`: good, and not exact.

    **Arguments:** `values`: to start from, of an earlier call.

    One person, utility 0, no effect, no memory: asks every other time, and is served if that earns anything:

    ```python
    >>> from intandem.market import build_market
    >>> from intandem.theory.bounds.pairs import pairs_of
    >>> product = {"price": np.ones(1), "unit_cost": np.zeros(1), "holding_cost": np.zeros(1)}
    >>> pairs = pairs_of(build_market(product, np.zeros((1, 1)), np.zeros((1, 1))))
    >>> nothing = np.zeros((1, 1))
    >>> ways = best_ways(pairs, Worths(nothing, nothing, np.ones(1)))
    >>> ways.asked.round(6), ways.served.round(6)
    (array([[0.5]]), array([0.5]))

    ```
    """
    found = Ways(
        exposure=np.zeros(pairs.shift.shape),
        asked=np.zeros(pairs.shift.shape),
        served=np.zeros(pairs.count),
        values=np.zeros((pairs.count, INTENTIONS)) if values is None else values.copy(),
    )
    cycles = max(2, SETTLING // pairs.positions)
    for part, some, worth, shape in _parts(pairs, worths, INTENTIONS, EXPOSURES):
        values = found.values[part] = _settled(found.values[part], some, worth, shape)
        exposure, asked, served = treated(values, some, worth, shape, cycles)
        found.exposure[:, part], found.asked[:, part], found.served[part] = exposure, asked, served
    return found


def most_earned(pairs: Pairs, worths: Worths, values: np.ndarray | None = None) -> np.ndarray:
    """No treatment of a pair earns more than this: money per period, shape `pairs`; with a discount `g`, `1 - g` times
    the discounted sum from an intention of 0.

    **Arguments:** `values`: to start from, of `best_ways`.

    A pair that remembers nothing: `max over a of 3 sigmoid(a - 1) - a/2`, at `a = 1`:

    ```python
    >>> from intandem.market import build_market
    >>> from intandem.theory.bounds.pairs import pairs_of
    >>> product = {"price": np.ones(1), "unit_cost": np.zeros(1), "holding_cost": np.zeros(1)}
    >>> pairs = pairs_of(build_market(product, np.full((1, 1), -1.0), np.ones((1, 1))))
    >>> most = most_earned(pairs, Worths(np.full((1, 1), 0.5), np.zeros((1, 1)), np.full(1, 3.0)))
    >>> bool(1.0 <= most[0] < 1.001)
    True

    ```
    """
    coarse, fine = np.linspace(0, 1, INTENTIONS), np.linspace(0, 1, FINE_INTENTIONS)
    values = np.zeros((pairs.count, INTENTIONS)) if values is None else values
    most = np.zeros(pairs.count)
    for part, some, worth, shape in _parts(pairs, worths, FINE_INTENTIONS, FINE_EXPOSURES):
        start = np.stack([np.interp(fine, coarse, one) for one in values[part]])
        most[part] = proved(_settled(start, some, worth, shape), some, worth, shape)
    return most


def _parts(
    pairs: Pairs, worths: Worths, intentions: int, exposures: int
) -> Iterator[tuple[np.ndarray, Pairs, Worths, Shape]]:
    """Pairs with rows of one population, some at a time, as the compiled functions take them."""
    exposures = 2 if pairs.slate else exposures
    always = bool((pairs.visits == 1).all())
    with double_precision():
        for people in np.unique(pairs.people):
            alike = np.flatnonzero(pairs.people == people)
            size = max(1, min(alike.size, PLACES_AT_ONCE // (intentions * exposures)))
            for first in range(0, alike.size, size):
                # The last part overlaps the one before it: all are of one shape, and compiled once.
                part = alike[min(first, alike.size - size) :][:size]
                yield part, pairs.part(part), worths.part(part), Shape(int(people), always, exposures)


def _settled(values: np.ndarray, pairs: Pairs, worths: Worths, shape: Shape) -> np.ndarray:
    """Values after as many cycles as it takes until a cycle earns about the same from every intention."""
    more = FOLLOWED // pairs.positions
    for _ in range(max(2, PERIODS // (pairs.positions * (1 + more)))):
        before = values
        values, later = (np.asarray(one) for one in cycle(before, pairs, worths, shape, more))
        gained = values - before
        uneven = (gained.max(1) - gained.min(1)).max()
        if uneven <= SETTLED * max(np.ptp(values, axis=1).max(), 1e-12):
            break
        # Without a discount values rise for ever; their differences settle.
        values = later - later[:, :1] if pairs.discount == 1 else later
    return values
