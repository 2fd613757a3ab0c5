"""Named experiments: a scale for a look and one for verdicts; they go on after a stop, and write a page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from intandem.errors import InputError, did_you_mean
from intandem.evaluation.experiments.experiment import SCALES as SCALES
from intandem.evaluation.experiments.experiment import Claim as Claim
from intandem.evaluation.experiments.experiment import Outcome as Outcome
from intandem.evaluation.experiments.experiment import Progress as Progress
from intandem.evaluation.experiments.experiment import Scale as Scale

FINISHED_PARTS = "cells"
"""The folder, inside an experiment's own, that keeps finished parts; every experiment's folder has one."""


@dataclass(frozen=True)
class Experiment:
    """A named experiment: what it asks, its compute budget by scale, and where the function that runs it is."""

    question: str
    budget: dict[Scale, str]
    function: str

    def run(self, scale: Scale, folder: Path, *, seed: int = 0, progress: Progress | None = None) -> Outcome:
        """Runs it; parts that are finished in `folder` are read again."""
        module, _, name = self.function.partition(":")
        runner: Callable[..., Outcome] = getattr(import_module(module), name)
        return runner(scale, folder, seed=seed, progress=progress)


EXPERIMENTS: dict[str, Experiment] = {
    "coordination-map": Experiment(
        question="Where is coordination worth something, how much, and where is it worth nothing?",
        budget={"small": "about 4 minutes on two cores", "full": "less than an hour on two cores"},
        function="intandem.evaluation.experiments.coordination_map:coordination_map",
    ),
    "optimality": Experiment(
        question="How near does training come to the exact optimum, and is it ever behind the best rule?",
        budget={"small": "about 3 minutes on two cores", "full": "about 2 hours on two cores"},
        function="intandem.evaluation.experiments.optimality:optimality",
    ),
}


def experiment(name: str) -> Experiment:
    """The experiment of a name.

    **Raises:** `InputError` naming the experiments there are.

    ```python
    >>> experiment("coordination-map").question
    'Where is coordination worth something, how much, and where is it worth nothing?'

    ```
    """
    if name not in EXPERIMENTS:
        raise InputError("NAME", f"'{name}' is no experiment", did_you_mean(name, EXPERIMENTS))
    return EXPERIMENTS[name]
