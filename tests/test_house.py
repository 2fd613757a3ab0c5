"""The house in order: rooms say what is in them, no prefix stands where a folder should, one word for one thing."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "intandem"
ROOMS = sorted(path.parent for path in SOURCE.rglob("__init__.py"))
PAGES = sorted([*SOURCE.rglob("*.py"), *(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])

GLOSSARY = ROOT / "docs" / "reference" / "glossary.md"
"""The only page that may say a word in order to replace it."""

UNSAID = re.compile(
    r"\b(luck|lucky|attention|nudge[sd]?|nudging|mend(ed|s|ing)?|wishe[sd]|shelf-wish|trained firms?|a firm of)\b", re.I
)


def name_of(room: Path) -> str:
    return str(room.relative_to(SOURCE.parent)).replace("/", ".")


@pytest.mark.parametrize("room", ROOMS, ids=name_of)
def test_a_room_opens_with_what_it_holds(room: Path) -> None:
    said = ast.get_docstring(ast.parse((room / "__init__.py").read_text()))
    assert said, f"{name_of(room)} says nothing"
    assert said.splitlines()[0].endswith((".", ":")), said.splitlines()[0]


@pytest.mark.parametrize("room", ROOMS, ids=name_of)
def test_no_prefix_stands_where_a_folder_should(room: Path) -> None:
    stems = [path.stem for path in room.glob("*.py") if path.stem != "__init__"]
    prefixes = Counter(stem.split("_")[0] for stem in stems if "_" in stem)
    assert not [prefix for prefix, count in prefixes.items() if count > 2], prefixes
    folders = {path.name for path in room.iterdir() if path.is_dir()} | {room.name}
    assert not [stem for stem in stems if any(stem.startswith(f"{folder}_") for folder in folders)]
    assert not {"utils", "helpers", "common", "misc"} & set(stems)


def test_one_word_for_one_thing() -> None:
    found = [
        f"{page.relative_to(ROOT)}:{number}: {line.strip()}"
        for page in PAGES
        if page != GLOSSARY
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1)
        if UNSAID.search(line)
    ]
    assert not found, "\n".join(found)


def test_tests_stand_where_their_rooms_stand() -> None:
    """Every folder of tests is a room, or one of the kinds of test that belong to none."""
    beside = {"properties", "published", "docs", "field", "data/field"}
    tests = ROOT / "tests"
    folders = {str(path.parent.relative_to(tests)) for path in tests.rglob("test_*.py")} - {"."}
    rooms = {str(room.relative_to(SOURCE)) for room in ROOMS}
    assert folders - rooms <= beside, folders - rooms - beside
