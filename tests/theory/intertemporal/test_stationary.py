"""Exact long-run figures of policies: against simulation, powers of the chain, and chains worked by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from intandem.errors import InputError
from intandem.evaluation.simulation import simulate
from intandem.market import example_market
from intandem.theory.intertemporal import solve
from intandem.theory.intertemporal.chain import chain_of
from intandem.theory.intertemporal.policy_table import tabled_policy
from intandem.theory.intertemporal.solution import Regime
from intandem.theory.intertemporal.stationary import stationary_share
from intandem.theory.random_markets import KINDS, random_market
from sets import slow_but


@pytest.mark.parametrize("kind", ["long-lead", "backordered", "visits-carry-over"])
def test_long_run_profit_is_the_one_of_value_iteration(kind: str) -> None:
    solution = solve(random_market(KINDS[kind], 6), tolerance=1e-8)
    for regime in solution.regimes.values():
        chain = chain_of(solution, regime.policy)
        assert chain.share.sum() == pytest.approx(1, abs=1e-9)
        assert np.abs(chain.share @ chain.transition - chain.share).max() < 1e-12
        assert float(chain.average(chain.profit)) == pytest.approx(regime.profit, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("regime", slow_but(["joint"], ["joint", "silo"]))
def test_long_run_figures_are_those_of_simulation(regime: Regime) -> None:
    market = example_market("two-products-capped")
    solution = solve(market, (regime,))
    policy = solution.regimes[regime].policy
    chain = chain_of(solution, policy)
    played = simulate(market, tabled_policy(market, policy), periods=2_000, runs=16)
    for name in ("order", "demand", "lost", "end_stock", "exposures", "on_hand"):
        by_run = np.asarray(getattr(played.totals, name)) / played.periods
        error = by_run.std(0, ddof=1) / np.sqrt(played.runs)
        exact = chain.average(getattr(chain, {"order": "orders"}.get(name, name)))
        assert (np.abs(by_run.mean(0) - exact) < 4.5 * error + 1e-4).all(), name
    assert abs(chain.lost_share - played.lost_share) < 4e-3


def test_lagged_correlations_are_those_of_powers_of_the_chain() -> None:
    solution = solve(example_market("two-products-capped"), ("joint",))
    chain = chain_of(solution, solution.regimes["joint"].policy)
    found = chain.lagged_covariances(chain.orders, chain.exposures, 4)
    matrix = chain.transition.toarray()
    for lag in range(4):
        together = np.einsum(
            "s,sp,sp->p", chain.share, chain.orders, np.linalg.matrix_power(matrix, lag) @ chain.exposures
        )
        expected = together - chain.average(chain.orders) * chain.average(chain.exposures)
        np.testing.assert_allclose(found[lag], expected, atol=1e-10)
    own = chain.lagged_correlations(chain.exposures, chain.exposures, 2)
    np.testing.assert_allclose(own[0], 1.0)
    assert (np.abs(own[1]) < 1).all()
    nothing = chain.lagged_correlations(np.zeros_like(chain.orders), chain.exposures, 2)
    assert np.isnan(nothing).all()


def test_several_closed_classes_share_by_the_chance_of_ending_there() -> None:
    # From 0: to 1 (stays) with .2, to the pair 2-3 with .3, back to 0 with .5; nobody reaches 4.
    chances = np.zeros((5, 5))
    chances[0, [0, 1, 2]] = 0.5, 0.2, 0.3
    chances[1, 1] = chances[2, 3] = chances[3, 2] = chances[4, 0] = 1.0
    share = stationary_share(sparse.csr_matrix(chances), 0)
    np.testing.assert_allclose(share, [0, 0.4, 0.3, 0.3, 0], atol=1e-12)
    np.testing.assert_allclose(stationary_share(sparse.csr_matrix(chances), 3), [0, 0, 0.5, 0.5, 0], atol=1e-12)


def test_a_policy_of_another_grid_is_refused() -> None:
    solution = solve(random_market(KINDS["one-product"], 0), ("joint",))
    policy = solution.regimes["joint"].policy
    with pytest.raises(InputError, match="not on its grid"):
        chain_of(solution, replace(policy, orders=policy.orders + 0.5))
    with pytest.raises(InputError, match="another grid"):
        chain_of(solution, replace(policy, orders=policy.orders[:, :-1], exposures=policy.exposures[:, :-1]))


@pytest.mark.parametrize("mixes", ["fast", "slowly"])
def test_shares_of_a_large_class_balance_whether_it_mixes_fast_or_slowly(mixes: str, rng: np.random.Generator) -> None:
    size = 700
    if mixes == "fast":
        chances = np.where(rng.random((size, size)) < 0.02, rng.random((size, size)), 0.0) + 0.1 * np.eye(size, k=1)
        chances[-1, 0] += 0.1
        chances /= chances.sum(1, keepdims=True)
        expected = np.linalg.matrix_power(chances, 4_000)[0]
    else:
        # A walk between two walls, a little likelier down: by detailed balance each share is 0.99 of the one below.
        chances = 0.2 * np.eye(size, k=1) + 0.2 / 0.99 * np.eye(size, k=-1)
        chances += np.diag(1 - chances.sum(1))
        expected = 0.99 ** np.arange(size)
    share = stationary_share(sparse.csr_matrix(chances), 0)
    np.testing.assert_allclose(share, expected / expected.sum(), rtol=1e-8)


def test_a_stock_cap_that_holds_the_optimum_back_is_noticed() -> None:
    market = example_market("two-products-capped")
    profits, shares = [], []
    for cap in (4, 24):
        settings = replace(market.solve_settings, stock_cap=cap)
        solution = solve(replace(market, solve=settings), ("joint",))
        profits.append(solution.profit)
        shares.append(chain_of(solution, solution.regimes["joint"].policy).cap_share)
    assert profits[0] < 0.95 * profits[1]
    assert shares[0] > 0.1
    assert shares[1] < 1e-3
