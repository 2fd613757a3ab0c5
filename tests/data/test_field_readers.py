"""What exports hold that would mislead without a word: dates in two ways, headers alone, prices of another unit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

import intandem
from intandem.errors import InputError

DAYS = [date(2024, 1, 3) + timedelta(days=3 * number) for number in range(120)]
TODAY = date(2025, 6, 1)


def _shop(folder: Path, written: Callable[[int, date], str], **more: str) -> Path:
    lines = [f"c{number % 12},p{number % 3},{written(number, day)},1,2.5" for number, day in enumerate(DAYS)]
    (folder / "transactions.csv").write_text("customer_id,product_id,date,quantity,price\n" + "\n".join(lines) + "\n")
    (folder / "products.csv").write_text("product_id,price\np0,2.5\np1,2.5\np2,2.5\n")
    for name, text in more.items():
        (folder / f"{name}.csv").write_text(text)
    return folder


def _read(folder: Path) -> intandem.ValidationReport:
    return intandem.validate_folder(folder, today=TODAY)


@pytest.mark.parametrize(
    ("written", "named"),
    [
        (lambda number, day: day.strftime("%d/%m/%Y" if number % 3 else "%m/%d/%Y"), "do not read as"),
        (lambda number, day: day.strftime("%Y-%d-%m"), "%Y-%d-%m"),
        (lambda number, day: day.strftime("%Y-%m-%d" if number % 3 else "%d.%m.%Y"), "%d.%m.%Y"),
    ],
    ids=["two countries", "day in between", "two systems"],
)
def test_a_column_that_is_not_written_in_one_way_is_refused(
    tmp_path: Path, written: Callable[[int, date], str], named: str
) -> None:
    with pytest.raises(InputError, match=r"transactions\.csv: date: .*date_format = ") as caught:
        _read(_shop(tmp_path, written))
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


def test_slips_and_impossible_days_are_set_aside_as_before(tmp_path: Path) -> None:
    found = _read(_shop(tmp_path, lambda number, day: "3024-01-09" if number in (3, 50) else day.isoformat()))
    assert found.rules == {"date-out-of-range": 2}
    found = _read(_shop(tmp_path, lambda number, day: "soon" if number % 3 == 0 else day.isoformat()))
    assert found.rules == {"not-a-date": 40}


def test_six_digits_are_a_day_if_one_way_alone_reads_them_all(tmp_path: Path) -> None:
    found = _read(_shop(tmp_path, lambda _, day: day.strftime("%y%m%d")))
    assert found.quarantined == 0
    assert found.tables.calendar.height == 52


def test_few_days_are_read_as_the_firm_writes_them_elsewhere(tmp_path: Path) -> None:
    orders = "product_id,quantity,date\np0,10,04.01.2025\np1,10,09.01.2025\n"
    found = _read(_shop(tmp_path, lambda _, day: day.strftime("%d.%m.%Y"), open_orders=orders))
    assert found.tables.open_orders.height == 2
    last = found.tables.calendar.height - 1
    assert found.tables.open_orders.sort("product")["period"].to_list() == [last + 1, last + 2]
    with pytest.raises(InputError, match=r"open_orders\.csv: date: dates such as 04\.01\.2025 read as"):
        _read(_shop(tmp_path, lambda _, day: day.isoformat(), open_orders=orders))


def test_a_table_with_a_header_alone_says_that_there_was_nothing(tmp_path: Path) -> None:
    empty = {
        "open_orders": "product_id,quantity,date\n",
        "stock": "product_id,date,on_hand\n",
        "exposures": "customer_id,product_id,date\n",
        "customers": "customer_id\n",
    }
    found = _read(_shop(tmp_path, lambda _, day: day.isoformat(), **empty))
    assert found.quarantined == 0
    told = [note for note in found.notes if "has no rows: there was nothing to tell" in note]
    assert sorted(note.partition(".")[0] for note in told) == ["exposures", "open_orders", "stock"]
    assert found.tables.customers.height == 12
    with pytest.raises(InputError, match=r"products\.csv: has no rows"):
        _read(_shop(tmp_path, lambda _, day: day.isoformat(), products="product_id,price\n"))


def test_minus_a_day_is_no_lead_time(tmp_path: Path) -> None:
    products = "product_id,price,lead_time\np0,2.5,-1\np1,2.5,8\np2,2.5,0\n"
    (tmp_path / "mapping.toml").write_text('lead_time_unit = "day"\n')
    found = _read(_shop(tmp_path, lambda _, day: day.isoformat(), products=products))
    times = dict(found.tables.products.select("product_id", "lead_time").iter_rows())
    assert times == {"p0": None, "p1": 2, "p2": 0}
    assert "too-low" in pl.read_csv(tmp_path / "quarantine.csv")["rule"].to_list()


def test_counts_of_stores_are_added_up(tmp_path: Path) -> None:
    stock = (
        "product_id,store_id,date,on_hand\np0,s1,2024-12-20,10\np0,s2,2024-12-20,25\n"
        "p0,s1,2024-12-24,-3\np0,s2,2024-12-24,8\np1,s1,2024-12-24,4\np1,s1,2024-12-20,5\np1,s2,2024-12-20,6\n"
    )
    found = _read(_shop(tmp_path, lambda _, day: day.isoformat(), stock=stock))
    assert found.quarantined == 0
    assert found.tables.stock.sort("product", "date")["on_hand"].to_list() == [35.0, 8.0, 11.0, 4.0]
    told = "\n".join(found.notes)
    assert "stock.csv: counts of 2 stores are added up" in told
    assert "1 of 4 sums lacks a store" in told


@pytest.mark.parametrize(("price", "told"), [("250", True), ("0.4", True), ("3.9", False)])
def test_a_price_far_from_what_was_paid_is_told(tmp_path: Path, price: str, told: bool) -> None:
    products = f"product_id,price\np0,{price}\np1,2.5\np2,2.5\n"
    notes = _read(_shop(tmp_path, lambda _, day: day.isoformat(), products=products)).notes
    found = [note for note in notes if "apart from what was paid" in note]
    assert bool(found) is told
    assert all(f"'p0' {float(price):.2f} against 2.50" in note for note in found)


def test_a_week_that_ends_before_a_day_on_which_nobody_opens_is_whole(tmp_path: Path) -> None:
    days = [day for week in range(8) for day in (date(2024, 1, 1) + timedelta(days=7 * week + one) for one in range(6))]
    lines = [f"c{number % 12},p{number % 3},{day},1,2.5" for number, day in enumerate(days)]
    (tmp_path / "products.csv").write_text("product_id,price\np0,2.5\np1,2.5\np2,2.5\n")
    for kept, share in ((lines, 1.0), (lines[:-2], 4 / 7)):
        head = "customer_id,product_id,date,quantity,price\n"
        (tmp_path / "transactions.csv").write_text(head + "\n".join(kept) + "\n")
        observed = _read(tmp_path).tables.calendar["observed"].to_list()
        assert observed == pytest.approx([1.0] * 7 + [share])


def test_a_shop_that_opens_on_few_sundays_is_closed_on_sundays(tmp_path: Path) -> None:
    days = [date(2024, 1, 1) + timedelta(days=one) for one in range(7 * 12 - 1)]
    (tmp_path / "products.csv").write_text("product_id,price\np0,2.5\np1,2.5\np2,2.5\n")
    for opened, share in (((2,), 1.0), (range(12), 6 / 7)):
        lines = [
            f"c{number % 12},p{number % 3},{day},1,2.5"
            for number, day in enumerate(days)
            if day.isoweekday() < 7 or number // 7 in opened
        ]
        head = "customer_id,product_id,date,quantity,price\n"
        (tmp_path / "transactions.csv").write_text(head + "\n".join(lines) + "\n")
        assert _read(tmp_path).tables.calendar["observed"].to_list() == pytest.approx([1.0] * 11 + [share])


def _weeks(folder: Path, weeks: Sequence[object], column: str = "", more: Sequence[int] = ()) -> Path:
    (folder / "products.csv").write_text("product_id,price\np0,2.5\np1,2.5\np2,2.5\n")
    lines = [f"c{number % 12},p{number % 3},{week},1,2.5" for number, week in enumerate(weeks)]
    lines = [f"{line},{value}" for line, value in zip(lines, more, strict=True)] if column else lines
    head = f"customer_id,product_id,period,quantity,price{column}\n"
    (folder / "transactions.csv").write_text(head + "\n".join(lines) + "\n")
    return folder


@pytest.mark.parametrize(
    "weeks",
    [
        [*range(1, 53), *range(1, 53)],
        [*range(30, 54), *range(1, 20)],
        [*range(30, 53), *range(1, 20)][::-1],
        [*range(30, 49), *range(2, 20)],
        [f"KW {week}" for week in range(1, 40)],
        [f"W{week:02d}" for week in range(1, 40)],
    ],
    ids=["two years", "part of each", "newest first", "closed at New Year", "KW", "W"],
)
def test_weeks_without_a_year_are_refused(tmp_path: Path, weeks: list[object]) -> None:
    with pytest.raises(InputError, match=r"transactions\.csv: period: .* week.*; write the year too, as 2024-W05"):
        _read(_weeks(tmp_path, weeks))


def test_weeks_beside_a_column_of_years_are_refused(tmp_path: Path) -> None:
    weeks, years = [*range(1, 53)] * 4, [2023] * 52 + [2024] * 52 + [2023] * 52 + [2024] * 52
    with pytest.raises(InputError, match="numbers weeks up to 52 beside a column of 2 years"):
        _read(_weeks(tmp_path, weeks, ",Year", years))
    assert _read(_weeks(tmp_path, weeks[:52], ",Year", years[:52])).tables.periods == 52


def test_weeks_that_count_on_or_begin_with_each_customer_are_read(tmp_path: Path) -> None:
    assert _read(_weeks(tmp_path, range(1, 105))).tables.periods == 104
    # A file in the order of its customers begins again with each of them.
    lines = [f"c{customer},p{week % 3},{week},1,2.5" for customer in range(3) for week in range(1, 53)]
    (tmp_path / "transactions.csv").write_text(
        "customer_id,product_id,period,quantity,price\n" + "\n".join(lines) + "\n"
    )
    found = _read(tmp_path)
    assert found.tables.periods == 52
    assert any("1 to 52 are taken as the weeks of one year" in note for note in found.notes)


def test_money_with_its_currency_and_days_as_spreadsheets_count_them(tmp_path: Path) -> None:
    products = "product_id,price\np0,€ 2.50\np1,2.50 EUR\np2,$2.5\n"
    since = date(1899, 12, 30)
    found = _read(_shop(tmp_path, lambda _, day: str((day - since).days), products=products))
    assert found.quarantined == 0
    assert found.tables.products["price"].to_list() == [2.5] * 3
    assert found.tables.first_period == DAYS[0] - timedelta(days=DAYS[0].weekday())
    assert any("a spreadsheet's numbers of days" in note for note in found.notes)
    comma = "product_id;price\np0;2,50 €\np1;2,50 €\np2;2,50 €\n"
    (tmp_path / "mapping.toml").write_text('[products]\nseparator = ";"\n')
    told = _read(_shop(tmp_path, lambda _, day: day.isoformat(), products=comma)).notes
    assert any("'2,50 €' are not read: if the comma is the decimal sign, say decimal" in note for note in told)
    (tmp_path / "mapping.toml").write_text('[products]\nseparator = ";"\ndecimal = ","\n')
    found = _read(tmp_path)
    assert found.tables.products["price"].to_list() == [2.5] * 3


@pytest.mark.parametrize(
    ("mapping", "values"),
    [
        ('decimal = ","\nthousands = "."\n', ("2.500", "1299.000")),
        ('decimal = ","\nthousands = "."\n', ("2.500", "12.75")),
        ('decimal = ","\nthousands = "."\n', ("2.500 €", "0.750 €")),
        ('thousands = ","\n', ("2,500", "2,5")),
    ],
)
def test_marks_that_cannot_part_thousands_are_refused_beside_those_that_may(
    tmp_path: Path, mapping: str, values: tuple[str, str]
) -> None:
    (tmp_path / "mapping.toml").write_text(mapping)
    products = f'product_id,price\np0,"{values[0]}"\np1,"{values[1]}"\np2,"{values[0]}"\n'
    said = rf"products\.csv: price: holds {values[1]} \(row 2\), whose '.' is no mark of thousands, beside {values[0]}"
    with pytest.raises(InputError, match=said):
        _read(_shop(tmp_path, lambda _, day: day.isoformat(), products=products))


def test_one_slip_among_many_marks_is_told(tmp_path: Path) -> None:
    (tmp_path / "mapping.toml").write_text('decimal = ","\nthousands = "."\n')
    products = "product_id,price\n" + "".join(f"p{one},1.{one:03d}\n" for one in range(40)) + "p40,12.5\n"
    found = _read(_shop(tmp_path, lambda _, day: day.isoformat(), products=products))
    assert found.tables.products["price"][-1] == 12.5
    assert any("price: holds 12.5 (row 41), whose '.' is no mark" in note for note in found.notes)


@pytest.mark.parametrize("written", ["12,50 €", "EUR 12,50", "12,50 euro", "12,50 Kč", "12,5 zł", "12,50 kr."])
def test_a_cure_for_money_helps(tmp_path: Path, written: str) -> None:
    products = f'product_id,price\np0,"{written}"\np1,"{written}"\np2,"12,-"\n'
    (told,) = [
        note
        for note in _read(_shop(tmp_path, lambda _, day: day.isoformat(), products=products)).notes
        if "say" in note
    ]
    (tmp_path / "mapping.toml").write_text(f"[products]\n{told.partition(' say ')[2].partition(' in mapping')[0]}\n")
    assert _read(tmp_path).tables.products["price"].to_list() == [12.5, 12.5, 12.0]


def test_two_currencies_in_a_column_are_told(tmp_path: Path) -> None:
    products = "product_id,price\np0,£2.50\np1,$2.50\np2,US$ 2.50\n"
    notes = _read(_shop(tmp_path, lambda _, day: day.isoformat(), products=products)).notes
    assert "products.csv: price: amounts in GBP and in USD are read as of one currency" in notes


def test_numbers_of_days_are_read_or_refused_with_a_cure_that_helps(tmp_path: Path) -> None:
    since = date(1899, 12, 30)

    def shifted(number: int, day: date) -> str:
        # 43912 would be a day of 2043 to who looks for years of two digits.
        return f"{(day - since).days - 1461}" if number % 40 else "soon"

    found = _read(_shop(tmp_path, shifted))
    assert found.rules == {"not-a-date": 3}
    assert found.tables.first_period == date(2019, 12, 30) + timedelta(days=7)
    mixed = r"40 of 120 different dates, such as \d+, are a spreadsheet's numbers of days, and others read as %d/%m/%Y"
    with pytest.raises(InputError, match=mixed):
        _read(_shop(tmp_path, lambda number, day: f"{day:%d/%m/%Y}" if number % 3 else str((day - since).days)))
    with pytest.raises(InputError, match="numbers alone name no day: write dates, as 2024-01-31"):
        _read(_shop(tmp_path, lambda _, day: str((day - date(1970, 1, 1)).days * 86400)))


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_lines_of_old_macs_are_named(tmp_path: Path, kept: int) -> None:
    _shop(tmp_path, lambda _, day: day.isoformat())
    place = tmp_path / "products.csv"
    # All lines, all but the last, and the header alone.
    lines = place.read_bytes().splitlines()
    ends = {0: [b"\r"] * 4, 1: [b"\r"] * 3 + [b"\n"], 2: [b"\r"] + [b"\n"] * 3}[kept]
    place.write_bytes(b"".join(line + end for line, end in zip(lines, ends, strict=True)))
    with pytest.raises(InputError, match=r"products\.csv: has line ends of carriage returns alone"):
        _read(tmp_path)
    place.write_bytes(b'product_id,name,price\r\np0,"two\rlines",2.5\r\np1,,2.5\r\np2,,2.5\r\n')
    assert _read(tmp_path).tables.products["name"].to_list() == ["two\rlines", None, None]


def test_zeros_lost_in_front_of_ids_are_told(tmp_path: Path) -> None:
    stock = "product_id,date,on_hand\n0012,2024-12-20,10\np1,2024-12-20,5\nP2,2024-12-20,5\n"
    products = "product_id,price\n12,2.5\np0,2.5\np1,2.5\np2,2.5\n"
    found = _read(_shop(tmp_path, lambda _, day: day.isoformat(), products=products, stock=stock))
    assert found.rules == {"unknown-product": 2}
    zeros, capitals = [note for note in found.notes if "but for" in note]
    assert zeros.startswith(
        "stock.csv: 1 row names a product that the products table has but for zeros in front ('0012' there is '12')"
    )
    assert "but for capitals ('P2' there is 'p2')" in capitals


def test_zeros_lost_in_every_line_are_named(tmp_path: Path) -> None:
    (tmp_path / "products.csv").write_text("product_id,price\n123,2.5\n")
    (tmp_path / "transactions.csv").write_text(
        "customer_id,product_id,date,quantity,price\nann,00123,2024-01-02,1,2.5\n"
    )
    with pytest.raises(InputError, match="the products table has '123', the same but for zeros in front"):
        _read(tmp_path)


def test_a_customer_with_and_without_zeros_is_told(tmp_path: Path) -> None:
    exposures = "customer_id,product_id,date\nc1,p0,2024-02-01\n"
    folder = _shop(tmp_path, lambda _, day: day.isoformat(), exposures=exposures)
    place = folder / "transactions.csv"
    place.write_text(place.read_text().replace("c1,", "7,").replace("c2,", "007,"))
    (told,) = [note for note in _read(folder).notes if "zeros in front" in note]
    assert told.startswith("1 customer id differs from another in zeros in front alone ('007' and '7')")


@pytest.mark.parametrize(
    ("times", "mapping", "told"),
    [
        ((48, 72, 24), "", 'lead times are 24, 48, 72 weeks: if these are hours, say lead_time_unit = "hour"'),
        ((48, 0, 120), 'period = "day"\n', "lead times are 48, 120 days: if these are hours"),
        ((5, 30, 45), "", "lead times are 5, 30, 45 weeks: if these are days"),
        ((2, 5, 14), "", None),
        ((14, 21, 3), 'period = "day"\n', None),
        ((48, 72, 24), 'lead_time_unit = "hour"\n', None),
    ],
)
def test_lead_times_of_another_unit_are_told(
    tmp_path: Path, times: tuple[int, ...], mapping: str, told: str | None
) -> None:
    (tmp_path / "mapping.toml").write_text(mapping)
    products = "product_id,price,lead_time\n" + "".join(f"p{one},2.5,{time}\n" for one, time in enumerate(times))
    found = _read(_shop(tmp_path, lambda _, day: day.isoformat(), products=products))
    notes = [note for note in found.notes if note.startswith("lead times are")]
    assert len(notes) == (told is not None)
    assert told is None or notes[0].startswith(told)
    if "hour" in mapping:
        assert found.tables.products["lead_time"].to_list() == [1, 1, 1]


@pytest.mark.parametrize("word", ["unknown", "MISSING", "Not available", "n.a", "\u2013", "tbd", "#N/A", "none"])
def test_a_word_for_nothing_is_no_value(tmp_path: Path, word: str) -> None:
    products = f"product_id,price,category,lead_time\np0,2.5,{word},{word}\np1,2.5,tea,1\np2,2.5,Nan bread,2\n"
    found = _read(_shop(tmp_path, lambda _, day: day.isoformat(), products=products))
    assert found.tables.products["category"].to_list() == [None, "tea", "Nan bread"]
    assert found.rules == {}
    assert any(f"category: taken as empty: 1 times {word!r}" in note for note in found.notes)
