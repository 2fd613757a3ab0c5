from __future__ import annotations

from datetime import date

import polars as pl

from intandem.data.tables.tables import COLUMNS, Tables, build_tables, count_visits, price_table, week_calendar

LINES = pl.DataFrame(
    [
        ("ann", "tea", 0, 1.0, 4.0, "north", date(2024, 1, 1)),
        ("ann", "milk", 0, 2.0, 1.0, "south", date(2024, 1, 3)),
        ("ann", "tea", 0, 1.0, 4.0, "south", date(2024, 1, 3)),
        ("ann", "gum", 1, 1.0, 0.5, "north", date(2024, 1, 9)),
        ("bob", "milk", 1, 1.0, 1.2, "north", date(2024, 1, 8)),
        ("cy", "milk", 1, 1.0, 1.4, "east", date(2024, 1, 8)),
    ],
    ["customer_id", "product_id", "period", "quantity", "price", "store_id", "date"],
    orient="row",
)


def _tables(**frames: pl.DataFrame) -> Tables:
    return build_tables(
        "test",
        "week",
        {
            "products": pl.DataFrame({"product_id": ["tea", "milk"], "price": [4.0, 1.0]}),
            "customers": pl.DataFrame({"customer_id": ["bob", "ann"], "age": ["30", "40"]}),
            "transactions": LINES,
            **frames,
        },
        calendar=week_calendar(date(2024, 1, 1), 2),
    )


def test_every_table_has_its_columns_and_types() -> None:
    tables = _tables()
    for name, columns in COLUMNS.items():
        frame = getattr(tables, name)
        assert dict(list(frame.schema.items())[: len(columns)]) == columns, name
    assert tables.customers["age"].to_list() == ["30", "40"]


def test_codes_are_row_numbers_and_strangers_are_left_out() -> None:
    tables = _tables()
    rows = tables.transactions.select("customer", "product", "period").rows()
    assert rows == [(1, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 1)]
    for name in ("product", "customer", "store"):
        frame = getattr(tables, f"{name}s")
        assert frame[name].to_list() == list(range(frame.height))


def test_visits_count_days_of_all_purchases() -> None:
    visits = _tables().visits
    assert visits.select("customer", "period", "visits").rows() == [(0, 1, 1), (1, 0, 2), (1, 1, 1)]
    without_days = count_visits(LINES.drop("date", "store_id"))
    assert without_days["visits"].to_list() == [1, 1, 1, 1]


def test_store_of_a_period_and_usual_store() -> None:
    tables = _tables()
    stores = tables.stores["store_id"].to_list()
    assert stores == ["east", "north", "south"]
    ann_first_week = tables.visits.row(1, named=True)
    assert stores[ann_first_week["store"]] == "south"
    # Ann is level, two lines each: the first id in order.
    assert [stores[code] for code in tables.customers["store"]] == ["north", "north"]


def test_exposures_by_store_reach_who_shopped_there() -> None:
    shown = pl.DataFrame(
        [
            (None, "south", "tea", 0, "display"),
            (None, "north", "tea", 0, "mailer"),
            (None, "north", "milk", 1, "mailer"),
            ("ann", None, "milk", 1, "mailer"),
            ("ann", None, "milk", 0, "recommendation"),
            ("bob", None, "milk", 0, "recommendation"),
            ("cy", None, "milk", 1, "recommendation"),
        ],
        ["customer_id", "store_id", "product_id", "period", "kind"],
        orient="row",
    )
    tables = _tables(exposures=shown)
    assert tables.exposures.height == 6
    assert tables.customer_exposures().drop("propensity").sort(pl.all()).rows() == [
        (0, 1, 1, "mailer"),
        (1, 0, 0, "display"),
        (1, 1, 0, "recommendation"),
        (1, 1, 1, "mailer"),
    ]
    recorded = dict(zip(tables.stores["store_id"], tables.stores["exposures_recorded"], strict=True))
    assert recorded == {"east": False, "north": True, "south": True}


def test_prices_are_carried_over_weeks_without_sales() -> None:
    lines = pl.DataFrame(
        {
            "product_id": ["a", "a", "a", "b"],
            "period": [1, 1, 3, 2],
            "quantity": [1.0, 2.0, 1.0, 5.0],
            "paid": [2.0, 4.0, 5.0, 7.0],
            "usual": [4.0, 4.0, 6.0, 7.0],
        }
    )
    prices = price_table(lines, 4, "paid", "usual")
    a = prices.filter(pl.col("product_id") == "a")
    assert a["price"].to_list() == [3.0, 3.0, 3.0, 5.0]
    assert a["regular_price"].to_list() == [4.0, 4.0, 4.0, 6.0]
    assert a["units"].to_list() == [0.0, 3.0, 0.0, 1.0]
    assert prices.height == 8


def test_splits() -> None:
    calendar = week_calendar(date(2024, 1, 1), 2).with_columns(split=pl.Series(["train", "test"]))
    tables = build_tables("t", "week", {**_frames(), "transactions": LINES}, calendar=calendar)
    assert tables.periods == 2
    assert tables.periods_of("test") == [1]
    assert tables.lines_of("train").height == 3
    assert tables.summary()["transactions"] == 4


def _frames() -> dict[str, pl.DataFrame]:
    return {
        "products": pl.DataFrame({"product_id": ["tea", "milk"]}),
        "customers": pl.DataFrame({"customer_id": ["ann", "bob"]}),
    }
