"""All upper bounds on what any policy can earn in a market, and the best of them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from intandem.display import Displayed, Summary, money
from intandem.errors import InputError, RunError
from intandem.market import Market, MarketLike, market_of
from intandem.progress import Meter, reported
from intandem.theory.bounds.batches import batch_bound, why_no_batches
from intandem.theory.bounds.clairvoyant import LARGEST_SIZE, Clairvoyant, clairvoyant_bound, why_no_clairvoyant
from intandem.theory.bounds.curves import PIECES, DemandCurves, demand_curves, season_of
from intandem.theory.bounds.habits import LARGEST, LARGEST_ROW, solve_pairs, why_no_habits
from intandem.theory.bounds.lagrangian import MOST_PRODUCTS, STEPS, Lagrangian, lagrangian_bound, why_no_lagrangian
from intandem.theory.bounds.mismatch import mismatch_cuts
from intandem.theory.bounds.multinomial import choice_shares
from intandem.theory.bounds.prices import solve_prices
from intandem.theory.bounds.program import FluidSolution, solve_program
from intandem.theory.bounds.supply import ProductTerms, product_terms
from intandem.theory.scope import SEVERAL_UNITS, refuse_several_units

_logger = logging.getLogger(__name__)

PROGRAM_PLACES = 20_000
"""Pairs, counted once per group of season positions, up to which the fluid bound is a linear program."""

PRICED_PLACES = 2_000_000
"""Pairs, so counted, up to which a season keeps all its positions; beyond it neighbours are merged."""

PRICED_PIECES = 12

LEVELS_ONLY = "lagrangian_on_levels"
"""Name of the Lagrangian bound where intentions carry over: for the grid of the `solve` settings only."""

BOUNDS: dict[str, tuple[str, str]] = {
    "fluid": ("long-run averages under concave envelopes of demand, slots and supply", "any market, at any size"),
    "newsvendor": (
        "the same, and what uncertain demand costs at least in stock left or sales lost",
        f"up to {PROGRAM_PLACES:,} pairs, purchases of one unit",
    ),
    "habits": (
        "every pair's own optimum, what buying breeds included, at prices of slots and supply",
        f"products with a habit: up to {PROGRAM_PLACES:,} pairs and {LARGEST:,} pairs x positions of the season, "
        f"independent choice, lost sales, rows of up to {LARGEST_ROW} people",
    ),
    "batches": (
        "what fixed order costs cost as demand follows exposure",
        "fixed order costs: independent choice, lost sales, intensity, neither habit, season nor discount; any size",
    ),
    "lagrangian": (
        "products solved exactly, one by one, at a price of a slot",
        f"up to {MOST_PRODUCTS} products that can be solved alone and {max(STEPS)} customer rows, independent choice",
    ),
    LEVELS_ONLY: (
        "the same for exposures on the `solve` settings' levels only; never counted as the best",
        "as lagrangian, where intentions carry over",
    ),
    "clairvoyant": (
        "what could be earned if all outcomes were known in advance: an estimate, never counted as the best",
        f"up to {LARGEST_SIZE} persons x products, lost sales, independent choice, neither intention, season nor "
        "discount",
    ),
}
"""By name: what a bound counts, and where it applies. A market's own refusals say exactly why one is left out."""

NOT_FOR_SURE = (LEVELS_ONLY, "clairvoyant")
"""Bounds that are never the best: one holds for some policies only, the other is an estimate from samples."""

Progress = Callable[[str], object]


@dataclass(frozen=True, repr=False)
class Bounds(Displayed):
    """Upper bounds on the profit of every policy, those included that draw lots and remember everything.

    - `values`: money by name of the bound: average profit per period, or where the discount is below 1 the expected
      discounted profit from the initial state. `seconds`: each took. `skipped`: why a bound was not computed.
    - `demand_value`, `supply_price`: what one more unit of demand, or of supply, is worth per product, money per unit.
      `slot_price`: what one more exposure in every period is worth per customer row, money per period. They are
      those of the tightest of `fluid`, `newsvendor` and `habits`.
    - `clairvoyant`: mean and standard error behind that bound, where it was computed.
    """

    values: dict[str, float]
    seconds: dict[str, float]
    skipped: dict[str, str]
    demand_value: np.ndarray
    supply_price: np.ndarray
    slot_price: np.ndarray
    clairvoyant: Clairvoyant | None

    @property
    def best_name(self) -> str:
        """The name of the lowest bound that surely holds for every policy."""
        return min((name for name in self.values if name not in NOT_FOR_SURE), key=lambda name: self.values[name])

    @property
    def best(self) -> float:
        """The lowest bound."""
        return self.values[self.best_name]

    def _summary(self) -> Summary:
        notes = {"clairvoyant": "an estimate", LEVELS_ONLY: "for exposures on the solver's levels"}
        rows = [
            (name, money(value), f"{self.seconds[name]:.1f}", notes.get(name, "proved"))
            for name, value in sorted(self.values.items(), key=lambda one: one[1])
        ]
        left_out = [f"left out: {', '.join(self.skipped)} (`skipped` says why)"] if self.skipped else []
        headline = f"no policy earns more than {money(self.best)} ({self.best_name} bound)"
        return Summary(headline, rows, ("bound", "value", "seconds", "kind"), left_out)

    def to_frame(self) -> pl.DataFrame:
        """One row per bound, the lowest first, those that were left out last.

        - `bound`: its name. `value`: money, see `values`; null where it was left out, and then `skipped` says why.
        - `proved`: whether no policy exceeds it for sure. `best`: whether it is the lowest of those.
        - `seconds`: it took.
        """
        names = [*sorted(self.values, key=lambda name: self.values[name]), *self.skipped]
        schema = {
            "bound": pl.String,
            "value": pl.Float64,
            "proved": pl.Boolean,
            "best": pl.Boolean,
            "seconds": pl.Float64,
            "skipped": pl.String,
        }
        rows = [
            (
                name,
                self.values.get(name),
                name not in NOT_FOR_SURE,
                name == self.best_name,
                self.seconds.get(name),
                self.skipped.get(name),
            )
            for name in names
        ]
        return pl.DataFrame(rows, schema=schema, orient="row")


