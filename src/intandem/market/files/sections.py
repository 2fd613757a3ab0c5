"""The TOML side of a market file: its syntax, its sections, and where the rows of its tables are."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from intandem.errors import InputError
from intandem.market.rules.keys import SECTIONS, TABLES
from intandem.market.rules.values import check_section, shown, unknown_key


def market_file(path: Path) -> Path:
    """The TOML file that a path stands for: itself, or `market.toml` in a folder.

    **Raises:** `InputError` if it is not there.
    """
    if path.is_dir():
        inside = path / "market.toml"
        if not inside.is_file():
            raise InputError(path, "is a folder without market.toml", "give a market file, or a folder with one")
        return inside
    if not path.exists():
        raise InputError(path, "is not there", "check the path")
    return path


def parse(place: Path) -> dict[str, Any]:
    """The content of a TOML file.

    **Raises:** `InputError` with line and column if it is not TOML, or if it cannot be read.
    """
    try:
        text = place.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(place, "is not text in UTF-8", "give a market file in TOML") from error
    except OSError as error:
        raise InputError(place, f"cannot be read ({error.strerror})", "check the path and your rights") from error
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(place, text, str(error)) from error


def _syntax_error(place: Path, text: str, message: str) -> InputError:
    at = re.search(r"\(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)", message)
    what = message[: at.start()].strip() if at else message
    if at is None or at["line"] is None:
        lines = len(text.splitlines())
        return InputError(place, f"is not valid TOML: {what}", "complete it", row=f"line {lines}, its end")
    number = int(at["line"])
    line = text.splitlines()[number - 1].strip()
    if what.startswith(("Cannot overwrite", "Cannot declare")):
        key = line.partition("=")[0].strip()
        return InputError(place, "stands twice", "remove one of the two", row=f"line {number}", key=key)
    where = f"line {number}, column {at['column']}"
    return InputError(place, f"is not valid TOML: {what}, in {shown(line)}", "correct the line", row=where)


def split(place: Path, content: Mapping[str, Any]) -> tuple[dict[str, dict[str, Any] | None], dict[str, Any]]:
    """The checked sections (`None` for one that is not there), and what stands for each table: its rows, or
    the name of a Parquet file. A table may stand at the top of the file or in `[market]`.

    **Raises:** `InputError`.
    """
    known = [*SECTIONS, *TABLES]
    for key in content:
        if key not in known:
            raise unknown_key(place, key, known)
    if "market" not in content:
        raise InputError(place, "is missing", "add the section and its keys", key="[market]")
    for name in SECTIONS:
        if not isinstance(content.get(name, {}), dict):
            problem = f"is {shown(content[name])}, not a section"
            raise InputError(place, problem, f"write [{name}] and its keys below", key=name)
    rules = dict(content["market"])
    sources = {name: content[name] for name in TABLES if name in content}
    for name in TABLES:
        if name in rules:
            if name in sources:
                raise InputError(place, "stands twice", "remove one of the two", row="[market]", key=name)
            sources[name] = rules.pop(name)
    for name in ("products", "customers", "pairs"):
        if name not in sources:
            cure = f"add [[{name}]] rows, or {name} = '{name}.parquet' above [market]"
            raise InputError(place, "is missing", cure, key=name)
    given = {**content, "market": rules}
    sections = {name: check_section(place, name, given[name]) if name in given else None for name in SECTIONS}
    return sections, sources
