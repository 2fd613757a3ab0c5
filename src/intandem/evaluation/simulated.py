"""What comes of playing a policy: figures per period of many runs, and one run period by period."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import equinox as eqx
import numpy as np
import polars as pl
from jaxtyping import Array, Float

from intandem.display import Displayed, Summary, count, money, number, percent
from intandem.market import Ledger

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

BATCHES = 20
"""A run is also cut into so many batches: they give a standard error where there is one run only (batch means; Law,
Simulation Modeling and Analysis, section 9.5)."""

EVEN_SHARE_COVERED = 0.01
"""A product counts as covered if it gets at least this part of an even share of all exposures."""


class Totals(Displayed, eqx.Module):
    """Sums over the periods that count, per product unless said otherwise; names as in `Outcome`.

    - `order_lines`: periods with an order. `on_hand`: stock when deciding. `slots_used`: exposures per visitor
      over the slots there are, summed over periods. `profit_batches`: the firm's profit in each of `BATCHES`.
    - `discounted`: the firm's profit, discounted to the first period that counts.
    """

    order: Float[Array, " products"]
    order_lines: Float[Array, " products"]
    demand: Float[Array, " products"]
    sales: Float[Array, " products"]
    served_new: Float[Array, " products"]
    lost: Float[Array, " products"]
    on_hand: Float[Array, " products"]
    end_stock: Float[Array, " products"]
    end_backlog: Float[Array, " products"]
    exposures: Float[Array, " products"]
    profit: Float[Array, " products"]
    ledger: Ledger
    slots_used: Float[Array, ""]
    profit_batches: Float[Array, " batches"]
    discounted: Float[Array, ""]


@dataclass(frozen=True, repr=False)
class Simulated(Displayed):
    """A policy's figures, from `runs` runs of `periods` periods after `warmup` periods that do not count.

    Fields that end in `_by_run` have shape `runs`; run `r` of two policies with one seed shares its random numbers.
    `totals` holds sums over periods with a leading axis of `runs`, in double precision.
    """

    product_ids: tuple[str, ...]
    periods: int
    runs: int
    warmup: int
    seed: int
    discount: float
    totals: Totals

    @cached_property
    def profit_by_run(self) -> np.ndarray:
        """Profit per period."""
        return self._sum("profit") / self.periods

    @cached_property
    def discounted_by_run(self) -> np.ndarray:
        """Profit over all `periods`, discounted to the first period after the warm-up."""
        return np.asarray(self.totals.discounted)

    @cached_property
    def fill_rate_by_run(self) -> np.ndarray:
        """Share of demand that is served in its own period; 1 without any demand."""
        return 1.0 - _ratio(self._sum("demand") - self._sum("served_new"), self._sum("demand"))

    @cached_property
    def lost_share_by_run(self) -> np.ndarray:
        """Share of demand that is lost; 0 without any demand."""
        return _ratio(self._sum("lost"), self._sum("demand"))

    @property
    def profit(self) -> float:
        """Mean profit per period."""
        return float(self.profit_by_run.mean())

    @property
    def profit_se(self) -> float:
        """Standard error of `profit`: over runs, or over batches of periods where there is one run."""
        if self.runs > 1:
            return float(self.profit_by_run.std(ddof=1) / np.sqrt(self.runs))
        batches = min(BATCHES, self.periods)
        if batches == 1:
            return 0.0
        counts = np.bincount(np.arange(self.periods) * BATCHES // self.periods, minlength=BATCHES)
        means = np.asarray(self.totals.profit_batches)[0][counts > 0] / counts[counts > 0]
        return float(means.std(ddof=1) / np.sqrt(batches))

    @property
    def fill_rate(self) -> float:
        """Mean share of demand served in its own period."""
        return float(self.fill_rate_by_run.mean())

    @property
    def lost_share(self) -> float:
        """Mean share of demand lost."""
        return float(self.lost_share_by_run.mean())

    @property
    def exposure_share(self) -> float:
        """Share of the exposure slots that is used, 0 to 1."""
        return float(np.asarray(self.totals.slots_used).mean() / self.periods)

    @property
    def orders_per_period(self) -> float:
        """Units ordered per period, over all products."""
        return float(self.per_period("order").sum())

    @property
    def order_lines_per_period(self) -> float:
        """Orders placed per period, over all products."""
        return float(self.per_period("order_lines").sum())

    @property
    def end_stock(self) -> float:
        """Units left at the end of a period, over all products."""
        return float(self.per_period("end_stock").sum())

    @property
    def cover(self) -> float:
        """Periods of demand that the stock at the end of a period would last."""
        demand = float(self.per_period("demand").sum())
        return self.end_stock / demand if demand > 0 else 0.0

    @property
    def exposure_concentration(self) -> float:
        """Herfindahl index of exposures over products: 1 if one product gets all, 1/products if they share evenly."""
        shares = self.exposure_share_by_product
        return float((shares**2).sum())

    @property
    def catalogue_coverage(self) -> float:
        """Share of products that get at least 1% of an even share of all exposures."""
        shares = self.exposure_share_by_product
        return float((shares * len(shares) >= EVEN_SHARE_COVERED).mean())

    @property
    def exposure_share_by_product(self) -> np.ndarray:
        """Each product's share of all exposures, shape `products`; zeros if nothing is shown."""
        exposures = self.per_period("exposures")
        return _ratio(exposures, np.full_like(exposures, exposures.sum()))

    @property
    def ledger(self) -> dict[str, float]:
        """Money per period by kind, each as a positive amount: revenue, and the costs."""
        ledger = self.totals.ledger
        return {
            field.name: float(np.asarray(getattr(ledger, field.name)).sum(1).mean() / self.periods)
            for field in dataclasses.fields(ledger)
        }

    def per_period(self, name: str) -> np.ndarray:
        """Mean over runs and periods of one of `Totals`' fields, shape `products`."""
        return np.asarray(getattr(self.totals, name)).mean(0) / self.periods

    def _sum(self, name: str) -> np.ndarray:
        return np.asarray(getattr(self.totals, name)).sum(1)

    def _summary(self) -> Summary:
        ordered, lines = number(self.orders_per_period), number(self.order_lines_per_period)
        length = f"{count(self.runs, 'run')} of {count(self.periods, 'period')}"
        rows = [
            ("demand", f"{percent(self.fill_rate)} met in its own period, {percent(self.lost_share)} lost"),
            ("exposure", f"{percent(self.exposure_share)} of the slots used"),
            ("orders", f"{ordered} units per period, in {lines} orders"),
            ("stock", f"{number(self.end_stock)} units at the end of a period, {number(self.cover)} periods of demand"),
            ("products", f"{len(self.product_ids):,}"),
            ("played", f"{length} after {self.warmup:,} that do not count, seed {self.seed}"),
        ]
        if self.discount < 1:
            total = float(self.discounted_by_run.mean())
            rows.insert(0, ("discounted", f"{money(total)} over all periods, at {self.discount:g} a period"))
        return Summary(f"profit {money(self.profit)} per period (standard error {money(self.profit_se)})", rows)

    def to_frame(self) -> pl.DataFrame:
        """One row per product; every figure is a mean over runs, per period unless it is a share.

        - `product_id`. `profit`: money, and what it is made of, each as a positive amount: `revenue`, `procurement`,
          `ordering`, `holding`, `lost_sales`, `backorders`, `exposure_cost`.
        - `order`, `demand`, `sales`, `lost`: units. `order_lines`: orders placed. `fill_rate`: share of demand served
          in its own period, 1 without demand.
        - `on_hand`: units when deciding. `end_stock`, `end_backlog`: units at the end of a period.
        - `exposures`: exposures delivered. `exposure_share`: the product's share of all of them.

        ```python
        >>> from intandem.departments import policy_of_rules
        >>> from intandem.evaluation.simulation import simulate
        >>> from intandem.market import example_market
        >>> market = example_market("two-products-capped")
        >>> played = simulate(market, policy_of_rules(market, "base-stock", "uplift"), periods=200, runs=8)
        >>> frame = played.to_frame()
        >>> frame["product_id"].to_list(), abs(frame["profit"].sum() - played.profit) < 1e-6
        (['p1', 'p2'], True)

        ```
        """
        ledger = self.totals.ledger
        kinds = {field.name: np.asarray(getattr(ledger, field.name)) for field in dataclasses.fields(ledger)}
        kinds["exposure_cost"] = kinds.pop("exposure")
        demand, served = self.per_period("demand"), self.per_period("served_new")
        units = ("order", "order_lines", "demand", "sales", "lost")
        stock = ("on_hand", "end_stock", "end_backlog", "exposures")
        return pl.DataFrame(
            {
                "product_id": pl.Series(self.product_ids, dtype=pl.String),
                "profit": self.per_period("profit"),
                **{name: values.mean(0) / self.periods for name, values in kinds.items()},
                **{name: self.per_period(name) for name in units},
                "fill_rate": 1.0 - _ratio(demand - served, demand),
                **{name: self.per_period(name) for name in stock},
                "exposure_share": self.exposure_share_by_product,
            }
        )

    def plot_products(
        self, products: Sequence[int | str] | None = None, *, names: Sequence[str] | None = None
    ) -> Figure:
        """Profit, exposures and demand lost of products, see `intandem.plot_products`."""
        from intandem.evaluation.plots import plot_products

        return plot_products(self, products=products, names=names)

    def as_json(self) -> dict[str, object]:
        """The figures under the names of the command line's JSON."""
        figures: dict[str, object] = {
            "profit_per_period": {"mean": self.profit, "se": self.profit_se},
            "fill_rate": self.fill_rate,
            "lost_share": self.lost_share,
            "exposure_share": self.exposure_share,
            "orders_per_period": self.orders_per_period,
            "order_lines_per_period": self.order_lines_per_period,
            "end_stock": self.end_stock,
            "cover": self.cover,
            "exposure_concentration": self.exposure_concentration,
            "catalogue_coverage": self.catalogue_coverage,
            "ledger": self.ledger,
            "warmup": self.warmup,
            "periods": self.periods,
            "runs": self.runs,
            "seed": self.seed,
        }
        if self.discount < 1:
            values = self.discounted_by_run
            error = float(values.std(ddof=1) / np.sqrt(self.runs)) if self.runs > 1 else None
            figures["discounted_profit"] = {"mean": float(values.mean()), "se": error}
        return figures


