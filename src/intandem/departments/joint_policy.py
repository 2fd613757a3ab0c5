"""Departments put together: from a state to both decisions. Neither department sees the other's."""

from __future__ import annotations

from typing import Any

import equinox as eqx
from jaxtyping import Array, Float, Key

from intandem.departments.department import Department, PathwiseDepartment, Sample
from intandem.display import Displayed, Summary, fields_summary
from intandem.market import Decision, Market, State


class JointPolicy(Displayed, eqx.Module):
    """An inventory and a recommendation department, any two, as one policy: `rollout` takes it as it is.

    ```python
    >>> import jax
    >>> from intandem.departments import policy_of_rules
    >>> from intandem.market import family_market, initial_state
    >>> market = family_market("capped-supply", products=10, customers=20, seed=0)
    >>> policy = policy_of_rules(market, "base-stock", "uplift:filter=in-stock")
    >>> decision = policy(market, initial_state(market), jax.random.key(0))
    >>> decision.order.shape, decision.exposure.shape
    ((10,), (20, 10))

    ```
    """

    inventory: Department[Any]
    recommendation: Department[Any]

    def _summary(self) -> Summary:
        rows = [
            (name, ", ".join(" ".join(field) for field in fields_summary(one).rows))
            for name, one in (("inventory", self.inventory), ("recommendation", self.recommendation))
        ]
        inventory, recommendation = (
            getattr(one, "called", type(one).__name__) for one in (self.inventory, self.recommendation)
        )
        return Summary(f"orders by {inventory}, exposure by {recommendation}", rows)

    def __call__(self, market: Market, state: State, key: Key[Array, ""]) -> Decision:
        """The decision taken in operation. Deterministic: the key is there for policies that need one."""
        del key
        return Decision(
            order=self.inventory.decide(market, self.inventory.observe(market, state)),
            exposure=self.recommendation.decide(market, self.recommendation.observe(market, state)),
        )


def sample(
    department: Department[Any], market: Market, state: State, exploration: Float[Array, ""], key: Key[Array, ""]
) -> Sample:
    """A decision drawn for training; a department that has none to draw just decides."""
    observation = department.observe(market, state)
    if isinstance(department, PathwiseDepartment):
        return department.sample(market, observation, exploration, key)
    return Sample(department.decide(market, observation), None)
