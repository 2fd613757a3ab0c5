"""Days, weeks and clocks as firms write them. Cases of `tests/data/field`, each with its whole kind."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import product

import polars as pl
import pytest

from data.field_cases import HEADER, TODAY, Field, as_csv, base_lines, check, note_of, refused
from intandem.data.tables.checks.validate import validate_folder
from intandem.data.tables.reading.mapping import Reading
from intandem.data.tables.values.dates import as_days
from intandem.errors import InputError


def test_the_day_is_the_one_on_the_tills_clock(field: Field) -> None:
    report = check(field("time-zone-parquet"))
    assert report.rules == {}
    assert report.tables.transactions["date"].to_list() == [date(2024, 1, day) for day in range(1, 15)]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata", "Pacific/Auckland", "UTC"])
@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_every_zone_keeps_its_day(zone: str, unit: str) -> None:
    times = pl.Series([datetime(2024, 3, 31, 0, 15), datetime(2024, 3, 31, 23, 45)]).cast(pl.Datetime(unit))  # type: ignore[arg-type]
    frame = pl.DataFrame({"customer_id": ["a", "b"], "product_id": "tea", "quantity": 1, "price": 2.0})
    lines = frame.with_columns(date=times.dt.replace_time_zone(zone))
    report = validate_folder(transactions=lines, products={"product_id": ["tea"]}, today=TODAY)
    assert set(report.tables.transactions["date"]) == {date(2024, 3, 31)}
    assert any("universal time" in note for note in report.notes) == (zone == "UTC")


def test_universal_time_is_moved_to_the_tills_clock_on_request(field: Field) -> None:
    times = ("2024-01-01T23:15:00Z", "2024-01-02 23:15:00+00:00", "2024-01-10T12:00:00+01:00")
    text = as_csv(HEADER, [["ann", "p00", time, "1", "4"] for time in times])
    plain = check(field(transactions=text))
    assert plain.tables.transactions["date"].dt.day().to_list() == [1, 2, 10]
    note_of(plain, "universal time")
    moved = check(field(transactions=text, mapping='time_zone = "Europe/Berlin"\n'))
    assert moved.tables.transactions["date"].dt.day().to_list() == [2, 3, 10]
    refused(
        field(transactions=text, mapping='time_zone = "Berlin"\n'), "mapping.toml: time_zone: is no time zone such as"
    )


def test_month_first_with_dashes_is_not_taken_for_day_first(field: Field) -> None:
    refused(
        field("month-first-with-dashes"),
        "dates such as 01-01-2024 read as %d-%m-%Y and as %m-%d-%Y",
        "[transactions] date_format",
    )


YEAR = [date(2024, 1, 1) + timedelta(days=number) for number in range(0, 360, 5)]
FEW = [date(2024, 3, day) for day in range(1, 12)]


MARKS = ("-", "/", ".", " ")
STYLES = ("%d{0}%m{0}%Y", "%m{0}%d{0}%Y", "%d{0}%m{0}%y", "%m{0}%d{0}%y", "%Y{0}%m{0}%d")
NAMED = ("%d-%b-%Y", "%d %B %Y", "%b %d, %Y", "%d-%b-%y", "%d%b%Y", "%d. %B %Y")


def _read(days: list[date], form: str) -> list[date | None]:
    text = pl.Series("date", [day.strftime(form) for day in days])
    return as_days(text, text, Reading(), "till.csv", "transactions", date(1990, 1, 1), TODAY)[0].to_list()


@pytest.mark.parametrize("time", ["", "T23:59:59.123", " 9.30"])
def test_dates_of_all_marks_are_read_in_one_way_or_not_at_all(time: str) -> None:
    for mark, style in product(MARKS[:3] if time else MARKS, STYLES):
        form = style.format(mark) + time
        assert _read(YEAR, form) == YEAR, form
        if style.startswith("%Y"):
            assert _read(FEW, form) == FEW
        else:
            with pytest.raises(InputError, match=r"read as .* and as .*date_format"):
                _read(FEW, form)
    for form in (*NAMED, "%Y%m%d"):
        assert _read(FEW, form + time) == FEW, form


def test_compact_times_and_days_with_zones_are_days() -> None:
    for form in ("%Y%m%d 0930", "%Y%m%dT093000", "%Y-%m-%dZ", "%Y-%m-%d+02:00", "%Y-%m-%dT09:30:00-0800"):
        assert _read(FEW, form) == FEW, form


def test_named_weeks_are_weeks(field: Field) -> None:
    header, first = "customer_id,product_id,quantity,price,period", date.fromisocalendar(2020, 30, 1)
    weeks = [(date.fromisoformat(row[2]) - date(2024, 1, 1)).days // 7 for row in base_lines()]
    counted = [[row[0], row[1], row[3], row[4], str(week)] for row, week in zip(base_lines(), weeks, strict=True)]

    def named(code: str) -> list[list[str]]:
        return [[*row[:4], (first + timedelta(weeks=int(row[4]))).strftime(code)] for row in counted]

    plain = check(field(transactions=as_csv(header, counted)))
    for code in ("%G%V", "%G-W%V", "%GW%V", "W%V/%G", "%G-%V", "%V/%G", "%g%V", "%Y%m%d", "%Y%j"):
        report = check(field(transactions=as_csv(header, named(code))))
        assert report.rules == {}, code
        tables = report.tables
        assert tables.periods == 40, code
        assert tables.transactions.drop("date").equals(plain.tables.transactions.drop("date")), code
        assert tables.calendar["start"][0] == first
        assert tables.calendar["observed"].to_list() == [1.0] * 40 or code in ("%Y%m%d", "%Y%j")
    assert "202030 is read as a week" in note_of(check(field(transactions=as_csv(header, named("%G%V")))), "YYYYWW")


def test_named_weeks_in_the_other_tables(field: Field) -> None:
    lines = "customer_id,product_id,quantity,price,period\nann,p00,1,4,202052\nann,p00,1,4,202053\nann,p00,1,4,202102\n"
    report = check(
        field(
            transactions=lines,
            stock="product_id,period,on_hand\np00,202053,7\np00,202201,7\n",
            exposures="customer_id,product_id,date\nann,p00,2021-01-12\n",
            open_orders="product_id,quantity,period\np00,5,202105\n",
        )
    )
    assert report.tables.calendar["start"].to_list() == [
        date(2020, 12, 21) + timedelta(weeks=number) for number in range(4)
    ]
    assert report.tables.stock["period"].to_list() == [1]
    assert report.tables.exposures["period"].to_list() == [3]
    assert report.tables.open_orders["period"].to_list() == [6]
    assert report.set_aside.select("table", "row", "rule", "value").rows() == [
        ("stock", 2, "outside-calendar", "202201")
    ]


def test_weeks_that_may_be_months_are_refused_and_told(field: Field) -> None:
    header = "customer_id,product_id,quantity,price,period\n"
    lines = header + "".join(f"ann,p00,1,4,2024{part:02d}\n" for part in range(1, 13))
    refused(field(transactions=lines), "periods such as 202401 may be weeks or months", 'period_code = "YYYYWW"')
    told = check(field(transactions=lines, mapping='period_code = "YYYYWW"\n'))
    assert told.tables.periods == 12
    assert told.tables.calendar["start"][0] == date(2024, 1, 1)
    months = header + "".join(f"ann,p00,1,4,{year}-{part:02d}\n" for year in (2023, 2024) for part in range(1, 13))
    refused(field(transactions=months), "may be weeks or months")
    refused(field(transactions=lines.replace("202401", "202400").replace("202412", "202452")), "week 0")
    weeks = header + "ann,p00,1,4,202420\nann,p00,1,4,202453\nann,p00,1,4,202425\n"
    report = check(field(transactions=weeks))
    assert report.set_aside.select("row", "rule", "column", "value").rows() == [(2, "not-a-period", "period", "202453")]
    refused(field(transactions=weeks, mapping='period = "day"\n'), "names weeks", 'period = "week"')


def test_counts_stay_counts(field: Field) -> None:
    header = "customer_id,product_id,quantity,price,period\n"
    for counts in ((0, 1, 53, 54), (99, 100, 101), (1040, 1055, 1101), (-3, 0), (150, 199, 200), (2001, 2002)):
        lines = header + "".join(f"ann,p00,1,4,{count}\n" for count in counts)
        report = check(field(transactions=lines))
        assert report.tables.transactions["period"].to_list() == [count - counts[0] for count in counts]
    lines = (
        header
        + "ann,p00,1,4,3.0\nann,p00,1,4,P4\nann,p00,1,4,5.5\nann,p00,1,4,99999999999\nann,p00,1,4,\nann,p00,1,4,5\n"
    )
    report = check(field(transactions=lines))
    assert report.rules == {"missing": 1, "not-a-period": 3}
    assert report.tables.transactions["period"].to_list() == [0, 2]


def test_a_fiscal_period_beside_dates_is_left_out(field: Field) -> None:
    rows = [[*row, f"P{row[2][5:7]}"] for row in base_lines(365)]
    report = check(field(transactions=as_csv(f"{HEADER},period", rows)))
    assert report.rules == {}
    assert report.tables.transactions.height == 365
    note_of(report, "period is left out")


def test_columns_that_are_not_used_are_not_checked(field: Field) -> None:
    # Totals of another currency beside prices; dates beside the counts that the transactions use.
    rows = [[*row, "EUR 4"] for row in base_lines(365)]
    report = check(
        field(
            transactions=as_csv(f"{HEADER},total", rows),
            stock="product_id,date,period,on_hand\np00,2024-02-05,FY24,7\n",
        )
    )
    assert report.rules == {}
    assert report.tables.stock["period"].to_list() == [5]
    counted = "customer_id,product_id,date,period,quantity,price\nann,p00,,1,1,4\nann,p00,,4,1,4\n"
    report = check(field(transactions=counted, stock="product_id,date,period,on_hand\np00,soon,2,7\n"))
    assert report.rules == {}
    assert report.tables.periods == 4
    assert sum("date is left out" in note for note in report.notes) == 2
    # Or a column is left out by its firm.
    text = as_csv(f"{HEADER},total", [[*row[:4], "x", "4"] for row in base_lines(365)])
    check(field(transactions=text, mapping='[transactions]\nleave_out = ["price"]\n'))
    refused(
        field(transactions=text, mapping='[transactions]\nleave_out = ["prise"]\n'), "leave_out: has no column 'prise'"
    )


def test_one_price_that_can_be_read_is_enough(field: Field) -> None:
    prices = (["x", "8"], ["", "8"], ["x", "y"])
    text = as_csv(f"{HEADER},total", [["ann", "p00", "2024-01-02", "2", *both] for both in prices])
    report = check(field(transactions=text))
    assert report.tables.transactions["price"].to_list() == [4.0, 4.0]
    assert report.set_aside.select("row", "rule", "column", "value").rows() == [
        (3, "not-a-number", "price", "x"),
        (3, "not-a-number", "total", "y"),
    ]


def test_weeks_without_a_line_are_told(field: Field) -> None:
    rows = [row for row in base_lines() if not "2024-03-02" <= row[2] <= "2024-07-31"]
    note = note_of(check(field(transactions=as_csv(HEADER, rows))), "hold no line")
    assert "21 of 40 weeks hold no line (2024-03-04 to 2024-07-28)" in note
    assert "masked_dates" in note
    mapping = "masked_dates = [2024-01-06, [2024-03-02, 2024-07-31]]\n"
    told = check(field(transactions=as_csv(HEADER, rows), mapping=mapping))
    assert not any("hold no line" in note for note in told.notes)
    assert (told.tables.calendar["observed"] == 0).sum() == 21
    assert any("153 days are masked" in line for line in told.tables.assumptions)
    refused(field(mapping="masked_dates = [[2024-03-02, 2024-02-01]]\n"), "masked_dates", "not a first and a last one")


def test_gaps_of_days_and_of_counted_weeks_are_told(field: Field) -> None:
    open_days = [row for row in base_lines() if date.fromisoformat(row[2]).weekday() < 6]
    note = note_of(check(field(transactions=as_csv(HEADER, open_days), mapping='period = "day"\n')), "hold no line")
    assert "and" in note
    assert "more stretches" in note
    counted = "customer_id,product_id,quantity,price,period\nann,p00,1,4,7\nann,p00,1,4,8\nann,p00,1,4,12\n"
    note = note_of(check(field(transactions=counted)), "hold no line")
    assert "3 of 6 weeks hold no line (9 to 11)" in note
    assert "masked_periods" in note
    told = check(field(transactions=counted, mapping="masked_periods = [[9, 11]]\n"))
    assert told.tables.calendar["observed"].to_list() == [1.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    assert not any("hold no line" in note for note in told.notes)
    refused(field(mapping="masked_periods = [3]\n"), "masked_periods", "say masked_dates")


def test_no_week_is_missed_where_none_is_missing(field: Field) -> None:
    assert not any("hold no line" in note for note in check(field()).notes)
