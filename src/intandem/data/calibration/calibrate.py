"""From a firm's tables to a market: fit the dynamic choice model, test it on held-out periods, build the market.

The model, its estimation, what identifies the effects and what does not: see the documentation, "Calibration".
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from intandem.data.calibration.alarms import alarms_of
from intandem.data.calibration.calibrated_market import assemble_market, with_exposure_effect
from intandem.data.calibration.choice_model import ChoiceData
from intandem.data.calibration.competition import (
    Competition,
    candidates_of,
    competing_probability,
    fit_competition,
    without_competition,
)
from intandem.data.calibration.estimation import Fit
from intandem.data.calibration.exposure_effect import ExposureEffect, estimated_effect, stated_effect, with_kinds
from intandem.data.calibration.fingerprint import data_hash
from intandem.data.calibration.fitting import Progress, estimates_of, fit_panel, stated_effects
from intandem.data.calibration.holdout import baseline_scores, log_score
from intandem.data.calibration.identification import LEAST_VARIED, Identified, identified, variation, within
from intandem.data.calibration.new_products import with_guesses
from intandem.data.calibration.panel import Panel, panel_of
from intandem.data.calibration.played import with_recorded_levels
from intandem.data.calibration.prediction import fit_tables, predict
from intandem.data.calibration.recorded import Against, against_record
from intandem.data.calibration.sentences import competition_sentences, identification_of, limits_of
from intandem.data.calibration.settings import CalibrationSettings
from intandem.data.calibration.standard_errors import Estimate
from intandem.data.tables.checks.report import ValidationReport
from intandem.data.tables.checks.validate import check_tables, read_tables
from intandem.data.tables.tables import Tables
from intandem.display import Displayed, Summary, count
from intandem.market.model import Market
from intandem.progress import Meter, reported

STRONG_EFFECT = 0.8
"""Exposure effect of the strong case, in logit units."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, repr=False)
class Calibration(Displayed):
    """A market and how far to trust it.

    - `market`; `exposure_effect`; `persistence`, `carry_over`, `habit`, `elasticity` with standard errors.
    - `holdout_log_likelihood`: mean per opportunity (a visiting customer and a candidate product) in held-out
      periods; `baselines`: the same for `popularity` and `shrunk_frequency`; `baseline_log_likelihood`: the better.
    - `fit`: tables for a report: `product_period`, `calibration_curve`, `period`.
    - `identification`: what the effects rest on. `assumptions`: what a report must repeat.
    - `units_per_purchase`: mean units of the firm in a purchase, per product.
    - `against`: the market played against the record, and forecasts against simple ones; `fit["recorded"]` by product
      and period. `alarms`: what to look at before it is believed. `data_hash`: fingerprint of the tables.
    - `new_products`: those that nobody bought, with the guess of their demand (`product_id`, `demand`, `low`, `high`).
    - `notes`: what a person should know about the tables.
    - `competition`: in which categories a visit buys at most one product, and by what evidence.
    - `settings`, `panel`, `choice_fit`: how it came about. `checked`: the report on the tables, if they were checked
      on the way.
    """

    market: Market
    exposure_effect: ExposureEffect
    persistence: Estimate
    carry_over: Estimate
    habit: Estimate
    elasticity: Estimate
    holdout_log_likelihood: float
    baseline_log_likelihood: float
    baselines: dict[str, float]
    fit: dict[str, pl.DataFrame]
    identification: str
    assumptions: tuple[str, ...]
    units_per_purchase: np.ndarray
    new_products: pl.DataFrame
    competition: Competition
    against: Against
    alarms: tuple[str, ...]
    data_hash: str
    settings: CalibrationSettings
    panel: Panel
    choice_fit: Fit
    notes: tuple[str, ...] = ()
    checked: ValidationReport | None = None

    def cases(self) -> dict[str, Market]:
        """The market as calibrated, and beside it the `null` (no exposure has any effect) and a `strong` case: no
        data here measure what one personalised recommendation does, so results are to be shown for all three."""
        return {
            "calibrated": self.market,
            "null": with_exposure_effect(self.market, 0.0),
            "strong": with_exposure_effect(self.market, STRONG_EFFECT),
        }

    def sentences(self) -> tuple[str, ...]:
        """What was found, in words, for a report."""
        effect = self.exposure_effect
        better = self.holdout_log_likelihood - self.baseline_log_likelihood
        measured = f"standard error {effect.se:.2f}" if effect.estimated else "stated, not estimated"
        said = [
            f"Exposure moves a purchase's log-odds by {effect.mean:.2f} ({measured}): odds times "
            f"{np.exp(effect.mean):.2f}. Between products the effect has a standard deviation of {effect.spread:.2f}.",
            f"Of last {self.market.period}'s distance from the usual intention {100 * self.persistence.value:.0f}% "
            f"persists (standard error {100 * self.persistence.se:.0f} points); a purchase adds "
            f"{self.habit.value:.2f} to the log-odds.",
        ]
        if self.baselines:
            said.append(
                f"In held-out {self.market.period}s the log-likelihood is {self.holdout_log_likelihood:.4f} per "
                f"customer and product, {abs(better):.4f} {'better' if better > 0 else 'worse'} than the best simple "
                "forecast."
            )
        recorded, simulated = self.against.purchases_per_visit
        said.append(
            f"Played with what was shown then, the market sells {self.against.total:.1%} of what was recorded, and "
            f"{simulated:.2f} products a visit where {recorded:.2f} were bought; over products the rank correlation is "
            f"{self.against.rank_correlation:.2f}."
        )
        return (*said, self.identification)

    def _summary(self) -> Summary:
        market, effect = self.market, self.exposure_effect
        rows = [
            (name, f"{value:.3f}", "stated" if error is None else f"{error:.3f}")
            for name, value, error in self.to_frame().select("estimate", "value", "se").iter_rows()
        ]
        size = f"{count(market.products, 'product')}, {count(market.rows, 'customer')}"
        how = f"standard error {effect.se:.2f}" if effect.estimated else f"stated: {effect.reason}"
        score, other = self.holdout_log_likelihood, self.baseline_log_likelihood
        notes = [f"held-out log-likelihood {score:.4f}, best simple forecast {other:.4f}"] if self.baselines else []
        notes.append(f"{count(len(self.assumptions), 'assumption')} (`assumptions`)")
        headline = f"{market.name}: {size}; an exposure adds {effect.mean:.2f} to the log-odds ({how})"
        return Summary(headline, rows, ("estimate", "value", "se"), notes)

    def to_frame(self) -> pl.DataFrame:
        """One row per estimate.

        - `estimate`: `exposure_effect` (logit units, mean over products), `exposure_effect:KIND` where kinds of
          exposure were told apart, `persistence` (share), `carry_over` (share of the effect), `habit` (logit units per
          purchase), `elasticity`.
        - `value`, and its standard error `se`; `low`, `high`: two standard errors to either side. The three are null
          where the value was stated, or not looked for.
        """
        effect = self.exposure_effect
        found = {"exposure_effect": Estimate(effect.mean, effect.se)}
        found |= {f"exposure_effect:{kind}": one for kind, one in effect.kinds.items()}
        found |= {name: getattr(self, name) for name in ("persistence", "carry_over", "habit", "elasticity")}
        rows = [(name, one.value, one.se, *one.interval) for name, one in found.items()]
        numbers = ("value", "se", "low", "high")
        frame = pl.DataFrame(rows, schema={"estimate": pl.String, **dict.fromkeys(numbers, pl.Float64)}, orient="row")
        return frame.with_columns(pl.col(numbers).fill_nan(None))

    def as_json(self) -> dict[str, object]:
        """The figures under the names of the command line's JSON."""
        effect = self.exposure_effect
        figures: dict[str, object] = {
            "exposure_effect": {
                "mean": effect.mean,
                "se": effect.se,
                "spread": effect.spread,
                "estimated": effect.estimated,
                "reason": effect.reason,
            },
            "holdout_log_likelihood": self.holdout_log_likelihood,
            "baseline_log_likelihood": self.baseline_log_likelihood,
            "baselines": self.baselines,
            "identification": self.identification,
            "assumptions": list(self.assumptions),
            "notes": list(self.notes),
            "alarms": list(self.alarms),
            "diagnostics": self.against.as_json(),
            "choice": {
                "competing": [self.competition.names[k] or "all" for k in np.flatnonzero(self.competition.competing)],
            },
            "new_products": self.new_products.to_dicts(),
            "data_hash": self.data_hash,
        }
        for name in ("persistence", "carry_over", "habit", "elasticity"):
            estimate = getattr(self, name)
            figures[name] = {"mean": estimate.value, "se": estimate.se}
        return figures


