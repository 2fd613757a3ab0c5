"""The exact optimum of a small market, and what the silos would earn in it, to compare.

The joint optimum chooses exposures and orders together, from stock, orders under way and intentions. The silo's
recommendation maximises the gross margin of demand, net of exposure cost, as if stock were unlimited, on intention
alone; the filtered silo leaves products without stock out of it. Inventory then orders optimally for the demand that
it meets. All three are dynamic programs on one grid, which differ in the exposures that are allowed in a state.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Literal

import numpy as np
import polars as pl
from jaxtyping import Bool, Float

from intandem.display import Displayed, Summary, count, number, percent
from intandem.market import Market, MarketLike, market_of
from intandem.progress import Meter, reported
from intandem.theory.intertemporal.dynamic_program import Solved, action_values, decide, solve_program
from intandem.theory.intertemporal.grid import Grid, StockGrid, grid_of, places
from intandem.theory.intertemporal.layout import Layout, Program
from intandem.theory.intertemporal.policy_table import PolicyTable, TabledPolicy, tabled_policy
from intandem.theory.intertemporal.transitions import FactorMoves, program_of

Regime = Literal["joint", "silo", "filtered-silo"]

REGIMES: tuple[Regime, ...] = ("joint", "silo", "filtered-silo")

Progress = Callable[[str, int, float], object]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, repr=False)
class RegimeSolution(Displayed):
    """One regime's exact solution.

    - `profit`: average per period; with a discount, the discounted sum from the market's initial state.
    - `lower`, `upper`: proved to enclose it, for this grid.
    - `sweeps`: of value iteration. `values`: money by state, relative to the first state for the average, else
      discounted sums (see `Solved`). `policy`: what it does in every state.
    """

    profit: float
    lower: float
    upper: float
    sweeps: int
    values: Float[np.ndarray, "positions *state"]
    policy: PolicyTable


@dataclass(frozen=True, repr=False)
class Solution(Displayed):
    """The exact solution of a market: its grid, its dynamic program, and the regimes that were solved."""

    market: Market
    grid: Grid
    program: Program
    moves: tuple[FactorMoves, ...]
    regimes: dict[str, RegimeSolution]

    @property
    def layout(self) -> Layout:
        """The shape of the dynamic program."""
        return self.grid.layout

    @property
    def profit(self) -> float:
        """Of the joint optimum."""
        return self.regimes["joint"].profit

    @property
    def discounted(self) -> bool:
        """Whether profits are discounted sums, not averages."""
        return float(self.market.discount) < 1

    @property
    def states(self) -> int:
        """Number of states."""
        return self.layout.states

    @property
    def coordination_gain(self) -> float:
        """`(joint - silo) / |silo|`."""
        return self.gain_over("silo")

    def gain_over(self, regime: Regime) -> float:
        """The joint optimum's gain over another regime, as a share of the size of the other's profit."""
        return self._gain_over(regime)

    def _gain_over(self, name: str) -> float:
        other = self.regimes[name].profit
        return (self.profit - other) / max(abs(other), 1e-12)

    def action_values(
        self, regime: Regime = "joint", position: int = 0
    ) -> Float[np.ndarray, "exposures *state_orders"]:
        """The value of every decision in every state, the regime going on as it does: see `dynamic_program`."""
        values = self.regimes[regime].values
        return action_values(self.layout, self.program, values[(position + 1) % self.layout.positions], position)

    def _summary(self) -> Summary:
        what = "discounted profit" if self.discounted else f"profit per {self.market.period}"
        joint = self.regimes.get("joint")
        headline = f"{self.market.name}: exact, {count(self.states, 'state')}"
        if joint is not None:
            headline = f"{headline}; the optimum earns {joint.profit:,.4f}"
            if "silo" in self.regimes:
                headline = f"{headline}, {percent(self.coordination_gain)} over the silo"
        rows = [
            (name, f"{one.profit:,.4f}", f"{one.upper - one.lower:.1e}", number(one.sweeps))
            for name, one in self.regimes.items()
        ]
        return Summary(headline, rows, ("regime", what, "bounds apart", "sweeps"))

    def policy(self, regime: Regime = "joint") -> TabledPolicy:
        """What a regime does, as a policy that `simulate` plays."""
        return tabled_policy(self.market, self.regimes[regime].policy)

    def to_frame(self) -> pl.DataFrame:
        """One row per regime.

        - `regime`: `joint` (the optimum), `silo` or `filtered-silo`.
        - `profit`: money, average per period, or with a discount the discounted sum from the initial state; `lower`
          and `upper` are proved to enclose it.
        - `gain`: what the joint optimum earns more, in money; `gain_share`: as a share of the size of `profit`. Null
          where the joint optimum was not solved.
        - `sweeps`: of value iteration. `states`: of the dynamic program.
        """
        joint = self.regimes.get("joint")
        rows = [
            {
                "regime": name,
                "profit": one.profit,
                "lower": one.lower,
                "upper": one.upper,
                "gain": None if joint is None else joint.profit - one.profit,
                "gain_share": None if joint is None else self._gain_over(name),
                "sweeps": one.sweeps,
                "states": self.states,
            }
            for name, one in self.regimes.items()
        ]
        schema: dict[str, type[pl.DataType]] = {"gain": pl.Float64, "gain_share": pl.Float64}
        return pl.DataFrame(rows, schema_overrides=schema)

    def policy_frame(self, regime: Regime = "joint") -> pl.DataFrame:
        """One row per state of a regime: the table of its policy (see `PolicyTable.to_frame`), and last `value`.

        `value` is money: with a discount the discounted profit from the state on; else how much more is earned in all
        than from the first state, over the average.

        The table of the two-product market:

        ```python
        >>> from intandem.market import example_market
        >>> frame = solve(example_market("two-products-capped"), ("joint",)).policy_frame()
        >>> frame.columns[:3], frame.height
        (['season_position', 'stock:p1', 'stock:p2'], 625)
        >>> frame.columns[3:]
        ['order:p1', 'order:p2', 'exposure:everyone:p1', 'exposure:everyone:p2', 'value']

        ```
        """
        one = self.regimes[regime]
        values = np.ravel(one.values)
        if self.discounted:
            # Value iteration ends a little short of the sums; its bounds say by how much.
            values = values + one.profit - one.values[(0, *one.policy.initial_index(self.market))]
        return one.policy.to_frame(self.market).with_columns(value=pl.Series(values))

    def as_json(self) -> dict[str, object]:
        """The figures under the names of the command line's JSON."""
        figures: dict[str, object] = {}
        name = "discounted_profit" if self.discounted else "average_profit"
        joint = self.regimes["joint"]
        figures[name] = joint.profit
        figures["bounds"] = [joint.lower, joint.upper]
        for regime in self.regimes:
            if regime != "joint":
                figures[f"{regime.replace('-', '_')}_profit"] = self.regimes[regime].profit
        if "silo" in self.regimes:
            figures["coordination_gain"] = self.coordination_gain
        if "filtered-silo" in self.regimes:
            figures["gain_over_filtered_silo"] = self.gain_over("filtered-silo")
        figures["states"] = self.states
        figures["iterations"] = joint.sweeps
        return figures


