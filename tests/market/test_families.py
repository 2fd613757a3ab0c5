"""Named families: the draws they promise, the same from the same seed, at any size."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

from intandem.errors import InputError
from intandem.market import FAMILIES, base_demand, family_market
from intandem.market.families import is_family, parse_family


def arrays(market: Any) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(market)]


@pytest.mark.parametrize("family", FAMILIES)
def test_reproducible_from_the_seed(family: str) -> None:
    first, again, other = (arrays(family_market(family, 10, 20, seed)) for seed in (4, 4, 5))
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert any((a != b).any() for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("family", FAMILIES)
def test_common_draws(family: str) -> None:
    market = family_market(family, 600, 50, 1)
    cost, price = np.asarray(market.unit_cost), np.asarray(market.price)
    markup, effect = price / cost - 1, np.asarray(market.exposure_effect)[0]
    mixed, free = family == "mixed", family == "free-supply"
    for drawn, low, high in (
        (cost, 4, 8),
        (markup, 0.05 if mixed else 0.2, 1.5 if mixed else 0.9),
        (effect, 0 if mixed else 0.5, 3 if mixed else 2.5),
    ):
        assert low - 1e-5 <= drawn.min() < low + 0.02 * (high - low)
        assert high - 0.02 * (high - low) < drawn.max() <= high + 1e-5
        assert drawn.mean() == pytest.approx((low + high) / 2, abs=5 * (high - low) / np.sqrt(12 * 600))
    assert (np.asarray(market.exposure_effect) == effect).all()
    np.testing.assert_allclose(market.holding_cost, (0.02 if free else 0.03) * cost, rtol=1e-5)
    assert (np.asarray(market.lost_sale_cost) == (0 if free else 0.5)).all()
    utility = np.asarray(market.base_utility)
    assert utility.mean() == pytest.approx(-2.2, abs=0.12)
    assert utility.mean(0).std() == pytest.approx(np.hypot(0.5, 0.8 / np.sqrt(50)), rel=0.12)
    assert (utility - utility.mean(0)).std() == pytest.approx(0.8, rel=0.03)
    assert float(market.persistence) == pytest.approx(0.8)
    assert float(market.carry_over) == 1
    assert market.exposure_slots == 1
    assert market.exposure == "intensity"
    assert (np.asarray(market.population) == 1).all()
    lead_times = {"free-supply": {0}, "long-lead": {6}, "mixed": set(range(5))}
    assert set(np.asarray(market.lead_time).tolist()) == lead_times.get(family, {2})


def test_capped_supply_is_thirty_per_cent_above_base_demand() -> None:
    market = family_market("capped-supply", 10, 20, 2)
    chance = 1 / (1 + np.exp(-np.asarray(market.base_utility, float)))
    np.testing.assert_array_equal(market.max_order, np.maximum(1, np.floor(1.3 * chance.sum(0))))
    assert np.isinf(family_market("long-lead", 10, 20, 2).max_order).all()


def test_fixed_cost_is_half_as_much_again_as_the_base_margin() -> None:
    market = family_market("fixed-cost", 10, 20, 2)
    expected = 1.5 * (np.asarray(market.price) - np.asarray(market.unit_cost)) * np.asarray(base_demand(market))
    np.testing.assert_allclose(market.fixed_order_cost, expected, rtol=1e-4)


def test_season_and_habit() -> None:
    season = np.asarray(family_market("seasonal", 10, 20, 0).season)
    assert season.shape == (52, 10)
    np.testing.assert_allclose(np.abs(season).max(0), 0.8, atol=0.002)
    assert len(np.unique(season.argmax(0))) > 5, "phases differ by product"
    habit = np.asarray(family_market("habit", 11, 20, 0).habit)
    assert sorted(np.unique(habit, return_counts=True)[1]) == [5, 6]
    assert set(habit) == {-0.5, 0.5}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_solvable_size(family: str) -> None:
    market = family_market(family, 2, 1, 0)
    assert np.asarray(market.population).tolist() == [12]
    assert float(market.carry_over) == 0
    assert market.solve is not None
    if family != "habit":
        assert not market.traits.has_intention
    if family not in ("free-supply", "long-lead", "mixed"):
        assert (np.asarray(market.lead_time) == 1).all()


@pytest.mark.parametrize(("products", "width"), [(60, 20), (5_000, 30), (5_000, 1)])
def test_candidate_lists_have_no_repeats_and_differ_in_reach(products: int, width: int) -> None:
    market = family_market("habit", products, 800, 3, candidates=width)
    places = np.asarray(market.pairs.index())
    assert places.shape == (800, width)
    assert places.min() >= 0
    assert places.max() < products
    assert (np.diff(places, axis=1) > 0).all()
    reach = np.sort(np.bincount(places.ravel(), minlength=products))[::-1]
    assert reach[: products // 10].sum() > 0.18 * reach.sum()


def test_text_names_a_family() -> None:
    assert is_family("family:habit:10x20")
    assert not is_family("market.toml")
    assert parse_family("family:habit:10x20").name == "habit-10x20-seed0"
    assert parse_family("family:long-lead:3x4:7").name == "long-lead-3x4-seed7"


@pytest.mark.parametrize("text", ["family:habit", "family:habit:10", "family:habit:10x20:x", "family:none:2x2:0"])
def test_wrong_text_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_family(text)


@pytest.mark.parametrize(("products", "customers", "candidates"), [(0, 1, None), (2, 0, None), (3, 3, 4), (3, 3, 0)])
def test_impossible_sizes_are_refused(products: int, customers: int, candidates: int | None) -> None:
    with pytest.raises(InputError, match="size"):
        family_market("habit", products, customers, 0, candidates=candidates)
