"""What a tabled policy does in the long run, exactly: its chain of states, their stationary shares, and averages.

States are those of the solver's grid, the position in the season first, flattened. The chain starts in the market's
initial state.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import sparse

from intandem.errors import InputError
from intandem.theory.intertemporal.grid import places
from intandem.theory.intertemporal.policy_table import PolicyTable
from intandem.theory.intertemporal.solution import Solution
from intandem.theory.intertemporal.stationary import stationary_share
from intandem.theory.intertemporal.transitions import local_levels

MOST_MOVES = 60_000_000
"""Most moves from state to state that are looked at: some seconds, and a few hundred MB for those that can happen."""

_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Chain:
    """The chain of states under a policy. All arrays have the states first.

    - `transition`: chances of moving from state to state. `share`: long-run share of periods in each state.
    - `on_hand` (net stock), `orders`: units. `exposures`: expected number delivered. `demand`, `lost`, `end_stock`
      (units left): expected units of the period. All by product.
    - `at_cap`: whether the stock that demand meets is all that the grid's stock cap allows. `profit`: expected money of
      the period.
    """

    transition: sparse.csr_matrix
    share: Float[np.ndarray, " states"]
    on_hand: Float[np.ndarray, "states products"]
    orders: Float[np.ndarray, "states products"]
    exposures: Float[np.ndarray, "states products"]
    demand: Float[np.ndarray, "states products"]
    lost: Float[np.ndarray, "states products"]
    end_stock: Float[np.ndarray, "states products"]
    at_cap: Bool[np.ndarray, "states products"]
    profit: Float[np.ndarray, " states"]

    def average(self, values: np.ndarray) -> np.ndarray:
        """Long-run average of a figure that each state has; further axes stay."""
        return np.asarray(np.tensordot(self.share, values, 1))

    @property
    def lost_share(self) -> float:
        """Share of demand that is lost; 0 without any demand."""
        demand = float(self.average(self.demand).sum())
        return float(self.average(self.lost).sum()) / demand if demand > 0 else 0.0

    @property
    def cap_share(self) -> float:
        """Share of periods at the stock cap, of the product that is there most: well above 0, a higher cap pays."""
        return float(self.average(self.at_cap).max())

    def lagged_covariances(self, first: np.ndarray, later: np.ndarray, lags: int) -> Float[np.ndarray, "lags products"]:
        """`Cov(first(t), later(t + k))` for `k = 0..lags - 1`, product by product, in the long run."""
        centred = first - self.average(first)
        ahead = later - self.average(later)
        weighted = self.share[:, None] * centred
        found = []
        for _ in range(lags):
            found.append((weighted * ahead).sum(0))
            ahead = self.transition @ ahead
        return np.array(found)

    def lagged_correlations(
        self, first: np.ndarray, later: np.ndarray, lags: int
    ) -> Float[np.ndarray, "lags products"]:
        """The same as correlations; `nan` for a product of which either figure never varies."""
        deviations = [np.sqrt(np.maximum(self.lagged_covariances(one, one, 1)[0], 0)) for one in (first, later)]
        scale = deviations[0] * deviations[1]
        varies = (deviations[0] > 1e-9) & (deviations[1] > 1e-9)
        covariances = self.lagged_covariances(first, later, lags)
        return np.where(varies, covariances / np.where(varies, scale, 1.0), np.nan)


def chain_of(solution: Solution, policy: PolicyTable) -> Chain:
    """The chain of a policy in a solved market; any table on the solution's grid, optimal or not.

    **Raises:** `InputError` for too many moves, or a policy with decisions that are not on the grid.

    The long-run profit is the one that value iteration found:

    ```python
    >>> from intandem.market import example_market
    >>> from intandem.theory.intertemporal.solution import solve
    >>> solution = solve(example_market("two-products-capped"), ("joint",))
    >>> chain = chain_of(solution, solution.regimes["joint"].policy)
    >>> round(float(chain.average(chain.profit)), 3)
    42.321

    ```
    """
    layout = solution.layout
    order, exposure = _decision_indices(solution, policy)
    # Of the kernels' entries many are 0: a move that cannot happen takes no room.
    widths = [int(np.count_nonzero(one.kernel, axis=-1).max()) for one in solution.moves]
    moves = layout.states * int(np.prod(widths, dtype=object))
    if moves > MOST_MOVES:
        raise InputError(
            solution.market.name,
            f"has {moves:,} moves from state to state, too many for exact long-run figures",
            "reduce stock_cap or intention_grid",
        )
    parts = [_moves_at(solution, t, order[t], exposure[t]) for t in range(layout.positions)]
    transition = sparse.vstack([one.transition for one in parts]).tocsr()
    initial = int(np.ravel_multi_index(policy.initial_index(solution.market), layout.shape))
    on_hand = np.tile(_on_hand(solution), (layout.positions, 1))
    orders = policy.orders.reshape(-1, policy.orders.shape[-1])
    at_once = np.array([stock.lead_time == 0 for stock in solution.grid.stocks])
    caps = np.array([stock.high for stock in solution.grid.stocks])
    return Chain(
        transition=transition,
        share=stationary_share(transition, initial),
        on_hand=on_hand,
        orders=orders,
        exposures=_delivered(solution)[exposure.ravel()],
        demand=np.concatenate([one.demand for one in parts]),
        lost=np.concatenate([one.lost for one in parts]),
        end_stock=np.concatenate([one.end_stock for one in parts]),
        at_cap=on_hand + orders * at_once >= caps,
        profit=np.concatenate([one.profit for one in parts]),
    )


@dataclass(frozen=True)
class _Moves:
    """What happens in one position of the season, by state."""

    transition: sparse.csr_matrix
    demand: np.ndarray
    lost: np.ndarray
    end_stock: np.ndarray
    profit: np.ndarray


def _decision_indices(solution: Solution, policy: PolicyTable) -> tuple[np.ndarray, np.ndarray]:
    """Indices of a policy's decisions: orders `positions states products`, exposures `positions states`."""
    layout, grid = solution.layout, solution.grid
    if policy.orders.shape[:-1] != (layout.positions, *layout.shape):
        raise InputError(solution.market.name, "is solved on another grid than the policy's", "solve it again")
    units = policy.orders.reshape(layout.positions, -1, len(grid.stocks))
    order = np.stack(
        [np.searchsorted(stock.orders, units[..., j]) for j, stock in enumerate(grid.stocks)],
        axis=-1,
    )
    known = {table.tobytes(): index for index, table in enumerate(np.ascontiguousarray(grid.exposures))}
    shown = np.ascontiguousarray(policy.exposures.reshape(-1, *grid.exposures.shape[1:]), dtype=float)
    index = np.array([known.get(table.tobytes(), -1) for table in shown])
    within = all(
        (np.array(stock.orders)[np.minimum(order[..., j], len(stock.orders) - 1)] == units[..., j]).all()
        for j, stock in enumerate(grid.stocks)
    )
    if (index < 0).any() or not within:
        raise InputError(
            solution.market.name, "is given a policy whose decisions are not on its grid", "solve it again"
        )
    return order, index.reshape(layout.positions, -1)


