"""Days as firms write them. A format is found only if the dates can be read in one way."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date

import polars as pl

from intandem.data.tables.reading.mapping import NAME, Reading
from intandem.errors import InputError

_YEAR_FIRST = tuple(f"%Y{mark}%m{mark}%d" for mark in ("-", "/", ".", " ", ""))
_DAY_FIRST = tuple(f"%d{mark}%m{mark}%{year}" for year in "Yy" for mark in ("-", "/", ".", " "))
_MONTH_FIRST = tuple(f"%m{mark}%d{mark}%{year}" for year in "Yy" for mark in ("-", "/", ".", " "))
_SHORT_YEAR_FIRST = tuple(f"%y{mark}%m{mark}%d" for mark in ("-", "/", ".", ""))
_NAMED = (
    tuple(f"%d{mark}%{month}{mark}%{year}" for year in "Yy" for month in "bB" for mark in ("-", " ", "/", ""))
    + tuple(f"%{month} %d{mark} %Y" for month in "bB" for mark in (",", ""))
    + ("%d. %b %Y", "%d. %B %Y")
)

_DAY_IN_BETWEEN = tuple(f"%Y{mark}%d{mark}%m" for mark in ("-", "/", "."))
"""Seldom written, and taken only for what no other format reads."""

DATE_FORMATS = (*_YEAR_FIRST, *_DAY_FIRST, *_MONTH_FIRST, *_SHORT_YEAR_FIRST, *_NAMED)
"""Tried when the mapping gives none; a time of day after the date is cut off."""

_TIME = (r"[T ]\s*\d{1,2}[:.h]\d{2}.*$", r"^(\d{8})[T ]\d{4,6}.*$", r"^(\d{4}-\d{2}-\d{2})(?:Z|[+-]\d{2}:\d{2})$")
_OFFSET = r"(?:Z|[+-]\d{2}:?\d{2})$"


SERIAL = "spreadsheet"
"""Days as spreadsheets count them, from 1899-12-30: 45292 is 2024-01-01."""


def parse_dates(text: pl.Series, date_format: str) -> pl.Series:
    """The day each text names in `date_format`, null where it names none."""
    if date_format == SERIAL:
        number = text.str.replace(r"[.,]\d+$", "").cast(pl.Int64, strict=False)
        number = number.set(~number.is_between(1, 200_000).fill_null(False), None)
        return number.cast(pl.Int32).cast(pl.Date).dt.offset_by("-25569d")
    if "%H" in date_format or "%I" in date_format:
        return text.str.to_datetime(date_format, strict=False).dt.date()
    return _bare(text).str.to_date(date_format, strict=False)


def _bare(text: pl.Series) -> pl.Series:
    """Dates without the time of day."""
    cut = text.str.replace(_TIME[0], "")
    for pattern in _TIME[1:]:
        cut = cut.str.replace(pattern, "$1")
    return cut


def on_clock(text: pl.Series, time_zone: str) -> pl.Series:
    """The day on the clock of `time_zone` for texts that carry an offset from universal time, null for all others."""
    carried = text.str.contains(r"\d{1,2}:\d{2}").fill_null(False) & text.str.contains(_OFFSET).fill_null(False)
    iso = text.set(~carried, None).str.replace(r"Z$", "+00:00").str.replace(" ", "T", literal=True)
    iso = iso.str.replace(" ", "", literal=True).str.replace(r"([+-]\d{2})(\d{2})$", "$1:$2")
    moment = iso.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%:z", strict=False, time_zone="UTC")
    return moment.dt.convert_time_zone(time_zone).dt.date()


class TwoWaysError(InputError):
    """Dates that read in two ways, to different days."""


ODD = 0.05
"""Share of a column's days which, written in another way than the rest, is more than slips."""


def found_format(
    text: pl.Series, place: object, table: str, column: str, earliest: date, latest: date, known: Collection[str] = ()
) -> str:
    """The format that reads most dates as days that can be.

    **Arguments:** `known`: formats that the firm's other tables are written in: of two that read as many, theirs.

    **Raises:** `TwoWaysError` if another reads as many, to other days; `InputError` if another reads what this one
    does not.
    """
    days = text.drop_nulls().unique()
    bare = _bare(days).unique().alias("text").to_frame()
    likely = _read(bare, DATE_FORMATS, earliest, latest)
    counts = {style: bare.height - likely[style].null_count() for style in DATE_FORMATS}
    best = max(counts, key=lambda style: counts[style])
    if _counted(bare["text"], place, column, earliest, latest):
        return SERIAL
    tied = [style for style in DATE_FORMATS if counts[best] and counts[style] == counts[best]]
    ours = [style for style in tied if style in known]
    if ours and all(likely[style].equals(likely[ours[0]]) for style in ours):
        return ours[0]
    for style in tied:
        if not likely[style].equals(likely[best]):
            example = days.sort()[0]
            raise TwoWaysError(
                str(place),
                f"dates such as {example} read as {best} and as {style}",
                f'say which in {NAME}: [{table}] date_format = "{best}"',
                key=column,
            )
    odd = bare.filter(bare["text"].str.to_date(best, strict=False).is_null())
    if odd.height > ODD * bare.height:
        every = (*DATE_FORMATS, *_DAY_IN_BETWEEN)
        others = _read(odd, every, earliest, latest)
        style = max(every, key=lambda one: odd.height - others[one].null_count())
        if 2 * (odd.height - others[style].null_count()) > odd.height:
            example = odd.filter(others[style].is_not_null())["text"].sort()[0]
            raise InputError(
                str(place),
                f"{odd.height:,} of {bare.height:,} different dates, such as {example}, do not read as {best}, as the "
                f"others do; they read as {style}",
                f'write all dates in one way, or say which is right in {NAME}: [{table}] date_format = "{style}"',
                key=column,
            )
    return best


