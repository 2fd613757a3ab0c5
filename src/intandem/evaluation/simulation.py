"""What a policy earns in a market: many runs of the simulator, a warm-up dropped, figures per period.

One program is compiled per shape of market and kind of policy. A policy's settings and weights, the number of periods
and the warm-up are its arguments, so that a grid of rules or a set of seeds does not compile again. Run `r` of a seed
meets the same visitors and the same random numbers whatever the policy.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from intandem.errors import InputError
from intandem.market import Decision, Ledger, Market, Outcome, State, initial_state, rollout, step
from intandem.market.simulate import Policy

BATCHES = 20
"""A run is also cut into so many batches: they give a standard error where there is one run only (batch means; Law,
Simulation Modeling and Analysis, section 9.5)."""

PAIRS_AT_ONCE = 400_000
"""Runs are played side by side as long as all their pairs together stay below this, then one group after another."""

EVEN_SHARE_COVERED = 0.01
"""A product counts as covered if it gets at least this part of an even share of all exposures."""

_BLOCK = 256


class Totals(eqx.Module):
    """Sums over the periods that count, per product unless said otherwise; names as in `Outcome`.

    - `order_lines`: periods with an order. `on_hand`: stock when deciding. `slots_used`: exposures per visitor
      over the slots there are, summed over periods. `profit_batches`: the firm's profit in each of `BATCHES`.
    - `discounted`: the firm's profit, discounted to the first period that counts.
    """

    order: Float[Array, " products"]
    order_lines: Float[Array, " products"]
    demand: Float[Array, " products"]
    sales: Float[Array, " products"]
    served_new: Float[Array, " products"]
    lost: Float[Array, " products"]
    on_hand: Float[Array, " products"]
    end_stock: Float[Array, " products"]
    end_backlog: Float[Array, " products"]
    exposures: Float[Array, " products"]
    profit: Float[Array, " products"]
    ledger: Ledger
    slots_used: Float[Array, ""]
    profit_batches: Float[Array, " batches"]
    discounted: Float[Array, ""]


@dataclass(frozen=True)
class Simulated:
    """A policy's figures, from `runs` runs of `periods` periods after `warmup` periods that do not count.

    Fields that end in `_by_run` have shape `runs`; run `r` of two policies with one seed shares its random numbers.
    `totals` holds sums over periods with a leading axis of `runs`, in double precision.
    """

    product_ids: tuple[str, ...]
    periods: int
    runs: int
    warmup: int
    seed: int
    discount: float
    totals: Totals

    @cached_property
    def profit_by_run(self) -> np.ndarray:
        """Profit per period."""
        return self._sum("profit") / self.periods

    @cached_property
    def discounted_by_run(self) -> np.ndarray:
        """Profit over all `periods`, discounted to the first period after the warm-up."""
        return np.asarray(self.totals.discounted)

    @cached_property
    def fill_rate_by_run(self) -> np.ndarray:
        """Share of demand that is served in its own period; 1 without any demand."""
        return 1.0 - _ratio(self._sum("demand") - self._sum("served_new"), self._sum("demand"))

    @cached_property
    def lost_share_by_run(self) -> np.ndarray:
        """Share of demand that is lost; 0 without any demand."""
        return _ratio(self._sum("lost"), self._sum("demand"))

    @property
    def profit(self) -> float:
        """Mean profit per period."""
        return float(self.profit_by_run.mean())

    @property
    def profit_se(self) -> float:
        """Standard error of `profit`: over runs, or over batches of periods where there is one run."""
        if self.runs > 1:
            return float(self.profit_by_run.std(ddof=1) / np.sqrt(self.runs))
        batches = min(BATCHES, self.periods)
        if batches == 1:
            return 0.0
        counts = np.bincount(np.arange(self.periods) * BATCHES // self.periods, minlength=BATCHES)
        means = np.asarray(self.totals.profit_batches)[0][counts > 0] / counts[counts > 0]
        return float(means.std(ddof=1) / np.sqrt(batches))

    @property
    def fill_rate(self) -> float:
        """Mean share of demand served in its own period."""
        return float(self.fill_rate_by_run.mean())

    @property
    def lost_share(self) -> float:
        """Mean share of demand lost."""
        return float(self.lost_share_by_run.mean())

    @property
    def exposure_share(self) -> float:
        """Share of the exposure slots that is used, 0 to 1."""
        return float(np.asarray(self.totals.slots_used).mean() / self.periods)

    @property
    def orders_per_period(self) -> float:
        """Units ordered per period, over all products."""
        return float(self.per_period("order").sum())

    @property
    def order_lines_per_period(self) -> float:
        """Orders placed per period, over all products."""
        return float(self.per_period("order_lines").sum())

    @property
    def end_stock(self) -> float:
        """Units left at the end of a period, over all products."""
        return float(self.per_period("end_stock").sum())

    @property
    def cover(self) -> float:
        """Periods of demand that the stock at the end of a period would last."""
        demand = float(self.per_period("demand").sum())
        return self.end_stock / demand if demand > 0 else 0.0

    @property
    def exposure_concentration(self) -> float:
        """Herfindahl index of exposures over products: 1 if one product gets all, 1/products if they share evenly."""
        shares = self.exposure_share_by_product
        return float((shares**2).sum())

    @property
    def catalogue_coverage(self) -> float:
        """Share of products that get at least 1% of an even share of all exposures."""
        shares = self.exposure_share_by_product
        return float((shares * len(shares) >= EVEN_SHARE_COVERED).mean())

    @property
    def exposure_share_by_product(self) -> np.ndarray:
        """Each product's share of all exposures, shape `products`; zeros if nothing is shown."""
        exposures = self.per_period("exposures")
        return _ratio(exposures, np.full_like(exposures, exposures.sum()))

    @property
    def ledger(self) -> dict[str, float]:
        """Money per period by kind, each as a positive amount: revenue, and the costs."""
        ledger = self.totals.ledger
        return {
            field.name: float(np.asarray(getattr(ledger, field.name)).sum(1).mean() / self.periods)
            for field in dataclasses.fields(ledger)
        }

    def per_period(self, name: str) -> np.ndarray:
        """Mean over runs and periods of one of `Totals`' fields, shape `products`."""
        return np.asarray(getattr(self.totals, name)).mean(0) / self.periods

    def _sum(self, name: str) -> np.ndarray:
        return np.asarray(getattr(self.totals, name)).sum(1)

    def as_json(self) -> dict[str, object]:
        """The figures under the names of the command line's JSON."""
        figures: dict[str, object] = {
            "profit_per_period": {"mean": self.profit, "se": self.profit_se},
            "fill_rate": self.fill_rate,
            "lost_share": self.lost_share,
            "exposure_share": self.exposure_share,
            "orders_per_period": self.orders_per_period,
            "order_lines_per_period": self.order_lines_per_period,
            "end_stock": self.end_stock,
            "cover": self.cover,
            "exposure_concentration": self.exposure_concentration,
            "catalogue_coverage": self.catalogue_coverage,
            "ledger": self.ledger,
            "warmup": self.warmup,
            "periods": self.periods,
            "runs": self.runs,
            "seed": self.seed,
        }
        if self.discount < 1:
            values = self.discounted_by_run
            error = float(values.std(ddof=1) / np.sqrt(self.runs)) if self.runs > 1 else None
            figures["discounted_profit"] = {"mean": float(values.mean()), "se": error}
        return figures


