"""An exact policy as a table: one row per state, kept as Parquet, and played in the simulator as any other policy."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import polars as pl
from jaxtyping import Array, Float, Int, Key

from intandem.display import Displayed, Summary, count, span
from intandem.errors import InputError
from intandem.market import Decision, Market, State, check_decision
from intandem.storage import replace_file
from intandem.theory.intertemporal.grid import Grid, places

POSITION = "season_position"


@dataclass(frozen=True, repr=False)
class PolicyTable(Displayed):
    """What a policy does in every state of a grid.

    - `axes`: name and grid points of every axis of the state, the position in the season first. Names are those of
      the file's columns: `stock:PRODUCT`, `intention:CUSTOMER:PRODUCT`, `under_way:PRODUCT:1` (arrives next).
    - `orders`: units, the axes and products. `exposures`: the axes, rows and places.
    """

    axes: dict[str, Float[np.ndarray, " points"]]
    orders: Float[np.ndarray, "*state products"]
    exposures: Float[np.ndarray, "*state rows width"]

    def _summary(self) -> Summary:
        states, products = int(np.prod(self.orders.shape[:-1])), self.orders.shape[-1]
        rows = [(name, f"{count(len(points), 'point')}: {span(points)}") for name, points in self.axes.items()]
        return Summary(f"a policy in {count(states, 'state')}: orders of {count(products, 'product')}, exposures", rows)

    @staticmethod
    def of_grid(
        market: Market,
        grid: Grid,
        exposure: Int[np.ndarray, "positions *state"],
        order: Int[np.ndarray, "products positions *state"],
    ) -> PolicyTable:
        """The table of a policy given by indices into the grid's exposures and orders."""
        units = [np.array(stock.orders, float)[order[j]] for j, stock in enumerate(grid.stocks)]
        return PolicyTable(_axes(market, grid), np.stack(units, -1), grid.exposures[exposure])

    def initial_index(self, market: Market) -> tuple[int, ...]:
        """The index of the state in which the market opens, without the position."""
        points = list(self.axes.items())[1:]
        stock = dict(zip(market.labels.product_ids, np.asarray(market.initial_stock), strict=True))
        initial = [stock[name.split(":", 1)[1]] if name.startswith("stock:") else 0.0 for name, _ in points]
        return tuple(int(np.abs(grid - value).argmin()) for (_, grid), value in zip(points, initial, strict=True))

    def to_frame(self, market: Market) -> pl.DataFrame:
        """One row per state: the axes (`season_position`; `stock:PRODUCT` in units, owed ones negative;
        `intention:CUSTOMER:PRODUCT` in logit units; `under_way:PRODUCT:1` in units), then what is decided:
        `order:PRODUCT` in units and `exposure:CUSTOMER:PRODUCT` from 0 to 1. `write` keeps this table."""
        shape = self.orders.shape[:-1]
        index = np.indices(shape).reshape(len(shape), -1)
        columns = {name: points[index[k]] for k, (name, points) in enumerate(self.axes.items())}
        for j, product in enumerate(market.labels.product_ids):
            columns[f"order:{product}"] = self.orders[..., j].ravel()
        for name, row, place in _pairs(market):
            columns[f"exposure:{name}"] = self.exposures[..., row, place].ravel()
        return pl.DataFrame(columns)

    def write(self, market: Market, path: str | Path) -> None:
        """Writes the table as Parquet, whole or not at all.

        **Raises:** `RunError` if the system refuses.
        """
        with replace_file(path) as beside:
            self.to_frame(market).write_parquet(beside)


