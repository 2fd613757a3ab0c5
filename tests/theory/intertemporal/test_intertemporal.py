"""The exact solver: against an independent optimum, the simulator, brute force, and what must hold of any solution."""

from __future__ import annotations

import itertools
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

from intandem.errors import InputError
from intandem.evaluation.simulation import simulate
from intandem.market import Market, SolveSettings, build_market, example_market, family_market
from intandem.theory.classical import reorder_policy
from intandem.theory.intertemporal import Solution, solve
from intandem.theory.intertemporal.policy_table import read_policy, tabled_policy
from intandem.theory.random_markets import KINDS, random_market
from sets import slow_but


def test_two_products_capped_has_the_optimum_found_elsewhere() -> None:
    # Source: an independent exact solver of the same model, 42.32057 joint and 33.48991 silo.
    solution = solve(example_market("two-products-capped"))
    assert solution.profit == pytest.approx(42.32057, rel=1e-6)
    assert solution.regimes["silo"].profit == pytest.approx(33.48991, rel=1e-6)
    assert solution.states == 625
    frame = solution.to_frame()
    assert frame["regime"].to_list() == ["joint", "silo", "filtered-silo"]
    assert repr(solution).startswith(
        "two-products-capped: exact, 625 states; the optimum earns 42.3206, 26.4% over the silo\n"
    )
    assert repr(solution.regimes["joint"].policy).startswith("a policy in 625 states")
    assert frame["gain"][0] == 0
    assert frame["gain_share"][1] == pytest.approx(solution.coordination_gain)


def test_the_value_of_the_initial_state_is_the_discounted_profit() -> None:
    market = replace(random_market(KINDS["two-products"], 5), discount=jnp.float32(0.9))
    solution = solve(market, ("joint",))
    table = solution.policy_frame()
    axes, joint = table.columns[: 1 + market.products], solution.regimes["joint"]
    index = (0, *joint.policy.initial_index(market))
    initial = [float(joint.policy.axes[name][at]) for name, at in zip(axes, index, strict=True)]
    row = table.filter(*(pl.col(name) == value for name, value in zip(axes, initial, strict=True)))
    assert row["value"].to_list() == pytest.approx([solution.profit])


def standardised_errors(market: Market, solution: Solution, periods: int, runs: int, seed: int = 0) -> list[float]:
    """How many standard errors simulation lies from the exact value, by regime."""
    found = []
    for name, regime in solution.regimes.items():
        stream = 100 * seed + len(name)
        played = simulate(market, tabled_policy(market, regime.policy), periods=periods, runs=runs, seed=stream)
        found.append((played.profit - regime.profit) / played.profit_se)
    return found


# The others are among the fifty of the slow set.
@pytest.mark.parametrize("kind", slow_but(["two-products"], ["two-products", "backordered", "long-lead"]))
def test_simulation_of_the_exact_policies_earns_the_exact_values(kind: str) -> None:
    market = random_market(KINDS[kind], 5)
    assert np.abs(standardised_errors(market, solve(market), 1_000, 16)).max() < 4


@pytest.mark.slow
def test_solver_and_simulator_agree_on_fifty_markets() -> None:
    # Noise alone puts one market in four hundred outside three standard errors: one of fifty may be, two may not.
    # Intentions are interpolated: on the coarse grids of their kinds the exact value can be off by half a percent.
    kinds = [
        replace(kind, points=12 if kind.products > 1 else 41) if kind.persistence > 0 else kind
        for kind in KINDS.values()
    ]
    errors = []
    for seed in range(50):
        market = random_market(kinds[seed % len(kinds)], 100 + seed)
        errors += standardised_errors(market, solve(market, ("joint",)), 4_000, 32, seed)
    assert np.sum(np.abs(errors) > 3) <= 1
    assert abs(np.mean(errors)) < 3 / np.sqrt(len(errors))


@pytest.mark.slow
def test_a_coarse_grid_of_intentions_is_off_and_a_finer_one_agrees_with_simulation() -> None:
    coarse, fine = (
        solve(random_market(replace(KINDS["two-carry-over"], points=points), 119), ("joint",)) for points in (6, 12)
    )
    assert 0.003 < 1 - coarse.profit / fine.profit < 0.006
    assert abs(standardised_errors(fine.market, fine, 4_000, 32)[0]) < 3


@pytest.mark.parametrize(
    "kind",
    slow_but(["two-products-tight", "backordered", "fixed-cost", "slate", "substitution", "carry-over"], KINDS),
)
def test_the_joint_optimum_is_the_best_and_its_policy_feasible(kind: str) -> None:
    market = random_market(KINDS[kind], 2)
    solution = solve(market, tolerance=1e-6)
    joint = solution.regimes["joint"]
    assert joint.lower <= joint.upper
    assert joint.profit >= max(one.profit for one in solution.regimes.values()) - 1e-5
    orders, exposures = joint.policy.orders, joint.policy.exposures
    assert (orders <= np.asarray(market.max_order)).all()
    assert (exposures.sum(-1) <= market.exposure_slots + 1e-9).all()