@dataclass(frozen=True)
class Trace:
    """One run, period by period, of some products: arrays of shape `periods products`.

    - `on_hand`: units when deciding. `order`, `demand`, `lost`: units. `exposures`: exposures delivered.
    - `profit`: the whole firm's profit, shape `periods`.
    """

    product_ids: tuple[str, ...]
    on_hand: np.ndarray
    order: np.ndarray
    demand: np.ndarray
    lost: np.ndarray
    exposures: np.ndarray
    profit: np.ndarray


def default_warmup(market: Market) -> int:
    """Periods that a reported average leaves out: 10 times the longest lead time and one more, at least 50."""
    return max(50, 10 * (market.longest_lead_time + 1))


def simulate(
    market: Market,
    policy: Policy,
    *,
    periods: int = 1_000,
    runs: int = 16,
    warmup: int | None = None,
    seed: int = 0,
) -> Simulated:
    """Plays a policy in a market and reports its average figures.

    **Arguments:**

    - `policy`: a `JointPolicy` of `intandem.departments`, or any policy from market, state and key to a decision.
    - `periods`: how many count, after the warm-up. `runs`: independent runs from the initial state.
    - `warmup`: periods before them that no figure counts; by default `default_warmup`.
    - `seed`: the same seed gives every policy the same visitors and the same random numbers.

    Where the market's discount is below 1 the profit per period is still the plain average, and
    `discounted_by_run` adds the discounted sum over `periods`, counted from the end of the warm-up (with a
    warm-up of 0: from the initial state).

    **Raises:** `InputError` for counts off range.

    ```python
    >>> from intandem.departments import policy_of_rules
    >>> from intandem.market.files import example_market
    >>> market = example_market("two-products-capped")
    >>> policy = policy_of_rules(market, "base-stock", "uplift")
    >>> result = simulate(market, policy, periods=200, runs=8)
    >>> 25 < result.profit < 40, result.warmup, result.exposure_share
    (True, 50, 1.0)

    ```
    """
    warmup = default_warmup(market) if warmup is None else warmup
    for name, value, least in (("periods", periods, 1), ("runs", runs, 1), ("warmup", warmup, 0), ("seed", seed, 0)):
        if value < least:
            raise InputError(f"--{name}", f"is {value}", f"give {least} or more")
    sums = _play(_nameless(market), policy, jnp.asarray(periods), jnp.asarray(warmup), run_keys(seed, runs))
    return Simulated(
        product_ids=market.labels.product_ids,
        periods=periods,
        runs=runs,
        warmup=warmup,
        seed=seed,
        discount=float(market.discount),
        totals=jax.tree.map(lambda values: np.asarray(values, np.float64), sums),
    )


