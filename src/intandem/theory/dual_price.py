"""The tables of the dual-price rule: each product's own dynamic program at the price that exposure has.

With exposure at a price `lambda_i` per exposure of row `i`, products are independent but for what rows choose. Seen
from one product, exposure buys mean demand: at worth `w` of a unit of demand, row `i` gives the exposure that
maximises `w x added demand - lambda_i x exposure`, and every `w` gives a mean demand and its cost. The program chooses
among a dozen such means in every state of the product's stock. Exposures that carry over count with their lasting
effect, as if the mean were reached at once. What it finds is no bound: it is what the rule acts on.
"""

from __future__ import annotations

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key
from scipy import stats
from scipy.special import ndtri

from intandem.departments import JointPolicy
from intandem.departments.dual_price import DualPriceExposure, DualPriceOrders, StockTables
from intandem.departments.outlook import Reference, critical_ratio, look_ahead, reference, sells_at_a_loss
from intandem.errors import InputError
from intandem.market import (
    Decision,
    Market,
    Outcome,
    State,
    base_demand,
    expected_demand,
    initial_state,
    rollout,
)
from intandem.market.supply import order_range
from intandem.theory.bounds.gather import fluid_bound
from intandem.theory.exposure_curves import (
    MEANS,
    ExposureCurve,
    Usual,
    exposure_curves,
    fading,
    lasting,
    lasting_chance,
    rivals_total,
)
from intandem.theory.intertemporal.dynamic_program import action_values, solve_program
from intandem.theory.intertemporal.grid import StockGrid, exposure_tables, places
from intandem.theory.intertemporal.layout import Layout, Program
from intandem.theory.intertemporal.transitions import leftover, single_product

POINTS = 49
"""Points of a product's stock grid."""

ORDERS, FEWER_ORDERS = 17, 9
"""Order sizes on the grid, 0 among them; fewer where the tables know two orders under way."""

ROUNDS = 2
"""Times that the tables are made again around what their policy met."""

RUNS, WARMUP, PERIODS = 8, 60, 208
"""Of the play between rounds."""

PLAY_SEED = 880_000
"""Seed of that play, apart from those that policies are judged, tuned and trained on."""

MOST_CHOICES = 400
"""Exposure tables that are listed and compared one by one; beyond, exposure is shared out in rounds."""


def dual_price_policy(
    market: Market,
    slot_price: np.ndarray | None = None,
    standing_worth: np.ndarray | None = None,
    *,
    rounds: int = ROUNDS,
) -> JointPolicy:
    """The policy that acts on dual prices: near the optimum, though nothing is proved of it.

    The tables need to know what demand is usual. At first that comes from the prices; then the policy is played, on
    random numbers of its own, and its tables are made again around what it met. The best of all rounds is returned.

    **Arguments:** `slot_price`: money per exposure and period of each row, `rows`. `standing_worth`: money per
    unit of demand on average, `products`. What is not given is a dual of the fluid bound. `rounds`: times that the
    tables are made again; with 0 the policy is not played.

    **Raises:** `InputError` for prices that are not those of this market; `RunError` if the fluid bound or a table
    cannot be computed.

    Within 2% of the optimum of 42.32057 that an independent solver found:

    ```python
    >>> from intandem.evaluation.simulation import simulate
    >>> from intandem.market import example_market
    >>> market = example_market("two-products-capped")
    >>> played = simulate(market, dual_price_policy(market, rounds=0), periods=500, runs=8)
    >>> 0.98 * 42.32057 < played.profit < 42.32057 + 4 * played.profit_se
    True

    ```
    """
    if slot_price is None or standing_worth is None:
        fluid = fluid_bound(market)
        slot_price, standing_worth = fluid.slot_price, fluid.demand_value
    if slot_price.shape != (market.rows,) or standing_worth.shape != (market.products,):
        raise InputError("dual prices", "are those of another market", "compute them for this one")
    tabled = exposure_tables(market, MOST_CHOICES)
    choices = None if tabled is None else jnp.asarray(tabled, jnp.float32)
    # Without names and settings, markets of one shape share one compiled program.
    market = replace(market, name="", solve=None)
    standing = reference(market)

    def policy_around(usual: Usual | None) -> JointPolicy:
        tables = _stock_tables(market, slot_price, standing_worth, usual)
        recommendation = DualPriceExposure(tables, choices)
        return JointPolicy(DualPriceOrders(standing, recommendation), recommendation)

    best = policy = policy_around(None)
    if rounds == 0:
        return best
    most, usual = _play(market, standing, policy)
    for _ in range(rounds):
        policy = policy_around(usual)
        profit, usual = _play(market, standing, policy)
        if profit > most:
            best, most = policy, profit
    return best


