"""Each flaw of the source on a small sample that has it, then the counts of the real file."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from intandem.data.sources.ta_feng import (
    INSTANCES,
    MASKED_DATES,
    Instance,
    choose_customers,
    choose_products,
    clean_lines,
    load_ta_feng,
    read_lines,
    recorded_share,
    to_tables,
)
from intandem.errors import InputError

HEADER = "TRANSACTION_DT,CUSTOMER_ID,AGE_GROUP,PIN_CODE,PRODUCT_SUBCLASS,PRODUCT_ID,AMOUNT,ASSET,SALES_PRICE"


def _write(path: Path, *rows: tuple[str, str, str, int, int, int]) -> Path:
    """Rows of day, customer, product, amount, cost and price, quoted and ended as the source does it."""
    lines = [[day, who, "30-34", "115", "110411", what, *map(str, rest)] for day, who, what, *rest in rows]
    text = "\r\n".join(",".join(f'"{value}"' for value in line) for line in [HEADER.split(","), *lines])
    path.write_bytes(b"\xef\xbb\xbf" + (text + "\r\n").encode())
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ta_feng.csv"


def test_byte_order_mark_line_ends_and_short_dates(path: Path) -> None:
    lines = read_lines(
        _write(path, ("11/1/2000", "00012", "47101", 1, 8, 10), ("2/27/2001", "00012", "47101", 1, 8, 10))
    )
    assert lines["date"].to_list() == [date(2000, 11, 1), date(2001, 2, 27)]
    assert lines["total"].to_list() == [10.0, 10.0]
    assert lines["customer_id"].to_list() == ["00012", "00012"]


def test_price_and_cost_are_totals_of_the_line(path: Path) -> None:
    lines = read_lines(_write(path, ("11/2/2000", "1", "47101", 4, 24, 30)))
    assert lines.select("price", "unit_cost").row(0) == (7.5, 6.0)


def test_lines_without_cost_and_of_resellers_go_and_lines_below_cost_stay(path: Path) -> None:
    raw = read_lines(
        _write(
            path,
            ("11/2/2000", "1", "free", 1, 0, 10),
            ("11/2/2000", "1", "below", 1, 12, 10),
            ("11/2/2000", "1", "most", 24, 24, 48),
            ("11/2/2000", "1", "reseller", 25, 25, 50),
        )
    )
    assert clean_lines(raw)["product_id"].to_list() == ["below", "most"]


def test_weeks_run_from_wednesday_to_tuesday_and_the_last_day_goes(path: Path) -> None:
    days = ["11/1/2000", "11/7/2000", "11/8/2000", "2/27/2001", "2/28/2001"]
    lines = clean_lines(read_lines(_write(path, *((day, "1", "a", 1, 8, 10) for day in days))))
    assert lines["period"].to_list() == [0, 0, 1, 16]
    assert date(2000, 11, 1).strftime("%A") == "Wednesday"


def test_under_recorded_days_are_not_read_as_quiet() -> None:
    assert MASKED_DATES[0] == date(2000, 11, 1)
    assert set(MASKED_DATES[1:8]) == {date(2000, 12, day) for day in range(19, 26)}
    assert set(MASKED_DATES[8:]) == {date(2001, 1, day) for day in range(3, 8)}
    start = date(2000, 11, 1)
    counts = {start + timedelta(days=day): 10 for day in range(119)}
    counts |= dict.fromkeys(MASKED_DATES, 1)
    counts[date(2001, 1, 25)] = 2
    lines = pl.DataFrame({"date": [day for day, count in counts.items() for _ in range(count)]})
    observed = dict(recorded_share(lines).iter_rows())
    assert observed[0] == pytest.approx((6 + 0.1) / 7)
    assert observed[6] == pytest.approx((6 + 0.1) / 7)
    assert observed[7] == pytest.approx((1 + 6 * 0.1) / 7)
    assert observed[9] == pytest.approx((2 + 5 * 0.1) / 7)
    # Quiet after New Year, and not masked: that is demand.
    assert observed[12] == 1.0
    assert len(observed) == 17


def _sample(path: Path) -> pl.DataFrame:
    rows = []
    for week in range(12):
        day = date(2000, 11, 2) + timedelta(days=7 * week)
        text = f"{day.month}/{day.day}/{day.year}"
        rows += [(text, "often", "good", 2, 16, 20), (text, "often", "better", 1, 80, 100)]
        rows += [(text, "often", "thin", 1, 99, 100), (text, "often", "cheap", 1, 2, 4)]
        if week < 9:
            rows += [(text, "often", "rare", 3, 24, 30)]
        if week < 2:
            rows += [(text, "seldom", "good", 1, 8, 12)]
    rows += [("2/27/2001", "late", "good", 1, 8, 10), ("11/2/2000", "once", "good", 1, 8, 10)]
    rows += [("11/2/2000", "rich", "good", 1, 8, 9_000), ("11/9/2000", "rich", "good", 1, 8, 9_000)]
    rows += [("11/2/2000", "other", "thin", 1, 99, 100), ("11/9/2000", "other", "thin", 1, 99, 100)]
    rows += [("1/26/2001", "often", "good", 1, 8, 10), ("2/1/2001", "often", "good", 1, 8, 10)]
    return clean_lines(read_lines(_write(path, *rows)))


def test_products_need_margin_price_and_weeks(path: Path) -> None:
    lines = _sample(path).filter(pl.col("customer_id") != "rich")
    chosen = choose_products(lines, Instance(5, 5, 10, 2))
    assert chosen["product_id"].to_list() == ["good", "better"]
    assert choose_products(lines, Instance(5, 5, 9, 2))["product_id"].to_list() == ["good", "better", "rare"]
    assert choose_products(lines, Instance(1, 5, 9, 2))["product_id"].to_list() == ["good"]


def test_customers_need_weeks_small_baskets_and_an_instance_product(path: Path) -> None:
    lines = _sample(path)
    products = pl.DataFrame({"product_id": ["good"]})
    assert choose_customers(lines, products, Instance(1, 9, 10, 2))["customer_id"].to_list() == ["often", "seldom"]
    once_is_enough = choose_customers(lines, products, Instance(1, 9, 10, 1))["customer_id"].to_list()
    assert once_is_enough == ["often", "seldom", "once"]


def test_tables_split_by_time_and_keep_each_customers_price(path: Path) -> None:
    lines = _sample(path)
    tables = to_tables(
        "sample",
        lines,
        pl.DataFrame({"product_id": ["good", "better"]}),
        pl.DataFrame({"customer_id": ["often", "seldom"]}),
    )
    assert [len(tables.periods_of(split)) for split in ("train", "burn_in", "test")] == [12, 1, 4]
    assert tables.lines_of("burn_in").height == 1
    assert tables.lines_of("test").height == 1
    prices = tables.transactions.filter((pl.col("period") == 0) & (pl.col("product") == 0))
    assert prices.sort("customer")["price"].to_list() == [10.0, 12.0]
    better = tables.products.row(1, named=True)
    assert (better["price"], better["unit_cost"], better["regular_price"]) == (100.0, 80.0, 100.0)
    assert tables.exposures.height == 0
    assert tables.stores.height == 0
    assert tables.masked_dates == MASKED_DATES
    assert tables.calendar["start"][0] == date(2000, 11, 1)


def test_files_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file; bring it with `intandem data fetch ta-feng`"):
        load_ta_feng(tmp_path)
    with pytest.raises(InputError, match="'huge' is not known; known are small, medium, large"):
        load_ta_feng(tmp_path, "huge")
    (tmp_path / "ta_feng.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="cannot be read as Ta-Feng"):
        load_ta_feng(tmp_path)


@pytest.fixture(scope="module")
def real(ta_feng_folder: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    raw = read_lines(ta_feng_folder / "ta_feng.csv")
    return raw, clean_lines(raw)


def test_counts_of_the_source(real: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    raw, clean = real
    assert raw.height == 817_741
    assert raw["customer_id"].n_unique() == 32_266
    assert raw["product_id"].n_unique() == 23_812
    assert raw.select((pl.col("total_cost") == 0).sum()).item() == 63
    assert raw.select((pl.col("total") < pl.col("total_cost")).sum()).item() == 62_549
    resellers = raw.filter(pl.col("quantity") >= 24)
    assert resellers.height == 484
    assert resellers["total"].sum() / raw["total"].sum() == pytest.approx(0.035, abs=0.0005)
    assert clean.height == 808_044


def test_masked_days_stand_out_in_the_source(real: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    daily = real[1].group_by("date").agg(lines=pl.len(), people=pl.col("customer_id").n_unique())
    masked = pl.col("date").is_in(list(MASKED_DATES))
    before = daily.filter(~masked & (pl.col("date") < date(2001, 1, 24)))
    assert daily.filter(masked)["people"].mean() < 0.3 * before["people"].mean()  # type: ignore[operator]
    # Whole visits are missing: those that are there are as long as any.
    length = [part["lines"].sum() / part["people"].sum() for part in (daily.filter(masked), before)]
    assert length[0] == pytest.approx(length[1], rel=0.2)


def test_new_year_peaks_in_week_12_and_crashes_in_13(real: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    weekly = dict(real[1].group_by("period").len().iter_rows())
    usual = sorted(weekly.values())[8]
    assert max(weekly, key=lambda week: weekly[week]) == 11
    assert weekly[11] > 1.6 * usual
    assert weekly[12] < 0.7 * usual


def test_prices_differ_between_customers(real: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    products = choose_products(real[1], INSTANCES["medium"])
    on_sale = real[1].join(products, on="product_id", how="semi")
    days = on_sale.group_by("product_id", "date").agg(prices=pl.col("price").n_unique())
    assert days.select((pl.col("prices") > 1).mean()).item() == pytest.approx(0.54, abs=0.02)


@pytest.mark.parametrize(
    ("size", "train", "test"),
    [
        ("small", 1_389, 269),
        ("medium", 21_533, 6_074),
        pytest.param("large", 218_327, 60_221, marks=pytest.mark.slow),
    ],
)
def test_counts_of_the_instances(real: tuple[pl.DataFrame, pl.DataFrame], size: str, train: int, test: int) -> None:
    instance = INSTANCES[size]
    products = choose_products(real[1], instance)
    customers = choose_customers(real[1], products, instance)
    tables = to_tables(size, real[1], products, customers)
    assert (tables.products.height, tables.customers.height) == (instance.products, instance.customers)
    assert (tables.lines_of("train").height, tables.lines_of("test").height) == (train, test)
    margin = 1 - tables.products["unit_cost"] / tables.products["price"]
    assert margin.is_between(0.02, 0.7).all()
    if size != "large":
        assert 0.09 <= margin.to_numpy().mean() <= 0.14
    observed = tables.calendar["observed"].to_list()
    assert [round(observed[week], 2) for week in (0, 6, 7, 9)] == [0.93, 0.9, 0.21, 0.47]
