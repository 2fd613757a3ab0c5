"""One period across products: against brute force, weak duality, simulation, and the statements C1 to C4."""

from __future__ import annotations

from dataclasses import replace
from itertools import product as combinations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from intandem.errors import InputError
from intandem.market import (
    Decision,
    Market,
    SolveSettings,
    build_market,
    check_decision,
    example_market,
    initial_state,
    step,
)
from intandem.market.demand import choice_probability
from intandem.theory.cross_product import joint_optimum
from intandem.theory.cross_product.allocation import Block, share_columns, share_concave, share_levels, slot_price
from intandem.theory.cross_product.concavity import concave_given_stock, profit_slope
from intandem.theory.cross_product.exposed_demand import (
    BinomialDemand,
    NormalDemand,
    PoissonDemand,
    TabulatedDemand,
    sum_of_binomials,
)
from intandem.theory.cross_product.exposed_newsvendor import (
    Response,
    Terms,
    best_exposure_given_stock,
    expected_profit,
    marginal_profit,
    order_given_exposure,
)
from intandem.theory.cross_product.one_period import one_period, plan_given_exposure

COARSE = SolveSettings(exposure_levels=(0.0, 0.5, 1.0))


def random_market(
    seed: int, rows: int = 1, products: int = 2, *, lowest: float = -2.5, limits: bool = True, **settings: object
) -> Market:
    """A small market of independent rows and products; utilities from `lowest` upwards."""
    rng = np.random.default_rng(seed)
    price = rng.uniform(5, 12, products)
    terms = {
        "price": price,
        "unit_cost": price * rng.uniform(0.3, 0.8, products),
        "holding_cost": rng.uniform(0.1, 2, products),
        "lost_sale_cost": rng.choice([0.0, 1.5], products),
        "exposure_cost": rng.choice([0.0, 0.2], products),
        "initial_stock": rng.integers(0, 4, products).astype(float),
    }
    caps = np.full(products, np.inf)
    if limits:
        caps = rng.choice([0.0, 2.0, 3.0, np.inf], products)
        terms["order_multiple"] = np.where(caps == 0, 1.0, rng.choice([1.0, 2.0], products))
        terms["fixed_order_cost"] = rng.choice([0.0, 3.0], products)
    market = build_market(
        terms,
        rng.uniform(lowest, lowest + 2.5, (rows, products)),
        rng.uniform(0.3, 3, (rows, products)),
        population=rng.integers(1, 6, rows).astype(float),
        visit_probability=rng.uniform(0.4, 1, rows),
        **{"solve": COARSE, **settings},
    )
    # No file has a cap of 0; for one period it is what remains when it is too late to order.
    return replace(market, max_order=jnp.asarray(caps, jnp.float32))


def brute_profit(market: Market, exposures: np.ndarray) -> float:
    """Expected profit of the best orders, by sums over every demand and every order."""
    available = jnp.ones(market.products)
    chance = np.asarray(
        choice_probability(market, market.base_utility, jnp.asarray(exposures, jnp.float32), available), float
    )
    column = {name: np.asarray(getattr(market, name), float) for name in Terms.__dataclass_fields__}
    visit, population = np.asarray(market.visit_probability, float), np.asarray(market.population, int)
    total = 0.0
    for j in range(market.products):
        chances = np.ones(1)
        for i in range(market.rows):
            one = stats.binom.pmf(np.arange(population[i] + 1), population[i], visit[i] * chance[i, j])
            chances = np.convolve(chances, one)
        units = np.arange(len(chances))
        values = {name: array[j] for name, array in column.items()}
        best = -np.inf
        for order in np.arange(0, min(values["max_order"], len(chances) + 3) + 1):
            if order % values["order_multiple"] or 0 < order < values["min_order"]:
                continue
            stock = float(market.initial_stock[j]) + order
            sold = np.minimum(units, stock)
            money = values["price"] * sold - (values["holding_cost"] - values["salvage"]) * (stock - sold)
            money = money - values["lost_sale_cost"] * (units - sold)
            fixed = values["fixed_order_cost"] if order > 0 else 0.0
            best = max(best, float(chances @ money) - values["unit_cost"] * order - fixed)
        total += best - values["exposure_cost"] * float((exposures[:, j] * population * visit).sum())
    return total


