"""What exposure buys: the mean demands that a product can be given at the price of a slot, and their cost.

Seen from one product, exposure buys mean demand: at worth `w` of a unit of demand, row `i` gives the exposure that
maximises `w x added demand - lambda_i x exposure`, and every `w` gives a mean demand and its cost. Exposures that carry
over count with their lasting effect, as if the mean were reached at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from scipy.special import expit

from intandem.departments.outlook import later_effect
from intandem.market import Market
from intandem.market.demand import among_rivals
from intandem.theory.intertemporal.grid import places

MEANS = 13
"""Mean demands to choose from."""

LEVELS = np.linspace(0, 1, 9)

WIDER = 1.5
"""The tables look so many times further than demand was seen to move."""


@dataclass(frozen=True)
class ExposureCurve:
    """What exposure buys one product: `mean` demands (evenly spaced, rising), their `variance`, and their `cost`.

    `usual`: the mean at the standing worth of a unit of demand, or at what can be delivered if that is more.
    """

    mean: np.ndarray
    variance: np.ndarray
    cost: np.ndarray
    usual: float


@dataclass(frozen=True)
class Usual:
    """What a policy usually meets, per product, seen in play: mean demand and how far it moves (its `least` and
    `largest` but for the rarest), and the units expected `later`, in the periods of the lead time after this one."""

    mean: np.ndarray
    least: np.ndarray
    largest: np.ndarray
    later: np.ndarray


def exposure_curves(
    market: Market, slot_price: np.ndarray, standing_worth: np.ndarray, usual: Usual | None = None
) -> list[ExposureCurve]:
    """Every product's curve at given prices of slots.

    Mean demand in units and its cost in money, per period.

    **Arguments:** `slot_price`, `standing_worth`: as in `dual_price_policy`. `usual`: what the policy met in play, to
    place the curve around; `None`: by the prices alone.

    Of 12 people `sigmoid(-2)` ask for the first product unshown and `sigmoid(0.5)` shown. At a price of 3 for an
    exposure that makes some 6 units of demand, exposure is bought for a unit worth 6:

    ```python
    >>> from intandem.market import example_market
    >>> market = example_market("two-products-capped")
    >>> curve = exposure_curves(market, np.array([3.0]), np.array([6.0, 3.5]))[0]
    >>> curve.mean[[0, -1]].round(3), curve.cost[[0, -1]].round(3), round(curve.usual, 3)
    (array([1.43, 7.47]), array([0., 3.]), 7.47)

    ```
    """
    at = places(market)
    people = np.asarray(market.population, float)[:, None]
    visits = np.asarray(market.visit_probability, float)[:, None]
    levels = np.array([0.0, 1.0]) if market.exposure == "slate" else LEVELS
    chances = np.stack([visits * lasting_chance(market, level) for level in levels], -1)
    paid = slot_price[:, None] + np.asarray(market.exposure_cost, float)[np.maximum(at, 0)] * people * visits
    found = []
    for product in range(market.products):
        row, place = np.nonzero(at == product)
        # One product seldom has all exposure: a few times its even share is as far as the program looks.
        share = min(1.0, 4.0 * market.exposure_slots / market.pairs.width)
        units = float(market.units_per_purchase[product])
        bought = _purchases(chances[row, place], people[row, 0], paid[row, place], levels, units)
        if usual is None:
            reach = _reach(*bought[:2], float(standing_worth[product]), float(market.max_order[product]), share)
        else:
            middle = float(usual.mean[product])
            down, up = (WIDER * (float(end[product]) - middle) for end in (usual.least, usual.largest))
            reach = (max(middle + down, 0.0), middle, middle + up)
        found.append(_curve(*bought[1:], *reach))
    return found


def fading(market: Market) -> float:
    """What is left of an intention after a period; short of 1, so that sums of it stay finite.

    ```python
    >>> from intandem.market import example_market, family_market
    >>> fading(example_market("two-products-capped")), round(fading(family_market("habit", 2, 3, 0)), 6)
    (0.0, 0.8)

    ```
    """
    return min(float(market.persistence), 0.98) if market.traits.has_intention else 0.0


def lasting(market: Market) -> float:
    """How many times its immediate effect on utility an exposure has, if it is kept up.

    That is `1 + carry_over persistence/(1 - persistence)`, at a persistence of at most .98:

    ```python
    >>> from intandem.market import family_market
    >>> round(lasting(family_market("free-supply", 2, 3, 0)), 4)  # 1 + 1 x 0.8/0.2
    5.0

    ```
    """
    return 1 + float(later_effect(market))


def lasting_chance(market: Market, level: float) -> np.ndarray:
    """Chance of a purchase of a visitor at a lasting exposure: `rows width`. With one choice among many the other
    products of the row share what it leaves of the slots; those of the same category compete.

    ```python
    >>> from intandem.market import example_market
    >>> market = example_market("two-products-capped")
    >>> lasting_chance(market, 0.0).round(3), lasting_chance(market, 1.0).round(3)  # sigmoid(-2), ..., sigmoid(0.2)
    (array([[0.119, 0.231]]), array([[0.622, 0.55 ]]))

    ```
    """
    utility = np.asarray(market.base_utility, float)
    if market.season is not None:
        utility = utility + np.asarray(market.pairs.spread(market.season.mean(0)), float)
    effect = np.asarray(market.exposure_effect, float) * lasting(market)
    valid = np.asarray(market.pairs.valid())
    if market.choice == "independent":
        chance = expit(utility + effect * level)
        if market.traits.habitual:
            bought = np.asarray(market.pairs.spread(market.habit), float) / (1 - fading(market))
            visits = np.asarray(market.visit_probability, float)[:, None]
            for _ in range(30):
                chance = 0.5 * (chance + expit(utility + effect * level + bought * visits * chance))
        return np.where(valid, chance, 0.0)
    others = np.maximum(valid.sum(1, keepdims=True) - 1, 1)
    left = np.clip((market.exposure_slots - level) / others, 0.0, 1.0)
    crowd = np.where(valid, np.exp(utility + effect * left), 0.0)
    own = np.exp(utility + effect * level)
    return np.where(valid, own / (1 + rivals_total(market, crowd) - crowd + own), 0.0)


def rivals_total(market: Market, values: np.ndarray) -> np.ndarray:
    """Sums over what competes for one purchase with each place, itself included, `rows width` or `rows 1`.

    ```python
    >>> from intandem.market.files import example_market
    >>> rivals_total(example_market("two-products-capped"), np.array([[1.0, 2.0]]))
    array([[3.]])

    ```
    """
    if market.rivals is None:
        return np.asarray(values.sum(1, keepdims=True), float)
    return np.asarray(among_rivals(market, jnp.asarray(values, jnp.float32)), float)


def _purchases(
    chances: np.ndarray, people: np.ndarray, paid: np.ndarray, levels: np.ndarray, units: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Worths of a unit of demand, rising from 0, and the mean, variance (units) and cost that rows choose at each."""
    added = units * people[:, None] * (chances - chances[:, :1])
    costs = paid[:, None] * levels
    # Worths at which some row changes its mind, and beyond: enough of them that the curve has no gaps.
    with np.errstate(divide="ignore", invalid="ignore"):
        turning = np.where(added > 1e-12, costs / added, np.nan)
    turning = turning[np.isfinite(turning)]
    inside = np.unique(np.quantile(turning, np.linspace(0, 1, 40))) * (1 + 1e-9) if turning.size else np.zeros(0)
    worths = np.concatenate([[0.0], inside, inside[-1:] * 3 + 1e-6])
    found = np.zeros((3, len(worths)))
    for k, worth in enumerate(worths):
        chosen = (worth * added - costs).argmax(1)[:, None] if k else np.zeros((len(added), 1), int)
        at = np.take_along_axis(chances, chosen, 1)[:, 0]
        bought, variance = (people * at).sum(), (people * at * (1 - at)).sum()
        spread = units**2 * variance + (units - 1) * bought
        found[:, k] = units * bought, spread, np.take_along_axis(costs, chosen, 1).sum()
    mean, cost = np.maximum.accumulate(found[0]), np.maximum.accumulate(found[2])
    return worths, mean, found[1], cost


def _reach(
    worths: np.ndarray, mean: np.ndarray, standing_worth: float, deliverable: float, share: float
) -> tuple[float, float, float]:
    """Least, usual and largest mean demand to look at, by the prices alone."""
    within = mean[0] + share * (mean[-1] - mean[0])
    usual = float(np.interp(standing_worth, worths, mean))
    if np.isfinite(deliverable):
        usual = max(usual, min(deliverable, within))
    return mean[0], usual, min(mean[-1], max(within, mean[0] + 1.5 * (usual - mean[0])))


def _curve(
    mean: np.ndarray, variance: np.ndarray, cost: np.ndarray, least: float, usual: float, largest: float
) -> ExposureCurve:
    count = MEANS if largest - least > 1e-4 * max(largest, 1e-6) else 1
    wanted = np.linspace(least, largest, count)
    spread = np.interp(wanted, mean, variance / np.maximum(mean, 1e-9)) * wanted
    return ExposureCurve(wanted, spread, np.interp(wanted, mean, cost), usual)
