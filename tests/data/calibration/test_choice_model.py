"""The likelihood is the integral it claims to be, and its dynamics are those of the market."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from intandem.data.calibration.choice_model import (
    ChoiceData,
    bought_log_likelihood,
    infer,
    intention_paths,
    known_utility,
    locate,
)
from intandem.data.calibration.estimation import first_coefficients, fit_choice_model
from intandem.data.calibration.information import assemble, columns_of, evaluate
from intandem.data.sources.simulated import simulated_firm
from intandem.market.demand import next_intention

PERIODS, ROWS, PRODUCTS, GROUPS = 14, 40, 6, 2


def random_data(seed: int = 0, *, shuffled: bool = False) -> ChoiceData:
    rng = np.random.default_rng(seed)
    width = 4 if shuffled else PRODUCTS
    candidates = np.stack([np.sort(rng.choice(PRODUCTS, width, replace=False)) for _ in range(ROWS)])
    product = candidates.ravel()
    pairs = ROWS * width
    visited = np.repeat(rng.random((PERIODS, ROWS)) < 0.8, width, axis=1)
    taste = rng.standard_normal(pairs) - 1.5

    def single(values: np.ndarray) -> jnp.ndarray:
        return jnp.asarray(np.asarray(values, np.float32))

    return ChoiceData(
        product=jnp.asarray(product, jnp.int32),
        row=jnp.asarray(np.repeat(np.arange(ROWS), width), jnp.int32),
        group=jnp.asarray(product % GROUPS, jnp.int32),
        scored=single(visited),
        bought=single((rng.random((PERIODS, pairs)) < 1 / (1 + np.exp(-taste))) & visited),
        exposed=single((rng.random((PERIODS, pairs)) < 0.2) & visited),
        varying=single(rng.standard_normal((1, PERIODS, pairs))),
        fixed=single(rng.standard_normal((1, pairs))),
        rows=ROWS,
        products=PRODUCTS,
        groups=GROUPS,
    )


def test_quadrature_agrees_with_a_fine_grid() -> None:
    data = random_data()
    coefficients = first_coefficients(data)
    utility = known_utility(coefficients, data, intention_paths(data.bought, data.exposed, jnp.asarray(0.5)))
    log_spread = jnp.asarray(0.3, jnp.float32)
    centre, scale = locate(data, utility, log_spread, jnp.zeros(utility.shape[1]), 12)
    found = infer(data, utility, log_spread, centre, scale)

    grid = np.linspace(-10, 10, 401)
    spread = float(jnp.exp(log_spread))
    log_density = np.stack([np.asarray(bought_log_likelihood(utility + e, data.bought, data.scored)) for e in grid])
    log_density = log_density.astype(float) - 0.5 * (grid[:, None] / spread) ** 2
    density = np.exp(log_density)
    step = grid[1] - grid[0]
    total = density.sum(0) * step / (spread * np.sqrt(2 * np.pi))
    mean = (density * grid[:, None]).sum(0) / density.sum(0)
    np.testing.assert_allclose(found.log_likelihood, np.log(total), atol=2e-3)
    np.testing.assert_allclose(found.mean, mean, atol=5e-3)


def test_intention_moves_as_in_the_market() -> None:
    market = simulated_firm(3, products=4, customers=5, persistence=0.7, carry_over=0.6, habit=0.3)
    rng = np.random.default_rng(1)
    visits = (rng.random((9, 5)) < 0.7).astype(np.float32)
    shown = (rng.random((9, 5, 4)) < 0.4).astype(np.float32)
    bought = (rng.random((9, 5, 4)) < 0.3) * visits[:, :, None]
    reached = shown * visits[:, :, None]
    paths = intention_paths(
        jnp.asarray(bought.reshape(9, -1), jnp.float32), jnp.asarray(reached.reshape(9, -1)), market.persistence
    )
    effect = np.asarray(market.exposure_effect).ravel()
    ours = 0.6 * effect * np.asarray(paths.exposure_stock) + 0.3 * np.asarray(paths.purchase_stock)
    intention = jnp.zeros((5, 4))
    for period in range(9):
        np.testing.assert_allclose(ours[period], np.asarray(intention).ravel(), atol=1e-5)
        intention = next_intention(
            market,
            intention,
            jnp.asarray(shown[period]),
            jnp.asarray(visits[period]),
            jnp.asarray(bought[period], jnp.float32),
        )


@pytest.mark.parametrize("shuffled", [False, True])
def test_scores_and_information_are_derivatives_of_the_likelihood(shuffled: bool) -> None:
    data = random_data(2, shuffled=shuffled)
    group = np.arange(PRODUCTS) % GROUPS
    fit = fit_choice_model(data, group, max_steps=4)
    columns = columns_of(data)
    fields = {name: np.asarray(getattr(fit.coefficients, name), np.float32) for name in (*columns, "customer")}

    def at(name: str, index: int, step: float):  # type: ignore[no-untyped-def]
        moved = {key: value.copy() for key, value in fields.items()}
        flat = moved[name].reshape(-1)
        flat[index] += step
        moved[name] = flat.reshape(fields[name].shape)
        coefficients = type(fit.coefficients)(**{key: jnp.asarray(value) for key, value in moved.items()})
        return evaluate(data, coefficients, fit.mean, far=True)

    here = evaluate(data, fit.coefficients, fit.mean, far=True)
    information = assemble(here.blocks, columns, group)
    step = 0.02
    for name, index in [
        ("product", 2), ("deviation", 1), ("week", 5), ("group_week", 17), ("shared", 0), ("shared", 1),
        ("shared", 3), ("shared", 4), ("shared", 5), ("log_spread", 0),
    ]:  # fmt: skip
        up, down = at(name, index, step), at(name, index, -step)
        column = columns[name].start + index
        slope = (up.log_likelihood.sum() - down.log_likelihood.sum()) / (2 * step)
        assert here.scores[:, column].sum() == pytest.approx(slope, abs=0.3 + 0.02 * abs(slope))
        bend = -(up.scores.sum(0) - down.scores.sum(0)) / (2 * step)
        # Columns in which utility is linear; the products of persistence, carry-over and effects have residuals in
        # their second derivative, which are nought only in the mean.
        linear = np.r_[columns["product"], columns["week"], columns["group_week"]]
        scale = np.sqrt(information[column, column] * np.diag(information)[linear])
        assert np.abs(bend - information[column])[linear].max() < 0.05 * scale.max() + 0.05
    up, down = at("customer", 3, step), at("customer", 3, -step)
    bend = -(up.customer_score - down.customer_score)[3] / (2 * step)
    assert here.customer_information[3] == pytest.approx(bend, rel=0.05)
