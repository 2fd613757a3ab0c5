"""An order as arithmetic: whole units that add up to its quantity.

    base + season + present intentions + planned exposure     expected demand over lead time and review
    + safety stock + stock-blind exposure                      what a base-stock policy orders up to
    - on hand + owed - arriving                                what it is short of
    + batch + learned                                          with a fixed order cost; what was learned on top
    + nothing sent back + rounding + cap + withdrawn           what may be ordered

Planned exposure is what the policy itself recommends today, in stock or not, held over lead time and review. A
base-stock policy counts on a recommendation that does not look at stock: what that adds to the order, or takes from it,
is a part of its own, so that neither expected demand nor what is above a cap rests on showings that nobody plans.

What is called learned is the policy's proposal less the base-stock quantity: a rule learned nothing, and two policies
can be told apart by it whatever they are made of.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtri

from intandem.departments import InventoryNetwork, JointPolicy, Reference, look_ahead
from intandem.departments.department import Department
from intandem.departments.outlook import (
    Outlook,
    believed_intention,
    critical_ratio,
    economic_order_quantity,
    sells_at_a_loss,
)
from intandem.departments.rules import BaseStock, ReorderPoint
from intandem.market import Market, State
from intandem.market.demand import mean_demand, unexposed_utility
from intandem.market.supply import nearest_feasible_order, order_range
from intandem.operation.units import own_units, unit_sizes

REASONS: dict[str, str] = {
    "base": "usual demand over lead time and review",
    "season": "more or less of it at this time of the year",
    "present_intentions": "from what customers have bought and been shown lately",
    "planned_exposure": "from what the policy recommends today, in stock or not, if it goes on so",
    "safety_stock": "for demand above its mean, at the margin's service level",
    "stock_blind_exposure": "counted on by base-stock rules, as if recommendations did not look at stock",
    "sold_at_a_loss": "nothing is kept of what loses money with every sale",
    "on_hand": "on hand",
    "owed": "owed to customers",
    "arriving": "on order",
    "batch": "more at once, for the fixed order cost",
    "learned": "what the trained policy orders on top of a base-stock policy",
    "nothing_sent_back": "there is more than is needed, and nothing is sent back",
    "rounding": "to the smallest order and whole packs",
    "cap": "above the largest order",
    "withdrawn": "not in the tables any more",
}
"""What an order is made of, in the order in which it adds up, and what each part means."""


@dataclass(frozen=True)
class Parts:
    """Orders and what they are made of, in the firm's own units, per product.

    - `order`: what the policy orders. `plain`: what the plain reorder rule would order.
    - `units`: units by name of `REASONS`, whole units of the market; they add up to `order`.
    - `demand`: expected per period over the cover, with the recommendations that the policy makes today.
    """

    order: np.ndarray
    plain: np.ndarray
    units: dict[str, np.ndarray]
    demand: np.ndarray


class _Figures(eqx.Module):
    """What the arithmetic starts from."""

    outlook: Outlook
    usual: Any
    ahead: Any
    planned: Any
    safety: Any
    blind: Any
    batch: Any
    proposed: Any
    order: Any
    plain: Any


@eqx.filter_jit
def _figures(market: Market, standing: Reference, state: State, policy: JointPolicy) -> _Figures:
    department: Department[Any] = policy.inventory
    outlook = look_ahead(market, standing, state)
    positions = standing.base.shape[0]
    steps = jnp.arange(market.longest_lead_time + 1)
    counted = jnp.where(steps[:, None] <= market.lead_time, 1.0, 0.0)
    observation = department.observe(market, state)
    order = department.decide(market, observation)
    proposed = order
    if isinstance(department, InventoryNetwork):
        proposal = department.proposal(market, observation)
        proposed = jnp.where(proposal.ordering > 0, proposal.quantity, 0.0) if department.gated else proposal.quantity
    plain = plain_rule(market, standing)
    planned = jnp.maximum(outlook.cover + (market.lead_time + 1) * _added(market, state, policy.recommendation), 0.0)
    deviation = jnp.sqrt(standing.dispersion * jnp.maximum(planned, 1e-3))
    quantile = ndtri(critical_ratio(market))
    return _Figures(
        outlook,
        usual=(market.lead_time + 1) * standing.base.mean(0),
        ahead=(counted * standing.base[(state.period + steps) % positions]).sum(0),
        planned=planned,
        safety=quantile * deviation,
        blind=outlook.cover_lifted - planned + quantile * (outlook.deviation - deviation),
        batch=jnp.maximum(economic_order_quantity(market, outlook.now_lifted), 1.0),
        proposed=proposed,
        order=order,
        plain=plain.decide(market, plain.observe(market, state)),
    )


def _added(market: Market, state: State, recommendation: Department[Any]) -> Any:
    """Units per product and period that today's exposures add to demand, or take from it where products compete."""
    exposure = recommendation.decide(market, recommendation.observe(market, state))
    unexposed = unexposed_utility(market, believed_intention(market, state), state.period)
    return mean_demand(market, unexposed, exposure) - mean_demand(market, unexposed, jnp.zeros_like(exposure))


