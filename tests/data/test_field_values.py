"""Values as firms write them. Cases of `tests/data/field`, each with its whole kind."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from data.field_cases import HEADER, TODAY, Field, as_csv, base_lines, check, note_of, refused
from intandem.data.tables.checks.validate import validate_folder
from intandem.data.tables.reading.mapping import Reading
from intandem.data.tables.values.numbers import as_numbers, cure_of_numbers


def test_a_cancelled_order_is_no_demand(field: Field) -> None:
    plain = base_lines()
    cancelled = [*plain, ["c002", "p01", "2024-01-03", "80995", "6.0"], ["c002", "p01", "2024-01-03", "-80995", "6.0"]]
    report = check(field(transactions=as_csv(HEADER, cancelled)))
    assert report.rules == {}
    note = note_of(report, "netted")
    assert "1 line takes back 80,995 units" in note
    assert report.tables.transactions.equals(check(field(transactions=as_csv(HEADER, plain))).tables.transactions)


PRICED, TOTALLED = "price", "total"
RETURNS = (
    # In part, later, over several lines, by totals, with the signs of other tills; and what is left of the first weeks.
    (PRICED, ["2024-01-02,5,4", "2024-01-09,-2,4"], [(0, 3.0)]),
    (PRICED, ["2024-01-02,5,4", "2024-01-03,2,4", "2024-01-09,-6,4"], [(0, 1.0)]),
    (PRICED, ["2024-01-02,5,4", "2024-01-03,2,4", "2024-01-09,-5,4"], [(0, 2.0)]),
    (PRICED, ["2024-01-02,2,4", "2024-01-09,2,3", "2024-01-10,-2,4"], [(1, 2.0)]),
    (PRICED, ["2024-01-02,5,4", "2024-01-09,-5,-4"], []),
    (PRICED, ["2024-01-02,5,4", "2024-01-02,5,-4"], []),
    (PRICED, ["2024-01-02,0.3,4", "2024-01-02,0.1,4", "2024-01-03,-0.1,4", "2024-01-04,-0.3,4"], []),
    (TOTALLED, ["2024-01-02,5,20", "2024-01-09,-2,-8"], [(0, 3.0)]),
    (TOTALLED, ["2024-01-02,5,20", "2024-01-09,5,-20"], []),
    (TOTALLED, ["2024-01-02,5,20", "2024-01-09,-5,20"], []),
)


@pytest.mark.parametrize("charged", [PRICED, TOTALLED])
def test_returns_are_netted_against_what_they_return(field: Field, charged: str) -> None:
    cases = [(rows, left) for kind, rows, left in RETURNS if kind == charged]
    rows = [[f"c{number}", "p00", row] for number, case in enumerate(cases) for row in case[0]]
    others = [["z", "p00", "2024-01-02,7,28"], ["c0", "p01", "2024-01-02,5,4"], ["z", "p00", "2024-01-16,1,4"]]
    header = f"customer_id,product_id,date,quantity,{charged}"
    report = check(field(transactions=as_csv(header, rows + others)))
    assert report.rules == {}
    lines = report.tables.transactions.join(report.tables.customers.select("customer", "customer_id"), on="customer")
    for number, (_, left) in enumerate(cases):
        kept = lines.filter((pl.col("customer_id") == f"c{number}") & (pl.col("product") == 0))
        assert kept.select("period", "quantity").rows() == left, cases[number]
    assert lines.height == sum(len(left) for _, left in cases) + 3
    # What was paid for one unit stays what it was.
    assert lines["price"].min() > 0  # type: ignore[operator]


def test_what_returns_nothing_is_set_aside_and_counted(field: Field) -> None:
    rows = "bob,p00,2024-01-02,7,4\nann,p00,2024-01-03,-2,4\nann,p00,2024-01-04,2,4\nbob,p00,2024-01-09,-9,4\n"
    report = check(field(transactions=f"{HEADER}\n{rows}bob,p01,2024-01-09,1,-6\nbob,p01,2024-01-09,1,6.5\n"))
    assert report.rules == {"too-low": 1, "unmatched-return": 1}
    assert report.set_aside.select("row", "rule", "column", "value").rows() == [
        (2, "unmatched-return", "quantity", "-2"),
        (5, "too-low", "price", "-6"),
    ]
    assert "1 return of 2 units" in note_of(report, "unmatched-return")
    assert report.tables.transactions["quantity"].to_list() == [2.0, 1.0]


def test_a_line_beyond_all_usual_sizes_is_named(field: Field) -> None:
    rows = [*base_lines(), ["c002", "p01", "2024-01-03", "80995", "6.0"]]
    report = check(field(transactions=as_csv(HEADER, rows)))
    assert "80,995 of 'p01'" in note_of(report, "usual sizes")


def test_a_file_exported_twice_is_noticed(field: Field) -> None:
    report = check(field(transactions=as_csv(HEADER, base_lines() * 2)))
    assert note_of(report, "repeat").startswith("812 lines repeat an earlier one exactly")
    # Two exports that overlap by a few days, too; and a shop without repeats is not accused.
    rows = base_lines()
    assert "21 lines repeat" in note_of(check(field(transactions=as_csv(HEADER, rows + rows[-21:]))), "repeat")
    assert not any("repeat" in note for note in check(field()).notes)
    # Nor is one in which somebody comes twice a day for the same.
    times = f"{HEADER}\nann,p00,2024-01-02 09:30,1,4\nann,p00,2024-01-02 17:45,1,4\nann,p00,2024-01-09 09:30,1,4\n"
    assert not any("repeat" in note for note in check(field(transactions=times)).notes)


def test_a_guest_called_null_is_nobody(field: Field) -> None:
    report = check(field("guest-is-null"))
    assert report.rules == {"missing": 116}
    assert report.tables.customers.height == 12
    assert "116 times 'NULL'" in note_of(report, "taken as empty")


WORDS = (
    "NULL",
    "null",
    "NA",
    "NaN",
    "nan",
    "None",
    "N/A",
    "n/a",
    "#N/A",
    "\\N",
    "<NA>",
    "NaT",
    " NULL ",
    "#REF!",
    "(null)",
)


def test_words_for_nothing_are_nothing_everywhere(field: Field) -> None:
    good = ["ann", "p00", "2024-01-02", "2", "4", "north"]
    rows = [good, ["bob", *good[1:]]]
    for word in WORDS:
        rows += [[*good[:place], word, *good[place + 1 :]] for place in range(6)]
    header = "product_id,name,unit_cost,lead_time"
    products = [["p00", "tea", "2", "1"], *([f"x{number}", word, word, word] for number, word in enumerate(WORDS))]
    shown = [["ann", f"x{number}", "2024-01-02"] for number in range(len(WORDS))]
    report = check(
        field(
            transactions=as_csv(f"{HEADER},store_id", rows),
            products=as_csv(header + ",price", [[*row, "4"] for row in products]),
            exposures=as_csv("customer_id,product_id,date", shown),
        )
    )
    # Five of the six columns are needed; without a store a line is as good as any.
    assert report.rules == {"missing": 5 * len(WORDS)}
    assert report.tables.customers["customer_id"].to_list() == ["ann", "bob"]
    assert report.tables.stores["store_id"].to_list() == ["north"]
    others = report.tables.products[1:].select("name", "unit_cost", "lead_time")
    assert others.null_count().row(0) == (len(WORDS),) * 3


def test_a_word_in_quotation_marks_means_itself(field: Field) -> None:
    rows = (
        '"NULL",p00,2024-01-02,7,4\nNULL,p00,2024-01-02,7,4\nbob,"p00",2024-01-09,2,4\n"a,""NA""",p00,2024-01-09,2,4\n'
    )
    report = check(field(transactions=f"{HEADER}\n{rows}"))
    assert report.tables.customers["customer_id"].to_list() == ["NULL", 'a,"NA"', "bob"]
    assert report.rules == {"missing": 1}
    told = check(field(transactions=f"{HEADER}\n{rows}", mapping='missing = ["bob"]\n'))
    assert told.tables.customers["customer_id"].to_list() == ["NULL", 'a,"NA"']
    meant = check(field(transactions=f"{HEADER}\n{rows}", mapping='[transactions]\nnot_missing = ["NULL"]\n'))
    assert meant.rules == {}
    assert meant.tables.transactions.height == 4