def _play(market: Market, standing: Reference, policy: JointPolicy) -> tuple[float, Usual]:
    """Average profit per period of a policy, and what it usually meets."""
    keys = jax.vmap(jax.random.fold_in, (None, 0))(jax.random.key(PLAY_SEED), jnp.arange(RUNS))
    profit, mean, later = (np.asarray(one, float) for one in _played(market, standing, policy, keys))
    mean, later = mean.reshape(-1, market.products), later.reshape(-1, market.products)
    least, largest = np.quantile(mean, (0.05, 0.95), axis=0)
    return float(profit.mean()), Usual(mean.mean(0), least, largest, later.mean(0))


@eqx.filter_jit
def _played(
    market: Market, standing: Reference, policy: JointPolicy, keys: Key[Array, " runs"]
) -> tuple[Float[Array, "runs periods"], Float[Array, "runs periods products"], Float[Array, "runs periods products"]]:
    def record(before: State, decision: Decision, after: State, outcome: Outcome) -> tuple[Array, Array, Array]:
        del after
        asked = expected_demand(market, before.intention, decision.exposure, before.period)
        outlook = look_ahead(market, standing, before)
        return outcome.profit, asked, outlook.cover - outlook.now

    def run(key: Key[Array, ""]) -> tuple[Array, Array, Array]:
        whole = rollout(market, initial_state(market), policy, WARMUP + PERIODS, key, record)[1]
        return jax.tree.map(lambda kept: kept[WARMUP:], whole)

    return jax.lax.map(run, keys)


def _stock_tables(
    market: Market, slot_price: np.ndarray, standing_worth: np.ndarray, usual: Usual | None = None
) -> StockTables:
    """Solves every product at the price of a slot; arguments as in `dual_price_policy`."""
    curves = exposure_curves(market, slot_price, standing_worth, usual)
    depth = min(max(market.longest_lead_time - 1, 0), 2)
    displaced = _displaced_margin(market)
    parts = [_product_tables(market, j, curve, depth, float(displaced[j])) for j, curve in enumerate(curves)]
    later = _usually_later(market, curves) if usual is None else usual.later
    single = {name: jnp.asarray(np.stack([part[name] for part in parts]), jnp.float32) for name in parts[0]}
    known = {"later": jnp.asarray(later, jnp.float32), "standing_worth": jnp.asarray(standing_worth, jnp.float32)}
    return StockTables(**single, **known, depth=depth)