def calibrate(
    source: Any = None,
    settings: CalibrationSettings | None = None,
    *,
    progress: Progress | bool | None = None,
    mapping: Mapping[str, Any] | None = None,
    transactions: Any = None,
    products: Any = None,
    customers: Any = None,
    exposures: Any = None,
    stock: Any = None,
    open_orders: Any = None,
) -> Calibration:
    """Fits a market to a firm's tables.

    **Arguments:**

    - `source`: the path of a folder of tables, a dictionary of frames by table name, or `Tables` that are checked
      already (`validate_folder`, `load_complete_journey`, `load_ta_feng`).
    - `settings`: see `CalibrationSettings`; by default what `mapping.toml` states, and the defaults for the rest.
    - `progress`: a function, called after every Newton step with its number and the log-likelihood; by default a bar,
      on a terminal or in a notebook; False: nothing.
    - `transactions`, ..., `open_orders`: the tables as frames (polars, pandas, Arrow), in place of `source`; `mapping`:
      what `mapping.toml` would hold for them. All go through the checks of `validate_folder`; rows that break a rule
      are left out and listed in `Calibration.checked.set_aside`.

    **Raises:** `InputError` where the tables hold no purchase to learn from, or cannot be read.

    Two customers, two products, sixteen weeks without a word on exposures, whose effect is then stated:

    ```python
    >>> lines = {"customer_id": ["ann", "ben"] * 8, "product_id": ["tea", "tea", "milk", "milk"] * 4}
    >>> lines |= {"period": list(range(16)), "quantity": [1] * 16, "price": [4.0] * 16}
    >>> found = calibrate(transactions=lines, products={"product_id": ["tea", "milk"], "unit_cost": [2.5, 3.0]})
    >>> found.market.products, found.exposure_effect.estimated, found.to_frame()["estimate"].to_list()
    (2, False, ['exposure_effect', 'persistence', 'carry_over', 'habit', 'elasticity'])

    ```
    """
    given = {
        "transactions": transactions,
        "products": products,
        "customers": customers,
        "exposures": exposures,
        "stock": stock,
        "open_orders": open_orders,
    }
    frames = {name: frame for name, frame in given.items() if frame is not None}
    with reported(progress, "calibrating", _shown) as tell:
        if isinstance(source, Tables) and not frames:
            return _calibrated(source, settings or CalibrationSettings().with_stated(source.stated), tell)
        checked = source if isinstance(source, ValidationReport) else check_tables(read_tables(source, frames, mapping))
        settings = settings or CalibrationSettings().with_stated(checked.tables.stated)
        return replace(_calibrated(checked.tables, settings, tell), checked=checked)


