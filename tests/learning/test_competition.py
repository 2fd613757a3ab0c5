"""Never behind: starts lead out of a trap, and the best of what was tried is handed over, kept and named."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest

from intandem.departments import JointPolicy, policy_of_rules
from intandem.departments.rules import BaseStock
from intandem.learning import Handed, Training, TrainSettings, load_bundle, save_bundle, train
from intandem.learning import competition as room
from intandem.learning.mtma import untrained
from intandem.learning.starts import exposed_start, judged, rules_of
from intandem.market import Market, example_market, initial_state

OPTIMA = {"costly-exposure-1": 10.03, "costly-exposure-2": 19.30, "costly-exposure-3": 18.61}
"""Average profit per period, by `intandem solve`."""


RULE = "base-stock:service=0 + none"


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIMA)
@pytest.mark.parametrize("seed", [0, 1])
def test_costly_exposures_are_no_trap(name: str, seed: int) -> None:
    market = example_market(name)
    trained = train(market, seed=seed)
    assert judged(market, {"it": trained.policy}, 9)["it"] > 0.98 * OPTIMA[name]


@pytest.fixture(scope="module")
def costly() -> Market:
    return example_market("costly-exposure-1")


@pytest.fixture(scope="module")
def look(costly: Market) -> Training:
    return train(costly, TrainSettings(updates=2, shops=4, window=8, width=8))


@pytest.mark.parametrize(
    ("profits", "handed"),
    [
        ({"trained": 9.0, "start": 8.0}, "trained"),
        ({"trained": 7.0, "start": 8.0}, "start"),
        ({"trained": 7.0, "start": 8.0, RULE: 8.5}, RULE),
    ],
)
def test_the_leading_start_goes_on_and_the_best_of_all_is_handed_over(
    costly: Market, look: Training, monkeypatch: pytest.MonkeyPatch, profits: dict[str, float], handed: str
) -> None:
    runs: list[tuple[str, int, JointPolicy | None]] = []

    def once(market: Market, settings: TrainSettings, seed: int, *, start: JointPolicy | None, **_: object) -> Training:
        runs.append((settings.method, settings.updates, start))
        return replace(look, policy=start or look.policy)

    def earned(market: Market, policies: dict[str, JointPolicy], seed: int) -> dict[str, float]:
        starts = {"as valued": 5.0, "shown": 8.0, "trained apart": 6.0}
        return {name: starts[name] if name in starts else profits.get(name, 1.0) for name in policies}

    monkeypatch.setattr(room.mtma, "train", once)
    monkeypatch.setattr(room, "judged", earned)
    monkeypatch.setattr(room, "best_of_rules", lambda market, _: {RULE: rules_of(market)[RULE]})
    found = train(costly, TrainSettings(updates=400, shops=4, window=8, width=8))
    assert [run[:2] for run in runs] == [("mtma", 100), ("mtma", 100), ("silo", 100), ("mtma", 400)]
    assert runs[3][2] is runs[1][2]
    assert found.handed is not None
    assert (found.handed.name, found.handed.start) == (handed, "shown")
    assert found.steps == 4 * look.steps
    if handed == RULE:
        assert isinstance(found.policy.inventory, BaseStock)


def test_the_exposed_start_shows_and_orders_for_it(costly: Market, look: Training) -> None:
    fresh = untrained(costly, look.settings, 0)
    decisions = [
        policy(costly, initial_state(costly), jax.random.key(0)) for policy in (fresh, exposed_start(costly, fresh))
    ]
    assert float(decisions[0].exposure.sum()) < 0.05
    assert 0.5 < float(decisions[1].exposure.sum()) < 0.95
    assert float(decisions[1].order[0]) > float(decisions[0].order[0])


def test_a_rule_that_is_handed_over_is_kept_and_decides_as_before(
    costly: Market, look: Training, tmp_path: Path
) -> None:
    handed = Handed(RULE, {RULE: 6.0, "trained": 5.0}, "shown")
    rule = rules_of(costly)[RULE]
    folder = save_bundle(replace(look, policy=rule, handed=handed), costly, tmp_path / "policy")
    kept = load_bundle(folder)
    assert isinstance(kept.inventory, BaseStock)
    assert json.loads((folder / "manifest.json").read_text())["handed_over"]["name"] == RULE
    _decide_alike(costly, rule, kept)
    other = policy_of_rules(costly, "s-S", "uplift:filter=in-stock")
    _decide_alike(costly, other, load_bundle(save_bundle(replace(look, policy=other), costly, folder)))


def _decide_alike(market: Market, one: JointPolicy, other: JointPolicy) -> None:
    state, key = initial_state(market), jax.random.key(0)
    first, second = one(market, state, key), other(market, state, key)
    np.testing.assert_array_equal(np.asarray(first.order), np.asarray(second.order))
    np.testing.assert_array_equal(np.asarray(first.exposure), np.asarray(second.exposure))


def test_a_look_starts_once(look: Training) -> None:
    assert look.handed is None
