"""From plain arrays to a `Market`: values checked as those of market files are, defaults filled in, layout chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import ArrayLike
from scipy.special import ndtri

from intandem.errors import InputError
from intandem.market.demand import choice_probability, unexposed_utility, variance_in_units
from intandem.market.model import (
    Choice,
    ExposureMode,
    Labels,
    Market,
    PeriodName,
    SolveSettings,
    UnmetDemand,
    traits_of,
)
from intandem.market.pairs import dense_pairs, sparse_pairs
from intandem.market.rivals import product_groups, rivals_of
from intandem.market.rules.arrays import (
    PLACE,
    customer_columns,
    pair_arrays,
    product_columns,
    product_texts,
    season_array,
)
from intandem.market.rules.joined import check_choice
from intandem.market.rules.keys import LARGEST_WHOLE, PRODUCT_DEFAULTS
from intandem.market.rules.values import check_section


def build_market(
    products: Mapping[str, ArrayLike],
    base_utility: ArrayLike,
    exposure_effect: ArrayLike,
    *,
    candidates: ArrayLike | None = None,
    population: ArrayLike | None = None,
    visit_probability: ArrayLike | None = None,
    season: ArrayLike | None = None,
    persistence: float = 0.0,
    carry_over: float = 0.0,
    habit: float = 0.0,
    discount: float = 1.0,
    product_ids: Sequence[str] | None = None,
    customer_ids: Sequence[str] | None = None,
    name: str = "market",
    period: PeriodName = "week",
    choice: Choice = "independent",
    substitution: bool = False,
    exposure: ExposureMode = "intensity",
    exposure_slots: int = 1,
    unmet_demand: UnmetDemand = "lost",
    observed: bool = True,
    first_period: date | int | None = None,
    solve: SolveSettings | None = None,
) -> Market:
    """Builds a market.

    **Arguments:**

    - `products`: arrays of shape `products`: `price`, `unit_cost`, `holding_cost`, and any other product field of
      `Market` that differs from `PRODUCT_DEFAULTS`; `nan` also stands for the default. `name`, `category`
      and `choice` are texts, or `None`.
    - `base_utility`, `exposure_effect`: shape `rows width`.
    - `candidates`: product index per place, `rows width`, with `products` for an empty place. `None`: dense.
    - the rest: as in a market file.

    **Raises:** `InputError` for what a market file would not take: an unknown or missing key, a negative cost, a
    probability outside [0, 1], shapes that disagree; it names the product or customer, the key and the cure.

    ```python
    >>> market = build_market(
    ...     {"price": np.array([10.0]), "unit_cost": np.array([6.0]), "holding_cost": np.array([0.3])},
    ...     base_utility=np.array([[-1.5]]), exposure_effect=np.array([[1.6]]), population=np.array([12]))
    >>> market.products, market.rows, float(market.initial_stock[0])
    (1, 1, 8.0)
    >>> build_market({"price": [10.0], "unit_cost": [6.0], "holding_cost": [0.3], "max_ordr": [5]}, [[-1.5]], [[1.6]])
    Traceback (most recent call last):
    intandem.errors.InputError: build_market: products: max_ordr: is not a known key; write max_order, or remove it

    ```
    """
    sections = {
        "market": {
            "name": name,
            "period": period,
            "choice": choice,
            "substitution": substitution,
            "exposure": exposure,
            "exposure_slots": exposure_slots,
            "unmet_demand": unmet_demand,
            "discount": _plain(discount),
            "observed": observed,
            **({} if first_period is None else {"first_period": first_period}),
        },
        "intention": {"persistence": _plain(persistence), "carry_over": _plain(carry_over), "habit": _plain(habit)},
    }
    for section, values in sections.items():
        check_section(PLACE, section, values)
    check_choice(PLACE, sections["market"])
    if solve is not None and not isinstance(solve, SolveSettings):
        raise InputError(PLACE, f"is a {type(solve).__name__}", "give SolveSettings", key="solve")
    columns, texts = product_columns(products, product_ids, choice), product_texts(products)
    count = len(columns["price"])
    utility, effect, index = pair_arrays(base_utility, exposure_effect, candidates, count)
    rows = len(utility)
    arrays = _filled(columns, count, habit) | customer_columns(rows, population, visit_probability, customer_ids)
    season = season_array(season, count)
    initial = arrays.pop("initial_stock")
    traits = traits_of(arrays, persistence)
    pairs = dense_pairs(rows, count) if index is None else sparse_pairs(index, count)
    labels = Labels(
        product_ids or [f"p{j + 1}" for j in range(count)],
        customer_ids or [f"c{i + 1}" for i in range(rows)],
        texts["name"],
        texts["category"],
        texts["choice"],
        first_period,
    )
    rivals = None
    if choice == "multinomial":
        rivals = rivals_of(product_groups(labels.categories, labels.choices), pairs)
    market = Market(
        **{key: _single(value) for key, value in arrays.items() if key != "lead_time"},
        lead_time=jnp.asarray(arrays["lead_time"], jnp.int32),
        initial_stock=jnp.zeros(count, jnp.float32),
        base_utility=_single(utility),
        exposure_effect=_single(effect),
        season=None if season is None else _single(season),
        persistence=_single(persistence),
        carry_over=_single(carry_over),
        discount=_single(discount),
        pairs=pairs,
        rivals=rivals,
        labels=labels,
        name=name,
        period=period,
        choice=choice,
        substitution=substitution,
        exposure=exposure,
        exposure_slots=exposure_slots,
        unmet_demand=unmet_demand,
        observed=observed,
        longest_lead_time=int(arrays["lead_time"].max()),
        traits=traits,
        solve=solve,
    )
    if np.isnan(initial).any():
        initial = np.where(np.isnan(initial), newsvendor_stock(market), initial)
    return eqx.tree_at(lambda m: m.initial_stock, market, _single(initial))


def _single(values: np.ndarray | float) -> Float[Array, "..."]:
    return jnp.asarray(np.asarray(values, np.float32))


def _filled(given: Mapping[str, np.ndarray], count: int, habit: float) -> dict[str, np.ndarray]:
    """The product arrays with defaults in place of what is not given or `nan`."""
    defaults: dict[str, np.ndarray | float] = {
        **PRODUCT_DEFAULTS,
        "salvage": given["unit_cost"],
        "regular_price": given["price"],
        "habit": habit,
        "initial_stock": np.nan,
    }
    filled = {key: given[key] for key in ("price", "unit_cost", "holding_cost")}
    for key, default in defaults.items():
        value = given.get(key, np.full(count, np.nan))
        filled[key] = np.where(np.isnan(value), default, value)
    return filled


def _plain(value: float | np.ndarray | Array) -> object:
    """A number of NumPy or JAX as Python's own, so that it is checked as one from a file; anything else as it is."""
    return value.item() if isinstance(value, np.generic | np.ndarray | Array) and value.ndim == 0 else value


