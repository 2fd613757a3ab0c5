"""What a policy earns: averages against a hand count, warm-up, pairing, standard errors, large markets."""

from __future__ import annotations

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from intandem.departments import policy_of_rules
from intandem.errors import InputError
from intandem.evaluation import simulation
from intandem.evaluation.simulation import default_warmup, simulate, trace
from intandem.market import Decision, family_market, initial_state, step
from intandem.market.files import example_market
from sets import slow_but

advance = eqx.filter_jit(lambda market, state, policy, key: step(market, state, policy(market, state, key), key))


@pytest.fixture(scope="module")
def market():
    return example_market("two-products-capped")


@pytest.fixture(scope="module")
def policy(market):
    return policy_of_rules(market, "base-stock", "uplift")


def test_the_frame_adds_up_to_the_figures(market, policy):
    simulated = simulate(market, policy, periods=7, runs=4, warmup=3, seed=5)
    frame = simulated.to_frame()
    assert frame["profit"].sum() == pytest.approx(simulated.profit)
    costs = ("procurement", "ordering", "holding", "lost_sales", "backorders", "exposure_cost")
    net = frame["revenue"] - sum(frame[name] for name in costs)
    np.testing.assert_allclose(net, frame["profit"], rtol=1e-5)
    assert frame["order"].sum() == pytest.approx(simulated.orders_per_period)


def test_figures_agree_with_a_hand_count(market, policy):
    simulated = simulate(market, policy, periods=7, runs=4, warmup=3, seed=5)
    for run in range(2):
        state, key = initial_state(market), jax.random.fold_in(jax.random.key(5), run)
        outcomes = []
        for period in range(10):
            step_key = jax.random.split(jax.random.fold_in(key, period))[1]
            state, outcome = advance(market, state, policy, step_key)
            outcomes.append(outcome)
        counted = outcomes[3:]
        demand = sum(float(o.demand.sum()) for o in counted)
        assert simulated.profit_by_run[run] == pytest.approx(np.mean([float(o.profit) for o in counted]), rel=1e-5)
        lost = sum(float(o.lost.sum()) for o in counted)
        assert simulated.lost_share_by_run[run] == pytest.approx(lost / demand, rel=1e-6)
        assert simulated.fill_rate_by_run[run] == pytest.approx(1 - lost / demand, rel=1e-6)
        orders = np.sum([np.asarray(o.order) for o in counted], axis=0)
        np.testing.assert_allclose(np.asarray(simulated.totals.order)[run], orders)


def test_silo_earns_its_share_of_the_known_optimum(market, policy):
    # An exact solver gives 42.32 for this market and the silo 79% of it.
    assert simulate(market, policy, periods=4_000, runs=4).profit == pytest.approx(0.79 * 42.32, rel=0.01)


def test_units_balance_in_the_long_run(market, policy):
    simulated = simulate(market, policy, periods=2_000, runs=4)
    assert simulated.orders_per_period == pytest.approx(float(simulated.per_period("sales").sum()), rel=0.005)


def test_same_seed_meets_the_same_visitors_whatever_the_firm():
    # At zero effect of exposure, demand does not depend on the policy, so that common random numbers show exactly.
    market = family_market("capped-supply", 4, 6, 0)
    market = dataclasses.replace(market, exposure_effect=jnp.zeros_like(market.exposure_effect))
    one = simulate(market, policy_of_rules(market, "base-stock:level=3", "uplift"), periods=30, runs=3, seed=1)
    other = simulate(market, policy_of_rules(market, "base-stock:level=9", "popularity"), periods=30, runs=3, seed=1)
    np.testing.assert_array_equal(np.asarray(one.totals.demand), np.asarray(other.totals.demand))
    third = simulate(market, policy_of_rules(market, "base-stock:level=3", "uplift"), periods=30, runs=3, seed=2)
    assert not np.array_equal(np.asarray(one.totals.demand), np.asarray(third.totals.demand))


