"""Paths, headers, separators, terms as firms have them. Cases of `tests/data/field`, each with its whole kind."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import polars as pl
import pytest

from data.field_cases import FIELD, HEADER, Field, as_csv, check, note_of, refused
from intandem.data.tables.checks.report import ValidationReport
from intandem.data.tables.checks.validate import read_tables

NAMES = ("firm[1]", "firm*", "firm?", "f{1,2}", "~firm", "date=2024-01-01", "100%20", "a\\b", "%7B")


def test_a_folder_is_read_whatever_characters_its_name_has(tmp_path: Path) -> None:
    for folder in ("firm1", "f1", "firmx", *NAMES):
        lines = 365 if folder in NAMES else 812
        (tmp_path / folder).mkdir()
        shutil.copy(FIELD / "base" / f"transactions-{lines}.csv", tmp_path / folder / "transactions.csv")
        with (tmp_path / folder / "products.parquet").open("wb") as file:
            pl.read_csv(FIELD / "base" / "products.csv").write_parquet(file)
    for name in NAMES:
        raw = read_tables(tmp_path / name).raw
        assert raw["transactions"].frame.height == 365
        assert raw["products"].unknown == ()
    report = check(tmp_path / NAMES[0])
    assert report.by_table["transactions"]["rows"] == 365
    assert (tmp_path / NAMES[0] / "quarantine.csv").exists()
    assert not (tmp_path / "firm1" / "quarantine.csv").exists()


def test_a_folder_is_read_whose_name_is_not_utf8(field: Field) -> None:
    folder = field(lines=365)
    odd = os.fsdecode(os.fsencode(str(folder.parent)) + b"/\xe9t\xe9")
    try:
        os.rename(folder, odd)
    except OSError:
        pytest.skip("the file system takes no such name")
    assert check(Path(odd)).by_table["transactions"]["rows"] == 365


def test_headers_of_spreadsheets(field: Field) -> None:
    refused(
        field("headers-of-excel/same-name-but-space"), "transactions.csv: customer_id: is there twice in the header"
    )
    for case in ("trailing-columns", "trailing-in-rows"):
        report = check(field(f"headers-of-excel/{case}"))
        assert (report.rows, report.rules) == (13, {})
        assert report.notes[0].startswith("there is no customers table")


def test_extra_columns_and_fields_that_hold_something_are_not_lost(field: Field) -> None:
    rows = "ann,p00,2024-01-02,1,4,,\nbob,p00,2024-01-09,1,4,,x\n"
    named = check(field(transactions=f"{HEADER},,\n{rows}"))
    assert named.set_aside.select("rule", "column").rows() == [("unknown-column", "column 7")]
    beyond = check(field(transactions=f"{HEADER}\n{rows}"))
    assert beyond.set_aside.select("row", "rule", "value").rows() == [(2, "too-many-fields", ",x")]
    one = check(
        field(transactions=f"{HEADER}\nann,p00,2024-01-02,1,4,\nbob,p00,2024-01-09,1,4, \ncy,p00,2024-01-09,1,4,x\n")
    )
    assert one.set_aside.select("row", "rule", "value").rows() == [(3, "too-many-fields", "x")]
    # R writes the names of rows under a header that has none.
    first = check(field(transactions=f'"",{HEADER}\n"1",ann,p00,2024-01-02,1,4\n"2",bob,p00,2024-01-09,1,4\n'))
    assert first.set_aside["column"].to_list() == ["column 1"]
    assert first.tables.transactions.height == 2


def test_a_wrong_separator_is_seen(field: Field) -> None:
    refused(
        field("wrong-separator/semicolon"),
        "'customer_id;product_id;date;quantity;price'",
        'say separator = ";" in mapping.toml',
    )
    text = (FIELD / "wrong-separator" / "semicolon" / "transactions.csv").read_text()
    refused(field(transactions=text.replace(";", "\t")), "customer_id<tab>product_id", 'separator = "\\t"')
    refused(field(transactions=text.replace(";", "|")), 'separator = "|"')
    refused(field(transactions=text.replace(";", ","), mapping='[transactions]\nseparator = ";"\n'), 'separator = ","')
    for mark in (";", "\\t", "|"):
        given = text.replace(";", mark.replace("\\t", "\t"))
        mapping = f'[transactions]\nseparator = "{mark}"\n'
        assert check(field("wrong-separator/semicolon", transactions=given, mapping=mapping)).rules == {}
    refused(
        field(transactions=text.replace("customer_id", "card").replace(";", ",")),
        "the columns found are 'card', 'product_id'",
    )


def test_the_line_that_tells_spreadsheets_the_separator(field: Field) -> None:
    folder = field("wrong-separator/sep-line")
    refused(folder, "'sep=;'", 'say separator = ";" in mapping.toml')
    (folder / "mapping.toml").write_text('[transactions]\nseparator = ";"\n')
    assert check(folder).rows == 13


def test_lines_above_the_header(field: Field) -> None:
    folder = field("wrong-separator/title-row")
    refused(folder, "holds the names of the columns in line 3", "skip_lines = 2")
    (folder / "mapping.toml").write_text("[transactions]\nskip_lines = 2\n")
    assert check(folder).rows == 13
    text = f"Sales report\nPrinted on 1 May\n\n{HEADER}\nann,p00,2024-01-02,1,4\nbob,p00,2024-01-09,1,4\n"
    refused(field(transactions=text), "line 4", "skip_lines = 3")
    report = check(field(transactions=text + "ann,cola,2024-01-09,1,4\n", mapping="[transactions]\nskip_lines = 3\n"))
    assert report.set_aside["row"].to_list() == [3]


def test_terms_that_no_market_takes_are_told_before_any_fit(field: Field) -> None:
    def terms(case: str) -> ValidationReport:
        return check(field(f"no-cap-written-as-number/{case}", lines=365))

    nought = terms("cap0")
    assert nought.rules == {}
    assert nought.tables.products["max_order"].to_list() == [None] * 4
    note_of(nought, "0 is no limit")
    assert terms("cap999999999").tables.products["max_order"][0] == 999_999_999
    contradictory = terms("min12max6")
    assert contradictory.set_aside.select("table", "row", "rule", "column", "value").rows() == [
        ("products", 1, "no-order-fits", "max_order", "6")
    ]
    assert contradictory.tables.products.select("min_order", "max_order").row(0) == (12, None)
    long = terms("lead2000")
    assert long.set_aside.select("table", "row", "rule", "column", "value").rows() == [
        ("products", 1, "too-high", "lead_time", "2000")
    ]
    assert long.tables.products["lead_time"][0] is None
    for report in (nought, contradictory, long):
        assert report.tables.transactions.height == 365


TERMS = (
    ("", "6", "5", False),
    ("", "6", "6", True),
    ("7", "6", "11", False),
    ("7", "6", "12", True),
    ("10", "", "10", True),
    ("0", "1", "1", True),
    ("9999999999", "", "99999999999", True),
)


def test_order_terms_must_let_some_order_through(field: Field) -> None:
    header = "product_id,price,min_order,order_multiple,max_order"
    products = as_csv(header, [[f"p{number:02d}", "4", *terms[:3]] for number, terms in enumerate(TERMS)])
    report = check(field(lines=365, products=products))
    wrong = [(number + 1, terms[2]) for number, terms in enumerate(TERMS) if not terms[3]]
    assert report.set_aside.select("row", "value").rows() == wrong
    assert report.rules == {"no-order-fits": len(wrong)}
    limits = [int(terms[2]) if terms[3] else None for terms in TERMS]
    assert report.tables.products["max_order"].to_list() == limits


def test_lead_times_in_days(field: Field) -> None:
    folder = field("lead-time-in-days")
    report = check(folder)
    assert report.tables.products["lead_time"].to_list() == [14] * 4
    assert 'lead_time_unit = "day"' in note_of(report, "lead times are 14 weeks")
    for mapping in ('lead_time_unit = "day"\n', '[products]\nlead_time_unit = "day"\n'):
        (folder / "mapping.toml").write_text(mapping)
        told = check(folder)
        assert told.tables.products["lead_time"].to_list() == [2] * 4
        assert not any("lead times" in note for note in told.notes)
    (folder / "mapping.toml").write_text('lead_time_unit = "week"\n')
    assert not any("lead times" in note for note in check(folder).notes)


def test_lead_times_are_rounded_up_and_bounded_in_periods(field: Field) -> None:
    products = "product_id,price,lead_time\np00,4,0\np01,4,1\np02,4,10.5\np03,4,7001\n"
    report = check(field(lines=365, products=products, mapping='lead_time_unit = "day"\n'))
    assert report.tables.products["lead_time"].to_list() == [0, 1, 2, None]
    assert report.rules == {"too-high": 1}
    daily = check(field(lines=365, products=products, mapping='period = "day"\nlead_time_unit = "week"\n'))
    assert daily.tables.products["lead_time"].to_list() == [0, 7, 74, None]
    assert not any(
        "lead times" in note for note in check(field(lines=365, products=products.replace("7001", "3"))).notes
    )


def test_stock_below_nought_is_sold_out(field: Field) -> None:
    report = check(field("negative-stock/negative"))
    assert report.rules == {}
    assert (report.tables.stock["on_hand"] < 0).sum() == 20
    note_of(report, "20 counts of stock are below 0: sold out")


def test_open_orders_are_counted_and_overdue_ones_named(field: Field) -> None:
    report = check(field("opening-stock-and-open-orders"))
    assert "2 open orders of 832 units" in note_of(report, "has arrived when it opens")
    assert "1 open order is overdue" in note_of(report, "overdue")
    assert "'p01'" in note_of(report, "overdue")


def test_new_products_and_losing_ones_are_named(field: Field) -> None:
    assert "1 of 5 products was never bought ('new1')" in note_of(check(field("new-products")), "never bought")
    assert "('p00')" in note_of(check(field("sold-below-cost")), "more than its price")


def test_a_propensity_is_said_to_be_used(field: Field) -> None:
    report = check(field(exposures="customer_id,product_id,date,propensity\nc000,p00,2024-01-01,0.5\n"))
    assert "1 exposure carries a propensity: `calibrate` takes what carries one as drawn with it" in note_of(
        report, "propensity"
    )