def trace(
    market: Market,
    policy: Policy,
    *,
    products: Sequence[int],
    periods: int = 52,
    warmup: int | None = None,
    seed: int = 0,
) -> Trace:
    """Plays one run and keeps, period by period, what happens to the chosen products (by index)."""
    warmup = default_warmup(market) if warmup is None else warmup
    chosen = jnp.asarray(list(products), jnp.int32)
    kept = _follow(_nameless(market), policy, chosen, warmup + periods, run_keys(seed, 1)[0])
    after = {name: np.asarray(values, np.float64)[warmup:] for name, values in kept.items()}
    return Trace(product_ids=tuple(market.labels.product_ids[j] for j in products), **after)


def _nameless(market: Market) -> Market:
    """The market without what has no bearing on a run, so that markets of one shape share one compiled program."""
    return dataclasses.replace(market, name="", solve=None)


def run_keys(seed: int, runs: int) -> Key[Array, " runs"]:
    """One key for every run: run `r` of a seed has the same random stream whoever plays it."""
    return jax.vmap(jax.random.fold_in, (None, 0))(jax.random.key(seed), jnp.arange(runs))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0)


@eqx.filter_jit
def _play(
    market: Market, policy: Policy, periods: Int[Array, ""], warmup: Int[Array, ""], keys: Key[Array, " runs"]
) -> Totals:
    together = max(1, PAIRS_AT_ONCE // market.base_utility.size)
    one = lambda key: _one_run(market, policy, periods, warmup, key)  # noqa: E731
    if keys.shape[0] <= together:
        return jax.vmap(one)(keys)
    return jax.lax.map(one, keys, batch_size=together if together > 1 else None)


def _one_run(
    market: Market, policy: Policy, periods: Int[Array, ""], warmup: Int[Array, ""], key: Key[Array, ""]
) -> Totals:
    """Sums of blocks of periods, so that single precision loses nothing over long runs."""
    everyone = market.population * market.visit_probability
    places = jnp.minimum(market.exposure_slots, market.pairs.valid().sum(1))
    slots = jnp.maximum((everyone * places).sum(), 1e-9)
    nothing = _no_totals(market)

    def period(at: Int[Array, ""], carry: tuple[State, Totals]) -> tuple[State, Totals]:
        state, sums = carry
        decision_key, step_key = jax.random.split(jax.random.fold_in(key, at))
        decision = policy(market, state, decision_key)
        following, outcome = step(market, state, decision, step_key)
        used = (everyone * decision.exposure.sum(1)).sum() / slots
        counted = at - warmup
        these = _of_period(market, state, outcome, used, counted, periods)
        return following, jax.tree.map(lambda total, value: total + jnp.where(counted >= 0, value, 0.0), sums, these)

    def block(number: Int[Array, ""], carry: tuple[State, Totals]) -> tuple[State, Totals]:
        state, sums = carry
        first = number * _BLOCK
        last = jnp.minimum(first + _BLOCK, warmup + periods)
        state, these = jax.lax.fori_loop(first, last, period, (state, nothing))
        return state, jax.tree.map(jnp.add, sums, these)

    blocks = (warmup + periods + _BLOCK - 1) // _BLOCK
    return jax.lax.fori_loop(0, blocks, block, (initial_state(market), nothing))[1]


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
