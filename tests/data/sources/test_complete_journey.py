"""The rules of the loader on a small source that has each oddity, then the counts of the real one."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from intandem.data.sources.complete_journey import MARGINS, load_complete_journey
from intandem.data.tables.tables import Tables
from intandem.errors import InputError

LINE_COLUMNS = [
    "household_id",
    "store_id",
    "basket_id",
    "product_id",
    "quantity",
    "sales_value",
    "retail_disc",
    "coupon_disc",
    "coupon_match_disc",
    "week",
    "transaction_timestamp",
]
WEEK_2 = datetime(2017, 1, 4, 12)
WEEK_3 = datetime(2017, 1, 10, 12)


def _line(
    household: int,
    product: int,
    *,
    store: int = 300,
    basket: int = 1,
    quantity: int = 1,
    money: tuple[float, float, float, float] = (2.0, 0.0, 0.0, 0.0),
    week: int = 2,
    at: datetime = WEEK_2,
) -> tuple[object, ...]:
    return (household, store, basket, product, quantity, *money, week, at)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    lines = [
        # Household 1 shops twice in store 300 and once in 301; household 2 once in 301.
        _line(1, 10, basket=1, quantity=2, money=(4.0, 1.0, 0.5, 0.2)),
        _line(1, 20, basket=1),
        _line(1, 10, basket=2, at=datetime(2017, 1, 5, 12)),
        _line(1, 10, basket=3, store=301, week=3, at=WEEK_3),
        _line(2, 10, basket=4, store=301, week=3, at=WEEK_3),
        # Just before 05:00 by the source's clock is the evening before.
        _line(2, 20, basket=5, store=301, week=1, at=datetime(2017, 1, 2, 4, 59)),
        # Oddities: fuel, a coupon, no quantity, a pallet, a store without promotions, a coupon above the price.
        _line(3, 90, basket=6, quantity=20),
        _line(3, 91, basket=6),
        _line(3, 10, basket=6, quantity=0, money=(0.0, 0.0, 1.0, 0.0)),
        _line(3, 10, basket=6, quantity=25),
        _line(3, 10, basket=6, store=999),
        _line(3, 30, basket=7, money=(1.0, 0.0, 3.0, 0.0)),
    ]
    pl.DataFrame(lines, LINE_COLUMNS, orient="row").write_parquet(tmp_path / "transactions.parquet")
    pl.DataFrame(
        [
            (10, "PRODUCE", "National", "TROPICAL FRUIT", "BANANAS", "40 LB"),
            (20, "GROCERY", "Private", "EGGS", "EGGS", None),
            (30, None, "Private", None, None, None),
            (90, "FUEL", "National", "FUEL", "GASOLINE", None),
            (91, "GROCERY", "National", "COUPON/MISC ITEMS", None, None),
        ],
        ["product_id", "department", "brand", "product_category", "product_type", "package_size"],
        orient="row",
    ).write_parquet(tmp_path / "products.parquet")
    pl.DataFrame(
        [
            (10, 300, "0", "A", 2),
            (10, 301, "9", "A", 3),
            (20, 300, "5", "0", 2),
            (20, 301, "0", "0", 3),
            (30, 300, "5", "0", 3),
            (77, 301, "5", "0", 3),
        ],
        ["product_id", "store_id", "display_location", "mailer_location", "week"],
        orient="row",
    ).write_parquet(tmp_path / "promotions.parquet")
    pl.DataFrame({"household_id": [2], "age": ["35-44"]}).write_parquet(tmp_path / "demographics.parquet")
    return tmp_path


def _load(source: Path, products: int = 2, households: int = 2) -> Tables:
    return load_complete_journey(source, products, households)


def test_chooses_products_by_lines_and_households_by_baskets(source: Path) -> None:
    tables = _load(source)
    assert tables.products["product_id"].to_list() == ["10", "20"]
    assert tables.customers["customer_id"].to_list() == ["1", "2"]
    assert tables.customers["age"].to_list() == [None, "35-44"]


def test_leaves_out_fuel_coupons_odd_quantities_and_unknown_stores(source: Path) -> None:
    tables = _load(source, 9, 9)
    third = tables.customers.filter(pl.col("customer_id") == "3")["customer"].item()
    lines = tables.transactions.filter(pl.col("customer") == third)
    products = dict(zip(tables.products["product"], tables.products["product_id"], strict=True))
    assert [products[code] for code in lines["product"]] == ["30"]
    assert lines["price"].to_list() == [0.0]
    assert tables.stores["store_id"].to_list() == ["300", "301"]


def test_prices_paid_received_and_regular(source: Path) -> None:
    tables = _load(source)
    first = tables.transactions.filter((pl.col("quantity") == 2) & (pl.col("product") == 0))
    assert first["price"].item() == pytest.approx((4.0 - 0.5) / 2)
    bananas = tables.products.row(0, named=True)
    units = 2 + 1 + 1 + 1
    assert bananas["price"] == pytest.approx((4 + 2 + 2 + 2) / units)
    assert bananas["regular_price"] == pytest.approx((4 + 1 + 0.2 + 2 + 2 + 2) / units)
    assert bananas["unit_cost"] == pytest.approx((1 - MARGINS["PRODUCE"]) * bananas["price"])
    week_2 = tables.prices.filter((pl.col("product") == 0) & (pl.col("period") == 1))
    assert week_2["price"].item() == pytest.approx((2.1 + 2.0) / 2)
    assert week_2["regular_price"].item() == pytest.approx((2.6 + 2.0) / 2)
    assert tables.prices.filter(pl.col("product") == 0).height == 53


def test_margins_can_be_stated(source: Path) -> None:
    tables = load_complete_journey(source, 2, 2, margins={"PRODUCE": 0.5}, other_margin=0.1)
    assert (tables.products["unit_cost"] / tables.products["price"]).to_list() == pytest.approx([0.5, 0.9])
    assert "PRODUCE 50%, others 10%" in tables.assumptions[0]


def test_weeks_begin_on_monday_and_the_first_holds_one_day(source: Path) -> None:
    tables = _load(source)
    assert tables.periods == 53
    assert tables.calendar["start"][1] == date(2017, 1, 2)
    assert tables.calendar["observed"][:2].to_list() == pytest.approx([1 / 7, 1.0])
    eggs = tables.transactions.filter(pl.col("period") == 0)
    assert eggs["date"].to_list() == [date(2017, 1, 1)]
    assert len(tables.periods_of("test")) == 8


def test_exposed_where_and_when_the_household_shopped(source: Path) -> None:
    tables = _load(source)
    stores = tables.stores["store_id"].to_list()
    shown = [(stores[row[1]], row[2], row[3], row[4]) for row in tables.exposures.rows()]
    assert shown == [
        ("300", 0, 1, "mailer"),
        ("300", 1, 1, "display"),
        ("301", 0, 2, "display"),
        ("301", 0, 2, "mailer"),
    ]
    assert tables.customer_exposures().drop("propensity").sort(pl.all()).rows() == [
        (0, 0, 1, "mailer"),
        (0, 0, 2, "display"),
        (0, 0, 2, "mailer"),
        (0, 1, 1, "display"),
        (1, 0, 2, "display"),
        (1, 0, 2, "mailer"),
    ]
    assert [stores[code] for code in tables.customers["store"]] == ["300", "301"]
    assert tables.visits.select("customer", "period", "visits").rows() == [(0, 1, 2), (0, 2, 1), (1, 0, 1), (1, 2, 1)]


def test_says_where_it_comes_from(source: Path) -> None:
    tables = _load(source)
    assert "CC0" in tables.provenance
    assert "simulated" in tables.provenance
    assert any("personalised recommendation" in line for line in tables.assumptions)


def test_files_and_settings_that_do_not_fit(source: Path) -> None:
    with pytest.raises(InputError, match="products: is 0; give 1 or more"):
        _load(source, products=0)
    with pytest.raises(InputError, match=r"a margin of 1\.2 for PRODUCE"):
        load_complete_journey(source, margins={"PRODUCE": 1.2})
    (source / "promotions.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"promotions\.parquet: cannot be read as Parquet"):
        _load(source)
    (source / "promotions.parquet").unlink()
    with pytest.raises(InputError, match=r"promotions\.parquet: there is no such file; bring it with"):
        _load(source)


@pytest.mark.parametrize(
    ("products", "households", "lines"),
    [
        (50, 200, 35_032),
        pytest.param(100, 1_000, 151_068, marks=pytest.mark.slow),
        pytest.param(500, 2_000, 387_082, marks=pytest.mark.slow),
    ],
)
def test_counts_of_the_source(complete_journey_folder: Path, products: int, households: int, lines: int) -> None:
    tables = load_complete_journey(complete_journey_folder, products, households)
    assert tables.transactions.height == lines
    assert (tables.products.height, tables.customers.height) == (products, households)
    assert tables.products["department"].null_count() == 0
    assert (tables.products["price"] <= tables.products["regular_price"] + 1e-9).all()
    assert (tables.products["unit_cost"] > 0).all()
    assert tables.exposures["kind"].unique().sort().to_list() == ["display", "mailer"]
    assert tables.prices["price"].null_count() == 0
