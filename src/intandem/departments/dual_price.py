"""The dual-price rule: every product's own dynamic program, held together by the price of a slot.

With a price on slots the problem falls apart into products, and what stock is worth to each is known in every state.
Orders are read from that solution. Exposures go where they bring most: uplift x worth of a unit of demand, the worth
being margin less the shadow price of stock, which rises as the shelf empties. Worths fall as demand rises, so exposure
is shared out in rounds, each at the worths that the rounds before have left. The tables come from `theory.dual_price`.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from intandem.departments.department import Department
from intandem.departments.outlook import (
    Reference,
    believed_intention,
    exposure_value,
    later_effect,
    look_ahead,
    slope_of_purchase,
    top_slots,
)
from intandem.market import Market, State
from intandem.market.demand import mean_demand, unexposed_utility
from intandem.market.supply import inventory_position, nearest_feasible_order

ROUNDS = 12
"""Rounds in which exposure is shared out."""

LASTING = 0.1
"""Share of an exposure's later demand that is counted on: later exposures would have raised part of it anyway."""


class StockTables(eqx.Module):
    """What is known of every product by its state: net stock, and the orders that arrive next.

    A state is looked up at the nearest point of the grid.

    - `lot`: units per step of the stock grid. `low`: net stock of its first point, units.
    - `sizes`: of orders on the grid, units, rising: `products orders`.
    - `worth`: profit from here on, exposure left out, by mean demand of this period: `products stock arriving means`,
      where `arriving` runs over the sizes of the next orders to arrive, the first slowest.
    - `mean_low`, `mean_step`: the grid of mean demands, units. `order`: units, by the same as `worth`.
    - `level`, `largest`: order-up-to level and largest order where the lead time is too long for tables; else `nan`.
    - `later`: units that are usually expected in the periods of the lead time after this one, before exposures to come.
    - `standing_worth`: money per unit of demand on average.
    - `depth`: how many of the next orders to arrive the tables know.
    """

    lot: Float[Array, " products"]
    low: Float[Array, " products"]
    sizes: Float[Array, "products orders"]
    worth: Float[Array, "products stock arriving means"]
    mean_low: Float[Array, " products"]
    mean_step: Float[Array, " products"]
    order: Float[Array, "products stock arriving means"]
    level: Float[Array, " products"]
    largest: Float[Array, " products"]
    later: Float[Array, " products"]
    standing_worth: Float[Array, " products"]
    depth: int = eqx.field(static=True)

    def place(
        self, market: Market, state: State, needed: Float[Array, " products"] | float = 0.0
    ) -> tuple[Int[Array, " products"], Int[Array, " products"]]:
        """The grid point of every product's stock, less units `needed` beyond the usual, and of the orders that arrive
        next."""
        net = state.on_hand - state.backlog - needed
        stock = jnp.clip(jnp.round((net - self.low) / self.lot), 0, self.worth.shape[1] - 1)
        arriving = jnp.zeros(market.products, jnp.int32)
        for slot in range(self.depth):
            # An order just placed is not under way yet when the departments look.
            units = jnp.where(market.lead_time > slot + 1, state.pipeline[slot], 0.0)
            nearest = jnp.abs(self.sizes - units[:, None]).argmin(1).astype(jnp.int32)
            arriving = arriving * self.sizes.shape[1] + nearest
        return stock.astype(jnp.int32), arriving

    def nearest_mean(self, mean: Float[Array, " products"]) -> Int[Array, " products"]:
        """The point of every product's grid of means that is nearest to a mean demand."""
        step = jnp.round((mean - self.mean_low) / self.mean_step)
        return jnp.clip(step, 0, self.worth.shape[-1] - 1).astype(jnp.int32)


StockObservation = tuple[
    Float[Array, " products"], Int[Array, " products"], Int[Array, " products"], Int[Array, " products"]
]
DualPriceObservation = tuple[Float[Array, "rows width"], Float[Array, "products means"]]


