"""Whatever is wrong with a market file is one line that names the file, the row, the key and the cure."""

# ruff: noqa: E501
from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from intandem.errors import InputError
from intandem.market.files import load_market

SHOP = """\
[market]
name = "corner-shop"
period = "week"
choice = "independent"
exposure_slots = 1
unmet_demand = "lost"
discount = 1.0

[intention]
persistence = 0.5
carry_over = 1.0
habit = 0.25

[[products]]
product_id = "tea"
price = 4.0
unit_cost = 2.0
holding_cost = 0.1
lead_time = 1

[[products]]
product_id = "milk"
price = 1.0
unit_cost = 0.6
holding_cost = 0.1
lead_time = 0
habit = -0.5

[[customers]]
customer_id = "ann"

[[customers]]
customer_id = "bob"
population = 3
visit_probability = 0.5

[[pairs]]
customer_id = "ann"
product_id = "tea"
base_utility = -1.5
exposure_effect = 1.6

[[pairs]]
customer_id = "bob"
product_id = "tea"
base_utility = -1.0
exposure_effect = 0.8

[[pairs]]
customer_id = "bob"
product_id = "milk"
base_utility = 0.25
exposure_effect = 0.0

[solve]
stock_cap = 24
"""

FRAMES = {
    "products": pl.DataFrame(
        {
            "product_id": ["tea", "milk"],
            "price": [4.0, 1.0],
            "unit_cost": [2.0, 0.6],
            "holding_cost": [0.1, 0.1],
            "lead_time": [1, 0],
            "max_order": [5, None],
        }
    ),
    "customers": pl.DataFrame({"customer_id": ["ann", "bob"], "population": [1, 3]}),
    "pairs": pl.DataFrame(
        {
            "customer_id": ["ann", "bob", "bob"],
            "product_id": ["tea", "tea", "milk"],
            "base_utility": [-1.5, -1.0, 0.25],
            "exposure_effect": [1.6, 0.8, 0.0],
        }
    ),
    "season": pl.DataFrame({"product_id": ["tea", "tea"], "position": [0, 1], "utility_shift": [0.5, -0.5]}),
}


def fault(path: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        load_market(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    return caught.value


def write_shop(folder: Path, old: str = "", new: str = "") -> Path:
    assert old in SHOP
    file = folder / "market.toml"
    file.write_text(SHOP.replace(old, new, 1), encoding="utf-8")
    return file


def write_folder(folder: Path, **frames: pl.DataFrame | bytes | None) -> Path:
    """The shop as a folder, with some tables replaced, left out (`None`) or written as other bytes."""
    lines = [f'{name} = "{name}.parquet"' for name in FRAMES if name != "season"]
    head, _, _ = SHOP.partition("[[products]]")
    head = head.replace("discount = 1.0", 'discount = 1.0\nseason = "season.parquet"')
    (folder / "market.toml").write_text("\n".join([*lines, head]), encoding="utf-8")
    for name, frame in {**FRAMES, **frames}.items():
        if isinstance(frame, bytes):
            (folder / f"{name}.parquet").write_bytes(frame)
        elif frame is not None:
            frame.write_parquet(folder / f"{name}.parquet")
    return folder


def season_rows(*rows: tuple[str, object, object]) -> str:
    row = '[[season]]\nproduct_id = "{}"\nposition = {}\nutility_shift = {}\n'
    return "".join(row.format(*values) for values in rows) + "[solve]"


def test_the_shop_itself_is_right(tmp_path: Path) -> None:
    market = load_market(write_shop(tmp_path))
    assert market.labels.product_ids == ("tea", "milk")
    assert np.asarray(market.habit).tolist() == [0.25, -0.5]
    in_parquet = load_market(write_folder(tmp_path))
    assert np.asarray(in_parquet.max_order).tolist() == [5, np.inf]
    assert np.asarray(in_parquet.season).tolist() == [[0.5, 0], [-0.5, 0]]


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("price = 4.0", "price = 4.0.0", "line 16, column 12"),
        ("price = 4.0", "price = ", "line 16, column 9"),
        ('name = "corner-shop"', 'name = "corner-shop', "line 2, column 20"),
        ('[[products]]\nproduct_id = "tea"', '[[products]\nproduct_id = "tea"', "line 14, column 11"),
        ("[solve]\nstock_cap = 24\n", "[solve", "line 55, its end"),
    ],
)
def test_broken_toml_names_line_and_column(tmp_path: Path, old: str, new: str, where: str) -> None:
    file = write_shop(tmp_path, old, new)
    assert str(fault(file)).startswith(f"{file}: {where}: is not valid TOML: ")


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("price = 4.0", "price = 4.0\nprice = 5.0", "line 17: price: stands twice; remove one of the two"),
        ("[intention]", "[market]", "line 9: [market]: stands twice; remove one of the two"),
        ("[market]", 'products = "p.parquet"\n[market]', "line 15: [[products]]: stands twice; remove one of the two"),
    ],
)
def test_duplicate_keys(tmp_path: Path, old: str, new: str, line: str) -> None:
    file = write_shop(tmp_path, old, new)
    assert str(fault(file)) == f"{file}: {line}"


