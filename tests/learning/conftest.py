"""One small market and one size of training, so that the tests of this room compile few programs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from intandem.learning import Training, TrainSettings, train
from intandem.market import Market, family_market


@pytest.fixture(scope="module")
def market() -> Market:
    return family_market("capped-supply", 3, 4, 0)


@pytest.fixture(scope="module")
def tiny() -> dict[str, int]:
    """The sizes of a training that is over in a moment."""
    return {"shops": 4, "window": 8, "width": 8}


@pytest.fixture(scope="module", autouse=True)
def _two_updates_a_call() -> Iterator[None]:
    """Trainings of any length call one program, of two updates."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("intandem.learning.mtma.CHUNK", 2)
        yield


@pytest.fixture(scope="module")
def training(market: Market, tiny: dict[str, int]) -> Training:
    return train(market, TrainSettings(updates=2, **tiny))