def _counted(text: pl.Series, place: object, column: str, earliest: date, latest: date) -> bool:
    """Whether days are counted as spreadsheets count them.

    **Raises:** `InputError` if others are written as dates: a spreadsheet takes the dates it understands for numbers,
    which may be those whose day it took for the month.
    """
    number = text.str.contains(r"^\d{5}(?:[.,]\d+)?$").fill_null(False)
    number &= parse_dates(text, SERIAL).is_between(earliest, latest).fill_null(False)
    if number.sum() <= ODD * len(text):
        return False
    others = text.filter(~number).alias("text").to_frame()
    likely = _read(others, DATE_FORMATS, earliest, latest)
    style = min(DATE_FORMATS, key=lambda one: likely[one].null_count())
    written = likely.filter(likely[style].is_not_null()).height
    if written > ODD * len(text):
        raise InputError(
            str(place),
            f"{int(number.sum()):,} of {len(text):,} different dates, such as {text.filter(number).sort()[0]}, are a "
            f"spreadsheet's numbers of days, and others read as {style}",
            "write all dates in one way, as 2024-01-31, before a spreadsheet takes some for the wrong month",
            key=column,
        )
    return True


def _read(bare: pl.DataFrame, styles: Sequence[str], earliest: date, latest: date) -> pl.DataFrame:
    """A column of days for each format, null where a text is none that can be; if no format finds one, whatever they
    read."""
    read = bare.select(pl.col("text").str.to_date(style, strict=False).alias(style) for style in styles)
    likely = read.select(pl.when(day.is_between(earliest, latest)).then(day) for day in map(pl.col, styles))
    return read if all(count == bare.height for count in likely.null_count().row(0)) else likely


def as_days(
    values: pl.Series,
    text: pl.Series,
    reading: Reading,
    place: object,
    table: str,
    earliest: date,
    latest: date,
    styles: set[str] | None = None,
) -> tuple[pl.Series, str]:
    """The days of a column and what a person should know of its clock.

    **Arguments:** `styles`: formats that the firm's tables are known to be written in; this one's is added.

    A day is the one on the clock that the column shows (a till's), or on that of `Reading.time_zone`.

    **Raises:** `InputError` for a column that holds no dates, or dates that read two ways.
    """
    name, dtype = values.name, values.dtype
    if isinstance(dtype, pl.Datetime):
        moved = values
        doubt = ""
        if dtype.time_zone is not None:
            if reading.time_zone is not None:
                moved = values.dt.convert_time_zone(reading.time_zone)
            elif dtype.time_zone in ("UTC", "Etc/UTC", "GMT") and (values.dt.time().drop_nulls().n_unique() > 1):
                doubt = _universal(name)
            moved = moved.dt.replace_time_zone(None)
        return moved.dt.date(), doubt
    if dtype == pl.Date:
        return values, ""
    if dtype.is_temporal():
        raise InputError(str(place), f"holds {dtype}", "give dates", key=name)
    styles = set() if styles is None else styles
    style = reading.date_format or found_format(text, place, table, name, earliest, latest, styles)
    if text.null_count() < len(text):
        styles.add(style)
    days = parse_dates(text, style)
    if style == SERIAL:
        told = f"{name}: {text.drop_nulls()[0]} and the like are read as a spreadsheet's numbers of days"
        return days, f"{told} (that is {days.drop_nulls()[0]})" if days.count() else told
    if reading.time_zone is not None:
        moved = on_clock(text, reading.time_zone)
        return moved.zip_with(moved.is_not_null(), days), ""
    universal = text.str.contains(r"\d:\d{2}.*(?:Z|[+-]00:?00)$").fill_null(False)
    return days, _universal(name) if universal.any() else ""


def _universal(name: str) -> str:
    return (
        f"{name}: days are those of universal time, as it is written; if the tills run on another clock, "
        f'say so in {NAME}: time_zone = "Europe/Berlin"'
    )
