"""Tables come as frames too: the same checks as files, and one line that says what to give."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import intandem
from intandem.data.tables.checks.validate import validate_folder
from intandem.data.tables.reading.frames import source_of
from intandem.errors import InputError

TODAY = date(2024, 6, 1)

LINES = {
    "customer_id": [17850.0, None, 17851.0],
    "product_id": ["tea", "tea", "milk"],
    "date": [datetime(2024, 1, 1, 0, 15), datetime(2024, 1, 2), datetime(2024, 1, 9, 23, 59)],
    "quantity": [2, 1, 3],
    "price": [4.0, 4.0, 1.0],
}
PRODUCTS = {"product_id": ["tea", "milk"], "unit_cost": [2.0, 0.5]}


def _check(transactions: Any, products: Any = PRODUCTS) -> None:
    report = validate_folder(transactions=transactions, products=products, today=TODAY)
    assert report.rules == {"missing": 1}
    assert report.set_aside.rows() == [("transactions", "transactions", 2, "missing", "customer_id", None)]
    assert report.quarantine is None
    assert report.tables.customers["customer_id"].to_list() == ["17850", "17851"]
    assert report.tables.transactions["date"].to_list() == [date(2024, 1, 1), date(2024, 1, 9)]
    assert report.tables.transactions["quantity"].to_list() == [2.0, 3.0]


class _Arrow:
    """What any library's frame offers that speaks Arrow."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self.frame = frame

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.frame.__arrow_c_stream__(requested_schema)


def test_frames_of_every_kind_pass_the_same_checks(tmp_path: Path) -> None:
    frame = pl.DataFrame(LINES)
    rows = frame.to_dicts()
    frame.write_parquet(tmp_path / "till.parquet")
    for given in (
        LINES,
        frame,
        frame.lazy(),
        _Arrow(frame),
        rows,
        tmp_path / "till.parquet",
        str(tmp_path / "till.parquet"),
    ):
        label = "till.parquet" if isinstance(given, str | Path) else "transactions"
        report = validate_folder({"transactions": given, "products": PRODUCTS}, today=TODAY)
        assert report.set_aside["file"].to_list() == [label]
    _check(frame)


def test_pandas_frames_of_its_many_types() -> None:
    pd = pytest.importorskip("pandas")
    plain = pd.DataFrame(LINES)
    _check(plain, pd.DataFrame(PRODUCTS))
    _check(plain.set_index(["customer_id", "product_id"]))
    _check(
        plain.assign(
            customer_id=plain["customer_id"].astype("Int64"), product_id=plain["product_id"].astype("category")
        )
    )
    # The day is the till's, whatever its zone; mixed columns come as text.
    zoned = plain.assign(date=plain["date"].dt.tz_localize("Asia/Tokyo"), quantity=pd.Series([2, "1", 3], dtype=object))
    _check(zoned)
    _check(plain.assign(date=plain["date"].dt.date))


def test_names_and_formats_of_frames_are_mapped() -> None:
    lines = (
        pl.DataFrame(LINES)
        .rename({"customer_id": "card", "quantity": " n "})
        .with_columns(pl.col("date").dt.strftime("%d/%m/%Y"))
    )
    how = {"transactions": {"customer_id": "card", "quantity": "n", "date_format": "%d/%m/%Y"}, "period": "day"}
    report = validate_folder(transactions=lines, products=PRODUCTS, mapping=how, today=TODAY)
    assert report.tables.period_name == "day"
    assert report.tables.transactions["period"].to_list() == [0, 8]


def test_a_quarantine_file_on_request(tmp_path: Path) -> None:
    report = validate_folder({"transactions": LINES, "products": PRODUCTS}, tmp_path / "bad.csv", TODAY)
    assert report.quarantine == tmp_path / "bad.csv"
    assert pl.read_csv(tmp_path / "bad.csv", infer_schema=False).height == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, r"folder: is not given, and no table is either; give the path of a folder, or frames"),
        ({"products": PRODUCTS}, r"transactions: is not given; give it beside the others: transactions="),
        ({"folder": {"transactions": LINES, "product": PRODUCTS}}, r"product: is no table of the schema; known are"),
        ({"folder": 3}, r"folder: is an int; give the path of a folder"),
        ({"folder": "shop", "products": PRODUCTS}, r"products: is given beside a folder"),
        ({"folder": "shop", "mapping": {}}, r"mapping: is given beside a folder; write it as mapping\.toml"),
        ({"transactions": 5, "products": PRODUCTS}, r"transactions: is an int; give a polars or pandas frame"),
        ({"transactions": {"customer_id": [1], "price": [1, 2]}, "products": PRODUCTS}, r"transactions: holds columns"),
        ({"transactions": {**LINES, " price": [1, 2, 3]}, "products": PRODUCTS}, r"price: is there twice"),
        (
            {"transactions": {"customer_id": ["a"]}, "products": PRODUCTS},
            r"product_id: there is no such column; the one",
        ),
        (
            {"transactions": LINES, "products": PRODUCTS, "mapping": {"stock": {"on_hnd": "n"}}},
            r"mapping: stock: on_hnd: is not a column of the schema",
        ),
        (
            {"transactions": LINES, "products": PRODUCTS, "mapping": {"products": {"file": "x.csv"}}},
            r"mapping: products: file: is given for a frame",
        ),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        validate_folder(**given)
    assert "\n" not in str(caught.value)


def test_calibrate_says_the_same() -> None:
    with pytest.raises(InputError, match="folder: is not given"):
        intandem.calibrate()
    with pytest.raises(InputError, match="no-such-shop: there is no such folder"):
        intandem.calibrate("no-such-shop")
    with pytest.raises(InputError, match="products: is not given"):
        intandem.calibrate(transactions=LINES)
    tables = intandem.validate_folder(transactions=LINES, products=PRODUCTS, today=TODAY).tables
    with pytest.raises(InputError, match="checked already"):
        intandem.validate_folder(tables)
    with pytest.raises(InputError, match=r"fewer than two periods|no purchase"):
        intandem.calibrate(tables.__class__(**{**vars(tables), "calendar": tables.calendar[:1]}))


def test_a_column_of_objects_becomes_text() -> None:
    pd = pytest.importorskip("pandas")
    source = source_of("products", pd.DataFrame({"product_id": [1, "x", None]}, dtype=object))
    assert source.frame["product_id"].to_list() == ["1", "x", None]
