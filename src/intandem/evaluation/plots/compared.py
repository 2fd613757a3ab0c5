"""What a picture asks of a comparison, said as protocols: a comparison draws itself with these pictures, so they cannot
import it. Checkable at run time, for tests check every argument."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from intandem.evaluation.statistics import Interval
from intandem.learning import Training
from intandem.market import Market


@runtime_checkable
class Followed(Protocol):
    """One run period by period, as `Trace` has it: arrays of shape `periods products`."""

    @property
    def product_ids(self) -> tuple[str, ...]: ...
    @property
    def on_hand(self) -> np.ndarray: ...
    @property
    def order(self) -> np.ndarray: ...
    @property
    def exposures(self) -> np.ndarray: ...


@runtime_checkable
class Averaged(Protocol):
    """Figures of many runs, as `Simulated` has them."""

    @property
    def product_ids(self) -> tuple[str, ...]: ...
    def per_period(self, name: str) -> np.ndarray: ...


@runtime_checkable
class Result(Protocol):
    """One method, as `MethodResult` has it."""

    @property
    def name(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def profit(self) -> float: ...
    @property
    def profit_by_seed(self) -> np.ndarray: ...
    @property
    def interval(self) -> Interval: ...
    @property
    def trainings(self) -> tuple[Training, ...]: ...


@runtime_checkable
class Compared(Protocol):
    """Methods on one market, as `Comparison` has them."""

    @property
    def market(self) -> Market: ...
    @property
    def results(self) -> Mapping[str, Result]: ...
    @property
    def subject(self) -> str: ...
    @property
    def reference(self) -> str | None: ...
    def traces(
        self, methods: Sequence[str] | None = None, *, periods: int = ..., seed: int = ...
    ) -> Mapping[str, Followed]: ...
