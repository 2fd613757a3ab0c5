"""Products in the firm's own units: sizes of purchases, prices, costs, lead times, order terms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from intandem.data.calibration.new_products import by_department
from intandem.data.calibration.panel import Panel
from intandem.data.calibration.settings import MarketSettings
from intandem.data.calibration.supply_terms import OrderTerms, order_terms
from intandem.data.tables.checks.sizes import largest_usual
from intandem.data.tables.tables import Tables
from intandem.display import count
from intandem.market.rules.keys import LARGEST_WHOLE

SHOWN = 3
"""Products that a sentence names."""

UNIT_SIZES = (1.0, 0.1, 0.01, 0.001)
"""What a unit of the market may be of the firm's."""

WEIGHED = 0.05
"""Share of purchases with a fraction in their quantity beyond which a product is sold by weight or length."""


@dataclass(frozen=True)
class PurchaseSizes:
    """How much a purchase is, per product.

    - `mean`: units of the firm that a customer buys in a period in which it buys any.
    - `unit_size`: what a unit of the market is of the firm's: 1, or less where the product is weighed or measured.
    """

    mean: np.ndarray
    unit_size: np.ndarray

    @property
    def units_per_purchase(self) -> np.ndarray:
        """The market's units in a purchase, as a market file may hold them."""
        return np.clip(self.mean / self.unit_size, 1.0, LARGEST_WHOLE)


def purchase_sizes(tables: Tables, panel: Panel) -> PurchaseSizes:
    """Sizes of purchases, and for what is weighed a unit of which a usual purchase has two or more.

    Quantities beyond all usual sizes are left out: one order of ten thousand times the usual is a purchase, and no
    measure of what a purchase is. A product that nobody bought takes the median of its department.
    """
    periods = np.flatnonzero(panel.train).tolist()
    purchases = (
        tables.transactions.filter(pl.col("period").is_in(periods) & (pl.col("quantity") > 0))
        .group_by("customer", "product", "period")
        .agg(pl.col("quantity").sum())
    )
    usual = purchases.join(largest_usual(purchases, "product"), on="product").filter(
        pl.col("quantity") <= pl.col("largest")
    )
    split = (pl.col("quantity") != pl.col("quantity").round()).mean()
    found = usual.group_by("product").agg(pl.col("quantity").mean(), split=split)
    at = found["product"].to_numpy()
    mean, weighed, known = np.ones(panel.products), np.zeros(panel.products), np.zeros(panel.products, bool)
    mean[at], weighed[at], known[at] = found["quantity"].to_numpy(), found["split"].to_numpy(), True
    if known.any():
        mean = by_department(mean, known, tables)
    size = np.ones(panel.products)
    for finer in UNIT_SIZES[1:]:
        size = np.where((weighed > WEIGHED) & (mean < 2 * size), finer, size)
    return PurchaseSizes(mean, size)


