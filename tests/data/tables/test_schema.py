"""The reference page repeats the schema: it must not fall behind it."""

from __future__ import annotations

from pathlib import Path

import pytest

from intandem.data.sources.complete_journey import MARGINS
from intandem.data.tables.schema import RULES, SCHEMA

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "tables.md").read_text()


@pytest.mark.parametrize("name", list(SCHEMA))
def test_every_column_is_documented_as_it_is(name: str) -> None:
    table = SCHEMA[name]
    start = PAGE.index(f"## {name}")
    section = PAGE[start : PAGE.index("\n## ", start + 1)]
    assert ("(required)" in section.splitlines()[0]) == table.required
    for column in table.columns:
        required = "yes" if column.required else ""
        row = f"| `{column.name}` | {column.kind} | {required} | {column.unit} | {column.rule} | {column.meaning} |"
        assert row in section


def test_every_rule_is_documented() -> None:
    for rule, meaning in RULES.items():
        assert f"| `{rule}` | {meaning} |" in PAGE


def test_stated_margins_are_documented() -> None:
    for department, margin in MARGINS.items():
        assert f"| {department} | {margin:.0%} |" in PAGE


def test_tables_are_sound() -> None:
    for table in SCHEMA.values():
        names = set(table.names)
        assert set(table.key) <= names
        assert all(set(group) <= names for group in table.one_of)
        assert all(column in names and other in SCHEMA for column, other in table.references)
