"""Fits the choice model: Newton steps on the penalised marginal likelihood, with shrinkage learnt on the way.

Every step asks the compiled `evaluate` once for the likelihood, the scores and the information. Shifts of customers,
weeks and groups and the products' deviations from the common exposure effect are shrunk to zero; how much is
estimated with them (the evidence procedure of MacKay 1992, the same fixed point as restricted maximum likelihood).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from scipy.linalg import blas, lapack

from intandem.data.calibration.choice_model import DYNAMIC, LOG_SPREAD_RANGE, ChoiceData, Coefficients
from intandem.data.calibration.information import Evaluation, assemble, columns_of, evaluate
from intandem.display import Displayed

LARGEST_PERSISTENCE = 0.95
LARGEST_MOVE, LARGEST_SPREAD_MOVE = 1.0, 0.4
FLATTEST = 1e-8
"""Smallest curvature, beside 1 for a column on its own, that a Newton step believes."""

SPREAD_RANGE = (0.02, 3.0)

TOLERANCE = 0.1
"""Log-likelihood that a step may lose to rounding."""

ROWS_AT_ONCE = 1_000
"""Customers whose scores are added up in single precision."""

PINNED = 1e10
"""Prior precision of a coefficient that the data cannot speak of."""

WEAK_PRIORS = {"exposure": (0.0, 5.0), "carry_over": (0.5, 1.0), "persistence": (0.5, 0.5), "habit": (0.0, 2.0)}
"""Mean and standard deviation of what is assumed of the dynamics before seeing data; other coefficients: 0 and 5."""

SHRUNK = {"deviation": 0.3, "week": 0.3, "group_week": 0.2, "customer": 0.5}
"""First guesses of the standard deviation of each family of shrunk coefficients."""


@dataclass(frozen=True, repr=False)
class Fit(Displayed):
    """A fitted choice model.

    - `coefficients`; `mean` and `variance` of the pair effects given the data.
    - `spread`: standard deviation of each shrunk family (`deviation`, `week`, `group_week`, `customer`).
    - `evaluation`: likelihood, scores and information at the optimum; `precision`: of the prior, per column.
    - `information`: penalised information of the columns after the customers' shifts are eliminated.
    - `log_likelihood`: marginal, of the scored periods. `steps`: Newton steps taken; `converged`.
    """

    coefficients: Coefficients
    mean: np.ndarray
    variance: np.ndarray
    spread: dict[str, float]
    evaluation: Evaluation
    precision: np.ndarray
    information: np.ndarray
    log_likelihood: float
    steps: int
    converged: bool


def first_coefficients(data: ChoiceData) -> Coefficients:
    """A start: purchase rates of products, nothing else known."""
    scored = np.asarray(data.scored.sum(0), float)
    bought = np.asarray((data.bought * data.scored).sum(0), float)
    trials = np.bincount(np.asarray(data.product), scored, data.products)
    successes = np.bincount(np.asarray(data.product), bought, data.products)
    rate = (successes + 0.5) / (trials + 20.0)
    shared = np.zeros(len(DYNAMIC) + data.varying.shape[0] + data.fixed.shape[0])
    shared[: len(DYNAMIC)] = (0.3, 0.5, 0.5, 0.2)
    periods = data.scored.shape[0]
    return Coefficients(
        product=jnp.asarray(np.log(rate / (1 - rate)) - 0.3, jnp.float32),
        customer=jnp.zeros(data.rows, jnp.float32),
        week=jnp.zeros(periods, jnp.float32),
        group_week=jnp.zeros((data.groups, periods), jnp.float32),
        deviation=jnp.zeros(data.products, jnp.float32),
        shared=jnp.asarray(shared, jnp.float32),
        log_spread=jnp.asarray(-0.2, jnp.float32),
    )


def fit_choice_model(
    data: ChoiceData,
    product_group: np.ndarray,
    *,
    start: Coefficients | Fit | None = None,
    fixed: dict[str, float] | None = None,
    tolerance: float = 0.1,
    max_steps: int = 40,
    informed: bool = True,
    report: Callable[[int, float], object] | None = None,
) -> Fit:
    """Maximises the penalised marginal likelihood.

    **Arguments:**

    - `product_group`: group of each product, as in `data.group`.
    - `start`: where to start; by default from purchase rates. An earlier fit to nearly the same data says what was
      shrunk how far and where the pair effects lie as well, so that a step or two may do.
    - `fixed`: coefficients of `DYNAMIC` that are not estimated, with their values (`exposure` without any
      exposure in the data, for one).
    - `tolerance`: gain in log-likelihood that a further Newton step must promise, and the last one have kept.
    - `informed`: whether the information at the end is wanted; a fit that another one follows does without.
    - `report`: called with step and log-likelihood.
    """
    problem = _Problem(data, product_group, fixed or {})
    before = start if isinstance(start, Fit) else None
    first = start.coefficients if isinstance(start, Fit) else start
    point = with_fixed(first or first_coefficients(data), fixed or {})
    if before is not None:
        spread = dict(before.spread)
        current = evaluate(data, point, before.evaluation.mode)
    else:
        spread = dict(SHRUNK if first is None else start_spread(first))
        current = evaluate(data, point, np.zeros(data.product.shape[0]), far=True)
    converged = False
    step = 0
    for step in range(1, max_steps + 1):
        information, precision = problem.information(current, spread)
        delta, own_delta, decrement, doubt = problem.newton(point, current, information, precision, spread)
        point, current, gained = problem.advance(point, current, delta, own_delta, precision, spread)
        known = dict(spread)
        if step > 1 or before is not None:
            spread = problem.update_spread(point, current, doubt, spread)
        if report is not None:
            report(step, float(np.asarray(current.log_likelihood, float).sum()))
        settled = step > 1 and all(abs(np.log(spread[name] / known[name])) < 0.05 for name in spread)
        # At the edge of what a coefficient may be a step promises what it cannot keep.
        if min(decrement, gained) < tolerance and settled:
            converged = True
            break
    if informed:
        information, precision = problem.information(current, spread)
    return Fit(
        coefficients=point,
        mean=np.asarray(current.mean, float),
        variance=np.asarray(current.variance, float),
        spread=spread,
        evaluation=current,
        precision=precision,
        information=information,
        log_likelihood=float(np.asarray(current.log_likelihood, float).sum()),
        steps=step,
        converged=converged,
    )


def start_spread(coefficients: Coefficients) -> dict[str, float]:
    """Standard deviations of the shrunk families as they stand, for a start from an earlier fit."""
    found = {name: float(np.std(np.asarray(getattr(coefficients, name)))) for name in SHRUNK}
    return {name: float(np.clip(value, *SPREAD_RANGE)) for name, value in found.items()}


def _inverse(information: np.ndarray, free: np.ndarray) -> np.ndarray:
    """The inverse among the free columns, nought elsewhere; always positive definite.

    Far from the optimum the information may not be. Directions of negative curvature then count by their size, so that
    a step goes uphill along them too (saddle-free Newton; Dauphin et al. 2014).
    """
    inverse = np.zeros_like(information)
    among = np.ix_(free, free)
    size = 1 / np.sqrt(np.maximum(np.abs(np.diag(information))[free], 1e-12))
    scaled = size[:, None] * information[among] * size[None, :]
    if _no_flatter_than(scaled, FLATTEST):
        factor, _ = lapack.dpotrf(scaled, lower=1, clean=1)
        half, _ = lapack.dpotri(factor, lower=1)
        whole = np.tril(half) + np.tril(half, -1).T
        inverse[among] = size[:, None] * whole * size[None, :]
        return inverse
    values, vectors = np.linalg.eigh(scaled)
    directions = size[:, None] * vectors / np.sqrt(np.maximum(np.abs(values), FLATTEST))
    inverse[among] = directions @ directions.T
    return inverse


def _no_flatter_than(matrix: np.ndarray, least: float) -> bool:
    """Whether every eigenvalue is above `least`: then a Cholesky factor of what is left exists, at a tenth of the cost
    of the eigenvalues."""
    _, failed = lapack.dpotrf(matrix - least * np.eye(len(matrix)), lower=1, clean=0, overwrite_a=1)
    return failed == 0


def _weighted_products(table: np.ndarray, columns: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Sums over rows of weighted products of columns, `columns columns`. Some rows at a time are added up in single
    precision, in which the table is, and these sums in double."""
    total = np.zeros((len(columns), len(columns)))
    for rows in _in_parts(len(table)):
        part = table[rows].take(columns, axis=1)
        # Half of a symmetric product is computed, and mirrored at the end.
        total += blas.ssyrk(1.0, (part * np.sqrt(weights[rows, None]).astype(part.dtype)).T, lower=1)
    return total + np.tril(total, -1).T


