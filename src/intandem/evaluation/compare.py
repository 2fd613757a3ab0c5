"""Methods side by side on one market: prepared with equal information, judged on common random numbers.

A method is a pair of rules, a pair of rules tuned on the simulator, or a trained policy. Seed `k` of every method meets
common random numbers, so that differences are taken pair by pair. Where training is part of a method
its seeds are the pairs (a run that collapses counts); rules alone differ by noise, and then the runs are the pairs.
"""

from __future__ import annotations

import difflib
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Literal

import equinox as eqx
import numpy as np

from intandem.departments import (
    DUAL_PRICE,
    RULE_POLICIES,
    Department,
    JointPolicy,
    Reference,
    policy_of_rules,
    reference,
)
from intandem.errors import InputError
from intandem.evaluation.simulation import Simulated, default_warmup, simulate
from intandem.evaluation.statistics import Interval, mean_interval, paired_difference
from intandem.evaluation.tuning import StockSeen, best_rule
from intandem.learning import METHODS as TRAINING_METHODS
from intandem.learning import Training, TrainSettings, train
from intandem.learning.timescales import PLANNED_METHODS
from intandem.market import Market
from intandem.theory.dual_price import dual_price_policy

Kind = Literal["rule", "tuned", "learned"]

TUNED: dict[str, StockSeen] = {"tuned-rule": "cover", "tuned-filter": "shelf", "tuned-silo": "nothing"}
"""Pairs of rules tuned on the simulator, and what their recommendation looks at of stock."""

LEARNED: dict[str, str] = {"learned-silo": "silo", **{name: name for name in TRAINING_METHODS if name != "silo"}}
"""Trained policies and the training method of each. `silo` alone names the pair of rules."""

METHOD_NAMES = (*RULE_POLICIES, DUAL_PRICE, *TUNED, *LEARNED)

LABELS = {
    "silo": "Silo",
    "filtered-silo": "Silo with in-stock filter",
    "dual-price": "Dual prices",
    "tuned-silo": "Tuned silo",
    "tuned-filter": "In-stock filter, tuned levels",
    "tuned-rule": "Tuned rules with in-stock filter",
    "learned-silo": "Learned silo",
    "mtma": "In tandem (MTMA)",
    "stma": "One speed (STMA)",
    "reversed": "Speeds reversed",
}
"""What people read for each method."""

EVALUATION_SEED = 500_000
"""Policies are judged on seeds from here on; neither training (from 0) nor tuning (from 990,000) has met them."""

PAIR_PERIODS = 40_000_000
"""Customer-product pairs x periods that judging one seed of one method may simulate, if nobody says otherwise."""

Progress = Callable[[str, int, int, float], None]


@dataclass(frozen=True)
class MethodResult:
    """One method on one market.

    - `simulated`: its figures, by seed. `policies`: one, or one per seed where it was trained.
    - `trainings`: by seed, for trained policies. `rules`: the texts of its rules, for the others.
    - `seconds`: to prepare one policy: to train or tune it; 0 for rules as they are.
    """

    name: str
    kind: Kind
    policies: tuple[JointPolicy, ...]
    simulated: tuple[Simulated, ...]
    seconds: float
    trainings: tuple[Training, ...] = ()
    rules: tuple[str, str] | None = None

    @property
    def label(self) -> str:
        """What people read."""
        return LABELS.get(self.name, self.name)

    @property
    def profit_by_seed(self) -> np.ndarray:
        """Profit per period, mean over runs, shape `seeds`."""
        return np.array([one.profit for one in self.simulated])

    @property
    def profit_by_run(self) -> np.ndarray:
        """Profit per period of every run of every seed, seed after seed."""
        return np.concatenate([one.profit_by_run for one in self.simulated])

    @property
    def profit(self) -> float:
        """Mean profit per period."""
        return float(self.profit_by_seed.mean())

    @property
    def interval(self) -> Interval:
        """Mean profit with its 95% interval: over seeds where it was trained with several, else over runs."""
        over_seeds = self.kind == "learned" and len(self.simulated) > 1
        return mean_interval(self.profit_by_seed if over_seeds else self.profit_by_run)

    def mean(self, name: str) -> float:
        """Mean over seeds of one figure of `Simulated`."""
        return float(np.mean([getattr(one, name) for one in self.simulated]))

    def as_json(self) -> dict[str, object]:
        """The figures under the names of the command line's JSON."""
        figures: dict[str, object] = {
            "profit": self.profit,
            "ci": self.interval.ci,
            "fill_rate": self.mean("fill_rate"),
            "lost_share": self.mean("lost_share"),
            "seconds": self.seconds,
            "exposure_share": self.mean("exposure_share"),
            "orders_per_period": self.mean("orders_per_period"),
            "end_stock": self.mean("end_stock"),
            "cover": self.mean("cover"),
            "exposure_concentration": self.mean("exposure_concentration"),
            "catalogue_coverage": self.mean("catalogue_coverage"),
            "profit_by_seed": self.profit_by_seed.tolist(),
        }
        if self.trainings:
            figures["parameters"] = self.trainings[0].parameters
            figures["steps"] = self.trainings[0].steps
        if self.rules:
            figures["inventory"], figures["recommendation"] = self.rules
        return figures


