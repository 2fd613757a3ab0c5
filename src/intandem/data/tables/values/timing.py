"""When: which of a table's columns tells the time of its rows, and how it is read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date

import polars as pl

from intandem.data.tables.reading.mapping import Mapping, PeriodCode
from intandem.data.tables.reading.raw import RawTable, blank_cells, stripped
from intandem.data.tables.values.dates import as_days
from intandem.data.tables.values.periods import MOST_WEEKS, begins_again, days_of, read_periods, weeks_without_year
from intandem.errors import InputError

WITH_YEAR = "write the year too, as 2024-W05 or 202405, give dates, or count on"


@dataclass(frozen=True)
class Timed:
    """The column `date` or `period` of a table (none if it has no time), what it was `written` as, and the rules that
    values of it break."""

    columns: dict[str, pl.Series]
    written: str = ""
    broken: tuple[tuple[str, pl.Series], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Clock:
    """How a firm tells time: by days, or by periods that it counts itself.

    - `by_date`: whether rows have days, as they are written or as coded periods name them.
    - `code`: how the transactions write periods, if they do. `earliest`, `latest`: days beyond are mistakes.
    - `styles`: formats of dates that tables proved to be the firm's own, as they are read.
    """

    by_date: bool
    code: PeriodCode | None
    earliest: date
    latest: date
    styles: set[str] = field(default_factory=set, compare=False)

    def read(self, raw: RawTable) -> Timed:
        """The time of each row.

        **Raises:** `InputError` if the table tells time in another way than the transactions, or in two.
        """
        filled = [name for name in ("date", "period") if name in raw.frame.columns]
        if not filled:
            return Timed({})
        wanted = ("date", "period") if self.by_date else ("period",)
        used = next((name for name in wanted if name in filled and not blank_cells(raw, name).all()), None)
        used = used or next((name for name in wanted if name in filled), None)
        if used is None or (used == "period" and self.by_date and self._code(raw) == "count"):
            other = "date" if used is None else "period"
            wants = "date" if self.by_date else "period"
            raise InputError(
                raw.place, f"counts by {other} where the transactions count by {wants}", "use one", key=other
            )
        unused = [name for name in filled if name != used]
        notes = tuple(f"{name} is left out: each row has its {used}" for name in unused)
        timed = self._days(raw) if used == "date" else self._periods(raw)
        return replace(timed, notes=notes + timed.notes)

    def _days(self, raw: RawTable) -> Timed:
        blank = blank_cells(raw, "date")
        text = stripped(raw.frame["date"]).set(blank, None)
        span = (self.earliest, self.latest)
        day, note = as_days(raw.frame["date"], text, raw.reading, raw.place, raw.table.name, *span, self.styles)
        broken = (("missing", blank), ("not-a-date", ~blank & day.is_null()), self._beyond(day))
        return Timed({"date": day}, "date", broken, (note,) if note else ())

    def _beyond(self, day: pl.Series) -> tuple[str, pl.Series]:
        return "date-out-of-range", ~day.is_between(self.earliest, self.latest)

    def _code(self, raw: RawTable) -> PeriodCode:
        text = stripped(raw.frame["period"]).set(blank_cells(raw, "period"), None)
        return read_periods(text, self.code, raw.place).code

    def _periods(self, raw: RawTable) -> Timed:
        blank = blank_cells(raw, "period")
        text = stripped(raw.frame["period"]).set(blank, None)
        periods = read_periods(text, self.code, raw.place)
        if periods.code == "count":
            unread = ~blank & periods.numbers.is_null()
            fitting = periods.numbers.cast(pl.Int32, strict=False)
            notes = _of_years(raw, text, periods.numbers)
            return Timed({"period": fitting}, "period", (("missing", blank), ("not-a-period", unread)), notes)
        day = days_of(periods)
        broken = (("missing", blank), ("not-a-period", ~blank & day.is_null()), self._beyond(day))
        first = text.drop_nulls()
        what = "a week, Monday to Sunday" if periods.code in ("YYYYWW", "YYWW") else "a day"
        note = f"period: {first[0]} is read as {what} ({periods.code})" if len(first) else ""
        return Timed({"date": day}, "period", broken, (note,) if note else ())


def _of_years(raw: RawTable, text: pl.Series, numbers: pl.Series) -> tuple[str, ...]:
    """A note on counts that may be numbers of weeks of several years.

    **Raises:** `InputError` if they are.
    """
    if example := weeks_without_year(text):
        raise InputError(raw.place, f"names weeks without their year, such as {example}", WITH_YEAR, key="period")
    known = numbers.drop_nulls()
    first, last = (int(known.min()), int(known.max())) if len(known) else (0, 0)  # type: ignore[arg-type]
    if first < 1 or last > MOST_WEEKS:
        return ()
    within = f"numbers weeks up to {last} "
    if raw.years > 1:
        problem = f"{within}beside a column of {raw.years} years: weeks of several years would count as one"
        raise InputError(raw.place, problem, WITH_YEAR, key="period")
    ids = [name for name in ("customer_id", "product_id", "store_id", "kind") if name in raw.frame.columns]
    if begins_again(numbers, raw.frame.select(ids)):
        problem = f"{within}and begins again: weeks of several years would count as one"
        raise InputError(raw.place, problem, WITH_YEAR, key="period")
    if first == 1 and last in (MOST_WEEKS - 1, MOST_WEEKS):
        return (f"period: 1 to {last} are taken as the weeks of one year; if there are more, {WITH_YEAR}",)
    return ()


def clock_of(lines: RawTable, mapping: Mapping, latest: date) -> Clock:
    """How the transactions tell time.

    **Raises:** `InputError` if they name weeks in a market of days, or numbers that may be weeks or months.
    """
    if "date" in lines.frame.columns and not (blank_cells(lines, "date").all() and "period" in lines.frame.columns):
        return Clock(True, mapping.period_code, mapping.first_date, latest)
    if "period" not in lines.frame.columns:
        return Clock(True, None, mapping.first_date, latest)
    text = stripped(lines.frame["period"]).set(blank_cells(lines, "period"), None)
    code: PeriodCode = read_periods(text, mapping.period_code, lines.place).code
    if code in ("YYYYWW", "YYWW") and mapping.period_name == "day":
        raise InputError(
            lines.place,
            'names weeks, and the mapping says period = "day"',
            'give dates, or say period = "week"',
            key="period",
        )
    return Clock(code != "count", code, mapping.first_date, latest)
