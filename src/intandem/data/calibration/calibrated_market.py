"""Builds the market out of a fitted choice model and of what the data do not say: costs, lead times, caps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import polars as pl

from intandem.data.calibration.choice_model import DYNAMIC, ChoiceData
from intandem.data.calibration.estimation import Fit
from intandem.data.calibration.panel import Panel
from intandem.data.tables.tables import Tables
from intandem.market import base_demand, build_market
from intandem.market.model import Market

VISIT_PRIOR = 2.0
"""Strength, in periods, with which a customer's visit probability is shrunk to the mean of all."""

SEASON_COVER = 0.75
"""Share of a cycle's positions that must have been seen in training for the market to have a season."""

CYCLE = {"week": 52, "day": 7}


@dataclass(frozen=True)
class MarketSettings:
    """What is stated where a firm's tables do not say it. A product's own value in the tables comes first.

    - `margin`: gross margin as a share of price; `margin_by_department` comes before it.
    - `holding_rate`: holding cost per unit and period, as a share of unit cost: capital at some 20% a year,
      space and shrinkage make 0.5 to 1% a week.
    - `lead_time`: periods. `lost_sale_cost`, `exposure_cost`, `fixed_order_cost`: money.
    - `supply_cap`: largest order as a multiple of base demand; `None` for no cap.
    - `exposure_slots`: products shown to a customer per period.
    """

    margin: float = 0.25
    margin_by_department: Mapping[str, float] = field(default_factory=dict)
    holding_rate: float = 0.01
    lead_time: int = 1
    lost_sale_cost: float = 0.0
    fixed_order_cost: float = 0.0
    exposure_cost: float = 0.0
    supply_cap: float | None = None
    exposure_slots: int = 3


def assemble_market(
    tables: Tables, panel: Panel, fit: Fit, data: ChoiceData, elasticity: float, settings: MarketSettings
) -> tuple[Market, np.ndarray, tuple[str, ...]]:
    """The market, the units of the source in one purchase per product, and the assumptions that went in."""
    units = units_per_purchase(tables, panel)
    fields, assumptions = _product_fields(tables, units, settings)
    fields["elasticity"] = np.full(panel.products, elasticity)
    season, level = _season(fit, panel, tables.period_name)
    _, carry_over, persistence, habit = np.asarray(fit.coefficients.shared[: len(DYNAMIC)], float)
    effect = np.asarray(fit.coefficients.shared[0] + fit.coefficients.deviation, float)
    base = pair_utility(fit, data).reshape(panel.candidates.shape) + level[panel.candidates]
    dense = panel.candidates.shape[1] == panel.products

    def build() -> Market:
        return build_market(
            fields,
            base,
            effect[panel.candidates],
            candidates=None if dense else panel.candidates,
            visit_probability=visit_probability(panel),
            season=season,
            persistence=float(persistence),
            carry_over=max(float(carry_over), 0.0),
            habit=float(habit),
            product_ids=tables.products["product_id"].to_list(),
            customer_ids=tables.customers["customer_id"].to_list(),
            name=tables.name,
            period=tables.period_name,
            exposure="slate",
            exposure_slots=min(settings.exposure_slots, base.shape[1]),
        )

    market = build()
    if carry_over < 0:
        assumptions.append(f"Carry-over is estimated at {carry_over:.2f}, below zero: the market takes none.")
    if settings.supply_cap is not None:
        demand = np.asarray(base_demand(market), float)
        cap = np.maximum(1.0, np.floor(settings.supply_cap * demand))
        fields["max_order"] = np.where(np.isnan(fields["max_order"]), cap, fields["max_order"])
        assumptions.append(f"No order may exceed {settings.supply_cap:g} times a product's base demand (at least 1).")
        market = build()
    return market, units, tuple(assumptions)


def with_exposure_effect(market: Market, effect: float) -> Market:
    """The market with the same exposure effect for every pair."""
    return eqx.tree_at(lambda m: m.exposure_effect, market, jnp.full_like(market.exposure_effect, effect))


def units_per_purchase(tables: Tables, panel: Panel) -> np.ndarray:
    """Mean units of the source that a customer buys of a product in a period in which it buys any."""
    periods = np.flatnonzero(panel.train).tolist()
    purchases = (
        tables.transactions.filter(pl.col("period").is_in(periods) & (pl.col("quantity") > 0))
        .group_by("customer", "product", "period")
        .agg(pl.col("quantity").sum())
        .group_by("product")
        .agg(pl.col("quantity").mean())
    )
    units = np.ones(panel.products)
    units[purchases["product"].to_numpy()] = purchases["quantity"].to_numpy()
    return units


