"""The habit bound: above exact optima and played rules, near the optimum where stock is free, valid on any grid."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import jax.numpy as jnp
import numpy as np
import pytest

from intandem.departments import policy_of_rules
from intandem.evaluation.simulation import simulate
from intandem.market import SolveSettings, build_market, family_market
from intandem.theory.bounds import bounds, newsvendor_bound
from intandem.theory.bounds.gather import habit_bound
from intandem.theory.bounds.habits import why_no_habits
from intandem.theory.bounds.pairs import Worths, best_ways, most_earned, pairs_of, treatment
from intandem.theory.intertemporal import solve
from intandem.theory.random_markets import KINDS, random_market
from sets import slow_but

# Nothing persists, so that after `s` of 5 people were served the intention is `s/5` of the habit: all on the grid.
EXACT = replace(KINDS["habit"], persistence=0.0, carry_over=0.0, habit=1.5, points=6)


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(EXACT, id="loyalty", marks=pytest.mark.slow),
        pytest.param(replace(EXACT, habit=-1.5), id="satiation", marks=pytest.mark.slow),
        pytest.param(replace(EXACT, exposure="slate", exposure_cost=1.0), id="slate", marks=pytest.mark.slow),
        pytest.param(replace(EXACT, visits=True), id="visits", marks=pytest.mark.slow),
        pytest.param(replace(EXACT, discount=0.8), id="discount", marks=pytest.mark.slow),
        pytest.param(replace(EXACT, tight=True, lead_time=0), id="tight"),
        pytest.param(
            replace(KINDS["two-products"], people=2, habit=1.0, points=3, stock_cap=6),
            id="two-products",
            marks=pytest.mark.slow,
        ),
        pytest.param(replace(EXACT, fixed_cost=True), id="fixed-cost"),
        pytest.param(KINDS["habit"], id="persistence", marks=pytest.mark.slow),
    ],
)
def test_it_lies_above_the_optimum(kind) -> None:
    for seed in range(4):
        market = random_market(kind, 200 + seed)
        assert habit_bound(market).value >= solve(market, ("joint",), tolerance=1e-6).profit - 1e-6


def _free_stock(habit: float, discount: float = 1.0):
    """One person, stock at hardly any cost, arriving at once; exposure costs something. Nothing persists."""
    return build_market(
        {
            "price": np.full(1, 5.0),
            "unit_cost": np.zeros(1),
            "holding_cost": np.full(1, 1e-4),
            "exposure_cost": np.full(1, 0.8),
            "lead_time": np.zeros(1, int),
            "initial_stock": np.zeros(1),
        },
        np.full((1, 1), -1.5),
        np.full((1, 1), 2.0),
        habit=habit,
        discount=discount,
        solve=SolveSettings(stock_cap=2, exposure_levels=tuple(np.linspace(0, 1, 65)), intention_grid=2),
    )


@pytest.mark.parametrize(
    ("habit", "discount"),
    slow_but([(2.0, 1.0), (-2.0, 0.9), (0.5, 1.0)], list(product((2.0, -2.0, 0.5), (1.0, 0.9)))),
)
def test_it_is_the_optimum_where_stock_is_free(habit: float, discount: float) -> None:
    market = _free_stock(habit, discount)
    optimum = solve(market, ("joint",), tolerance=1e-7).profit
    assert optimum - 1e-6 <= habit_bound(market).value <= 1.004 * optimum


@pytest.mark.slow
@pytest.mark.parametrize("exposure", ["intensity", "slate"])
@pytest.mark.parametrize("seasonal", [False, True])
def test_no_rule_beats_it(exposure, seasonal: bool) -> None:
    market = replace(family_market("habit", 4, 8, 2), exposure=exposure)
    if seasonal:
        season = 0.8 * np.sin(2 * np.pi * (np.arange(6)[:, None] / 6 + np.arange(4) / 4))
        market = replace(market, season=jnp.asarray(season, jnp.float32))
    limit = habit_bound(market).value
    for rules in (("base-stock", "uplift"), ("base-stock:service=-1", "uplift:filter=in-stock")):
        found = simulate(market, policy_of_rules(market, *rules), periods=300, runs=8)
        assert found.profit - 3 * found.profit_se <= limit
    assert limit <= newsvendor_bound(market).value * 1.005


@pytest.mark.slow
def test_where_nothing_forms_habits_it_says_about_what_the_newsvendor_bound_says() -> None:
    market = family_market("free-supply", 4, 8, 2)
    assert habit_bound(market).value == pytest.approx(newsvendor_bound(market).value, rel=5e-3)


def _worths(pairs, seed: int) -> Worths:
    rng = np.random.default_rng(seed)
    shape = pairs.shift.shape
    return Worths(rng.uniform(0, 1, shape), rng.normal(0, 0.5, shape), rng.uniform(-1, 4, pairs.count))


@pytest.mark.parametrize("people", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_a_coarse_grid_proves_no_less_than_a_fine_one(monkeypatch, people: int) -> None:
    market = replace(family_market("habit", 6, 4, 1), population=jnp.full(4, float(people)))
    pairs = pairs_of(market)
    worths = _worths(pairs, people)
    values = best_ways(pairs, worths).values
    fine = most_earned(pairs, worths, values)
    monkeypatch.setattr(treatment, "FINE_EXPOSURES", 3)
    monkeypatch.setattr(treatment, "FINE_INTENTIONS", 33)
    coarse = most_earned(pairs, worths, values)
    # What the fine grid finds at its points is surely reached; its own slack is small.
    assert (coarse >= fine - 0.02 * np.abs(fine)).all()
    # Values that have not settled prove something too, and no less.
    monkeypatch.setattr(treatment, "FINE_EXPOSURES", 65)
    monkeypatch.setattr(treatment, "FINE_INTENTIONS", 257)
    monkeypatch.setattr(treatment, "_settled", lambda values, *_: values)
    assert (most_earned(pairs, worths) >= fine - 0.02 * np.abs(fine)).all()


def test_ways_earn_what_is_proved_and_no_more_is_served_than_asked_for() -> None:
    pairs = pairs_of(family_market("habit", 6, 4, 1))
    worths = _worths(pairs, 0)
    ways = best_ways(pairs, worths)
    assert ((ways.exposure >= -1e-12) & (ways.exposure <= 1 + 1e-12)).all()
    assert (ways.served <= ways.asked.sum(0) + 1e-9).all()
    earned = (worths.asked * ways.asked - worths.exposure * ways.exposure).sum(0) + worths.served * ways.served
    most = most_earned(pairs, worths, ways.values)
    assert (earned <= most + 1e-3).all()
    assert earned.sum() >= 0.98 * most.sum()


def test_one_pair_in_closed_form() -> None:
    """Never worth an exposure, always served: next intention is the habit after a purchase and 0 otherwise, so the
    chance of a purchase settles at `p0/(1 - p1 + p0)`."""
    market = _free_stock(2.0)
    pairs = pairs_of(market)
    ways = best_ways(pairs, Worths(np.full((1, 1), 50.0), np.zeros((1, 1)), np.ones(1)))
    unshown, loyal = 1 / (1 + np.exp(1.5)), 1 / (1 + np.exp(-0.5))
    assert ways.exposure[0, 0] == pytest.approx(0)
    assert ways.served[0] == pytest.approx(unshown / (1 - loyal + unshown), rel=1e-6)


def test_it_says_where_it_is_not_computed() -> None:
    assert "habit" in why_no_habits(family_market("free-supply", 3, 4, 0))
    habitual = family_market("habit", 3, 4, 0)
    assert "people" in why_no_habits(replace(habitual, population=jnp.full(4, 40.0)))
    assert "wait" in why_no_habits(replace(habitual, unmet_demand="backordered"))


@pytest.mark.slow
def test_it_is_the_best_where_it_is_computed() -> None:
    habitual = family_market("habit", 3, 4, 0)
    found = bounds(habitual)
    assert found.best_name == "habits"
    assert found.best == pytest.approx(habit_bound(habitual).value)
