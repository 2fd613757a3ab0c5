"""Fluid and newsvendor bounds: exact cases, enumeration of policies with known profit, duality, monotonicity."""

from __future__ import annotations

import dataclasses
import logging

import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest
from scipy.special import expit, softmax
from scipy.stats import binom

from intandem.market import build_market, family_market
from intandem.market.files import example_market
from intandem.theory.bounds import bounds, fluid_bound, newsvendor_bound
from intandem.theory.bounds.curves import PIECES, DemandCurves, conjugate, demand_curves, season_of
from intandem.theory.bounds.mismatch import least_mismatch_lines, purchase_weights
from intandem.theory.bounds.prices import value_at
from intandem.theory.bounds.program import solve_program
from intandem.theory.bounds.supply import least_order_cost, product_terms
from intandem.theory.classical import newsvendor


def _market(utility, effect, *, population=12, rows=1, **options):
    """Dense, every row alike; lead time 0 and no cost of holding unless `options` say so."""
    products = len(utility)
    fields = {
        "price": np.linspace(9, 7, products),
        "unit_cost": np.full(products, 4.0),
        "holding_cost": np.zeros(products),
        "lead_time": np.zeros(products),
        **options.pop("products", {}),
    }
    return build_market(
        fields,
        np.tile(utility, (rows, 1)),
        np.tile(effect, (rows, 1)),
        population=np.full(rows, population),
        **options,
    )


def _at(curves: DemandCurves, exposure: float) -> np.ndarray:
    """The curves' values at one mean exposure, all pairs alike."""
    before = np.cumsum(curves.length, 0) - curves.length
    return curves.start + (np.clip(exposure - before, 0, curves.length) * curves.slope).sum(0)


def _envelope(low: float, high: float, at: float) -> float:
    """The concave envelope of `sigmoid` by brute force: the best mixture of two utilities with that mean."""
    left, right = np.linspace(low, at, 801)[:, None], np.linspace(at, high, 801)[None, :]
    share = (at - left) / np.maximum(right - left, 1e-12)
    return float((expit(left) + share * (expit(right) - expit(left))).max())


@pytest.mark.parametrize(("utility", "effect"), [(-3.0, 2.0), (-1.0, 4.0), (0.5, 1.5), (-4.0, 9.0)])
def test_curves_lie_just_above_the_envelope(utility, effect):
    market = _market([utility], [effect], population=1)
    curves = demand_curves(market, season_of(market))
    for exposure in np.linspace(0, 1, 9):
        found, exact = _at(curves, exposure)[0, 0], _envelope(utility, utility + effect, utility + effect * exposure)
        assert exact - 1e-7 <= found <= exact + 5e-4


def test_curves_hold_for_any_pattern_of_exposures_under_carry_over_and_habit(rng):
    """Mean demand of long random patterns, intention followed by its own recursion with mean purchases."""
    for habit, carry in ((0.4, 1.0), (-0.6, 0.5), (0.5, -0.4)):
        market = _market(
            [-2.0], [1.8], population=1, products={"habit": np.array([habit])}, persistence=0.7, carry_over=carry
        )
        curves = demand_curves(market, season_of(market))
        for _ in range(6):
            pattern = rng.random(4_000) < rng.random() * (rng.random(4_000) if rng.random() < 0.5 else 1)
            pattern = np.sort(pattern) if rng.random() < 0.3 else pattern
            intention, bought = 0.0, 0
            for shown, uniform in zip(pattern, rng.random(4_000), strict=True):
                buys = uniform < expit(-2.0 + intention + 1.8 * shown)
                intention = 0.7 * (intention + carry * 1.8 * shown) + habit * buys
                bought += buys
            error = 3 * 0.5 / np.sqrt(4_000)
            assert bought / 4_000 <= _at(curves, pattern.mean())[0, 0] + error


def test_conjugate_is_the_largest_gap_between_sigmoid_and_a_line(rng):
    for _ in range(50):
        low = rng.uniform(-6, 4)
        high, slope = low + rng.uniform(0, 9), rng.uniform(0, 0.3)
        grid = np.linspace(low, high, 4_001)
        found = float(conjugate(np.array(slope), np.array(low), np.array(high)))
        assert found == pytest.approx((expit(grid) - slope * grid).max(), abs=1e-6)