# fmt: off
SECTION_FAULTS = [
    ("[market]", 'name = "x"\n[market]', "name: is not a known key; remove it; known are market, intention, solve, products, customers, pairs, season"),
    ("[solve]", "[sovle]", "sovle: is not a known key; write solve, or remove it"),
    ("discount = 1.0", "discuont = 1.0", "[market]: discuont: is not a known key; write discount, or remove it"),
    ("persistence", "persistance", "[intention]: persistance: is not a known key; write persistence, or remove it"),
    ('period = "week"\n', "", "[market]: period: is missing; give one of day, week"),
    ("exposure_slots = 1\n", "", "[market]: exposure_slots: is missing; give a whole number of 0 or more"),
    ('period = "week"', 'period = "weekly"', "[market]: period: is 'weekly', not known; give one of day, week"),
    ('period = "week"', "period = 7", "[market]: period: is 7, not a text; give one of day, week"),
    ('choice = "independent"', 'choice = "multinominal"', "[market]: choice: is 'multinominal', not known; give one of independent, multinomial"),
    ('unmet_demand = "lost"', 'unmet_demand = "backorder"', "[market]: unmet_demand: is 'backorder', not known; give one of lost, backordered"),
    ("discount = 1.0", 'exposure = "slates"', "[market]: exposure: is 'slates', not known; give one of intensity, slate"),
    ("discount = 1.0", "substitution = 1", "[market]: substitution: is 1, not true or false; give true or false"),
    ("discount = 1.0", 'observed = "yes"', "[market]: observed: is 'yes', not true or false; give true or false"),
    ("discount = 1.0", "substitution = true", "[market]: substitution: is true, with independent choice; remove it, or set choice = 'multinomial'"),
    ("discount = 1.0", 'first_period = "2024-01-01"', "[market]: first_period: is '2024-01-01', neither a day nor a whole number; give a day such as 2024-01-01, without quotes, or a whole number"),
    ("discount = 1.0", "discount = 0.0", "[market]: discount: is 0, out of range; give a number above 0 and at most 1"),
    ("discount = 1.0", "discount = 1.01", "[market]: discount: is 1.01, out of range; give a number above 0 and at most 1"),
    ("discount = 1.0", "discount = 1e-60", "[market]: discount: is 1e-60, out of range; give a number above 0 and at most 1"),
    ("discount = 1.0", 'discount = "1"', "[market]: discount: is '1', not a number; give a number above 0 and at most 1"),
    ("discount = 1.0", "discount = nan", "[market]: discount: is nan, not a finite number; give a number above 0 and at most 1"),
    ("exposure_slots = 1", "exposure_slots = -1", "[market]: exposure_slots: is -1, out of range; give a whole number of 0 or more"),
    ("exposure_slots = 1", "exposure_slots = 1.5", "[market]: exposure_slots: is 1.5, not a whole number; give a whole number of 0 or more"),
    ("exposure_slots = 1", "exposure_slots = true", "[market]: exposure_slots: is true, not a number; give a whole number of 0 or more"),
    ("persistence = 0.5", "persistence = 1.0", "[intention]: persistence: is 1, out of range; give a number from 0 to below 1"),
    ("persistence = 0.5", "persistence = 0.99999999999", "[intention]: persistence: is 0.99999999999, out of range; give a number from 0 to below 1"),
    ("persistence = 0.5", "persistence = -0.1", "[intention]: persistence: is -0.1, out of range; give a number from 0 to below 1"),
    ("carry_over = 1.0", "carry_over = inf", "[intention]: carry_over: is inf, not a finite number; give a number"),
    ("habit = 0.25", "habit = [1]", "[intention]: habit: is a list, not a number; give a number"),
    ("[intention]\npersistence = 0.5\ncarry_over = 1.0\nhabit = 0.25", "[[intention]]\npersistence = 0.5", "intention: is a list, not a section; write [intention] and its keys below"),
    ("stock_cap = 24", "stock_cap = 0", "[solve]: stock_cap: is 0, out of range; give a whole number of 1 or more"),
    ("stock_cap = 24", "stock_cap = 2.5", "[solve]: stock_cap: is 2.5, not a whole number; give a whole number of 1 or more"),
    ("stock_cap = 24", "exposure_levels = []", "[solve]: exposure_levels: is an empty list; give a list of different numbers, each from 0 to 1"),
    ("stock_cap = 24", "exposure_levels = [0, 2]", "[solve]: exposure_levels: holds 2, out of range; give a list of different numbers, each from 0 to 1"),
    ("stock_cap = 24", "exposure_levels = [0, true]", "[solve]: exposure_levels: holds true, not a number; give a list of different numbers, each from 0 to 1"),
    ("stock_cap = 24", "exposure_levels = [0, 0.5, 0.5]", "[solve]: exposure_levels: holds a number twice; give a list of different numbers, each from 0 to 1"),
    ("stock_cap = 24", "exposure_levels = 1", "[solve]: exposure_levels: is 1, not a list; give a list of different numbers, each from 0 to 1"),
    ("stock_cap = 24", "intention_grid = 1", "[solve]: intention_grid: is 1, out of range; give a whole number of 2 or more"),
    ("stock_cap = 24", "backlog_cap = -1", "[solve]: backlog_cap: is -1, out of range; give a whole number of 0 or more"),
]
# fmt: on


