"""What exports hold that would mislead without a word: dates in two ways, headers alone, prices of another unit."""

from __future__ import annotations

from collections.abc import Callable
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
    assert "1 of 4 sums lack a store" in told


@pytest.mark.parametrize(("price", "told"), [("250", True), ("0.4", True), ("3.9", False)])
def test_a_price_far_from_what_was_paid_is_told(tmp_path: Path, price: str, told: bool) -> None:
    products = f"product_id,price\np0,{price}\np1,2.5\np2,2.5\n"
    notes = _read(_shop(tmp_path, lambda _, day: day.isoformat(), products=products)).notes
    found = [note for note in notes if "apart from what was paid" in note]
    assert bool(found) is told
    assert all(f"'p0' {float(price):.2f} against 2.50" in note for note in found)
