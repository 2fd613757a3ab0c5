"""Periods that are named rather than counted: weeks as 202030, 2020-W30 or 2030, days as 20200720 or 2020202."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import polars as pl

from intandem.data.tables.reading.mapping import NAME, PeriodCode
from intandem.errors import InputError

YEARS = (1990, 2100)
ENOUGH = 0.9
"""Share of the numbers that must fit a code for it to be one: a typing error must not turn weeks into counts."""

_WEEK = (r"^(?P<year>\d{4})[-/. ]?[Ww](?P<part>\d{1,2})$", r"^[Ww](?P<part>\d{1,2})[-/. ]?(?P<year>\d{4})$")
_PARTED = (r"^(?P<year>\d{4})[-/.](?P<part>\d{1,2})$", r"^(?P<part>\d{1,2})[-/.](?P<year>\d{4})$")


@dataclass(frozen=True)
class Periods:
    """A column of periods as numbers, and the code they are written in (`count`: they count)."""

    numbers: pl.Series
    code: PeriodCode


HALF_YEAR, MOST_YEARS, MOST_WEEKS = 26, 12, 53
"""Numbers of weeks begin again where one follows that is less by more than half a year: so often at most in a file that
is in order."""

_NO_YEAR = r"^(?i:w|wk|kw|cw|week|woche|semaine|sem)[.\s_-]*\d{1,2}$"


def begins_again(numbers: pl.Series, ids: pl.DataFrame | None = None) -> bool:
    """Whether counts are those of weeks which begin again with every year, in a file that is in order of time, the
    oldest or the newest first.

    **Arguments:** `ids`: columns by which the file may be sorted instead: with each of them time begins again too.

    ```python
    >>> begins_again(pl.Series([*range(30, 53), *range(1, 20)])), begins_again(pl.Series(range(30, 53)))
    (True, False)
    >>> by_customer = pl.DataFrame({"customer_id": ["ann"] * 40 + ["bob"] * 40})
    >>> begins_again(pl.Series([*range(1, 41)] * 2), by_customer)
    False

    ```
    """
    counts = numbers.alias("__now")
    frame = (counts.to_frame() if ids is None else ids.with_columns(counts)).filter(pl.col("__now").is_not_null())
    known = frame["__now"]
    if known.len() < HALF_YEAR or known.min() < 1 or known.max() > MOST_WEEKS:  # type: ignore[operator]
        return False
    names = [name for name in frame.columns if name != "__now"]
    groups = [list(some) for size in range(1, len(names) + 1) for some in combinations(names, size)]
    for way in (frame, frame.reverse()):
        step = way["__now"].diff().fill_null(0)
        back = step < 0
        if 0 < back.sum() == (step < -HALF_YEAR).sum() <= MOST_YEARS and not any(
            _sorted_by(way.select(ids=pl.struct(some).hash())["ids"], back) for some in groups
        ):
            return True
    return False


def _sorted_by(ids: pl.Series, back: pl.Series) -> bool:
    """Whether each id stands in one place, and time goes back only where an id begins."""
    new = (ids != ids.shift(1)).fill_null(True)
    return bool(new.sum() == ids.n_unique() and new.filter(back).all())


def weeks_without_year(text: pl.Series) -> str:
    """An example of weeks that are named without their year (`W30`, `KW 5`), where most are; else empty."""
    named = text.filter(text.str.contains(_NO_YEAR).fill_null(False))
    return str(named[0]) if 2 * len(named) > len(text) - text.null_count() else ""


def read_periods(text: pl.Series, stated: PeriodCode | None, place: object) -> Periods:
    """The numbers in a column of periods, and their code.

    **Arguments:** `stated`: the code, if the firm says it or another table has shown it.

    **Raises:** `InputError` if the numbers may name weeks or months, or weeks that the calendar does not have.

    ```python
    >>> read_periods(pl.Series(["202052", "202053", "202101"]), None, "lines").code
    'YYYYWW'
    >>> read_periods(pl.Series(["9", "10", "11"]), None, "lines").code
    'count'

    ```
    """
    numbers = text.cast(pl.Float64, strict=False)
    numbers = numbers.set((numbers != numbers.round()).fill_null(False) | ~numbers.is_finite().fill_null(False), None)
    marked = _joined(text, _WEEK)
    if marked.null_count() < numbers.null_count():
        return Periods(marked, "YYYYWW")
    parted = _joined(text, _PARTED)
    if parted.null_count() < numbers.null_count():
        return Periods(parted, stated if stated == "YYYYWW" else _weeks_or_months(parted, place, text))
    numbers = numbers.set((numbers.abs() > 2**31 - 1).fill_null(False), None).cast(pl.Int64)
    return Periods(numbers, stated or _code(numbers, place, text))


def _joined(text: pl.Series, patterns: tuple[str, ...]) -> pl.Series:
    """Year and part in one number, where a text has both."""
    found = pl.Series([None] * len(text), dtype=pl.Int64)
    for pattern in patterns:
        year, part = (
            text.str.extract_groups(pattern).struct.field(name).cast(pl.Int64, strict=False)
            for name in ("year", "part")
        )
        found = found.zip_with(found.is_not_null(), year * 100 + part)
    return found


def _code(numbers: pl.Series, place: object, text: pl.Series) -> PeriodCode:
    known = numbers.drop_nulls()
    if known.is_empty():
        return "count"

    def mostly(fits: pl.Series) -> bool:
        return int(fits.sum()) >= ENOUGH * len(fits)

    days = known.cast(pl.String).str.to_date("%Y%m%d", strict=False)
    if mostly(known.is_between(YEARS[0] * 10_000, YEARS[1] * 10_000) & days.is_not_null()):
        return "YYYYMMDD"
    if mostly(_year(known // 1000) & (known % 1000).is_between(1, 366)):
        return "YYYYDDD"
    if mostly(_year(known // 100) & (known % 100).is_between(0, 53)):
        return _weeks_or_months(known, place, text)
    # Years of two digits look like counts, but for the numbers that they never reach.
    short = (known // 100).unique()
    if known.is_between(100, 9999).all() and len(short) > 1:
        part = known % 100
        if part.is_between(1, 53).all() and (part > 12).any():
            return "YYWW"
    return "count"


def _year(values: pl.Series) -> pl.Series:
    return values.is_between(*YEARS)


def _weeks_or_months(numbers: pl.Series, place: object, text: pl.Series) -> PeriodCode:
    part = numbers.drop_nulls() % 100
    example = text.drop_nulls()[0]
    if part.is_between(1, 12).all():
        raise InputError(
            str(place),
            f"periods such as {example} may be weeks or months",
            f'say period_code = "YYYYWW" in {NAME} if they are weeks; months are too long: give dates',
            key="period",
        )
    if (part == 0).any():
        problem = f"periods such as {example} name years and weeks, and some week 0, which ISO weeks do not have"
        raise InputError(str(place), problem, f'give dates, or say period_code = "count" in {NAME}', key="period")
    return "YYYYWW"


def days_of(periods: Periods) -> pl.Series:
    """The day each coded period begins with, null where there is no such week or day."""
    code, numbers = periods.code, periods.numbers
    if code == "YYYYMMDD":
        return numbers.cast(pl.String).str.to_date("%Y%m%d", strict=False)
    if code == "YYYYDDD":
        return numbers.cast(pl.String).str.to_date("%Y%j", strict=False)
    year = numbers // 100 + (2000 if code == "YYWW" else 0)
    week = (numbers % 100).cast(pl.String).str.zfill(2)
    frame = pl.DataFrame({"year": year.cast(pl.String), "week": week})
    written = frame.select(pl.concat_str("year", pl.lit("-"), "week", pl.lit("-1")).alias("week"))["week"]
    return written.str.to_date("%G-%V-%u", strict=False)