def bounds(market: MarketLike, *, seed: int = 0, progress: Progress | bool | None = None) -> Bounds:
    """Every bound that the market's size allows.

    - `fluid`: long-run averages under concave envelopes of demand, at any size.
    - `newsvendor`: the same with what uncertain demand costs at least, in markets of up to `PROGRAM_PLACES` pairs.
    - `habits`: with habits, every pair's own optimum at prices of slots and supply, in markets of up to
      `PROGRAM_PLACES` pairs.
    - `batches`: with fixed order costs, what they cost as demand follows exposure; at any size.
    - `lagrangian`: products solved exactly at a price of a slot; small markets. Where intentions carry over it holds
      for exposures on the `solve` settings' levels only, is named `lagrangian_on_levels`, and is never the best.
    - `clairvoyant`: on sampled paths of outcomes known in advance; very small markets. Its value is an estimate, mean
      and 2.33 standard errors, which is too low where few samples hold what matters; it is never the best.

    **Arguments:** `market`: or what names one, see `market_of`. `seed`: of the clairvoyant's draws; the others need
    none. `progress`: a function that is told what is being done; by default a bar, on a terminal or in a notebook;
    False: nothing.

    ```python
    >>> from intandem.market.files import example_market
    >>> found = bounds(example_market("two-products-capped"))
    >>> 42.32 < found.best < 42.9, found.best_name
    (True, 'lagrangian')

    ```
    """
    with reported(progress, "bounds", _shown) as tell:
        return _gather(market_of(market), seed, tell or (lambda what: None))


def _shown(meter: Meter) -> Progress:
    return lambda what: meter.update(what)


def _gather(market: Market, seed: int, tell: Progress) -> Bounds:
    found = _Gathering(tell)
    too_many = "" if _program_groups(market) else f"more than {PROGRAM_PLACES:,} pairs"
    several = "" if market.traits.single_units else SEVERAL_UNITS
    priced = (
        found.take("fluid", lambda: fluid_bound(market)),
        found.take("newsvendor", lambda: newsvendor_bound(market), too_many or several),
        found.take("habits", lambda: habit_bound(market), why_no_habits(market) or too_many),
    )
    solution = min((one for one in priced if one is not None), key=lambda one: one.value)
    price = solution.slot_price
    found.take("batches", lambda: batch_bound(market, price), why_no_batches(market))
    found.take("lagrangian", lambda: lagrangian_bound(market, price), why_no_lagrangian(market))
    clairvoyant = found.take(
        "clairvoyant",
        lambda: clairvoyant_bound(market, supply_price=solution.supply_price, seed=seed),
        why_no_clairvoyant(market),
    )
    return Bounds(
        values=found.values,
        seconds=found.seconds,
        skipped=found.skipped,
        demand_value=solution.demand_value,
        supply_price=solution.supply_price,
        slot_price=price,
        clairvoyant=clairvoyant,
    )