def read_policy(market: Market, path: str | Path) -> PolicyTable:
    """Reads a table for a market with the same products and customers.

    **Arguments:** `path`: of a Parquet file that `PolicyTable.write` wrote; orders in units, exposures in [0, 1].

    **Raises:** `InputError` naming the file for one that is none, or another market's, or incomplete.

    ```python
    >>> from tempfile import TemporaryDirectory
    >>> from intandem.market import example_market
    >>> from intandem.theory.intertemporal.grid import grid_of
    >>> market = example_market("two-products-capped")
    >>> grid = grid_of(market)
    >>> first = np.zeros((1, 25, 25), int)  # the first exposure everywhere: nothing is shown
    >>> table = PolicyTable.of_grid(market, grid, first, np.stack([first + 3, first + 2]))
    >>> with TemporaryDirectory() as folder:
    ...     table.write(market, Path(folder) / "policy.parquet")
    ...     found = read_policy(market, Path(folder) / "policy.parquet")
    >>> found.orders.shape, found.orders[0, 24, 0], float(found.exposures.sum())
    ((1, 25, 25, 2), array([3., 2.]), 0.0)

    ```
    """
    target = Path(path)
    if not target.is_file():
        raise InputError(
            target, "is not there" if not target.exists() else "is a folder", "name a policy file of `intandem solve`"
        )
    try:
        frame = pl.read_parquet(target, glob=False, hive_partitioning=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(target, "is not a Parquet table", "name a policy file of `intandem solve`") from error
    decided = [f"order:{product}" for product in market.labels.product_ids]
    shown = [(f"exposure:{name}", row, place) for name, row, place in _pairs(market)]
    names = [name for name in frame.columns if not name.startswith(("order:", "exposure:"))]
    wanted = {*decided, *(name for name, _, _ in shown)}
    if wanted != set(frame.columns) - set(names) or names[:1] != [POSITION]:
        raise InputError(target, f"is no policy for the products and customers of {market.name}", "solve that market")
    if any(frame[name].dtype != pl.Float64 or not frame[name].is_finite().all() for name in frame.columns):
        raise InputError(target, "holds something else than numbers", "solve the market again")
    axes = {name: frame[name].unique().sort().to_numpy() for name in names}
    known = _known_axes(market)
    if any(name not in known for name in names):
        raise InputError(target, f"knows states that {market.name} does not have", "solve that market")
    shape = tuple(len(points) for points in axes.values())
    if int(np.prod(shape, dtype=float)) != frame.height:
        raise InputError(
            target,
            f"has {frame.height:,} rows for {int(np.prod(shape, dtype=float)):,} states",
            "solve the market again",
        )
    frame = frame.sort(names)
    exposures = np.zeros((*shape, *market.base_utility.shape))
    for name, row, place in shown:
        exposures[..., row, place] = frame[name].to_numpy().reshape(shape)
    orders = np.stack([frame[name].to_numpy().reshape(shape) for name in decided], -1)
    _check_allowed(market, target, orders, exposures)
    return PolicyTable(axes, orders, exposures)


def _check_allowed(market: Market, target: Path, orders: np.ndarray, exposures: np.ndarray) -> None:
    """Refuses a policy made for other rules than this market's: every decision in it is put to the market."""
    states = int(np.prod(orders.shape[:-1]))
    flat = np.concatenate([orders.reshape(states, -1), exposures.reshape(states, -1)], axis=1)
    for decision in np.unique(flat, axis=0):
        order, exposure = jnp.asarray(decision[: market.products]), jnp.asarray(decision[market.products :])
        try:
            check_decision(market, Decision(order, exposure.reshape(market.base_utility.shape)))
        except InputError as error:
            problem = f"holds {error.key}s that {market.name} does not allow ({error.row}: {error.problem})"
            raise InputError(target, problem, "solve that market") from error


class TabledPolicy(Displayed, eqx.Module):
    """A policy that looks its decisions up, at the nearest state of the table; a policy for `simulate`.

    ```python
    >>> from intandem.evaluation.simulation import simulate
    >>> from intandem.market import example_market
    >>> from intandem.theory.intertemporal.solution import solve
    >>> market = example_market("two-products-capped")
    >>> solution = solve(market, ("joint",))
    >>> result = simulate(market, tabled_policy(market, solution.regimes["joint"].policy), periods=2_000, runs=8)
    >>> abs(result.profit - 42.32057) < 4 * result.profit_se
    True

    ```
    """

    axes: tuple[Float[Array, "_"], ...]
    orders: Float[Array, "states products"]
    exposures: Float[Array, "states rows width"]
    pairs: tuple[tuple[int, int], ...] = eqx.field(static=True)
    pipelines: tuple[tuple[int, int], ...] = eqx.field(static=True)

    def __call__(self, market: Market, state: State, key: Key[Array, ""]) -> Decision:
        """The tabled decision of the nearest state."""
        del key
        at = [jnp.mod(state.period, self.axes[0].shape[0]).astype(jnp.float32)]
        at += list(state.on_hand - state.backlog)
        at += [state.intention[row, place] for row, place in self.pairs]
        at += [state.pipeline[slot, product] for product, slot in self.pipelines]
        index = jnp.zeros((), jnp.int32)
        for points, value in zip(self.axes, at, strict=True):
            index = index * points.shape[0] + jnp.abs(points - value).argmin()
        return Decision(order=self.orders[index], exposure=self.exposures[index])


def tabled_policy(market: Market, table: PolicyTable) -> TabledPolicy:
    """The policy that plays a table in its market.

    **Arguments:** `table`: of this market's products and customers, as `solve` or `read_policy` gives it. A state
    between the table's is taken for the nearest.

    A table that orders as many units as are missing to 5 of the first product, and none of the second:

    ```python
    >>> from dataclasses import replace
    >>> import jax
    >>> from intandem.market import example_market, initial_state
    >>> market = example_market("two-products-capped")
    >>> axes = {POSITION: np.zeros(1), "stock:p1": np.arange(7.0), "stock:p2": np.zeros(1)}
    >>> orders = np.stack([np.maximum(5 - np.arange(7.0), 0), np.zeros(7)], -1).reshape(1, 7, 1, 2)
    >>> policy = tabled_policy(market, PolicyTable(axes, orders, np.zeros((1, 7, 1, 1, 2))))
    >>> state = initial_state(market)
    >>> [policy(market, replace(state, on_hand=jnp.array([stock, 9.0])), jax.random.key(0)).order.tolist()
    ...     for stock in (1.0, 6.0)]
    [[4.0, 0.0], [0.0, 0.0]]

    ```
    """
    where = {name: (row, place) for name, row, place in _pairs(market)}
    products = {name: at for at, name in enumerate(market.labels.product_ids)}
    pairs: list[tuple[int, int]] = []
    pipelines: list[tuple[int, int]] = []
    for name in table.axes:
        kind, _, rest = name.partition(":")
        if kind == "intention":
            pairs.append(where[rest])
        elif kind == "under_way":
            product_id, _, slot = rest.rpartition(":")
            pipelines.append((products[product_id], int(slot) - 1))
    states = int(np.prod(table.orders.shape[:-1]))
    return TabledPolicy(
        axes=tuple(jnp.asarray(points, jnp.float32) for points in table.axes.values()),
        orders=jnp.asarray(table.orders.reshape(states, -1), jnp.float32),
        exposures=jnp.asarray(table.exposures.reshape(states, *table.exposures.shape[-2:]), jnp.float32),
        pairs=tuple(pairs),
        pipelines=tuple(pipelines),
    )


def _axes(market: Market, grid: Grid) -> dict[str, np.ndarray]:
    products, customers = market.labels.product_ids, market.labels.customer_ids
    axes = {POSITION: np.arange(grid.positions, dtype=float)}
    axes |= {f"stock:{products[j]}": stock.levels.astype(float) for j, stock in enumerate(grid.stocks)}
    axes |= {f"intention:{customers[one.row]}:{products[one.product]}": np.array(one.points) for one in grid.intentions}
    for j, stock in enumerate(grid.stocks):
        for slot in range(1, stock.lead_time):
            axes[f"under_way:{products[j]}:{slot}"] = np.array(stock.orders, float)
    return axes


def _known_axes(market: Market) -> set[str]:
    products = market.labels.product_ids
    known = {
        POSITION,
        *(f"stock:{product}" for product in products),
        *(f"intention:{name}" for name, _, _ in _pairs(market)),
    }
    leads = zip(products, np.asarray(market.lead_time), strict=True)
    return known | {f"under_way:{product}:{slot}" for product, lead in leads for slot in range(1, int(lead))}


def _pairs(market: Market) -> list[tuple[str, int, int]]:
    """Name, row and place of every pair."""
    at = places(market)
    found = []
    for row, place in itertools.product(range(market.rows), range(at.shape[1])):
        if at[row, place] >= 0:
            product = market.labels.product_ids[at[row, place]]
            found.append((f"{market.labels.customer_ids[row]}:{product}", row, place))
    return found