@pytest.mark.parametrize(("old", "new", "line"), SECTION_FAULTS)
def test_faults_of_sections(tmp_path: Path, old: str, new: str, line: str) -> None:
    file = write_shop(tmp_path, old, new)
    assert str(fault(file)) == f"{file}: {line}"


# fmt: off
TABLE_FAULTS = [
    ("price = 4.0", "prize = 4.0", "products 1 ('tea'): prize: is not a known key; write price, or remove it"),
    ("price = 4.0", "price = 4.0\nshelf_life = 3", "products 1 ('tea'): shelf_life: is not a known key; remove it; known are product_id, name, category, choice, price, unit_cost, holding_cost, lost_sale_cost, backorder_cost, fixed_order_cost, exposure_cost, salvage, elasticity, regular_price, lead_time, min_order, order_multiple, max_order, initial_stock, habit, units_per_purchase, unit_size"),
    ("base_utility = -1.5", "utility = -1.5", "pairs 1 ('ann', 'tea'): utility: is not a known key; write base_utility, or remove it"),
    ("unit_cost = 2.0\n", "", "products 1 ('tea'): unit_cost: is missing; give a number of 0 or more"),
    ("lead_time = 1\n", "", "products 1 ('tea'): lead_time: is missing; give a whole number from 0 to 1000"),
    ('product_id = "milk"\nprice', "price", "products 2: product_id: is missing; give a text in quotes"),
    ("exposure_effect = 0.8\n", "", "pairs 2 ('bob', 'tea'): exposure_effect: is missing; give a number"),
    ('customer_id = "ann"\n\n[[cus', "[[cus", "customers 1: customer_id: is missing; give a text in quotes"),
    ("price = 4.0", "price = -4.0", "products 1 ('tea'): price: is -4, out of range; give a number of 0 or more"),
    ("price = 4.0", "price = true", "products 1 ('tea'): price: is true, not a number; give a number of 0 or more"),
    ("price = 4.0", 'price = "4"', "products 1 ('tea'): price: is '4', not a number; give a number of 0 or more"),
    ("price = 4.0", "price = 2024-01-01", "products 1 ('tea'): price: is 2024-01-01, not a number; give a number of 0 or more"),
    ("price = 4.0", "price = nan", "products 1 ('tea'): price: is nan, not a finite number; give a number of 0 or more"),
    ("price = 4.0", "price = inf", "products 1 ('tea'): price: is inf, not a finite number; give a number of 0 or more"),
    ("price = 4.0", "price = 1e39", "products 1 ('tea'): price: is 1e+39, too large for single precision; give a number of 0 or more"),
    ("price = 4.0", "price = 1" + 400 * "0", "products 1 ('tea'): price: is inf, not a finite number; give a number of 0 or more"),
    ("unit_cost = 0.6", "unit_cost = -0.6", "products 2 ('milk'): unit_cost: is -0.6, out of range; give a number of 0 or more"),
    ("holding_cost = 0.1", "holding_cost = -1", "products 1 ('tea'): holding_cost: is -1, out of range; give a number of 0 or more"),
    ("lead_time = 1", "lead_time = -1", "products 1 ('tea'): lead_time: is -1, out of range; give a whole number from 0 to 1000"),
    ("lead_time = 1", "lead_time = 1.5", "products 1 ('tea'): lead_time: is 1.5, not a whole number; give a whole number from 0 to 1000"),
    ("lead_time = 1", "lead_time = 1001", "products 1 ('tea'): lead_time: is 1001, out of range; give a whole number from 0 to 1000"),
    ("lead_time = 1", "lead_time = 1\nlost_sale_cost = -0.5", "products 1 ('tea'): lost_sale_cost: is -0.5, out of range; give a number of 0 or more, or leave the key out"),
    ("lead_time = 1", "lead_time = 1\nbackorder_cost = -0.5", "products 1 ('tea'): backorder_cost: is -0.5, out of range; give a number of 0 or more, or leave the key out"),
    ("lead_time = 1", "lead_time = 1\nfixed_order_cost = -0.5", "products 1 ('tea'): fixed_order_cost: is -0.5, out of range; give a number of 0 or more, or leave the key out"),
    ("lead_time = 1", "lead_time = 1\nexposure_cost = -0.5", "products 1 ('tea'): exposure_cost: is -0.5, out of range; give a number of 0 or more, or leave the key out"),
    ("lead_time = 1", "lead_time = 1\nelasticity = -0.5", "products 1 ('tea'): elasticity: is -0.5, out of range; give a number of 0 or more, or leave the key out"),
    ("lead_time = 1", "lead_time = 1\nregular_price = -0.5", "products 1 ('tea'): regular_price: is -0.5, out of range; give a number of 0 or more, or leave the key out"),
    ("lead_time = 1", "lead_time = 1\nmin_order = -1", "products 1 ('tea'): min_order: is -1, out of range; give a whole number of 0 or more, or leave the key out"),
    ("lead_time = 1", "lead_time = 1\nmin_order = 2.5", "products 1 ('tea'): min_order: is 2.5, not a whole number; give a whole number of 0 or more, or leave the key out"),
    ("lead_time = 1", "lead_time = 1\norder_multiple = 0", "products 1 ('tea'): order_multiple: is 0, out of range; give a whole number of 1 or more, or leave the key out"),
    ("lead_time = 1", "lead_time = 1\nmax_order = 0", "products 1 ('tea'): max_order: is 0, out of range; give a whole number of 1 or more, or leave the key out"),
    ("lead_time = 1", "lead_time = 1\nmax_order = inf", "products 1 ('tea'): max_order: is inf, not a finite number; give a whole number of 1 or more, or leave the key out"),
    ("lead_time = 1", "lead_time = 1\nmax_order = 5\norder_multiple = 6", "products 1 ('tea'): max_order: is 5, and no multiple of 6 from 0 up fits below it; give 6 or more, or leave the key out for no cap"),
    ("lead_time = 1", "lead_time = 1\nmax_order = 9\nmin_order = 9\norder_multiple = 4", "products 1 ('tea'): max_order: is 9, and no multiple of 4 from 9 up fits below it; give 12 or more, or leave the key out for no cap"),
    ("lead_time = 1", "lead_time = 1\ninitial_stock = -1", "products 1 ('tea'): initial_stock: is -1, out of range; give a whole number of 0 or more, or leave the key out"),
    ("lead_time = 1", "lead_time = 1\ninitial_stock = 1.5", "products 1 ('tea'): initial_stock: is 1.5, not a whole number; give a whole number of 0 or more, or leave the key out"),
    ("lead_time = 1", "lead_time = 1\ninitial_stock = 20000000", "products 1 ('tea'): initial_stock: is 2e+07, beyond 16777216, where exact counts end; give a whole number of 0 or more, or leave the key out"),
    ("lead_time = 1", "lead_time = 1\nsalvage = nan", "products 1 ('tea'): salvage: is nan, not a finite number; give a number, or leave the key out"),
    ("lead_time = 1", "lead_time = 1\nelasticity = 1.4\nregular_price = 0", "products 1 ('tea'): regular_price: is 0, with an elasticity; give a price above 0, or leave the elasticity out"),
    ("price = 1.0", "price = 0\nelasticity = 1", "products 2 ('milk'): price: is 0, with an elasticity; give a price above 0, or leave the elasticity out"),
    ("population = 3", "population = 0", "customers 2 ('bob'): population: is 0, out of range; give a whole number of 1 or more, or leave the key out"),
    ("population = 3", "population = 2.5", "customers 2 ('bob'): population: is 2.5, not a whole number; give a whole number of 1 or more, or leave the key out"),
    ("population = 3", 'population = "3"', "customers 2 ('bob'): population: is '3', not a number; give a whole number of 1 or more"),
    ("visit_probability = 0.5", "visit_probability = 1.5", "customers 2 ('bob'): visit_probability: is 1.5, out of range; give a number from 0 to 1, or leave the key out"),
    ("visit_probability = 0.5", "visit_probability = -0.5", "customers 2 ('bob'): visit_probability: is -0.5, out of range; give a number from 0 to 1, or leave the key out"),
    ('product_id = "milk"\nprice', 'product_id = "tea"\nprice', "products 2 ('tea'): product_id: is the id of products 1 ('tea') too; give every row its own id"),
    ('product_id = "milk"\nprice', 'product_id = ""\nprice', "products 2 (''): product_id: is empty; give a text in quotes"),
    ('product_id = "milk"\nprice', "product_id = 7\nprice", "products 2 (7): product_id: is 7, not a text; give a text in quotes"),
    ('customer_id = "bob"\npopu', 'customer_id = "ann"\npopu', "customers 2 ('ann'): customer_id: is the id of customers 1 ('ann') too; give every row its own id"),
    ('product_id = "milk"\nbase', 'product_id = "mlik"\nbase', "pairs 3 ('bob'): product_id: is 'mlik', not a known product; write 'milk', or add it to the products"),
    ('product_id = "milk"\nbase', 'product_id = "x"\nbase', "pairs 3 ('bob'): product_id: is 'x', not a known product; correct the id, or add it to the products"),
    ('customer_id = "bob"\nproduct_id = "milk"', 'customer_id = "bobby"\nproduct_id = "milk"', "pairs 3 ('milk'): customer_id: is 'bobby', not a known customer; write 'bob', or add it to the customers"),
    ('product_id = "milk"\nbase', 'product_id = "tea"\nbase', "pairs 3 ('bob', 'tea'): product_id: is paired with the customer in pairs 2 ('bob', 'tea') already; remove one of the two"),
    ("base_utility = 0.25", "base_utility = nan", "pairs 3 ('bob', 'milk'): base_utility: is nan, not a finite number; give a number"),
    ("base_utility = 0.25", 'base_utility = "low"', "pairs 3 ('bob', 'milk'): base_utility: is 'low', not a number; give a number"),
    ("exposure_effect = 0.8", "exposure_effect = inf", "pairs 2 ('bob', 'tea'): exposure_effect: is inf, not a finite number; give a number"),
    ("[market]", 'season = "s.parquet"\n[market]', "season: names 's.parquet', and no such file is there; add the file, or write the rows as [[season]]"),
    ("[market]", "season = []\n[market]", "season: has no rows; add at least one row of season"),
    ("[market]", "season = 3\n[market]", "season: is 3, not a list of rows; write [[season]] in two pairs of brackets, or season = 'season.parquet'"),
    ("[market]", "season = [3]\n[market]", "season 1: is 3, not a row; write [[season]] and its keys below"),
    ("[market]", "season = {a = 1}\n[market]", "season: is a table, not a list of rows; write [[season]] in two pairs of brackets, or season = 'season.parquet'"),
]
# fmt: on


