"""C2 to C4 and T1 to T4 on any policy, by simulation: how it responds to what it sees, and what comes of it.

Responses are found by raising one input in states that the policy visits, all else equal. What comes of it is averaged
within a run, so that runs are independent: intervals and p-values are Student's over runs. A p-value is one-sided,
against the statement's opposite or nothing at all; a statement holds where it is below 5%, unless said otherwise.
C1 is not tested: it is about orders that see exposures, and departments decide at the same time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from intandem.departments import RULE_POLICIES, policy_of_rules
from intandem.errors import InputError
from intandem.evaluation.policies import PolicyLike, policy_of
from intandem.evaluation.simulation import default_warmup, run_keys
from intandem.evaluation.statistics import Interval, mean_interval, one_sided
from intandem.market import Decision, Market, MarketLike, Outcome, State, initial_state, market_of, rollout
from intandem.market.demand import unexposed_utility
from intandem.market.simulate import Policy
from intandem.progress import Meter, reported
from intandem.theory.insights.assumptions import broken_assumptions
from intandem.theory.insights.dynamics import lead_difference
from intandem.theory.insights.finding import Finding, Findings, nothing_to_test
from intandem.theory.insights.gather import insights as exact_insights
from intandem.theory.intertemporal import solve

SIGNIFICANT = 0.05

INTENTION_STEP = 0.5
"""How far an intention is raised, in logit units."""

MOST_PRODUCTS = 12
"""Products whose stock and intention are raised, one at a time; with more, as many are drawn."""

MOST_NUMBERS = 40_000_000
"""States that are kept for a closer look hold at most so many numbers together."""

MOVED = 1e-5
"""A change below this is rounding in single precision."""


class Course(eqx.Module):
    """What is kept of runs, per period and product; `profit` is the policy's."""

    on_hand: Float[Array, "*axes products"]
    order: Float[Array, "*axes products"]
    exposures: Float[Array, "*axes products"]
    demand: Float[Array, "*axes products"]
    lost: Float[Array, "*axes products"]
    profit: Float[Array, "*axes"]


def insights(
    market: MarketLike,
    policy: PolicyLike | None = None,
    *,
    periods: int = 400,
    runs: int = 16,
    seed: int = 0,
    progress: bool | None = None,
) -> Findings:
    """What theory states of coordination, tested in a market: C1 to C4 and T1 to T4 (`Findings.to_frame` says each).

    **Arguments:**

    - `market`: or what names one, see `market_of`.
    - `policy`: whatever `policy_of` takes, tested by simulation. `None`: the market is solved, and its exact optimum is
      tested; for small markets.
    - `periods`, `runs` (3 or more), `seed`: of the simulation.
    - `progress`: by default a bar, on a terminal or in a notebook; False: none.

    **Raises:** `InputError` for a market too large to solve, or counts off range.

    ```python
    >>> from intandem.market import example_market
    >>> found = insights(example_market("two-products-capped"))
    >>> found["C4"].holds, found["T3"].holds
    (True, True)

    ```
    """
    market = market_of(market)
    with reported(progress, "solving the market" if policy is None else "playing the policy", _testing) as tell:
        if policy is None:
            return exact_insights(solve(market), tell)
        return policy_insights(market, policy_of(market, policy), periods=periods, runs=runs, seed=seed)


def _testing(meter: Meter) -> Callable[[str], object]:
    return lambda name: meter.update(f"testing {name}")


