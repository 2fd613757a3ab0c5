"""Exact long-run averages of a solved regime, and what its gain over another regime is made of.

The averages are those of the policy's chain of states (`theory.stationary`), without any noise of simulation.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from jaxtyping import Float

from intandem.theory.intertemporal import Regime, Solution
from intandem.theory.intertemporal.chain import chain_of


@dataclass(frozen=True)
class Averages:
    """Per product and period: units asked for, sold, ordered; orders placed; units left at the end of a period."""

    demand: Float[np.ndarray, " products"]
    sales: Float[np.ndarray, " products"]
    ordered: Float[np.ndarray, " products"]
    order_lines: Float[np.ndarray, " products"]
    end_stock: Float[np.ndarray, " products"]

    @property
    def lost_share(self) -> float:
        """Share of demand that is lost."""
        asked = float(self.demand.sum())
        return 1 - float(self.sales.sum()) / asked if asked > 0 else 0.0


@dataclass(frozen=True)
class Parts:
    """What a gain in profit per period is made of, money; the parts add up to it.

    - `more_units`: units sold, at the other regime's average margin. `better_mix`: units of higher margin among them.
    - `fewer_lost_sales`: the cost of disappointing customers. `fewer_orders`: fixed costs of ordering.
    - `less_stock`: holding, and units bought that found no room.
    """

    more_units: float
    better_mix: float
    fewer_lost_sales: float
    less_stock: float
    fewer_orders: float

    @property
    def total(self) -> float:
        """The gain."""
        return sum(asdict(self).values())


def averages(solution: Solution, regime: Regime) -> Averages:
    """The exact long-run averages of a solved regime (lost sales), from the market's initial state on.

    **Raises:** `InputError` for too many moves from state to state.
    """
    chain = chain_of(solution, solution.regimes[regime].policy)
    return Averages(
        demand=chain.average(chain.demand),
        sales=chain.average(chain.demand - chain.lost),
        ordered=chain.average(chain.orders),
        order_lines=chain.average(chain.orders > 0),
        end_stock=chain.average(chain.end_stock),
    )


def profit_of(solution: Solution, found: Averages) -> float:
    """The profit per period that averages amount to (no exposure cost): what the solver must have found."""
    money = {name: np.asarray(getattr(solution.market, name), float) for name in _MONEY}
    return float(
        money["price"] @ found.sales
        - money["unit_cost"] @ found.ordered
        - money["holding_cost"] @ found.end_stock
        - money["lost_sale_cost"] @ (found.demand - found.sales)
        - money["fixed_order_cost"] @ found.order_lines
    )


def parts_of_gain(solution: Solution, joint: Averages, other: Averages) -> Parts:
    """What the joint optimum's profit over another regime's is made of."""
    money = {name: np.asarray(getattr(solution.market, name), float) for name in _MONEY}
    margin = money["price"] - money["unit_cost"]
    more = joint.sales - other.sales
    sold = float(other.sales.sum())
    usual = float(margin @ other.sales) / sold if sold > 0 else float(margin.mean())
    lost = (joint.demand - joint.sales) - (other.demand - other.sales)
    wasted = (joint.ordered - joint.sales) - (other.ordered - other.sales)
    volume = usual * float(more.sum())
    return Parts(
        more_units=volume,
        better_mix=float(margin @ more) - volume,
        fewer_lost_sales=-float(money["lost_sale_cost"] @ lost),
        less_stock=-float(money["holding_cost"] @ (joint.end_stock - other.end_stock) + money["unit_cost"] @ wasted),
        fewer_orders=-float(money["fixed_order_cost"] @ (joint.order_lines - other.order_lines)),
    )


_MONEY = ("price", "unit_cost", "holding_cost", "lost_sale_cost", "fixed_order_cost")
