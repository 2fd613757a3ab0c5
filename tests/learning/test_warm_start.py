"""A run that begins with trained weights: of this market or another, and never of another size."""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from intandem.departments import policy_of_rules
from intandem.errors import InputError
from intandem.learning import Training, TrainSettings, train
from intandem.learning.checkpoint import run_identity
from intandem.learning.timescales import Speed, Timescales
from intandem.learning.warm_start import width_of
from intandem.market import Market, family_market

STILL = Timescales(*(Speed(rate=0.0, power=0.6, onset=1.0) for _ in range(3)))


def test_it_begins_with_the_weights_it_is_given(market: Market, training: Training, tiny: dict[str, int]) -> None:
    """At a step size of 0 the weights stay those it began with, of whatever seed."""
    start = jax.tree.map(lambda leaf: leaf + 0.1 if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf, training.policy)
    found = train(market, TrainSettings(updates=2, timescales=STILL, **tiny), seed=5, start=start)
    for department in ("inventory", "recommendation"):
        ours, theirs = (getattr(policy, department).network for policy in (found.policy, start))
        for left, right in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
            np.testing.assert_allclose(left, right, rtol=1e-6)
    # What belongs to the market is the market's own, and not what the start knew.
    np.testing.assert_array_equal(found.policy.inventory.standing.base, training.policy.inventory.standing.base)


def test_weights_fit_another_market(training: Training, tiny: dict[str, int]) -> None:
    other = family_market("capped-supply", 5, 6, 1)
    found = train(other, TrainSettings(updates=2, **tiny), start=training.policy)
    assert found.policy.inventory.standing.lift.shape == (5,)


def test_a_start_is_part_of_what_a_run_is(market: Market, training: Training) -> None:
    settings = TrainSettings()
    assert run_identity(market, settings, 0) != run_identity(market, settings, 0, training.policy)


def test_a_start_of_another_size_is_refused(market: Market, training: Training) -> None:
    assert width_of(training.policy) == 8
    with pytest.raises(InputError, match=r"another size .*8 units.*; train with width 8"):
        train(market, TrainSettings(updates=2, width=4), start=training.policy)
    with pytest.raises(InputError, match="no inventory weights"):
        train(market, TrainSettings(updates=2), start=policy_of_rules(market, "base-stock", "uplift"))


@pytest.mark.slow
def test_the_command_takes_the_width_of_the_bundle(
    market: Market, training: Training, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from intandem.app.cli import run
    from intandem.learning import save_bundle
    from intandem.market import save_market

    save_bundle(training, market, tmp_path / "old")
    save_market(market, tmp_path / "market.toml")
    sizes = ["--updates", "2", "--shops", "4", "--window", "8", "--periods", "4", "--runs", "2", "--warmup", "2"]
    names = [str(tmp_path / "market.toml"), "--from", str(tmp_path / "old"), "--out", str(tmp_path / "new")]
    assert run(["train", *names, *sizes, "--json"]) == 0
    assert f'"from": "{tmp_path / "old"}"' in capsys.readouterr().out