def feasible_exposures(market: Market, levels: np.ndarray) -> list[np.ndarray]:
    shape = market.base_utility.shape
    rows = [row for row in combinations(levels, repeat=shape[1]) if sum(row) <= market.exposure_slots + 1e-9]
    return [np.array(choice) for choice in combinations(rows, repeat=shape[0])]


@pytest.mark.parametrize(
    ("seed", "rows", "products", "settings"),
    [
        *[(seed, 1, 2, {"solve": SolveSettings()}) for seed in range(4)],
        *[(seed, 1, 3, {}) for seed in range(4, 7)],
        *[(seed, 2, 2, {}) for seed in range(7, 11)],
        *[(seed, 2, 3, {"exposure": "slate"}) for seed in range(11, 13)],
        *[(seed, 1, 2, {"choice": "multinomial"}) for seed in range(13, 15)],
        *[(seed, 2, 2, {"choice": "multinomial", "exposure": "slate"}) for seed in range(15, 17)],
    ],
)
def test_on_levels_it_is_the_best_of_all(seed: int, rows: int, products: int, settings: dict) -> None:
    market = random_market(seed, rows, products, **settings)
    found = joint_optimum(market, on_levels=True)
    levels = np.array([0.0, 1.0]) if market.exposure == "slate" else np.array(market.solve.exposure_levels)
    best = max(brute_profit(market, exposures) for exposures in feasible_exposures(market, levels))
    assert found.method == "levels"
    assert found.gap == 0
    assert found.profit == pytest.approx(best, abs=1e-4)
    assert found.profit == pytest.approx(brute_profit(market, found.plan.exposures), abs=1e-4)
    assert found.upper_bound >= found.profit - 1e-9
    assert found.filtered_silo.profit <= found.profit + 1e-9
    assert found.silo.profit <= found.profit + 1e-9
    for plan in (found.plan, found.silo, found.filtered_silo):
        check_decision(market, Decision(jnp.asarray(plan.orders), jnp.asarray(plan.exposures)))


def concave_market(seed: int, slots: int = 1) -> Market:
    """Utilities of 0 and more, where people are won ever less easily; what can be ordered does not reach demand."""
    rng = np.random.default_rng(seed)
    products = 3
    price = rng.uniform(5, 12, products)
    market = build_market(
        {
            "price": price,
            "unit_cost": price * 0.4,
            "holding_cost": rng.uniform(0.1, 1, products),
            "exposure_cost": rng.uniform(0, 0.3, products),
            "initial_stock": rng.integers(1, 5, products).astype(float),
        },
        rng.uniform(0, 0.5, (1, products)),
        rng.uniform(0.5, 2, (1, products)),
        population=np.array([8.0]),
        exposure_slots=slots,
    )
    return replace(market, max_order=jnp.zeros(products))


@pytest.mark.parametrize("seed", range(4))
def test_where_profit_is_concave_the_price_of_attention_clears(seed: int) -> None:
    market = concave_market(seed)
    found = joint_optimum(market)
    assert found.method == "concave"
    assert found.plan.exposures.sum() <= 1 + 1e-9
    grid = np.linspace(0, 1, 11)
    on_grid = max(brute_profit(market, exposures) for exposures in feasible_exposures(market, grid))
    assert on_grid - 1e-4 <= found.profit <= on_grid + 0.1
    # Complementary slackness, and the same slope wherever the exposure is inside.
    price, unused = found.slot_price[0], 1 - found.plan.exposures.sum()
    assert price * unused == pytest.approx(0, abs=1e-7)
    problem = one_period(market)
    for place, exposure in enumerate(found.plan.exposures[0]):
        step_size = 1e-4
        ends = np.clip(exposure + np.array([-step_size, step_size]), 0, 1)
        earned = [_own_profit(problem, place, end) for end in ends]
        slope = (earned[1] - earned[0]) / (ends[1] - ends[0])
        if 1e-3 < exposure < 1 - 1e-3:
            assert slope == pytest.approx(price, abs=1e-3)
        else:
            assert (slope - price) * (exposure - 0.5) >= -1e-3
    # Strong duality: at the price nothing else would earn more.
    assert found.upper_bound == pytest.approx(found.profit, abs=1e-7)


