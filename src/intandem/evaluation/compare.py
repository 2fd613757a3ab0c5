"""Methods side by side on one market: prepared with equal information, judged on common random numbers.

A method is a pair of rules, a pair of rules tuned on the simulator, or a trained policy. Seed `k` of every method meets
common random numbers, so that differences are taken pair by pair.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import equinox as eqx
import numpy as np

from intandem.departments import Department, JointPolicy, Reference, reference
from intandem.errors import InputError
from intandem.evaluation.comparison import Comparison
from intandem.evaluation.methods import Progress, as_mapping, prepare
from intandem.evaluation.policies import PolicyLike
from intandem.evaluation.simulation import default_warmup, simulate
from intandem.learning import TrainSettings
from intandem.market import Market, MarketLike, market_of
from intandem.market.simulate import Policy
from intandem.progress import reported

_logger = logging.getLogger(__name__)

EVALUATION_SEED = 500_000
"""Policies are judged on seeds from here on; neither training (from 0) nor tuning (from 990,000) has met them."""

PAIR_PERIODS = 40_000_000
"""Customer-product pairs x periods that judging one seed of one method may simulate, if nobody says otherwise."""


def judging_size(market: Market) -> tuple[int, int]:
    """Periods and runs that judge a policy well at a bearable cost: whole seasons, 64 runs of 500 periods at most."""
    positions = 1 if market.season is None else market.season.shape[0]
    affordable = PAIR_PERIODS / market.base_utility.size
    periods = int(np.clip(affordable / 16, 100, 500))
    periods = max(1, round(periods / positions)) * positions
    return periods, int(np.clip(affordable // (periods + default_warmup(market)), 8, 64))


def compare(
    market: MarketLike,
    methods: Sequence[str] | Mapping[str, PolicyLike] = ("silo", "filtered-silo", "mtma"),
    seeds: int = 3,
    *,
    settings: TrainSettings | None = None,
    periods: int | None = None,
    runs: int | None = None,
    warmup: int | None = None,
    seed: int = 0,
    check: bool | None = None,
    progress: Progress | bool | None = None,
) -> Comparison:
    """Prepares methods on a market and plays them on common random numbers.

    **Arguments:**

    - `market`: or what names one, see `market_of`.
    - `methods`: of `METHOD_NAMES`: pairs of rules (`silo`, `filtered-silo`), `dual-price`, rules tuned on the simulator
      (`tuned-filter`, with an in-stock filter; `tuned-rule`, which also hides low and pushes high stock;
      `tuned-silo`, blind to stock), trained policies
      (`mtma` and its ablations; `learned-silo`, each department trained on its own objective). Or a mapping from
      names of your own to methods and policies, whatever `policy_of` takes: `{"mine": policy, "mtma": "mtma"}`.
    - `seeds`: trainings of each trained method, and replications that every method is judged on.
    - `settings`: of training; the method in it is replaced.
    - `periods`, `runs`, `warmup`: of judging one seed, see `judging_size`. `check`: as in `simulate`.
    - `progress`: a function, called with what is being done, steps done, steps in all, and the latest profit; by
      default a bar, on a terminal or in a notebook; False: nothing.

    **Raises:** `InputError` for an unknown method, counts off range, or a decision that the market forbids.

    ```python
    >>> from intandem.market.files import example_market
    >>> market = example_market("two-products-capped")
    >>> methods = {"full shelves": ("base-stock:level=20", "uplift"), "silo": "silo"}
    >>> found = compare(market, methods, seeds=2, periods=200, runs=8)
    >>> found.difference("full shelves", "silo").high < 0
    True

    ```
    """
    market, named = market_of(market), as_mapping(methods)
    if seeds < 1:
        raise InputError("seeds", f"is {seeds}", "give 1 or more")
    settings = TrainSettings() if settings is None else settings
    usual_periods, usual_runs = judging_size(market)
    periods = usual_periods if periods is None else periods
    runs = usual_runs if runs is None else runs
    warmup = default_warmup(market) if warmup is None else warmup
    results = {}
    with reported(progress, "comparing", lambda meter: meter.training) as tell:
        for name, prepared in prepare(market, named, seeds, settings, seed, tell).items():
            simulated = []
            for k in range(seeds):
                if tell is not None:
                    tell(f"{prepared.label}: judging", k, seeds, math.nan)
                policy, judging = prepared.policies[k % len(prepared.policies)], EVALUATION_SEED + 1_000 * seed + k
                simulated.append(
                    simulate(market, policy, periods=periods, runs=runs, warmup=warmup, seed=judging, check=check)
                )
            results[name] = replace(prepared, simulated=tuple(simulated))
            _logger.info("%s: profit %.4g per %s", name, results[name].profit, market.period)
    if seeds == 1 and any(one.kind == "learned" for one in results.values()):
        _logger.warning("trained once: intervals are over runs, and say nothing of what another training would earn")
    return Comparison(market, results, seeds, runs, periods, warmup)


def without(found: Comparison, *names: str) -> Comparison:
    """The comparison without some of its methods."""
    return replace(found, results={name: result for name, result in found.results.items() if name not in names})


def replay(found: Comparison, market: Market, *, runs: int | None = None) -> Comparison:
    """Plays the policies of a comparison in another market, on the same random numbers; nothing is trained or tuned.

    Rules keep their settings and trained departments their weights; both are told the other market's figures. A
    function of a user's is played as it is.

    **Arguments:** `runs`: of each seed; as in the comparison if not given.

    **Raises:** `ValueError` if the markets differ in their products or customers.

    What if every unit earned 1 more?

    ```python
    >>> from intandem.market import example_market
    >>> market = example_market("two-products-capped")
    >>> found = compare(market, ["silo", "filtered-silo"], seeds=2, periods=200, runs=8)
    >>> dearer = replay(found, replace(market, price=market.price + 1))
    >>> dearer.results["silo"].profit > found.results["silo"].profit
    True

    ```
    """
    if market.base_utility.shape != found.market.base_utility.shape or market.products != found.market.products:
        raise ValueError("only markets with the same products and customers can be replayed")
    standing = reference(market)
    results = {}
    for name, result in found.results.items():
        policies = tuple(_told(policy, standing) for policy in result.policies)
        simulated = tuple(
            simulate(
                market,
                policies[k % len(policies)],
                periods=before.periods,
                runs=runs or before.runs,
                warmup=before.warmup,
                seed=before.seed,
            )
            for k, before in enumerate(result.simulated)
        )
        results[name] = replace(result, policies=policies, simulated=simulated)
    return replace(found, market=market, results=results, runs=runs or found.runs)


def _told(policy: Policy, standing: Reference) -> Policy:
    if not isinstance(policy, JointPolicy):
        return policy
    departments = (policy.inventory, policy.recommendation)
    return JointPolicy(*(_with_standing(one, standing) if hasattr(one, "standing") else one for one in departments))


def _with_standing(department: Department[Any], standing: Reference) -> Department[Any]:
    return eqx.tree_at(lambda one: one.standing, department, standing)  # type: ignore[attr-defined]