def test_bound_without_effect_is_margin_times_demand():
    market = _market([-1.0], [0.0])
    assert fluid_bound(market).value == pytest.approx(5 * 12 * expit(-1.0), rel=1e-6)


def test_bound_is_attained_where_one_product_has_all_attention_and_stock_is_free():
    """Always shown, always in stock: exactly the bound, in both modes of exposure."""
    for mode in ("intensity", "slate"):
        market = _market([0.3], [1.2], exposure=mode)
        assert fluid_bound(market).value == pytest.approx(5 * 12 * expit(1.5), rel=1e-6)


def test_slates_without_memory_have_no_gain_from_mixing():
    """One slot for two products in a slate: demand is linear in how often each is shown, so one of them has it all."""
    utility, effect = np.array([-2.0, 0.5]), np.array([1.0, 2.0])
    market = _market(utility, effect, exposure="slate")
    margin = np.array([5.0, 3.0])
    shown, unshown = margin * 12 * expit(utility + effect), margin * 12 * expit(utility)
    best = max(shown[0] + unshown[1], unshown[0] + shown[1])
    assert fluid_bound(market).value == pytest.approx(best, rel=1e-6)


def test_newsvendor_bound_without_effect_is_the_newsvendor_optimum():
    market = _market([-0.7], [0.0], products={"holding_cost": np.array([0.6]), "lost_sale_cost": np.array([1.0])})
    chances = binom.pmf(np.arange(13), 12, expit(-0.7))
    cost = newsvendor(chances / chances.sum(), holding=0.6, shortage=6.0).cost
    assert newsvendor_bound(market).value == pytest.approx(5 * 12 * expit(-0.7) - cost, rel=1e-6)


def test_no_static_policy_beats_the_newsvendor_bound(rng):
    """Exact expected profit of every exposure on a grid with its best stock, lead time 0: no simulation error."""
    for _ in range(6):
        utility, effect = rng.normal(-1.5, 1.5, 2), rng.normal(1, 1.5, 2)
        costs = {key: rng.uniform(0.05, 2, 2) for key in ("holding_cost", "lost_sale_cost")}
        visits = rng.uniform(0.3, 1)
        market = _market(utility, effect, products=costs, visit_probability=np.array([visits]))
        best = max(
            sum(
                _static_profit(market, j, 12, visits * float(expit(utility[j] + effect[j] * exposure[j])))
                for j in range(2)
            )
            for share in np.linspace(0, 1, 21)
            for exposure in ((share, 1 - share), (share, 0.0), (0.0, share))
        )
        limit = newsvendor_bound(market).value
        assert best <= limit + 1e-5
        # Little is left between the two: a bound that says nothing would pass too.
        assert limit <= best + 0.05 * abs(best) + 0.1


def _static_profit(market, product: int, persons: int, chance: float) -> float:
    units = np.arange(persons + 1)
    law = binom.pmf(units, persons, chance)
    price, cost, holding, lost = (
        float(field[product]) for field in (market.price, market.unit_cost, market.holding_cost, market.lost_sale_cost)
    )
    over = units[:, None] - units
    money = (price - cost) * np.minimum(units[:, None], units) - holding * np.maximum(over, 0)
    return float(((money - lost * np.maximum(-over, 0)) @ law).max())


def test_purchase_weights_are_below_the_newsvendor_cost_of_every_reachable_law(rng):
    for _ in range(60):
        count = rng.integers(1, 7)
        low = rng.uniform(0, 1, count)
        high = low + rng.uniform(0, 1, count) * (1 - low)
        short = rng.uniform(0.03, 0.97)
        weights = purchase_weights(low, np.ones(count, int), np.array([short]))[0]
        assert weights.sum() == pytest.approx(_least_mismatch(low, short), abs=1e-10)
        share = np.where(rng.random(count) < 0.3, 1.0, rng.random(count))
        assert weights @ (1 - share) <= _least_mismatch(low + share * (high - low), short) + 1e-10


