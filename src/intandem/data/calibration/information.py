"""Scores and information of the choice model, customer by customer, in the structure that makes them cheap.

The information is that of the marginal likelihood (Louis 1982): the complete-data information less what the unseen
pair effects take away, `Cov(S_x, S_y | data)`. A score moves with the effect as `S_x(e) = const - r_x f(e)` with
`r_x = sum_t weight * dU/dx` and the same `f` for all `x`: minus the score of a constant shift of utility over its
weight, whose posterior variance is `score_variance`.

Columns are ordered `product | deviation | week | group_week | shared | log_spread`; the customers' own shifts, one
per row, are eliminated by the caller (a Schur complement with a diagonal block).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from intandem.data.calibration.choice_model import (
    DYNAMIC,
    ChoiceData,
    Coefficients,
    Paths,
    Posterior,
    infer,
    intention_paths,
    known_utility,
    locate,
    pair_effect,
)

NEAR_STEPS, FAR_STEPS = 2, 12
"""Newton steps to the modes of the pair effects, from the modes at the last coefficients and from nowhere."""

CELLS_AT_ONCE = 60_000
"""Pairs times periods that are worked on at once."""


class Evaluation(NamedTuple):
    """Log-likelihood with its scores and information at one set of coefficients.

    - `scores`: per customer and column, `rows columns`; `customer_score`: of the customers' own shifts.
    - `cross`, `customer_information`: information between columns and own shifts, and of own shifts.
    - `blocks`: information among the columns, in parts that `assemble` puts together.
    - `mode`, `mean`, `variance`: of the pair effects.

    On the host in double precision, since sums over customers must not lose the last digits of a likelihood; the two
    tables by customer and column, as large as the data, in single precision.
    """

    log_likelihood: np.ndarray
    scores: np.ndarray
    customer_score: np.ndarray
    cross: np.ndarray
    customer_information: np.ndarray
    blocks: dict[str, np.ndarray]
    mode: np.ndarray
    mean: np.ndarray
    variance: np.ndarray


def columns_of(data: ChoiceData) -> dict[str, slice]:
    """Where each kind of coefficient stands among the columns."""
    periods = data.scored.shape[0]
    shared = 4 + data.varying.shape[0] + data.fixed.shape[0]
    sizes = {
        "product": data.products,
        "deviation": data.products,
        "week": periods,
        "group_week": periods * data.groups,
        "shared": shared,
        "log_spread": 1,
    }
    ends = np.cumsum(list(sizes.values()))
    return {name: slice(int(end - size), int(end)) for (name, size), end in zip(sizes.items(), ends, strict=True)}


def _by_product(values: Float[Array, "... pairs"], data: ChoiceData) -> Float[Array, "... products"]:
    if data.width == data.products:
        return values.reshape(*values.shape[:-1], data.rows, data.products).sum(-2)
    zeros = jnp.zeros((*values.shape[:-1], data.products))
    return zeros.at[..., data.product].add(values)


def _in_product_places(values: Float[Array, " pairs"], data: ChoiceData) -> Float[Array, "rows products"]:
    table = values.reshape(data.rows, data.width)
    if data.width == data.products:
        return table
    return jnp.zeros((data.rows, data.products)).at[data.row, data.product].set(values)


def _row_columns(
    data: ChoiceData,
    own: Float[Array, " pairs"],
    effect: Float[Array, " pairs"],
    weekly: Float[Array, "periods pairs"],
    shared: Float[Array, "shared pairs"],
) -> Float[Array, "rows columns"]:
    """Sums over each customer's pairs, laid out by columns."""

    def by_row(values: Float[Array, "k pairs"]) -> Float[Array, "rows k"]:
        return values.reshape(values.shape[0], data.rows, data.width).sum(2).T

    grouped = [by_row(jnp.where(data.group == group, weekly, 0.0)) for group in range(data.groups)]
    parts = [_in_product_places(own, data), _in_product_places(effect, data)]
    return jnp.concatenate([*parts, sum(grouped[1:], start=grouped[0]), *grouped, by_row(shared)], axis=1)


