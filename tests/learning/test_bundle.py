"""Bundles: a trained policy comes back as it was, departments run alone, and damage is named."""

from __future__ import annotations

import dataclasses
import json
import logging
import shutil
from pathlib import Path

import jax
import numpy as np
import pytest

from intandem.errors import InputError
from intandem.learning import Training, load_bundle, load_department, save_bundle
from intandem.market import Market, family_market, initial_state, load_market, market_hash, save_market


def test_a_policy_comes_back_as_it_was(market: Market, training: Training, tmp_path: Path) -> None:
    save_bundle(training, market, tmp_path / "bundle", backtest={"profit": 1.0})
    policy = load_bundle(tmp_path / "bundle", market)
    for left, right in zip(jax.tree.leaves(training.policy), jax.tree.leaves(policy), strict=True):
        np.testing.assert_array_equal(left, right)
    manifest = json.loads((tmp_path / "bundle" / "manifest.json").read_text())
    assert manifest["method"] == "mtma"
    assert manifest["backtest"] == {"profit": 1.0}
    assert manifest["versions"]["jax"]


def test_a_department_runs_alone(market: Market, training: Training, tmp_path: Path) -> None:
    save_bundle(training, market, tmp_path / "bundle")
    (tmp_path / "bundle" / "inventory").rename(tmp_path / "alone")
    department = load_department(tmp_path / "alone")
    order = department.decide(market, department.observe(market, initial_state(market)))
    assert order.shape == (3,)


def test_another_market_needs_a_word(
    market: Market, training: Training, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save_bundle(training, market, tmp_path / "bundle")
    other = family_market("capped-supply", 5, 6, 1)
    with pytest.raises(InputError, match="trained for another market"):
        load_bundle(tmp_path / "bundle", other)
    with caplog.at_level(logging.WARNING, "intandem"):
        policy = load_bundle(tmp_path / "bundle", other, transfer=True)
    assert f"was trained for {market.name} and is to decide in {other.name}" in caplog.text
    assert policy(other, initial_state(other), jax.random.key(0)).order.shape == (5,)


def test_it_carries_its_market(market: Market, training: Training, tmp_path: Path) -> None:
    folder = save_bundle(training, market, tmp_path / "bundle")
    assert market_hash(load_market(folder / "market")) == market_hash(market)
    for left, right in zip(jax.tree.leaves(training.policy), jax.tree.leaves(load_bundle(folder)), strict=True):
        np.testing.assert_array_equal(left, right)
    save_market(family_market("capped-supply", 3, 4, 1), folder / "market")
    with pytest.raises(InputError, match="market: is not the market that the manifest names"):
        load_bundle(folder)


def test_a_bundle_of_before_asks_for_its_market(market: Market, training: Training, tmp_path: Path) -> None:
    folder = save_bundle(training, market, tmp_path / "bundle")
    shutil.rmtree(folder / "market")
    assert load_bundle(folder, market).inventory.gated == training.policy.inventory.gated
    with pytest.raises(InputError, match=r"does not carry its market .* give the market too"):
        load_bundle(folder)


def test_a_market_that_no_file_can_hold_is_refused(market: Market, training: Training, tmp_path: Path) -> None:
    folder = save_bundle(training, market, tmp_path / "bundle")
    odd = dataclasses.replace(market, price=-market.price)
    with pytest.raises(InputError, match=f"market {market.name}: .*price"):
        save_bundle(training, odd, folder)
    load_bundle(folder, market)


def _change(folder: Path, **entries: object) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | entries))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "manifest.json").unlink(), "manifest.json: does not exist"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "manifest.json: cannot be read"),
        (lambda folder: (folder / "manifest.json").write_text("{}"), "lacks 'market'"),
        (lambda folder: (folder / "manifest.json").write_text("[]"), "not a bundle's manifest"),
        (lambda folder: _change(folder, sha256={}), "lacks 'inventory'"),
        (lambda folder: _change(folder, sha256=[]), "not a bundle's manifest"),
        (lambda folder: (folder / "inventory" / "weights.safetensors").write_bytes(b"x"), "not what the manifest says"),
        (lambda folder: (folder / "recommendation" / "department.json").unlink(), "recommendation: is missing"),
        (lambda folder: (folder / "recommendation" / "department.json").write_text("{}"), "not what the manifest says"),
    ],
)
def test_damage_is_named(market: Market, training: Training, tmp_path: Path, damage, message: str) -> None:  # type: ignore[no-untyped-def]
    folder = save_bundle(training, market, tmp_path / "bundle")
    damage(folder)
    with pytest.raises(InputError, match=message):
        load_bundle(folder, market)