def test_lines_lie_below_the_newsvendor_cost_of_a_row(rng):
    for _ in range(20):
        persons, low, short = int(rng.integers(1, 15)), rng.uniform(0, 0.9), rng.uniform(0.05, 0.95)
        high = low + rng.uniform(0, 1 - low)
        constants, slopes = least_mismatch_lines(persons, low, high, short)
        found = []
        for chance in np.append(rng.uniform(low, high, 20), (low, high)):
            exact = _least_mismatch(np.full(persons, chance), short)
            found.append(exact - (constants + slopes * persons * chance).max())
        # They hold everywhere and touch somewhere, up to half a step of the grid.
        assert -1e-12 <= min(found) <= 2e-2


def _least_mismatch(chances: np.ndarray, short: float) -> float:
    law = np.ones(1)
    for chance in chances:
        law = np.convolve(law, [1 - chance, chance])
    over = np.arange(len(law))[:, None] - np.arange(len(law))
    return float(((short * np.maximum(-over, 0) + (1 - short) * np.maximum(over, 0)) @ law).min())


def test_least_order_cost_against_a_grid(rng):
    for _ in range(40):
        fixed, holding, demand = rng.uniform(0.1, 50), rng.uniform(0.01, 2), rng.uniform(0.2, 10)
        smallest = rng.uniform(1, 20)
        largest = smallest + rng.uniform(0, 60)
        grid = np.linspace(smallest, largest, 3_001)
        kept = np.maximum(grid[:, None] - demand * np.arange(1, 500), 0).sum(1)
        found = least_order_cost(*(np.array([v]) for v in (fixed, holding, demand, smallest, largest)))[0]
        exact = ((fixed + holding * kept) / grid).min()
        assert exact * (1 - 2e-3) <= found <= exact + 1e-9


def test_a_deterministic_lot_size_attains_the_bound():
    """Everybody buys every period (utility 40): the best batch is `n` periods of demand, and the bound says so."""
    market = _market(
        [40.0],
        [0.0],
        products={"holding_cost": np.array([0.1]), "fixed_order_cost": np.array([30.0])},
    )
    best = max(12 * 5 - (30 / n + 0.1 * 12 * (n - 1) / 2) for n in range(1, 30))
    assert fluid_bound(market).value == pytest.approx(best, rel=1e-6)


@pytest.mark.parametrize(
    "family", ["free-supply", "capped-supply", "habit", pytest.param("seasonal", marks=pytest.mark.slow)]
)
def test_prices_agree_with_the_linear_program(family):
    market = family_market(family, 6, 12, 0)
    if family == "seasonal":
        market = dataclasses.replace(market, season=market.season[::26])
    program, prices = fluid_bound(market, by_prices=False).value, fluid_bound(market, by_prices=True).value
    assert program * (1 - 1e-6) <= prices <= program * (1 + 1e-3)


def test_any_prices_bound_and_those_of_the_program_are_best(rng):
    market = family_market("capped-supply", 6, 12, 1)
    curves = demand_curves(market, season_of(market))
    terms = product_terms(market, curves)
    solution = solve_program(curves, terms)
    assert value_at(curves, terms, solution.demand_value).value == pytest.approx(solution.value, rel=1e-5)
    for _ in range(20):
        tried = solution.demand_value * rng.uniform(0, 2, market.products)
        assert value_at(curves, terms, tried).value >= solution.value * (1 - 1e-6)


def test_bounds_rise_with_caps_and_slots_and_reach_the_margin_of_a_binding_cap():
    market = family_market("capped-supply", 6, 12, 2)
    caps = np.asarray(market.max_order)
    values = [
        newsvendor_bound(dataclasses.replace(market, max_order=jnp.asarray(caps + more, jnp.float32))).value
        for more in range(4)
    ]
    assert np.all(np.diff(values) >= -1e-6)
    assert values[-1] > values[0] + 0.1
    slots = [newsvendor_bound(dataclasses.replace(market, exposure_slots=count)).value for count in range(3)]
    assert np.all(np.diff(slots) >= -1e-6)
    margin = np.asarray(market.price - market.unit_cost, float)
    assert values[0] <= (margin * caps).sum() + 1e-6