def solve(
    market: MarketLike,
    regimes: tuple[Regime, ...] = REGIMES,
    *,
    tolerance: float = 1e-7,
    progress: Progress | bool | None = None,
) -> Solution:
    """Solves a small market exactly, on the grid of its `solve` settings.

    Average profit (discount 1) by relative value iteration, discounted profit by value iteration, both until proved
    bounds are within `tolerance` (relative). Stock above `stock_cap` is discarded on receipt; intentions are
    interpolated between grid points; exposures are those of `exposure_levels`. Departments are taken to observe
    intentions, also in a market where they do not: its optimum is then at most what is found here.

    **Arguments:** `market`: or what names one, see `market_of`. `regimes`: which to solve. `progress`: a function,
    called with the regime, sweeps done and the distance of the bounds; by default a bar, on a terminal or in a
    notebook; False: nothing.

    **Raises:** `InputError` at once for a market that is too large, with the number of states and what to reduce.

    The two-product market whose optimum an independent solver puts at 42.32057, and its silo at 33.48991:

    ```python
    >>> from intandem.market import example_market
    >>> solution = solve(example_market("two-products-capped"))
    >>> round(solution.profit, 4), round(solution.regimes["silo"].profit, 4), solution.states
    (42.3206, 33.4899, 625)

    ```
    """
    market = market_of(market)
    with reported(progress, "solving", _shown) as tell:
        grid = grid_of(market)
        program, moves = program_of(market, grid)
        layout = grid.layout
        _logger.info("solving %s: %d states", market.name, layout.states)
        found: dict[str, RegimeSolution] = {}
        # Both silos choose by the same values, which are a dynamic program of their own.
        worth = cache(lambda: _silo_values(market, grid))
        for regime in regimes:
            allowed = None if regime == "joint" else _chosen_by_silo(market, grid, worth(), regime == "filtered-silo")
            told = None if tell is None else partial(tell, regime)
            solved = solve_program(layout, program, allowed, tolerance=tolerance, progress=told)
            exposure, order = decide(layout, program, solved.values, allowed)
            found[regime] = _regime_solution(market, grid, solved, PolicyTable.of_grid(market, grid, exposure, order))
            _logger.info("%s: %.6g after %d sweeps", regime, found[regime].profit, solved.sweeps)
    return Solution(market, grid, program, moves, found)


