"""From a firm's tables to a market: fit the dynamic choice model, test it on held-out periods, build the market.

The model, its estimation, what identifies the effects and what does not: see the documentation, "Calibration".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import polars as pl

from intandem.data.calibration.calibrated_market import MarketSettings, assemble_market, with_exposure_effect
from intandem.data.calibration.choice_model import DYNAMIC, ChoiceData, Coefficients
from intandem.data.calibration.controls import LOOSE, ExposureModel, product_period_exposure
from intandem.data.calibration.estimation import Fit, fit_choice_model
from intandem.data.calibration.exposure_effect import ExposureEffect, estimated_effect, stated_effect, with_kinds
from intandem.data.calibration.holdout import baseline_scores, log_score
from intandem.data.calibration.information import columns_of
from intandem.data.calibration.panel import Panel, panel_of
from intandem.data.calibration.prediction import fit_tables, predict
from intandem.data.calibration.standard_errors import Estimate, clustered_covariance
from intandem.data.tables.report import ValidationReport
from intandem.data.tables.tables import Tables
from intandem.data.tables.validate import check_tables, read_tables
from intandem.display import Displayed, Summary, count
from intandem.market.model import Market
from intandem.progress import Meter, reported

LEAST_EXPOSED = 50.0
"""Exposures of visiting customers below which an effect is not estimated but stated."""

ROUNDS = 2
"""Turns that the choice model and the model of exposures take."""


STRONG_EFFECT = 0.8
"""Exposure effect of the strong case, in logit units."""


Progress = Callable[[int, float], object]
"""Told the number of a Newton step and the log-likelihood."""


@dataclass(frozen=True)
class CalibrationSettings:
    """How to calibrate.

    - `candidates_per_customer`: products modelled per customer (see `intandem.data.calibration.candidates`); all of
      them if there are fewer.
    - `holdout_share`: share of last periods to hold out where the calendar names no test periods.
    - `least_observed`: periods of which a smaller fraction was recorded are left out.
    - `across_stores`: also control for the product's mean exposure in each period, so that only differences
      between customers or stores in the same period count.
    - `largest_elasticity`: an elasticity above it is an event's lift (a promotion announced, a pile at the door) and
      no response to price, which on average is 2.6 (Bijmolt, van Heerde and Pieters 2005): prices are then left out.
    - `stated_exposure_effect`, `stated_carry_over`: taken where the data have no exposures.
    - `market`: what the data do not say of supply and costs.
    """

    candidates_per_customer: int = 60
    holdout_share: float = 0.15
    least_observed: float = 0.5
    across_stores: bool = False
    largest_elasticity: float = 4.0
    stated_exposure_effect: float = 0.4
    stated_carry_over: float = 0.2
    market: MarketSettings = field(default_factory=MarketSettings)


@dataclass(frozen=True, repr=False)
class Calibration(Displayed):
    """A market and how far to trust it.

    - `market`; `exposure_effect`; `persistence`, `carry_over`, `habit`, `elasticity` with standard errors.
    - `holdout_log_likelihood`: mean per opportunity (a visiting customer and a candidate product) in held-out
      periods; `baselines`: the same for `popularity` and `shrunk_frequency`; `baseline_log_likelihood`: the better.
    - `fit`: tables for a report: `product_period`, `calibration_curve`, `period`.
    - `identification`: what the effects rest on. `assumptions`: what a report must repeat.
    - `units_per_purchase`: units of the source in one purchase, which is the market's unit.
    - `notes`: what a person should know about the tables.
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

    def _summary(self) -> Summary:
        market, effect = self.market, self.exposure_effect
        rows = [
            (name, f"{value:.3f}", "stated" if error is None else f"{error:.3f}")
            for name, value, error in self.to_frame().select("estimate", "value", "se").iter_rows()
        ]
        size = f"{count(market.products, 'product')}, {count(market.rows, 'customer')}"
        how = f"standard error {effect.se:.2f}" if effect.estimated else "stated: the data record no exposures"
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
            },
            "holdout_log_likelihood": self.holdout_log_likelihood,
            "baseline_log_likelihood": self.baseline_log_likelihood,
            "baselines": self.baselines,
            "identification": self.identification,
            "assumptions": list(self.assumptions),
            "notes": list(self.notes),
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
    - `settings`: see `CalibrationSettings`.
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
    settings = settings or CalibrationSettings()
    with reported(progress, "calibrating", _shown) as tell:
        if isinstance(source, Tables) and not frames:
            return _calibrated(source, settings, tell)
        checked = source if isinstance(source, ValidationReport) else check_tables(read_tables(source, frames, mapping))
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
    exposures = float((panel.exposed * scored * panel.exposure_known[:, :, None]).sum())
    estimated = exposures >= LEAST_EXPOSED
    fit, data, estimates = _fit(panel, scored, estimated, settings, progress)
    event_lift = estimates["elasticity"].value
    if event_lift > settings.largest_elasticity:
        panel = replace(panel, price_ratio=np.ones_like(panel.price_ratio))
        fit, data, estimates = _fit(panel, scored, estimated, settings, progress)
    effect = stated_effect(settings.stated_exposure_effect, panel.products)
    if estimated:
        effect = with_kinds(estimated_effect(fit, data, panel), fit, data, panel)
    probability = predict(fit, data)
    score = float("nan")
    baselines: dict[str, float] = {}
    if panel.test.any():
        score = log_score(probability[panel.test], panel.bought[panel.test], panel.opportunities[panel.test])
        baselines = baseline_scores(panel)
    market, units, assumed = assemble_market(tables, panel, fit, data, estimates["elasticity"].value, settings.market)
    return Calibration(
        market=market,
        exposure_effect=effect,
        persistence=estimates["persistence"],
        carry_over=estimates["carry_over"],
        habit=estimates["habit"],
        elasticity=estimates["elasticity"],
        holdout_log_likelihood=score,
        baseline_log_likelihood=max(baselines.values(), default=float("nan")),
        baselines=baselines,
        fit=fit_tables(panel, probability),
        identification=_identification(panel, settings, estimated),
        assumptions=(*tables.assumptions, *assumed, *_limits(panel, estimated, event_lift, settings)),
        units_per_purchase=units,
        settings=settings,
        panel=panel,
        choice_fit=fit,
        notes=tables.notes,
    )


