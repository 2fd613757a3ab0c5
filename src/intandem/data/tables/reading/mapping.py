"""`mapping.toml`: what a firm calls its files and columns, and how they are to be read."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable
from collections.abc import Mapping as MappingLike
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from intandem.data.tables.schema import SCHEMA
from intandem.data.tables.tables import PeriodName
from intandem.errors import InputError

NAME = "mapping.toml"

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]

PeriodCode = Literal["count", "YYYYWW", "YYWW", "YYYYMMDD", "YYYYDDD"]
"""What a number in the column `period` says: a count of periods, an ISO week, or a day."""


_WORDS = (
    *(
        "NULL",
        "(null)",
        "[NULL]",
        "NA",
        "N/A",
        "N\\A",
        "n.a.",
        "n.a",
        "n. a.",
        "#N/A",
        "#NA",
        "#N/A N/A",
        "<NA>",
        "\\N",
    ),
    *("NaN", "-NaN", "1.#QNAN", "-1.#QNAN", "1.#IND", "-1.#IND", "NaT", "None", "undefined", "unspecified"),
    *("unknown", "not known", "missing", "not available", "not specified", "no data", "n/d", "n.d.", "k.A.", "k. A."),
    *("tbd", "tbc", "#NV", "#NULL!", "#VALUE!", "#REF!", "#DIV/0!", "#NUM!", "#NAME?", "(blank)", "(empty)", "(leer)"),
)
_MARKS = ("-", "--", "---", "\u2013", "\u2014", "?", "??", "???", ".", "...", "\u2026")

MISSING = (
    *dict.fromkeys(form for word in _WORDS for form in (word, word.lower(), word.upper(), word.capitalize())),
    *_MARKS,
)
"""How databases, R, pandas, spreadsheets and people write a value that is missing, in capitals or not; `missing` adds
to the list, `not_missing` takes from it."""


@dataclass(frozen=True)
class Reading:
    """How to read one table.

    - `separator`, `skip_lines`: of a text file: what parts its columns, and lines above the header.
    - `date_format`, `time_zone`: how dates are written; the clock whose days count.
    - `decimal`, `thousands`: how numbers are written. `missing`: words that stand for no value.
    - `units`: by column, what one of the firm's units is in the schema's; what is converted is rounded up.
    """

    separator: str = ","
    skip_lines: int = 0
    date_format: str | None = None
    time_zone: str | None = None
    decimal: str = "."
    thousands: str | None = None
    missing: tuple[str, ...] = MISSING
    units: MappingLike[str, float] = field(default_factory=dict)


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("is no time zone such as 'Europe/Berlin'") from error
    return name


class _ReadingKeys(BaseModel):
    """The keys of `Reading`, each in a table's section or, for all tables, at the top."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    separator: Annotated[str, Field(min_length=1, max_length=1, pattern=r"^[\x00-\x7f]$")] | None = None
    skip_lines: Annotated[int, Field(ge=0)] | None = None
    date_format: str | None = None
    time_zone: Annotated[str, AfterValidator(_known_zone)] | None = None
    decimal: Literal[".", ","] | None = None
    thousands: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    missing: tuple[str, ...] | None = None
    not_missing: tuple[str, ...] | None = None


class TableMapping(_ReadingKeys):
    """One table's part of `mapping.toml`: its file, how to read it, what to leave out, and the firm's name for each
    column."""

    file: str | None = None
    leave_out: tuple[str, ...] = ()
    lead_time_unit: Literal["hour", "day", "week"] | None = None
    columns: dict[str, str] = {}


def _days(given: Any) -> Any:
    """Single days, and pairs of a first and a last day, as days."""
    return _spelled_out(given, date, lambda day, number: day + timedelta(days=number), lambda gap: gap.days)


def _numbers(given: Any) -> Any:
    """Single numbers, and pairs of a first and a last one, as numbers."""
    return _spelled_out(given, int, lambda first, number: first + number, lambda gap: gap)


def _spelled_out(given: Any, kind: type, move: Callable[[Any, int], Any], steps: Callable[[Any], int]) -> Any:
    if not isinstance(given, list | tuple):
        return given
    spelled: list[Any] = []
    for item in given:
        if isinstance(item, list | tuple):
            if len(item) != 2 or not all(isinstance(end, kind) for end in item) or item[0] > item[1]:
                raise ValueError("holds a list that is not a first and a last one")
            spelled += [move(item[0], number) for number in range(steps(item[1] - item[0]) + 1)]
        else:
            spelled.append(item)
    return tuple(spelled)


