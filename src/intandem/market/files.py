"""Market files: a `Market` from a TOML file, or from a folder of one TOML file and Parquet tables, and back.

The keys are in `intandem.market.file_schema`. Whatever a file holds that they do not allow is one `InputError` that
names the file, the row, the key and the cure; a market that breaks them is not written either.
"""

from __future__ import annotations

import importlib.resources
from pathlib import Path

import numpy as np
import polars as pl

from intandem.errors import InputError
from intandem.market.build import build_market
from intandem.market.file_pairs import pair_layout
from intandem.market.file_rules import check_choice, check_products, season_shifts, solve_settings
from intandem.market.file_schema import TABLES
from intandem.market.file_sections import check_section, market_file, parse, split
from intandem.market.file_tables import Table, checked, read_table
from intandem.market.file_writing import folder_text, market_sections, market_tables, toml_text, with_whole_numbers
from intandem.market.file_writing import market_hash as market_hash
from intandem.market.model import Market
from intandem.storage import replace_file, replace_folder

INLINE_PAIRS = 1_000_000
"""Beyond so many pairs a single TOML file would take minutes to read and more memory than the market."""


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
        {key: _numbers(products, key) for key in keys},
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


def save_market(market: Market, path: str | Path) -> None:
    """Writes a market, whole or not at all; `load_market` restores every array to the last bit.

    **Arguments:**

    - `path`: with the ending `.toml`, one TOML file, for small markets. Otherwise a folder of `market.toml` and
      Parquet tables, for markets of any size; it takes the place of a market folder that is there.

    **Raises:** `InputError` if `path` is a folder with other things in it, or if the market breaks a rule of
    market files; `RunError` if the system refuses.

    ```python
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "market.toml"
    >>> save_market(example_market("two-products-capped"), path)
    >>> market_hash(load_market(path)) == market_hash(example_market("two-products-capped"))
    True

    ```
    """
    target = Path(path)
    inline = target.suffix == ".toml"
    if inline and market.pairs.rows * market.pairs.width > INLINE_PAIRS:
        problem = f"would hold more than {INLINE_PAIRS:,} pairs in one TOML file"
        raise InputError(target, problem, "give a folder, a name without the ending .toml")
    if not inline:
        _refuse_other_folder(target)
    sections, tables = market_sections(market), market_tables(market)
    settled = {name: check_section(target, name, values) for name, values in sections.items()}
    check_choice(target, settled["market"])
    solve_settings(target, settled.get("solve"), settled["market"])
    written = {}
    for name, frame in tables.items():
        ids = {"products": ["product_id"], "customers": ["customer_id"]}.get(name, [])
        table = checked(Table(name, target, True, frame), ids)
        if name == "products":
            check_products(table)
        written[name] = with_whole_numbers(name, frame)
    if inline:
        with replace_file(target) as beside:
            beside.write_text(toml_text(sections, written), encoding="utf-8", newline="\n")
        return
    files = {name: f"{name}.parquet" for name in written}
    with replace_folder(target) as beside:
        for name, frame in written.items():
            frame.write_parquet(beside / files[name])
        (beside / "market.toml").write_text(folder_text(sections, files), encoding="utf-8", newline="\n")


def _refuse_other_folder(target: Path) -> None:
    """A folder is replaced as a whole, so that it must hold nothing but a market."""
    ours = {"market.toml", *(f"{name}.parquet" for name in TABLES)}
    if target.is_dir():
        others = sorted(one.name for one in target.iterdir() if one.name not in ours)
        if others:
            problem = f"is a folder with other things in it ({others[0]})"
            raise InputError(target, problem, "give a new folder, or a name with the ending .toml")


def example_market(name: str) -> Market:
    """Loads a market that comes with the package.

    **Raises:** `InputError` if there is none of that name.
    """
    folder = importlib.resources.files("intandem.market") / "examples"
    known = sorted(one.name.removesuffix(".toml") for one in folder.iterdir() if one.name.endswith(".toml"))
    if name not in known:
        raise InputError(name, "is not an example market", f"choose one of {', '.join(known)}")
    with importlib.resources.as_file(folder / f"{name}.toml") as path:
        return load_market(path)