@pytest.mark.parametrize("pairs", slow_but([4], [4, 1]))
def test_runs_in_groups_are_the_runs_side_by_side(market, policy, monkeypatch, pairs):
    together = simulate(market, policy, periods=20, runs=5)
    monkeypatch.setattr(simulation, "PAIRS_AT_ONCE", pairs)
    simulation._play._cached.clear_cache()
    grouped = simulate(market, policy, periods=20, runs=5)
    np.testing.assert_allclose(grouped.profit_by_run, together.profit_by_run)


def test_settings_and_seeds_do_not_compile_again(market):
    before = simulation._play._cached._cache_size()
    for level in (4, 9):
        rule = policy_of_rules(market, f"base-stock:level={level}", "uplift:bury=0.5")
        simulate(market, rule, periods=10 + level, runs=4, warmup=level, seed=level)
    assert simulation._play._cached._cache_size() <= before + 1


@pytest.mark.slow
def test_standard_error_of_one_run_is_that_of_many(market, policy):
    many = simulate(market, policy, periods=2_000, runs=32)
    one = simulate(market, policy, periods=2_000, runs=1)
    assert one.profit_se == pytest.approx(many.profit_by_run.std(ddof=1), rel=0.5)


def test_discounted_sum(market):
    discounted = dataclasses.replace(market, discount=jnp.asarray(0.9))
    nothing = lambda market, state, key: Decision(jnp.zeros(2), jnp.zeros((1, 2)))  # noqa: E731
    simulated = simulate(discounted, nothing, periods=150, runs=2, warmup=0, seed=3)
    figures = simulated.as_json()
    state, key, value = initial_state(discounted), jax.random.fold_in(jax.random.key(3), 0), 0.0
    for period in range(150):
        step_key = jax.random.split(jax.random.fold_in(key, period))[1]
        state, outcome = advance(discounted, state, nothing, step_key)
        value += 0.9**period * float(outcome.profit)
    assert simulated.discounted_by_run[0] == pytest.approx(value, rel=1e-4)
    assert figures["discounted_profit"]["mean"] == pytest.approx(simulated.discounted_by_run.mean())


def test_shares_of_exposure(market):
    simulated = simulate(market, policy_of_rules(market, "base-stock", "none"), periods=20, runs=2)
    assert (simulated.exposure_share, simulated.exposure_concentration, simulated.catalogue_coverage) == (0, 0, 0)
    simulated = simulate(market, policy_of_rules(market, "base-stock", "uplift"), periods=20, runs=4)
    assert (simulated.exposure_share, simulated.exposure_concentration, simulated.catalogue_coverage) == (1, 1, 0.5)


def test_default_warmup_follows_the_lead_time():
    assert default_warmup(family_market("capped-supply", 3, 3, 0)) == 50
    assert default_warmup(family_market("long-lead", 3, 3, 0)) == 70


@pytest.mark.parametrize("counts", [{"periods": 0}, {"runs": -1}, {"warmup": -5}, {"seed": -1}])
def test_counts_off_range_are_refused(market, policy, counts):
    (name,) = counts
    with pytest.raises(InputError, match=f"^{name}: is"):
        simulate(market, policy, **counts)


def test_trace_shows_the_run_that_is_counted(market, policy):
    kept = trace(market, policy, products=[1], periods=9, warmup=4, seed=7)
    assert kept.product_ids == ("p2",)
    assert kept.order.shape == kept.on_hand.shape == kept.exposures.shape == (9, 1)
    assert kept.profit.shape == (9,)
    assert (kept.lost <= kept.demand).all()
    frame = kept.to_frame()
    assert frame["period"].to_list() == list(range(9))
    assert set(frame["product_id"]) == {"p2"}
    assert frame["demand"].to_list() == kept.demand[:, 0].tolist()
    assert frame["firm_profit"].to_list() == kept.profit.tolist()
