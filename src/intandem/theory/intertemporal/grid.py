"""Which states and decisions an exact solution of a small market looks at, and whether they are few enough."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy.special import expit

from intandem.display import Displayed
from intandem.errors import InputError
from intandem.market import Market, SolveSettings
from intandem.market.build import demand_moments
from intandem.market.supply import order_range
from intandem.theory.intertemporal.layout import Factor, Layout
from intandem.theory.scope import refuse_beyond_theory

MOST_WORK = 3e10
"""Multiplications of one sweep: a few seconds on two cores."""

MOST_NUMBERS = 2e8
"""Numbers of the largest array, some 1.6 GB in double precision."""

MOST_EXPOSURES = 5_000

NEGLIGIBLE = 1e-10
"""Units per period below which nobody asks for a product."""


@dataclass(frozen=True)
class StockGrid:
    """Net stock `low..high` in units (below 0: units owed), and the feasible orders, 0 first."""

    low: int
    high: int
    orders: tuple[int, ...]
    lead_time: int

    @property
    def size(self) -> int:
        """Number of stock levels."""
        return self.high - self.low + 1

    @property
    def levels(self) -> np.ndarray:
        """The stock levels, units."""
        return np.arange(self.low, self.high + 1)


@dataclass(frozen=True)
class IntentionGrid:
    """The intention of one pair: customer row, its place there, the product, and the grid's points in logit units."""

    row: int
    place: int
    product: int
    points: tuple[float, ...]