def policy_insights(
    market: Market, policy: Policy, *, periods: int = 400, runs: int = 16, looks: int = 12, seed: int = 0
) -> Findings:
    """The statements as a policy lives them.

    **Arguments:** `periods`: per run, after the warm-up. `runs`: at least 3. `looks`: states per run in which responses
    are found. `seed`: the silo that the policy is held against meets the same random numbers.

    **Raises:** `InputError` for fewer runs.
    """
    if runs < 3:
        raise InputError("runs", f"is {runs}", "give 3 or more: intervals are over runs")
    keys = run_keys(seed, runs)
    warmup = default_warmup(market)
    silo = policy_of_rules(market, *RULE_POLICIES["silo"])
    courses = [
        jax.tree.map(
            lambda kept: np.asarray(kept, np.float64)[:, warmup:], _courses(market, one, warmup + periods, keys)
        )
        for one in (policy, silo)
    ]
    kept = max(1, min(looks, MOST_NUMBERS // (runs * max(market.base_utility.size, 1))))
    states = _states(market, policy, warmup, max(1, periods // kept), kept, keys)
    found = _responses(market, policy, states, courses[0], seed)
    findings = {
        "C2": found["C2"],
        "C2-cross": found["C2-cross"],
        "C3": _priority(market, policy, states),
        "C4": _coordination_pays(*courses),
        "T1": found["T1"],
        "T2": replace(found["C2"], name="T2"),
        "T3": _demand_smoothing(*courses),
        "T4": _orders_lead_exposures(market, courses[0]),
    }
    return Findings({name: replace(one, broken=broken_assumptions(market, name)) for name, one in findings.items()})


@eqx.filter_jit
def _courses(market: Market, policy: Policy, periods: int, keys: Key[Array, " runs"]) -> Course:
    def keep(before: State, decision: Decision, after: State, outcome: Outcome) -> Course:
        del after
        shown = market.pairs.total(decision.exposure * (market.population * market.visit_probability)[:, None])
        return Course(before.on_hand, outcome.order, shown, outcome.demand, outcome.lost, outcome.profit)

    return jax.lax.map(lambda key: rollout(market, initial_state(market), policy, periods, key, keep)[1], keys)


def _states(market: Market, policy: Policy, warmup: int, apart: int, looks: int, keys: Key[Array, " runs"]) -> State:
    """States that the policy visits, `looks` a run, `apart` periods from each other: axes `runs looks`."""
    nothing = lambda before, decision, after, outcome: None  # noqa: E731

    @eqx.filter_jit
    def of_run(key: Key[Array, ""]) -> State:
        first_key, *_ = jax.random.split(key, 2)
        state = rollout(market, initial_state(market), policy, warmup, first_key, nothing)[0]

        def look(state: State, key: Key[Array, ""]) -> tuple[State, State]:
            return rollout(market, state, policy, apart, key, nothing)[0], state

        return jax.lax.scan(look, state, jax.random.split(jax.random.fold_in(key, 1), looks))[1]

    return jax.lax.map(of_run, keys)


def _responses(market: Market, policy: Policy, states: State, course: Course, seed: int) -> dict[str, Finding]:
    """Changes of decisions when one product's stock, or its intentions, are raised."""
    chosen = np.arange(market.products)
    if market.products > MOST_PRODUCTS:
        chosen = np.sort(np.random.default_rng(seed).choice(market.products, MOST_PRODUCTS, replace=False))
    step = jnp.asarray(np.maximum(1.0, np.round(course.on_hand.std((0, 1)))), jnp.float32)
    moves = np.asarray(_changes(market, policy, states, jnp.asarray(chosen), step), np.float64)
    own, others, orders = (moves[..., k] for k in range(3))
    found = {
        "C2": _response("C2", own, "own exposure (visitors reached), stock raised by a standard deviation"),
        "C2-cross": _response("C2-cross", -others, "all other exposures, turned round"),
    }
    if market.products == 1:
        found["C2-cross"] = nothing_to_test("C2-cross", "there is no other product")
    if not market.traits.has_intention:
        found["T1"] = nothing_to_test("T1", "no intention moves in this market")
    elif not market.observed:
        found["T1"] = nothing_to_test("T1", "departments do not observe intentions in this market")
    else:
        found["T1"] = _response("T1", orders, f"units ordered, intention raised by {INTENTION_STEP:g}")
    return found


@eqx.filter_jit
def _changes(
    market: Market, policy: Policy, states: State, chosen: Array, step: Float[Array, " products"]
) -> Float[Array, "runs looks chosen 3"]:
    """Own exposure and all others' on more stock, own order on a higher intention."""
    people = (market.population * market.visit_probability)[:, None]

    def shown(decision: Decision) -> Float[Array, " products"]:
        return market.pairs.total(decision.exposure * people)

    def one(state: State) -> Float[Array, "chosen 3"]:
        key = jax.random.key(0)
        usual = policy(market, state, key)

        def product(j: Array) -> Float[Array, "3"]:
            mark = jnp.arange(market.products) == j
            stocked = policy(market, replace(state, on_hand=state.on_hand + mark * step), key)
            raised = market.pairs.spread(jnp.where(mark, INTENTION_STEP, 0.0))
            keen = policy(market, replace(state, intention=state.intention + raised), key)
            moved = shown(stocked) - shown(usual)
            own = jnp.where(mark, moved, 0.0).sum()
            return jnp.stack([own, moved.sum() - own, jnp.where(mark, keen.order - usual.order, 0.0).sum()])

        return jax.lax.map(product, chosen)

    return jax.lax.map(lambda of_run: jax.lax.map(one, of_run), states)


def _response(name: str, changes: np.ndarray, what: str) -> Finding:
    """**Arguments:** `changes`: `runs looks products`; it should be above 0."""
    by_run = changes.reshape(len(changes), -1).mean(1)
    interval, chance = mean_interval(by_run), one_sided(by_run)
    falls, rises = int((changes < -MOVED).sum()), int((changes > MOVED).sum())
    detail = f"{what}: {_words(interval)} on average; falls at {falls:,} and rises at {rises:,} of {changes.size:,}"
    return Finding(name, chance < SIGNIFICANT, interval.mean, falls, changes.size, chance, (), detail, rises)


def _priority(market: Market, policy: Policy, states: State) -> Finding:
    """Rank correlation, within a row, of exposure with (marginal demand per exposure) x margin - exposure cost."""
    if market.choice != "independent":
        return nothing_to_test("C3", "customers choose one product among all")
    index, shown = (np.asarray(one, np.float64) for one in _index_and_exposure(market, policy, states))
    by_run = np.array([_rank_correlation(a, b) for a, b in zip(index, shown, strict=True)])
    if not np.isfinite(by_run).all():
        return nothing_to_test("C3", "exposures, or what they bring, are the same for all products of a row")
    interval, chance = mean_interval(by_run), one_sided(by_run)
    detail = f"rank correlation of exposure with what it brings: {_words(interval)}"
    return Finding("C3", chance < SIGNIFICANT, interval.mean, int((by_run <= 0).sum()), len(by_run), chance, (), detail)


@eqx.filter_jit
def _index_and_exposure(market: Market, policy: Policy, states: State) -> tuple[Array, Array]:
    valid = market.pairs.valid()

    def one(state: State) -> tuple[Array, Array]:
        chance = jax.nn.sigmoid(unexposed_utility(market, state.intention, state.period))
        margin = market.pairs.spread(market.units_per_purchase * (market.price - market.unit_cost))
        index = market.exposure_effect * chance * (1 - chance) * margin - market.pairs.spread(market.exposure_cost)
        missing = jnp.where(valid, 0.0, jnp.nan)
        return index + missing, policy(market, state, jax.random.key(0)).exposure + missing

    return jax.lax.map(lambda of_run: jax.lax.map(one, of_run), states)


def _rank_correlation(index: np.ndarray, shown: np.ndarray) -> float:
    """Spearman's, within rows and pooled over them; `nan` where nothing varies.

    **Arguments:** `looks rows width`, `nan` at an empty place.
    """
    ranks = [_ranks(one.reshape(-1, one.shape[-1])) for one in (index, shown)]
    centred = [one - np.nanmean(one, 1, keepdims=True) for one in ranks]
    scale = np.sqrt(np.nansum(centred[0] ** 2) * np.nansum(centred[1] ** 2))
    return float(np.nansum(centred[0] * centred[1]) / scale) if scale > 0 else float("nan")


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks along the last axis, ties sharing their mean; `nan` stays."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(values, axis=-1, nan_policy="omit"))


def _coordination_pays(course: Course, silo: Course) -> Finding:
    difference = np.asarray(course.profit.mean(1) - silo.profit.mean(1))
    interval, chance = mean_interval(difference), one_sided(difference)
    share = interval.mean / max(abs(float(silo.profit.mean())), 1e-12)
    detail = f"profit per period above the rules silo's: {_words(interval)}, {share:+.1%}"
    wrong = int((difference < 0).sum())
    return Finding("C4", chance < SIGNIFICANT, interval.mean, wrong, len(difference), chance, (), detail)


def _demand_smoothing(course: Course, silo: Course) -> Finding:
    """Holds unless one of its two parts is below 0 by more than noise."""
    lost, demand = (
        [np.asarray(getattr(one, name)).sum((1, 2)) for one in (silo, course)] for name in ("lost", "demand")
    )
    spared = lost[0] / np.maximum(demand[0], 1e-9) - lost[1] / np.maximum(demand[1], 1e-9)
    smoother = mean_interval(spared)
    with_stock = np.array([_mean_correlation(*pair) for pair in zip(course.on_hand, course.exposures, strict=True)])
    detail = f"share lost by the rules silo above the policy's: {_words(smoother)}"
    wrong = smoother.high < 0
    compared, violations = 1, int(wrong)
    if np.isfinite(with_stock).all():
        going = mean_interval(with_stock)
        wrong = wrong or going.high < 0
        compared, violations = 2, violations + int(going.high < 0)
        detail += f"; correlation of exposure with stock: {_words(going)}"
    chance = one_sided(spared)
    return Finding("T3", not wrong, smoother.mean, violations, compared, chance, (), detail)


def _mean_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Over periods, averaged over the products of which both vary."""
    found = _correlations(first, second, 1)[0]
    return float(np.nanmean(found)) if np.isfinite(found).any() else float("nan")


def _correlations(first: np.ndarray, later: np.ndarray, lags: int) -> np.ndarray:
    """Correlation of `first(t)` with `later(t + k)`, `lags products`; `nan` where one never varies."""
    varies = (first.std(0) > MOVED) & (later.std(0) > MOVED)
    one, other = ((x - x.mean(0)) / np.where(x.std(0) > MOVED, x.std(0), 1.0) for x in (first, later))
    found = [(one[: len(one) - k] * other[k:]).mean(0) for k in range(lags)]
    return np.where(varies, np.array(found), np.nan)


def _orders_lead_exposures(market: Market, course: Course) -> Finding:
    leads = np.asarray(market.lead_time)
    lags = 2 * int(leads.max(initial=0)) + 3
    if course.order.shape[1] <= 2 * lags or not (leads >= 1).any():
        return nothing_to_test("T4", "no product has a lead time, or there are too few periods for its lags")
    by_product = np.array(
        [
            lead_difference(_correlations(order, shown, lags), leads)
            for order, shown in zip(course.order, course.exposures, strict=True)
        ]
    )
    kept = by_product[:, np.isfinite(by_product).all(0)]
    if kept.shape[1] == 0:
        return nothing_to_test("T4", "no product with a lead time has orders and exposures that vary")
    by_run = kept.mean(1)
    interval, chance = mean_interval(by_run), one_sided(by_run)
    detail = f"{kept.shape[1]} products; lead of orders over exposures: {_words(interval)}"
    wrong = int((kept.mean(0) <= 0).sum())
    return Finding("T4", chance < SIGNIFICANT, interval.mean, wrong, kept.shape[1], chance, (), detail)


def _words(interval: Interval) -> str:
    return f"{interval.mean:+.3g} ({interval.low:+.3g} to {interval.high:+.3g})"