def test_words_for_nothing_in_parquet(tmp_path: Path) -> None:
    frame = pl.DataFrame({"customer_id": ["nan", "ann", None], "product_id": "tea", "period": [1, 2, 3], "quantity": 1})
    report = validate_folder(transactions=frame.with_columns(price=4.0), products={"product_id": ["tea"]}, today=TODAY)
    assert report.rules == {"missing": 2}


def test_one_customer_who_buys_everything_is_suspected(field: Field) -> None:
    rows = [["GUEST", *row[1:]] if number % 3 == 0 else row for number, row in enumerate(base_lines())]
    many = [[f"{row[0]}-{number % 40}", *row[1:]] if row[0] != "GUEST" else row for number, row in enumerate(rows)]
    note = note_of(check(field(transactions=as_csv(HEADER, many))), "GUEST")
    assert "271 of 812 lines" in note
    assert not any("guest" in note for note in check(field()).notes)


def test_an_optional_value_that_is_a_word_for_nothing_is_nothing(field: Field) -> None:
    report = check(field("null-lead-time", lines=365))
    assert report.rules == {}
    assert report.quarantined == 0
    assert report.tables.products["lead_time"].to_list() == [None, 2, 2, 2]
    assert "1 times 'NULL'" in note_of(report, "lead_time")


