"""The statements C1 to C4 and T1 to T4: what is proved has no exception, what is violated is found."""

from __future__ import annotations

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from intandem.market import Market, SolveSettings, build_market, example_market
from intandem.theory.insights import (
    Finding,
    check_adaptive_ordering,
    check_adaptive_ordering_jointly,
    check_coordination_pays,
    check_coordination_pays_over_time,
    check_demand_smoothing,
    check_orders_follow_recommendation,
    check_orders_lead_exposures,
    check_priority,
    check_recommendation_follows_stock,
    check_stock_led_promotion,
    insights,
)
from intandem.theory.insights.assumptions import broken_assumptions, supply_binds
from intandem.theory.insights.responses import falls, near_optimal
from intandem.theory.intertemporal import Solution, solve
from intandem.theory.random_markets import KINDS, Kind, random_market

CARRIED = Kind(
    products=1,
    people=5,
    lead_time=0,
    persistence=0.7,
    carry_over=1.0,
    stock_cap=9,
    max_order=4,
    points=9,
    levels=(0.5,),
)


def test_falls_are_found_through_ties() -> None:
    everywhere = np.ones((2, 4), bool)
    smallest = np.array([[0.0, 1.0, 0.0, 2.0], [3.0, 1.0, 1.0, 0.0]])
    largest = np.array([[1.0, 1.0, 1.0, 2.0], [3.0, 3.0, 2.0, 3.0]])
    found = falls(smallest, largest, 1, everywhere)
    # Only the last row's third state: all its optimal decisions lie below the 3 of a lower state.
    assert (found.violations, found.n, found.largest, found.where) == (1, 6, 1.0, (1, 2))
    unseen = everywhere.copy()
    unseen[1, 0] = False
    assert falls(smallest, largest, 1, unseen).violations == 0
    assert falls(smallest, largest, 1, unseen).n == 5


def test_near_optimal_decisions_are_those_within_the_tolerance() -> None:
    values = np.array([[[1.0, 2.0], [5.0, 4.0]], [[1.95, 0.0], [0.0, 4.9999]]])
    near = near_optimal(values, 1, 0.1)
    assert near[:, 0].tolist() == [[False, True], [True, False]]
    assert near[:, 1].tolist() == [[True, False], [False, True]]


def test_t1_holds_where_it_is_proved() -> None:
    for seed in range(6):
        finding = check_adaptive_ordering(solve(random_market(CARRIED, seed), ("joint",)))
        assert finding.inside
        assert finding.holds, finding.detail
        assert finding.n == 10 * 8
    assert finding.rises > 0


def test_t1_is_not_tested_without_intentions(capped: Solution) -> None:
    finding = check_adaptive_ordering(capped)
    assert finding.holds is None
    assert finding.n == 0


@pytest.fixture(scope="module")
def capped() -> Solution:
    """The example market, solved."""
    return solve(example_market("two-products-capped"))


def test_a_policy_that_promotes_what_is_short_violates_t2(capped: Solution) -> None:
    policy = capped.regimes["joint"].policy
    assert check_stock_led_promotion(capped).violations == 0
    assert check_stock_led_promotion(capped, policy).violations == 0
    swapped = replace(policy, exposures=policy.exposures[..., ::-1])
    wrong = check_stock_led_promotion(capped, swapped, everywhere=True)
    assert not wrong.holds
    assert wrong.violations > 20
    assert wrong.statistic >= 0.5
    assert "falls most at stock:p" in wrong.detail


def test_a_policy_that_loses_more_than_the_silo_violates_t3(capped: Solution) -> None:
    assert check_demand_smoothing(capped).holds
    regimes = {"joint": capped.regimes["silo"], "silo": capped.regimes["joint"]}
    finding = check_demand_smoothing(replace(capped, regimes=regimes))
    assert not finding.holds
    assert finding.statistic == pytest.approx(-check_demand_smoothing(capped).statistic)


