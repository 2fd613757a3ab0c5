"""What a report must say of a calibration: what its effects rest on, and where they stop."""

from __future__ import annotations

import numpy as np
import polars as pl

from intandem.data.calibration.competition import Competition
from intandem.data.calibration.identification import Identified
from intandem.data.calibration.panel import Panel
from intandem.data.calibration.settings import CalibrationSettings
from intandem.data.calibration.standard_errors import Estimate
from intandem.data.tables.tables import Tables
from intandem.display import count

SHOWN = 3
"""Products that a sentence names."""


def identification_of(panel: Panel, settings: CalibrationSettings, told: Identified) -> str:
    """What identifies the effects in the data at hand."""
    habit = (
        "Persistence and habit are identified by the timing of purchases within a pair, the unobserved taste of each "
        "pair being integrated out as a normal random effect."
    )
    if not told.exposures:
        return (
            f"{told.reason[0].upper()}{told.reason[1:]}: the exposure effect and its carry-over are not identified and "
            f"take stated values ({settings.stated_exposure_effect:g} and {settings.stated_carry_over:g}); report the "
            f"null (0) and a strong case (0.8) beside them. {habit}"
        )
    unit = "store" if panel.by_store else "customer"
    if panel.propensity is not None:
        low, high = float(panel.propensity.min()), float(panel.propensity.max())
        return (
            f"Exposures were drawn with logged propensities ({low:.2g} to {high:.2g}): with a pair's propensity held "
            "constant, whether it was shown is chance, and the exposure effect is causal. Carry-over is identified by "
            f"purchases in the periods after an exposure. {habit} Standard errors are clustered by {unit} "
            f"({int(panel.cluster.max()) + 1} clusters)."
        )
    across = (
        " The product's mean exposure in each period is held constant too, so that only differences between "
        f"{unit}s in the same period count."
        if settings.across_stores
        else ""
    )
    feedback = "" if panel.by_store else " Past purchases are regressed out of exposures before their mean is taken."
    logged = f" Propensities were logged and are not used: {panel.propensity_doubt}." if panel.propensity_doubt else ""
    return (
        "Exposures were not given out at random. The exposure effect is identified by the timing of exposures within "
        f"a pair of customer and product: the pair's mean exposure, product, customer, period and department-period "
        f"effects and the week's price are held constant.{across}{feedback}{logged} It is causal as far as nothing "
        "else that moves demand for one product in one period goes with its exposure. Carry-over is identified by "
        f"purchases in the periods after an exposure; read it as an upper bound. {habit} Standard errors are "
        f"clustered by {unit} ({int(panel.cluster.max()) + 1} clusters)."
    )


def competition_sentences(found: Competition) -> list[str]:
    """In which categories a visit buys at most one product, and how that was told."""
    said = []
    for number in np.flatnonzero(found.competing):
        name = "All products" if found.names[number] is None else f"The products of {found.names[number]!r}"
        said.append(
            f"{name} compete: a visit buys at most one of them. {found.together[number]:.1%} of the visits that "
            f"bought any bought two or more, and held-out visits are likelier so: {found.multinomial[number]:.4f} a "
            f"visit, against {found.independent[number]:.4f} with each product by itself."
        )
    return said


def limits_of(
    panel: Panel,
    tables: Tables,
    told: Identified,
    elasticity: Estimate,
    new_products: pl.DataFrame,
    settings: CalibrationSettings,
) -> tuple[str, ...]:
    """Where the market stops being what the data say.

    **Arguments:** `elasticity`: as it was estimated first; `new_products`: `Calibration.new_products`.
    """
    limits = [
        "A customer buys a product at most once a period; how many units are in a purchase is drawn around the mean of "
        "those recorded, whoever buys.",
    ]
    if panel.dropped:
        limits.append(
            f"{count(panel.dropped, 'purchase')} of products outside the customer's {panel.candidates.shape[1]} "
            f"candidates {'is' if panel.dropped == 1 else 'are'} left out."
        )
    if elasticity.value > settings.largest_elasticity:
        limits.append(
            f"Sales rise with low prices as if the elasticity were {elasticity.value:.1f}, which is the lift of events "
            "and not of prices: prices are left out and the market has no price term."
        )
    if elasticity.value < 0:
        limits.append(
            f"The elasticity is estimated at {elasticity.value:.2f} (standard error {elasticity.se:.2f}), below zero, "
            "as if sales rose with prices: prices are left out and the market has no price term."
        )
    if told.priced and not told.prices:
        limits.append(
            "Prices do not vary enough within a product, beside what a department's products have in common in a "
            "period, to tell what they do: the market has no price term."
        )
    if not told.exposures:
        limits.append(
            f"The exposure effect of {settings.stated_exposure_effect:g} is stated, not estimated: {told.reason}."
        )
    if new_products.height:
        shown = new_products.head(SHOWN)
        more = " ..." if new_products.height > SHOWN else ""
        names = ", ".join(repr(name) for name in shown["product_id"]) + more
        ranges = ", ".join(f"{demand:.2g} ({low:.2g} to {high:.2g})" for _, demand, low, high in shown.iter_rows())
        its = "its" if new_products.height == 1 else "their"
        absent = int((new_products["demand"] == 0).sum())
        lack = "is no customer's candidate, and has" if absent == 1 else "are no customer's candidate, and have"
        limits.append(
            f"{new_products.height} of {count(panel.products, 'product')} "
            f"{'was' if new_products.height == 1 else 'were'} not bought in the periods that are fitted "
            f"({names}): {its} demand is guessed from {its} category, or else {its} department, and {its} price, at "
            f"{ranges}{more} units a {tables.period_name}, in brackets where nine of ten such products lie"
            + (f"; {absent} of them {lack} none." if absent else ".")
        )
    return tuple(limits)