def _fit(
    panel: Panel,
    scored: np.ndarray,
    estimated: bool,
    settings: CalibrationSettings,
    progress: Progress | None,
) -> tuple[Fit, ChoiceData, dict[str, Estimate]]:
    data, covariates = choice_data(panel, scored, estimated, across_stores=settings.across_stores)
    if estimated:
        fit, data = fit_with_controls(data, panel, progress)
    else:
        stated = {"exposure": settings.stated_exposure_effect, "carry_over": settings.stated_carry_over}
        fit = fit_choice_model(data, panel.group, fixed=stated, report=progress)
    return fit, data, _estimates(fit, data, panel, covariates)


def choice_data(
    panel: Panel, scored: np.ndarray, exposed: bool, *, across_stores: bool = False
) -> tuple[ChoiceData, tuple[str, ...]]:
    """The panel as the likelihood reads it, without controls, and the names of its varying covariates."""
    periods, pairs = panel.periods, panel.rows * panel.candidates.shape[1]
    varying: dict[str, np.ndarray] = {}
    log_ratio = np.log(panel.price_ratio)
    if float(log_ratio.std()) > 1e-6:
        varying["elasticity"] = -panel.of_pairs(log_ratio)
    if exposed and float(panel.exposure_known.min()) == 0.0:
        unknown = 1.0 - panel.exposure_known[:, :, None]
        varying["exposure_unknown"] = np.broadcast_to(unknown, panel.bought.shape)
    if exposed and across_stores:
        varying["product_period_exposure"] = panel.of_pairs(product_period_exposure(panel))

    def single(values: np.ndarray) -> jnp.ndarray:
        return jnp.asarray(np.asarray(values, np.float32).reshape(periods, pairs))

    # A covariate and a control are there even if they are nought, so that all fits share one compiled program.
    stacked = [single(values) for values in varying.values()] or [jnp.zeros((periods, pairs))]
    data = ChoiceData(
        product=jnp.asarray(panel.pair_product, jnp.int32),
        row=jnp.asarray(np.repeat(np.arange(panel.rows), panel.candidates.shape[1]), jnp.int32),
        group=jnp.asarray(panel.group[panel.pair_product], jnp.int32),
        scored=single(scored),
        bought=single(panel.bought),
        exposed=single(panel.exposed),
        varying=jnp.stack(stacked),
        fixed=jnp.zeros((1, pairs)),
        rows=panel.rows,
        products=panel.products,
        groups=int(panel.group.max()) + 1,
    )
    return data, tuple(varying)