def visit_probability(panel: Panel) -> np.ndarray:
    """Share of training periods in which each customer bought anything, shrunk a little to the mean of all."""
    observed = panel.observed[panel.train].sum()
    visits = panel.visited[panel.train].sum(0)
    mean = visits.mean() / observed
    return np.clip((visits + VISIT_PRIOR * mean) / (observed + VISIT_PRIOR), 0.0, 1.0)


def pair_utility(fit: Fit, data: ChoiceData) -> np.ndarray:
    """Utility that each pair keeps over time, the expected effect of its taste included.

    A sigmoid of the mean taste is not the mean sigmoid: the probability is averaged over what is not known of the
    taste (the usual normal approximation, `u / sqrt(1 + pi variance / 8)`), so that expected sales agree.
    """
    coefficients = fit.coefficients
    controls = np.asarray(coefficients.shared, float)[len(DYNAMIC) + data.varying.shape[0] :]
    constant = (
        np.asarray(coefficients.product, float)[np.asarray(data.product)]
        + np.asarray(coefficients.customer, float)[np.asarray(data.row)]
        + controls @ np.asarray(data.fixed, float)
        + fit.mean
    )
    return constant / np.sqrt(1 + np.pi * fit.variance / 8)


def _season(fit: Fit, panel: Panel, period_name: str) -> tuple[np.ndarray | None, np.ndarray]:
    """Season by position and product, and each product's mean level over the training periods."""
    cycle = CYCLE[period_name]
    shift = (
        np.asarray(fit.coefficients.week, float)[:, None]
        + np.asarray(fit.coefficients.group_week, float).T[:, panel.group]
    )
    level = shift[panel.train].mean(0)
    position = np.flatnonzero(panel.train) % cycle
    counts = np.bincount(position, minlength=cycle)
    if (counts > 0).mean() < SEASON_COVER:
        return None, level
    season = np.zeros((cycle, panel.products))
    np.add.at(season, position, shift[panel.train] - level)
    season = season / np.maximum(counts, 1)[:, None]
    if period_name == "week":
        # One year shows each week once: neighbours share what they know.
        season = 0.25 * np.roll(season, 1, 0) + 0.5 * season + 0.25 * np.roll(season, -1, 0)
    return season, level


def _product_fields(
    tables: Tables, units: np.ndarray, settings: MarketSettings
) -> tuple[dict[str, np.ndarray], list[str]]:
    products = tables.products

    def column(name: str) -> np.ndarray:
        return products[name].cast(pl.Float64).fill_null(float("nan")).to_numpy().astype(float)

    def stated(name: str, default: np.ndarray | float) -> np.ndarray:
        own = column(name)
        return np.where(np.isnan(own), default, own)

    price = column("price")
    paid = _mean_price(tables)
    price = np.where(np.isnan(price), paid, price)
    margin = np.array(
        [settings.margin_by_department.get(name or "", settings.margin) for name in products["department"].to_list()]
    )
    unit_cost = stated("unit_cost", price * (1 - margin))
    fields = {
        "price": price * units,
        "unit_cost": unit_cost * units,
        "regular_price": stated("regular_price", price) * units,
        "holding_cost": stated("holding_cost", settings.holding_rate * unit_cost) * units,
        "lost_sale_cost": stated("lost_sale_cost", settings.lost_sale_cost) * units,
        "fixed_order_cost": stated("fixed_order_cost", settings.fixed_order_cost),
        "exposure_cost": np.full(len(price), settings.exposure_cost),
        "lead_time": stated("lead_time", float(settings.lead_time)),
        "min_order": np.ceil(stated("min_order", 0.0) / units),
        "order_multiple": np.maximum(1.0, np.round(stated("order_multiple", 1.0) / units)),
        "max_order": np.floor(column("max_order") / units),
    }
    assumptions = []
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
    assumptions.append(
        f"A slate shows {settings.exposure_slots} products to a customer per {tables.period_name}, at a cost of "
        f"{settings.exposure_cost:g} each (assumed)."
    )
    if tables.provenance:
        assumptions.append(tables.provenance)
    return fields, assumptions


def _mean_price(tables: Tables) -> np.ndarray:
    lines = tables.transactions.filter((pl.col("quantity") > 0) & pl.col("price").is_not_null())
    paid = lines.group_by("product").agg(price=(pl.col("price") * pl.col("quantity")).sum() / pl.col("quantity").sum())
    price = np.zeros(tables.products.height)
    price[paid["product"].to_numpy()] = paid["price"].to_numpy()
    return price
