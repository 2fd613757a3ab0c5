"""The training loop: it improves, repeats itself, goes on after a stop, and refuses what it cannot do."""

from __future__ import annotations

from pathlib import Path

import jax
import numpy as np
import pytest

from intandem.errors import InputError
from intandem.learning import METHODS, Training, TrainSettings, train
from intandem.market import Market, example_market, family_market
from sets import slow_but


def _weights(training: Training) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(training.policy)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("estimator", "shops", "window", "gain"),
    [("perturbation", 8, 48, 1.03), ("pathwise", 16, 16, 1.03)],
)
def test_training_raises_profit_where_coordination_pays(estimator: str, shops: int, window: int, gain: float) -> None:
    market = family_market("capped-supply", 4, 6, 1)
    settings = TrainSettings(estimator=estimator, updates=120, shops=shops, window=window, width=16)
    profit = train(market, settings).curve["profit"]
    assert profit.shape == (120,)
    assert profit[-30:].mean() > gain * profit[:15].mean()


def test_the_same_seed_gives_the_same_policy_and_another_seed_another(market: Market, tiny: dict[str, int]) -> None:
    settings = TrainSettings(updates=4, **tiny)
    first, again, other = (_weights(train(market, settings, seed)) for seed in (0, 0, 1))
    for left, right in zip(first, again, strict=True):
        np.testing.assert_array_equal(left, right)
    assert any(not np.array_equal(left, right) for left, right in zip(first, other, strict=True))


@pytest.mark.parametrize(
    ("method", "estimator"),
    [
        *((method, "perturbation") for method in METHODS if method != "independent"),
        pytest.param("independent", "perturbation", marks=pytest.mark.slow),
        *(pytest.param(method, "pathwise", marks=pytest.mark.slow) for method in ("mtma", "silo")),
        *(
            pytest.param(method, "score", marks=pytest.mark.slow)
            for method in ("mtma", "silo", "independent", "mtsa", "stsa")
        ),
    ],
)
def test_every_method_trains(market: Market, tiny: dict[str, int], method: str, estimator: str) -> None:
    trained = train(market, TrainSettings(method=method, estimator=estimator, updates=2, **tiny))
    assert np.isfinite(trained.curve["profit"]).all()
    # A perturbed shop settles for 4 x (lead time + 1) periods first.
    assert trained.steps == 2 * 4 * (12 + 8 if estimator == "perturbation" else 8)
    assert trained.parameters["inventory"] > 0


def test_samples_alone_teach_where_there_is_one_product_and_one_kind_of_customer(tiny: dict[str, int]) -> None:
    """Some of what is drawn has no entries there."""
    settings = TrainSettings(estimator="score", starts="one", updates=1, **tiny)
    trained = train(example_market("costly-exposure-1"), settings)
    assert np.isfinite(trained.curve["profit"]).all()


@pytest.mark.parametrize("estimator", slow_but(["perturbation"], ["perturbation", "pathwise", "score"]))
def test_a_stopped_run_ends_as_it_would_have(
    market: Market, tiny: dict[str, int], tmp_path: Path, estimator: str
) -> None:
    settings = TrainSettings(estimator=estimator, updates=6, **tiny)
    whole = train(market, settings, seed=3)
    checkpoint = tmp_path / "run.npz"

    def stop(done: int, updates: int, figures: dict[str, float]) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(market, settings, seed=3, checkpoint=checkpoint, progress=stop)
    assert checkpoint.exists()
    resumed = train(market, settings, seed=3, checkpoint=checkpoint)
    assert not checkpoint.exists()
    np.testing.assert_array_equal(whole.curve["profit"], resumed.curve["profit"])
    for left, right in zip(_weights(whole), _weights(resumed), strict=True):
        np.testing.assert_array_equal(left, right)


def test_a_checkpoint_of_another_run_is_refused(market: Market, tiny: dict[str, int], tmp_path: Path) -> None:
    checkpoint = tmp_path / "run.npz"

    def stop(done: int, updates: int, figures: dict[str, float]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(market, TrainSettings(updates=4, **tiny), checkpoint=checkpoint, progress=stop)
    with pytest.raises(InputError, match=r"run.npz: is the checkpoint of another market"):
        train(market, TrainSettings(updates=4, **tiny), seed=1, checkpoint=checkpoint)
    whole = checkpoint.read_bytes()
    checkpoint.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="is not a checkpoint that can be read"):
        train(market, TrainSettings(updates=4, **tiny), checkpoint=checkpoint)
    checkpoint.write_bytes(b"not a checkpoint")
    with pytest.raises(InputError, match="is not a checkpoint that can be read"):
        train(market, TrainSettings(updates=4, **tiny), checkpoint=checkpoint)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "best"}, "'best' is not known; choose one of mtma"),
        ({"estimator": "scor"}, "'scor' is not known; did you mean 'score'"),
        ({"departments": "plane"}, "'plane' is not known; did you mean 'plain'"),
        ({"departments": "plain", "estimator": "pathwise"}, "'plain' has no paths"),
        ({"method": "independent", "estimator": "pathwise"}, "'independent' is for score and perturbation"),
        ({"updates": 0}, "updates: is 0; give a whole number of 1 or more"),
        ({"width": 0}, "width: is 0"),
        ({"shops": 3}, "shops: is 3; give an even number"),
        ({"clip": float("nan")}, "clip: is nan"),
        ({"trace": 1.5}, "trace: is 1.5"),
    ],
)
def test_settings_that_cannot_be_are_refused(market: Market, tiny: dict[str, int], change: dict, message: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(InputError, match=message):
        train(market, TrainSettings(**{**tiny, **change}))


@pytest.mark.slow
def test_policy_size_does_not_depend_on_the_market(training: Training, tiny: dict[str, int]) -> None:
    larger = train(family_market("capped-supply", 6, 4, 0), TrainSettings(updates=2, **tiny))
    assert training.parameters == larger.parameters