def _weighted_sums(table: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted sums over rows of every column, in the same way."""
    total = np.zeros(table.shape[1])
    for rows in _in_parts(len(table)):
        total += weights[rows].astype(table.dtype) @ table[rows]
    return total


def _in_parts(rows: int) -> list[slice]:
    return [slice(start, start + ROWS_AT_ONCE) for start in range(0, rows, ROWS_AT_ONCE)]


def with_fixed(coefficients: Coefficients, fixed: dict[str, float]) -> Coefficients:
    """A copy with the named coefficients of `DYNAMIC` at their fixed values."""
    shared = np.array(coefficients.shared)
    for name, value in fixed.items():
        shared[DYNAMIC.index(name)] = value
    return replace_coefficients(coefficients, shared=jnp.asarray(shared))


def replace_coefficients(coefficients: Coefficients, **changes: jnp.ndarray) -> Coefficients:
    """A copy with some fields replaced."""
    fields = {name: getattr(coefficients, name) for name in Coefficients.__dataclass_fields__}
    return Coefficients(**{**fields, **changes})


class _Problem:
    """The objective with its columns: what stays the same over the steps."""

    def __init__(self, data: ChoiceData, product_group: np.ndarray, fixed: dict[str, float]) -> None:
        self.data = data
        self.product_group = product_group
        self.fixed = fixed
        self.columns = columns_of(data)
        self.size = self.columns["log_spread"].stop
        centre = np.zeros(self.size)
        weak = np.full(self.size, 1e-3)
        first = self.columns["shared"].start
        weak[self.columns["shared"]] = 1 / 25.0
        for index, name in enumerate(DYNAMIC):
            centre[first + index], deviation = WEAK_PRIORS[name]
            weak[first + index] = PINNED if name in fixed else 1 / deviation**2
        self.centre, self.weak = centre, weak

    def vector(self, coefficients: Coefficients) -> np.ndarray:
        parts = [
            coefficients.product,
            coefficients.deviation,
            coefficients.week,
            coefficients.group_week.ravel(),
            coefficients.shared,
            coefficients.log_spread[None],
        ]
        return np.concatenate([np.asarray(part, float) for part in parts])

    def precision(self, spread: dict[str, float]) -> np.ndarray:
        precision = self.weak.copy()
        for name in ("deviation", "week", "group_week"):
            precision[self.columns[name]] = 1 / spread[name] ** 2
        if self.data.groups == 1:
            precision[self.columns["group_week"]] = PINNED
        if "exposure" in self.fixed:
            precision[self.columns["deviation"]] = PINNED
        precision[self.columns["log_spread"]] = 1e-2
        return precision

    def information(self, current: Evaluation, spread: dict[str, float]) -> tuple[np.ndarray, np.ndarray]:
        precision = self.precision(spread)
        own = current.customer_information + 1 / spread["customer"] ** 2
        full = assemble(current.blocks, self.columns, self.product_group)
        # What is pinned is never solved for: most of the columns of a large assortment without exposures.
        free = precision < PINNED
        full[np.ix_(free, free)] -= _weighted_products(current.cross, np.flatnonzero(free), 1 / own)
        last = self.columns["log_spread"].start
        full[last, last] = max(full[last, last], 1.0)
        full[np.diag_indices(self.size)] += precision
        return full, precision

    def objective(
        self, coefficients: Coefficients, current: Evaluation, precision: np.ndarray, spread: dict[str, float]
    ) -> float:
        gap = self.vector(coefficients) - self.centre
        free = precision < PINNED
        own = np.asarray(coefficients.customer, float)
        return float(
            current.log_likelihood.sum()
            - 0.5 * (precision * gap**2)[free].sum()
            - 0.5 * (own**2).sum() / spread["customer"] ** 2
        )

    def newton(
        self,
        point: Coefficients,
        current: Evaluation,
        information: np.ndarray,
        precision: np.ndarray,
        spread: dict[str, float],
    ) -> tuple[np.ndarray, np.ndarray, float, np.ndarray]:
        """Steps of the columns and of the customers' shifts, the gain in log-likelihood that they promise, and the
        variance of the columns."""
        vector = self.vector(point)
        own = np.asarray(point.customer, float)
        own_precision = 1 / spread["customer"] ** 2
        own_information = current.customer_information + own_precision
        own_gradient = current.customer_score - own_precision * own
        free = precision < PINNED
        gradient = current.scores.sum(0, dtype=float) - precision * (vector - self.centre)
        gradient -= _weighted_sums(current.cross, own_gradient / own_information)
        gradient = np.where(free, gradient, 0.0)
        inverse = _inverse(information, free)
        delta = inverse @ gradient
        at = self.columns["shared"].start + DYNAMIC.index("persistence")
        target = vector[at] + delta[at]
        if free[at] and not 0.0 <= target <= LARGEST_PERSISTENCE:
            # At the edge of what is allowed the others move as if the persistence stood there.
            short = np.clip(target, 0.0, LARGEST_PERSISTENCE) - target
            delta = delta + inverse[:, at] / inverse[at, at] * short
        last = self.columns["log_spread"].start
        delta[last] = np.clip(delta[last], -LARGEST_SPREAD_MOVE, LARGEST_SPREAD_MOVE)
        own_delta = (own_gradient - current.cross @ delta.astype(np.float32)) / own_information
        decrement = 0.5 * float(gradient @ delta)
        kinds = slice(self.columns["shared"].start, self.size)
        largest = np.abs(delta[kinds]).max()
        shorter = min(1.0, LARGEST_MOVE / max(largest, 1e-9))
        return shorter * delta, shorter * own_delta, decrement, np.diag(inverse)

    def advance(
        self,
        point: Coefficients,
        current: Evaluation,
        delta: np.ndarray,
        own_delta: np.ndarray,
        precision: np.ndarray,
        spread: dict[str, float],
    ) -> tuple[Coefficients, Evaluation, float]:
        """The coefficients after a step, as short as it must be, and what it gained."""
        before = self.objective(point, current, precision, spread)
        length = 1.0
        for _ in range(8):
            moved = self._moved(point, length * delta, length * own_delta)
            result = evaluate(self.data, moved, current.mode)
            after = self.objective(moved, result, precision, spread)
            if np.isfinite(after) and after >= before - TOLERANCE:
                return moved, result, after - before
            length /= 2
        return point, current, 0.0

    def _moved(self, coefficients: Coefficients, delta: np.ndarray, own_delta: np.ndarray) -> Coefficients:
        def move(name: str, values: jnp.ndarray) -> jnp.ndarray:
            step = delta[self.columns[name]].reshape(values.shape)
            return jnp.asarray(np.asarray(values, float) + step, jnp.float32)

        changes = {name: move(name, getattr(coefficients, name)) for name in self.columns}
        customer = np.asarray(coefficients.customer, float) + own_delta
        changes["log_spread"] = jnp.clip(changes["log_spread"], *LOG_SPREAD_RANGE)
        return Coefficients(**changes, customer=jnp.asarray(customer, jnp.float32))

    def update_spread(
        self, point: Coefficients, current: Evaluation, uncertainty: np.ndarray, spread: dict[str, float]
    ) -> dict[str, float]:
        vector = self.vector(point)
        updated = dict(spread)
        families: dict[str, tuple[np.ndarray, np.ndarray]] = {
            name: (vector[self.columns[name]], uncertainty[self.columns[name]])
            for name in ("deviation", "week", "group_week")
        }
        own = np.asarray(point.customer, float)
        own_uncertainty = 1 / (current.customer_information + 1 / spread["customer"] ** 2)
        families["customer"] = (own, own_uncertainty)
        skipped = {"group_week"} if self.data.groups == 1 else set()
        if "exposure" in self.fixed:
            skipped.add("deviation")
        for name, (values, doubt) in families.items():
            if name in skipped:
                continue
            learnt = max(len(values) - doubt.sum() / spread[name] ** 2, 0.05 * len(values))
            found = float(np.sqrt((values**2).sum() / learnt))
            updated[name] = float(np.clip(found, *SPREAD_RANGE))
        return updated
