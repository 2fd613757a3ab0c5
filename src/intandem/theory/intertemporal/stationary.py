"""The long-run shares of a Markov chain's states, exactly, from an initial state.

Where the chain can be caught in several closed classes, their shares are those in which it ends there.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy import sparse
from scipy.sparse import csgraph
from scipy.sparse.linalg import spsolve

_DIRECT = 50
"""States for which a dense system of equations takes no time; more are stepped, as long as that settles."""

_OWN_STEP = 0.9
"""Share of the chain's own step, the rest stays: below 1, so that rhythms die out."""

_MOST_STEPS = 1_000
_SETTLED = 1e-13


def stationary_share(transition: sparse.csr_matrix, initial: int) -> Float[np.ndarray, " states"]:
    """Long-run share of periods in every state, from an initial state; periodic chains are averaged over the period.

    ```python
    >>> turn = sparse.csr_matrix(np.array([[0.0, 1.0, 0.0], [0.0, 0.5, 0.5], [0.0, 1.0, 0.0]]))
    >>> stationary_share(turn, 0).round(4)
    array([0.    , 0.6667, 0.3333])

    ```
    """
    reached = csgraph.breadth_first_order(transition, initial, return_predecessors=False)
    inner = transition[reached][:, reached].tocsr()
    count, label = csgraph.connected_components(inner, directed=True, connection="strong")
    moves = inner.tocoo()
    leaving = np.zeros(count, bool)
    leaving[label[moves.row[label[moves.row] != label[moves.col]]]] = True
    closed = np.flatnonzero(~leaving)
    weight = _absorbed(inner, label, closed)
    share = np.zeros(transition.shape[0])
    for one, caught in zip(closed, weight, strict=True):
        states = np.flatnonzero(label == one)
        share[reached[states]] = caught * _balance(inner[states][:, states].tocsr())
    return share


def _absorbed(inner: sparse.csr_matrix, label: np.ndarray, closed: np.ndarray) -> np.ndarray:
    """The chance of ending in each closed class, from the first state."""
    if len(closed) == 1:
        return np.ones(1)
    passing = np.flatnonzero(~np.isin(label, closed))
    if 0 not in passing:
        return (closed == label[0]).astype(float)
    start = np.zeros(len(passing))
    start[np.flatnonzero(passing == 0)[0]] = 1.0
    staying = sparse.eye(len(passing)) - inner[passing][:, passing]
    visits = spsolve(staying.T.tocsc(), start)
    return np.array([float(visits @ inner[passing][:, np.flatnonzero(label == one)].sum(1).A1) for one in closed])


def _balance(closed: sparse.csr_matrix) -> np.ndarray:
    """The stationary distribution of one closed class: by steps where they settle, else by its equations."""
    found = _stepped(closed) if closed.shape[0] > _DIRECT else None
    return _by_equations(closed) if found is None else found


def _stepped(closed: sparse.csr_matrix) -> np.ndarray | None:
    """The distribution after many steps; `None` if it still moves, as where the class mixes slowly."""
    onward = closed.T.tocsr()
    share = np.full(closed.shape[0], 1.0 / closed.shape[0])
    for _ in range(_MOST_STEPS):
        move = onward @ share - share
        share = share + _OWN_STEP * move
        if np.abs(move).sum() < _SETTLED:
            return np.asarray(share / share.sum())
    return None


def _by_equations(closed: sparse.csr_matrix) -> np.ndarray:
    """`share (P - I) = 0`, the sum of the shares 1 in place of one equation."""
    size = closed.shape[0]
    if size == 1:
        return np.ones(1)
    wanted = np.zeros(size)
    wanted[-1] = 1.0
    if size <= 1_500:
        dense = closed.T.toarray() - np.eye(size)
        dense[-1] = 1.0
        found = np.linalg.solve(dense, wanted)
    else:
        equations = (closed.T - sparse.eye(size)).tolil()
        equations[-1] = 1.0
        found = spsolve(equations.tocsc(), wanted)
    found = np.maximum(found, 0.0)
    return np.asarray(found / found.sum())