def demand_moments(market: Market) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of each product's demand in period 0, units, at zero exposure and baseline intention."""
    mean, variance = _demand_moments(market)
    return np.asarray(mean, float), np.asarray(variance, float)


@eqx.filter_jit
def _demand_moments(market: Market) -> tuple[Float[Array, " products"], Float[Array, " products"]]:
    zero = jnp.zeros(market.base_utility.shape)
    chance = choice_probability(
        market, unexposed_utility(market, zero, jnp.asarray(0)), zero, jnp.ones(market.products)
    )
    chance = chance * market.visit_probability[:, None]
    expected = market.population[:, None] * chance
    mean, variance = market.pairs.total(expected), market.pairs.total(expected * (1 - chance))
    return mean * market.units_per_purchase, variance_in_units(market, mean, variance)


def newsvendor_stock(market: Market) -> np.ndarray:
    """The newsvendor level of demand over `lead_time + 1` periods at zero exposure, rounded up, at least 0 and
    no more than a file can hold.

    `mean + z sd` with `z` the normal quantile of `cu/(cu + co)`, where `cu = price - unit_cost + lost_sale_cost` and
    `co = holding_cost + unit_cost - salvage` (Snyder and Shen, Fundamentals of Supply Chain Theory, section 4.3).
    """
    mean, variance = demand_moments(market)
    cover = np.asarray(market.lead_time) + 1.0
    underage = np.asarray(market.price - market.unit_cost + market.lost_sale_cost, float)
    overage = np.asarray(market.holding_cost + market.unit_cost - market.salvage, float)
    positive = np.maximum(underage, 0.0)
    ratio = np.clip(positive / np.maximum(positive + np.maximum(overage, 0.0), 1e-12), 0.0, 0.999)
    level = np.ceil(mean * cover + ndtri(np.maximum(ratio, 1e-9)) * np.sqrt(variance * cover) - 1e-6)
    # A level that is rounded up to minus nought is nought.
    return np.where(underage > 0, np.clip(level, 0.0, LARGEST_WHOLE), 0.0) + 0.0
