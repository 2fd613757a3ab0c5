"""Speeds: who is fast, and that steps shrink as several timescales need."""

from __future__ import annotations

import numpy as np
import pytest

from intandem.learning.timescales import default_timescales, timescales_of


def test_methods_differ_in_speed_alone() -> None:
    base = default_timescales(600)
    mtma, one, reverse = (timescales_of(method, base) for method in ("mtma", "stma", "reversed"))
    assert mtma.inventory.rate > mtma.recommendation.rate
    assert reverse.inventory == mtma.recommendation
    assert reverse.recommendation == mtma.inventory
    assert one.inventory == one.recommendation
    assert one.inventory.rate**2 == pytest.approx(mtma.inventory.rate * mtma.recommendation.rate)


def test_steps_are_of_robbins_and_monro_and_their_ratios_vanish() -> None:
    speeds = default_timescales(600)
    updates = np.logspace(3, 7, 9)
    critic, inventory, recommendation = (
        np.array([float(speed.at(float(n))) for n in updates])
        for speed in (speeds.critic, speeds.inventory, speeds.recommendation)
    )
    assert 0.5 < speeds.critic.power < speeds.inventory.power < speeds.recommendation.power <= 1
    assert (np.diff(inventory / critic) < 0).all()
    assert (np.diff(recommendation / inventory) < 0).all()