def _on_hand(solution: Solution) -> np.ndarray:
    layout = solution.layout
    index = np.indices(layout.shape).reshape(len(layout.shape), -1)
    return np.stack([one.levels[index[j]] for j, one in enumerate(solution.grid.stocks)], -1).astype(float)


def _delivered(solution: Solution) -> np.ndarray:
    """Expected exposures delivered, by exposure table and product."""
    market = solution.market
    at = places(market)
    people = np.asarray(market.population, float) * np.asarray(market.visit_probability, float)
    shown = solution.grid.exposures * people[:, None]
    return np.stack([(shown * (at == j)).sum((1, 2)) for j in range(market.products)], -1)


def _moves_at(solution: Solution, position: int, order: np.ndarray, exposure: np.ndarray) -> _Moves:
    """Moves and expected figures at one position.

    **Arguments:** `order`: index by state and product. `exposure`: index by state.
    """
    layout, program, grid = solution.layout, solution.program, solution.grid
    products = len(grid.stocks)
    index = np.indices(layout.shape).reshape(len(layout.shape), -1)
    states = index.shape[1]
    strides = np.array([int(np.prod(layout.shape[k + 1 :])) for k in range(len(layout.shape))])
    arrival = [np.asarray(one) for one in program.arrival]
    local_of = np.asarray(program.local)
    first_pipe = len(layout.stock_sizes) + len(layout.intention_sizes)
    onward = np.zeros(states, int)
    arriving, stock = [], []
    profit = np.zeros(states)
    pipe = first_pipe
    for j, lead in enumerate(layout.lead_times):
        stock.append(arrival[j][index[j], order[:, j]] if lead == 0 else index[j])
        arriving.append(None if lead == 0 else (order[:, j] if lead == 1 else index[pipe]))
        profit -= np.asarray(program.order_cost[j])[order[:, j]]
        for slot in range(max(lead - 1, 0)):
            newest = slot == lead - 2
            onward += strides[pipe + slot] * (order[:, j] if newest else index[pipe + slot + 1])
        pipe += max(lead - 1, 0)
    figures = {name: np.zeros((states, products)) for name in ("demand", "lost", "end_stock")}
    chances, targets = [], []
    for f, factor in enumerate(layout.factors):
        move = solution.moves[f]
        axes = layout.factor_axes(factor)
        sizes = [layout.shape[axis] for axis in axes]
        now = [stock[axis] if axis < products else index[axis] for axis in axes]
        local = np.ravel_multi_index(now, sizes)
        own = local_of[exposure, f]
        profit += np.asarray(program.rewards[f])[position, own, local]
        _count_units(solution, figures, f, position, own, local)
        row, after = _outcomes(move.kernel[position], own, local)
        target = np.zeros(row.shape, int)
        for axis, moved in zip(axes, np.unravel_index(after, sizes), strict=True):
            if axis < products:
                incoming = arriving[axis]
                if incoming is not None:
                    moved = arrival[axis][moved, incoming[:, None]]
            target += strides[axis] * moved
        chances.append(row)
        targets.append(target)
    following = (position + 1) % layout.positions * states
    transition = _joined(chances, targets, onward + following, states * layout.positions)
    return _Moves(transition, profit=profit, **figures)


