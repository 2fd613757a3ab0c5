"""The interface of a department: observe -> decide, and for those that learn, sample.

A department sees the market's state and nothing of what the others decide in the same period. What it observes is a
value of its own, so that it can be computed elsewhere (from a firm's tables) and handed over.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import equinox as eqx
import jax
from jaxtyping import Array, Float, Key

from intandem.display import Displayed
from intandem.market import Market, State

Observation = TypeVar("Observation")


class Sample(eqx.Module):
    """A decision drawn in training.

    - `value`: the decision; pathwise gradients run through it.
    - `log_probability`: of its discrete part, per product or per customer row; `None` where all of it is pathwise.
    """

    value: Float[Array, "..."]
    log_probability: Float[Array, "..."] | None


class Department(Displayed, eqx.Module, Generic[Observation]):
    """A department: inventory decides orders (`products`), recommendation exposures (`rows width`)."""

    @property
    def called(self) -> str:
        """What people call it: a rule by the word that names it in texts, another by its class."""
        return type(self).__name__

    @abstractmethod
    def observe(self, market: Market, state: State) -> Observation:
        """What the department looks at."""

    @abstractmethod
    def decide(self, market: Market, observation: Observation) -> Float[Array, "..."]:
        """The feasible decision it takes in operation; deterministic."""


class LearningDepartment(Department[Observation]):
    """A department with weights, which learns."""

    @abstractmethod
    def weights(self) -> Any:
        """A copy of this department's tree with True at the arrays that training moves, False elsewhere."""

    @abstractmethod
    def perturbed(self) -> Any:
        """The same, with True at the arrays that a learner moves which goes by trial alone: few, and telling."""


class PathwiseDepartment(LearningDepartment[Observation]):
    """A department that learns along paths as well: it draws decisions that gradients run through."""

    @abstractmethod
    def sample(
        self, market: Market, observation: Observation, exploration: Float[Array, ""], key: Key[Array, ""]
    ) -> Sample:
        """A feasible decision drawn for training, from as random as it gets (1) to what `decide` does (0)."""


Learning = TypeVar("Learning", bound=eqx.Module)


def weights_at(department: Learning, where: Callable[[Learning], eqx.Module]) -> Learning:
    """The department's tree with True at the arrays that `where` points to, False elsewhere."""
    nothing = jax.tree.map(lambda _: False, department)
    return eqx.tree_at(where, nothing, jax.tree.map(eqx.is_inexact_array, where(department)))
