"""Tables of the reference pages, from the commands and lists that they describe.

A page marks where a table stands with `<!-- options of train -->` or `<!-- list of rules -->` and closes it with
`<!-- end -->`. `python -m intandem.app.reference docs/reference` fills in all pages there; a test fails when a page
has fallen behind.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from intandem.app.arguments import options_of
from intandem.app.directory import COMMANDS, function_of
from intandem.errors import InputError, did_you_mean
from intandem.storage import replace_file

_MARKED = re.compile(r"<!-- (options|list) of ([a-z -]+?) -->\n.*?<!-- end -->", re.DOTALL)

EVERYWHERE = ("MARKET", "--seed", "--json")
"""What many commands take, told once."""


def filled(page: str) -> str:
    """A page with all its tables as they are today.

    **Raises:** `InputError` for a marker that names no command or list.

    ```python
    >>> print(filled("<!-- options of data validate -->\\n<!-- end -->"))
    <!-- options of data validate -->
    | option | meaning | default |
    | --- | --- | --- |
    | `DIR` | The folder with your tables. | required |
    | `--out FILE` | The quarantine file (.csv or .parquet). | DIR/quarantine.csv |
    <!-- end -->

    ```
    """
    return _MARKED.sub(_fill, page)


def _fill(marked: re.Match[str]) -> str:
    what, name = marked.groups()
    table = _options(name) if what == "options" else _list(name)
    return "\n".join([f"<!-- {what} of {name} -->", *table, "<!-- end -->"])


def _options(command: str) -> list[str]:
    if command not in COMMANDS:
        raise InputError("options of", f"'{command}' is not a command", did_you_mean(command, COMMANDS))
    options = [one for one in options_of(function_of(command)) if one.name not in EVERYWHERE]
    rows = [(f"`{one.usage}`", one.help, "required" if one.required else one.default) for one in options]
    return _table(("option", "meaning", "default"), rows) if rows else []


def _list(kind: str) -> list[str]:
    from intandem.evaluation.catalogue import catalogue

    items = catalogue(kind)
    if kind == "rules":
        rules = [(f"`{item['name']}`", item["department"], item["what"], f"`{item['example']}`") for item in items]
        settings = [
            (f"`{item['name']}`", f"`{one['name']}`", one["meaning"], one["unit"], one["default"], _values(one))
            for item in items
            for one in item["settings"]
        ]
        heads = ("rule", "setting", "meaning", "unit", "default", "values")
        return [*_table(("rule", "department", "what it does", "example"), rules), "", *_table(heads, settings)]
    further = {key: head for key, head in (("commands", "of"), ("applies", "applies to")) if key in items[0]}
    rows = [(f"`{item['name']}`", item["what"], *(_words(item[key]) for key in further)) for item in items]
    return _table(("name", "what it is", *further.values()), rows)


def _values(setting: dict[str, object]) -> str:
    return "one, or one per product" if setting["per_product"] else "one"


def _words(value: object) -> str:
    return ", ".join(f"`{one}`" for one in value) if isinstance(value, list) else str(value)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [heads, ["---"] * len(heads), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]


def main(folder: str) -> None:
    """Fills in the tables of every page in a folder."""
    for path in sorted(Path(folder).glob("*.md")):
        page = path.read_text(encoding="utf-8")
        if filled(page) != page:
            with replace_file(path) as beside:
                beside.write_text(filled(page), encoding="utf-8")
            print(path)


if __name__ == "__main__":
    main(sys.argv[1])
