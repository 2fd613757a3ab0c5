"""Exact long-run averages of a solved firm, and what its gain over another firm is made of.

A policy on the solver's grid makes the market a Markov chain. Its long-run shares of states, from the market's
opening state on, give the average of every figure without any luck of simulation.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from intandem.errors import RunError
from intandem.theory.intertemporal import FirmName, Solution

MIXING = 0.9
"""Share of the chain's own step: below 1, so that firms which order in fixed rhythms settle too."""

SETTLED = 1e-11
MOST_STEPS = 200_000


@dataclass(frozen=True)
class Averages:
    """Per product and period: units asked for, sold, ordered; orders placed; units left at the end of a period."""

    demand: Float[np.ndarray, " products"]
    sales: Float[np.ndarray, " products"]
    ordered: Float[np.ndarray, " products"]
    order_lines: Float[np.ndarray, " products"]
    end_stock: Float[np.ndarray, " products"]

    @property
    def lost_share(self) -> float:
        """Share of demand that is lost."""
        asked = float(self.demand.sum())
        return 1 - float(self.sales.sum()) / asked if asked > 0 else 0.0


@dataclass(frozen=True)
class Parts:
    """What a gain in profit per period is made of, money; the parts add up to it.

    - `more_units`: units sold, at the other firm's average margin. `better_mix`: units of higher margin among them.
    - `fewer_lost_sales`: the cost of disappointing customers. `fewer_orders`: fixed costs of ordering.
    - `less_stock`: holding, and units bought that found no room.
    """

    more_units: float
    better_mix: float
    fewer_lost_sales: float
    less_stock: float
    fewer_orders: float

    @property
    def total(self) -> float:
        """The gain."""
        return sum(asdict(self).values())


def averages(solution: Solution, firm: FirmName) -> Averages:
    """The exact long-run averages of a solved firm (lost sales, no season, no exposure cost), from the opening on.

    **Raises:** `RunError` if the chain does not settle.
    """
    orders, exposure = _decisions(solution, firm)
    local = _local_states(solution, orders)
    shares = _long_run(solution, firm, orders, exposure, local)
    market, grid = solution.market, solution.grid
    found = {name: np.zeros(market.products) for name in ("demand", "sales", "end_stock")}
    for factor, moves, at in zip(grid.factors, solution.moves, local, strict=True):
        chosen = moves.local[exposure]
        sizes = _sizes(solution, factor.products, factor.pairs)
        index = np.indices(sizes).reshape(len(sizes), -1)
        kernel, demand = moves.kernel[0], moves.demand[0]
        for f, j in enumerate(factor.products):
            levels = grid.stocks[j].levels[index[f]].astype(float)
            left = (kernel @ levels)[chosen, at]
            found["demand"][j] = shares @ demand[chosen, at, f]
            found["end_stock"][j] = shares @ left
            found["sales"][j] = shares @ (levels[at] - left)
    units = np.stack([np.array(stock.orders, float)[orders[j]] for j, stock in enumerate(grid.stocks)])
    return Averages(**found, ordered=units @ shares, order_lines=(units > 0) @ shares)


def profit_of(solution: Solution, found: Averages) -> float:
    """The profit per period that averages amount to: what the solver must have found."""
    money = {name: np.asarray(getattr(solution.market, name), float) for name in _MONEY}
    return float(
        money["price"] @ found.sales
        - money["unit_cost"] @ found.ordered
        - money["holding_cost"] @ found.end_stock
        - money["lost_sale_cost"] @ (found.demand - found.sales)
        - money["fixed_order_cost"] @ found.order_lines
    )


def parts_of_gain(solution: Solution, joint: Averages, other: Averages) -> Parts:
    """What the joint firm's profit over another's is made of."""
    money = {name: np.asarray(getattr(solution.market, name), float) for name in _MONEY}
    margin = money["price"] - money["unit_cost"]
    more = joint.sales - other.sales
    sold = float(other.sales.sum())
    usual = float(margin @ other.sales) / sold if sold > 0 else float(margin.mean())
    lost = (joint.demand - joint.sales) - (other.demand - other.sales)
    wasted = (joint.ordered - joint.sales) - (other.ordered - other.sales)
    volume = usual * float(more.sum())
    return Parts(
        more_units=volume,
        better_mix=float(margin @ more) - volume,
        fewer_lost_sales=-float(money["lost_sale_cost"] @ lost),
        less_stock=-float(money["holding_cost"] @ (joint.end_stock - other.end_stock) + money["unit_cost"] @ wasted),
        fewer_orders=-float(money["fixed_order_cost"] @ (joint.order_lines - other.order_lines)),
    )


_MONEY = ("price", "unit_cost", "holding_cost", "lost_sale_cost", "fixed_order_cost")


