"""How departments are trained: all that a user may set, and nothing of what a run computes from it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from intandem.errors import InputError, did_you_mean
from intandem.learning.timescales import METHODS, Speed, Timescales


@dataclass(frozen=True)
class Trust:
    """How far a department may go in an update of the score estimator, and how it explores.

    - `clip`: of its likelihood ratios, part by part.
    - `limit`: Kullback-Leibler divergence from the policy that played, beyond which the department rests for the rest
      of the update.
    - `entropy`: weight of the entropy of what is drawn as yes or no, or as a slate.
    - `spread`, `spread_at_end`: the noise's scale at the first and at the last update; it falls in a straight line.
    """

    clip: float = 0.2
    limit: float = 0.05
    entropy: float = 0.0
    spread: float = 1.0
    spread_at_end: float = 0.7


@dataclass(frozen=True)
class ScoreSettings:
    """How the score estimator learns from what it plays.

    - `epochs`: passes over what was played; `batches`: steps in each.
    - `trace`: lambda of the advantages.
    - `discount`: in a market of average profit; 1: values are relative to the average, as its theory has them.
    - `restart`: share of the markets that start afresh with each window, so that none drifts unseen.
    - `inventory`, `recommendation`: their trust regions.
    """

    epochs: int = 3
    batches: int = 4
    trace: float = 0.7
    discount: float = 1.0
    restart: float = 0.1
    inventory: Trust = Trust()
    recommendation: Trust = Trust()


DEPARTMENTS = {
    "structured": "networks shared across products and pairs, which correct order-up-to levels and exposure values",
    "plain": "deep networks of the joint state, whose size grows with the market",
}
"""What departments are made of, by name, and what each is."""

ESTIMATES = {
    "perturbation": "policies with perturbed weights are played two by two on common random numbers",
    "score": "needs samples only: likelihood ratios of what was drawn, with a critic",
    "pathwise": "the derivative of the market itself, with a critic beyond the window",
}
"""Estimators of the gradient, by name, and how each finds it."""


@dataclass(frozen=True)
class TrainSettings:
    """How departments are trained.

    - `method`: see `METHODS`: `mtma`, `stma` (one speed), `silo` (each on its own objective) and others.
    - `estimator`: of the gradient: `perturbation`, `score` or `pathwise`.
    - `departments`: `structured` (networks shared across products that correct rules) or `plain` (see `DEPARTMENTS`).
    - `updates`: of the policy that is handed over.
    - `shops`: markets played in parallel, for `perturbation` two by two; 0 chooses by the number of pairs.
    - `window`: periods of each that count in an update; 0 chooses by the market.
    - `width`: units of each network. `clip`: largest gradient norm within a department. `epsilon`: of Adam.
    - `discount`: of the critic of `pathwise`, in a market of average profit. `trace`: lambda of its returns.
    - `timescales`: the speeds of `mtma`, from which the method's own follow; `None`: the estimator's own.
    - `score`: of the score estimator.
    - `starts`: `compete` (see `intandem.learning.train`), or `one` to hand over what comes out of one start.

    **Raises:** `InputError` for settings that cannot be, as they are made.

    ```python
    >>> TrainSettings(method="mtmb")
    Traceback (most recent call last):
    intandem.errors.InputError: method: 'mtmb' is not known; did you mean 'mtma'?

    ```
    """

    method: str = "mtma"
    estimator: str = "perturbation"
    departments: str = "structured"
    updates: int = 400
    shops: int = 0
    window: int = 0
    width: int = 32
    clip: float = 1.0
    epsilon: float = 1e-8
    discount: float = 0.97
    trace: float = 0.9
    timescales: Timescales | None = None
    score: ScoreSettings = ScoreSettings()
    starts: str = "compete"

    def __post_init__(self) -> None:
        for name, known in (("estimator", ESTIMATES), ("method", METHODS), ("departments", DEPARTMENTS)):
            value = getattr(self, name)
            if value not in known:
                raise InputError(name, f"'{value}' is not known", did_you_mean(str(value), known))
        if self.starts not in ("compete", "one"):
            raise InputError("starts", f"is '{self.starts}'", "give compete or one")
        if self.estimator == "pathwise":
            if self.departments == "plain":
                cure = "let the estimator be score or perturbation"
                raise InputError("departments", "'plain' has no paths to differentiate", cure)
            if self.method == "independent":
                raise InputError("method", "'independent' is for score and perturbation", "use one of them")
        for name in ("updates", "shops", "window", "width"):
            value, least = getattr(self, name), 1 if name in ("updates", "width") else 0
            if not isinstance(value, int) or value < least:
                raise InputError(name, f"is {value}", f"give a whole number of {least} or more")
        if self.estimator == "perturbation" and self.shops % 2:
            raise InputError("shops", f"is {self.shops}", "give an even number: policies are tried two by two")
        if not (self.clip > 0 and math.isfinite(self.clip)):
            raise InputError("clip", f"is {self.clip}", "give a number above 0")
        for name in ("discount", "trace"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(name, f"is {getattr(self, name)}", "give a number from 0 to 1")


def _paper() -> TrainSettings:
    """As in code that the authors of MTMA published for other problems: proximal policy optimisation of deep networks
    on batches of some 5,000 periods; rates a (b / (b + k))^c, c = .99 for the slowest and .70 for the fastest."""
    trust = Trust(clip=0.2, limit=1e6, entropy=0.01, spread_at_end=1.0)
    return TrainSettings(
        estimator="score",
        departments="plain",
        shops=50,
        window=100,
        updates=140,
        width=64,
        clip=0.5,
        epsilon=1e-5,
        timescales=Timescales(
            critic=Speed(1e-3, 0.70, 100.0), inventory=Speed(1e-3, 0.80, 100.0), recommendation=Speed(1e-3, 0.99, 100.0)
        ),
        score=ScoreSettings(
            epochs=3, batches=1, trace=0.95, discount=0.99, restart=0.0, inventory=trust, recommendation=trust
        ),
    )


PRESETS: dict[str, Callable[[], TrainSettings]] = {"paper": _paper}
"""Settings by name."""
