"""The calendar that all tables of a firm share: its periods, how much of each was recorded, and which are held out."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import get_args

import polars as pl

from intandem.data.tables.mapping import NAME, Mapping, Weekday
from intandem.data.tables.tables import week_calendar
from intandem.errors import InputError

LONGEST_CALENDAR = 20_000
"""Periods. A longer calendar (54 years of days) comes from a mistyped date, not from a firm."""


def calendar_of(
    place: str | Path, lines: pl.DataFrame, mapping: Mapping, by_date: bool
) -> tuple[pl.DataFrame, date | int]:
    """The calendar and its origin: the first day of period 0, or the firm's own number of it."""
    days = 7 if mapping.period_name == "week" else 1
    when = "date" if by_date else "period"
    first, last = lines[when].min(), lines[when].max()
    if isinstance(first, date) and isinstance(last, date):
        back = (first.weekday() - get_args(Weekday).index(mapping.week_start)) % 7 if days == 7 else 0
        origin: date | int = first - timedelta(days=back)
        periods = ((last - first).days + back) // days + 1
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
        return calendar.with_columns(start=pl.lit(None, pl.Date)), origin
    unseen = [day for day in mapping.masked_dates if first <= day <= last]
    recorded = pl.date_range(first, last, eager=True).alias("date").to_frame()
    recorded = recorded.filter(~pl.col("date").is_in(pl.Series(unseen, dtype=pl.Date).implode()))
    seen = recorded.group_by(period=_period_of_day(start, days)).len()
    observed = calendar.join(seen, on="period", how="left", maintain_order="left")
    return observed.with_columns(observed=pl.col("len").fill_null(0) / days).drop("len"), origin


def _period_of_day(start: date, days: int) -> pl.Expr:
    return ((pl.col("date") - start).dt.total_days() // days).cast(pl.Int32)


def in_periods(frame: pl.DataFrame, mapping: Mapping, origin: date | int, by_date: bool) -> pl.DataFrame:
    """Adds `period` from 0; a row without a date keeps an empty one (its fault has been found already)."""
    if isinstance(origin, date) and by_date:
        return frame.with_columns(period=_period_of_day(origin, 7 if mapping.period_name == "week" else 1))
    return frame.with_columns(period=(pl.col("period") - pl.lit(origin)).cast(pl.Int32))
