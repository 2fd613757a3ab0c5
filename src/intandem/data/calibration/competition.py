"""Whether the products of a category compete: at most one purchase of it in a visit, or each product by itself.

Both are fitted, and a category is taken as competing where that predicts what visitors bought in held-out periods
better. In multinomial choice `P[j] = sigmoid(u[j] - log(1 + sum of exp(u[k]) over the others of the category))`: a
binary choice whose utility is lowered by what the others offer. The residuals of that binary choice are those of the
multinomial likelihood, so that a fit which repeats it with the others' latest utilities ends where the multinomial
score is zero (the individual effects of pairs being integrated out one by one, the others' at their means).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from intandem.data.calibration.choice_model import (
    ChoiceData,
    Coefficients,
    constant_utility,
    intention_paths,
    known_utility,
)
from intandem.data.calibration.estimation import Fit, fit_choice_model
from intandem.data.calibration.panel import Panel
from intandem.data.tables.tables import Tables
from intandem.market.pairs import dense_pairs, sparse_pairs
from intandem.market.rivals import Rivals, rivals_of

MOST_TOGETHER = 0.05
"""Share of a category's visits with a purchase in which two products or more were bought, beyond which they do not
compete."""

LEAST_GAIN = 2.0
"""Log-likelihood of held-out visits that competition must gain before it is believed."""

ROUNDS = 6
TURN_STEPS, LAST_STEPS = 2, 40
"""Newton steps of a fit against what the others offered last: in every turn, and in the last one."""

LEVEL_STEPS = 40
LARGEST_UTILITY = 12.0


@dataclass(frozen=True)
class Competition:
    """Which products compete.

    - `names`: of the categories. `category`: of every product, as a number.
    - `competing`: by category, whether at most one of its products is bought in a visit.
    - `together`: by category, the share of visits with a purchase in which two products or more were bought.
    - `independent`, `multinomial`: log-likelihood of held-out visits by category, mean per visit; `nan` where only
      independent choice was fitted. `visits`: held-out visits.
    - `level`: what is added to a product's utility so that competing products sell what was recorded.
    """

    names: tuple[str | None, ...]
    category: np.ndarray
    competing: np.ndarray
    together: np.ndarray
    independent: np.ndarray
    multinomial: np.ndarray
    visits: int
    level: np.ndarray

    @property
    def alone(self) -> np.ndarray:
        """Whether a product competes with no other, per product."""
        return ~self.competing[self.category]

    @property
    def choices(self) -> list[str | None]:
        """The products' own choice, as a market file holds it."""
        return ["independent" if alone else None for alone in self.alone]


def without_competition(tables: Tables) -> Competition:
    """Every product by itself. Categories are those of the tables, else departments, else one for all."""
    labels = tables.products["category"]
    if labels.null_count() == len(labels):
        labels = tables.products["department"]
    given = labels.to_list()
    names = tuple(dict.fromkeys(given))
    category = np.array([names.index(name) for name in given], np.int64)
    unknown = np.full(len(names), np.nan)
    return Competition(names, category, np.zeros(len(names), bool), unknown, unknown, unknown, 0, np.zeros(len(given)))


def candidates_of(found: Competition, panel: Panel) -> Competition:
    """With the categories that may compete: of two products or more, seldom bought together."""
    scored = panel.train[:, None, None] * panel.opportunities
    of_pair = found.category[panel.candidates]
    together = np.full(len(found.names), np.nan)
    for number in range(len(found.names)):
        if (found.category == number).sum() > 1:
            bought = (panel.bought * scored * (of_pair == number)).sum(2)
            together[number] = (bought > 1).sum() / max((bought > 0).sum(), 1)
    return replace(found, together=together, competing=together <= MOST_TOGETHER)