@dataclass(frozen=True)
class Comparison:
    """Methods on one market, in the order given; `seeds` and `runs` of each, `periods` after `warmup`."""

    market: Market
    results: dict[str, MethodResult]
    seeds: int
    runs: int
    periods: int
    warmup: int

    def difference(self, name: str, reference: str) -> Interval:
        """Profit per period of one method less that of another, with its 95% interval."""
        one, other = self.results[name], self.results[reference]
        if self.seeds > 1 and "learned" in (one.kind, other.kind):
            return paired_difference(one.profit_by_seed, other.profit_by_seed)
        return paired_difference(one.profit_by_run, other.profit_by_run)

    def gain(self, name: str, reference: str) -> Interval:
        """The difference as a share of the size of the reference's profit."""
        difference = self.difference(name, reference)
        base = max(abs(self.results[reference].profit), 1e-9)
        return Interval(difference.mean / base, difference.low / base, difference.high / base)

    def as_json(self) -> dict[str, object]:
        """The comparison under the names of the command line's JSON."""
        names = list(self.results)
        paired = {}
        for at, name in enumerate(names):
            for other in names[:at]:
                difference = self.difference(name, other)
                paired[f"{name} - {other}"] = {
                    "mean": difference.mean,
                    "ci": difference.ci,
                    "share": self.gain(name, other).mean,
                }
        return {
            "methods": {name: result.as_json() for name, result in self.results.items()},
            "paired": paired,
            "seeds": self.seeds,
            "runs": self.runs,
            "periods": self.periods,
            "warmup": self.warmup,
        }


def check_methods(methods: Sequence[str], place: str = "--methods") -> None:
    """Refuses unknown and repeated methods before any work is done.

    **Raises:** `InputError` naming `place`.
    """
    if not methods:
        raise InputError(place, "is empty", f"name some of {', '.join(METHOD_NAMES)}")
    for method in methods:
        if method not in METHOD_NAMES:
            if method in PLANNED_METHODS:
                raise InputError(place, f"'{method}' is planned and not built yet", "leave it out")
            near = difflib.get_close_matches(method, METHOD_NAMES, 1)
            hint = f"did you mean '{near[0]}'?" if near else f"choose some of {', '.join(METHOD_NAMES)}"
            raise InputError(place, f"'{method}' is not a method", hint)
        if methods.count(method) > 1:
            raise InputError(place, f"'{method}' is given twice", "give it once")