def _shown(meter: Meter) -> Progress:
    return lambda step, likelihood: meter.update("fitting", step, 0, f"step {step}")


def _calibrated(tables: Tables, settings: CalibrationSettings, progress: Progress | None) -> Calibration:
    panel = panel_of(
        tables,
        candidates_per_customer=settings.candidates_per_customer,
        holdout_share=settings.holdout_share,
        least_observed=settings.least_observed,
    )
    scored = panel.opportunities * panel.train[:, None, None]
    across = settings.across_stores
    told = identified(panel, scored, tables.exposures.height, across_stores=across)
    chosen, priced = _chosen(tables, panel, scored, told, settings, progress), None
    if not 0 <= chosen.estimates["elasticity"].value <= settings.largest_elasticity:
        priced = chosen.estimates["elasticity"]
        panel = replace(panel, price_ratio=np.ones_like(panel.price_ratio))
        chosen = _chosen(tables, panel, scored, told, settings, progress)
    fit, data, estimates, competition = chosen.fit, chosen.data, chosen.estimates, chosen.competition
    priced = priced or estimates["elasticity"]
    effect = stated_effect(settings.stated_exposure_effect, panel.products, told.reason)
    if told.exposures:
        known = scored * panel.exposure_known[:, :, None]
        prices = within(panel.of_pairs(np.log(panel.price_ratio)), scored, panel)
        effect = with_kinds(
            estimated_effect(fit, data, panel),
            fit,
            data,
            panel,
            lambda shown: variation(shown, known, panel, prices, across_stores=across) >= LEAST_VARIED,
        )
    fit, guesses = with_guesses(fit, panel, tables)
    guessed = guesses.product
    probability = predict(fit, data)
    if competition.competing.any():
        among = competing_probability(competition, panel, fit, data)
        probability = np.where(competition.alone[panel.candidates], probability, among)
    score = float("nan")
    baselines: dict[str, float] = {}
    if panel.test.any():
        score = log_score(probability[panel.test], panel.bought[panel.test], panel.opportunities[panel.test])
        baselines = baseline_scores(panel)
    elasticity = estimates["elasticity"].value
    market, sizes, assumed = assemble_market(
        tables,
        panel,
        fit,
        data,
        elasticity,
        settings.market,
        competition,
        lambda first: with_recorded_levels(first, panel, competition, guessed, tables),
    )
    new_products = guesses.to_frame(market, panel)
    fitted = fit_tables(panel, probability)
    against = against_record(market, panel, competition, fitted["product_period"])
    best = max(baselines.values(), default=float("nan"))
    found = Calibration(
        market=market,
        exposure_effect=effect,
        persistence=estimates["persistence"],
        carry_over=estimates["carry_over"],
        habit=estimates["habit"],
        elasticity=estimates["elasticity"],
        holdout_log_likelihood=score,
        baseline_log_likelihood=best,
        baselines=baselines,
        fit=fitted | {"recorded": against.frame},
        against=against,
        alarms=alarms_of(market, panel, against, guessed, (score, best)),
        data_hash=data_hash(tables),
        identification=identification_of(panel, settings, told),
        competition=competition,
        assumptions=(
            *tables.assumptions,
            *assumed,
            *competition_sentences(competition),
            *limits_of(panel, tables, told, priced, new_products, settings),
        ),
        new_products=new_products,
        units_per_purchase=sizes.mean,
        settings=settings,
        panel=panel,
        choice_fit=fit,
        notes=tables.notes,
    )
    _say(found)
    return found