def fit_competition(
    panel: Panel,
    fit: Fit,
    data: ChoiceData,
    probability: np.ndarray,
    found: Competition,
    fixed: dict[str, float],
    report: Callable[[int, float], object] | None,
) -> tuple[Fit, ChoiceData, Competition]:
    """Fits competition in the categories that may have it, keeps it where it predicts better, and fits again.

    **Arguments:** `fit`, `data`: with independent choice; `probability`: what that predicts. `found`: `candidates_of`.
    """
    tested = found.competing
    own_fit, own_data = _fit(panel, fit, data, found, fixed, report)
    periods = panel.test if panel.test.any() else panel.train
    found = with_level(found, panel, own_fit, own_data)
    scores = _scores(panel, probability, competing_probability(found, panel, own_fit, own_data), found, periods)
    gains = (scores[1] - scores[0]) >= LEAST_GAIN
    visits = int(panel.visited[periods].sum())
    found = replace(
        found,
        competing=tested & gains,
        independent=scores[0] / max(visits, 1),
        multinomial=np.where(tested, scores[1] / max(visits, 1), np.nan),
        visits=visits,
    )
    if not found.competing.any():
        return fit, data, replace(found, level=np.zeros(panel.products))
    if (found.competing != tested).any():
        own_fit, own_data = _fit(panel, own_fit, data, found, fixed, report)
    return own_fit, own_data, with_level(found, panel, own_fit, own_data)


def rivals_in(found: Competition, panel: Panel) -> Rivals | None:
    """The rivals among each customer's candidates; `None` where all products are one category."""
    group = np.where(found.alone, len(found.names) + np.arange(panel.products), found.category)
    dense = panel.candidates.shape[1] == panel.products
    pairs = dense_pairs(panel.rows, panel.products) if dense else sparse_pairs(panel.candidates, panel.products)
    return rivals_of(group, pairs)


def _fit(
    panel: Panel,
    fit: Fit,
    data: ChoiceData,
    found: Competition,
    fixed: dict[str, float],
    report: Callable[[int, float], object] | None,
) -> tuple[Fit, ChoiceData]:
    rivals, own = rivals_in(found, panel), _competing_pairs(found, panel)
    offered = _offered(panel)
    offset = jnp.zeros_like(data.bought)
    for turn in range(ROUNDS):
        utility = _played_utility(data, fit.coefficients, *_known(fit))
        latest = -jnp.log1p(_others(utility, offered, rivals, own, panel.rows))
        # Half of the way: two products that answer each other in full would swing for ever.
        offset = latest if turn == 0 else 0.5 * (offset + latest)
        lowered = eqx.tree_at(lambda d: d.offset, data, offset, is_leaf=lambda one: one is None)
        # The others' utilities move with every turn: only the last is worth a fit to the end.
        last = turn == ROUNDS - 1
        steps = LAST_STEPS if last else TURN_STEPS
        fit = fit_choice_model(
            lowered, panel.group, start=fit, fixed=fixed, max_steps=steps, informed=last, report=report
        )
    return fit, lowered


def _known(fit: Fit) -> tuple[Float[Array, " pairs"], Float[Array, " pairs"]]:
    return jnp.asarray(fit.mean, jnp.float32), jnp.asarray(fit.variance, jnp.float32)


def _competing_pairs(found: Competition, panel: Panel) -> Float[Array, " pairs"]:
    return jnp.asarray(~found.alone[panel.pair_product], jnp.float32)


def _offered(panel: Panel) -> Float[Array, "periods pairs"]:
    return jnp.asarray(panel.of_pairs(panel.on_shelf).reshape(panel.periods, -1), jnp.float32)


@jax.jit
def _played_utility(
    data: ChoiceData, coefficients: Coefficients, mean: Float[Array, " pairs"], variance: Float[Array, " pairs"]
) -> Float[Array, "periods pairs"]:
    """Utilities as the market plays them, what is not known of a pair's taste averaged over; without the others."""
    free = eqx.tree_at(lambda d: d.offset, data, None, is_leaf=lambda one: one is None)
    paths = intention_paths(data.bought, data.exposed, coefficients.shared[2])
    constant = constant_utility(coefficients, data)
    moving = known_utility(coefficients, free, paths) - constant
    kept = (constant + mean) / jnp.sqrt(1 + jnp.pi * variance / 8)
    return jnp.clip(kept + moving, -2.5 * LARGEST_UTILITY, LARGEST_UTILITY)