def test_a_policy_whose_orders_fall_in_intention_violates_t1() -> None:
    solution = solve(random_market(replace(CARRIED, levels=(0.0, 0.5, 1.0), exposure_cost=1.0), 1), ("joint",))
    policy = solution.regimes["joint"].policy
    falling = replace(policy, orders=policy.orders.copy())
    points = len(solution.grid.intentions[0].points)
    falling.orders[..., 0] = np.where(np.arange(points) < points // 2, 3.0, 0.0)
    finding = check_adaptive_ordering_jointly(solution, falling, everywhere=True)
    assert not finding.holds
    assert finding.statistic == 3.0


def test_orders_that_follow_exposures_violate_t4(capped: Solution) -> None:
    found = check_orders_lead_exposures(capped)
    assert found.holds
    joint = capped.regimes["joint"]
    # Product 1 is ordered in the very periods in which it is shown: the largest correlation is at lag 0.
    policy = replace(joint.policy, orders=joint.policy.orders.copy())
    shown = joint.policy.exposures[..., 0, :]
    policy.orders[...] = np.where(shown >= 0.5, 5.0, 3.0)
    pushed = replace(capped, regimes=capped.regimes | {"joint": replace(joint, policy=policy)})
    finding = check_orders_lead_exposures(pushed)
    assert not finding.holds
    assert finding.statistic < -0.2


def test_everything_in_one_call(capped: Solution) -> None:
    told: list[str] = []
    found = insights(capped, told.append)
    assert set(found) >= {"C1", "C2", "C3", "C4", "T1", "T2", "T3", "T4"}
    assert all(isinstance(one, Finding) for one in found.values())
    assert told[0] == "C1"
    assert found["C4"].statistic > 0.05
    assert not found["C4-equality"].holds
    assert not found["C4-equality"].inside
    assert {"holds", "statistic", "violations", "n"} <= set(found["T2"].as_json())
    assert repr(found).startswith("7 of 7 statements hold whose assumptions the market meets\n")
    assert "not claimed here  C3, C4-equality" in repr(found)
    assert repr(found["C4"]).startswith(
        "C4 holds: coordinated departments earn at least as much as uncoordinated ones\n"
    )
    frame = found.to_frame()
    assert frame["name"].to_list() == list(found)
    assert frame["holds"].to_list() == [one.holds for one in found.values()]
    assert frame["statement"].null_count() == 0


def pair_of_products(**terms: float | np.ndarray) -> Market:
    """Two products on one slot, orders at once, good utilities."""
    columns = {
        "price": np.array([10.0, 9.0]),
        "unit_cost": np.array([5.0, 5.5]),
        "holding_cost": np.array([0.4, 0.4]),
        "lead_time": np.zeros(2),
        **{name: np.broadcast_to(np.asarray(value, float), (2,)) for name, value in terms.items()},
    }
    return build_market(
        columns,
        np.array([[0.1, 0.4]]),
        np.array([[1.5, 2.0]]),
        population=np.array([20.0]),
        solve=SolveSettings(stock_cap=20, exposure_levels=(0.0, 0.5, 1.0)),
    )


def test_c1_and_its_reverse() -> None:
    market = pair_of_products()
    assert check_orders_follow_recommendation(market).rises > 0
    assert check_orders_follow_recommendation(market).holds
    put_off = replace(market, exposure_effect=-market.exposure_effect)
    finding = check_orders_follow_recommendation(put_off)
    assert not finding.holds
    assert not finding.inside


def test_c2_own_and_cross_hold_for_two_products() -> None:
    for seed in range(5):
        market = random_market(replace(KINDS["two-products"], levels=(0.0, 0.25, 0.5, 0.75, 1.0)), seed)
        own, cross = check_recommendation_follows_stock(market)
        assert own.holds
        assert cross.holds
        assert own.inside
    assert own.rises > 0


def test_c2_is_violated_where_each_customer_row_is_told_apart() -> None:
    # A product's exposures to two rows are substitutes in its stock: more stock can move exposure between them.
    def two_rows(seed: int) -> Market:
        rng = np.random.default_rng(seed)
        market = random_market(Kind(rows=2, people=4, levels=(0.0, 0.5, 1.0), exposure_cost=1.0), seed)
        return replace(market, exposure_effect=jnp.asarray(rng.uniform(1, 4, (2, 2)), jnp.float32))

    found = [check_recommendation_follows_stock(two_rows(seed))[0] for seed in range(12)]
    assert not any(one.inside for one in found)
    assert any(not one.holds for one in found)


def test_c3_priority_is_met_at_an_optimum_found_without_it() -> None:
    market = pair_of_products(exposure_cost=np.array([0.0, 0.2]))
    finding = check_priority(market)
    assert finding.inside
    assert finding.n == 1
    assert finding.holds
    assert finding.statistic < 1e-3
    # A cap on orders that binds makes stock, not margin, set the priority.
    capped = replace(market, max_order=jnp.array([9.0, 100.0]))
    assert check_priority(capped).statistic > 0.02


def test_c4_equality_needs_free_supply() -> None:
    gain, equal = check_coordination_pays(pair_of_products(holding_cost=0.0))
    assert equal.inside
    assert equal.holds
    assert gain.holds
    capped = check_coordination_pays(pair_of_products(max_order=np.array([6.0, 40.0])))
    assert capped[0].holds
    assert not capped[1].holds
    assert capped[1].broken == ("orders have limits", "stock that is left costs something, under binomial noise")


def test_c4_over_time_reports_a_silo_that_earns_more(capped: Solution) -> None:
    assert check_coordination_pays_over_time(capped)[0].holds
    worse = replace(capped.regimes["joint"], profit=capped.regimes["silo"].profit - 1)
    finding = check_coordination_pays_over_time(replace(capped, regimes=capped.regimes | {"joint": worse}))[0]
    assert not finding.holds
    assert finding.violations == 2


def test_assumptions_are_read_off_the_market() -> None:
    market = random_market(replace(KINDS["fixed-cost"], fixed_cost=True), 0)
    assert broken_assumptions(market, "T2") == ("orders have a fixed cost",)
    assert supply_binds(example_market("two-products-capped"))
    assert not supply_binds(pair_of_products())
    assert broken_assumptions(pair_of_products(), "T4") == ("some orders arrive at once",)


def test_a_statement_is_claimed_inside_its_assumptions_only() -> None:
    for holds, inside, outside in (
        (True, "holds", "not claimed here"),
        (False, "fails", "not claimed here"),
        (None, "not tested", "not claimed here"),
    ):
        found = Finding("C3", holds, 0.0, 0, 1, detail="one pair")
        assert (found.verdict, found.why) == (inside, "one pair")
        elsewhere = replace(found, broken=("orders have limits", "customers substitute"))
        assert (elsewhere.verdict, elsewhere.why) == (outside, "orders have limits; customers substitute")
        assert elsewhere.as_json()["claimed"] is False
        assert elsewhere.as_json()["holds"] is holds