def test_more_tangents_change_little():
    market = family_market("long-lead", 6, 12, 0)
    value = []
    for pieces in (PIECES, 4 * PIECES):
        curves = demand_curves(market, season_of(market), pieces)
        value.append(solve_program(curves, product_terms(market, curves)).value)
    assert value[1] <= value[0] <= value[1] * (1 + 5e-4)


def test_discounted_bound_without_effect_is_exact():
    """No stock costs, initial stock above a period's demand: revenue of all demand less orders for what is missing."""
    market = _market([40.0], [0.0], discount=0.9, products={"initial_stock": np.array([12.0])})
    # Twelve units sold in every period, from the second on out of orders placed that period.
    exact = 9 * 12 / (1 - 0.9) - 4 * 12 * 0.9 / (1 - 0.9)
    assert fluid_bound(market).value == pytest.approx(exact, rel=1e-5)


def test_multinomial_bound_without_effect_is_exact_and_lies_below_independent_choice():
    utility = np.array([0.4, -0.6])
    market = _market(utility, np.zeros(2), choice="multinomial")
    share = softmax(np.append(utility, 0.0))[:2]
    assert fluid_bound(market).value == pytest.approx(12 * share @ [5.0, 3.0], rel=1e-5)
    shown = _market(utility, np.ones(2), choice="multinomial")
    assert fluid_bound(shown).value < fluid_bound(_market(utility, np.ones(2))).value


def test_no_static_multinomial_policy_beats_the_bound(rng):
    for _ in range(5):
        utility, effect = rng.normal(-1, 1, 3), rng.normal(1, 1, 3)
        market = _market(utility, effect, choice="multinomial")
        margin = np.array([5.0, 4.0, 3.0])
        exposures = rng.dirichlet(np.full(3, 0.3), 300)
        demand = softmax(np.column_stack([utility + effect * exposures, np.zeros(300)]), axis=1)[:, :3]
        best = float((12 * demand @ margin).max())
        assert best <= fluid_bound(market).value <= 1.25 * best


def test_example_with_a_known_optimum(caplog):
    """The exact optimum of the example, 42.32057 per period, from an independent dynamic program."""
    with caplog.at_level(logging.INFO, "intandem"):
        found = bounds(example_market("two-products-capped"))
    assert {record.getMessage() for record in caplog.records} == {
        f"{name} bound left out: {reason}" for name, reason in found.skipped.items()
    }
    assert set(found.values) == {"fluid", "newsvendor", "lagrangian", "clairvoyant"}
    assert 42.32057 <= found.best <= 1.03 * 42.32057
    assert found.values["newsvendor"] < found.values["fluid"] < 45.7
    assert found.supply_price.shape == (2,)
    assert found.slot_price.shape == (1,)
    assert set(found.skipped) == {"batches", "habits"}
    assert repr(found).startswith("no policy earns more than 42.")
    assert len(repr(found).splitlines()) == 7
    frame = found.to_frame()
    assert set(frame["bound"]) == {*found.values, *found.skipped}
    assert frame.filter(pl.col("best"))["value"].to_list() == [found.best]
    assert frame.filter(pl.col("value").is_null())["skipped"].null_count() == 0


def test_pairs_of_no_use_and_empty_places_are_no_trouble():
    market = build_market(
        {key: np.full(3, value) for key, value in (("price", 9.0), ("unit_cost", 4.0), ("holding_cost", 0.1))},
        np.full((2, 2), -1.0),
        np.array([[-1.0, 2.0], [0.0, 0.0]]),
        candidates=np.array([[0, 1], [1, 3]]),
    )
    # Rows buy products 0 and 1; the effect of product 0 is negative, so it is not shown; product 2 sells nothing.
    most = 5 * (2 * expit(-1.0) + expit(1.0))
    assert fluid_bound(market).value == pytest.approx(most, rel=1e-5)
