"""Reading: a `Market` from a TOML file, or from a folder of one TOML file and Parquet tables."""

from __future__ import annotations

import importlib.resources
from pathlib import Path

import numpy as np
import polars as pl

from intandem.errors import InputError, did_you_mean
from intandem.market.build import build_market
from intandem.market.files.pairs import pair_layout
from intandem.market.files.sections import market_file, parse, split
from intandem.market.files.tables import read_table
from intandem.market.model import Market
from intandem.market.rules.joined import check_choice, check_choices, check_products, season_shifts, solve_settings
from intandem.market.rules.keys import PRODUCT_TEXTS, TABLES
from intandem.market.rules.values import Table

_EXAMPLES = importlib.resources.files("intandem.market") / "examples"


def load_market(path: str | Path) -> Market:
    """Reads a market.

    **Arguments:**

    - `path`: a TOML file, or a folder with `market.toml` in it. Either may name Parquet tables beside itself.

    **Returns:** the market in single precision. Pairs that cover every product for every customer are laid out
    densely, others sparsely, each customer's in the order of the file. Customers and products without any pair
    are allowed: they buy, and sell, nothing.

    **Raises:** `InputError` naming the file, the row, the key and the cure.

    ```python
    >>> market = example_market("two-products-capped")
    >>> market.products, market.rows, market.max_order.tolist(), market.solve.stock_cap
    (2, 1, [5.0, 5.0], 24)

    ```
    """
    place = market_file(Path(path))
    sections, sources = split(place, parse(place))
    rules = sections["market"] or {}
    check_choice(place, rules)
    solve = solve_settings(place, sections["solve"], rules)
    products = read_table("products", sources["products"], place)
    check_products(products)
    check_choices(products, rules["choice"])
    customers = read_table("customers", sources["customers"], place)
    product_ids = products.frame["product_id"].to_list()
    customer_ids = customers.frame["customer_id"].to_list()
    ids = {"customer_id": customer_ids, "product_id": product_ids}
    layout = pair_layout(read_table("pairs", sources["pairs"], place, ids), len(customer_ids), len(product_ids))
    season = None
    if "season" in sources:
        shifts = read_table("season", sources["season"], place, {"product_id": product_ids})
        season = season_shifts(shifts, len(product_ids))
    keys = [key for key in TABLES["products"] if key in products.frame.columns and key != "product_id"]
    return build_market(
        {key: products.frame[key].to_list() if key in PRODUCT_TEXTS else _numbers(products, key) for key in keys},
        layout.base_utility,
        layout.exposure_effect,
        candidates=layout.candidates,
        population=_numbers(customers, "population", 1.0),
        visit_probability=_numbers(customers, "visit_probability", 1.0),
        season=season,
        product_ids=product_ids,
        customer_ids=customer_ids,
        solve=solve,
        **(sections["intention"] or {}),
        **rules,
    )


def _numbers(table: Table, key: str, default: float = np.nan) -> np.ndarray:
    if key not in table.frame.columns:
        return np.full(table.frame.height, default)
    return table.frame[key].cast(pl.Float64).fill_null(default).to_numpy()


def example_market(name: str) -> Market:
    """Loads a market that comes with the package.

    **Raises:** `InputError` if there is none of that name.

    ```python
    >>> example_market("two-products-capped").name
    'two-products-capped'

    ```
    """
    if name not in example_names():
        raise InputError(name, "is not an example market", did_you_mean(name, example_names()))
    with importlib.resources.as_file(_EXAMPLES / f"{name}.toml") as path:
        return load_market(path)


def example_names() -> tuple[str, ...]:
    """The names of the markets that come with the package."""
    return tuple(sorted(one.name.removesuffix(".toml") for one in _EXAMPLES.iterdir() if one.name.endswith(".toml")))
