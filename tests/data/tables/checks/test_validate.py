"""One test for each rule and each structural fault: a row in quarantine, or one line and nothing written."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from intandem.data.tables.checks.validate import ValidationReport, validate_folder
from intandem.data.tables.schema import RULES
from intandem.errors import InputError, RunError

TODAY = date(2024, 6, 1)

GOOD = {
    "transactions": (
        "customer_id,product_id,date,quantity,price,store_id\n"
        "ann,tea,2024-01-01,2,4,north\nbob,milk,2024-01-10,1,1,north\n"
    ),
    "products": "product_id,unit_cost,price,lead_time\ntea,2,4,1\nmilk,0.5,1,2\n",
    "customers": "customer_id,age\nann,30\nbob,40\n",
    "exposures": "customer_id,store_id,product_id,date,kind,propensity\nann,,tea,2024-01-01,recommendation,0.5\n",
    "stock": "product_id,date,on_hand\ntea,2024-01-01,7\n",
    "open_orders": "product_id,quantity,date\ntea,12,2024-01-20\n",
}

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes the good tables, with some replaced, extended by rows, or left out."""

    def _write(mapping: str | None = None, rows: dict[str, str] | None = None, **tables: str | bytes | None) -> Path:
        for name, text in {**GOOD, **tables}.items():
            if text is None:
                continue
            content = text if isinstance(text, bytes) else (text + (rows or {}).get(name, "")).encode()
            (tmp_path / f"{name}.csv").write_bytes(content)
        if mapping is not None:
            (tmp_path / "mapping.toml").write_text(mapping)
        return tmp_path

    return _write


def _faults(report: ValidationReport) -> list[tuple[str, int, str, str, str]]:
    frame = pl.read_csv(report.quarantine, infer_schema=False)
    return [
        (row["table"], int(row["row"] or 0), row["rule"], row["column"], row["value"])
        for row in frame.iter_rows(named=True)
    ]


def test_good_tables_pass(write: Write) -> None:
    report = validate_folder(write(), today=TODAY)
    assert report.as_json()["rows"] == 9
    assert report.quarantined == 0
    assert report.rules == {}
    assert _faults(report) == []
    tables = report.tables
    assert tables.transactions.select("customer", "product", "period", "quantity", "price").rows() == [
        (0, 0, 0, 2.0, 4.0),
        (1, 1, 1, 1.0, 1.0),
    ]
    assert tables.exposures.row(0) == (0, None, 0, 0, "recommendation", 0.5)
    assert tables.stock.drop("backlog").rows() == [(0, 0, 7.0, date(2024, 1, 1))]
    assert tables.open_orders.rows() == [(0, 12.0, 2)]
    assert tables.products["lead_time"].to_list() == [1, 2]