def plain_rule(market: Market, standing: Reference) -> Department[Any]:
    """The textbook's reorder rule: base-stock at the newsvendor level, (s, S) where orders have a fixed cost."""
    computed, nothing, all_of_it = jnp.full(market.products, jnp.nan), jnp.zeros(()), jnp.ones(())
    if market.traits.fixed_costs:
        return ReorderPoint(standing, computed, computed, nothing, all_of_it)
    return BaseStock(standing, computed, nothing, all_of_it, jnp.full(market.products, jnp.inf))


def parts_of(market: Market, standing: Reference, state: State, policy: JointPolicy, withdrawn: np.ndarray) -> Parts:
    """Orders with their arithmetic.

    **Arguments:** `policy`: who orders and recommends. `withdrawn`: products of which nothing is ordered, whatever it
    says.
    """
    found = _figures(market, standing, state, policy)
    figures = _Figures(found.outlook, *(np.asarray(one, float) for one in list(vars(found).values())[1:]))
    outlook = {name: np.asarray(value, float) for name, value in vars(figures.outlook).items()}
    parts = {
        "base": figures.usual,
        "season": figures.ahead - figures.usual,
        "present_intentions": outlook["cover"] - figures.ahead,
        "planned_exposure": figures.planned - outlook["cover"],
        "safety_stock": figures.safety,
    }
    level = sum(parts.values())
    lost = np.asarray(sells_at_a_loss(market))
    parts["sold_at_a_loss"] = np.where(lost, -level, 0.0)
    parts["stock_blind_exposure"] = np.where(lost, 0.0, figures.blind)
    parts["on_hand"] = -np.asarray(state.on_hand, float)
    parts["owed"] = np.asarray(state.backlog, float)
    parts["arriving"] = -np.asarray(state.pipeline, float).sum(0)
    short = np.sum(list(parts.values()), axis=0)
    parts["batch"] = np.where(market.traits.fixed_costs & (short >= 0), figures.batch, 0.0)
    wanted = short + parts["batch"]
    parts["learned"] = _learned(market, policy.inventory, figures, wanted)
    wanted = wanted + parts["learned"]
    blind = _counted_on(parts["stock_blind_exposure"], wanted, np.asarray(order_range(market)[1], float))
    wanted = wanted - parts["stock_blind_exposure"] + blind
    parts["stock_blind_exposure"] = blind
    parts["nothing_sent_back"] = np.maximum(-wanted, 0.0)
    wanted = np.maximum(wanted, 0.0)
    uncapped = eqx.tree_at(lambda one: one.max_order, market, jnp.full(market.products, jnp.inf))
    rounded = np.asarray(nearest_feasible_order(uncapped, jnp.asarray(wanted, jnp.float32)), float)
    parts["cap"] = np.where(np.isfinite(np.asarray(market.max_order)), np.minimum(figures.order - rounded, 0.0), 0.0)
    parts["rounding"] = figures.order - wanted - parts["cap"]
    parts["withdrawn"] = np.where(withdrawn, -figures.order, 0.0)
    order = np.where(withdrawn, 0.0, figures.order)
    units = _whole({name: parts[name] for name in REASONS})
    size = unit_sizes(market)
    return Parts(
        own_units(order, size),
        own_units(figures.plain, size),
        {name: own_units(part, size) for name, part in units.items()},
        figures.planned / (np.asarray(market.lead_time) + 1.0) * size,
    )


def _counted_on(blind: np.ndarray, wanted: np.ndarray, largest: np.ndarray) -> np.ndarray:
    """Of what is counted on stock-blind recommendations, what the order needs to be what it is: no more than brings it
    up to the largest order, or down to nothing.

    **Arguments:** `wanted`: units with all of `blind` counted. **Returns** units per product.
    """
    without = wanted - blind
    capped, nothing = wanted >= largest, wanted <= 0
    return np.where(capped, np.maximum(largest - without, 0.0), np.where(nothing, np.minimum(-without, 0.0), blind))


def _learned(market: Market, department: Department[Any], figures: _Figures, wanted: np.ndarray) -> np.ndarray:
    """The proposal less the base-stock quantity; nothing where both are cut to the same limit."""
    if not isinstance(department, InventoryNetwork):
        return np.where(figures.order == figures.plain, 0.0, figures.order - wanted)
    largest = np.asarray(order_range(market)[1], float)
    neither = (figures.proposed <= 0) & (wanted <= 0)
    both = (figures.proposed >= largest) & (wanted >= largest)
    return np.where(neither | both, 0.0, figures.proposed - wanted)


def _whole(parts: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Whole numbers whose sum is the whole sum: each running total is rounded, and a part is the step between two.

    What is whole already stays as it is, and no part moves by as much as a unit.
    """
    totals = np.cumsum(np.stack(list(parts.values())), axis=0)
    # A hair above one half, so that a running total that was meant to be one half goes one way.
    steps = np.diff(np.floor(totals + 0.5 + 1e-6), axis=0, prepend=0.0)
    return dict(zip(parts, steps, strict=True))
