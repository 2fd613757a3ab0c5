"""The methods of a comparison by name, and how each is made ready: rules as they are, tuned, trained."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from intandem.departments import DUAL_PRICE, RULE_POLICIES, policy_of_rules
from intandem.errors import InputError, did_you_mean
from intandem.evaluation.comparison import MethodResult
from intandem.evaluation.labels import LABELS
from intandem.evaluation.policies import PolicyLike, policy_of
from intandem.evaluation.tuning import StockSeen, best_rule
from intandem.learning import METHODS as TRAINING_METHODS
from intandem.learning import TrainSettings, train
from intandem.market import Market
from intandem.theory.dual_price import dual_price_policy

TUNED: dict[str, StockSeen] = {"tuned-rule": "cover", "tuned-filter": "shelf", "tuned-silo": "nothing"}
"""Pairs of rules tuned on the simulator, and what their recommendation looks at of stock."""

LEARNED: dict[str, str] = {"learned-silo": "silo", **{name: name for name in TRAINING_METHODS if name != "silo"}}
"""Trained policies and the training method of each. `silo` alone names the pair of rules."""

MAIN = "mtma"
"""The trained method that is prepared as `train` prepares it for use; the others are its rivals."""

METHOD_NAMES = (*RULE_POLICIES, DUAL_PRICE, *TUNED, *LEARNED)

_NOT_TRAINED = {
    "silo": "rules: base-stock orders, and recommendations by uplift that are blind to stock",
    "filtered-silo": "rules: as silo, and what is out of stock is not shown",
    DUAL_PRICE: "computed: each product's own dynamic program at a price of slots; neither tuned nor trained",
    "tuned-rule": "the best rules of a grid: base-stock, capped, (s, S); in-stock filter, low stock hidden, high stock "
    "pushed",
    "tuned-filter": "the same grid of orders; recommendation hides what is out of stock and no more",
    "tuned-silo": "the same grid of orders; recommendation is blind to stock",
}

METHODS: dict[str, str] = {
    name: TRAINING_METHODS[LEARNED[name]] if name in LEARNED else _NOT_TRAINED[name] for name in METHOD_NAMES
}
"""By name, and what each is; of trained methods as `train` knows them."""

Progress = Callable[[str, int, int, float], object]
"""Told what is being done, steps done, steps in all (0: unknown), and the latest profit (`nan`: none yet)."""


def check_methods(methods: Sequence[str], place: str = "methods") -> None:
    """Refuses unknown and repeated methods before any work is done.

    **Raises:** `InputError` naming `place`.
    """
    if not methods:
        raise InputError(place, "is empty", f"name some of {', '.join(METHOD_NAMES)}")
    for method in methods:
        if method not in METHOD_NAMES:
            if not method.strip():
                raise InputError(place, "has an empty name", "leave out the comma too many")
            raise InputError(place, f"'{method}' is not a method", did_you_mean(method, METHOD_NAMES, some=True))
        if methods.count(method) > 1:
            raise InputError(place, f"'{method}' is given twice", "give it once")


def as_mapping(methods: Sequence[str] | Mapping[str, PolicyLike]) -> dict[str, PolicyLike]:
    """Methods and policies by the names that results get.

    **Raises:** `InputError` for a list with an unknown or a repeated method, or for nothing.
    """
    if isinstance(methods, Mapping) and methods:
        return dict(methods)
    if isinstance(methods, str):
        methods = (methods,)
    check_methods(list(methods))
    return {name: name for name in methods}


def prepare(
    market: Market,
    methods: Mapping[str, PolicyLike],
    seeds: int,
    settings: TrainSettings,
    seed: int,
    progress: Progress | None,
) -> dict[str, MethodResult]:
    """Every method and policy ready to be played, under its name: rules are tuned on one core while departments are
    trained on another. A method that stands under two names is prepared once."""
    meant = {name: given for name, given in methods.items() if isinstance(given, str) and given in METHOD_NAMES}
    ready = {
        name: MethodResult(name, "own", (policy_of(market, given, name),), (), 0.0)
        for name, given in methods.items()
        if name not in meant
    }
    found = _prepare_methods(market, tuple(dict.fromkeys(meant.values())), seeds, settings, seed, progress)
    ready |= {name: replace(found[given], name=name) for name, given in meant.items()}
    return {name: ready[name] for name in methods}


def _prepare_methods(
    market: Market, methods: Sequence[str], seeds: int, settings: TrainSettings, seed: int, progress: Progress | None
) -> dict[str, MethodResult]:
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
    how = replace(settings, method=LEARNED[method])
    if method != MAIN:
        # A rival is judged as it was trained: a rule that took its place would say nothing of the rival.
        how = replace(how, starts="one")
    trainings = []
    for k in range(seeds):
        what = f"{LABELS.get(method, method)}: training" + (f" {k + 1} of {seeds}" if seeds > 1 else "")

        def report(done: int, total: int, figures: dict[str, float], what: str = what) -> None:
            if progress is not None:
                progress(what, done, total, figures["profit"])

        trainings.append(train(market, how, seed=seed + k, progress=report))
    seconds = float(np.mean([one.seconds for one in trainings]))
    policies = tuple(one.policy for one in trainings)
    return MethodResult(method, "learned", policies, (), seconds, trainings=tuple(trainings))