def fit_with_controls(data: ChoiceData, panel: Panel, progress: Progress | None) -> tuple[Fit, ChoiceData]:
    """Fits with what the exposures say of each pair held constant (see `intandem.data.calibration.controls`).

    Where exposures may answer to purchases, their model needs the tastes and the choice model needs its controls: the
    two take turns, `ROUNDS` times.
    """
    model = ExposureModel(panel, data)
    rounds = 0 if panel.by_store else ROUNDS
    start: Coefficients | None = None
    taste: Fit | None = None
    for turn in range(rounds + 1):
        if start is not None:
            dynamics = dict(zip(DYNAMIC, np.asarray(start.shared, float).tolist(), strict=False))
            taste = fit_choice_model(
                data, panel.group, start=taste.coefficients if taste else start, fixed=dynamics, tolerance=LOOSE
            )
        held = jnp.asarray(model.propensity(taste)[None], jnp.float32)
        controlled = eqx.tree_at(lambda d: d.fixed, data, held)
        if turn < rounds:
            start = fit_choice_model(controlled, panel.group, start=start, tolerance=LOOSE).coefficients
    return fit_choice_model(controlled, panel.group, start=start, report=progress), controlled


def _estimates(fit: Fit, data: ChoiceData, panel: Panel, covariates: tuple[str, ...]) -> dict[str, Estimate]:
    columns = columns_of(data)
    names = (*DYNAMIC, *covariates)
    contrasts = np.zeros((len(names), columns["log_spread"].stop))
    contrasts[np.arange(len(names)), columns["shared"].start + np.arange(len(names))] = 1.0
    errors = np.sqrt(np.diag(clustered_covariance(fit, panel.cluster, contrasts)))
    found = {
        name: Estimate(float(value), float(se))
        for name, value, se in zip(names, np.asarray(fit.coefficients.shared, float), errors, strict=False)
    }
    found.setdefault("elasticity", Estimate(0.0, float("nan")))
    if fit.precision[columns["shared"].start] > 1e9:
        found["carry_over"] = Estimate(found["carry_over"].value, float("nan"))
    return found


def _identification(panel: Panel, settings: CalibrationSettings, estimated: bool) -> str:
    habit = (
        "Persistence and habit are identified by the timing of purchases within a pair, the unobserved taste of each "
        "pair being integrated out as a normal random effect."
    )
    if not estimated:
        return (
            "The data record no exposures: the exposure effect and its carry-over are not identified and take stated "
            f"values ({settings.stated_exposure_effect:g} and {settings.stated_carry_over:g}); report the null (0) and "
            f"a strong case (0.8) beside them. {habit}"
        )
    unit = "store" if panel.by_store else "customer"
    across = (
        " The product's mean exposure in each period is held constant too, so that only differences between "
        f"{unit}s in the same period count."
        if settings.across_stores
        else ""
    )
    feedback = "" if panel.by_store else " Past purchases are regressed out of exposures before their mean is taken."
    return (
        "Exposures were not given out at random. The exposure effect is identified by the timing of exposures within "
        f"a pair of customer and product: the pair's mean exposure, product, customer, period and department-period "
        f"effects and the week's price are held constant.{across}{feedback} It is causal as far as nothing else that "
        "moves demand for one product in one period goes with its exposure. Carry-over is identified by purchases in "
        f"the periods after an exposure; read it as an upper bound. {habit} Standard errors are clustered by {unit} "
        f"({int(panel.cluster.max()) + 1} clusters)."
    )


def _limits(panel: Panel, estimated: bool, elasticity: float, settings: CalibrationSettings) -> tuple[str, ...]:
    limits = [
        "One unit of the market is one purchase: a customer buys a product at most once a period, in the average "
        "number of units; prices and costs are per purchase.",
    ]
    if panel.dropped:
        limits.append(
            f"{panel.dropped} purchases of products outside the customer's {panel.candidates.shape[1]} candidates are "
            "left out."
        )
    if elasticity > settings.largest_elasticity:
        limits.append(
            f"Sales rise with low prices as if the elasticity were {elasticity:.1f}, which is the lift of events and "
            "not of prices: prices are left out and the market has no price term."
        )
    if not estimated:
        limits.append(
            f"The exposure effect of {settings.stated_exposure_effect:g} is stated, not estimated: the data record no "
            "exposures."
        )
    return tuple(limits)
