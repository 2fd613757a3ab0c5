"""One period of a market as plain arrays in double precision, and what any exposure earns in it.

Orders arrive before demand whatever the lead time, and nothing follows the period: what is left has its salvage value.
With independent choice, and with multinomial choice without substitution, the demand for a product is a sum of
independent binomials over rows, and expected profit is the sum of the products' profits, each under its own demand.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import jax.numpy as jnp
import numpy as np

from intandem.errors import InputError
from intandem.market import Market
from intandem.market.demand import unexposed_utility
from intandem.theory.cross_product.exposed_demand import BinomialDemand, DemandLaw, Numbers, sum_of_binomials
from intandem.theory.cross_product.exposed_newsvendor import (
    OrderPlan,
    Response,
    Terms,
    choice_chance,
    order_given_exposure,
)
from intandem.theory.scope import refuse_beyond_theory

_LARGEST_SUM = 5_000
"""Most people of one product, in several rows, for whom the exact law of demand is computed."""


@dataclass(frozen=True)
class OnePeriod:
    """One period of a market.

    - `terms`: of all products. `on_hand`: starting stock `y` per product, units.
    - `population`, `visit_probability`: per row. `slots`: exposures per row.
    - `utility`, `effect`: per pair, shape `rows width`, before exposure. `product`: whose place it is; `products` (one
      past the last) at an empty place.
    - `levels`: exposures to choose from. `multinomial`, `slate`: the rules of choice and exposure.
    """

    terms: Terms
    on_hand: np.ndarray
    population: np.ndarray
    visit_probability: np.ndarray
    utility: np.ndarray
    effect: np.ndarray
    product: np.ndarray
    slots: int
    levels: np.ndarray
    multinomial: bool
    slate: bool

    @property
    def products(self) -> int:
        """Number of products."""
        return len(self.on_hand)

    @property
    def valid(self) -> np.ndarray:
        """True where a place holds a product."""
        return self.product < self.products

    @property
    def visits(self) -> np.ndarray:
        """Expected visits per row."""
        return self.population * self.visit_probability

    def terms_of(self, product: int) -> Terms:
        """One product's terms."""
        return Terms(**{field.name: getattr(self.terms, field.name)[product] for field in fields(Terms)})

    def places_of(self, product: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows and places at which a product stands."""
        rows, places = np.nonzero(self.product == product)
        return rows, places

    def response(self, row: int, place: int) -> Response:
        """How one row responds to one product (independent choice)."""
        return Response(
            float(self.population[row]),
            float(self.visit_probability[row]),
            float(self.utility[row, place]),
            float(self.effect[row, place]),
            self.slate,
        )

    def choice_chances(self, exposure: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """The chance that a visitor buys, per pair of some rows.

        **Arguments:** `exposure`: shape `... rows width`. `rows`: which rows those are.
        """
        utility, effect, valid = self.utility[rows], self.effect[rows], self.valid[rows]
        if not self.multinomial:
            return np.where(valid, choice_chance(utility, effect, exposure, self.slate), 0.0)
        weight = np.where(valid, np.exp(np.where(valid, utility + effect * exposure, 0.0)), 0.0)
        return weight / (1 + weight.sum(-1, keepdims=True))

    def demand(self, rows: np.ndarray, chance: np.ndarray) -> DemandLaw:
        """A product's demand over some rows, from the chance that a visitor of each buys it.

        **Arguments:** `chance`: shape `... rows`.

        **Raises:** `InputError` for too many people in several rows.
        """
        buying = chance * self.visit_probability[rows]
        people = self.population[rows]
        if len(rows) == 1:
            return BinomialDemand(float(people[0]), buying[..., 0])
        if people.sum() > _LARGEST_SUM:
            problem = f"{people.sum():g} people in several rows can buy one product"
            raise InputError("market", problem, f"merge rows, or give a market of at most {_LARGEST_SUM:,}")
        return sum_of_binomials(people, buying)

    def plan_of(self, product: int, exposure: np.ndarray, chance: np.ndarray, rows: np.ndarray) -> OrderPlan:
        """A product's best orders and profits.

        **Arguments:** `exposure`, `chance`: of the product, shape `... rows`. `rows`: those in which it stands.
        """
        shown = (exposure * self.visits[rows]).sum(-1)
        law = self.demand(rows, chance)
        return order_given_exposure(self.terms_of(product), law, float(self.on_hand[product]), shown)

    def plan_when_shown(self, product: int, exposure: np.ndarray) -> OrderPlan:
        """A product's best orders and profits, other products not shown (independent choice).

        **Arguments:** `exposure`: of the product, shape `exposures rows`, by the rows in which it stands.
        """
        rows, places = self.places_of(product)
        at = np.arange(len(rows))
        whole = np.zeros((len(exposure), len(rows), self.utility.shape[1]))
        whole[:, at, places] = exposure
        return self.plan_of(product, exposure, self.choice_chances(whole, rows)[:, at, places], rows)


@dataclass(frozen=True)
class Plan:
    """What to show and what to order, and what it earns.

    - `exposures`: shape `rows width`. `orders` and `stock` (at demand, `y + q`): units per product.
    - `product_profit`: expected, per product; `profit`: their sum.
    """

    exposures: np.ndarray
    orders: np.ndarray
    stock: np.ndarray
    product_profit: np.ndarray

    @property
    def profit(self) -> float:
        """The policy's expected profit."""
        return float(self.product_profit.sum())


def plan_given_exposure(problem: OnePeriod, exposures: np.ndarray) -> Plan:
    """The best orders for the demand that these exposures bring: the newsvendor's, product by product.

    **Arguments:** `exposures`: in [0, 1], shape `rows width`.

    **Raises:** `InputError` if what is left over is worth more than a unit bought and held.

    Exposure trebles one person's odds of 1. A unit costs 1, sells at 4 and keeps its worth, so it earns 3 x 3/4:

    ```python
    >>> from intandem.market import build_market
    >>> product = {"price": np.array([4.0]), "unit_cost": np.ones(1), "holding_cost": np.zeros(1)}
    >>> market = build_market(product, np.zeros((1, 1)), np.full((1, 1), np.log(3.0)))
    >>> plan = plan_given_exposure(one_period(market, np.zeros(1)), np.ones((1, 1)))
    >>> plan.orders, round(plan.profit, 6)
    (array([1.]), 2.25)

    ```
    """
    chances = problem.choice_chances(exposures, np.arange(len(problem.population)))
    orders, profit = np.zeros(problem.products), np.zeros(problem.products)
    for product in range(problem.products):
        rows, places = problem.places_of(product)
        plan = problem.plan_of(product, exposures[rows, places], chances[rows, places], rows)
        orders[product], profit[product] = float(plan.order), float(plan.profit)
    return Plan(exposures, orders, problem.on_hand + orders, profit)


def one_period(
    market: Market,
    on_hand: np.ndarray | None = None,
    intention: np.ndarray | None = None,
    period: int = 0,
    may_order: bool = True,
) -> OnePeriod:
    """One period of a market, starting from some stock and intention.

    **Arguments:** `on_hand`: units per product (`None`: the market's initial stock). `intention`: logit units, shape
    `rows width` (`None`: baseline). `period`: position on the calendar. `may_order`: False: the stock is given.

    **Raises:** `InputError` for backordered demand (nothing arrives after the period), substitution (demand for a
    product then depends on the others' stock), levels of exposure that do not include 0, stock that is not whole units,
    or arrays of the wrong shape.

    Twelve people, of whom `sigmoid(-2)` and `sigmoid(-1.2)` buy when nothing is shown to them:

    ```python
    >>> from intandem.market import example_market
    >>> problem = one_period(example_market("two-products-capped"), np.zeros(2))
    >>> problem.visits, (12 * problem.choice_chances(np.zeros((1, 2)), np.array([0]))).round(3)
    (array([12.]), array([[1.43 , 2.778]]))

    ```
    """
    _check(market)
    settings = market.solve_settings
    slate = market.exposure == "slate"
    levels = np.array([0.0, 1.0] if slate else settings.exposure_levels)
    if not (levels == 0).any():
        raise InputError("[solve]", "has no exposure of 0", "add 0", key="exposure_levels")
    stock = _double(market.initial_stock if on_hand is None else on_hand)
    if stock.shape != (market.products,) or (stock < 0).any() or (stock != np.floor(stock)).any():
        raise InputError("on_hand", "is not one whole number of units >= 0 per product", f"give {market.products}")
    state = jnp.zeros_like(market.base_utility) if intention is None else jnp.asarray(intention, jnp.float32)
    if state.shape != market.base_utility.shape:
        raise InputError("intention", f"has shape {state.shape}", f"give shape {market.base_utility.shape}")
    index = market.pairs.product
    shape = market.base_utility.shape
    product = np.broadcast_to(np.arange(market.products), shape) if index is None else np.asarray(index)
    terms = Terms(**{field.name: _double(getattr(market, field.name)) for field in fields(Terms)})
    return OnePeriod(
        terms=terms if may_order else replace(terms, max_order=np.zeros(market.products)),
        on_hand=stock,
        population=_double(market.population),
        visit_probability=_double(market.visit_probability),
        utility=np.broadcast_to(_double(unexposed_utility(market, state, jnp.asarray(period))), shape),
        effect=_double(market.exposure_effect),
        product=product,
        slots=market.exposure_slots,
        levels=levels,
        multinomial=market.choice == "multinomial",
        slate=slate,
    )


def _check(market: Market) -> None:
    refuse_beyond_theory(market)
    if market.unmet_demand != "lost":
        problem = "are backordered, and no period follows in which to serve them"
        raise InputError("market", problem, "set unmet_demand = 'lost'", key="unmet_demand")
    if market.substitution:
        problem = "makes demand for a product depend on the stock of the others"
        raise InputError("market", problem, "set substitution = false", key="substitution")


def _double(values: Numbers | object) -> np.ndarray:
    return np.asarray(values, float)
