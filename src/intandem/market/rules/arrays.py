"""Arrays that a market is built from in Python, held to the same rules as market files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from intandem.errors import InputError
from intandem.market.rules.joined import check_choices, check_products
from intandem.market.rules.keys import PRODUCT_TEXTS, TABLES
from intandem.market.rules.values import Table, checked, shown, unknown_key

PLACE = "build_market"

DEFAULTED = ("lead_time",)
"""Keys that a market file must have, and that `build_market` fills in."""


def product_columns(products: Mapping[str, ArrayLike], ids: Sequence[str] | None, choice: str) -> dict[str, np.ndarray]:
    """The product arrays, once every value is one that its key takes: `products`, float64, `nan` for a default.

    **Raises:** `InputError` naming the product, the key and the cure.
    """
    keys = {key: wanted for key, wanted in TABLES["products"].items() if key != "product_id"}
    texts = {key: list(products[key]) for key in PRODUCT_TEXTS if key in products}  # type: ignore[arg-type]
    for key in products:
        if key not in keys:
            raise unknown_key(PLACE, key, list(keys), row="products")
    required = [key for key, wanted in keys.items() if wanted.required and key not in DEFAULTED]
    for key in required:
        if key not in products:
            raise InputError(PLACE, "is missing", f"give {keys[key].expectation} per product", row="products", key=key)
    numbers = {key: values for key, values in products.items() if key not in texts}
    columns = {key: _numbers(key, values, "products") for key, values in numbers.items()}
    count = len(columns[required[0]]) if columns[required[0]].ndim == 1 else 0
    for key, values in columns.items():
        if values.shape != (count,) or count == 0:
            problem = f"has shape {values.shape}, and there are {count} of {required[0]}"
            if key == required[0]:
                problem = f"has shape {values.shape}"
            raise InputError(PLACE, problem, "give one number per product", row="products", key=key)
    for key, words in texts.items():
        if len(words) != count:
            problem = f"holds {len(words)} texts, and there are {count} of {required[0]}"
            raise InputError(PLACE, problem, "give one text per product, or None", row="products", key=key)
        strange = [one for one in words if not (one is None or isinstance(one, str))]
        if strange:
            raise InputError(PLACE, f"holds {shown(strange[0])}, not a text", "give texts", row="products", key=key)
    names = _ids(ids, count, "product")
    # No cap is written as infinity, or left out: a file leaves it out.
    given = {key: np.where(np.isposinf(v), np.nan, v) if key == "max_order" else v for key, v in columns.items()}
    frame = pl.DataFrame({"product_id": names, **given}).with_columns(pl.col(list(given)).fill_nan(None))
    frame = frame.with_columns(pl.Series(key, values, dtype=pl.String) for key, values in texts.items())
    if "lead_time" in given:
        frame = frame.with_columns(pl.col("lead_time").fill_null(1.0))
    table = checked(Table("products", PLACE, True, frame), unique=["product_id"])
    check_products(table)
    check_choices(table, choice)
    return columns


def product_texts(products: Mapping[str, ArrayLike]) -> dict[str, tuple[str | None, ...] | None]:
    """The texts of the products by key, `None` for a key that is not given. Checked with `product_columns`."""
    return {key: tuple(products[key]) if key in products else None for key in PRODUCT_TEXTS}  # type: ignore[arg-type]


def customer_columns(
    rows: int, population: ArrayLike | None, visit_probability: ArrayLike | None, ids: Sequence[str] | None
) -> dict[str, Float[np.ndarray, " rows"]]:
    """`population` and `visit_probability` of every customer row, 1 where not given.

    **Raises:** `InputError` naming the customer, the key and the cure.
    """
    given = {"population": population, "visit_probability": visit_probability}
    columns = {key: np.ones(rows) if value is None else _numbers(key, value) for key, value in given.items()}
    for key, values in columns.items():
        if values.shape != (rows,):
            problem = f"has shape {values.shape}, and base_utility has {rows} rows"
            raise InputError(PLACE, problem, "give one number per customer row", key=key)
    frame = pl.DataFrame({"customer_id": _ids(ids, rows, "customer"), **columns})
    checked(Table("customers", PLACE, True, frame), unique=["customer_id"])
    return columns


def pair_arrays(
    base_utility: ArrayLike, exposure_effect: ArrayLike, candidates: ArrayLike | None, products: int
) -> tuple[np.ndarray, np.ndarray, Int[np.ndarray, "rows width"] | None]:
    """Utilities and effects of shape `rows width`, and the product at each place (`None`: dense).

    **Raises:** `InputError` for shapes that disagree, numbers that are not finite, places that name no product.
    """
    utility, effect = _numbers("base_utility", base_utility), _numbers("exposure_effect", exposure_effect)
    if utility.ndim != 2 or 0 in utility.shape:
        problem = f"has shape {utility.shape}"
        raise InputError(PLACE, problem, "give a row per customer and a column per candidate", key="base_utility")
    if effect.shape != utility.shape:
        problem = f"has shape {effect.shape}, and base_utility {utility.shape}"
        raise InputError(PLACE, problem, "give both the same shape", key="exposure_effect")
    held = np.ones(utility.shape, bool)
    index = None
    if candidates is None:
        if utility.shape[1] != products:
            problem = f"has {utility.shape[1]} columns, and there are {products} products"
            raise InputError(PLACE, problem, "give a column per product, or candidates", key="base_utility")
    else:
        index = _places(candidates, utility.shape, products)
        held = index < products
    for key, values in (("base_utility", utility), ("exposure_effect", effect)):
        strange = held & ~(np.abs(values) <= np.finfo(np.float32).max)
        if strange.any():
            row, place = divmod(int(strange.argmax()), utility.shape[1])
            problem = f"is {values[row, place]:g}, not a finite number"
            where = f"customer {row + 1}, place {place + 1}"
            raise InputError(PLACE, problem, "give a utility in logit units", row=where, key=key)
    return utility, effect, index


def season_array(season: ArrayLike | None, products: int) -> np.ndarray | None:
    """Utility shifts of shape `positions products`, if there are any.

    **Raises:** `InputError` for another shape, or a number that is not finite.
    """
    if season is None:
        return None
    shifts = _numbers("season", season)
    if shifts.ndim != 2 or shifts.shape[1] != products or len(shifts) == 0:
        problem = f"has shape {shifts.shape}, and there are {products} products"
        raise InputError(PLACE, problem, "give a row per position and a column per product", key="season")
    if not np.isfinite(shifts).all():
        position, product = divmod(int((~np.isfinite(shifts)).argmax()), products)
        problem = f"is {shifts[position, product]:g}, not a finite number"
        where = f"position {position}, product {product + 1}"
        raise InputError(PLACE, problem, "give a shift in logit units", row=where, key="season")
    return shifts


def _numbers(key: str, values: ArrayLike, row: str | None = None) -> np.ndarray:
    try:
        return np.asarray(values, float)
    except (TypeError, ValueError) as error:
        problem = f"is {shown(values) if isinstance(values, str) else type(values).__name__}, not numbers"
        raise InputError(PLACE, problem, "give an array of numbers", row=row, key=key) from error


def _ids(ids: Sequence[str] | None, count: int, noun: str) -> list[str]:
    if ids is None:
        return [f"{noun[0]}{index + 1}" for index in range(count)]
    key = f"{noun}_ids"
    if len(ids) != count:
        raise InputError(PLACE, f"holds {len(ids)}, and there are {count} {noun}s", "give each its own", key=key)
    strange = [one for one in ids if not isinstance(one, str)]
    if strange:
        raise InputError(PLACE, f"holds {shown(strange[0])}, not a text", "give texts", key=key)
    return list(ids)


def _places(candidates: ArrayLike, shape: tuple[int, ...], products: int) -> Int[np.ndarray, "rows width"]:
    places = _numbers("candidates", candidates)
    if places.shape != shape:
        problem = f"has shape {places.shape}, and base_utility {shape}"
        raise InputError(PLACE, problem, "give both the same shape", key="candidates")
    strange = ~((places >= 0) & (places <= products) & (places == np.floor(places)))
    if strange.any():
        row, place = divmod(int(strange.argmax()), shape[1])
        problem = f"is {places[row, place]:g}, no product"
        cure = f"give the product's index from 0 to {products - 1}, or {products} for an empty place"
        raise InputError(PLACE, problem, cure, row=f"customer {row + 1}, place {place + 1}", key="candidates")
    index = places.astype(np.int32)
    in_row = np.sort(index, axis=1)
    twice = (in_row[:, 1:] == in_row[:, :-1]) & (in_row[:, 1:] < products)
    if twice.any():
        row, place = divmod(int(twice.argmax()), shape[1] - 1)
        problem = f"holds product {in_row[row, place]} twice"
        raise InputError(PLACE, problem, "give every product one place", row=f"customer {row + 1}", key="candidates")
    return index