@dataclass(frozen=True)
class _Chosen:
    """A fit, with competition where it predicts better, and its estimates."""

    fit: Fit
    data: ChoiceData
    estimates: dict[str, Estimate]
    competition: Competition


def _chosen(
    tables: Tables,
    panel: Panel,
    scored: np.ndarray,
    told: Identified,
    settings: CalibrationSettings,
    progress: Progress | None,
) -> _Chosen:
    fit, data, covariates = fit_panel(panel, scored, told, settings, progress)
    estimates = estimates_of(fit, data, panel, covariates)
    competition = candidates_of(without_competition(tables), panel)
    priced = 0 <= estimates["elasticity"].value <= settings.largest_elasticity
    if priced and competition.competing.any():
        fixed = stated_effects(told, settings)
        apart = predict(fit, data)
        fit, data, competition = fit_competition(panel, fit, data, apart, competition, fixed, progress)
        estimates = estimates_of(fit, data, panel, covariates)
    return _Chosen(fit, data, estimates, competition)


def _say(found: Calibration) -> None:
    """To the log: what was assumed, and whatever should be known before the market is believed."""
    for line in found.assumptions:
        _logger.info("assumed: %s", line)
    for line in found.alarms:
        _logger.warning("%s", line)
    if not found.exposure_effect.estimated:
        effect = (found.exposure_effect.mean, found.exposure_effect.reason)
        _logger.warning("the effect of an exposure is stated (%.2g) and not estimated: %s", *effect)
    if not found.choice_fit.converged:
        _logger.warning("the fit has not converged after %d steps", found.choice_fit.steps)