def test_a_tiny_market_against_all_policies() -> None:
    # One product, one unit of room: every deterministic policy is evaluated by solving its chain.
    market = build_market(
        {
            "price": np.array([5.0]),
            "unit_cost": np.array([2.0]),
            "holding_cost": np.array([0.4]),
            "lost_sale_cost": np.array([0.7]),
            "exposure_cost": np.array([0.2]),
            "lead_time": np.array([1]),
            "max_order": np.array([2.0]),
        },
        np.array([[-0.5]]),
        np.array([[1.5]]),
        population=np.array([2]),
        solve=SolveSettings(stock_cap=2, exposure_levels=(0.0, 1.0)),
    )
    values = []
    for policy in itertools.product(itertools.product((0, 1, 2), (0, 1)), repeat=3):
        chain, money = np.zeros((3, 3)), np.zeros(3)
        for stock, (order, shown) in enumerate(policy):
            chance = 1 / (1 + np.exp(0.5 - 1.5 * shown))
            for units, weight in enumerate(((1 - chance) ** 2, 2 * chance * (1 - chance), chance**2)):
                sold = min(units, stock)
                left = stock - sold
                chain[stock, min(left + order, 2)] += weight
                money[stock] += weight * (5 * sold - 0.4 * left - 0.7 * (units - sold))
            money[stock] -= 2 * order + 0.2 * shown * 2
        # The average from a full shelf, by powers of the chain (which may have several classes).
        share = np.linalg.matrix_power(0.5 * (np.eye(3) + chain), 4_096)[2]
        values.append(share @ money)
    assert solve(market, ("joint",)).profit == pytest.approx(max(values), abs=1e-6)


def test_fixed_costs_with_backorders_give_the_classical_reorder_policy() -> None:
    # Price and cost 0: profit is minus the inventory cost of an (s, S) policy, known exactly.
    people, chance = 12, 0.4
    market = build_market(
        {
            "price": np.zeros(1),
            "unit_cost": np.zeros(1),
            "holding_cost": np.ones(1),
            "backorder_cost": np.full(1, 6.0),
            "fixed_order_cost": np.full(1, 20.0),
            "lead_time": np.zeros(1),
        },
        np.full((1, 1), np.log(chance / (1 - chance))),
        np.zeros((1, 1)),
        population=np.array([people]),
        unmet_demand="backordered",
        solve=SolveSettings(stock_cap=40, backlog_cap=30),
    )
    from scipy import stats

    known = reorder_policy(stats.binom.pmf(np.arange(people + 1), people, chance), 1.0, 6.0, 20.0)
    solution = solve(market, ("joint",))
    assert -solution.profit == pytest.approx(known.cost, rel=1e-5)
    stock, order = solution.grid.stocks[0].levels, solution.regimes["joint"].policy.orders[0, :, 0]
    assert stock[order > 0].max() == known.reorder
    assert (stock + order)[order > 0].max() == known.level


def test_discounted_value_is_what_simulation_finds_from_the_opening() -> None:
    market = random_market(replace(KINDS["two-products"], discount=0.9), 3)
    solution = solve(market)
    joint = solution.regimes["joint"]
    played = simulate(market, tabled_policy(market, joint.policy), periods=150, runs=1_000, warmup=0)
    error = played.discounted_by_run.std(ddof=1) / np.sqrt(1_000)
    assert abs(played.discounted_by_run.mean() - joint.profit) < 4 * error
    assert joint.upper - joint.lower < 1e-4
    assert {"discounted_profit", "silo_profit"} <= set(solution.as_json())


def test_seasons_are_solved_position_by_position() -> None:
    plain = random_market(KINDS["one-product"], 4)
    flat = replace(plain, season=jnp.zeros((4, 1)))
    assert solve(flat, ("joint",)).profit == pytest.approx(solve(plain, ("joint",)).profit, abs=1e-5)
    moving = replace(plain, season=jnp.array([[1.0], [0.0], [-1.0], [0.0]]))
    solution = solve(moving)
    assert np.abs(standardised_errors(moving, solution, 1_000, 16)).max() < 4
    assert len(np.unique(solution.regimes["joint"].policy.orders[:, 8, 0])) > 1


@pytest.mark.parametrize(
    ("seed", "products"), [(0, 1), *(pytest.param(seed, 2, marks=pytest.mark.slow) for seed in range(3))]
)
def test_free_supply_gives_coordination_nothing(seed: int, products: int) -> None:
    solution = solve(family_market("free-supply", products, 1, seed))
    assert abs(solution.coordination_gain) < 1e-6


def test_too_large_a_market_is_refused_with_its_size() -> None:
    with pytest.raises(
        InputError, match=r"has 10\^\d+ states and .* decisions each, too many.*reduce .*intandem bound"
    ):
        solve(family_market("long-lead", 10, 20, 0))
    with pytest.raises(InputError, match=r"decisions each.*exposure_levels"):
        solve(family_market("free-supply", 3, 6, 0))
    with pytest.raises(InputError, match="customer rows whose intentions move with habit"):
        solve(family_market("habit", 1, 2, 0))


def test_an_order_that_fits_under_no_cap_is_said() -> None:
    market = random_market(KINDS["one-product"], 0)
    bulky = replace(market, min_order=jnp.array([20.0]), max_order=jnp.array([40.0]))
    with pytest.raises(InputError, match="smallest order of p1, 20 units, does not fit under stock_cap 16"):
        solve(bulky)


def test_a_policy_for_other_rules_is_refused(tmp_path) -> None:
    market = random_market(KINDS["one-product"], 0)
    policy = solve(market, ("joint",)).regimes["joint"].policy
    policy.write(market, tmp_path / "policy.parquet")
    assert read_policy(market, tmp_path / "policy.parquet").orders.shape == policy.orders.shape
    with pytest.raises(InputError, match=r"orders that .* does not allow"):
        read_policy(replace(market, max_order=jnp.array([1.0])), tmp_path / "policy.parquet")
    with pytest.raises(InputError, match="no policy for the products"):
        read_policy(random_market(KINDS["two-products"], 0), tmp_path / "policy.parquet")
    (tmp_path / "policy.parquet").write_text("nothing")
    with pytest.raises(InputError, match="not a Parquet table"):
        read_policy(market, tmp_path / "policy.parquet")