class _Gathering:
    """Values of bounds by name, the seconds each took, and why others were left out."""

    def __init__(self, tell: Progress) -> None:
        self.tell = tell
        self.values: dict[str, float] = {}
        self.seconds: dict[str, float] = {}
        self.skipped: dict[str, str] = {}

    def take(self, name: str, compute: Callable[[], Any], reason: str = "") -> Any:
        """Computes a bound, unless there is a `reason` not to; one that fails leaves the others as they are."""
        if reason:
            self.skipped[name] = reason
            _logger.info("%s bound left out: %s", name, self.skipped[name])
            return None
        self.tell(f"{name} bound")
        started = time.perf_counter()
        try:
            bound = compute()
        except (InputError, RunError) as error:
            if name == "fluid":
                raise
            # The cure is for those who asked to solve.
            self.skipped[name] = f"{error.place}: {error.problem}"
            _logger.info("%s bound left out: %s", name, self.skipped[name])
            return None
        if isinstance(bound, Lagrangian) and bound.levels_only:
            name = LEVELS_ONLY
        assert name in BOUNDS, f"{name} is not described"
        self.values[name] = float(getattr(bound, "value", bound))
        self.seconds[name] = time.perf_counter() - started
        _logger.debug("%s bound: %.6g in %.1f s", name, self.values[name], self.seconds[name])
        return bound


def fluid_bound(market: Market, *, by_prices: bool | None = None) -> FluidSolution:
    """The fluid bound, over the horizon of the market's objective: no policy earns more.

    The least upper bound that long-run averages allow under the concave envelopes of demand, in money per period, or in
    all with a discount; proof in `docs/explanation/bounds.md`.

    **Arguments:** `by_prices`: from prices alone, and not by a linear program; `None`: by size.

    **Raises:** `RunError` if HiGHS gives up.

    It lies above the optimum of 42.32057 that an independent solver found:

    ```python
    >>> from intandem.market import example_market
    >>> round(fluid_bound(example_market("two-products-capped")).value, 2)
    45.19

    ```
    """
    places = market.base_utility.size
    positions = 1 if market.season is None else market.season.shape[0]
    if by_prices is None:
        limit = PROGRAM_PLACES if market.choice == "independent" else PROGRAM_PLACES // 4
        by_prices = places * positions > limit
    if not by_prices:
        return _program(market, positions, with_cuts=False)
    curves, terms = _problem(market, max(1, min(positions, PRICED_PLACES // places)), PRICED_PIECES)
    return _over_horizon(market, terms, solve_prices(curves, terms))


def newsvendor_bound(market: Market) -> FluidSolution:
    """The fluid bound with the least cost of mismatch between stock and uncertain demand.

    A season keeps as many groups of positions as the linear program can take. Money as in `fluid_bound`; proof in
    `docs/explanation/bounds.md`.

    **Raises:** `InputError` where a purchase is of several units; `RunError` if HiGHS gives up.

    Between the optimum of 42.32057, that an independent solver found, and the fluid bound:

    ```python
    >>> from intandem.market import example_market
    >>> market = example_market("two-products-capped")
    >>> 42.32057 < newsvendor_bound(market).value < fluid_bound(market).value - 1
    True

    ```
    """
    refuse_several_units(market)
    return _program(market, max(1, _program_groups(market)), with_cuts=True)


def habit_bound(market: Market) -> FluidSolution:
    """Every pair's own optimum, habits of buying included, at prices of slots and supply.

    Money as in `fluid_bound`; proof in `docs/explanation/bounds.md`.

    **Raises:** `RunError` if HiGHS gives up.

    Where purchases breed loyalty or satiation, averages alone leave too much open:

    ```python
    >>> from intandem.market import family_market
    >>> market = family_market("habit", 4, 5, 0)
    >>> habit_bound(market).value < 0.9 * newsvendor_bound(market).value
    True

    ```
    """
    curves, terms = _problem(market, _program_groups(market), PIECES)
    start = solve_program(curves, terms, mismatch_cuts(curves, terms))
    return _over_horizon(market, terms, solve_pairs(market, curves, terms, start))


def _program_groups(market: Market) -> int:
    positions = 1 if market.season is None else market.season.shape[0]
    return min(positions, PROGRAM_PLACES // max(1, market.base_utility.size))


def _problem(market: Market, groups: int, pieces: int) -> tuple[DemandCurves, ProductTerms]:
    curves = demand_curves(market, season_of(market, groups), pieces)
    return curves, product_terms(market, curves)


def _program(market: Market, groups: int, *, with_cuts: bool) -> FluidSolution:
    curves, terms = _problem(market, groups, PIECES)
    shares = None
    if market.choice == "multinomial" and market.rivals is None:
        shares = choice_shares(market, season_of(market, groups), curves)
    cuts = mismatch_cuts(curves, terms) if with_cuts else ()
    return _over_horizon(market, terms, solve_program(curves, terms, cuts, shares))


def _over_horizon(market: Market, terms: ProductTerms, solution: FluidSolution) -> FluidSolution:
    """The price of a slot by row instead of by cell; and discounted, a period's bound for ever, and the procurement
    and ordering that the initial stock saves."""
    discount, value = float(market.discount), solution.value
    if discount < 1:
        saved = np.asarray(market.price, float) - terms.margin
        value = value / (1 - discount) + float((saved * np.asarray(market.initial_stock, float)).sum())
    # A row's cells are its groups of season positions.
    return replace(solution, value=value, slot_price=solution.slot_price.reshape(-1, market.rows).sum(0))