def _outcomes(kernel: np.ndarray, own: np.ndarray, local: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Chances of what can happen to a factor in every state, and the local states that it leads to.

    Both have as many columns as the state with most outcomes; where there are fewer, chances of 0 fill up.
    """
    asked, which = np.unique(own * kernel.shape[1] + local, return_inverse=True)
    rows = kernel[asked // kernel.shape[1], asked % kernel.shape[1]]
    width = int(np.count_nonzero(rows, axis=-1).max())
    likely = np.argsort(-rows, axis=-1, kind="stable")[:, :width]
    return np.take_along_axis(rows, likely, -1)[which.ravel()], likely[which.ravel()]


def _count_units(
    solution: Solution, figures: dict[str, np.ndarray], factor: int, position: int, own: np.ndarray, local: np.ndarray
) -> None:
    """Expected units of a factor's products asked for, lost and left.

    **Arguments:** `own`, `local`: the factor's exposure and local state, by state.
    """
    move, known = solution.moves[factor], solution.layout.factors[factor]
    for k, (j, levels) in enumerate(zip(known.products, local_levels(solution.grid, known), strict=True)):
        end, left = ((move.kernel[position] @ one)[own, local] for one in (levels, np.maximum(levels, 0)))
        asked = move.demand[position, own, local, k]
        figures["demand"][:, j] = asked
        figures["end_stock"][:, j] = left
        if solution.market.unmet_demand == "lost":
            figures["lost"][:, j] = np.maximum(asked - (levels[local] - end), 0.0)


def _joined(chances: list[np.ndarray], targets: list[np.ndarray], onward: np.ndarray, states: int) -> sparse.csr_matrix:
    """The joint moves of factors that move apart from each other, a block of states at a time."""
    width = int(np.prod([one.shape[1] for one in chances]))
    step = max(1, _AT_ONCE // width)
    blocks = []
    for start in range(0, len(onward), step):
        here = slice(start, start + step)
        chance, target = np.ones((len(onward[here]), 1)), onward[here][:, None]
        for own, to in zip(chances, targets, strict=True):
            chance = (chance[:, :, None] * own[here][:, None, :]).reshape(len(chance), -1)
            target = (target[:, :, None] + to[here][:, None, :]).reshape(len(target), -1)
        state, column = np.nonzero(chance > 0)
        entries = (chance[state, column], (state, target[state, column]))
        blocks.append(sparse.coo_matrix(entries, shape=(len(chance), states)).tocsr())
    return sparse.vstack(blocks).tocsr()