def evaluate(data: ChoiceData, coefficients: Coefficients, near: np.ndarray, *, far: bool = False) -> Evaluation:
    """Marginal log-likelihood, scores and information at `coefficients`.

    **Arguments:**

    - `near`: where to look for the modes of the pair effects; `far`: whether they may lie far from there.
    """
    steps = FAR_STEPS if far else NEAR_STEPS
    found = jax.device_get(_evaluate(data, coefficients, jnp.asarray(near, jnp.float32), jnp.asarray(steps)))
    blocks = {name: np.asarray(block, float) for name, block in found.pop("blocks").items()}
    return Evaluation(
        blocks=blocks,
        **{name: value if name in ("scores", "cross") else np.asarray(value, float) for name, value in found.items()},
    )


@jax.jit
def _evaluate(
    data: ChoiceData, coefficients: Coefficients, near: Float[Array, " pairs"], steps: Int[Array, ""]
) -> dict[str, Any]:
    """Customers by customers in parts that a processor's cache holds: what is in between is never written out."""
    rows = min(max(CELLS_AT_ONCE // (data.scored.shape[0] * data.width), 1), data.rows)
    parts = -(-data.rows // rows)
    rows = -(-data.rows // parts)
    if parts == 1:
        return _evaluate_part(data, coefficients, near, steps)
    # Customers who fill up the last part are never scored, and tell nothing.
    filled = parts * rows - data.rows

    def padded(values: Array) -> Array:
        each = filled * (values.shape[-1] // data.rows)
        return jnp.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, each)]) if filled else values

    by_pair = (data.product, data.group, data.scored, data.bought, data.exposed, data.varying, data.fixed, data.offset)
    whole = jax.tree.map(padded, (by_pair, coefficients.customer, near))

    def part(total: dict[str, Array], number: Int[Array, ""]) -> tuple[dict[str, Array], dict[str, Array]]:
        def here(values: Array) -> Array:
            size = values.shape[-1] // parts
            return jax.lax.dynamic_slice_in_dim(values, number * size, size, values.ndim - 1)

        (product, group, scored, bought, exposed, varying, fixed, offset), customer, around = jax.tree.map(here, whole)
        row = jnp.repeat(jnp.arange(rows), data.width)
        some = ChoiceData(
            product, row, group, scored, bought, exposed, varying, fixed, rows, data.products, data.groups, offset
        )
        known = eqx.tree_at(lambda one: one.customer, coefficients, customer)
        found = _evaluate_part(some, known, around, steps)
        return jax.tree.map(jnp.add, total, found.pop("blocks")), found

    blocks, found = jax.lax.scan(part, _no_blocks(data), jnp.arange(parts))
    sizes = dict.fromkeys(("mode", "mean", "variance"), data.product.shape[0])
    joined = {
        name: values.reshape(-1, *values.shape[2:])[: sizes.get(name, data.rows)] for name, values in found.items()
    }
    return {**joined, "blocks": blocks}


def _no_blocks(data: ChoiceData) -> dict[str, Array]:
    """Nought in the shapes of `_blocks`."""
    periods, shared = data.scored.shape[0], len(DYNAMIC) + data.varying.shape[0] + data.fixed.shape[0] + 1
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(("product", "deviation", "product_deviation"), (data.products,))
    shapes |= dict.fromkeys(("product_week", "deviation_week"), (periods, data.products))
    shapes |= dict.fromkeys(("product_shared", "deviation_shared"), (shared, data.products))
    shapes |= {"shared": (shared, shared), "week": (data.groups, periods, periods)}
    shapes["week_shared"] = (data.groups, shared, periods)
    return {name: jnp.zeros(shape) for name, shape in shapes.items()}


def _evaluate_part(
    data: ChoiceData, coefficients: Coefficients, near: Float[Array, " pairs"], steps: Int[Array, ""]
) -> dict[str, Any]:
    paths = intention_paths(data.bought, data.exposed, coefficients.shared[2])
    utility = known_utility(coefficients, data, paths)
    centre, scale = locate(data, utility, coefficients.log_spread, near, steps)
    posterior = infer(data, utility, coefficients.log_spread, centre, scale)
    gain, columns = _shared_columns(coefficients, data, paths)
    weight, residual, variance = posterior.weight, posterior.residual, posterior.score_variance
    own = posterior.total_weight
    r_effect = (weight * gain).sum(0)
    r_varying = jnp.stack([(weight * column).sum(0) for column in columns])
    r = jnp.concatenate([r_varying, own * data.fixed, posterior.spread_slope[None]])
    kept = 1 - own * variance

    score_varying = jnp.stack([(residual * column).sum(0) for column in columns])
    own_score = residual.sum(0)
    scores = _row_columns(
        data,
        own_score,
        (residual * gain).sum(0),
        residual,
        jnp.concatenate([score_varying, own_score * data.fixed, posterior.spread_score[None]]),
    )
    # The spread has no information of its own with other coefficients: only what the unseen effects share.
    first = r.at[-1].set(0.0)
    cross = _row_columns(data, own * kept, r_effect * kept, weight * kept, first - r * (own * variance))

    def by_row(values: Float[Array, " pairs"]) -> Float[Array, " rows"]:
        return values.reshape(data.rows, data.width).sum(1)

    return {
        "log_likelihood": by_row(posterior.log_likelihood),
        "scores": scores,
        "customer_score": by_row(own_score),
        "cross": cross,
        "customer_information": by_row(own * kept),
        "blocks": _blocks(data, coefficients, paths, posterior, gain, columns, r_effect, r),
        "mode": centre,
        "mean": posterior.mean,
        "variance": posterior.variance,
    }


def _shared_columns(
    coefficients: Coefficients, data: ChoiceData, paths: Paths
) -> tuple[Float[Array, "periods pairs"], list[Float[Array, "periods pairs"]]]:
    """Derivatives of utility: in the product's exposure effect, and in each shared coefficient that varies."""
    _, carry_over, _, habit = coefficients.shared[:4]
    effect = pair_effect(coefficients, data)
    gain = data.exposed + carry_over * paths.exposure_stock
    columns = [
        gain,
        effect * paths.exposure_stock,
        carry_over * effect * paths.exposure_slope + habit * paths.purchase_slope,
        paths.purchase_stock,
        *[data.varying[index] for index in range(data.varying.shape[0])],
    ]
    return gain, columns


def _blocks(
    data: ChoiceData,
    coefficients: Coefficients,
    paths: Paths,
    posterior: Posterior,
    gain: Float[Array, "periods pairs"],
    columns: list[Float[Array, "periods pairs"]],
    r_effect: Float[Array, " pairs"],
    r: Float[Array, "shared pairs"],
) -> dict[str, Array]:
    weight, variance, own = posterior.weight, posterior.score_variance, posterior.total_weight
    dense = len(columns)
    fixed = data.fixed

    # Complete-data information among shared columns; the last row and column belong to the spread.
    # Sums over periods first: a sum of all at once is one long chain of additions.
    above = {(a, b): (weight * columns[a] * columns[b]).sum(0).sum() for a in range(dense) for b in range(a, dense)}
    varying = jnp.stack([jnp.stack([above[min(a, b), max(a, b)] for b in range(dense)]) for a in range(dense)])
    mixed = r[:dense] @ fixed.T
    both = (own * fixed) @ fixed.T
    shared = jnp.block([[varying, mixed], [mixed.T, both]])
    shared = jnp.pad(shared, (0, 1)) - (r * variance) @ r.T
    shared = shared.at[-1, -1].set(posterior.spread_information.sum())

    first = r.at[-1].set(0.0)
    effect_first = jnp.concatenate(
        [
            jnp.stack([(weight * gain * column).sum(0) for column in columns]),
            r_effect * fixed,
            jnp.zeros_like(own)[None],
        ]
    )
    # Utility is not linear in the persistence: its curvature counts where the residuals go with it. Far from the
    # optimum it may count the wrong way, so it may only add.
    effect = pair_effect(coefficients, data)
    carry_over, habit, at = coefficients.shared[1], coefficients.shared[3], 2
    bend = carry_over * effect * paths.exposure_curvature + habit * paths.purchase_curvature
    straight = varying[at, at]
    bent = jnp.clip(straight - (posterior.residual * bend).sum(0).sum(), straight, 3 * straight)
    shared = shared.at[at, at].add(bent - straight)

    blocks = {
        "product": _by_product(own - own**2 * variance, data),
        "deviation": _by_product((weight * gain**2).sum(0) - r_effect**2 * variance, data),
        "product_deviation": _by_product(r_effect * (1 - own * variance), data),
        "product_week": _by_product(weight * (1 - own * variance), data),
        "deviation_week": _by_product(weight * (gain - r_effect * variance), data),
        "product_shared": _by_product(first - r * (own * variance), data),
        "deviation_shared": _by_product(effect_first - r * (r_effect * variance), data),
        "shared": shared,
    }
    weeks, week_shared = [], []
    member = jnp.where(data.group[:, None] == jnp.arange(data.groups), 1.0, 0.0)
    by_group = [(weight * column) @ member for column in columns]
    for group in range(data.groups):
        here = weight * member[:, group]
        weeks.append(jnp.diag(weight @ member[:, group]) - (here * variance) @ weight.T)
        plain = [one[:, group] for one in by_group]
        first_week = jnp.concatenate([jnp.stack(plain), fixed @ here.T, jnp.zeros((1, here.shape[0]))])
        week_shared.append(first_week - (r * variance) @ here.T)
    return {**blocks, "week": jnp.stack(weeks), "week_shared": jnp.stack(week_shared)}


def assemble(blocks: dict[str, np.ndarray], columns: dict[str, slice], product_group: np.ndarray) -> np.ndarray:
    """The information matrix among the columns, `columns columns`, float64."""
    size = columns["log_spread"].stop
    groups, periods = blocks["week"].shape[:2]
    matrix = np.zeros((size, size))
    product, deviation, week = (columns[name] for name in ("product", "deviation", "week"))
    shared = slice(columns["shared"].start, size)
    products = np.arange(product.start, product.stop)
    deviations = np.arange(deviation.start, deviation.stop)
    matrix[products, products] = blocks["product"]
    matrix[deviations, deviations] = blocks["deviation"]
    matrix[products, deviations] = blocks["product_deviation"]
    matrix[product, week] = blocks["product_week"].T
    matrix[deviation, week] = blocks["deviation_week"].T
    matrix[product, shared] = blocks["product_shared"].T
    matrix[deviation, shared] = blocks["deviation_shared"].T
    matrix[week, week] = blocks["week"].sum(0)
    matrix[week, shared] = blocks["week_shared"].sum(0).T
    matrix[shared, shared] = blocks["shared"]
    for group in range(groups):
        start = columns["group_week"].start + group * periods
        here = slice(start, start + periods)
        member = np.where(product_group == group, 1.0, 0.0)[:, None]
        matrix[product, here] = blocks["product_week"].T * member
        matrix[deviation, here] = blocks["deviation_week"].T * member
        matrix[week, here] = blocks["week"][group]
        matrix[here, here] = blocks["week"][group]
        matrix[here, shared] = blocks["week_shared"][group].T
    upper = np.triu(matrix)
    return upper + upper.T - np.diag(np.diag(upper))