@pytest.mark.parametrize(("old", "new", "line"), TABLE_FAULTS)
def test_faults_of_inline_tables(tmp_path: Path, old: str, new: str, line: str) -> None:
    file = write_shop(tmp_path, old, new)
    assert str(fault(file)) == f"{file}: {line}"


# fmt: off
SEASON_FAULTS: list[tuple[list[tuple[str, object, object]], str]] = [
    ([("tea", 0, 0.1), ("tea", 2, 0.1)], "season 1 ('tea'): position: has no 1 for this product, in a season of positions 0 to 2; add position 1"),
    ([("tea", 0, 0.1), ("tea", 1, 0.1), ("milk", 0, 0.2)], "season 3 ('milk'): position: has no 1 for this product, in a season of positions 0 to 1; add position 1"),
    ([("tea", 0, 0.1), ("tea", 0, 0.2)], "season 2 ('tea'): position: is 0 for the second time; remove one of the two"),
    ([("tea", 0, 0.1), ("mlik", 0, 0.1)], "season 2: product_id: is 'mlik', not a known product; write 'milk', or add it to the products"),
    ([("tea", -1, 0.1)], "season 1 ('tea'): position: is -1, out of range; give a whole number of 0 or more"),
    ([("tea", 0.5, 0.1)], "season 1 ('tea'): position: is 0.5, not a whole number; give a whole number of 0 or more"),
    ([("tea", 0, "nan")], "season 1 ('tea'): utility_shift: is nan, not a finite number; give a number"),
]
# fmt: on