def _decisions(
    solution: Solution, firm: FirmName
) -> tuple[Int[np.ndarray, "products states"], Int[np.ndarray, " states"]]:
    """The indices, in every state, of each product's order and of the exposure."""
    table, grid = solution.firms[firm].policy, solution.grid
    states = solution.states
    units = table.orders[0].reshape(states, -1)
    orders = np.stack([np.searchsorted(np.array(one.orders), units[:, j]) for j, one in enumerate(grid.stocks)])
    shown = table.exposures[0].reshape(states, 1, -1)
    exposure = np.abs(shown - grid.exposures.reshape(1, len(grid.exposures), -1)).sum(-1).argmin(1)
    return orders, exposure


def _sizes(solution: Solution, products: tuple[int, ...], pairs: tuple[int, ...]) -> list[int]:
    layout = solution.layout
    return [layout.stock_sizes[j] for j in products] + [layout.intention_sizes[k] for k in pairs]


def _local_states(solution: Solution, orders: np.ndarray) -> list[np.ndarray]:
    """Every factor's local state when demand comes, in every state."""
    layout = solution.layout
    index = np.indices(layout.shape).reshape(len(layout.shape), -1)
    stocks = len(layout.stock_sizes)
    found = []
    for factor in layout.factors:
        at = [
            np.asarray(solution.program.arrival[j])[index[j], orders[j]] if layout.lead_times[j] == 0 else index[j]
            for j in factor.products
        ]
        at += [index[stocks + k] for k in factor.pairs]
        found.append(np.ravel_multi_index(tuple(at), _sizes(solution, factor.products, factor.pairs)))
    return found


def _long_run(
    solution: Solution, firm: FirmName, orders: np.ndarray, exposure: np.ndarray, local: list[np.ndarray]
) -> Float[np.ndarray, " states"]:
    """The chain's long-run shares of states."""
    onward = _chain(solution, orders, exposure, local).T.tocsr()
    shares = np.zeros(solution.states)
    opening = solution.firms[firm].policy.opening_index(solution.market)
    shares[np.ravel_multi_index(opening, solution.layout.shape)] = 1.0
    for _ in range(MOST_STEPS):
        following = MIXING * (onward @ shares) + (1 - MIXING) * shares
        moved = np.abs(following - shares).sum()
        shares = following
        if moved < SETTLED:
            return shares / shares.sum()
    raise RunError("long-run averages", f"still move by {moved:.2g} after {MOST_STEPS} steps", "coarsen the grid")


def _chain(solution: Solution, orders: np.ndarray, exposure: np.ndarray, local: list[np.ndarray]) -> sparse.csr_matrix:
    """Chances of moving from state to state under the decisions."""
    layout = solution.layout
    index = np.indices(layout.shape).reshape(len(layout.shape), -1)
    strides = np.array([int(np.prod(layout.shape[axis + 1 :])) for axis in range(len(layout.shape))])
    arriving, still = _under_way(solution, index, strides, orders)
    following, chances = still[:, None], np.ones((solution.states, 1))
    for factor, moves, at in zip(layout.factors, solution.moves, local, strict=True):
        kernel = moves.kernel[0]
        width = int((kernel > 0).sum(-1).max())
        likely = np.argsort(-kernel, axis=-1, kind="stable")[..., :width]
        end = likely[moves.local[exposure], at]
        chance = kernel[moves.local[exposure][:, None], at[:, None], end]
        axes = np.unravel_index(end, _sizes(solution, factor.products, factor.pairs))
        step = np.zeros_like(end)
        for f, j in enumerate(factor.products):
            joined = axes[f]
            if layout.lead_times[j] > 0:
                joined = np.asarray(solution.program.arrival[j])[joined, arriving[j][:, None]]
            step = step + strides[j] * joined
        for f, k in enumerate(factor.pairs, len(factor.products)):
            step = step + strides[len(layout.stock_sizes) + k] * axes[f]
        following = (following[:, :, None] + step[:, None, :]).reshape(solution.states, -1)
        chances = (chances[:, :, None] * chance[:, None, :]).reshape(solution.states, -1)
    state, outcome = np.nonzero(chances)
    entries = (chances[state, outcome], (state, following[state, outcome]))
    return sparse.csr_matrix(entries, shape=(solution.states, solution.states))


def _under_way(
    solution: Solution, index: np.ndarray, strides: np.ndarray, orders: np.ndarray
) -> tuple[list[np.ndarray], np.ndarray]:
    """What arrives as the period closes, by product, and the part of the next state's number that stays on its way."""
    layout = solution.layout
    at = len(layout.stock_sizes) + len(layout.intention_sizes)
    arriving: list[np.ndarray] = []
    still = np.zeros(index.shape[1], int)
    for j, lead in enumerate(layout.lead_times):
        slots = [*(index[at + k] for k in range(max(lead - 1, 0))), orders[j]]
        arriving.append(slots[0])
        for k, units in enumerate(slots[1:] if lead > 0 else []):
            still = still + strides[at + k] * units
        at += max(lead - 1, 0)
    return arriving, still
