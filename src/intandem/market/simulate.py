"""The only simulator: one period, and runs of periods.

Order of events (part of the model): what is due has arrived when the departments observe the state; they decide;
orders with lead time 0 arrive; visits and choices are drawn; what is owed and then new demand is served; the ledger
is booked; intentions move; the pipeline moves on and the next period's receipts arrive.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from intandem.market.demand import draw_demand, next_intention
from intandem.market.ledger import book
from intandem.market.model import HISTORY_DECAY, RECENCY_CAP, Decision, History, Market, Outcome, State
from intandem.market.supply import arrivals_at_once, fulfil, next_pipeline, served_pairs

Policy = Callable[[Market, State, Key[Array, ""]], Decision]
Record = TypeVar("Record")


def step(market: Market, state: State, decision: Decision, key: Key[Array, ""]) -> tuple[State, Outcome]:
    """Plays one period.

    Pure: the same arguments give the same result. Demand is drawn exactly; profit can be differentiated with
    respect to the decision and the state (see `intandem.market.demand` for the gradient behind the draw).

    **Arguments:**

    - `decision`: feasible by contract; values are trusted here, where everything is compiled.
    - `key`: the period's randomness.

    **Returns:** the state at the start of the next period, after its receipts, and what came of this one.

    Orders of 5 arrive a period later; the first product is shown to everybody:

    ```python
    >>> import equinox as eqx, jax, jax.numpy as jnp
    >>> from intandem.market import Decision, example_market, initial_state
    >>> market = example_market("two-products-capped")
    >>> decision = Decision(order=jnp.array([5.0, 5.0]), exposure=jnp.array([[1.0, 0.0]]))
    >>> state, outcome = eqx.filter_jit(step)(market, initial_state(market), decision, jax.random.key(0))
    >>> bool((outcome.served_new + outcome.lost == outcome.demand).all()), outcome.exposures.tolist()
    (True, [12.0, 0.0])
    >>> (state.on_hand - outcome.end_stock).tolist()
    [5.0, 5.0]

    ```
    """
    demand_key, serving_key = jax.random.split(key)
    arrived = arrivals_at_once(market, decision.order)
    free = state.on_hand + arrived - state.backlog
    demand = draw_demand(market, state, decision.exposure, free, demand_key)
    fulfilment = fulfil(market, state, arrived, demand)
    served = None
    if market.traits.habitual or state.history is not None:
        served = served_pairs(market, demand, fulfilment.served_new, serving_key)
    exposures = market.pairs.total(decision.exposure * demand.visits[:, None])
    arriving, pipeline = next_pipeline(market, state.pipeline, decision.order)
    outcome = Outcome(
        order=decision.order,
        received=arrived + arriving,
        demand=demand.total,
        sales=fulfilment.served_owed + fulfilment.served_new,
        served_new=fulfilment.served_new,
        lost=fulfilment.lost,
        end_stock=fulfilment.end_stock,
        end_backlog=fulfilment.end_backlog,
        exposures=exposures,
        ledger=book(market, decision.order, fulfilment, exposures),
    )
    following = State(
        on_hand=fulfilment.end_stock + arriving,
        backlog=fulfilment.end_backlog,
        pipeline=pipeline,
        intention=next_intention(market, state.intention, decision.exposure, demand.visits, served),
        period=state.period + 1,
        history=_next_history(market, state.history, decision, demand.visits, served),
    )
    return following, outcome


def _next_history(
    market: Market,
    history: History | None,
    decision: Decision,
    visits: Float[Array, " rows"],
    served: Float[Array, "rows width"] | None,
) -> History | None:
    if history is None or served is None:
        return None
    per_person = 1.0 / market.population[:, None]
    return History(
        recency=jnp.where(served > 0, 0.0, jnp.minimum(history.recency + 1.0, RECENCY_CAP)),
        frequency=HISTORY_DECAY * history.frequency + served * per_person,
        exposures=HISTORY_DECAY * history.exposures + decision.exposure * visits[:, None] * per_person,
    )


def whole_outcome(before: State, decision: Decision, after: State, outcome: Outcome) -> Outcome:
    """Records the outcome itself."""
    del before, decision, after
    return outcome


def rollout(
    market: Market,
    state: State,
    policy: Policy,
    periods: int,
    key: Key[Array, ""],
    record: Callable[[State, Decision, State, Outcome], Record] = whole_outcome,  # type: ignore[assignment]
) -> tuple[State, Record]:
    """Plays `periods` periods with a policy.

    **Arguments:**

    - `policy`: maps market, state and key to a decision; a `JointPolicy` of `intandem.departments` is one.
    - `record`: what to keep of a period, from the state before, the decision, the state after and the outcome.

    **Returns:** the last state, and the records stacked along a leading axis of `periods`.

    A policy of one's own that orders what was sold and shows nothing:

    ```python
    >>> import jax, jax.numpy as jnp
    >>> from intandem.market import Decision, example_market, initial_state
    >>> market = example_market("two-products-capped")
    >>> def refill(market, state, key):
    ...     missing = market.initial_stock - state.on_hand - state.pipeline.sum(0)
    ...     return Decision(jnp.clip(missing, 0, market.max_order), jnp.zeros(market.base_utility.shape))
    >>> state, outcome = rollout(market, initial_state(market), refill, 20, jax.random.key(0))
    >>> outcome.demand.shape, outcome.profit.shape
    ((20, 2), (20,))

    ```
    """

    def period(state: State, key: Key[Array, ""]) -> tuple[State, Record]:
        decision_key, step_key = jax.random.split(key)
        decision = policy(market, state, decision_key)
        following, outcome = step(market, state, decision, step_key)
        return following, record(state, decision, following, outcome)

    return jax.lax.scan(period, state, jax.random.split(key, periods))
