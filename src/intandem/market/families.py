"""Named market families, generated from a seed at any size.

Draws common to all (U uniform, Z standard normal): unit cost U(4, 8); price is unit cost x (1 + markup), markup
U(.2, .9); holding cost .03 x unit cost per period; lost sale cost .5; exposure effect per product U(.5, 2.5); base
utility -2.2 + .5 Z(product) + .8 Z(pair); lead time 2; persistence .8; carry-over 1; one slot; single persons;
intensity. "Base demand" is a product's expected demand at zero exposure. The 2 x 1 size is one row of 12 people with
lead time 1, without carry-over and persistence, small enough to be solved exactly.
"""

from __future__ import annotations

import re
from functools import partial

import numpy as np

from intandem.errors import InputError, did_you_mean
from intandem.market.build import build_market
from intandem.market.demand import base_demand
from intandem.market.model import Market, SolveSettings

FAMILIES: dict[str, str] = {
    "free-supply": "lead time 0, holding cost .02 x unit cost, no lost sale cost: coordination can earn nothing",
    "capped-supply": "largest order 1.3 x base demand, rounded down, at least 1",
    "long-lead": "lead time 6",
    "fixed-cost": "fixed order cost 1.5 x unit margin x base demand",
    "seasonal": "a season of 52 positions, amplitude .8, its phase by product",
    "mixed": "products that differ more: markup U(.05, 1.5), exposure effect U(0, 3), lead time 0 to 4",
    "habit": "habit +.5 for half of the products (loyalty), -.5 for the others (satiation)",
}
"""By name: what a family differs by from the draws common to all."""

SEASON_POSITIONS = 52
SEASON_AMPLITUDE = 0.8


def family_market(family: str, products: int, customers: int, seed: int, *, candidates: int | None = None) -> Market:
    """Generates a market of a named family.

    **Arguments:**

    - `family`: one of `FAMILIES`.
    - `products`, `customers`: the size.
    - `seed`: the same seed gives the same market.
    - `candidates`: products per customer; `None` for all of them. Candidates are drawn with a popularity that
      falls as the square root of a product's rank, so that products differ in reach as in real assortments.

    **Raises:** `InputError` for an unknown family or an impossible size.

    ```python
    >>> market = family_market("capped-supply", products=10, customers=20, seed=0)
    >>> market.name, market.products, market.rows
    ('capped-supply-10x20-seed0', 10, 20)

    ```
    """
    if family not in FAMILIES:
        raise InputError("family", f"'{family}' is not known", did_you_mean(family, FAMILIES))
    if products < 1 or customers < 1 or (candidates is not None and not 1 <= candidates <= products):
        raise InputError(
            "family",
            "the size is impossible",
            "give at least one product and customer, and 1 to as many candidates as products",
        )
    # The family's name takes part in the seed so that no two families share their draws by accident.
    rng = np.random.default_rng([seed, *family.encode()])
    solvable = (products, customers) == (2, 1)
    width = products if candidates is None else candidates
    places = None if candidates is None else _draw_candidates(rng, products, customers, width)
    fields, effect = _draw_products(rng, family, products, solvable)
    product_utility = 0.5 * rng.standard_normal(products)
    utility = -2.2 + 0.8 * rng.standard_normal((customers, width))
    utility += product_utility[None, :] if places is None else product_utility[places]
    pair_effect = np.broadcast_to(effect, utility.shape) if places is None else effect[places]
    season = None
    if family == "seasonal":
        phase = rng.uniform(0, 2 * np.pi, products)
        angle = 2 * np.pi * np.arange(SEASON_POSITIONS) / SEASON_POSITIONS
        season = SEASON_AMPLITUDE * np.sin(angle[:, None] + phase)
    build = partial(
        build_market,
        base_utility=utility,
        exposure_effect=pair_effect,
        candidates=places,
        population=np.full(customers, 12) if solvable else None,
        season=season,
        persistence=0.0 if solvable and family != "habit" else 0.8,
        carry_over=0.0 if solvable else 1.0,
        name=f"{family}-{products}x{customers}{'' if candidates is None else f'x{candidates}'}-seed{seed}",
        solve=SolveSettings(stock_cap=24) if solvable else None,
    )
    if family in ("capped-supply", "fixed-cost"):
        demand = np.asarray(base_demand(build(fields)), float)
        if family == "capped-supply":
            fields["max_order"] = np.maximum(1, np.floor(1.3 * demand))
        else:
            fields["fixed_order_cost"] = 1.5 * (fields["price"] - fields["unit_cost"]) * demand
    return build(fields)


