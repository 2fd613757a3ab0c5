"""Products in the market's unit, one purchase: prices, costs, lead times, order terms."""

from __future__ import annotations

import numpy as np
import polars as pl

from intandem.data.calibration.new_products import by_department
from intandem.data.calibration.panel import Panel
from intandem.data.calibration.settings import MarketSettings
from intandem.data.calibration.supply_terms import OrderTerms, order_terms
from intandem.data.tables.sizes import largest_usual
from intandem.data.tables.tables import Tables

SHOWN = 3
"""Products that a sentence names."""


def units_per_purchase(tables: Tables, panel: Panel) -> np.ndarray:
    """Mean units of the source that a customer buys of a product in a period in which it buys any.

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
    means = usual.group_by("product").agg(pl.col("quantity").mean())
    units, known = np.ones(panel.products), np.zeros(panel.products, bool)
    units[means["product"].to_numpy()] = means["quantity"].to_numpy()
    known[means["product"].to_numpy()] = True
    return by_department(units, known, tables) if known.any() else units


def product_fields(
    tables: Tables, units: np.ndarray, elasticity: float, settings: MarketSettings
) -> tuple[dict[str, np.ndarray], list[str]]:
    """The product arrays of `build_market`, per purchase of `units` units, and what was assumed for them."""
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
    terms = order_terms(stated("min_order", 0.0), stated("order_multiple", 1.0), column("max_order"), units)
    free = (np.asarray(price * units, np.float32) == 0) | (np.asarray(regular_price * units, np.float32) == 0)
    fields = {
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
    }
    assumptions = _terms_sentences(tables, terms, units)
    without = int(np.isnan(column("unit_cost")).sum())
    if without:
        assumptions.append(
            f"{without} products have no unit cost: a gross margin of {settings.margin:.0%} of price is assumed."
        )
    if np.isnan(column("holding_cost")).any():
        assumptions.append(
            f"Holding a unit for a {tables.period_name} costs {settings.holding_rate:.1%} of its unit cost (assumed)."
        )
    if np.isnan(column("lead_time")).any():
        assumptions.append(f"Orders arrive after {settings.lead_time} {tables.period_name}(s) (assumed).")
    if elasticity and free.any():
        assumptions.append(f"{int(free.sum())} products are given away ({_named(tables, free)}): no price term.")
    return fields, assumptions


def capped(fields: dict[str, np.ndarray], cap: np.ndarray) -> dict[str, np.ndarray]:
    """The fields with a largest order for products without one: `cap`, and no less than the smallest order there is."""
    multiple = fields["order_multiple"]
    smallest = np.maximum(np.ceil(fields["min_order"] / multiple), 1.0) * multiple
    limit = np.where(np.isnan(fields["max_order"]), np.maximum(np.floor(cap), smallest), fields["max_order"])
    return {**fields, "max_order": limit}


def _terms_sentences(tables: Tables, terms: OrderTerms, units: np.ndarray) -> list[str]:
    if not terms.rounded.size:
        return []
    off = np.zeros(len(units), bool)
    off[terms.rounded] = True
    first = int(terms.rounded[0])
    return [
        f"Order terms of {off.sum()} products ({_named(tables, off)}) are rounded to whole purchases: one purchase of "
        f"{tables.products['product_id'][first]!r} is {units[first]:.3g} units on average."
    ]


def _named(tables: Tables, which: np.ndarray) -> str:
    names = [repr(name) for name in tables.products.filter(pl.Series(which))["product_id"].to_list()]
    return ", ".join(names[:SHOWN]) + (" ..." if len(names) > SHOWN else "")


def _mean_price(tables: Tables) -> np.ndarray:
    lines = tables.transactions.filter((pl.col("quantity") > 0) & pl.col("price").is_not_null())
    paid = lines.group_by("product").agg(price=(pl.col("price") * pl.col("quantity")).sum() / pl.col("quantity").sum())
    price = np.zeros(tables.products.height)
    price[paid["product"].to_numpy()] = paid["price"].to_numpy()
    return price
