"""The calendar that all tables of a firm share: its periods, how much of each was recorded, and which are held out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import get_args

import polars as pl

from intandem.data.tables.reading.mapping import NAME, Mapping, Weekday
from intandem.data.tables.tables import week_calendar
from intandem.data.tables.values.timing import Clock
from intandem.errors import InputError

LONGEST_CALENDAR = 20_000
"""Periods. A longer calendar (54 years of days) comes from a mistyped date, not from a firm."""


@dataclass(frozen=True)
class Calendar:
    """The periods of a firm.

    - `frame`: the columns of `COLUMNS["calendar"]`. `by_date`: whether rows have days, or numbers the firm counts.
    - `origin`: the first day of period 0, or the firm's own number of it. `last`: the last day or number with a line.
    """

    frame: pl.DataFrame
    by_date: bool
    days: int
    origin: date | int
    last: date | int

    @property
    def periods(self) -> int:
        return self.frame.height

    @property
    def when(self) -> str:
        """The column that tells the time of a row."""
        return "date" if self.by_date else "period"

    def place(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Adds `period` from 0; a row without a time keeps an empty one."""
        if self.by_date:
            since = (pl.col("date") - pl.lit(self.origin)).dt.total_days() // self.days
        else:
            since = pl.col("period").cast(pl.Int64) - pl.lit(self.origin)
        return frame.with_columns(period=since.clip(-(2**31), 2**31 - 1).cast(pl.Int32))


def calendar_of(place: str | Path, lines: pl.DataFrame, mapping: Mapping, clock: Clock) -> Calendar:
    """The calendar from the first to the last line.

    **Raises:** `InputError` if it would be longer than any firm's, or if more of it is held out than there is.
    """
    days = 7 if mapping.period_name == "week" else 1
    when = "date" if clock.by_date else "period"
    first, last = lines[when].min(), lines[when].max()
    if isinstance(first, date) and isinstance(last, date):
        weeks = clock.code in ("YYYYWW", "YYWW")
        begin = "monday" if weeks else mapping.week_start
        back = (first.weekday() - get_args(Weekday).index(begin)) % 7 if days == 7 else 0
        origin: date | int = first - timedelta(days=back)
        periods = ((last - first).days + back) // days + 1
        # A week that is named is there whole; one that is seen from the first or to the last line may be cut.
        until = last + timedelta(days=6) if weeks else last
        open_from, until = _with_closed_days(lines["date"], first, until) if days == 7 else (first, until)
    else:
        assert isinstance(first, int)
        assert isinstance(last, int)
        origin, periods = first, last - first + 1
    if periods > LONGEST_CALENDAR:
        raise InputError(
            place, f"runs from {first} to {last}: {periods:,} periods", "fix the one that is far off", key=when
        )
    test = mapping.test_periods if mapping.test_periods is not None else (periods * 3 + 10) // 20 if periods > 3 else 0
    if test >= periods:
        raise InputError(NAME, f"is {test} of {periods} periods", "leave some to fit on", key="test_periods")
    start = origin if isinstance(origin, date) else date(1, 1, 1)
    calendar = week_calendar(start, periods, days).with_columns(
        split=pl.when(pl.col("period") >= periods - test).then(pl.lit("test")).otherwise(pl.lit("train"))
    )
    if not isinstance(first, date) or not isinstance(last, date):
        masked = (pl.col("period") + origin).is_in(list(mapping.masked_periods))
        observed = pl.when(masked).then(0.0).otherwise(pl.col("observed"))
        frame = calendar.with_columns(start=pl.lit(None, pl.Date), observed=observed)
        return Calendar(frame, False, days, origin, last)
    if mapping.masked_periods:
        raise InputError(NAME, "is given, and the tables have dates", "say masked_dates", key="masked_periods")
    unseen = [day for day in mapping.masked_dates if open_from <= day <= until]
    recorded = pl.date_range(max(open_from, start), until, eager=True).alias("date").to_frame()
    recorded = recorded.filter(~pl.col("date").is_in(pl.Series(unseen, dtype=pl.Date).implode()))
    recorded = recorded.filter(pl.col("date") < start + timedelta(days=days * periods))
    seen = recorded.group_by(period=((pl.col("date") - start).dt.total_days() // days).cast(pl.Int32)).len()
    frame = calendar.join(seen, on="period", how="left", maintain_order="left")
    frame = frame.with_columns(observed=pl.col("len").fill_null(0) / days).drop("len")
    return Calendar(frame, True, days, origin, last)


ENOUGH_WEEKS = 4
"""Weeks that show on which weekdays a shop is closed."""

SELDOM = 0.25
"""A weekday that has lines in so small a share of the weeks in which the busiest weekday has some is one on which the
shop is closed, but for days such as the Sundays before Christmas."""

OFTEN = 0.5
"""Share of the weeks in which the busiest weekday must have lines: where lines are few, all are rare."""


def _with_closed_days(days: pl.Series, first: date, last: date) -> tuple[date, date]:
    """The first and the last day that are known of, with the weekdays before and after them on which the shop is
    closed: a week that ends on a Saturday is whole where nobody comes on a Sunday."""
    weeks = (last - first).days / 7
    if weeks < ENOUGH_WEEKS:
        return first, last
    seen = dict(days.unique().dt.weekday().value_counts().iter_rows())
    busiest = max(seen.values())
    most = SELDOM * busiest if busiest >= OFTEN * weeks else 0
    closed = {weekday for weekday in range(1, 8) if seen.get(weekday, 0) <= most}
    while (first - timedelta(days=1)).isoweekday() in closed:
        first -= timedelta(days=1)
    while (last + timedelta(days=1)).isoweekday() in closed:
        last += timedelta(days=1)
    return first, last