@pytest.mark.parametrize(("rows", "line"), SEASON_FAULTS)
def test_faults_of_the_season(tmp_path: Path, rows: list[tuple[str, object, object]], line: str) -> None:
    file = write_shop(tmp_path, "[solve]", season_rows(*rows))
    assert str(fault(file)) == f"{file}: {line}"


def test_slate_levels_are_zero_and_one(tmp_path: Path) -> None:
    slate = 'discount = 1.0\nexposure = "slate"'
    file = write_shop(tmp_path, "discount = 1.0", slate)
    solve = load_market(file).solve
    assert solve is not None
    assert solve.exposure_levels == (0.0, 1.0)
    file.write_text(file.read_text().replace("stock_cap = 24", "exposure_levels = [0, 0.5, 1]"))
    expected = (
        "[solve]: exposure_levels: holds levels between 0 and 1, and the market's exposure is a slate; give [0, 1]"
    )
    assert str(fault(file)) == f"{file}: {expected}"


@pytest.mark.parametrize("table", ["products", "customers", "pairs"])
def test_missing_and_empty_tables(tmp_path: Path, table: str) -> None:
    file = tmp_path / "market.toml"
    head, *blocks = SHOP.split(f"[[{table}]]")
    tail = "[[" + blocks[-1].partition("[[")[2] if "[[" in blocks[-1] else "[solve]"
    file.write_text(head + tail)
    assert (
        str(fault(file))
        == f"{file}: {table}: is missing; add [[{table}]] rows, or {table} = '{table}.parquet' above [market]"
    )
    file.write_text(f"{table} = []\n" + head + tail)
    assert str(fault(file)) == f"{file}: {table}: has no rows; add at least one row of {table}"
    empty = write_folder(tmp_path, **{table: FRAMES[table].clear()})
    assert str(fault(empty)) == f"{tmp_path / table}.parquet: has no rows; add at least one row of {table}"


