"""The rules of a market that join several keys or several rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float

from intandem.errors import InputError
from intandem.market.model import SolveSettings
from intandem.market.rules.keys import PRODUCT_DEFAULTS
from intandem.market.rules.values import Table

_SLATE_LEVELS = (0.0, 1.0)


def check_choices(products: Table, choice: str) -> None:
    """**Raises:** `InputError` for a product chosen among others in a market of independent choice."""
    if "choice" not in products.frame.columns or choice != "independent":
        return
    among = (products.frame["choice"] == "multinomial").fill_null(False)
    if among.any():
        cure = "remove it, or set choice = 'multinomial' in [market]"
        raise products.wrong(
            int(among.arg_max() or 0), "choice", "is 'multinomial', in a market of independent choice", cure
        )


def check_choice(place: Path | str, rules: Mapping[str, Any]) -> None:
    """**Raises:** `InputError` for substitution with independent choice, which has nothing to substitute."""
    if rules.get("substitution") and rules["choice"] == "independent":
        cure = "remove it, or set choice = 'multinomial'"
        raise InputError(place, "is true, with independent choice", cure, row="[market]", key="substitution")


def solve_settings(place: Path, section: Mapping[str, Any] | None, rules: Mapping[str, Any]) -> SolveSettings | None:
    """How to cut the market for an exact solution, if the file says so; in slate mode exposures are 0 or 1.

    **Raises:** `InputError` for other levels in slate mode.
    """
    if section is None:
        return None
    settings = dict(section)
    if rules.get("exposure") == "slate":
        levels = settings.setdefault("exposure_levels", _SLATE_LEVELS)
        if not set(levels) <= set(_SLATE_LEVELS):
            problem = "holds levels between 0 and 1, and the market's exposure is a slate"
            raise InputError(place, problem, "give [0, 1]", row="[solve]", key="exposure_levels")
    return SolveSettings(**settings)


def check_products(products: Table) -> None:
    """**Raises:** `InputError` for a product that can never be ordered, or an elasticity without prices above 0."""
    frame = products.frame
    multiple = _column(frame, "order_multiple", PRODUCT_DEFAULTS["order_multiple"])
    least = _column(frame, "min_order", PRODUCT_DEFAULTS["min_order"])
    most = _column(frame, "max_order", PRODUCT_DEFAULTS["max_order"])
    smallest = np.maximum(np.ceil(least / multiple), 1) * multiple
    too_low = np.floor(most / multiple) * multiple < smallest
    if too_low.any():
        row = int(too_low.argmax())
        problem = f"is {most[row]:.0f}, and no multiple of {multiple[row]:.0f} from {least[row]:.0f} up fits below it"
        cure = f"give {smallest[row]:.0f} or more, or leave the key out for no cap"
        raise products.wrong(row, "max_order", problem, cure)
    elasticity = _column(frame, "elasticity", PRODUCT_DEFAULTS["elasticity"])
    price = frame["price"].to_numpy()
    for key, prices in (("price", price), ("regular_price", _column(frame, "regular_price", price))):
        free = (elasticity != 0) & (prices == 0)
        if free.any():
            cure = "give a price above 0, or leave the elasticity out"
            raise products.wrong(int(free.argmax()), key, "is 0, with an elasticity", cure)


def _column(frame: pl.DataFrame, key: str, default: float | np.ndarray) -> np.ndarray:
    if key not in frame.columns:
        return np.broadcast_to(np.float64(default), (frame.height,))
    given = frame[key].cast(pl.Float64).to_numpy()
    return np.where(np.isnan(given), default, given)


def season_shifts(season: Table, products: int) -> Float[np.ndarray, "positions products"]:
    """Utility shifts by position and product; 0 for products that the table does not name.

    **Raises:** `InputError` unless each product named has every position from 0 to the last exactly once.
    """
    frame = season.frame
    product = frame["product_id"].to_physical().cast(pl.Int64).to_numpy()
    position = frame["position"].cast(pl.Int64).to_numpy()
    length = int(position.max()) + 1
    repeats = ~frame.select("product_id", "position").to_struct().is_first_distinct()
    if repeats.any():
        row = int(repeats.arg_max() or 0)
        raise season.wrong(row, "position", f"is {position[row]} for the second time", "remove one of the two")
    count = np.bincount(product, minlength=products)
    holed = (count > 0) & (count < length)
    if holed.any():
        one = int(holed.argmax())
        row = int((product == one).argmax())
        missing = np.setdiff1d(np.arange(length), position[product == one])[0]
        problem = f"has no {missing} for this product, in a season of positions 0 to {length - 1}"
        raise season.wrong(row, "position", problem, f"add position {missing}")
    shifts = np.zeros((length, products), np.float32)
    shifts[position, product] = frame["utility_shift"].to_numpy()
    return shifts