@partial(jax.jit, static_argnames="rows")
def _others(
    utility: Float[Array, "periods pairs"],
    offered: Float[Array, "periods pairs"],
    rivals: Rivals | None,
    own: Float[Array, " pairs"],
    rows: int,
) -> Float[Array, "periods pairs"]:
    """Sum of `exp(utility)` over the others of the category that are there; 0 for what competes with nothing."""

    def period(at: tuple[Array, Array]) -> Array:
        weight = (jnp.exp(at[0]) * at[1]).reshape(rows, -1)
        total = weight.sum(1, keepdims=True) if rivals is None else rivals.total(weight)
        return (total - weight).ravel()

    return own * jnp.maximum(jax.lax.map(period, (utility, offered)), 0.0)


def competing_probability(found: Competition, panel: Panel, fit: Fit, data: ChoiceData) -> np.ndarray:
    """Probability that a visitor buys each competing product, as the market will play it; `periods rows width`, and
    nothing of value at the places of the other products."""
    level = jnp.asarray(found.level[panel.pair_product], jnp.float32)
    utility = _played_utility(data, fit.coefficients, *_known(fit)) + level
    offered = _offered(panel)
    others = _others(utility, offered, rivals_in(found, panel), _competing_pairs(found, panel), panel.rows)
    weight = jnp.exp(utility) * offered
    return np.asarray(weight / (1 + weight + others)).reshape(panel.bought.shape)


def with_level(found: Competition, panel: Panel, fit: Fit, data: ChoiceData) -> Competition:
    """With the level at which competing products sell what was recorded in the periods that are fitted.

    Where every visit bought something, nothing says how attractive it is to buy nothing: half a visit is assumed.
    """
    scored = panel.train[:, None, None] * panel.opportunities
    product = panel.pair_product
    of_pair = found.category[panel.candidates]

    def by_product(values: np.ndarray) -> np.ndarray:
        return np.bincount(product, (values * scored).sum(0).ravel(), panel.products)

    bought = by_product(panel.bought)
    level = np.zeros(panel.products)
    visits = np.zeros(panel.products)
    none = np.zeros(panel.products)
    for number in np.flatnonzero(found.competing):
        here = found.category == number
        could = (scored * (of_pair == number)).max(2)
        visits[here] = could.sum()
        none[here] = (could * ((panel.bought * (of_pair == number)).sum(2) == 0)).sum()
    for _ in range(LEVEL_STEPS):
        sold = by_product(competing_probability(replace(found, level=level), panel, fit, data))
        unsold = np.zeros(panel.products)
        for number in np.flatnonzero(found.competing):
            here = found.category == number
            unsold[here] = max(visits[here][0] - sold[here].sum(), 1e-3)
        step = np.log((bought + 0.5) / (sold + 0.5)) - np.log((none + 0.5) / (unsold + 0.5))
        level = np.where(found.alone, 0.0, level + np.clip(0.8 * step, -1.0, 1.0))
    return replace(found, level=level)


def _scores(
    panel: Panel, apart: np.ndarray, competing: np.ndarray, found: Competition, periods: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Log-likelihood of what visitors bought of every category in some periods, with and without competition.

    A visit that bought two competing products is as good as impossible with competition, and counts as such.
    """
    there = panel.opportunities[periods]
    bought = panel.bought[periods] * there
    chance, among = (np.clip(one[periods], 1e-7, 1 - 1e-7) for one in (apart, competing))
    of_pair = found.category[panel.candidates]
    by_itself = np.where(bought > 0, np.log(chance), np.log1p(-chance)) * there
    scores = np.zeros((2, len(found.names)))
    for number in range(len(found.names)):
        here = (of_pair == number) * there
        scores[0, number] = (by_itself * here).sum(dtype=float)
        left = np.maximum(1 - (among * here).sum(2), 1e-7)
        taken = (bought * here).sum(2)
        one = np.where(taken > 0, (bought * here * np.log(among)).sum(2), np.log(left))
        scores[1, number] = (np.where(taken > 1, taken * np.log(1e-7), one) * (here.max(2) > 0)).sum(dtype=float)
    return scores[0], scores[1]