class DualPriceExposure(Department[DualPriceObservation]):
    """Exposure where uplift x (margin - shadow price of stock) is largest.

    - `tables`: of the products. `choices`: every exposure table there is, in a market small enough to list them; else
      `None`, and exposure is shared out in rounds.
    """

    tables: StockTables
    choices: Float[Array, "choices rows width"] | None

    def observe(self, market: Market, state: State) -> DualPriceObservation:
        """Utilities without exposure, and every product's worth by mean demand."""
        unexposed = unexposed_utility(market, believed_intention(market, state), state.period)
        stock, arriving = self.tables.place(market, state)
        return unexposed, self.tables.worth[jnp.arange(market.products), stock, arriving]

    def decide(self, market: Market, observation: DualPriceObservation) -> Float[Array, "rows width"]:
        """The best table of exposures that was listed or found."""
        unexposed, worth = observation
        if self.choices is not None:
            values = jax.vmap(lambda shown: self._value(market, unexposed, worth, shown))(self.choices)
            return self.choices[values.argmax()]
        return self._shared_out(market, unexposed, worth)

    def _at(
        self, mean: Float[Array, " products"], means: int
    ) -> tuple[Int[Array, " products"], Float[Array, " products"]]:
        """Where a mean demand lies on its grid: the point below, and the way to the next (beyond 0..1 outside)."""
        step = (mean - self.tables.mean_low) / self.tables.mean_step
        below = jnp.clip(jnp.floor(step), 0, max(means - 2, 0)).astype(jnp.int32)
        return below, step - below

    def _slope(
        self, worth: Float[Array, "products means"], mean: Float[Array, " products"]
    ) -> Float[Array, " products"]:
        """Money per further unit of demand."""
        if worth.shape[1] == 1:
            return jnp.zeros_like(mean)
        product = jnp.arange(len(mean))
        below, _ = self._at(mean, worth.shape[1])
        return (worth[product, below + 1] - worth[product, below]) / self.tables.mean_step

    def _lasting(self, market: Market, unexposed: Float[Array, "rows width"]) -> Float[Array, "rows width"]:
        """Money that a full exposure brings in later periods."""
        if not market.traits.has_intention:
            return jnp.zeros_like(unexposed)
        slope = slope_of_purchase(market, unexposed)
        people = (market.population * market.visit_probability)[:, None]
        later = later_effect(market) * market.exposure_effect * people * slope
        return LASTING * later * market.pairs.spread(self.tables.standing_worth * market.units_per_purchase)

    def _value(
        self,
        market: Market,
        unexposed: Float[Array, "rows width"],
        worth: Float[Array, "products means"],
        shown: Float[Array, "rows width"],
    ) -> Float[Array, ""]:
        mean = mean_demand(market, unexposed, shown)
        product = jnp.arange(market.products)
        below, way = self._at(mean, worth.shape[1])
        above = jnp.minimum(below + 1, worth.shape[1] - 1)
        now = worth[product, below] + way * (worth[product, above] - worth[product, below])
        people = (market.population * market.visit_probability)[:, None]
        paid = (shown * people * market.pairs.spread(market.exposure_cost)).sum()
        return now.sum() - paid + (shown * self._lasting(market, unexposed)).sum()

    def _shared_out(
        self, market: Market, unexposed: Float[Array, "rows width"], worth: Float[Array, "products means"]
    ) -> Float[Array, "rows width"]:
        people = (market.population * market.visit_probability)[:, None]
        lasting = self._lasting(market, unexposed)

        def best_answer(shown: Float[Array, "rows width"]) -> Float[Array, "rows width"]:
            slope = self._slope(worth, mean_demand(market, unexposed, shown))
            return top_slots(people * exposure_value(market, unexposed, slope) + lasting, market.exposure_slots)

        def share(carry: tuple[Array, Array, Array], number: Array) -> tuple[tuple[Array, Array, Array], None]:
            mixed, best, value = carry
            answer = best_answer(mixed)
            mixed = mixed + 2 / (number + 2) * (answer - mixed)
            # Fractions are for intensities only; in a slate the answers to them are what can be shown.
            candidates = [answer] if market.exposure == "slate" else [answer, mixed]
            for shown in candidates:
                found = self._value(market, unexposed, worth, shown)
                best, value = jnp.where(found > value, shown, best), jnp.maximum(found, value)
            return (mixed, best, value), None

        nothing = jnp.zeros_like(unexposed)
        start = (nothing, nothing, self._value(market, unexposed, worth, nothing))
        return jax.lax.scan(share, start, jnp.arange(ROUNDS, dtype=jnp.float32))[0][1]


class DualPriceOrders(Department[StockObservation]):
    """Orders from every product's own optimum, or up to its level where that is unknown.

    - `standing`: the market's reference demand: the tables know usual demand, and what is expected beyond it in the
      periods of the lead time, from intentions and season, counts as stock that is gone.
    - `recommendation`: the rule of the other department. What it will show follows from what both see, and so does the
      demand of this period; its decision itself is not needed.
    """

    standing: Reference
    recommendation: DualPriceExposure

    @property
    def tables(self) -> StockTables:
        """Of the products: both departments read the same."""
        return self.recommendation.tables

    def observe(self, market: Market, state: State) -> StockObservation:
        """The inventory position, less units needed beyond the usual, the place in the tables, and the nearest mean."""
        outlook = look_ahead(market, self.standing, state)
        needed = outlook.cover - outlook.now - self.tables.later
        unexposed, worth = self.recommendation.observe(market, state)
        shown = self.recommendation.decide(market, (unexposed, worth))
        mean = mean_demand(market, unexposed, shown)
        stock, arriving = self.tables.place(market, state, needed)
        return inventory_position(state) - needed, stock, arriving, self.tables.nearest_mean(mean)

    def decide(self, market: Market, observation: StockObservation) -> Float[Array, " products"]:
        """The tabled order."""
        position, stock, arriving, mean = observation
        tabled = self.tables.order[jnp.arange(market.products), stock, arriving, mean]
        up_to = jnp.clip(self.tables.level - position, 0.0, self.tables.largest)
        return nearest_feasible_order(market, jnp.where(jnp.isnan(self.tables.level), tabled, up_to))