@pytest.mark.parametrize(
    ("table", "row", "rule", "column", "value"),
    [
        ("transactions", ",tea,2024-01-02,1,4,\n", "missing", "customer_id", None),
        ("transactions", "ann,tea,,1,4,\n", "missing", "date", None),
        ("transactions", "ann,tea,2024-01-02,1,,\n", "missing", "price", None),
        ("transactions", "ann,tea,2024-01-02,two,4,\n", "not-a-number", "quantity", "two"),
        ("transactions", "ann,tea,2024-01-02,NaN,4,\n", "missing", "quantity", "NaN"),
        ("transactions", "ann,tea,2024-01-02,-inf,4,\n", "not-finite", "quantity", "-inf"),
        ("transactions", "ann,tea,2024-01-02,2e15,4,\n", "too-high", "quantity", "2e15"),
        ("transactions", "ann,tea,2024-01-02,1,inf,\n", "not-finite", "price", "inf"),
        ("transactions", "ann,tea,2024-01-02,0,4,\n", "too-low", "quantity", "0"),
        ("transactions", "ann,milk,2024-01-02,-1,4,\n", "unmatched-return", "quantity", "-1"),
        ("transactions", "ann,tea,2024-01-02,1,-4,\n", "too-low", "price", "-4"),
        ("transactions", "ann,tea,2024-02-30,1,4,\n", "not-a-date", "date", "2024-02-30"),
        ("transactions", "ann,tea,2024-12-24,1,4,\n", "date-out-of-range", "date", "2024-12-24"),
        ("transactions", "ann,tea,0024-01-02,1,4,\n", "date-out-of-range", "date", "0024-01-02"),
        ("transactions", "ann,cola,2024-01-02,1,4,\n", "unknown-product", "product_id", "cola"),
        ("transactions", "zed,tea,2024-01-02,1,4,\n", "unknown-customer", "customer_id", "zed"),
        ("transactions", "ann,tea,2024-01-02,1,4,north,more,and\n", "too-many-fields", "store_id", "more,and"),
        ("products", "tea,1,1,1\n", "duplicate-key", "product_id", "tea"),
        ("products", "gum,1,,1\n", "missing", "price", None),
        ("customers", "ann,31\n", "duplicate-key", "customer_id", "ann"),
        ("exposures", "ann,,tea,2024-01-02,display,0\n", "too-low", "propensity", "0"),
        ("exposures", "ann,,tea,2024-01-02,display,1.5\n", "too-high", "propensity", "1.5"),
        ("exposures", ",,tea,2024-01-02,display,\n", "no-customer-or-store", "customer_id", None),
        ("exposures", "ann,,tea,2024-03-02,display,\n", "outside-calendar", "date", "2024-03-02"),
        ("exposures", "ann,,cola,2024-01-02,display,\n", "unknown-product", "product_id", "cola"),
        (
            "exposures",
            "ann,,tea,2024-01-01,recommendation,0.4\n",
            "duplicate-key",
            "customer_id",
            "ann |  | tea | 2024-01-01 | recommendation",
        ),
        ("stock", "tea,2024-01-01,9\n", "duplicate-key", "product_id", "tea | 2024-01-01"),
        ("open_orders", "tea,0,2024-02-01\n", "too-low", "quantity", "0"),
        ("open_orders", "tea,5,2224-02-01\n", "date-out-of-range", "date", "2224-02-01"),
    ],
)
def test_a_bad_row_goes_to_quarantine(
    write: Write, table: str, row: str, rule: str, column: str, value: str | None
) -> None:
    report = validate_folder(write(rows={table: row}), today=TODAY)
    number = GOOD[table].count("\n")
    assert _faults(report) == [(table, number, rule, column, value)]
    assert report.quarantined == 1
    assert report.rules == {rule: 1}
    assert rule in RULES
    assert report.rows == 10
    left = {"products": 2, "customers": 2, "transactions": 2, "exposures": 1, "stock": 1, "open_orders": 1}
    assert {name: report.tables.summary()[name] for name in left} == left


@pytest.mark.parametrize(
    ("cells", "rule", "column", "value"),
    [
        ("-1,1,1", "too-low", "unit_cost", "-1"),
        ("1,-2,1", "too-low", "price", "-2"),
        ("1,1,1.5", "not-whole", "lead_time", "1.5"),
        ("1,1,2000", "too-high", "lead_time", "2000"),
        ("1,1,soon", "not-a-number", "lead_time", "soon"),
        ("inf,1,1", "not-finite", "unit_cost", "inf"),
    ],
)
def test_a_bad_optional_value_does_not_take_its_product_along(
    write: Write, cells: str, rule: str, column: str, value: str
) -> None:
    products = f"product_id,unit_cost,price,lead_time\ntea,{cells}\nmilk,0.5,1,2\n"
    report = validate_folder(write(products=products), today=TODAY)
    assert _faults(report) == [("products", 1, rule, column, value)]
    assert report.quarantined == 0
    assert report.rules == {rule: 1}
    assert report.tables.transactions.height == 2
    # A price that cannot be is the one that was paid.
    assert report.tables.products[column][0] == (4.0 if column == "price" else None)
    assert any("taken as not given" in note and f"{column} {rule}: 1" in note for note in report.notes)


