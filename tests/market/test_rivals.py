"""At most one purchase of a category and visit, categories independent: against enumeration of all choices."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from intandem.departments.outlook import exposure_value
from intandem.errors import InputError
from intandem.market import Market, build_market, initial_state
from intandem.market.demand import choice_probability, draw_demand, mean_demand

CATEGORY = ["tea", "bread", "tea", None, "bread", None]
CHOICE = [None, None, None, "independent", None, "independent"]
GROUPS = ((0, 2), (1, 4), (3,), (5,))
"""What competes, by hand."""

PLACES = np.array([[0, 1, 2, 3, 4], [4, 5, 1, 2, 6], [3, 6, 6, 0, 2]])
"""Candidates of three rows; 6 is an empty place."""


def market_of(layout: str = "ragged", **rules: Any) -> Market:
    draw = np.random.default_rng(5)
    products = {"price": draw.uniform(4, 9, 6), "unit_cost": draw.uniform(1, 3, 6), "holding_cost": np.full(6, 0.1)}
    products |= {"category": CATEGORY, "choice": CHOICE} | rules.pop("products", {})
    shape = (3, 6) if layout == "dense" else PLACES.shape
    utility, effect = draw.normal(-0.5, 1.2, shape), draw.uniform(0.3, 1.5, shape)
    rules = {"choice": "multinomial", "candidates": None if layout == "dense" else PLACES} | rules
    return build_market(products, utility, effect, **rules)


def places(market: Market) -> np.ndarray:
    return np.tile(np.arange(6), (3, 1)) if market.pairs.product is None else np.asarray(market.pairs.product)


def enumerated(market: Market, utility: np.ndarray, stock: np.ndarray | None = None) -> np.ndarray:
    """Chances of every pair by listing the choices of each group: one of its products in the row, or nothing."""
    found = np.zeros(utility.shape)
    for row, at in enumerate(places(market)):
        for group in GROUPS:
            inside = [k for k, product in enumerate(at) if product in group]
            inside = [k for k in inside if stock is None or stock[at[k]] > 0]
            weights = {k: np.exp(utility[row, k]) for k in inside}
            for k in inside:
                found[row, k] = weights[k] / (1 + sum(weights.values()))
    return found


def chance(market: Market, utility: Any, exposure: Any = 0.0, stock: Any = 1.0) -> np.ndarray:
    shown = jnp.broadcast_to(jnp.asarray(exposure, jnp.float32), market.base_utility.shape)
    available = jnp.broadcast_to(jnp.asarray(stock, jnp.float32), (6,))
    return np.asarray(choice_probability(market, jnp.asarray(utility, jnp.float32), shown, available))


@pytest.mark.parametrize("layout", ["dense", "ragged"])
def test_chances_are_those_of_enumeration(layout: str) -> None:
    market = market_of(layout)
    utility = np.asarray(market.base_utility, float)
    np.testing.assert_allclose(chance(market, utility), enumerated(market, utility), rtol=1e-5)
    shown = np.random.default_rng(1).uniform(0, 1, utility.shape)
    exposed = utility + np.asarray(market.exposure_effect) * shown
    np.testing.assert_allclose(chance(market, utility, shown), enumerated(market, exposed), rtol=1e-5)
    # Categories far apart in utility take no digits from each other.
    far = utility + np.where(np.isin(places(market), GROUPS[0]), -40.0, 30.0)
    np.testing.assert_allclose(chance(market, far), enumerated(market, far), rtol=1e-5)
    stock = np.array([0.0, 3.0, 1.0, 0.0, 0.0, 2.0])
    substituting = market_of(layout, substitution=True)
    left = enumerated(substituting, utility, stock)
    np.testing.assert_allclose(chance(substituting, utility, stock=stock), left, rtol=1e-5)


@pytest.mark.parametrize("layout", ["dense", "ragged"])
def test_the_ends_are_todays_two_modes(layout: str) -> None:
    market = market_of(layout)
    utility, shown = np.asarray(market.base_utility), 0.4
    independent = market_of(layout, choice="independent", products={})
    own = market_of(layout, products={"category": list("abcdef"), "choice": [None] * 6})
    np.testing.assert_allclose(chance(own, utility, shown), chance(independent, utility, shown), rtol=1e-5)
    whole = market_of(layout, products={"category": ["x"] * 6, "choice": [None] * 6})
    plain = market_of(layout, products={"category": [None] * 6, "choice": [None] * 6})
    assert whole.rivals is None
    assert independent.rivals is None
    np.testing.assert_array_equal(chance(whole, utility, shown), chance(plain, utility, shown))


@pytest.mark.parametrize("people", [1, 9])
def test_draws_are_one_of_each_category_and_independent_across(people: int) -> None:
    """The joint law of what the first row buys of two categories and one product apart, by enumeration."""
    market = market_of(population=[people] * 3, visit_probability=[0.7] * 3)
    state, nothing = initial_state(market), jnp.zeros(market.base_utility.shape)
    draw = eqx.filter_jit(jax.vmap(lambda key: draw_demand(market, state, nothing, jnp.ones(6), key)))
    drawn = draw(jax.random.split(jax.random.key(people), 30_000))
    pairs, visits = np.asarray(drawn.pairs, int), np.asarray(drawn.visits, int)
    for group in GROUPS:
        inside = np.where(np.isin(places(market), group), pairs, 0).sum(2)
        assert (inside <= visits).all()
    assert (pairs[:, PLACES == 6] == 0).all()
    chances = enumerated(market, np.asarray(market.base_utility, float))
    if people == 1:
        # What a visitor takes home: one of tea or nothing, one of bread or nothing, the fourth product or not.
        options = [[(), (0,), (2,)], [(), (1,), (4,)], [(), (3,)]]
        law: dict[frozenset[int], float] = {}
        for taken in itertools.product(*options):
            others = [
                1 - chances[0, [k for (k,) in some]].sum()
                for some in ([one for one in group if one] for group in options)
            ]
            weights = [chances[0, one[0]] if one else nothing_of for one, nothing_of in zip(taken, others, strict=True)]
            law[frozenset(k for one in taken for k in one)] = float(np.prod(weights))
        came = pairs[visits[:, 0] == 1, 0]
        seen = [frozenset(np.flatnonzero(row)) for row in came]
        observed = np.array([seen.count(one) for one in law])
        assert observed.sum() == len(came)
        assert stats.chisquare(observed, np.array(list(law.values())) * len(came)).pvalue > 1e-4
        return
    for row, place in np.argwhere(chances > 0):
        law = stats.binom(people, 0.7 * chances[row, place])
        error = pairs[:, row, place].mean() - law.mean()
        assert abs(error) < 5 * law.std() / np.sqrt(len(pairs))
        np.testing.assert_allclose(pairs[:, row, place].var(), law.var(), rtol=0.06)


def test_a_slates_gradient_is_the_step_of_showing_within_the_category() -> None:
    market = market_of(exposure="slate", exposure_slots=2)
    utility = jnp.asarray(market.base_utility)
    shown = jnp.asarray(np.isin(np.arange(15).reshape(3, 5), [0, 4, 7, 13]), jnp.float32)
    weight = jnp.asarray(np.random.default_rng(2).normal(size=(3, 5)), jnp.float32)
    money = lambda exposure: (weight * choice_probability(market, utility, exposure, jnp.ones(6))).sum()  # noqa: E731
    slope = np.asarray(jax.grad(money)(shown))
    for at in np.argwhere(places(market) < 6):
        with_it, without = (shown.at[tuple(at)].set(value) for value in (1.0, 0.0))
        assert slope[tuple(at)] == pytest.approx(float(money(with_it) - money(without)), abs=2e-6)


@pytest.mark.parametrize("choice", ["categories", "one category", "independent"])
def test_the_value_of_an_exposure_is_what_it_adds_in_all(choice: str) -> None:
    """What it takes from the others of the category included, and from nobody else; against demand itself."""
    rules: dict[str, Any] = {
        "products": {"exposure_cost": np.full(6, 0.02), "units_per_purchase": [1, 2.5, 1, 4, 1, 1.5]}
    }
    if choice != "categories":
        rules["products"] |= {"category": [None] * 6, "choice": [None] * 6}
    market = market_of(choice="independent" if choice == "independent" else "multinomial", **rules)
    value = jnp.asarray([4.0, 1.0, -2.0, 3.0, 5.0, 2.0])
    unexposed = jnp.asarray(market.base_utility)
    found = np.asarray(exposure_value(market, unexposed, value))
    nothing = jnp.zeros_like(unexposed)

    def money(exposure: jnp.ndarray) -> float:
        return float((mean_demand(market, unexposed, exposure) * value).sum() - 0.02 * exposure.sum())

    for at in np.argwhere(places(market) < 6):
        alone = money(nothing.at[tuple(at)].set(1.0)) - money(nothing)
        assert found[tuple(at)] == pytest.approx(alone, abs=2e-5)
    assert (found[places(market) == 6] == -np.inf).all()


def test_layouts_agree_and_names_of_categories_take_no_part() -> None:
    dense = market_of("dense")
    every = np.tile(np.arange(6), (3, 1))
    fields = {"candidates": every[:, ::-1]}
    sparse = market_of("dense", **fields)
    mirrored = replace(sparse, base_utility=dense.base_utility[:, ::-1], exposure_effect=dense.exposure_effect[:, ::-1])
    utility = np.asarray(dense.base_utility)
    np.testing.assert_allclose(chance(mirrored, utility[:, ::-1])[:, ::-1], chance(dense, utility), rtol=1e-5)
    renamed = market_of("dense", products={"category": ["x", "y", "x", "z", "y", "z"]})
    np.testing.assert_array_equal(chance(renamed, utility), chance(dense, utility))


def test_a_product_cannot_choose_among_others_where_choice_is_independent() -> None:
    with pytest.raises(InputError, match=r"'p2'.*choice: is 'multinomial', in a market of independent"):
        market_of(choice="independent", products={"choice": [None, "multinomial", *[None] * 4]})
    with pytest.raises(InputError, match="choice: is 'nested', not known"):
        market_of(products={"choice": ["nested", *[None] * 5]})