def _shown(meter: Meter) -> Progress:
    return lambda regime, sweeps, gap: meter.update(f"solving: {regime}", sweeps, note=f"bounds {gap:.1e} apart")


def _regime_solution(market: Market, grid: Grid, solved: Solved, policy: PolicyTable) -> RegimeSolution:
    lower, upper = solved.lower, solved.upper
    if float(market.discount) < 1:
        initial = solved.values[(0, *policy.initial_index(market))]
        lower, upper = initial + lower, initial + upper
    return RegimeSolution(0.5 * (lower + upper), lower, upper, solved.sweeps, solved.values, policy)


def silo_exposures(market: Market, grid: Grid, *, filtered: bool) -> Bool[np.ndarray, "positions exposures *state"]:
    """The exposure that a silo's recommendation chooses in every state: True at one exposure, of `grid.exposures`.

    It maximises the long-run gross margin of demand, net of exposure cost, as if stock were unlimited (the first of
    equals). With `filtered` it chooses, by the same values, among exposures that leave out products without stock.

    **Arguments:** `grid`: of this market. **Returns** an array over positions, exposures and the axes of the state; an
    axis of the state that has no bearing has length 1.

    Shown alone, the first product gains `12 (sigmoid(0.5) - sigmoid(-2)) = 6.0` units at a margin of 6, the second
    3.8 at 3.5. The filtered silo shows the second where the first is out of stock:

    ```python
    >>> from intandem.market import example_market
    >>> market = example_market("two-products-capped")
    >>> grid = grid_of(market)
    >>> grid.exposures[silo_exposures(market, grid, filtered=False).ravel()]
    array([[[1., 0.]]])
    >>> chosen = silo_exposures(market, grid, filtered=True)
    >>> grid.exposures[chosen[0, :, 0, 3].argmax()], grid.exposures[chosen[0, :, 1, 0].argmax()]
    (array([[0., 1.]]), array([[1., 0.]]))

    ```
    """
    return _chosen_by_silo(market, grid, _silo_values(market, grid), filtered)


def _chosen_by_silo(
    market: Market, grid: Grid, value: Float[np.ndarray, "positions exposures *intention"], filtered: bool
) -> Bool[np.ndarray, "positions exposures *state"]:
    layout = grid.layout
    stock_axes = len(grid.stocks)
    intention = value.shape[2:]
    shape = (*value.shape[:2], *[1] * stock_axes, *intention, *[1] * len(layout.pipeline_sizes))
    scores = value.reshape(shape)
    if filtered:
        permitted = np.ones((1, len(grid.exposures), *layout.stock_sizes), bool)
        at = places(market)
        for j, stock in enumerate(grid.stocks):
            shows = (grid.exposures * (at == j)).sum((1, 2)) > 0
            empty = (stock.levels <= 0).reshape([-1 if axis == j else 1 for axis in range(stock_axes)])
            permitted &= ~(shows.reshape(1, -1, *[1] * stock_axes) & empty)
        permitted = permitted.reshape(*permitted.shape, *[1] * (len(layout.shape) - stock_axes))
        scores = np.where(permitted, scores, -np.inf)
    slack = 1e-9 * np.maximum(1.0, np.abs(value).max())
    first = (scores >= scores.max(1, keepdims=True) - slack).argmax(1)
    return np.arange(len(grid.exposures)).reshape(1, -1, *[1] * (first.ndim - 1)) == first[:, None]


def _silo_values(market: Market, grid: Grid) -> Float[np.ndarray, "positions exposures *intention"]:
    """The value of every exposure at every intention to a recommendation that takes stock for unlimited."""
    shelf = tuple(StockGrid(0, 0, (0,), 0) for _ in grid.stocks)
    unlimited = replace(grid, stocks=shelf)
    program, _ = program_of(market, unlimited, unlimited=True)
    solved = solve_program(unlimited.layout, program)
    positions = grid.positions
    found = []
    for position in range(positions):
        values = action_values(unlimited.layout, program, solved.values[(position + 1) % positions], position)
        found.append(values.reshape(len(grid.exposures), *(len(one.points) for one in grid.intentions)))
    return np.stack(found)