def test_what_was_found_is_logged(write: Write, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "intandem"):
        report = validate_folder(write(rows={"transactions": "ann,rum,2024-01-03,1,2\n" * 9}), today=TODAY)
    said = [record.getMessage() for record in caplog.records if record.levelname == "INFO"]
    assert said == [f"{report.tables.name}: {note}" for note in report.notes]
    assert f"{report.quarantined} of {report.rows} rows are set aside" in caplog.text


def test_reports_and_tables_are_short_to_read(write: Write) -> None:
    report = validate_folder(write())
    assert len(repr(report).splitlines()) <= 10
    assert f"{report.rows:,} rows read, {report.quarantined:,} set aside" in repr(report)
    assert f"{report.tables.transactions.height:,} lines of" in repr(report.tables)
    assert len(repr(report.tables).splitlines()) <= 10


def test_a_row_may_break_several_rules_and_counts_once(write: Write) -> None:
    report = validate_folder(write(rows={"transactions": "ann,tea,2024-01-02,0,inf,\n"}), today=TODAY)
    assert report.quarantined == 1
    assert report.rules == {"not-finite": 1, "too-low": 1}


def test_a_product_without_an_id_takes_its_lines_along(write: Write) -> None:
    report = validate_folder(write(products="product_id,price\ntea,4\n,1\n", stock=None), today=TODAY)
    assert [fault[:3] for fault in _faults(report)] == [
        ("transactions", 2, "unknown-product"),
        ("products", 2, "missing"),
    ]


def test_unknown_columns_are_named_and_their_rows_stay(write: Write) -> None:
    report = validate_folder(write(stock="product_id,date,on_hand,shelf\ntea,2024-01-01,7,b\n"), today=TODAY)
    assert _faults(report) == [("stock", 0, "unknown-column", "shelf", None)]
    assert report.quarantined == 0
    assert report.rules == {"unknown-column": 1}
    assert report.tables.stock.height == 1
    assert any("shelf" in note for note in report.notes)


def test_customers_keep_attributes(write: Write) -> None:
    assert validate_folder(write(), today=TODAY).tables.customers["age"].to_list() == ["30", "40"]


def test_customers_table_is_optional(write: Write) -> None:
    report = validate_folder(write(customers=None), today=TODAY)
    assert report.tables.customers["customer_id"].to_list() == ["ann", "bob"]
    assert any("no customers table" in note for note in report.notes)


def test_mapping_and_line_totals_and_foreign_dates(write: Write) -> None:
    folder = write(
        mapping="""
period = "day"
[transactions]
file = "till.csv"
separator = ";"
customer_id = "household"
product_id = "sku"
total = "paid"
date_format = "%d/%m/%y %H:%M"
quantity = "n"
""",
        transactions=None,
        till="\ufeffhousehold;sku;date;n;paid\r\nann;tea;02/01/24 18:30;2;9\r\nbob;milk;03/01/24 08:00;1;1\r\n",
        exposures=None,
    )
    tables = validate_folder(folder, today=TODAY).tables
    assert tables.period_name == "day"
    assert tables.transactions.select("customer", "period", "price", "date").rows() == [
        (0, 0, 4.5, date(2024, 1, 2)),
        (1, 1, 1.0, date(2024, 1, 3)),
    ]


@pytest.mark.parametrize(
    "day", ["2024/01/31", "20240131", "31.01.2024", "31-01-2024", "31/01/2024", "1/31/2024", "2024-01-31T09:30:00"]
)
def test_date_formats_are_found(write: Write, day: str) -> None:
    text = f"customer_id,product_id,date,quantity,price\nann,tea,{day},1,4\n"
    tables = validate_folder(write(transactions=text, exposures=None, stock=None), today=TODAY).tables
    assert tables.transactions["date"].to_list() == [date(2024, 1, 31)]


def test_dates_that_read_two_ways_are_refused(write: Write) -> None:
    text = "customer_id,product_id,date,quantity,price\nann,tea,02/01/2024,1,4\n"
    with pytest.raises(InputError, match=r"02/01/2024 read as %d/%m/%Y and as %m/%d/%Y") as caught:
        validate_folder(write(transactions=text), today=TODAY)
    assert caught.value.key == "date"
    report = validate_folder(
        write(transactions=text, mapping='[transactions]\ndate_format = "%m/%d/%Y"\n', exposures=None), today=TODAY
    )
    assert report.tables.transactions["date"].to_list() == [date(2024, 2, 1)]