class Mapping(_ReadingKeys):
    """`mapping.toml`, checked. Every key has a default, so a folder in the schema's own names needs no mapping."""

    period_name: Annotated[PeriodName, Field(alias="period")] = "week"
    period_code: PeriodCode | None = None
    week_start: Weekday = "monday"
    first_date: date = date(1990, 1, 1)
    last_date: date | None = None
    masked_dates: Annotated[tuple[date, ...], BeforeValidator(_days)] = ()
    masked_periods: Annotated[tuple[int, ...], BeforeValidator(_numbers)] = ()
    test_periods: Annotated[int, Field(ge=0)] | None = None
    lead_time_unit: Literal["hour", "day", "week"] | None = None
    margin: Annotated[float, Field(gt=-1, lt=1)] | None = None
    holding_rate: Annotated[float, Field(ge=0)] | None = None
    lost_sale_cost: Annotated[float, Field(ge=0)] | None = None
    exposure_cost: Annotated[float, Field(ge=0)] | None = None
    stated_effect: Annotated[float, Field(ge=-20, le=20)] | None = None
    tables: dict[str, TableMapping] = {}

    @property
    def stated(self) -> dict[str, float]:
        """What is stated of costs and effects, by key; only what is given."""
        keys = ("margin", "holding_rate", "lost_sale_cost", "exposure_cost", "stated_effect")
        return {key: value for key in keys if (value := getattr(self, key)) is not None}

    def section(self, table: str) -> TableMapping:
        """The part of one table, or its defaults."""
        return self.tables.get(table, TableMapping())

    def reading(self, table: str) -> Reading:
        """How to read a table: what its section says, else what stands at the top, else the default."""
        section = self.section(table)
        given: dict[str, Any] = {}
        for key in _ReadingKeys.model_fields:
            own = getattr(section, key)
            value = getattr(self, key) if own is None else own
            if value is not None:
                given[key] = value
        meant = given.pop("not_missing", ())
        given["missing"] = tuple(word for word in (*MISSING, *given.get("missing", ())) if word not in meant)
        unit = section.lead_time_unit or self.lead_time_unit or self.period_name
        days = {"hour": 1 / 24, "day": 1.0, "week": 7.0}
        units = {"lead_time": days[unit] / days[self.period_name]} if unit != self.period_name else {}
        return Reading(**given, units=units)


_SETTINGS = {field.alias or name for name, field in Mapping.model_fields.items()} - {"tables"}
_TABLE_SETTINGS = set(TableMapping.model_fields) - {"columns"}


def read_mapping(folder: Path) -> Mapping:
    """`folder/mapping.toml`, or the defaults if there is none.

    **Raises:** `InputError` naming the file and the key if it is not TOML, or has an unknown key or a wrong value.
    """
    path = folder / NAME
    if not path.exists():
        return Mapping()
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(path, f"cannot be read as TOML ({error})", "fix the line named") from error
    return mapping_of(given, path)


def mapping_of(given: MappingLike[str, Any], place: str | Path = "mapping") -> Mapping:
    """A mapping from what `mapping.toml` would hold.

    **Raises:** `InputError` naming `place` and the key for an unknown key or a wrong value.

    ```python
    >>> mapping_of({"period": "day", "transactions": {"customer_id": "card"}}).section("transactions").columns
    {'customer_id': 'card'}

    ```
    """
    settings: dict[str, Any] = {key: value for key, value in given.items() if key not in SCHEMA}
    tables: dict[str, Any] = {}
    for name in sorted(SCHEMA.keys() & given.keys()):
        section = given[name]
        if not isinstance(section, MappingLike):
            raise InputError(place, "is not a section", f"write [{name}] on a line of its own", key=name)
        for key in section.keys() - _TABLE_SETTINGS:
            if SCHEMA[name].column(key) is None:
                raise InputError(place, "is not a column of the schema", _known(SCHEMA[name].names), row=name, key=key)
        columns = {key: value for key, value in section.items() if key not in _TABLE_SETTINGS}
        tables[name] = {key: section[key] for key in _TABLE_SETTINGS & section.keys()} | {"columns": columns}
    for key in sorted(settings.keys() - _SETTINGS):
        raise InputError(place, "is not known", _known({*SCHEMA, *_SETTINGS}), key=key)
    try:
        mapping = Mapping.model_validate(settings | {"tables": tables})
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"] if part not in ("tables", "columns"))
        problem = first["msg"].removeprefix("Value error, ")
        problem = problem[:1].lower() + problem[1:]
        raise InputError(place, problem, f"{first['input']!r} was given", key=key) from error
    for name in SCHEMA:
        reading = mapping.reading(name)
        if reading.thousands == reading.decimal:
            problem = f"is {reading.decimal!r}, as the decimal sign is"
            raise InputError(place, problem, 'say decimal = "," beside thousands = "."', key="thousands")
    return mapping


def _known(names: Iterable[str]) -> str:
    return f"known are {', '.join(sorted(names))}"