def _own_profit(problem: object, place: int, exposure: float) -> float:
    response, terms = problem.response(0, place), problem.terms_of(place)
    law = response.law(np.array(exposure))
    return float(expected_profit(terms, law, problem.on_hand[place], 0.0, response.exposures(np.array(exposure))))


def test_rows_that_share_no_product_are_solved_apart_wherever_products_stand() -> None:
    dense = random_market(3, 1, 2), random_market(4, 1, 2)
    columns = {
        name: np.concatenate([np.asarray(getattr(market, name), float) for market in dense])
        for name in (*Terms.__dataclass_fields__, "initial_stock")
    }

    def pair_rows(name: str) -> np.ndarray:
        rows = [np.asarray(getattr(market, name))[0] for market in dense]
        return np.array([[*rows[0], 0.0], [rows[1][1], 0.0, rows[1][0]]])

    def by_row(name: str) -> np.ndarray:
        return np.concatenate([np.asarray(getattr(market, name)) for market in dense])

    season = np.array([[0.0] * 4, [0.4, 0.1, -0.3, 0.2]])
    caps = columns.pop("max_order")
    both = build_market(
        columns,
        pair_rows("base_utility"),
        pair_rows("exposure_effect"),
        candidates=np.array([[0, 1, 4], [3, 4, 2]]),
        population=by_row("population"),
        visit_probability=by_row("visit_probability"),
        season=season,
        persistence=0.5,
        solve=COARSE,
    )
    both = replace(both, max_order=jnp.asarray(caps, jnp.float32))
    apart = [joint_optimum(market, on_levels=True) for market in dense]
    together = joint_optimum(both, on_levels=True)
    assert together.profit == pytest.approx(sum(found.profit for found in apart), abs=1e-5)
    assert together.silo.profit == pytest.approx(sum(found.silo.profit for found in apart), abs=1e-5)
    np.testing.assert_allclose(together.slot_price, [found.slot_price[0] for found in apart], atol=1e-5)
    assert together.plan.exposures[1, [2, 0]].tolist() == apart[1].plan.exposures[0].tolist()
    # A season's shift and the same shift as intention are the same thing.
    shifted = joint_optimum(both, period=1)
    as_intention = np.array([[0.4, 0.1, 0.0], [0.2, 0.0, -0.3]])
    assert shifted.profit != pytest.approx(together.profit, abs=1e-3)
    assert shifted.profit == pytest.approx(joint_optimum(both, intention=as_intention).profit, abs=1e-5)


def test_a_product_that_nobody_can_buy_earns_what_its_stock_is_worth() -> None:
    market = build_market(
        {
            "price": np.array([10.0, 9.0]),
            "unit_cost": np.array([4.0, 5.0]),
            "holding_cost": np.array([0.5, 1.0]),
            "salvage": np.array([4.0, 3.0]),
            "initial_stock": np.array([0.0, 2.0]),
        },
        np.array([[-0.5, 0.0]]),
        np.array([[1.0, 0.0]]),
        candidates=np.array([[0, 2]]),
        population=np.array([4.0]),
    )
    found = joint_optimum(market)
    assert found.plan.product_profit[1] == pytest.approx(2 * (3.0 - 1.0))
    assert found.plan.orders[1] == 0
    assert found.upper_bound >= found.profit - 1e-9


def test_with_room_for_all_attention_has_no_price() -> None:
    found = joint_optimum(concave_market(0, slots=3))
    assert found.slot_price[0] == 0
    assert found.profit >= joint_optimum(concave_market(0)).profit