def test_the_firm_counts_its_own_weeks(write: Write) -> None:
    report = validate_folder(
        write(
            transactions="customer_id,product_id,period,quantity,price\nann,tea,31,1,4\nbob,milk,34,1,1\n",
            exposures="store_id,product_id,period\nnorth,tea,32\nnorth,tea,35\n",
            stock="product_id,period,on_hand\ntea,35,3\n",
            open_orders="product_id,period,quantity\ntea,36,3\n",
        ),
        today=TODAY,
    )
    tables = report.tables
    assert tables.periods == 4
    assert tables.calendar["start"].null_count() == 4
    assert tables.first_period == 31
    assert tables.transactions["period"].to_list() == [0, 3]
    assert tables.exposures.row(0, named=True)["period"] == 1
    assert tables.exposures["kind"].to_list() == ["exposure"]
    assert tables.stock["period"].to_list() == [4]
    assert tables.open_orders["period"].to_list() == [5]
    assert [fault[2] for fault in _faults(report)] == ["outside-calendar"]


def test_weeks_start_when_told_and_masked_days_lower_what_was_observed(write: Write) -> None:
    mapping = 'week_start = "wednesday"\nmasked_dates = [2024-01-06, 2024-01-07]\ntest_periods = 1\n'
    text = "customer_id,product_id,date,quantity,price\nann,tea,2024-01-04,1,4\nbob,milk,2024-01-16,1,1\n"
    tables = validate_folder(write(mapping=mapping, transactions=text, exposures=None), today=TODAY).tables
    assert tables.calendar["start"].to_list() == [date(2024, 1, 3), date(2024, 1, 10)]
    assert tables.calendar["observed"].to_list() == pytest.approx([4 / 7, 1.0])
    assert tables.calendar["split"].to_list() == ["train", "test"]
    assert tables.masked_dates == (date(2024, 1, 6), date(2024, 1, 7))


def test_several_exposures_in_a_period_become_one(write: Write) -> None:
    report = validate_folder(
        write(rows={"exposures": "ann,,tea,2024-01-03,recommendation,0.1\n"}),
        today=TODAY,
    )
    assert report.quarantined == 0
    assert report.tables.exposures["propensity"].to_list() == pytest.approx([0.3])


