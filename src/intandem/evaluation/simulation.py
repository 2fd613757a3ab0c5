"""What a policy earns in a market: many runs of the simulator, a warm-up dropped, figures per period.

One program is compiled per shape of market and kind of policy. A policy's settings and weights, the number of periods
and the warm-up are its arguments, so that a grid of rules or a set of seeds does not compile again. Run `r` of a seed
meets the same visitors and the same random numbers whatever the policy.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from intandem.display import count
from intandem.errors import InputError
from intandem.evaluation.policies import PolicyLike, is_own, policy_of
from intandem.evaluation.simulated import BATCHES, Simulated, Totals, Trace
from intandem.market import (
    Decision,
    Ledger,
    Market,
    MarketLike,
    Outcome,
    State,
    initial_state,
    market_of,
    nameless,
    rollout,
    step,
)
from intandem.market.decision_check import check_decision, is_allowed
from intandem.market.simulate import Policy
from intandem.progress import reported

PAIRS_AT_ONCE = 400_000
"""Runs are played side by side as long as all their pairs together stay below this, then one group after another."""

NEVER = 2**31 - 1
"""The period of what does not happen."""

_BLOCK = 256

Carry: TypeAlias = tuple[State, Totals, Int[Array, ""]]


def default_warmup(market: Market) -> int:
    """Periods that a reported average leaves out: 10 times the longest lead time and one more, at least 50."""
    return max(50, 10 * (market.longest_lead_time + 1))


def simulate(
    market: MarketLike,
    policy: PolicyLike,
    *,
    periods: int = 1_000,
    runs: int = 16,
    warmup: int | None = None,
    seed: int = 0,
    check: bool | None = None,
    progress: bool | None = None,
) -> Simulated:
    """Plays a policy in a market and reports its average figures.

    **Arguments:**

    - `market`: or what names one, see `market_of`.
    - `policy`: a function `(market, state, key) -> Decision`, a pair of departments, a rule's name or text, a
      bundle's folder: see `policy_of`.
    - `periods`: how many count, after the warm-up. `runs`: independent runs from the initial state.
    - `warmup`: periods before them that no figure counts; by default `default_warmup`.
    - `seed`: the same seed gives every policy the same visitors and the same random numbers.
    - `check`: whether every decision is put to the market's rules; by default those of policies that are not made
      of this package's departments.
    - `progress`: by default a bar, on a terminal or in a notebook, for work of over two seconds; False: none.

    Where the market's discount is below 1 the profit per period is still the plain average, and
    `discounted_by_run` adds the discounted sum over `periods`, counted from the end of the warm-up (with a
    warm-up of 0: from the initial state).

    **Raises:** `InputError` for counts off range, what is no policy, or a decision that the market forbids, with the
    period, the product or customer, and the limit.

    ```python
    >>> from intandem.market import Decision
    >>> from intandem.market.files import example_market
    >>> market = example_market("two-products-capped")
    >>> result = simulate(market, ("base-stock", "uplift"), periods=200, runs=8)
    >>> 25 < result.profit < 40, result.warmup, result.exposure_share
    (True, 50, 1.0)
    >>> def too_much(market, state, key):
    ...     return Decision(order=jnp.full(2, 9.0), exposure=jnp.ones((1, 2)))
    >>> simulate(market, too_much)
    Traceback (most recent call last):
    intandem.errors.InputError: too_much: period 1 of run 1: product p1: order: is 9, above max_order 5; order at most 5

    ```
    """
    market = market_of(market)
    warmup = default_warmup(market) if warmup is None else warmup
    for name, value, least in (("periods", periods, 1), ("runs", runs, 1), ("warmup", warmup, 0), ("seed", seed, 0)):
        if value < least:
            raise InputError(name, f"is {value}", f"give {least} or more")
    ready = policy_of(market, policy, getattr(policy, "__name__", "policy"))
    checked = not is_own(ready) if check is None else check
    keys = run_keys(seed, runs)
    with reported(progress, f"simulating {count(runs, 'run')}", lambda meter: meter.update):
        sums, forbidden = _play(nameless(market), ready, jnp.asarray(periods), jnp.asarray(warmup), keys, checked)
        refuse(market, ready, np.asarray(forbidden), keys)
        totals = jax.tree.map(lambda values: np.asarray(values, np.float64), sums)
    return Simulated(
        product_ids=market.labels.product_ids,
        periods=periods,
        runs=runs,
        warmup=warmup,
        seed=seed,
        discount=float(market.discount),
        totals=totals,
    )


def trace(
    market: MarketLike,
    policy: PolicyLike,
    *,
    products: Sequence[int],
    periods: int = 52,
    warmup: int | None = None,
    seed: int = 0,
) -> Trace:
    """Plays one run and keeps, period by period, what happens to the chosen products (by index).

    Other arguments and errors as in `simulate`, but that decisions are not checked.

    ```python
    >>> from intandem.market import example_market
    >>> kept = trace(example_market("two-products-capped"), ("base-stock", "uplift"), products=[1], periods=8)
    >>> kept.product_ids, kept.order.shape, bool((kept.order <= 5).all())
    (('p2',), (8, 1), True)

    ```
    """
    market = market_of(market)
    warmup = default_warmup(market) if warmup is None else warmup
    chosen = jnp.asarray(list(products), jnp.int32)
    ready = policy_of(market, policy)
    kept = _follow(nameless(market), ready, chosen, warmup + periods, run_keys(seed, 1)[0])
    after = {name: np.asarray(values, np.float64)[warmup:] for name, values in kept.items()}
    return Trace(product_ids=tuple(market.labels.product_ids[j] for j in products), **after)


def run_keys(seed: int, runs: int) -> Key[Array, " runs"]:
    """One key for every run: run `r` of a seed has the same random stream whoever plays it."""
    return jax.vmap(jax.random.fold_in, (None, 0))(jax.random.key(seed), jnp.arange(runs))


def refuse(market: Market, policy: Policy, forbidden: Int[np.ndarray, " runs"], keys: Key[Array, " runs"]) -> None:
    """Names the first decision that the market forbids, if there is one.

    **Arguments:** `forbidden`: the first period of each run with such a decision, or `NEVER`.

    **Raises:** `InputError`.
    """
    run = int(forbidden.argmin())
    period = int(forbidden[run])
    if period == NEVER:
        return
    where = f"{getattr(policy, 'name', 'policy')}: period {period + 1} of run {run + 1}"
    check_decision(market, _decision_in(nameless(market), policy, jnp.asarray(period), keys[run]), where)
    problem = "decides what the market forbids, and something else when asked again"
    raise InputError(where, problem, "draw from the key alone, and keep nothing between calls")


@eqx.filter_jit
def _decision_in(market: Market, policy: Policy, period: Int[Array, ""], key: Key[Array, ""]) -> Decision:
    """The decision of one period of a run, played again up to it."""

    def play(at: Int[Array, ""], state: State) -> State:
        decision_key, step_key = jax.random.split(jax.random.fold_in(key, at))
        return step(market, state, policy(market, state, decision_key), step_key)[0]

    state = jax.lax.fori_loop(0, period, play, initial_state(market))
    return policy(market, state, jax.random.split(jax.random.fold_in(key, period))[0])


@eqx.filter_jit
def _play(
    market: Market,
    policy: Policy,
    periods: Int[Array, ""],
    warmup: Int[Array, ""],
    keys: Key[Array, " runs"],
    checked: bool,
) -> tuple[Totals, Int[Array, " runs"]]:
    together = max(1, PAIRS_AT_ONCE // market.base_utility.size)
    one = lambda key: _one_run(market, policy, periods, warmup, key, checked)  # noqa: E731
    if keys.shape[0] <= together:
        return jax.vmap(one)(keys)
    return jax.lax.map(one, keys, batch_size=together if together > 1 else None)


def _one_run(
    market: Market, policy: Policy, periods: Int[Array, ""], warmup: Int[Array, ""], key: Key[Array, ""], checked: bool
) -> tuple[Totals, Int[Array, ""]]:
    """Sums of blocks of periods, so that single precision loses nothing over long runs; and the first period with a
    decision that the market forbids, if decisions are `checked`."""
    everyone = market.population * market.visit_probability
    places = jnp.minimum(market.exposure_slots, market.pairs.valid().sum(1))
    slots = jnp.maximum((everyone * places).sum(), 1e-9)
    nothing = _no_totals(market)

    def period(at: Int[Array, ""], carry: Carry) -> Carry:
        state, sums, forbidden = carry
        decision_key, step_key = jax.random.split(jax.random.fold_in(key, at))
        decision = policy(market, state, decision_key)
        following, outcome = step(market, state, decision, step_key)
        used = (everyone * decision.exposure.sum(1)).sum() / slots
        counted = at - warmup
        these = _of_period(market, state, outcome, used, counted, periods)
        sums = jax.tree.map(lambda total, value: total + jnp.where(counted >= 0, value, 0.0), sums, these)
        if checked:
            forbidden = jnp.minimum(forbidden, jnp.where(is_allowed(market, decision), NEVER, at))
        return following, sums, forbidden

    def block(number: Int[Array, ""], carry: Carry) -> Carry:
        state, sums, forbidden = carry
        first = number * _BLOCK
        last = jnp.minimum(first + _BLOCK, warmup + periods)
        state, these, forbidden = jax.lax.fori_loop(first, last, period, (state, nothing, forbidden))
        return state, jax.tree.map(jnp.add, sums, these), forbidden

    blocks = (warmup + periods + _BLOCK - 1) // _BLOCK
    return jax.lax.fori_loop(0, blocks, block, (initial_state(market), nothing, jnp.asarray(NEVER)))[1:]


def _no_totals(market: Market) -> Totals:
    zeros = jnp.zeros(market.products)
    ledger = Ledger(**{field.name: zeros for field in dataclasses.fields(Ledger)})
    alone = {"ledger", "slots_used", "profit_batches", "discounted"}
    per_product = {field.name: zeros for field in dataclasses.fields(Totals) if field.name not in alone}
    zero = jnp.zeros(())
    return Totals(ledger=ledger, slots_used=zero, profit_batches=jnp.zeros(BATCHES), discounted=zero, **per_product)


def _of_period(
    market: Market,
    state: State,
    outcome: Outcome,
    slots_used: Float[Array, ""],
    counted: Int[Array, ""],
    periods: Int[Array, ""],
) -> Totals:
    batch = jnp.arange(BATCHES) == jnp.maximum(counted, 0) * BATCHES // periods
    return Totals(
        order=outcome.order,
        order_lines=jnp.where(outcome.order > 0, 1.0, 0.0),
        demand=outcome.demand,
        sales=outcome.sales,
        served_new=outcome.served_new,
        lost=outcome.lost,
        on_hand=state.on_hand,
        end_stock=outcome.end_stock,
        end_backlog=outcome.end_backlog,
        exposures=outcome.exposures,
        profit=outcome.ledger.profit,
        ledger=outcome.ledger,
        slots_used=slots_used,
        profit_batches=jnp.where(batch, outcome.profit, 0.0),
        discounted=outcome.profit * market.discount ** jnp.maximum(counted, 0).astype(jnp.float32),
    )


@eqx.filter_jit
def _follow(
    market: Market, policy: Policy, chosen: Int[Array, " chosen"], periods: int, key: Key[Array, ""]
) -> dict[str, Float[Array, "..."]]:
    def keep(before: State, decision: Decision, after: State, outcome: Outcome) -> dict[str, Float[Array, "..."]]:
        del decision, after
        kept = {name: getattr(outcome, name)[chosen] for name in ("order", "demand", "lost", "exposures")}
        return {**kept, "on_hand": before.on_hand[chosen], "profit": outcome.profit}

    return rollout(market, initial_state(market), policy, periods, key, keep)[1]