@pytest.mark.parametrize("seed", range(24))
def test_concavity_is_never_claimed_wrongly_and_seldom_missed(seed: int) -> None:
    rng = np.random.default_rng(seed)
    terms = Terms(10.0, 5.0, 0.5, lost_sale_cost=float(rng.choice([0, 2])), exposure_cost=0.3)
    response = Response(
        float(rng.integers(1, 20)), float(rng.uniform(0.3, 1)), float(rng.uniform(-3, 1)), float(rng.uniform(-1, 3))
    )
    stock = float(rng.integers(0, 12))
    grid = np.linspace(0, 1, 401)
    earned = expected_profit(terms, response.law(grid), stock, 0.0, response.exposures(grid))
    bend = np.diff(earned, 2).max()
    if concave_given_stock(terms, response, stock):
        assert bend <= 1e-10
    else:
        assert bend > -1e-8
    slopes = profit_slope(terms, response, np.array(stock), (grid[1:] + grid[:-1]) / 2)
    np.testing.assert_allclose(slopes, np.diff(earned) / np.diff(grid), atol=1e-3)


def test_an_order_that_moves_with_exposure_bends_profit_upwards() -> None:
    terms, response = Terms(10.0, 5.0, 0.5), Response(10.0, 1.0, 0.0, 2.0)
    exposure = np.linspace(0, 1, 2001)
    plan = order_given_exposure(terms, response.law(exposure))
    bends = np.diff(plan.profit, 2)
    stepping = np.diff(plan.order)[1:] + np.diff(plan.order)[:-1] > 0
    assert stepping.any()
    assert bends[stepping].max() > 1e-6
    assert bends[~stepping].max() < 1e-9


def test_a_market_too_large_to_tabulate_is_bounded_and_the_gap_reported() -> None:
    rng = np.random.default_rng(3)
    rows, products = 14, 3
    market = build_market(
        {
            "price": np.array([10.0, 9.0, 8.0]),
            "unit_cost": np.array([5.0, 5.0, 3.0]),
            "holding_cost": np.full(products, 0.3),
            "max_order": np.array([4.0, 5.0, 6.0]),
            "initial_stock": np.zeros(products),
        },
        rng.uniform(-2, 0, (rows, products)),
        rng.uniform(0.5, 2.5, (rows, products)),
        population=rng.integers(1, 3, rows).astype(float),
        solve=COARSE,
    )
    found = joint_optimum(market)
    assert found.method == "gap"
    assert found.gap == pytest.approx(found.upper_bound - found.profit)
    assert 0 < found.gap < 0.15 * found.profit
    assert found.silo.profit <= found.profit + 1e-9
    problem = one_period(market)
    for _ in range(30):
        chosen = np.zeros((rows, products))
        chosen[np.arange(rows), rng.integers(0, products, rows)] = rng.choice([0.5, 1.0], rows)
        assert plan_given_exposure(problem, chosen).profit <= found.upper_bound


def test_the_bound_of_large_markets_holds_where_the_optimum_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(6):
        market = random_market(seed, 2, 2)
        exact = joint_optimum(market, on_levels=True)
        with monkeypatch.context() as patched:
            patched.setattr("intandem.theory.cross_product.tables._MOST_COLUMNS", 3)
            rough = joint_optimum(market, on_levels=True)
        assert rough.method == "gap"
        assert rough.profit <= exact.profit + 1e-9 <= rough.upper_bound + 1e-6


def test_expected_profit_is_that_of_the_simulator() -> None:
    market = _simulated_market()
    found = joint_optimum(market, on_levels=True)
    decision = Decision(jnp.asarray(found.plan.orders, jnp.float32), jnp.asarray(found.plan.exposures, jnp.float32))
    state = initial_state(market)

    def play(key: jax.Array) -> jax.Array:
        # What is left replaces a purchase: it counts at its unit cost, as salvage does in one period.
        following, outcome = step(market, state, decision, key)
        return outcome.profit + (market.unit_cost * following.on_hand).sum()

    runs = 20_000
    earned = np.asarray(jax.jit(jax.vmap(play))(jax.random.split(jax.random.key(7), runs)), float)
    assert abs(earned.mean() - found.profit) < 3.5 * earned.std() / np.sqrt(runs)
    assert earned.std() / np.sqrt(runs) < 0.01 * found.profit