def test_parquet_with_numbers_for_ids(tmp_path: Path) -> None:
    pl.DataFrame(
        {
            "customer_id": [1, 2, 2],
            "product_id": [10.0, 11.0, None],
            "date": [date(2024, 1, 1), date(2024, 1, 9), date(2024, 1, 9)],
            "quantity": [1, 2, 3],
            "price": [1.0, 2.0, float("nan")],
        }
    ).write_parquet(tmp_path / "transactions.parquet")
    pl.DataFrame({"product_id": [10, 11]}).write_parquet(tmp_path / "products.parquet")
    report = validate_folder(tmp_path, out=tmp_path / "bad.parquet", today=TODAY)
    assert report.rules == {"missing": 1}
    assert report.quarantined == 1
    assert pl.read_parquet(tmp_path / "bad.parquet")["row"].to_list() == [3, 3]
    assert report.tables.products["product_id"].to_list() == ["10", "11"]
    assert report.tables.products["price"].to_list() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"products": None}, r"has no products\.parquet or products\.csv"),
        ({"transactions": ""}, r"transactions\.csv: is empty"),
        ({"transactions": "customer_id,product_id,date,quantity,price\n"}, r"transactions\.csv: has no rows"),
        ({"transactions": b"customer_id\xff\xfe\n1\n"}, r"transactions\.csv: cannot be read as UTF-8"),
        ({"products": "product_id,price,price\ntea,1,1\n"}, r"products\.csv: price: is there twice in the header"),
        ({"products": "sku,price\ntea,1\n"}, r"products\.csv: product_id: there is no such column"),
        ({"stock": "product_id,on_hand\ntea,1\n"}, r"stock\.csv: date: has none of the columns date, period"),
        (
            {"transactions": "customer_id,product_id,date,quantity\nann,tea,2024-01-01,1\n"},
            r"has none of the columns price, total",
        ),
        (
            {"stock": "product_id,period,on_hand\ntea,1,1\n"},
            r"stock\.csv: period: counts by period where the transactions count by date",
        ),
        (
            {"transactions": "customer_id,product_id,date,quantity,price\nann,tea,2024-01-01,0,4\n"},
            r"row 1: quantity: '0' breaks the rule too-low, and no other row is left",
        ),
        (
            {
                "transactions": "customer_id,product_id,period,quantity,price\nann,tea,1,1,4\nann,tea,99999,1,4\n",
                "exposures": None,
                "stock": None,
                "open_orders": None,
            },
            r"99,999 periods; fix the one that is far off",
        ),
    ],
)
def test_structural_faults_end_in_one_line(
    write: Write, tmp_path: Path, change: dict[str, str | None], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        validate_folder(write(**change), today=TODAY)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "quarantine.csv").exists()


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ("[transactions", r"mapping\.toml: cannot be read as TOML"),
        ("transactions = 3", r"transactions: is not a section"),
        ("perod = 'day'", r"perod: is not known; known are .*period"),
        ("period = 'month'", r"mapping\.toml: period: input should be 'day' or 'week'"),
        ("week_start = 'funday'", r"week_start: input should be 'monday'"),
        ("test_periods = -1", r"test_periods: input should be greater than or equal to 0"),
        ("test_periods = 2", r"test_periods: is 2 of 2 periods"),
        ("[transactions]\nprise = 'x'", r"transactions: prise: is not a column of the schema"),
        ("[transactions]\nprice = 'paid'", r"price: has no column 'paid'"),
        ("[transactions]\nprice = 'quantity'\nquantity = 'quantity'", r"column 'quantity' is given for two columns"),
        ("[transactions]\nprice = 3", r"transactions\.price: input should be a valid string"),
        ("[transactions]\nfile = 'x.csv'", r"x\.csv: there is no such file"),
        ("[transactions]\nfile = 'x.xlsx'", r"x\.xlsx: transactions: is neither \.parquet nor \.csv"),
        ("[transactions]\nseparator = ';;'", r"transactions\.separator: string should have at most 1 character"),
    ],
)
def test_a_mapping_that_does_not_fit(write: Write, mapping: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        validate_folder(write(mapping=mapping), today=TODAY)
    assert "\n" not in str(caught.value)


def test_files_and_folders_that_do_not_fit(write: Write, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such folder"):
        validate_folder(tmp_path / "absent")
    with pytest.raises(InputError, match=r"neither \.csv nor \.parquet"):
        validate_folder(write(), out=tmp_path / "bad.txt")
    (tmp_path / "products.parquet").write_bytes(b"PAR1 cut short")
    with pytest.raises(InputError, match=r"has both products\.parquet and products\.csv"):
        validate_folder(write())
    (tmp_path / "products.csv").unlink()
    with pytest.raises(InputError, match=r"products\.parquet: cannot be read as Parquet"):
        validate_folder(tmp_path)
    pl.DataFrame({"product_id": [["tea"]], "price": [1.0]}).write_parquet(tmp_path / "products.parquet")
    with pytest.raises(InputError, match=r"products\.parquet: product_id: holds List"):
        validate_folder(tmp_path)


def test_a_quarantine_file_that_cannot_be_written(write: Write, tmp_path: Path) -> None:
    folder = write()
    (folder / "blocked").write_text("a file, not a folder")
    with pytest.raises(RunError, match="cannot be written"):
        validate_folder(folder, out=folder / "blocked" / "bad.csv", today=TODAY)


def test_an_earlier_quarantine_is_replaced(write: Write) -> None:
    validate_folder(write(rows={"products": "tea,1,1,1\n"}), today=TODAY)
    report = validate_folder(write(), today=TODAY)
    assert _faults(report) == []