def test_decimal_commas_are_named_and_read(field: Field) -> None:
    folder = field("decimal-comma")
    refused(folder, "transactions.csv: row 1: price: '1299,00'", 'say decimal = "," in mapping.toml')
    (folder / "mapping.toml").write_text('decimal = ","\n[transactions]\nseparator = ";"\n')
    report = check(folder)
    assert report.rules == {}
    assert set(report.tables.transactions["price"]) == {1299.0, 2.5}
    # Products of the same firm, written with a point, stay what they are.
    assert report.tables.products["price"].to_list() == [2.5, 1299.0]


@pytest.mark.parametrize(
    ("written", "decimal", "thousands", "value"),
    [
        ("1.299,50", ",", ".", 1299.5),
        ("1 299,50", ",", " ", 1299.5),
        ("1\u00a0299,50", ",", " ", 1299.5),
        ("1\u202f299,50", ",", " ", 1299.5),
        ("1'299.50", ".", "'", 1299.5),
        ("1,299.50", ".", ",", 1299.5),
        ("1,299", ".", ",", 1299.0),
        ("12,34,567.50", ".", ",", 1234567.5),
        ("1.234.567", ",", ".", 1234567.0),
        ("-1.299,50", ",", ".", -1299.5),
        (",5", ",", None, 0.5),
        ("12,", ",", None, 12.0),
        ("2.5", ",", ".", 2.5),
    ],
)
def test_numbers_of_many_countries(written: str, decimal: str, thousands: str | None, value: float) -> None:
    told = Reading(decimal=decimal, thousands=thousands)
    assert as_numbers(pl.Series([written, None]), told).to_list() == [value, None]
    if as_numbers(pl.Series([written]), Reading()).null_count():
        cure, _ = cure_of_numbers(pl.Series([written]), Reading())
        for key, sign in (("decimal", decimal), ("thousands", thousands)):
            assert (f'{key} = "{sign}"' in cure) == (sign not in (None, ".") or (key, sign) == ("thousands", "."))


def test_numbers_are_not_pressed_into_a_style(field: Field) -> None:
    header = f"{HEADER.replace(',', ';')}\n"
    rows = "".join(
        f"ann;p00;2024-01-0{day};1;{price}\n" for day, price in enumerate(["1.29,5", "1.2.3", "12,50", "3,5,5"], 1)
    )
    report = check(
        field(
            transactions=header + rows,
            mapping='decimal = ","\nthousands = "."\nseparator = ";"\n[products]\nseparator = ","\n',
        )
    )
    assert report.rules == {"not-a-number": 3}
    assert report.tables.transactions["price"].to_list() == [12.5]
    # A few with a comma among whole numbers: named, for the whole ones alone would mislead.
    rows = "ann,p00,2024-01-02,1,4\nann,p00,2024-01-03,1,4\n" + 'ann,p00,2024-01-04,1,"4,50"\n'
    note = note_of(check(field(transactions=f"{HEADER}\n{rows}")), "not read")
    assert "1 value, '4,50'," in note
    assert 'decimal = ","' in note