def product_fields(
    tables: Tables, sizes: PurchaseSizes, elasticity: float, settings: MarketSettings
) -> tuple[dict[str, Any], list[str]]:
    """The product arrays of `build_market`, in the market's units, and what was assumed for them."""
    products = tables.products

    def column(name: str) -> np.ndarray:
        return products[name].cast(pl.Float64).fill_null(float("nan")).to_numpy().astype(float)

    def stated(name: str, default: np.ndarray | float) -> np.ndarray:
        own = column(name)
        return np.where(np.isnan(own), default, own)

    price = stated("price", _mean_price(tables))
    margin = np.array(
        [settings.margin_by_department.get(name or "", settings.margin) for name in products["department"].to_list()]
    )
    unit_cost = stated("unit_cost", price * (1 - margin))
    regular_price = stated("regular_price", price)
    units = sizes.unit_size
    terms = order_terms(stated("min_order", 0.0), stated("order_multiple", 1.0), column("max_order"), units)
    free = (np.asarray(price * units, np.float32) == 0) | (np.asarray(regular_price * units, np.float32) == 0)
    fields: dict[str, Any] = {
        "name": products["name"].to_list(),
        "category": products["category"].to_list(),
        "price": price * units,
        "unit_cost": unit_cost * units,
        "regular_price": regular_price * units,
        "holding_cost": stated("holding_cost", settings.holding_rate * unit_cost) * units,
        "lost_sale_cost": stated("lost_sale_cost", settings.lost_sale_cost) * units,
        "fixed_order_cost": stated("fixed_order_cost", settings.fixed_order_cost),
        "exposure_cost": np.full(len(price), settings.exposure_cost),
        "lead_time": stated("lead_time", float(settings.lead_time)),
        "elasticity": np.where(free, 0.0, elasticity),
        "min_order": terms.min_order,
        "order_multiple": terms.order_multiple,
        "max_order": terms.max_order,
        "units_per_purchase": sizes.units_per_purchase,
        "unit_size": units,
    }
    assumptions = _unit_sentences(tables, terms, units)
    without = int(np.isnan(column("unit_cost")).sum())
    if without:
        assumptions.append(
            f"{count(without, 'product')} {'has' if without == 1 else 'have'} no unit cost: a gross margin of "
            f"{settings.margin:.0%} of price is assumed."
        )
    if np.isnan(column("holding_cost")).any():
        assumptions.append(
            f"Holding a unit for a {tables.period_name} costs {settings.holding_rate:.1%} of its unit cost (assumed)."
        )
    untold = int(np.isnan(column("lead_time")).sum())
    if untold:
        which = "" if untold == len(price) else f" of the {count(untold, 'product')} without a lead time"
        assumptions.append(f"Orders{which} arrive after {count(settings.lead_time, tables.period_name)} (assumed).")
    if elasticity and free.any():
        given = f"{count(int(free.sum()), 'product')} {'is' if free.sum() == 1 else 'are'} given away"
        assumptions.append(f"{given} ({_named(tables, free)}): no price term.")
    return fields, assumptions


def capped(fields: dict[str, Any], cap: np.ndarray) -> dict[str, Any]:
    """The fields with a largest order for products without one: `cap`, and no less than the smallest order there is."""
    multiple = fields["order_multiple"]
    smallest = np.maximum(np.ceil(fields["min_order"] / multiple), 1.0) * multiple
    limit = np.where(np.isnan(fields["max_order"]), np.maximum(np.floor(cap), smallest), fields["max_order"])
    return {**fields, "max_order": limit}


def _unit_sentences(tables: Tables, terms: OrderTerms, unit_size: np.ndarray) -> list[str]:
    said = []
    for size in UNIT_SIZES[1:]:
        here = unit_size == size
        if here.any():
            said.append(
                f"{count(int(here.sum()), 'product')} ({_named(tables, here)}) sold in fractions: a unit of the market "
                f"is {size:g} of the firm's (`unit_size`), and money, stock and orders are per such a unit."
            )
    cut = np.zeros(len(unit_size), bool)
    cut[terms.cut] = True
    if cut.any():
        said.append(
            f"Order terms of {_named(tables, cut)} are cut to {LARGEST_WHOLE:,.0f}, the most a market can hold."
        )
    return said


def _named(tables: Tables, which: np.ndarray) -> str:
    names = [repr(name) for name in tables.products.filter(pl.Series(which))["product_id"].to_list()]
    return ", ".join(names[:SHOWN]) + (" ..." if len(names) > SHOWN else "")


def _mean_price(tables: Tables) -> np.ndarray:
    lines = tables.transactions.filter((pl.col("quantity") > 0) & pl.col("price").is_not_null())
    paid = lines.group_by("product").agg(price=(pl.col("price") * pl.col("quantity")).sum() / pl.col("quantity").sum())
    price = np.zeros(tables.products.height)
    price[paid["product"].to_numpy()] = paid["price"].to_numpy()
    return price