def _simulated_market() -> Market:
    return build_market(
        {
            "price": np.array([10.0, 8.0]),
            "unit_cost": np.array([5.0, 5.0]),
            "holding_cost": np.array([0.5, 0.3]),
            "lost_sale_cost": np.array([1.0, 0.0]),
            "fixed_order_cost": np.array([2.0, 0.0]),
            "exposure_cost": np.array([0.1, 0.2]),
            "lead_time": np.zeros(2),
            "initial_stock": np.array([1.0, 0.0]),
            "max_order": np.array([4.0, 3.0]),
        },
        np.array([[-1.0, -0.5], [-0.3, -2.0]]),
        np.array([[1.5, 1.0], [0.8, 2.0]]),
        population=np.array([5.0, 3.0]),
        visit_probability=np.array([0.7, 0.9]),
        solve=COARSE,
    )


def test_laws_agree_where_one_is_the_limit_or_a_case_of_another() -> None:
    units = np.arange(0, 15)[:, None]
    chance = np.array([0.2, 0.55])
    binomial = BinomialDemand(9, chance)
    tabulated = sum_of_binomials(np.array([4, 5]), np.stack([chance, chance], -1))
    seldom, poisson = BinomialDemand(1_000_000, np.array([4e-6])), PoissonDemand(np.array([4.0]))
    many = BinomialDemand(1_000_000, np.array([0.4]))
    normal = NormalDemand(np.array([400_000.0]), np.sqrt(240_000.0))
    np.testing.assert_allclose(tabulated.mean, binomial.mean)
    np.testing.assert_allclose(tabulated.cumulative(units), binomial.cumulative(units), atol=1e-12)
    np.testing.assert_allclose(tabulated.shortage(units), binomial.shortage(units), atol=1e-12)
    np.testing.assert_allclose(seldom.shortage(units), poisson.shortage(units), atol=1e-5)
    np.testing.assert_allclose(seldom.cumulative(units), poisson.cumulative(units), atol=1e-5)
    at = np.array([399_000.0, 400_300.0])[:, None]
    np.testing.assert_allclose(many.shortage(at), normal.shortage(at), rtol=2e-3)
    for ratio in (0.0, 0.3, 0.9, 1.0):
        np.testing.assert_array_equal(tabulated.quantile(ratio), binomial.quantile(ratio))
    assert abs(many.quantile(0.9) - normal.quantile(0.9)) <= 1


@pytest.mark.parametrize(
    "law", [BinomialDemand(6, np.array([0.3])), PoissonDemand(np.array([2.5])), TabulatedDemand(np.ones((1, 5)) / 5)]
)
def test_a_unit_of_stock_is_worth_what_it_adds(law: object) -> None:
    terms = Terms(10.0, 6.0, 0.7, lost_sale_cost=1.0, salvage=2.0)
    for stock in range(8):
        gained = expected_profit(terms, law, stock + 1) - expected_profit(terms, law, stock)
        np.testing.assert_allclose(gained, marginal_profit(terms, law, stock), atol=1e-10)


@pytest.mark.parametrize("seed", range(10))
def test_c1_orders_follow_recommendation(seed: int) -> None:
    rng = np.random.default_rng(seed)
    terms = Terms(
        10.0,
        float(rng.uniform(2, 8)),
        float(rng.uniform(0.1, 2)),
        fixed_order_cost=float(rng.choice([0, 4])),
        order_multiple=float(rng.integers(1, 4)),
        max_order=float(rng.choice([6, np.inf])),
    )
    exposure = np.linspace(0, 1, 50)
    utility, effect = rng.uniform(-2, 0, 3), rng.uniform(0, 3, 3)
    chance = 1 / (1 + np.exp(-(utility + effect * exposure[:, None])))
    plan = order_given_exposure(terms, sum_of_binomials(np.array([4, 2, 3]), chance), stock=1.0)
    assert (np.diff(plan.level) >= 0).all()
    assert (np.diff(plan.order) >= 0).all()
    assert plan.level[-1] > plan.level[0]