def _draw_products(
    rng: np.random.Generator, family: str, products: int, solvable: bool
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    unit_cost = rng.uniform(4, 8, products)
    mixed = family == "mixed"
    markup = rng.uniform(0.05, 1.5, products) if mixed else rng.uniform(0.2, 0.9, products)
    effect = rng.uniform(0, 3, products) if mixed else rng.uniform(0.5, 2.5, products)
    free = family == "free-supply"
    lead_time = np.full(products, 1 if solvable else 2)
    if free:
        lead_time = np.zeros(products, int)
    elif family == "long-lead":
        lead_time = np.full(products, 6)
    elif mixed:
        lead_time = rng.integers(0, 5, products)
    fields = {
        "price": unit_cost * (1 + markup),
        "unit_cost": unit_cost,
        "holding_cost": (0.02 if free else 0.03) * unit_cost,
        "lost_sale_cost": np.full(products, 0.0 if free else 0.5),
        "lead_time": lead_time,
    }
    if family == "habit":
        # Half of the products breed loyalty, half satiation; which half is left to the draw.
        fields["habit"] = rng.permutation(np.where(np.arange(products) < (products + 1) // 2, 0.5, -0.5))
    return fields, effect


def _draw_candidates(rng: np.random.Generator, products: int, customers: int, width: int) -> np.ndarray:
    weight = 1 / np.sqrt(np.arange(1, products + 1))
    weight = rng.permutation(weight / weight.sum())
    places = np.empty((customers, width), np.int32)
    # Exponential keys give weighted samples without replacement (Efraimidis and Spirakis 2006); in blocks of
    # rows so that memory stays small. Beyond a few thousand products, draw with rejection of repeats instead.
    if products <= 4_000:
        for first in range(0, customers, 4_096):
            block = slice(first, min(first + 4_096, customers))
            keys = rng.standard_exponential((block.stop - block.start, products)) / weight
            places[block] = np.sort(np.argpartition(keys, width - 1, axis=1)[:, :width], axis=1)
        return places
    places[:] = np.sort(rng.choice(products, (customers, width), p=weight), axis=1)
    while True:
        repeated = np.zeros(places.shape, bool)
        repeated[:, 1:] = places[:, 1:] == places[:, :-1]
        count = int(repeated.sum())
        if count == 0:
            return places
        places[repeated] = rng.choice(products, count, p=weight)
        touched = repeated.any(1)
        places[touched] = np.sort(places[touched], axis=1)


_SPECIFICATION = re.compile(
    r"family:(?P<family>[a-z-]+):(?P<products>\d+)x(?P<customers>\d+)(?:x(?P<candidates>\d+))?(?::(?P<seed>\d+))?"
)

WRITTEN = "family:NAME:PRODUCTSxCUSTOMERS:SEED"
"""How a generated market is named; `PRODUCTSxCUSTOMERSxCANDIDATES` gives every customer so many products only."""


def is_family(text: str) -> bool:
    """Whether a text names a generated market, as in `WRITTEN`."""
    return text.startswith("family:")


def parse_family(text: str) -> Market:
    """Generates the market that a text names, as `family:capped-supply:10x20:3`; the seed is 0 if left out.

    **Raises:** `InputError` naming the text.

    ```python
    >>> market = parse_family("family:capped-supply:10x20x4:3")
    >>> market.products, market.rows, market.base_utility.shape
    (10, 20, (20, 4))

    ```
    """
    match = _SPECIFICATION.fullmatch(text)
    if match is None:
        raise InputError(text, "is not a family", f"write {WRITTEN}, such as family:capped-supply:10x20:0")
    products, customers, seed = int(match["products"]), int(match["customers"]), int(match["seed"] or 0)
    candidates = None if match["candidates"] is None else int(match["candidates"])
    try:
        return family_market(match["family"], products, customers, seed, candidates=candidates)
    except InputError as error:
        raise InputError(text, error.problem, error.cure) from error