@dataclass(frozen=True, repr=False)
class Grid(Displayed):
    """States and decisions of a market.

    - `stocks`: per product. `intentions`: per pair whose intention moves.
    - `exposures`: every exposure table within the slots, `exposures rows width`.
    - `factors`: see `Factor`. `positions`: of the season.
    """

    stocks: tuple[StockGrid, ...]
    intentions: tuple[IntentionGrid, ...]
    exposures: Float[np.ndarray, "exposures rows width"]
    factors: tuple[Factor, ...]
    positions: int

    @property
    def layout(self) -> Layout:
        """The shape of the dynamic program."""
        return Layout(
            stock_sizes=tuple(one.size for one in self.stocks),
            order_sizes=tuple(len(one.orders) for one in self.stocks),
            lead_times=tuple(one.lead_time for one in self.stocks),
            intention_sizes=tuple(len(one.points) for one in self.intentions),
            factors=self.factors,
            positions=self.positions,
        )

    def local_exposures(self, factor: Factor, products: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A factor's own exposure tables (those of other products 0), and which of them each joint one means.

        **Arguments:** `products`: product index by place, `rows width`.
        """
        own = np.isin(products, factor.products)
        tables = np.where(own, self.exposures, 0.0)
        local, index = np.unique(tables.reshape(len(tables), -1), axis=0, return_inverse=True)
        return local.reshape(-1, *tables.shape[1:]), index.ravel()


def places(market: Market) -> np.ndarray:
    """The product at every place of every customer row, `rows width`; -1 at an empty place.

    Two rows, of which the second has product 1 alone (2, one past the last, marks an empty place in a market):

    ```python
    >>> from intandem.market import build_market
    >>> products = {"price": np.ones(2), "unit_cost": np.zeros(2), "holding_cost": np.zeros(2)}
    >>> candidates = np.array([[0, 1], [1, 2]])
    >>> places(build_market(products, np.zeros((2, 2)), np.ones((2, 2)), candidates=candidates)).tolist()
    [[0, 1], [1, -1]]

    ```
    """
    return np.where(np.asarray(market.pairs.valid()), np.asarray(market.pairs.index()), -1)


def grid_of(market: Market) -> Grid:
    """The grid of a market, by its `solve` settings; what they leave out is chosen wide enough.

    **Raises:** `InputError` at once, with the number of states and what to reduce, if it is too large to solve; for
    intentions that never fade, and for several rows whose intentions move by chance.

    Two products with stock of 0 to 24 units have 25 x 25 states; 4 quarters of exposure go to 2 products, or to
    none, in `6! / (4! 2!) = 15` ways:

    ```python
    >>> from intandem.market import example_market
    >>> grid = grid_of(example_market("two-products-capped"))
    >>> grid.layout.shape, grid.stocks[0].orders, len(grid.exposures)
    ((25, 25), (0, 1, 2, 3, 4, 5), 15)

    ```
    """
    settings = market.solve_settings
    _check_solvable(market)
    intentions = _intentions(market, settings)
    grid = Grid(
        stocks=_stocks(market, settings),
        intentions=intentions,
        exposures=np.zeros((0, *market.base_utility.shape)),
        factors=_factors(market, intentions),
        positions=1 if market.season is None else market.season.shape[0],
    )
    _check_size(market, grid.layout, _exposure_count(market, settings))
    return replace(grid, exposures=_exposures(market, settings))


def _check_solvable(market: Market) -> None:
    refuse_beyond_theory(market)
    if not market.traits.has_intention:
        return
    if float(market.persistence) >= 1:
        raise InputError(
            market.name, "intentions never fade (persistence 1)", "give a persistence below 1", key="persistence"
        )
    if market.rows > 1 and (market.traits.habitual or not market.traits.always_visit):
        reason = "habit" if market.traits.habitual else "visits that are left to chance"
        raise InputError(
            market.name,
            f"has {market.rows} customer rows whose intentions move with {reason}",
            "solve it with one customer row, or `intandem bound` it",
        )


def _stocks(market: Market, settings: SolveSettings) -> tuple[StockGrid, ...]:
    caps = [settings.stock_cap] * market.products if settings.stock_cap is not None else stock_caps(market)
    owed = market.unmet_demand == "backordered"
    limits = order_range(market)
    asked = highest_demand(market)
    found = []
    for j in range(market.products):
        cap = int(caps[j])
        if asked[j] < NEGLIGIBLE:
            # What nobody asks for is never ordered, and its stock stays as it is: one level. With more of them the
            # average would depend on the state that it starts from, and bounds over all states could not meet.
            kept = min(int(market.initial_stock[j]), cap)
            found.append(StockGrid(kept, kept, (0,), int(market.lead_time[j])))
            continue
        backlog = 0
        if owed:
            backlog = cap if settings.backlog_cap is None else settings.backlog_cap
        smallest = int(limits[0][j])
        largest = int(min(float(limits[1][j]), cap + backlog))
        orders = (0, *range(smallest, largest + 1, int(market.order_multiple[j])))
        if len(orders) == 1 and float(limits[1][j]) > 0:
            product = market.labels.product_ids[j]
            problem = f"the smallest order of {product}, {smallest} units, does not fit under stock_cap {cap}"
            raise InputError(market.name, problem, f"give a stock_cap of {smallest} or more", key="solve")
        found.append(StockGrid(-backlog, cap, orders, int(market.lead_time[j])))
    return tuple(found)


def stock_caps(market: Market) -> list[int]:
    """Caps that a good policy hardly meets: demand over lead time + 1 if everybody is shown everything, with room.

    Units per product: where the market states no `stock_cap`.

    ```python
    >>> from intandem.market import example_market
    >>> stock_caps(example_market("two-products-capped"))  # 7.5 and 6.6 units a period are asked for on average at most
    [33, 30]

    ```
    """
    cover = highest_demand(market) * (np.asarray(market.lead_time) + 1)
    base = demand_moments(market)[0]
    holding = np.maximum(np.asarray(market.holding_cost, float), 1e-2 * np.maximum(np.asarray(market.unit_cost), 1e-2))
    batch = np.sqrt(2 * np.asarray(market.fixed_order_cost, float) * base / holding)
    multiple = np.maximum(np.asarray(market.order_multiple), np.asarray(market.min_order))
    return [int(one) for one in np.ceil(cover + 4 * np.sqrt(cover) + 2 + 1.5 * batch + multiple - 1)]


def highest_demand(market: Market) -> Float[np.ndarray, " products"]:
    """What may be asked for at most on average, units per period: everybody is shown everything, at the highest
    intention and in the best season.

    ```python
    >>> from intandem.market import example_market
    >>> highest_demand(example_market("two-products-capped")).round(1).tolist()
    [7.5, 6.6]

    ```
    """
    highest = _intention_range(market)[1]
    utility = (
        np.asarray(market.base_utility, float) + np.maximum(np.asarray(market.exposure_effect, float), 0) + highest
    )
    if market.season is not None:
        utility = utility + np.asarray(market.pairs.spread(market.season.max(0)), float)
    chance = np.where(np.asarray(market.pairs.valid()), expit(utility), 0.0)
    people = np.asarray(market.population * market.visit_probability, float)[:, None]
    mean = np.zeros(market.products)
    np.add.at(mean, np.asarray(market.pairs.index()), people * chance)
    return mean


def _intention_range(market: Market) -> tuple[np.ndarray, np.ndarray]:
    """Least and largest intention that exposures and purchases can build up, `rows width`."""
    shape = market.base_utility.shape
    if not market.traits.has_intention:
        return np.zeros(shape), np.zeros(shape)
    persistence = float(market.persistence)
    fading = 1 / (1 - persistence)
    shown = float(market.carry_over) * np.asarray(market.exposure_effect, float) * persistence * fading
    bought = np.broadcast_to(np.asarray(market.pairs.spread(market.habit), float), shape) * fading
    low = np.minimum(shown, 0) + np.minimum(bought, 0)
    return low, np.maximum(shown, 0) + np.maximum(bought, 0)


def _intentions(market: Market, settings: SolveSettings) -> tuple[IntentionGrid, ...]:
    low, high = _intention_range(market)
    at = places(market)
    found = []
    for row, place in zip(*np.nonzero((high > low) & (at >= 0)), strict=True):
        points = np.linspace(low[row, place], high[row, place], settings.intention_grid)
        found.append(IntentionGrid(int(row), int(place), int(at[row, place]), tuple(map(float, points))))
    return tuple(found)


def _levels(market: Market, settings: SolveSettings) -> list[list[tuple[float, ...]]]:
    """The levels at every place of every row: one alone where exposure does nothing."""
    levels = (0.0, 1.0) if market.exposure == "slate" else tuple(sorted(settings.exposure_levels))
    moves = np.asarray(market.pairs.valid()) & (np.asarray(market.exposure_effect) != 0)
    return [[levels if moving else levels[:1] for moving in row] for row in moves]


def _exposure_count(market: Market, settings: SolveSettings) -> int:
    """How many exposure tables fit the slots, without listing them."""
    count = 1
    for row in _levels(market, settings):
        totals = {0.0: 1}
        for levels in row:
            joined: dict[float, int] = {}
            for total, ways in totals.items():
                for level in levels:
                    if total + level <= market.exposure_slots + 1e-9:
                        key = round(total + level, 9)
                        joined[key] = joined.get(key, 0) + ways
            totals = joined
        count *= sum(totals.values())
    return count


def exposure_tables(market: Market, most: int) -> Float[np.ndarray, "exposures rows width"] | None:
    """Every exposure table within the slots, on the levels of the `solve` settings; `None` if there are too many.

    **Arguments:** `most`: tables. **Returns** exposures in [0, 1], shape `exposures rows width`.

    The 15 of `grid_of`'s example, the total of each at most its one slot:

    ```python
    >>> from intandem.market import example_market
    >>> market = example_market("two-products-capped")
    >>> tables = exposure_tables(market, most=15)
    >>> tables.shape, float(tables.sum((1, 2)).max()), exposure_tables(market, most=14)
    ((15, 1, 2), 1.0, None)

    ```
    """
    settings = market.solve_settings
    return _exposures(market, settings) if 0 < _exposure_count(market, settings) <= most else None


def _exposures(market: Market, settings: SolveSettings) -> np.ndarray:
    """Every exposure table within the slots of each row, the last place varying fastest."""
    slots = market.exposure_slots + 1e-9
    by_row = [[one for one in itertools.product(*row) if sum(one) <= slots] for row in _levels(market, settings)]
    return np.array(list(itertools.product(*by_row)), float)


def _factors(market: Market, intentions: tuple[IntentionGrid, ...]) -> tuple[Factor, ...]:
    """Products move apart from each other unless they share choices, or visitors whose number is left to chance."""
    together = market.choice == "multinomial" or (not market.traits.always_visit and market.products > 1)
    groups = [tuple(range(market.products))] if together else [(j,) for j in range(market.products)]
    return tuple(
        Factor(group, tuple(k for k, one in enumerate(intentions) if one.product in group)) for group in groups
    )


def _check_size(market: Market, layout: Layout, exposures: int) -> None:
    sizes = [layout.factor_size(factor) for factor in layout.factors]
    work = layout.positions * exposures * sum(sizes) * layout.decision_size
    local = min(exposures, MOST_EXPOSURES) if len(sizes) == 1 else 25
    kernels = layout.positions * local * sum(size**2 for size in sizes)
    if work <= MOST_WORK and max(layout.decision_size, kernels) <= MOST_NUMBERS and 0 < exposures <= MOST_EXPOSURES:
        return
    if exposures == 0:
        raise InputError(market.name, "has no exposure_levels within its slots", "put 0 among them", key="solve")
    ways = {
        "stock_cap": int(np.prod(layout.stock_sizes, dtype=object)),
        "intention_grid": int(np.prod(layout.intention_sizes, dtype=object)),
        "max_order or lead_time": int(np.prod([*layout.pipeline_sizes, *layout.order_sizes], dtype=object)),
        "exposure_levels, products or customer rows": exposures,
    }
    largest = sorted(ways, key=ways.__getitem__, reverse=True)[:2]
    decisions = exposures * int(np.prod(layout.order_sizes, dtype=object))
    raise InputError(
        market.name,
        f"has {_count(layout.states)} states and {_count(decisions)} decisions each, too many to solve exactly",
        f"reduce {largest[0]} ({_count(ways[largest[0]])} combinations), then {largest[1]} "
        f"({_count(ways[largest[1]])}); or `intandem bound` it",
    )


def _count(number: int) -> str:
    """A number for people: exact as long as that can be read."""
    return f"{number:,}" if number < 10**12 else f"10^{len(str(number)) - 1}"
