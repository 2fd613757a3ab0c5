"""Random small markets of every kind, and random feasible decisions in them.

The kinds are chosen so that every rule of the market meets every other one in at least one of them; all markets of
a kind share one compiled program.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from intandem.market import Decision, Market, State, build_market
from intandem.market.supply import nearest_feasible_order
from sets import slow_but

PRODUCTS, ROWS = 4, 7


@dataclass(frozen=True)
class Kind:
    layout: str = "dense"
    choice: str = "independent"
    substitution: bool = False
    exposure: str = "intensity"
    unmet: str = "lost"
    people: bool = False
    visits: bool = False
    season: bool = False
    habit: bool = False
    persistence: float = 0.0
    observed: bool = True
    longest_lead_time: int = 2
    slots: int = 1
    units: bool = False
    categories: bool = False


KINDS = [
    Kind(longest_lead_time=0),
    Kind("sparse", people=True, visits=True, season=True, persistence=0.8, longest_lead_time=5),
    Kind("ragged", habit=True, visits=True, exposure="slate", slots=2, unmet="backordered", longest_lead_time=1),
    Kind("ragged", "multinomial", people=True, observed=False, persistence=0.5, season=True, longest_lead_time=3),
    Kind("dense", "multinomial", True, "slate", "backordered", visits=True, habit=True, longest_lead_time=4),
    Kind("sparse", "multinomial", True, people=True, visits=True, habit=True, slots=2, longest_lead_time=0),
    Kind("dense", people=True, habit=True, unmet="backordered", observed=False, season=True, longest_lead_time=5),
    Kind("ragged", people=True, visits=True, habit=True, longest_lead_time=2, units=True),
    Kind("dense", "multinomial", True, unmet="backordered", persistence=0.5, longest_lead_time=1, units=True),
    Kind("ragged", "multinomial", exposure="slate", visits=True, habit=True, slots=2, categories=True),
    Kind("dense", "multinomial", True, people=True, unmet="backordered", units=True, categories=True),
]
KIND_NAMES = [
    f"{kind.layout}-{kind.choice}-{kind.exposure}-{kind.unmet}-{kind.longest_lead_time}"
    + "-units" * kind.units
    + "-categories" * kind.categories
    for kind in KINDS
]


# Between them these five meet every rule of the market; the others meet the rules in other company.
EVERY_RUN = [KIND_NAMES[number] for number in (0, 2, 3, 5, 10)]
CASES = slow_but(EVERY_RUN, KINDS, KIND_NAMES)


def random_market(kind: Kind, seed: int) -> Market:
    """A market of the given kind: costs, utilities, lead times, limits and stocks drawn from the seed."""
    rng = np.random.default_rng(seed)
    width = PRODUCTS if kind.layout == "dense" else PRODUCTS - 1
    candidates = None
    if kind.layout != "dense":
        candidates = np.stack([np.sort(rng.permutation(PRODUCTS)[:width]) for _ in range(ROWS)])
    if kind.layout == "ragged":
        candidates[rng.random(candidates.shape) < 0.3] = PRODUCTS
        candidates[0, 0] = PRODUCTS
    lead_time = rng.integers(0, kind.longest_lead_time + 1, PRODUCTS)
    lead_time[rng.integers(PRODUCTS)] = kind.longest_lead_time
    price = rng.uniform(1, 10, PRODUCTS)
    scale = (9 if kind.people else 1) * (4 if kind.units else 1)
    products = {
        "price": price,
        "unit_cost": price * rng.uniform(0.3, 0.9, PRODUCTS),
        "regular_price": price * rng.uniform(0.8, 1.3, PRODUCTS),
        "elasticity": rng.uniform(0.5, 2, PRODUCTS),
        "lead_time": lead_time,
        "min_order": rng.integers(0, 4, PRODUCTS),
        "order_multiple": rng.integers(1, 4, PRODUCTS),
        "max_order": np.where(rng.random(PRODUCTS) < 0.5, rng.integers(1, 12, PRODUCTS), np.inf),
        "initial_stock": rng.integers(0, 4 * scale, PRODUCTS),
        "habit": rng.choice([-0.5, 0.5], PRODUCTS) if kind.habit else np.zeros(PRODUCTS),
    }
    if kind.units:
        products["units_per_purchase"] = rng.choice([1.0, 1.4, 6.0, 30.0], PRODUCTS)
    if kind.categories:
        products |= {"category": ["a", "b", "a", None], "choice": [None, None, None, "independent"]}
    # Every product can be ordered: a cap below the smallest order is no market.
    smallest = np.maximum(np.ceil(products["min_order"] / products["order_multiple"]), 1) * products["order_multiple"]
    products["max_order"] = np.maximum(products["max_order"], smallest)
    for cost in ("holding_cost", "lost_sale_cost", "backorder_cost", "fixed_order_cost", "exposure_cost"):
        products[cost] = rng.uniform(0.01, 1, PRODUCTS)
    population = rng.integers(1, 12, ROWS)
    population[0] = 12
    return build_market(
        products,
        rng.normal(-0.5, 1.5, (ROWS, width)),
        rng.normal(1, 1, (ROWS, width)),
        candidates=candidates,
        population=population if kind.people else None,
        visit_probability=rng.uniform(0.1, 1, ROWS) if kind.visits else None,
        season=rng.normal(0, 1, (3, PRODUCTS)) if kind.season else None,
        persistence=kind.persistence,
        carry_over=1.0,
        choice=kind.choice,
        substitution=kind.substitution,
        exposure=kind.exposure,
        exposure_slots=kind.slots,
        unmet_demand=kind.unmet,
        observed=kind.observed,
    )


def random_decision(market: Market, state: State, key: Key[Array, ""]) -> Decision:
    """Feasible orders, often none and often large; exposures that use the slots in full or in part."""
    del state
    order_key, spread_key, exposure_key = jax.random.split(key, 3)
    proposal = 12 * jax.random.uniform(order_key, (market.products,)) ** 2
    valid = market.pairs.valid()
    score = jnp.where(valid, jax.random.uniform(exposure_key, valid.shape, minval=0.01), 0.0)
    return Decision(nearest_feasible_order(market, proposal), _exposure(market, score, jax.random.uniform(spread_key)))


def _exposure(market: Market, score: Float[Array, "rows width"], used: Float[Array, ""]) -> Float[Array, "rows width"]:
    if market.exposure == "slate":
        place = jnp.argsort(jnp.argsort(-score, 1), 1)
        return jnp.where((place < market.exposure_slots) & (score > 0.2), 1.0, 0.0)
    share = score / jnp.maximum(score.sum(1, keepdims=True), 1e-6)
    return jnp.minimum(used * market.exposure_slots * share, 1.0)
