"""The gradient behind the draw, against the exact or simulated derivative of expected profit.

`docs/explanation/market.md` lists where the gradient is unbiased and how large the bias is elsewhere; the tolerances
here are those figures with room for sampling error, not wider.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from intandem.market import Decision, Market, build_market, initial_state, step
from intandem.market.demand import with_expected_gradient
from intandem.market.draws import bernoulli, stochastic_round

PERIODS = 4
ORDERS = np.array([[1.3, 1.6], [0.7, 1.2], [1.5, 0.4], [1.1, 0.9]])
PRICE, COST, HOLDING, LOST = np.array([10.0, 8.0]), np.array([6.0, 4.0]), np.array([0.8, 0.5]), np.array([1.0, 0.5])
SALVAGE = 5.0


def market_of(population: int = 1, lead_time: int = 1, stock: float = 2.0, **rules: Any) -> Market:
    draw = np.random.default_rng(3)
    products = {
        "price": PRICE,
        "unit_cost": COST,
        "holding_cost": HOLDING,
        "lost_sale_cost": LOST,
        "backorder_cost": np.array([2.0, 1.5]),
        "exposure_cost": np.array([0.1, 0.2]),
        "lead_time": np.full(2, lead_time),
        "initial_stock": np.array([stock, stock + 1]) * population,
    }
    utility, effect = draw.normal(-0.7, 0.6, (4, 2)), draw.uniform(0.8, 2.0, (4, 2))
    return build_market(products, utility, effect, population=np.full(4, population), **rules)


def exact_profit(market: Market, stock: np.ndarray, exposure: np.ndarray) -> float:
    """Expected profit of one period of single persons, from the distribution of demand itself."""
    chance = special.expit(np.asarray(market.base_utility, float) + np.asarray(market.exposure_effect) * exposure)
    profit = -float((np.array([0.1, 0.2]) * exposure).sum())
    for product in range(2):
        law = np.ones(1)
        for buyer in chance[:, product]:
            law = np.convolve(law, [1 - buyer, buyer])
        asked = np.arange(len(law))
        sales = np.minimum(asked, stock[product])
        money = PRICE[product] * sales - HOLDING[product] * (stock[product] - sales)
        profit += law @ (money - LOST[product] * (asked - sales))
    return profit


def test_one_period_exposure_gradient_is_unbiased() -> None:
    """Against the exact derivative, with stock at the kink of sales, where approximations fail."""
    market = market_of(lead_time=1, stock=1.0)
    state = initial_state(market)
    exposure = np.random.default_rng(0).uniform(0.1, 0.6, (4, 2))

    def profit(exposure: Any, key: Any) -> Any:
        return step(market, state, Decision(jnp.zeros(2), exposure), key)[1].profit

    keys = jax.random.split(jax.random.key(0), 100_000)
    given = jnp.asarray(exposure, jnp.float32)
    slopes = np.asarray(jax.jit(jax.vmap(jax.grad(profit), (None, 0)))(given, keys), float)
    for row, product in np.ndindex(4, 2):
        perturbation = np.zeros((4, 2))
        perturbation[row, product] = 1e-4
        stock = np.array([1.0, 2.0])
        exact = (
            exact_profit(market, stock, exposure + perturbation) - exact_profit(market, stock, exposure - perturbation)
        ) / 2e-4
        drawn = slopes[:, row, product]
        assert abs(drawn.mean() - exact) < 5 * drawn.std() / np.sqrt(len(keys)) + 1e-4


def test_one_period_gradient_of_purchases_of_several_units_is_unbiased() -> None:
    """Against the exact law of `n + Poisson(n (u - 1))` units, with stock in the midst of it."""
    fields = {"price": [10.0], "unit_cost": [6.0], "holding_cost": [0.8], "lost_sale_cost": [0.5]}
    fields |= {"initial_stock": [11.0], "units_per_purchase": [3.4]}
    market = build_market(fields, [[-0.8]], [[1.3]], population=[8])
    state = initial_state(market)

    def profit(exposure: Any, key: Any) -> Any:
        return step(market, state, Decision(jnp.zeros(1), exposure[None, None]), key)[1].profit

    def exact(exposure: float) -> float:
        units = np.arange(200)
        law = sum(
            stats.binom.pmf(n, 8, special.expit(-0.8 + 1.3 * exposure)) * stats.poisson.pmf(units - n, n * 2.4)
            for n in range(9)
        )
        sales = np.minimum(units, 11)
        return float(law @ (10 * sales - 0.8 * (11 - sales) - 0.5 * (units - sales)))

    keys = jax.random.split(jax.random.key(4), 60_000)
    value, slopes = jax.jit(jax.vmap(jax.value_and_grad(profit), (None, 0)))(jnp.float32(0.3), keys)
    value, slopes = np.asarray(value, float), np.asarray(slopes, float)
    assert abs(value.mean() - exact(0.3)) < 4 * value.std() / np.sqrt(len(keys))
    slope = (exact(0.301) - exact(0.299)) / 2e-3
    assert abs(slopes.mean() - slope) < 4 * slopes.std() / np.sqrt(len(keys))
    # A slope that took every purchase for one unit, or for its mean at the kink, would lie outside.
    assert slopes.std() / np.sqrt(len(keys)) < 0.02 * abs(slope)


def test_one_period_stock_gradient_is_the_central_difference() -> None:
    market = market_of(lead_time=0, stock=1.0)
    state = initial_state(market)
    exposure = jnp.full((4, 2), 0.3)

    def profit(order: Any, key: Any) -> Any:
        return step(market, state, Decision(order, exposure), key)[1].profit

    keys = jax.random.split(jax.random.key(1), 100_000)
    slopes = np.asarray(jax.jit(jax.vmap(jax.grad(profit), (None, 0)))(jnp.ones(2), keys), float)
    stock = np.array([2.0, 3.0])
    for product in range(2):
        unit = np.eye(2)[product]
        above, below = (exact_profit(market, stock + sign * unit, np.full((4, 2), 0.3)) for sign in (1, -1))
        exact = (above - below) / 2 - COST[product]
        assert slopes[:, product].mean() == pytest.approx(exact, abs=5 * slopes[:, product].std() / np.sqrt(len(keys)))


def test_one_period_gradient_of_many_people_is_unbiased() -> None:
    """One row of 2,000 people, both choices: derivative from the binomial law of demand."""
    for choice in ("independent", "multinomial"):
        fields = {"price": [10.0], "unit_cost": [6.0], "holding_cost": [0.8], "initial_stock": [480.0]}
        products = {key: np.array(value) for key, value in fields.items()}
        utility, effect = np.array([[-1.3]]), np.array([[0.8]])
        market = build_market(products, utility, effect, population=np.array([2_000]), choice=choice)
        state = initial_state(market)

        def profit(exposure: Any, key: Any, market: Market = market, state: Any = state) -> Any:
            return step(market, state, Decision(jnp.zeros(1), exposure[None, None]), key)[1].profit

        def exact(exposure: float) -> float:
            law = stats.binom(2_000, special.expit(-1.3 + 0.8 * exposure)).pmf(np.arange(2_001))
            sales = np.minimum(np.arange(2_001), 480)
            return float(law @ (10 * sales - 0.8 * (480 - sales)))

        keys = jax.random.split(jax.random.key(2), 4_000)
        slopes = np.asarray(jax.jit(jax.vmap(jax.grad(profit), (None, 0)))(jnp.float32(0.25), keys), float)
        slope = (exact(0.2501) - exact(0.2499)) / 2e-4
        assert abs(slopes.mean() - slope) < 5 * slopes.std() / np.sqrt(len(keys))


def profit_of(market: Market) -> Any:
    """Four periods of profit from orders and exposures that are the same in every row; stock left has a value."""

    def profit(decisions: tuple[Any, Any], key: Any) -> Any:
        def period(state: Any, at: Any) -> tuple[Any, Any]:
            order, exposure, key = at
            order_key, step_key, slate_key = jax.random.split(key, 3)
            whole = with_expected_gradient(stochastic_round(order_key, order), order)
            exposure = jnp.broadcast_to(exposure, market.base_utility.shape)
            if market.exposure == "slate":
                exposure = with_expected_gradient(bernoulli(slate_key, exposure), exposure)
            following, outcome = step(market, state, Decision(whole, exposure), step_key)
            return following, outcome.profit

        start = initial_state(market)
        last, profits = jax.lax.scan(period, start, (*decisions, jax.random.split(key, PERIODS)))
        return profits.sum() + SALVAGE * last.on_hand.sum()

    return profit


CASES: dict[str, tuple[dict[str, Any], float, float]] = {
    # rules of the market, tolerance for orders, tolerance for exposures: relative error of the whole gradient
    "lost sales through pipeline": ({}, 0.12, 0.06),
    "backordered, memory, habit": (
        {"unmet_demand": "backordered", "persistence": 0.6, "carry_over": 1.0, "habit": 0.8},
        0.08,
        0.06,
    ),
    "six people a row, habit": ({"population": 6, "persistence": 0.6, "habit": 0.8}, 0.03, 0.06),
    "multinomial slate": ({"choice": "multinomial", "exposure": "slate"}, 0.27, 0.08),
}


@pytest.mark.parametrize(
    ("rules", "order_error", "exposure_error"),
    [
        pytest.param(*case, id=name, marks=[] if "lost sales" in name else pytest.mark.slow)
        for name, case in CASES.items()
    ],
)
def test_gradient_over_periods(rules: dict[str, Any], order_error: float, exposure_error: float) -> None:
    """One random direction for orders and the common direction for exposures, by central differences."""
    market = market_of(**rules)
    population = float(market.population[0])
    profit = profit_of(market)
    decisions = (jnp.asarray(ORDERS * population, jnp.float32), jnp.full((PERIODS, 2), 0.4))
    keys = jax.random.split(jax.random.key(1), 16_000)
    gradient = jax.jit(jax.vmap(jax.grad(profit), (None, 0)))(decisions, keys)
    mean = [np.asarray(part, float).mean(0) for part in gradient]
    compiled = jax.jit(jax.vmap(profit, (None, 0)))

    def difference(part: int, place: tuple[int, int], width: float) -> float:
        perturbation = np.zeros((PERIODS, 2), np.float32)
        perturbation[place] = width
        up, down = (tuple(d + s * perturbation * (i == part) for i, d in enumerate(decisions)) for s in (1, -1))
        return float((np.asarray(compiled(up, keys)) - np.asarray(compiled(down, keys))).mean() / (2 * width))

    for part, width, tolerance in ((0, 0.1 * population**0.5, order_error), (1, 0.1, exposure_error)):
        simulated = np.array([difference(part, place, width) for place in np.ndindex(PERIODS, 2)]).reshape(PERIODS, 2)
        error = np.linalg.norm(mean[part] - simulated) / np.linalg.norm(simulated)
        assert error < tolerance, (mean[part], simulated)