def judging_size(market: Market) -> tuple[int, int]:
    """Periods and runs that judge a policy well at a bearable cost: whole seasons, 64 runs of 500 periods at most."""
    positions = 1 if market.season is None else market.season.shape[0]
    affordable = PAIR_PERIODS / market.base_utility.size
    periods = int(np.clip(affordable / 16, 100, 500))
    periods = max(1, round(periods / positions)) * positions
    return periods, int(np.clip(affordable // (periods + default_warmup(market)), 8, 64))


def compare(
    market: Market,
    methods: Sequence[str] = ("silo", "filtered-silo", "mtma"),
    seeds: int = 3,
    *,
    settings: TrainSettings | None = None,
    periods: int | None = None,
    runs: int | None = None,
    warmup: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Comparison:
    """Prepares methods on a market and plays them on common random numbers.

    **Arguments:**

    - `methods`: of `METHOD_NAMES`: pairs of rules (`silo`, `filtered-silo`), `dual-price`, rules tuned on the simulator
      (`tuned-filter`, with an in-stock filter; `tuned-rule`, which also hides low and pushes high stock;
      `tuned-silo`, blind to stock), trained policies
      (`mtma` and its ablations; `learned-silo`, each department trained on its own objective).
    - `seeds`: trainings of each trained method, and replications that every method is judged on.
    - `settings`: of training; the method in it is replaced.
    - `periods`, `runs`, `warmup`: of judging one seed, see `judging_size`.
    - `progress`: called with what is being done, steps done, steps in all, and the latest profit.

    **Raises:** `InputError` for an unknown method or counts off range.

    ```python
    >>> from intandem.market.files import example_market
    >>> found = compare(example_market("two-products-capped"), ["silo", "filtered-silo"], seeds=2, periods=200, runs=8)
    >>> sorted(found.as_json())
    ['methods', 'paired', 'periods', 'runs', 'seeds', 'warmup']

    ```
    """
    methods = list(methods)
    check_methods(methods)
    if seeds < 1:
        raise InputError("--seeds", f"is {seeds}", "give 1 or more")
    settings = TrainSettings() if settings is None else settings
    usual_periods, usual_runs = judging_size(market)
    periods = usual_periods if periods is None else periods
    runs = usual_runs if runs is None else runs
    warmup = default_warmup(market) if warmup is None else warmup
    ready = _prepare_all(market, methods, seeds, settings, seed, progress)
    results = {}
    for method in methods:
        prepared = ready[method]
        simulated = tuple(
            simulate(
                market,
                prepared.policies[k % len(prepared.policies)],
                periods=periods,
                runs=runs,
                warmup=warmup,
                seed=EVALUATION_SEED + 1_000 * seed + k,
            )
            for k in range(seeds)
        )
        results[method] = replace(prepared, simulated=simulated)
    return Comparison(market, results, seeds, runs, periods, warmup)


def without(found: Comparison, *names: str) -> Comparison:
    """The comparison without some of its methods."""
    return replace(found, results={name: result for name, result in found.results.items() if name not in names})


def replay(found: Comparison, market: Market, *, runs: int | None = None) -> Comparison:
    """Plays the policies of a comparison in another market, on the same random numbers; nothing is trained or tuned.

    Rules keep their settings and trained departments their weights; both are told the other market's figures.

    **Arguments:** `runs`: of each seed; as in the comparison if not given.

    **Raises:** `ValueError` if the markets differ in their products or customers.
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


def _told(policy: JointPolicy, standing: Reference) -> JointPolicy:
    departments = (policy.inventory, policy.recommendation)
    return JointPolicy(*(_with_standing(one, standing) if hasattr(one, "standing") else one for one in departments))


def _with_standing(department: Department[Any], standing: Reference) -> Department[Any]:
    return eqx.tree_at(lambda one: one.standing, department, standing)  # type: ignore[attr-defined]


def _prepare_all(
    market: Market, methods: Sequence[str], seeds: int, settings: TrainSettings, seed: int, progress: Progress | None
) -> dict[str, MethodResult]:
    """Tunes rules on one core while policies are trained on another."""
    stopping = threading.Event()

    def tuning_progress(what: str, done: int, total: int, profit: float) -> None:
        if stopping.is_set():
            raise KeyboardInterrupt
        if progress is not None and not any(method in LEARNED for method in methods):
            progress(what, done, total, profit)

    with ThreadPoolExecutor(1) as beside:
        tuned = {
            method: beside.submit(_tuned, market, method, seed, tuning_progress)
            for method in methods
            if method in TUNED
        }
        try:
            ready = {m: _ruled(market, m) for m in methods if m in RULE_POLICIES}
            ready |= {m: _priced(market, m, progress) for m in methods if m == DUAL_PRICE}
            ready |= {m: _trained(market, m, seeds, settings, seed, progress) for m in methods if m in LEARNED}
            return ready | {method: future.result() for method, future in tuned.items()}
        finally:
            # Whatever stops this thread stops the other at its next setting.
            stopping.set()


def _ruled(market: Market, method: str) -> MethodResult:
    rules = RULE_POLICIES[method]
    return MethodResult(method, "rule", (policy_of_rules(market, *rules),), (), 0.0, rules=rules)


def _priced(market: Market, method: str, progress: Progress | None) -> MethodResult:
    started = time.monotonic()
    if progress is not None:
        progress(f"{LABELS[method]}: computing", 0, 0, float("nan"))
    return MethodResult(method, "rule", (dual_price_policy(market),), (), time.monotonic() - started)


def _tuned(market: Market, method: str, seed: int, progress: Progress) -> MethodResult:
    started = time.monotonic()
    what = f"{LABELS[method]}: tuning"
    rule = best_rule(
        market, looks_at=TUNED[method], seed=seed, progress=lambda tried, best: progress(what, tried, 0, best)
    )
    seconds = time.monotonic() - started
    return MethodResult(method, "tuned", (rule.policy,), (), seconds, rules=(rule.inventory, rule.recommendation))


def _trained(
    market: Market, method: str, seeds: int, settings: TrainSettings, seed: int, progress: Progress | None
) -> MethodResult:
    trainings = []
    for k in range(seeds):
        what = f"{LABELS.get(method, method)}: training" + (f" {k + 1} of {seeds}" if seeds > 1 else "")

        def report(done: int, total: int, figures: dict[str, float], what: str = what) -> None:
            if progress is not None:
                progress(what, done, total, figures["profit"])

        trainings.append(train(market, replace(settings, method=LEARNED[method]), seed=seed + k, progress=report))
    seconds = float(np.mean([one.seconds for one in trainings]))
    policies = tuple(one.policy for one in trainings)
    return MethodResult(method, "learned", policies, (), seconds, trainings=tuple(trainings))