@pytest.mark.parametrize("seed", range(10))
def test_c2_recommendation_follows_its_own_stock(seed: int) -> None:
    rng = np.random.default_rng(seed)
    terms = Terms(10.0, 6.0, 0.3, lost_sale_cost=float(rng.choice([0, 2])), exposure_cost=float(rng.uniform(0, 0.2)))
    response = Response(8.0, 0.8, float(rng.uniform(-3, 1)), float(rng.uniform(0.5, 3)))
    shown = best_exposure_given_stock(terms, response, np.arange(12), np.linspace(0, 1, 21))
    assert (np.diff(shown) >= 0).all()
    assert shown[-1] > shown[0]


def c2_market(seed: int, rows: int, products: int, **terms: float | np.ndarray) -> Market:
    """Without limits on orders and without stock; low utilities, where profit is not concave."""
    rng = np.random.default_rng(seed)
    price = rng.uniform(5, 12, products)
    columns = {
        "price": price,
        "unit_cost": price * rng.uniform(0.3, 0.8, products),
        "holding_cost": rng.uniform(0.1, 2, products),
        "exposure_cost": rng.uniform(0, 0.1, products),
        "initial_stock": np.zeros(products),
        **{name: np.full(products, value) for name, value in terms.items()},
    }
    return build_market(
        columns,
        rng.uniform(-3.5, -0.5, (rows, products)),
        rng.uniform(1, 4, (rows, products)),
        population=rng.integers(2, 7, rows).astype(float),
        solve=SolveSettings(exposure_levels=tuple(np.linspace(0, 1, 5 if rows * products > 3 else 21).tolist())),
    )


def moves(market: Market, others: float, *, may_order: bool) -> np.ndarray:
    """How each exposure changes, summed over rows, with every unit more of the first product's stock."""
    shown = []
    for own in np.arange(0.0, 6.0):
        stock = np.full(market.products, others)
        stock[0] = own
        found = joint_optimum(market, stock, may_order=may_order, on_levels=True)
        shown.append(found.plan.exposures)
    return np.diff(np.array(shown), axis=0)


C2_ORDERS = [(False, {}), (True, {}), (True, {"max_order": 2.0})]


@pytest.mark.parametrize(("may_order", "limits"), C2_ORDERS)
def test_c2_two_products_of_one_row_share_attention_by_stock(may_order: bool, limits: dict[str, float]) -> None:
    changes = [moves(c2_market(seed, 1, 2, **limits), 2.0, may_order=may_order) for seed in range(5)]
    assert all((change[:, 0, 0] >= 0).all() and (change[:, 0, 1] <= 0).all() for change in changes)
    assert any((change[:, 0, 0] > 0).any() and (change[:, 0, 1] < 0).any() for change in changes)


@pytest.mark.parametrize("seed", range(2))
def test_c2_concave_products_yield_attention_to_the_one_with_more_stock(seed: int) -> None:
    market = concave_market(seed)
    shown = []
    for own in range(6):
        found = joint_optimum(market, np.array([own, 3.0, 2.0]))
        assert found.method == "concave"
        shown.append(found.plan.exposures[0])
    change = np.diff(np.array(shown), axis=0)
    assert (change[:, 0] >= -1e-9).all()
    assert (change[:, 1:] <= 1e-9).all()
    assert change[:, 0].max() > 0.01


