"""One market of the optimality study: the optimum, the best rule and trained policies, on common random numbers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial

import numpy as np

import intandem
from intandem.departments import JointPolicy
from intandem.evaluation.experiments.ledger import Ledger, Row
from intandem.evaluation.experiments.optimality.markets import Place
from intandem.evaluation.simulation import simulate
from intandem.evaluation.tuning import best_rule
from intandem.learning import TrainSettings, train
from intandem.learning.starts import judged, rules_of
from intandem.market import Market
from intandem.market.simulate import Policy
from intandem.theory.intertemporal import solve

EDITION = 2
"""Raised when markets or figures change, so that cells kept before are done again."""

RUNS, PERIODS, JUDGING_SEED = 32, 8_000, 610_000
"""Replications and periods that judge a policy, on random numbers that no tuning and no training meets."""

RULE_SEED = 620_000

SETTINGS: dict[str, TrainSettings] = {"mtma": TrainSettings(), "score": TrainSettings(estimator="score")}
"""The trained arms: what a user gets who sets nothing, and the estimator that learns from samples alone."""


def fill(place: Place, arms: tuple[str, ...], ledger: Ledger, seed: int = 0) -> dict[str, Row]:
    """The cells of a market, arm by arm: those in the ledger read again, each new one kept at once.

    - `optimum`: `profit` per period, exact, with `states`. `rule`: the best rule's texts.
    - Trained arms: `handed` and `start` (see `Handed`), and `tried`, what each of these earns.
    - All: `by_run`, the profit per period of every judging replication, and `seconds`.
    """
    market = place.market(seed)
    work = {"optimum": partial(_optimum, market, bool(market.traits.has_intention)), "rule": partial(_rule, market)}
    work |= {arm: partial(_trained, market, arm) for arm in arms}
    return {arm: ledger.cell(key_of(place, arm, seed), make) for arm, make in work.items()}


def key_of(place: Place, arm: str, seed: int = 0) -> Mapping[str, object]:
    """What tells the cell from others."""
    return {"market": place.name, "arm": arm, "seed": seed, "edition": EDITION}


def _optimum(market: Market, remembers: bool) -> Row:
    started = time.monotonic()
    solution = solve(market, ("joint",))
    seconds = time.monotonic() - started
    found: Row = {"profit": solution.profit, "states": solution.states, "remembers": remembers, "seconds": seconds}
    return found | _played(market, solution.policy())


def _rule(market: Market) -> Row:
    started = time.monotonic()
    tuned = best_rule(market)
    rules: dict[str, JointPolicy] = {f"{tuned.inventory} + {tuned.recommendation}": tuned.policy} | rules_of(market)
    earned = judged(market, rules, RULE_SEED)
    best = max(earned, key=earned.__getitem__)
    return {"rule": best, "seconds": time.monotonic() - started} | _played(market, rules[best])


def _trained(market: Market, arm: str) -> Row:
    started = time.monotonic()
    training = train(market, SETTINGS[arm], progress=False)
    seconds = time.monotonic() - started
    found: Row = {"seconds": seconds, "version": intandem.__version__}
    if training.handed is not None:
        found |= {"handed": training.handed.name, "start": training.handed.start, "tried": training.handed.profit}
    return found | _played(market, training.policy)


def _played(market: Market, policy: Policy) -> Row:
    played = simulate(
        market, policy, periods=PERIODS, runs=RUNS, seed=JUDGING_SEED, check=False, progress=False
    ).profit_by_run
    return {"by_run": np.round(played, 5).tolist()}
