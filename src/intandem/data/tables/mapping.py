"""`mapping.toml`: what a firm calls its files and columns, and how they are to be read."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from collections.abc import Mapping as MappingLike
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from intandem.data.tables.schema import SCHEMA
from intandem.data.tables.tables import PeriodName
from intandem.errors import InputError

NAME = "mapping.toml"

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class TableMapping(BaseModel):
    """One table's part of `mapping.toml`: its file, how to read it, and the firm's name for each column."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str | None = None
    separator: Annotated[str, Field(min_length=1, max_length=1)] = ","
    date_format: str | None = None
    columns: dict[str, str] = {}


class Mapping(BaseModel):
    """`mapping.toml`, checked. Every key has a default, so a folder in the schema's own names needs no mapping."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    period_name: Annotated[PeriodName, Field(alias="period")] = "week"
    week_start: Weekday = "monday"
    first_date: date = date(1990, 1, 1)
    last_date: date | None = None
    masked_dates: tuple[date, ...] = ()
    test_periods: Annotated[int, Field(ge=0)] | None = None
    tables: dict[str, TableMapping] = {}

    def section(self, table: str) -> TableMapping:
        """The part of one table, or its defaults."""
        return self.tables.get(table, TableMapping())


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
    for name in SCHEMA.keys() & given.keys():
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
        return Mapping.model_validate(settings | {"tables": tables})
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"] if part not in ("tables", "columns"))
        raise InputError(place, first["msg"].lower(), f"{first['input']!r} was given", key=key) from error


def _known(names: Iterable[str]) -> str:
    return f"known are {', '.join(sorted(names))}"