def test_missing_market_section(tmp_path: Path) -> None:
    file = write_shop(tmp_path, "[market]", "[solve]\n[intention]\nhabit = 0.0\n#")
    file.write_text("products = []\n")
    assert str(fault(file)) == f"{file}: [market]: is missing; add the section and its keys"


def test_missing_files(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere.toml"
    assert str(fault(nowhere)) == f"{nowhere}: is not there; check the path"
    assert (
        str(fault(tmp_path)) == f"{tmp_path}: is a folder without market.toml; give a market file, or a folder with one"
    )
    expected = "pairs: names 'pairs.parquet', and no such file is there; add the file, or write the rows as [[pairs]]"
    assert str(fault(write_folder(tmp_path, pairs=None))) == f"{tmp_path / 'market.toml'}: {expected}"


def test_files_that_are_not_text(tmp_path: Path) -> None:
    file = tmp_path / "market.toml"
    file.write_bytes(b'name = "\xff\xfe"')
    assert str(fault(file)) == f"{file}: is not text in UTF-8; give a market file in TOML"


def test_files_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_shop(tmp_path)

    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    assert str(fault(file)) == f"{file}: cannot be read (Permission denied); check the path and your rights"


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    file = tmp_path / "market.toml"
    file.write_text(SHOP, encoding="utf-8-sig")
    assert load_market(file).name == "corner-shop"


def test_a_table_may_be_named_once_only(tmp_path: Path) -> None:
    file = write_shop(tmp_path, "discount = 1.0", 'discount = 1.0\npairs = "pairs.parquet"')
    assert str(fault(file)) == f"{file}: [market]: pairs: stands twice; remove one of the two"


@pytest.mark.parametrize("damage", ["cut", "text", "middle"])
def test_unreadable_parquet(tmp_path: Path, damage: str) -> None:
    write_folder(tmp_path)
    table = tmp_path / "pairs.parquet"
    whole = table.read_bytes()
    damaged = {"cut": whole[:100], "text": b"customer_id,product_id\n", "middle": b"PAR1" + 200 * b"\0" + whole[204:]}
    line = str(fault(write_folder(tmp_path, pairs=damaged[damage])))
    assert line.startswith(f"{table}: cannot be read as Parquet (")
    assert line.endswith("); write the table again")


def changed(table: str, **columns: object) -> dict[str, pl.DataFrame]:
    return {table: FRAMES[table].with_columns(**columns)}


# fmt: off
PARQUET_FAULTS: list[tuple[dict[str, pl.DataFrame], str]] = [
    ({"products": FRAMES["products"].rename({"price": "prize"})}, "products.parquet: prize: is not a known key; write price, or remove it"),
    ({"products": FRAMES["products"].drop("unit_cost")}, "products.parquet: unit_cost: is missing; add the column, a number of 0 or more in each row"),
    (changed("products", price=pl.Series(["4", "1"])), "products.parquet: price: holds String, not numbers; write the column as numbers"),
    (changed("products", price=pl.Series([True, False])), "products.parquet: price: holds Boolean, not numbers; write the column as numbers"),
    (changed("products", product_id=pl.Series([1, 2])), "products.parquet: product_id: holds Int64, not texts; write the column as texts"),
    (changed("products", price=pl.Series([4.0, None])), "products.parquet: row 2 ('milk'): price: is empty; give a number of 0 or more"),
    (changed("products", price=pl.Series([4.0, -1.0])), "products.parquet: row 2 ('milk'): price: is -1, out of range; give a number of 0 or more"),
    (changed("products", max_order=pl.Series([np.nan, 3.0])), "products.parquet: row 1 ('tea'): max_order: is nan, not a finite number; give a whole number of 1 or more, or leave the key out"),
    (changed("products", lead_time=pl.Series([0.5, 1.0])), "products.parquet: row 1 ('tea'): lead_time: is 0.5, not a whole number; give a whole number from 0 to 1000"),
    (changed("products", product_id=pl.Series(["tea", None])), "products.parquet: row 2: product_id: is empty; give a text in quotes"),
    (changed("products", product_id=pl.Series([None, None])), "products.parquet: row 1: product_id: is empty; give a text in quotes"),
    (changed("products", product_id=pl.Series(["tea", "tea"])), "products.parquet: row 2 ('tea'): product_id: is the id of row 1 ('tea') too; give every row its own id"),
    (changed("customers", population=pl.Series([1, 0])), "customers.parquet: row 2 ('bob'): population: is 0, out of range; give a whole number of 1 or more, or leave the key out"),
    (changed("pairs", product_id=pl.Series(["tea", "coffee", "milk"])), "pairs.parquet: row 2 ('bob'): product_id: is 'coffee', not a known product; correct the id, or add it to the products"),
    (changed("pairs", customer_id=pl.Series(["ann", None, "bob"])), "pairs.parquet: row 2 ('tea'): customer_id: is empty; give an id"),
    (changed("pairs", product_id=pl.Series(["tea", "milk", "milk"])), "pairs.parquet: row 3 ('bob', 'milk'): product_id: is paired with the customer in row 2 ('bob', 'milk') already; remove one of the two"),
    (changed("pairs", base_utility=pl.Series([0.0, np.nan, 0.0])), "pairs.parquet: row 2 ('bob', 'tea'): base_utility: is nan, not a finite number; give a number"),
    (changed("pairs", exposure_effect=pl.Series([0.0, None, 0.0])), "pairs.parquet: row 2 ('bob', 'tea'): exposure_effect: is empty; give a number"),
    (changed("pairs", exposure_effect=pl.Series([0.0, 1e300, 0.0])), "pairs.parquet: row 2 ('bob', 'tea'): exposure_effect: is 1e+300, too large for single precision; give a number"),
    (changed("season", position=pl.Series([0, 2])), "season.parquet: row 1 ('tea'): position: has no 1 for this product, in a season of positions 0 to 2; add position 1"),
]
# fmt: on


@pytest.mark.parametrize(("frames", "line"), PARQUET_FAULTS)
def test_faults_of_parquet_tables(tmp_path: Path, frames: dict[str, pl.DataFrame], line: str) -> None:
    assert str(fault(write_folder(tmp_path, **frames))) == f"{tmp_path}{os.sep}{line}"
