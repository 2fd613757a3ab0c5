"""Where training starts, and that what it hands over is never behind: starts compete, and the best that was tried wins.

With orders for the demand without exposures showing loses money, and with nothing shown ordering more does: where
exposures cost money both departments may stay in a corner that neither leaves alone. So training starts from several
places there: exposures as they are valued, exposures on with orders that expect them, and departments that were trained
apart. All are judged as they operate, on common random numbers that training does not meet.
"""

from __future__ import annotations

from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from intandem.departments import InventoryNetwork, JointPolicy, RecommendationNetwork, policy_of_rules
from intandem.departments.outlook import exposure_value, look_ahead, margin, reference, top_slots
from intandem.learning.estimators.perturbation import operate, settling
from intandem.market import Market, initial_state, nameless
from intandem.market.demand import choice_probability, unexposed_utility

JUDGING_SEED = 730_000
"""Starts are judged on random numbers from here on, and what is handed over on others from `HANDING_SEED` on."""

HANDING_SEED = 740_000

PAIR_PERIODS = 6_000_000
"""Customer-product pairs x periods that judging one policy may simulate."""

SAFETY = (-1.0, -0.5, 0.0, 0.5, 1.0)
"""Shifts of the safety factor of the rules that are tried."""

CAPS = (1.25, 1.6)
"""Largest orders of those that have one, in periods of demand when shown."""

EAGER = -1.0
"""Shadow price of a department that shows what it can, in units of what a sale is worth."""


def exposed_start(market: Market, policy: JointPolicy) -> JointPolicy:
    """An untrained policy that shows what the slots hold, whatever that costs, and orders for the demand this makes."""
    inventory, recommendation = policy.inventory, policy.recommendation
    assert isinstance(inventory, InventoryNetwork), "starts are of structured departments"
    assert isinstance(recommendation, RecommendationNetwork), "starts are of structured departments"
    state = initial_state(market)
    expected = look_ahead(market, inventory.standing, state)
    unexposed = unexposed_utility(market, jnp.zeros_like(market.base_utility), state.period)
    # What each could be worth if exposing it were free: the lift of a department that shows what it can.
    scores = exposure_value(market, unexposed, margin(market)) + market.pairs.spread(market.exposure_cost)
    everything = jnp.ones(market.products)
    shown, none = top_slots(scores, market.exposure_slots), jnp.zeros_like(scores)
    chances = [choice_probability(market, unexposed, one, everything) for one in (shown, none)]
    visitors = (market.population * market.visit_probability)[:, None]
    lift = market.pairs.total(visitors * (chances[0] - chances[1])) * market.units_per_purchase
    missing = (market.lead_time + 1.0) * (lift - inventory.standing.lift) / expected.deviation
    orders, prices = (jnp.asarray(one.network.outputs.bias) for one in (inventory, recommendation))
    ordering = orders.at[1].add(jnp.maximum(missing, 0.0).mean())
    # Graded, not all or nothing: what is shown at a temperature near zero is shown however its worth changes.
    stake = jnp.maximum(margin(market) + market.lost_sale_cost + market.backorder_cost, 0.05 * market.price)
    heat = [jnp.mean(stake * (0.05 + one / jnp.maximum(one.sum(), 1e-6))) for one in (lift, inventory.standing.lift)]
    showing = prices.at[0].set(EAGER).at[2].set(jnp.log(heat[0] / heat[1]))
    return JointPolicy(
        eqx.tree_at(lambda one: one.network.outputs.bias, inventory, ordering),
        eqx.tree_at(lambda one: one.network.outputs.bias, recommendation, showing),
    )


def may_be_trapped(market: Market) -> bool:
    """Whether exposing costs money, so that departments may agree on showing nothing."""
    return bool((market.exposure_cost > 0).any())


def rules_of(market: Market) -> dict[str, JointPolicy]:
    """Rules that nothing handed over may be behind, by their texts: order-up-to levels with more and less safety, with
    and without a largest order, beside what is shown by uplift; and two that show nothing."""
    standing = reference(market)
    demand = np.asarray(standing.base, float).mean(0) + np.asarray(standing.lift, float)
    ordering = [f"base-stock:service={one:g}" for one in SAFETY]
    for share in CAPS:
        caps = "/".join(f"{units:g}" for units in np.maximum(np.ceil(share * demand), 1.0))
        ordering += [f"capped-base-stock:cap={caps},service={one:g}" for one in SAFETY[::2]]
    if market.traits.fixed_costs:
        ordering += [f"s-S:service={one:g}" for one in SAFETY[::2]]
    pairs = [(one, "uplift:filter=in-stock") for one in ordering]
    pairs += [(one, "none") for one in ("base-stock:service=0", "base-stock:service=0.5")]
    return {f"{one} + {shown}": policy_of_rules(market, one, shown) for one, shown in pairs}


def best_of_rules(market: Market, seed: int) -> dict[str, JointPolicy]:
    """The rule among them that earns most, alone under its text."""
    rules = rules_of(market)
    earned = judged(market, rules, seed)
    best = max(earned, key=earned.__getitem__)
    return {best: rules[best]}


def judged(market: Market, policies: Mapping[str, JointPolicy], seed: int) -> dict[str, float]:
    """Profit per period of each policy as it operates, money; all meet the same random numbers.

    ```python
    >>> from intandem.market import example_market
    >>> market = example_market("costly-exposure-1")
    >>> found = judged(market, rules_of(market), seed=0)
    >>> found["base-stock:service=0 + none"] > 0
    True

    ```
    """
    positions = 1 if market.season is None else market.season.shape[0]
    periods = -(-200 // positions) * positions
    runs = int(np.clip(PAIR_PERIODS / (market.base_utility.size * (periods + settling(market))), 4, 64))
    keys = jax.random.split(jax.random.key(seed), runs)
    return {name: float(_profit(nameless(market), policy, keys, periods)) for name, policy in policies.items()}


@eqx.filter_jit
def _profit(market: Market, policy: JointPolicy, keys: Key[Array, " runs"], periods: int) -> Float[Array, ""]:
    def play(key: Key[Array, ""]) -> Float[Array, ""]:
        return operate(market, policy, key, settle=settling(market), periods=periods).profit

    return jax.vmap(play)(keys).mean()
