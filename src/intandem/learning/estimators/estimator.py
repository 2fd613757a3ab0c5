"""What an estimator is: it says how the gradient of profit in every weight is found, and what it needs for that."""

from __future__ import annotations

from typing import Any, Protocol

from jaxtyping import Array, Key

from intandem.departments import JointPolicy
from intandem.learning.course import Course, Estimate, Learner, TrainSettings
from intandem.market import Market


class Estimator(Protocol):
    """A module with these functions; the loop in `intandem.learning.mtma` asks nothing else of it."""

    def sizes(self, market: Market, settings: TrainSettings) -> tuple[int, int]:
        """Shops and window, where the settings leave them open (0)."""

    def start(self, course: Course, policy: JointPolicy, key: Key[Array, ""]) -> tuple[Learner, Any]:
        """What is learned, and what the estimator remembers between updates."""

    def weights(self, learner: Learner) -> Learner:
        """The learner's tree with True at the arrays that updates move, False elsewhere."""

    def estimate(self, course: Course, learner: Learner, memory: Any, update: Array, key: Key[Array, ""]) -> Estimate:
        """The gradient that is descended, the figures of the update, and the new memory."""

    def periods_per_update(self, course: Course) -> int:
        """Simulated periods that one update takes, all shops together."""
