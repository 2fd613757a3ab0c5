"""Random markets inside and outside the assumptions of each statement, for `insights.py`.

A case is a statement, the assumption that is dropped (none: inside), and how to draw a market. All markets of a case
share their shapes, and so one compiled program. `size` counts people: smaller markets have less stock and orders, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import jax.numpy as jnp
import numpy as np

from intandem.market import Market
from intandem.theory.random_markets import Kind, random_market

Draw = Callable[[int, int], Market]


@dataclass(frozen=True)
class Case:
    """`check`: a name of `CHECKS`. `dropped`: what is not assumed, `None` inside. `draw`: a market by seed and size.
    `besides`: what the markets have in addition, of which the statement says nothing."""

    statement: str
    check: str
    dropped: str | None
    draw: Draw
    sizes: tuple[int, ...] = (2, 3, 4, 5)
    proved: bool = False
    besides: str | None = None


def drawn(
    seed: int, size: int, *, kind: Kind, **changes: Callable[[np.random.Generator, Market], np.ndarray]
) -> Market:
    """A market of a kind scaled to a size, some of its arrays drawn again.

    **Arguments:** `changes`: by field of `Market`.
    """
    sized = replace(kind, people=size, stock_cap=max(2, kind.stock_cap * size // kind.people))
    market = random_market(sized, seed)
    rng = np.random.default_rng([seed, size, 5])
    fields = {name: jnp.asarray(np.asarray(draw(rng, market), np.float32)) for name, draw in changes.items()}
    if "lead_time" in fields:
        fields["lead_time"] = fields["lead_time"].astype(jnp.int32)
    return replace(market, **fields)


def uniform(low: float, high: float) -> Callable[[np.random.Generator, Market], np.ndarray]:
    """Drawn per product."""
    return lambda rng, market: rng.uniform(low, high, market.products)


def one_number(low: float, high: float) -> Callable[[np.random.Generator, Market], np.ndarray]:
    """Drawn once."""
    return lambda rng, market: rng.uniform(low, high)


def by_pair(low: float, high: float) -> Callable[[np.random.Generator, Market], np.ndarray]:
    """Drawn per pair."""
    return lambda rng, market: rng.uniform(low, high, market.base_utility.shape)


def fill(value: float) -> Callable[[np.random.Generator, Market], np.ndarray]:
    """The same for every product."""
    return lambda rng, market: np.full(market.products, value)


def mixed(*draws: Draw) -> Draw:
    """One of several draws after another."""
    return lambda seed, size: draws[seed % len(draws)](seed // len(draws), size)


LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0)
COARSE = (0.0, 0.5, 1.0)

# T1: exposures fixed at one half.
CARRIED = Kind(
    products=1,
    people=5,
    lead_time=0,
    persistence=0.7,
    carry_over=1.0,
    stock_cap=9,
    max_order=4,
    points=9,
    levels=(0.5,),
)
t1 = partial(drawn, persistence=one_number(0.2, 0.9), carry_over=one_number(0.3, 3.0))
LOYAL = replace(CARRIED, habit=0.5)
# Where supply is short and lost sales are dear, a loyal customer can cost more than he brings.
dear_loyalty = partial(t1, kind=replace(LOYAL, max_order=1), habit=uniform(1.0, 6.0), lost_sale_cost=uniform(3.0, 15.0))
CARRIED_PAIR = replace(
    CARRIED, products=2, people=3, stock_cap=4, max_order=3, points=5, levels=COARSE, exposure_cost=1.0
)

# T2, T3, T4: supply short enough that stock matters; now and then it pays not to sell.
PROMOTED = Kind(products=1, people=6, lead_time=1, stock_cap=9, max_order=3, levels=LEVELS, exposure_cost=1.0)
t2 = partial(drawn, exposure_cost=uniform(0.0, 1.2), lost_sale_cost=uniform(0.0, 6.0))
t2_carried = partial(t2, persistence=one_number(0.2, 0.9), carry_over=one_number(0.3, 3.0))
PAIR = Kind(products=2, people=5, lead_time=1, stock_cap=8, max_order=2, levels=LEVELS)
short = partial(drawn, base_utility=by_pair(-1.5, 0.5), exposure_effect=by_pair(0.5, 3.0))

# One period.
ROW = Kind(products=2, people=5, lead_time=0, stock_cap=8, max_order=0, levels=LEVELS, exposure_cost=1.0)
CROWD = replace(ROW, people=20)
period = partial(drawn, base_utility=by_pair(-3.5, 0.5), exposure_effect=by_pair(0.5, 4.0), initial_stock=fill(0.0))
free = partial(
    drawn,
    holding_cost=uniform(0.1, 2.0),
    lost_sale_cost=uniform(0.0, 2.0),
    base_utility=by_pair(-2.5, 0.5),
    exposure_effect=by_pair(0.5, 3.0),
    initial_stock=fill(0.0),
)
shared = partial(free, base_utility=by_pair(0.0, 1.5), exposure_effect=by_pair(1.0, 3.0))
NO_HOLDING = {"holding_cost": fill(0.0)}
CHOICE = {"choice": "multinomial"}


def with_orders(check: str) -> str:
    """The check of C2 in which orders can be placed on top of the stock."""
    return f"{check}-with-orders"


def cases() -> dict[str, Case]:
    """Every case by name."""
    found = [
        Case(
            "T1",
            "T1",
            None,
            mixed(partial(t1, kind=CARRIED), partial(t1, kind=replace(CARRIED, visits=True))),
            proved=True,
        ),
        Case("T1", "T1", "habit", mixed(partial(t1, kind=LOYAL, habit=uniform(0.2, 4.0)), dear_loyalty)),
        Case("T1", "T1", "satiation", partial(t1, kind=LOYAL, habit=uniform(-8.0, -0.2))),
        Case("T1", "T1", "lead time", partial(t1, kind=replace(CARRIED, lead_time=1))),
        Case("T1", "T1", "long lead time", partial(t1, kind=replace(CARRIED, lead_time=2, max_order=3))),
        Case("T1", "T1", "fixed cost", partial(t1, kind=replace(CARRIED, fixed_cost=True, max_order=0))),
        Case("T1", "T1", "lots", partial(t1, kind=replace(CARRIED, max_order=0), order_multiple=fill(2.0))),
        Case("T1", "T1", "backorders", partial(t1, kind=replace(CARRIED, unmet="backordered"))),
        Case(
            "T1",
            "T1-jointly",
            "exposures move",
            partial(t2_carried, kind=replace(CARRIED, levels=LEVELS, exposure_cost=1.0)),
        ),
        Case("T1", "T1-jointly", "exposures move, two products", partial(t1, kind=CARRIED_PAIR), sizes=(2, 3)),
        Case(
            "T1",
            "T1-jointly-everywhere",
            "two products",
            partial(t1, kind=replace(CARRIED_PAIR, max_order=4, stock_cap=5)),
            sizes=(3,),
        ),
        Case(
            "T2",
            "T2",
            None,
            mixed(
                partial(t2, kind=replace(PROMOTED, lead_time=0)),
                partial(t2, kind=PROMOTED),
                partial(t2, kind=replace(PROMOTED, lead_time=2)),
                partial(t2_carried, kind=replace(PROMOTED, persistence=0.5, carry_over=1.0, points=9)),
                partial(t2, kind=replace(PROMOTED, unmet="backordered")),
            ),
        ),
        Case("T2", "T2", "fixed cost", partial(t2, kind=replace(PROMOTED, fixed_cost=True, max_order=0))),
        Case("T2", "T2", "lots", partial(t2, kind=replace(PROMOTED, max_order=4), order_multiple=fill(2.0))),
        Case("T2", "T2", "two products", partial(short, kind=PAIR)),
        Case("T2", "T2", "two products, fixed cost", partial(short, kind=replace(PAIR, fixed_cost=True, max_order=4))),
        Case(
            "T2",
            "T2",
            "habit",
            partial(t2, kind=replace(PROMOTED, persistence=0.6, habit=0.5, points=9), habit=uniform(0.2, 3.0)),
        ),
        Case("T2", "T2", "exposure lowers demand", partial(t2, kind=PROMOTED, exposure_effect=by_pair(-3.0, -0.3))),
        Case("T3", "T3", None, mixed(partial(short, kind=PAIR), partial(short, kind=replace(PAIR, lead_time=0)))),
        Case("T3", "T3", "fixed cost", partial(short, kind=replace(PAIR, fixed_cost=True, max_order=4))),
        Case(
            "T3",
            "T3",
            "supply never binds",
            partial(short, kind=replace(PAIR, max_order=0, people=4, stock_cap=7)),
            sizes=(2, 3, 4),
        ),
        Case("T3", "T3", "one choice among all", partial(short, kind=replace(PAIR, **CHOICE))),
        Case(
            "T4",
            "T4",
            None,
            mixed(
                partial(short, kind=replace(PAIR, max_order=4)),
                partial(short, kind=replace(PAIR, max_order=3, lead_time=2, people=4, stock_cap=7)),
                partial(t2, kind=replace(PROMOTED, lead_time=3)),
            ),
        ),
        Case("T4", "T4", None, partial(short, kind=replace(PAIR, fixed_cost=True, max_order=4)), besides="fixed cost"),
        Case(
            "C1",
            "C1",
            None,
            mixed(
                partial(period, kind=ROW),
                partial(period, kind=replace(ROW, rows=3, visits=True)),
                partial(period, kind=replace(ROW, products=3, **CHOICE)),
                partial(period, kind=replace(ROW, rows=2, exposure="slate")),
            ),
            proved=True,
        ),
        Case("C1", "C1", "exposure lowers demand", partial(period, kind=ROW, exposure_effect=by_pair(-4.0, -0.5))),
        Case(
            "C2",
            "C2",
            None,
            mixed(
                partial(period, kind=ROW),
                partial(period, kind=replace(ROW, products=3, visits=True, levels=COARSE)),
                partial(period, kind=replace(ROW, products=3, exposure="slate")),
            ),
            proved=True,
        ),
        Case(
            "C2",
            "C2-with-orders",
            None,
            mixed(partial(period, kind=ROW), partial(period, kind=replace(ROW, max_order=2))),
            proved=True,
        ),
        Case("C2", "C2", "several rows", partial(period, kind=replace(ROW, rows=2, levels=COARSE))),
        Case("C2", "C2", "one choice among all", partial(period, kind=replace(ROW, **CHOICE))),
        Case("C2", "C2-with-orders", "lots", partial(period, kind=ROW, order_multiple=fill(2.0))),
        Case("C2", "C2-with-orders", "fixed cost", partial(period, kind=replace(ROW, fixed_cost=True))),
        Case(
            "C2-cross",
            "C2-cross",
            None,
            mixed(partial(period, kind=ROW), partial(period, kind=replace(ROW, visits=True))),
            proved=True,
        ),
        Case("C2-cross", "C2-cross", "three products", partial(period, kind=replace(ROW, products=3))),
        Case("C2-cross", "C2-cross", "several rows", partial(period, kind=replace(ROW, rows=2, levels=COARSE))),
        Case("C2-cross", "C2-cross", "one choice among all", partial(period, kind=replace(ROW, **CHOICE))),
        Case("C3", "C3", None, partial(shared, kind=CROWD), sizes=(5, 10, 20), proved=True),
        Case("C3", "C3-market-noise", "additive noise", partial(shared, kind=CROWD), sizes=(5, 10, 20)),
        Case(
            "C3",
            "C3",
            "limits on orders",
            partial(free, kind=replace(CROWD, max_order=6)),
            sizes=(5, 10, 20),
        ),
        Case(
            "C4",
            "C4",
            None,
            mixed(
                partial(period, kind=replace(ROW, max_order=2)),
                partial(period, kind=replace(ROW, products=3, fixed_cost=True)),
                partial(period, kind=replace(ROW, rows=2, levels=COARSE)),
                partial(period, kind=replace(ROW, **CHOICE)),
            ),
            proved=True,
        ),
        Case("C4", "C4-over-time", None, partial(short, kind=PAIR), proved=True),
        Case(
            "C4-equality",
            "C4-equality",
            None,
            mixed(
                partial(free, kind=ROW, **NO_HOLDING), partial(free, kind=replace(ROW, rows=2, **CHOICE), **NO_HOLDING)
            ),
            proved=True,
        ),
        Case("C4-equality", "C4-equality", "additive noise", partial(free, kind=ROW)),
        Case(
            "C4-equality",
            "C4-equality",
            "limits on orders",
            partial(free, kind=replace(ROW, max_order=2), **NO_HOLDING),
        ),
        Case(
            "C4-equality", "C4-equality", "fixed cost", partial(free, kind=replace(ROW, fixed_cost=True), **NO_HOLDING)
        ),
        Case("C4-equality", "C4-equality", "lots", partial(free, kind=ROW, order_multiple=fill(2.0))),
        Case(
            "C4-equality",
            "C4-equality-over-time",
            "lead time",
            partial(free, kind=replace(ROW, lead_time=1, max_order=4, stock_cap=9), **NO_HOLDING),
        ),
    ]
    return {name_of(one): one for one in found}


def name_of(case: Case) -> str:
    """Such as `T1: habit`; inside the assumptions `T1`, or `T4: with fixed cost`."""
    if case.dropped is not None:
        return f"{case.check}: {case.dropped}"
    return case.check if case.besides is None else f"{case.check}: with {case.besides}"


def rounded(market: Market) -> Market:
    """The market with round numbers: whole prices and costs, utilities in halves, nothing on the shelf."""
    cost = jnp.maximum(jnp.round(market.unit_cost), 1.0)
    price = jnp.maximum(jnp.round(market.price), cost + 1)
    steps = {
        "holding_cost": 0.1,
        "lost_sale_cost": 1.0,
        "backorder_cost": 0.5,
        "fixed_order_cost": 1.0,
        "exposure_cost": 0.1,
        "visit_probability": 0.1,
        "base_utility": 0.5,
        "exposure_effect": 0.5,
        "persistence": 0.1,
        "carry_over": 0.5,
        "habit": 0.5,
    }
    # A tenth is not a number in single precision: rounding in double gives the float nearest to what is written.
    fields = {
        name: jnp.asarray(np.round(np.round(np.asarray(getattr(market, name), float) / step) * step, 6), jnp.float32)
        for name, step in steps.items()
    }
    if market.unmet_demand == "lost":
        fields["backorder_cost"] = jnp.zeros(market.products)
    return replace(
        market,
        **fields,
        price=price,
        regular_price=price,
        unit_cost=cost,
        salvage=cost,
        initial_stock=jnp.zeros(market.products),
    )
