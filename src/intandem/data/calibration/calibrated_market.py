"""Builds the market out of a fitted choice model: utilities, visits, seasons, intentions."""

from __future__ import annotations

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from intandem.data.calibration.choice_model import DYNAMIC, ChoiceData
from intandem.data.calibration.competition import Competition
from intandem.data.calibration.estimation import LARGEST_PERSISTENCE, Fit
from intandem.data.calibration.opening import opening_stock
from intandem.data.calibration.panel import Panel
from intandem.data.calibration.product_fields import PurchaseSizes, capped, product_fields, purchase_sizes
from intandem.data.calibration.settings import MarketSettings
from intandem.data.tables.tables import Tables
from intandem.display import count
from intandem.market import base_demand, build_market
from intandem.market.model import Market

VISIT_PRIOR = 2.0
"""Strength, in periods, with which a customer's visit probability is shrunk to the mean of all."""

SEASON_COVER = 0.75
"""Share of a cycle's positions that must have been seen in training for the market to have a season."""

CYCLE = {"week": 52, "day": 7}


def assemble_market(
    tables: Tables,
    panel: Panel,
    fit: Fit,
    data: ChoiceData,
    elasticity: float,
    settings: MarketSettings,
    competition: Competition,
    levelled: Callable[[Market], Market],
) -> tuple[Market, PurchaseSizes, tuple[str, ...]]:
    """The market, how much a purchase is, and the assumptions that went in.

    **Arguments:** `levelled`: gives a market the levels at which it sells what was recorded; stock and caps follow.

    Whatever was estimated or converted comes to lie inside what a market file may hold; where it did not, it is said.
    """
    sizes = purchase_sizes(tables, panel)
    fields, assumptions = product_fields(tables, sizes, elasticity, settings)
    opening, said = opening_stock(tables, sizes.unit_size)
    fields["initial_stock"] = opening
    assumptions += said
    season, level = _season(fit, panel, tables.period_name)
    _, carry_over, persistence, habit = np.asarray(fit.coefficients.shared[: len(DYNAMIC)], float)
    effect = np.asarray(fit.coefficients.shared[0] + fit.coefficients.deviation, float)
    level = level + competition.level
    base = pair_utility(fit, data).reshape(panel.candidates.shape) + level[panel.candidates]
    if competition.competing.any():
        labels = [competition.names[number] for number in competition.category]
        fields |= {"category": labels, "choice": competition.choices}
    dense = panel.candidates.shape[1] == panel.products
    slots = min(settings.exposure_slots, base.shape[1])

    def build() -> Market:
        return build_market(
            fields,
            base,
            effect[panel.candidates],
            candidates=None if dense else panel.candidates,
            visit_probability=visit_probability(panel),
            season=season,
            persistence=float(np.clip(persistence, 0.0, LARGEST_PERSISTENCE)),
            carry_over=max(float(carry_over), 0.0),
            habit=float(habit),
            product_ids=tables.products["product_id"].to_list(),
            customer_ids=tables.customers["customer_id"].to_list(),
            name=tables.name.encode("utf-8", "replace").decode() or "market",
            period=tables.period_name,
            first_period=tables.first_period,
            choice="multinomial" if competition.competing.any() else "independent",
            exposure="slate",
            exposure_slots=slots,
        )

    base = np.asarray(levelled(build()).base_utility, float)
    market = build()
    assumptions.append(
        f"A slate shows {slots} of {count(panel.products, 'product')} to a customer per {tables.period_name}, at a "
        f"cost of {settings.exposure_cost:g} each (assumed)."
    )
    if carry_over < 0:
        assumptions.append(f"Carry-over is estimated at {carry_over:.2f}, below zero: the market takes none.")
    if settings.supply_cap is not None:
        free = int(np.isnan(fields["max_order"]).sum())
        fields = capped(fields, settings.supply_cap * np.asarray(base_demand(market), float))
        if free:
            assumptions.append(
                f"No order of {count(free, 'product')} may exceed {settings.supply_cap:g} times the base demand, or "
                "the smallest order where that is more."
            )
        market = build()
    if tables.provenance:
        assumptions.append(tables.provenance)
    return market, sizes, tuple(assumptions)


def with_exposure_effect(market: Market, effect: float) -> Market:
    """The market with the same exposure effect for every pair."""
    return eqx.tree_at(lambda m: m.exposure_effect, market, jnp.full_like(market.exposure_effect, effect))


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