def _product_tables(
    market: Market, product: int, curve: ExposureCurve, depth: int, displaced: float
) -> dict[str, np.ndarray]:
    lead = int(market.lead_time[product])
    known = min(lead, 3)
    count = ORDERS if depth < 2 else FEWER_ORDERS
    stock, lot, sizes = _product_grid(market, product, curve, known, count)
    layout, program = _product_program(market, product, curve, stock, lot, sizes, displaced)
    values = solve_program(layout, program, tolerance=1e-5).values
    every = action_values(layout, program, values[0])
    free = every + curve.cost.reshape([-1] + [1] * (every.ndim - 1))
    worth = np.moveaxis(free.max(-1), 0, -1)
    order = sizes[np.moveaxis(every.argmax(-1), 0, -1)]
    # A product with a shorter lead time does not look at orders that arrive later.
    for _ in range(depth - max(known - 1, 0)):
        worth, order = (np.repeat(table[..., None, :], count, -2) for table in (worth, order))
    means = worth.shape[-1]
    worth, order = (table.reshape(POINTS, -1, means) for table in (worth, order))
    level, largest = (np.nan, np.nan) if known == lead else _level(market, product, curve)
    return {
        "lot": np.array(lot),
        "low": np.array(stock.low * lot),
        "sizes": sizes,
        "worth": np.repeat(worth - worth.mean(), MEANS // means, -1),
        "mean_low": np.array(curve.mean[0]),
        "mean_step": np.array(curve.mean[1] - curve.mean[0] if means > 1 else 1.0),
        "order": np.repeat(order, MEANS // means, -1),
        "level": np.array(level),
        "largest": np.array(largest),
    }


def _displaced_margin(market: Market) -> np.ndarray:
    """What a sale takes from the products it competes with, money per unit: where customers substitute, those who find
    a product gone choose among what is left. Exposure is taken to be shared evenly. Shape `products`."""
    if not market.substitution:
        return np.zeros(market.products)
    at = np.maximum(places(market), 0)
    chance = lasting_chance(market, min(1.0, market.exposure_slots / market.pairs.width))
    per_purchase = market.units_per_purchase * (market.price - market.unit_cost)
    margin = np.where(chance > 0, np.asarray(per_purchase, float)[at], 0.0)
    earned = chance * margin
    elsewhere = (rivals_total(market, earned) - earned) / np.maximum(1 - chance, 1e-9)
    weight = np.asarray(market.population * market.visit_probability, float)[:, None] * chance
    lost, bought = np.zeros(market.products), np.zeros(market.products)
    np.add.at(lost, at, weight * elsewhere)
    np.add.at(bought, at, weight)
    return lost / np.maximum(bought, 1e-9) / np.asarray(market.units_per_purchase, float)


def _product_grid(
    market: Market, product: int, curve: ExposureCurve, lead: int, count: int
) -> tuple[StockGrid, float, np.ndarray]:
    """Stock in lots, with room for what may be on the shelf, and order sizes in units, on the lots."""
    mean, spread = curve.mean[-1], np.sqrt(max(curve.variance.max(), curve.mean[-1] * 0.1))
    typical = max(curve.mean[0], 0.5 * mean)
    holding = max(float(market.holding_cost[product]), 1e-2 * max(float(market.unit_cost[product]), 1e-2))
    batch = np.sqrt(2 * float(market.fixed_order_cost[product]) * typical / holding)
    multiple = float(market.order_multiple[product])
    smallest, largest = (float(limit[product]) for limit in order_range(market))
    largest = min(largest, max(np.ceil((1.3 * mean + 2 * spread + 1) / multiple) * multiple, 2 * batch, smallest))
    needed = min(mean, 2 * largest) * (lead + 1) + 3 * spread * np.sqrt(lead + 1) + 2 + min(batch, largest)
    owed = 0.35 if market.unmet_demand == "backordered" else 0.0
    lot = max(1.0, np.ceil(needed / ((1 - owed) * (POINTS - 1))))
    if lot > 1:
        # Lots of which the largest order is a whole number, so that a full order is exact.
        lot = largest / np.ceil(largest / lot) if largest > lot else lot
    low = -int(owed * (POINTS - 1))
    steps = np.unique(np.round(np.linspace(0, largest / lot, count)))
    sizes = steps * lot
    sizes = sizes[(sizes == 0) | ((sizes >= smallest - 1e-9) & (sizes <= largest + 1e-9))]
    sizes = np.concatenate([sizes, np.full(count - len(sizes), sizes[-1])])
    return StockGrid(low, low + POINTS - 1, tuple(range(count)), lead), float(lot), sizes


def _product_program(
    market: Market,
    product: int,
    curve: ExposureCurve,
    stock: StockGrid,
    lot: float,
    sizes: np.ndarray,
    displaced: float,
) -> tuple[Layout, Program]:
    price, holding = float(market.price[product]) - displaced, float(market.holding_cost[product])
    lost_cost, owed_cost = float(market.lost_sale_cost[product]), float(market.backorder_cost[product])
    takes = leftover(stock)
    kernels, rewards = [], []
    for mean, variance, cost in zip(curve.mean, curve.variance, curve.cost, strict=True):
        kernel = np.einsum("d,yde->ye", _in_lots(mean, variance, lot, stock.size), takes)
        left, owed = kernel @ np.maximum(stock.levels, 0) * lot, kernel @ np.maximum(-stock.levels, 0) * lot
        taken = stock.levels * lot - (left - owed)
        money = price * taken - holding * left - owed_cost * owed - cost
        if market.unmet_demand == "lost":
            money = money - lost_cost * np.maximum(mean - taken, 0.0)
        kernels.append(kernel)
        rewards.append(money)
    joined = np.minimum(stock.levels[:, None] + sizes / lot, stock.high)
    nearest = np.round(joined).astype(int) - stock.low
    paid = float(market.unit_cost[product]) * sizes + float(market.fixed_order_cost[product]) * (sizes > 0)
    return single_product(
        stock, np.stack(kernels), np.stack(rewards), paid, discount=float(market.discount), arrival=nearest
    )


def _in_lots(mean: float, variance: float, lot: float, size: int) -> np.ndarray:
    """Chances of demand in lots, with the given mean: a binomial of that mean and variance, cut into lots; a negative
    binomial where purchases of several units make the variance larger than the mean."""
    most = int(lot * size)
    units = np.arange(most + 1)
    persons = max(round(mean * mean / max(mean - variance, 1e-9 * max(mean, 1e-9))), int(np.ceil(mean)), 1)
    if variance > (1 + 1e-6) * mean:
        chances = stats.nbinom.pmf(units, mean * mean / (variance - mean), mean / variance)
    elif persons > 1e6:
        chances = stats.poisson.pmf(units, mean)
    else:
        chances = stats.binom.pmf(units, persons, min(mean / persons, 1.0))
    found = np.zeros(size + 1)
    below = np.minimum((units // lot).astype(int), size)
    way = units / lot - units // lot
    np.add.at(found, below, chances * (1 - way))
    np.add.at(found, np.minimum(below + 1, size), chances * way)
    found[size - 1] = max(1 - found[: size - 1].sum(), 0.0)
    return found[:size]


def _usually_later(market: Market, curves: list[ExposureCurve]) -> np.ndarray:
    """Units usually expected in the periods of the lead time after this one, before exposures to come, as `look_ahead`
    expects them: from intentions that stand at their usual height and fade. Shape `products`."""
    base = np.asarray(base_demand(market), float)
    built_up = (np.array([curve.usual for curve in curves]) - base) * (1 - 1 / lasting(market))
    ahead = np.arange(1, market.longest_lead_time + 1)[:, None]
    counted = ahead <= np.asarray(market.lead_time)
    return (counted * (base + built_up * fading(market) ** ahead)).sum(0)


def _level(market: Market, product: int, curve: ExposureCurve) -> tuple[float, float]:
    """Order-up-to level and largest order where the lead time is too long for tables: newsvendor over lead time + 1."""
    if bool(sells_at_a_loss(market)[product]):
        return 0.0, 0.0
    cover = int(market.lead_time[product]) + 1
    variance = np.interp(curve.usual, curve.mean, curve.variance)
    safety = float(ndtri(critical_ratio(market)[product])) * np.sqrt(variance * cover)
    return float(cover * curve.usual + safety), float(np.ceil(1.5 * curve.usual))