@pytest.mark.parametrize(
    ("rows", "products", "may_order", "limits", "place"),
    [
        (2, 2, False, {}, 0),
        pytest.param(1, 3, False, {}, 1, marks=pytest.mark.slow),
        (1, 2, True, {"order_multiple": 2.0}, 0),
        (1, 2, True, {"fixed_order_cost": 3.0}, 0),
    ],
    ids=["several rows", "three products, the others", "lots", "fixed cost"],
)
def test_c2_fails_without_its_assumptions(
    rows: int, products: int, may_order: bool, limits: dict[str, float], place: int
) -> None:
    def fails(seed: int) -> bool:
        change = moves(c2_market(seed, rows, products, **limits), 2.0, may_order=may_order)
        wrong = change[..., 0] < -1e-9 if place == 0 else change[..., 1:] > 1e-9
        return bool(wrong.any())

    assert any(fails(seed) for seed in range(40)), "no counterexample among 40 markets"


def test_c3_with_additive_noise_attention_equalises_marginal_margin() -> None:
    margin, cost = np.array([4.0, 3.0, 5.0]), np.array([0.2, 0.0, 0.3])
    visits, utility, effect = 20.0, np.array([0.1, 0.4, 0.2]), np.array([1.0, 1.5, 0.8])
    terms = [Terms(6.0 + gain, 6.0, 0.4, order_multiple=0.0) for gain in margin]

    def chance(exposure: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-(utility + effect * exposure)))

    def slope(exposure: np.ndarray) -> np.ndarray:
        return visits * (margin * effect * chance(exposure) * (1 - chance(exposure)) - cost)

    def earned(exposure: np.ndarray) -> float:
        plans = [
            order_given_exposure(one, NormalDemand(np.array(visits * mean), 3.0), 0.0, visits * shown).profit
            - one_cost * visits * shown
            for one, mean, shown, one_cost in zip(terms, chance(exposure), exposure, cost, strict=True)
        ]
        return float(sum(plans))

    exposure, price = share_concave(slope, 3, 1)
    inside = (exposure > 1e-6) & (exposure < 1 - 1e-6)
    assert inside.sum() >= 2
    np.testing.assert_allclose(slope(exposure)[inside], price, atol=1e-9)
    grid = np.linspace(0, 1, 21)
    best = max(earned(np.array([a, b, 1 - a - b])) for a in grid for b in grid if a + b <= 1)
    assert best <= earned(exposure) + 1e-9
    assert best == pytest.approx(earned(exposure), abs=0.2)


def test_c4_without_mismatch_cost_the_silo_is_best() -> None:
    for seed in range(8):
        market = _with(random_market(seed, 1, 2, limits=False, lowest=-1.5), holding_cost=0.0, initial_stock=0.0)
        found = joint_optimum(market, on_levels=True)
        assert found.profit == pytest.approx(found.silo.profit, abs=1e-9)
        assert found.plan.exposures.tolist() == found.silo.exposures.tolist()


def test_c4_binomial_noise_makes_the_gain_small_and_not_zero_with_free_supply() -> None:
    gains, bounds = [], []
    for seed in range(30):
        market = _with(c2_market(seed, 1, 2), holding_cost=2.0)
        found, problem = joint_optimum(market, on_levels=True), one_period(market)
        gains.append(found.profit - found.silo.profit)
        chance = problem.choice_chances(found.silo.exposures, np.arange(1))[0]
        deviation = np.sqrt(problem.population[0] * chance * (1 - chance))
        bounds.append(float(np.sqrt(problem.terms.underage * problem.terms.overage) @ deviation))
    assert max(gains) > 1e-3
    assert all(-1e-9 <= gain <= bound for gain, bound in zip(gains, bounds, strict=True))


@pytest.mark.parametrize("seed", range(6))
def test_the_mismatch_term_of_attention_is_within_the_chance_of_a_tie(seed: int) -> None:
    rng = np.random.default_rng(seed)
    terms = Terms(10.0, float(rng.uniform(3, 8)), float(rng.uniform(0.2, 2)))
    response = Response(float(rng.integers(2, 30)), 1.0, float(rng.uniform(-2, 1)), 2.0)
    for exposure in np.linspace(0, 1, 7):
        at = np.array(exposure)
        law = response.law(at)
        level = order_given_exposure(terms, law).level
        margin = 10.0 - terms.unit_cost
        chance = law.chance
        added = response.population * response.effect * chance * (1 - chance)
        term = profit_slope(terms, response, level, at) / added - margin
        tie = law.cumulative(level) - law.cumulative(level - 1)
        assert -terms.stake * tie - 1e-9 <= term <= terms.stake * tie + 1e-9


