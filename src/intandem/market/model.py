"""The records of the market: what is known, what changes, what is decided, what came of it.

Symbols and shapes follow the documentation's model page. `rows` are customer rows, `width` is the number of
candidate products per row, `products` and `lead` count products and the longest lead time. Arrays are float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import polars as pl
from jaxtyping import Array, Float, Int

from intandem.display import Displayed, Summary, count, money, number, span
from intandem.market.pairs import Pairs
from intandem.market.rivals import Rivals

Choice = Literal["independent", "multinomial"]
ExposureMode = Literal["intensity", "slate"]
UnmetDemand = Literal["lost", "backordered"]
PeriodName = Literal["day", "week"]
MarketTable = Literal["products", "customers", "pairs", "season"]


if TYPE_CHECKING:
    Given = Array
else:
    # A policy in NumPy decides in NumPy's arrays.
    Given = Array | np.ndarray


class Labels:
    """Names of products and customers. They take no part in any computation, so that two markets which differ
    only in names share one compiled program: all labels count as equal to the compiler.

    `product_ids`, `customer_ids`; `names`, `categories` and own `choices` of products, `None` where a product has none;
    `first_period`: the first day of period 0, or the firm's own number of it, `None` where nobody knows.
    """

    __slots__ = ("categories", "choices", "customer_ids", "first_period", "names", "product_ids")

    def __init__(
        self,
        product_ids: Sequence[str],
        customer_ids: Sequence[str],
        names: Sequence[str | None] | None = None,
        categories: Sequence[str | None] | None = None,
        choices: Sequence[str | None] | None = None,
        first_period: date | int | None = None,
    ) -> None:
        self.product_ids = tuple(product_ids)
        self.customer_ids = tuple(customer_ids)
        nothing = (None,) * len(self.product_ids)
        self.names = nothing if names is None else tuple(names)
        self.categories = nothing if categories is None else tuple(categories)
        self.choices = nothing if choices is None else tuple(choices)
        self.first_period = first_period

    @property
    def texts(self) -> dict[str, tuple[str | None, ...]]:
        """What is written of products beside numbers, by the key of a market file."""
        return {"name": self.names, "category": self.categories, "choice": self.choices}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Labels)

    def __hash__(self) -> int:
        return hash(Labels)

    def __repr__(self) -> str:
        return f"Labels({len(self.product_ids)} products, {len(self.customer_ids)} customers)"


@dataclass(frozen=True)
class SolveSettings:
    """How finely an exact solver cuts a small market; see the market file reference."""

    stock_cap: int | None = None
    backlog_cap: int | None = None
    exposure_levels: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
    intention_grid: int = 41


class Market(Displayed, eqx.Module):
    """One market: products, customer rows, the pairs between them, and the rules of the game.

    Products (shape `products`): `price`, `unit_cost`, `salvage`, `regular_price`, `exposure_cost` (money per
    unit or exposure); `holding_cost`, `lost_sale_cost`, `backorder_cost` (money per unit and period);
    `fixed_order_cost` (money per order); `elasticity` (0 without a price term); `lead_time` (periods, whole);
    `min_order`, `order_multiple`, `max_order` (units, whole; infinity without a cap); `initial_stock` (units);
    `habit` (utility per purchase served to one person); `units_per_purchase` (mean units of a purchase, 1 or more);
    `unit_size` (how much of the firm's own unit a unit is: 1, or less for weighed goods; takes no part in the game).

    Customers (shape `rows`): `population` (persons, whole), `visit_probability`.

    Pairs (shape `rows width`): `base_utility` and `exposure_effect`, in logit units.

    `choice`: independent, or multinomial within each category; `rivals`: which places of a row then compete, `None` for
    one category. `season` holds utility shifts by position in the cycle and product. `persistence` and `carry_over`
    drive the intention. `discount` is 1 for average profit per period.
    """

    price: Float[Array, " products"]
    unit_cost: Float[Array, " products"]
    holding_cost: Float[Array, " products"]
    lost_sale_cost: Float[Array, " products"]
    backorder_cost: Float[Array, " products"]
    fixed_order_cost: Float[Array, " products"]
    exposure_cost: Float[Array, " products"]
    salvage: Float[Array, " products"]
    elasticity: Float[Array, " products"]
    regular_price: Float[Array, " products"]
    lead_time: Int[Array, " products"]
    min_order: Float[Array, " products"]
    order_multiple: Float[Array, " products"]
    max_order: Float[Array, " products"]
    initial_stock: Float[Array, " products"]
    habit: Float[Array, " products"]
    units_per_purchase: Float[Array, " products"]
    unit_size: Float[Array, " products"]
    population: Float[Array, " rows"]
    visit_probability: Float[Array, " rows"]
    base_utility: Float[Array, "rows width"]
    exposure_effect: Float[Array, "rows width"]
    season: Float[Array, "positions products"] | None
    persistence: Float[Array, ""]
    carry_over: Float[Array, ""]
    discount: Float[Array, ""]
    pairs: Pairs
    rivals: Rivals | None
    labels: Labels = eqx.field(static=True)
    name: str = eqx.field(static=True)
    period: PeriodName = eqx.field(static=True)
    choice: Choice = eqx.field(static=True)
    substitution: bool = eqx.field(static=True)
    exposure: ExposureMode = eqx.field(static=True)
    exposure_slots: int = eqx.field(static=True)
    unmet_demand: UnmetDemand = eqx.field(static=True)
    observed: bool = eqx.field(static=True)
    longest_lead_time: int = eqx.field(static=True)
    traits: Traits = eqx.field(static=True)
    solve: SolveSettings | None = eqx.field(static=True)

    @property
    def solve_settings(self) -> SolveSettings:
        """How finely an exact solver cuts this market: as its file says, or by default."""
        return SolveSettings() if self.solve is None else self.solve

    @property
    def products(self) -> int:
        """Number of products."""
        return self.pairs.products

    @property
    def rows(self) -> int:
        """Number of customer rows."""
        return self.pairs.rows

    @property
    def category(self) -> tuple[str | None, ...]:
        """The category of every product, `None` for a product without one."""
        return self.labels.categories

    @property
    def first_period(self) -> date | int | None:
        """The first day of period 0, where the season begins, or the firm's own number of it; `None`: not known."""
        return self.labels.first_period

    def _summary(self) -> Summary:
        pairs = self.pairs
        held = pairs.rows * pairs.width
        if pairs.product is not None and pairs.ragged:
            held = int((np.asarray(pairs.product) < pairs.products).sum())
        capped = int(np.isfinite(np.asarray(self.max_order)).sum())
        customers = f"{count(self.rows, 'customer row')} ({number(np.asarray(self.population).sum())} persons)"
        within = "" if self.rivals is None else f" within {count(len(set(self.category)), 'category', 'categories')}"
        choice = f"{self.choice}{within}{', with substitution' if self.substitution else ''}"
        reviewed = "average profit" if float(self.discount) == 1 else f"profit discounted at {number(self.discount)}"
        unmet = f"unmet demand is {self.unmet_demand}; {capped:,} of {self.products:,} products capped"
        memory = [f"{name.replace('_', '-')} {number(getattr(self, name))}" for name in ("persistence", "carry_over")]
        unit = "" if self.traits.single_units else f"; {span(self.units_per_purchase)} units per purchase"
        memory.append(f"habit {span(self.habit)}; departments {'see it' if self.observed else 'do not see it'}")
        rows = [
            (
                "choice",
                f"{choice}; exposure by {self.exposure}, {count(self.exposure_slots, 'slot')} per customer{unit}",
            ),
            ("supply", f"lead time {span(self.lead_time)} {self.period}s; {unmet}"),
            ("money", f"price {span(self.price)}, unit cost {span(self.unit_cost)}, holding {span(self.holding_cost)}"),
            ("intention", ", ".join(memory)),
            ("season", "none" if self.season is None else f"{count(self.season.shape[0], 'position')}"),
            ("objective", f"{reviewed} per {self.period}" if float(self.discount) == 1 else reviewed),
        ]
        sizes = f"{count(self.products, 'product')}, {customers}, {count(held, 'pair')}"
        return Summary(f"{self.name}: {sizes}, by the {self.period}", rows)

    def to_frame(self, table: MarketTable = "products") -> pl.DataFrame:
        """One table of the market, with the columns and units of a market file and every default filled in.

        - `products`: row per product. `max_order` is null without a cap; texts are null where there are none.
        - `customers`: row per customer row: `customer_id`, `population`, `visit_probability`.
        - `pairs`: row per pair: `customer_id`, `product_id`, `base_utility`, `exposure_effect`.
        - `season`: row per product and position: `product_id`, `position`, `utility_shift`; no row without a season.

        ```python
        >>> from intandem.market import example_market
        >>> market = example_market("two-products-capped")
        >>> market.to_frame().select("product_id", "price", "max_order").rows()
        [('p1', 12.0, 5.0), ('p2', 10.0, 5.0)]
        >>> market.to_frame("pairs").shape
        (2, 4)

        ```
        """
        products = pl.Series("product_id", self.labels.product_ids, dtype=pl.String)
        customers = pl.Series("customer_id", self.labels.customer_ids, dtype=pl.String)
        if table == "products":
            texts = self.labels.texts
            columns = {name: np.asarray(getattr(self, name)) for name in PRODUCT_FIELDS}
            named = [products, *(pl.Series(name, values, dtype=pl.String) for name, values in texts.items())]
            frame = pl.DataFrame([*named, *(pl.Series(name, values) for name, values in columns.items())])
            return frame.with_columns(max_order=pl.when(pl.col("max_order").is_finite()).then("max_order"))
        if table == "customers":
            columns = {name: np.asarray(getattr(self, name)) for name in ("population", "visit_probability")}
            return pl.DataFrame([customers, *(pl.Series(name, values) for name, values in columns.items())])
        if table == "pairs":
            values = (np.asarray(self.base_utility), np.asarray(self.exposure_effect))
            row, product, utility, effect = self.pairs.columns(*values)
            named = [customers.gather(row), products.gather(product)]
            return pl.DataFrame([*named, pl.Series("base_utility", utility), pl.Series("exposure_effect", effect)])
        shifts = np.zeros((0, self.products), np.float32) if self.season is None else np.asarray(self.season)
        positions, count = shifts.shape
        return pl.DataFrame(
            {
                "product_id": products.gather(np.repeat(np.arange(count), positions)),
                "position": np.tile(np.arange(positions), count),
                "utility_shift": np.ascontiguousarray(shifts.T).ravel(),
            }
        )


PRODUCT_FIELDS = (
    "price",
    "unit_cost",
    "holding_cost",
    "lost_sale_cost",
    "backorder_cost",
    "fixed_order_cost",
    "exposure_cost",
    "salvage",
    "elasticity",
    "regular_price",
    "lead_time",
    "min_order",
    "order_multiple",
    "max_order",
    "initial_stock",
    "habit",
    "units_per_purchase",
    "unit_size",
)
"""The fields of `Market` that hold one number per product, in the order of a market file."""


@dataclass(frozen=True)
class Traits:
    """What a market does not need, known before compilation, so that a period does no work for it.

    - `single_persons`: every population is 1, so every draw is a Bernoulli draw.
    - `always_visit`: every visit probability is 1.
    - `habitual`: some product has a habit, so units must be given to customers one by one.
    - `price_terms`: some product is sold off its regular price with an elasticity.
    - `has_intention`: intentions persist or purchases form habits; otherwise every period starts from baseline.
    - `fixed_costs`: some order has a fixed cost.
    - `single_units`: every purchase is of one unit.
    """

    single_persons: bool
    always_visit: bool
    habitual: bool
    price_terms: bool
    has_intention: bool
    fixed_costs: bool
    single_units: bool


class History(eqx.Module):
    """What departments see of customers when intention is not observed; all of shape `rows width`.

    - `recency`: periods since the pair's last purchase, at most `RECENCY_CAP`.
    - `frequency`: purchases served per person, exponentially weighted with `HISTORY_DECAY`.
    - `exposures`: exposures per person, exponentially weighted with `HISTORY_DECAY`.
    """

    recency: Float[Array, "rows width"]
    frequency: Float[Array, "rows width"]
    exposures: Float[Array, "rows width"]


HISTORY_DECAY = 0.8
RECENCY_CAP = 52.0


class State(Displayed, eqx.Module):
    """Where the market stands when the departments observe it, after this period's receipts.

    - `on_hand`: units available, per product.
    - `backlog`: units owed, per product (0 where unmet demand is lost); they are served before new demand.
    - `pipeline`: units ordered and not yet received; row `k` arrives in `k + 1` periods.
    - `intention`: distance of each pair's purchase intention from its baseline, in logit units.
    - `period`: position on the calendar, from 0.
    - `history`: only where intention is not observed.
    """

    on_hand: Float[Array, " products"]
    backlog: Float[Array, " products"]
    pipeline: Float[Array, "lead products"]
    intention: Float[Array, "rows width"]
    period: Int[Array, ""]
    history: History | None

    def _summary(self) -> Summary:
        owed, due = np.asarray(self.backlog), np.asarray(self.pipeline)
        next_due = f", {number(due[0].sum())} of them due next" if due.sum() > 0 else ""
        rows = [
            ("on hand", f"{span(self.on_hand)} units of each of {count(self.on_hand.shape[0], 'product')}"),
            ("on order", f"{number(due.sum())} units{next_due}"),
            ("owed", f"{number(owed.sum())} units"),
            ("intention", f"{span(self.intention)} over {count(self.intention.size, 'pair')}, from the baseline"),
        ]
        units = number(np.asarray(self.on_hand).sum())
        return Summary(f"period {int(self.period):,}: {units} units on hand, {number(due.sum())} on order", rows)


class Decision(Displayed, eqx.Module):
    """One period's decisions: `order` (whole units per product) and `exposure` (rows width, in [0, 1])."""

    order: Float[Given, " products"]
    exposure: Float[Given, "rows width"]

    def _summary(self) -> Summary:
        order, exposure = np.asarray(self.order), np.asarray(self.exposure)
        placed = f"{int((order > 0).sum()):,} of {count(order.size, 'product')}"
        rows = [
            ("order", f"{span(order)} units, for {placed}"),
            ("exposure", f"{span(exposure)} per pair, {span(exposure.sum(1))} per customer row"),
        ]
        return Summary(f"{number(order.sum())} units ordered, {number(exposure.sum())} exposures", rows)


class Ledger(Displayed, eqx.Module):
    """Money per product in one period, each as a positive amount; see `profit`."""

    revenue: Float[Array, " products"]
    procurement: Float[Array, " products"]
    ordering: Float[Array, " products"]
    holding: Float[Array, " products"]
    lost_sales: Float[Array, " products"]
    backorders: Float[Array, " products"]
    exposure: Float[Array, " products"]

    @property
    def profit(self) -> Float[Array, "*periods products"]:
        """Revenue less every cost (of each period, for a stacked record)."""
        return (
            self.revenue
            - self.procurement
            - self.ordering
            - self.holding
            - self.lost_sales
            - self.backorders
            - self.exposure
        )


COSTS = ("procurement", "ordering", "holding", "lost_sales", "backorders", "exposure")
"""The fields of `Ledger` that are paid."""


class Outcome(Displayed, eqx.Module):
    """What came of one period, per product, in units unless said otherwise.

    - `order`: units ordered; `received`: units that arrived, at once (lead time 0) or as the period closes.
    - `demand`: units asked for; `sales`: units served, those owed from earlier included.
    - `served_new`: units served out of this period's demand; `lost`: demand gone for good.
    - `end_stock`, `end_backlog`: after fulfilment, before the next receipts.
    - `exposures`: exposures delivered to visitors.
    - `ledger`: the money.
    """

    order: Float[Array, " products"]
    received: Float[Array, " products"]
    demand: Float[Array, " products"]
    sales: Float[Array, " products"]
    served_new: Float[Array, " products"]
    lost: Float[Array, " products"]
    end_stock: Float[Array, " products"]
    end_backlog: Float[Array, " products"]
    exposures: Float[Array, " products"]
    ledger: Ledger

    def _summary(self) -> Summary:
        periods = self.demand.shape[0] if self.demand.ndim == 2 else 1
        means = {
            name: np.asarray(getattr(self, name)).sum(-1).mean()
            for name in ("order", "demand", "served_new", "lost", "end_stock", "exposures")
        }
        profit = sum(
            sign * float(np.asarray(getattr(self.ledger, name)).sum(-1).mean())
            for name, sign in (("revenue", 1.0), *((cost, -1.0) for cost in COSTS))
        )
        rows = [(name.replace("_", " "), number(mean)) for name, mean in means.items()]
        length = f"profit {money(profit)} in one period"
        if self.demand.ndim > 1:
            length = f"{count(periods, 'period')}: profit {money(profit)} per period"
        return Summary(f"{length}; over all products:", rows)

    @property
    def profit(self) -> Float[Array, "..."]:
        """The firm's profit of the period (of each, for a stacked record)."""
        return self.ledger.profit.sum(-1)


def initial_state(market: Market) -> State:
    """The state in which a market opens: initial stock, nothing owed or on order, intentions at baseline.

    ```python
    >>> from intandem.market import example_market
    >>> state = initial_state(example_market("two-products-capped"))
    >>> state.on_hand.tolist(), int(state.period)
    ([6.0, 9.0], 0)

    ```
    """
    shape = market.base_utility.shape
    history = None
    if not market.observed:
        history = History(jnp.full(shape, RECENCY_CAP), jnp.zeros(shape), jnp.zeros(shape))
    return State(
        on_hand=market.initial_stock,
        backlog=jnp.zeros(market.products),
        pipeline=jnp.zeros((market.longest_lead_time, market.products)),
        intention=jnp.zeros(shape),
        period=jnp.zeros((), jnp.int32),
        history=history,
    )


def traits_of(market_arrays: dict[str, np.ndarray], persistence: float) -> Traits:
    """The traits of a market from its arrays, named as in `Market`."""
    habitual = bool((market_arrays["habit"] != 0).any())
    off_price = market_arrays["price"] != market_arrays["regular_price"]
    return Traits(
        single_persons=bool((market_arrays["population"] == 1).all()),
        always_visit=bool((market_arrays["visit_probability"] == 1).all()),
        habitual=habitual,
        price_terms=bool((off_price & (market_arrays["elasticity"] != 0)).any()),
        has_intention=habitual or persistence != 0,
        fixed_costs=bool((market_arrays["fixed_order_cost"] > 0).any()),
        single_units=bool((np.asarray(market_arrays["units_per_purchase"], np.float32) == 1).all()),
    )