def test_a_point_that_may_part_thousands_is_doubted(field: Field) -> None:
    doubted = check(field(transactions=f"{HEADER}\nann,p00,2024-01-02,1,1.299\nann,p00,2024-01-03,1,4\n"))
    assert "'1.299'" in note_of(doubted, "decimal point")
    plain = check(field(transactions=f"{HEADER}\nann,p00,2024-01-02,0.125,1.5\nann,p00,2024-01-03,0.375,4.125\n"))
    assert not any("decimal point" in note for note in plain.notes)


def test_a_minus_behind_and_a_typographic_one(field: Field) -> None:
    rows = "ann,p00,2024-01-02,7,4\nann,p00,2024-01-03,2-,4\nann,p00,2024-01-04,\u22121,4\n"
    report = check(field(transactions=f"{HEADER}\n{rows}"))
    assert report.tables.transactions["quantity"].to_list() == [4.0]


def test_thousands_and_decimal_sign_must_differ(field: Field) -> None:
    refused(field(mapping='thousands = "."\n'), "mapping.toml: thousands: is '.', as the decimal sign is")


def test_an_id_with_point_zero_is_the_id(field: Field) -> None:
    report = check(field("ids-with-point-zero"))
    assert report.rules == {}
    assert report.tables.customers["customer_id"].to_list() == ["17850", "17851"]
    text = f"{HEADER},store_id\n-5.0,84077.00,2024-01-02,1,4,1.5\nx.0,84077,2024-01-09,1,4,v1.0\n"
    kept = check(field("ids-with-point-zero", transactions=text, customers="customer_id\n-5\nx.0\n"))
    assert kept.rules == {}
    assert kept.tables.stores["store_id"].to_list() == ["1.5", "v1.0"]


def test_large_ids_of_floats_are_whole(tmp_path: Path) -> None:
    frame = pl.DataFrame({"customer_id": [4.012345678901e12, None, 1e15], "product_id": [4006381333931.0] * 3})
    frame = frame.with_columns(period=pl.Series([1, 2, 3]), quantity=1, price=2.0)
    report = validate_folder(transactions=frame, products={"product_id": [4006381333931]}, today=TODAY)
    assert report.tables.customers["customer_id"].to_list() == ["1000000000000000", "4012345678901"]


def test_ids_that_a_spreadsheet_has_shortened_are_named(field: Field) -> None:
    text = (
        "customer_id,product_id,date,quantity,price\nann,4.00638E+12,2024-01-02,1,4\nbob,4.00638E+12,2024-01-09,1,4\n"
    )
    report = check(field(transactions=text, products="product_id,price\n4.00638E+12,2\n"))
    assert sum("shortened" in note for note in report.notes) == 2


def test_attributes_may_be_called_anything(field: Field) -> None:
    report = check(field("customer-names-in-column-customer", lines=365))
    assert report.rules == {}
    customers = report.tables.customers
    assert customers["customer (attribute)"].to_list()[:2] == ["Household 0", "Household 1"]
    assert customers["city"].to_list() == ["x"] * 12
    assert customers["customer"].to_list() == list(range(12))
    assert customers.schema["customer"] == pl.Int32


@pytest.mark.parametrize(
    "names",
    [
        "store,customer",
        "customer_right,period",
        "__row,__extra",
        "product,product_id",
        "typed customer_id,row",
        "column,rule",
    ],
)
def test_no_name_of_an_attribute_or_column_meets_our_own(field: Field, names: str) -> None:
    customers = "customer_id," + names + "\n" + "".join(f"c{number:03d},a,b\n" for number in range(12))
    extra = [name for name in names.split(",") if name not in ("product_id", "period")]
    header = HEADER + "," + ",".join(extra)
    rows = [[*row, *["z"] * len(extra)] for row in base_lines(365)]
    report = check(field(customers=customers, transactions=as_csv(header, rows)))
    assert set(report.rules) == {"unknown-column"}
    assert report.set_aside["column"].to_list() == sorted(extra)
    assert report.tables.transactions.height == 365
    attributes = [report.tables.customers[name].to_list() for name in report.tables.customers.columns[3:]]
    assert attributes == [["a"] * 12, ["b"] * 12]
