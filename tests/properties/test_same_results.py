"""The same market, decision and key give the same result, however the market is stored and the program is run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from intandem.market import Decision, Market, initial_state, rollout, step
from intandem.market.pairs import Pairs, sparse_pairs
from properties.random_markets import PRODUCTS, Kind, random_decision, random_market
from sets import slow_but

EVERYTHING = Kind(people=True, visits=True, season=True, habit=True, persistence=0.7, observed=False)
SINGLE = Kind(habit=True, visits=True, unmet="backordered")
CHOOSING = Kind(choice="multinomial", substitution=True, people=True, habit=True)
KINDS = [EVERYTHING, SINGLE, CHOOSING]


@jax.jit
def run(market: Market, key: Any) -> Any:
    return rollout(market, initial_state(market), random_decision, 6, key)


def with_layout(market: Market, pairs: Pairs) -> Market:
    """The same market, its pairs stored otherwise."""
    return eqx.tree_at(lambda m: m.pairs, market, pairs, is_leaf=lambda node: isinstance(node, Pairs))


def equal(one: Any, other: Any) -> None:
    for left, right in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(np.asarray(left), np.asarray(right))


def close(one: Any, other: Any) -> None:
    for left, right in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(np.asarray(left), np.asarray(right), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", slow_but(["everything"], KINDS, ["everything", "single", "choosing"]))
def test_sparse_with_every_candidate_is_dense(kind: Kind) -> None:
    dense = random_market(kind, 1)
    every = np.tile(np.arange(PRODUCTS), (dense.rows, 1))
    key = jax.random.key(5)
    close(run(dense, key), run(with_layout(dense, sparse_pairs(every, PRODUCTS)), key))


def test_an_empty_place_changes_nothing_for_the_others() -> None:
    """A ragged row behaves as a dense row whose missing product nobody would ever buy."""
    dense = random_market(replace(EVERYTHING, people=False), 2)
    missing = np.zeros((dense.rows, PRODUCTS), bool)
    missing[[0, 2, 5], [3, 1, 0]] = True
    never = jnp.where(missing, -1e4, dense.base_utility)
    dense = eqx.tree_at(lambda m: (m.base_utility, m.habit), dense, (never, jnp.abs(dense.habit)))
    candidates = np.where(missing, PRODUCTS, np.arange(PRODUCTS))
    ragged = with_layout(dense, sparse_pairs(candidates, PRODUCTS))

    def decide(market: Market, state: Any, key: Any) -> Decision:
        decision = random_decision(dense, state, key)
        return Decision(decision.order, jnp.where(missing, 0.0, decision.exposure))

    play = jax.jit(lambda market, key: rollout(market, initial_state(market), decide, 6, key)[1])
    close(play(dense, jax.random.key(7)), play(ragged, jax.random.key(7)))


def test_same_key_same_result_and_another_key_another() -> None:
    market = random_market(SINGLE, 3)
    first, again, other = (run(market, jax.random.key(seed)) for seed in (0, 0, 1))
    equal(first, again)
    assert (first[1].demand != other[1].demand).any()


def test_compiled_and_interpreted_agree() -> None:
    market = random_market(Kind(habit=True), 4)
    state = initial_state(market)
    decision = random_decision(market, state, jax.random.key(1))
    key = jax.random.key(2)
    close(step(market, state, decision, key), jax.jit(step)(market, state, decision, key))


def test_parallel_shops_are_single_shops() -> None:
    market = random_market(replace(SINGLE, layout="ragged"), 6)
    keys = jax.random.split(jax.random.key(3), 3)
    together = jax.jit(jax.vmap(run, (None, 0)))(market, keys)
    for shop, key in enumerate(keys):
        close(jax.tree.map(lambda leaf, shop=shop: leaf[shop], together), run(market, key))


def test_names_take_no_part_in_compilation() -> None:
    market = random_market(SINGLE, 8)
    before = run._cache_size()
    run(market, jax.random.key(0))
    compiled = run._cache_size()
    renamed = eqx.tree_at(lambda m: m.price, random_market(SINGLE, 9), market.price)
    object.__setattr__(renamed, "labels", type(market.labels)("abcd", [f"x{i}" for i in range(market.rows)]))
    run(renamed, jax.random.key(0))
    assert run._cache_size() == compiled
    assert compiled - before <= 1