@dataclass(frozen=True, repr=False)
class Trace(Displayed):
    """One run, period by period, of some products: arrays of shape `periods products`.

    - `on_hand`: units when deciding. `order`, `demand`, `lost`: units. `exposures`: exposures delivered.
    - `profit`: the whole firm's profit, shape `periods`.
    """

    product_ids: tuple[str, ...]
    on_hand: np.ndarray
    order: np.ndarray
    demand: np.ndarray
    lost: np.ndarray
    exposures: np.ndarray
    profit: np.ndarray

    def _summary(self) -> Summary:
        names = ("on_hand", "order", "demand", "lost", "exposures")
        means = [np.asarray(getattr(self, name)).mean(0) for name in names]
        rows = [(product, *(number(mean[j]) for mean in means)) for j, product in enumerate(self.product_ids)]
        periods = count(len(self.profit), "period")
        headline = f"one run of {periods}: profit {money(float(self.profit.mean()))} per period; means per period:"
        return Summary(headline, rows, ("product", *names))

    def to_frame(self) -> pl.DataFrame:
        """One row per period and product.

        `period` (from 0, after the warm-up), `product_id`; `on_hand` (units when deciding), `order`, `demand`, `lost`
        (units), `exposures`; `firm_profit` is the whole firm's in the period, the same in every product's row.
        """
        periods, products = self.on_hand.shape
        return pl.DataFrame(
            {
                "period": np.repeat(np.arange(periods), products),
                "product_id": pl.Series(self.product_ids * periods, dtype=pl.String),
                **{name: getattr(self, name).ravel() for name in ("on_hand", "order", "demand", "lost", "exposures")},
                "firm_profit": np.repeat(self.profit, products),
            }
        )


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0)