def test_the_embedded_market_agrees_with_brute_force() -> None:
    market = _with(example_market("two-products-capped"), initial_stock=0.0)
    found = joint_optimum(market)
    best = max(brute_profit(market, shown) for shown in feasible_exposures(market, np.linspace(0, 1, 5)))
    assert found.profit == pytest.approx(best, abs=1e-3)
    assert found.silo.profit == pytest.approx(brute_profit(market, found.silo.exposures), abs=1e-3)


def _with(market: Market, **values: float) -> Market:
    for name, value in values.items():
        market = eqx.tree_at(lambda m, name=name: getattr(m, name), market, jnp.full(market.products, value))
    return market


def test_the_filter_matters_where_stock_is_given() -> None:
    market = _simulated_market()
    found = joint_optimum(market, may_order=False, on_levels=True)
    assert found.silo.exposures[:, 1].sum() > 0
    assert found.filtered_silo.exposures[:, 1].sum() == 0
    assert found.plan.orders.sum() == 0
    assert joint_optimum(market).filtered_silo.exposures.tolist() == joint_optimum(market).silo.exposures.tolist()


@pytest.mark.parametrize("seed", range(5))
def test_the_ways_to_share_levels_agree(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values, levels = rng.normal(size=(4, 4)), (0.0, 0.3, 0.5, 1.0)
    blocks = [Block(row, np.array(levels)[:, None]) for row in values]
    slots = np.array([1.0])
    chosen = share_levels(values, levels, 1)
    by_program, exact = share_columns(blocks, slots)
    assert exact
    assert chosen == by_program
    value = sum(values[at, level] for at, level in enumerate(chosen))
    price, bound = slot_price(blocks, slots)
    assert bound >= value - 1e-12
    assert price[0] >= 0


def test_straight_profits_use_the_budget_up_and_no_more() -> None:
    exposure, price = share_concave(lambda shown: np.array([2.0, 1.0, 1.0, 0.5]) + 0 * shown, 4, 2)
    assert exposure.sum() == pytest.approx(2)
    np.testing.assert_allclose(exposure[[0, 3]], [1, 0], atol=1e-9)
    assert price == pytest.approx(1)


def test_ties_go_to_the_first_product_and_level() -> None:
    assert share_levels(np.array([[0.0, 1.0, 1.0], [0.0, 1.0, 1.0]]), (0.0, 0.5, 1.0), 1) == (1, 1)
    assert share_levels(np.zeros((2, 3)), (0.0, 0.5, 1.0), 1) == (0, 0)
    assert share_levels(np.array([[0.0, 5.0], [0.0, 5.0]]), (0.0, 1.0), 1) == (0, 1)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="backordered"):
        joint_optimum(random_market(0, unmet_demand="backordered"))
    with pytest.raises(InputError, match="substitution"):
        joint_optimum(random_market(0, choice="multinomial", substitution=True))
    with pytest.raises(InputError, match="salvage"):
        order_given_exposure(Terms(10.0, 5.0, 0.1, salvage=6.0), BinomialDemand(3, np.array([0.5])))
    for stock in (np.zeros(3), np.array([-1.0, 0.0]), np.array([0.5, 0.0])):
        with pytest.raises(InputError, match="on_hand"):
            joint_optimum(random_market(0), stock)
    with pytest.raises(InputError, match="intention"):
        joint_optimum(random_market(0), intention=np.zeros(3))
    with pytest.raises(InputError, match="add 0"):
        joint_optimum(random_market(0, solve=SolveSettings(exposure_levels=(0.5, 1.0))))
    with pytest.raises(InputError, match="enumerated together"):
        joint_optimum(random_market(0, 4, 3, choice="multinomial", solve=SolveSettings()))
    with pytest.raises(InputError, match="unit in common"):
        share_levels(np.zeros((2, 2)), (0.0, 0.123456789), 1)
