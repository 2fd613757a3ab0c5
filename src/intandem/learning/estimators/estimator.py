"""What an estimator is: it says how the gradient of profit in every weight is found, and what it needs for that."""

from __future__ import annotations

from typing import Any, Protocol

from jaxtyping import Array, Float, Key

from intandem.departments import JointPolicy
from intandem.learning.course import Course, Gathered, Learner
from intandem.learning.settings import TrainSettings
from intandem.learning.timescales import Pace
from intandem.market import Market


class Estimator(Protocol):
    """A module with these functions; the loop in `intandem.learning.mtma` asks nothing else of it."""

    def sizes(self, market: Market, settings: TrainSettings) -> tuple[int, int]:
        """Shops and window, where the settings leave them open (0)."""

    def start(self, course: Course, policy: JointPolicy, key: Key[Array, ""]) -> tuple[Learner, Any]:
        """What is learned, and what the estimator remembers between updates."""

    def weights(self, learner: Learner) -> Learner:
        """The learner's tree with True at the arrays that updates move, False elsewhere."""

    def passes(self, course: Course) -> int:
        """Steps that an update takes on what was gathered for it."""

    def gather(self, course: Course, learner: Learner, memory: Any, update: Array, key: Key[Array, ""]) -> Gathered:
        """What an update learns from, its figures, and the new memory."""

    def gradient(
        self, course: Course, learner: Learner, experience: Any, step: Array, key: Key[Array, ""]
    ) -> tuple[Any, Float[Array, " departments"]]:
        """The gradient that is descended in one of the passes; and 1 for each department that may still move in this
        update, 0 for one that has gone far enough."""

    def measured(self, course: Course, learner: Learner, experience: Any) -> Float[Array, " departments"]:
        """What departments that set their own speeds go by, after the passes."""

    def limits(self, course: Course) -> Float[Array, " departments"]:
        """The largest of `measured` that is believed: a department which an update took further goes back."""

    def paced(self, course: Course, pace: Pace, measured: Float[Array, " departments"], update: Array) -> Pace:
        """The pace of the next update, where departments set their own."""

    def periods_per_update(self, course: Course) -> int:
        """Simulated periods that one update takes, all shops together."""
