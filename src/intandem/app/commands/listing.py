"""`intandem list`: what there is by name, and what each is."""

from __future__ import annotations

import shutil
import textwrap
from typing import Annotated, Any

import tyro

from intandem.app.answer import Answer
from intandem.app.options import JsonFlag, KindName, UnusedSeed, one_of, option

WIDEST = 120
"""Columns that the list takes at most."""

INDENT = 2

DEPARTMENTS = {
    "inventory": "Inventory (--inventory)",
    "recommendation": "Recommendation (--recommendation)",
    "both": "Whole policies (--inventory alone), no settings",
}


def list_names(
    kind: Annotated[KindName, tyro.conf.Positional, option(one_of(KindName), metavar="KIND")],
    /,
    seed: UnusedSeed = 0,
    json_output: JsonFlag = False,
) -> Answer:
    """Lists rules with their settings, families, methods, bounds.

    Of each kind, every name that a command takes, and what it is.

    Example: intandem list rules
    """
    del seed, json_output
    from intandem.evaluation.catalogue import catalogue

    items = catalogue(kind)
    lines = _rules(items) if kind == "rules" else [line for item in items for line in _item(item)]
    if kind == "families":
        lines += [
            "",
            *_wrapped("A market is family:NAME:PRODUCTSxCUSTOMERS:SEED, such as family:capped-supply:10x20:0."),
        ]
    return Answer({"kind": kind, "items": items}, "\n".join(lines))


def _rules(items: list[dict[str, Any]]) -> list[str]:
    lines: list[str] = []
    for department, title in DEPARTMENTS.items():
        lines += [*([""] if lines else []), title]
        for item in items:
            if item["department"] != department:
                continue
            such = f"; as in {item['example']}" if item["settings"] else ""
            lines += _entry(item["name"], item["what"] + such, INDENT)
            for setting in item["settings"]:
                marks = [setting["unit"], "one or one per product" if setting["per_product"] else ""]
                told = "; ".join(filter(None, [*marks, f"default: {setting['default']}"]))
                lines += _entry(f"{setting['name']}=", f"{setting['meaning']} ({told})", 2 * INDENT)
    lines += ["", *_wrapped("A setting is one value, or one per product separated by /, as in base-stock:level=25/31.")]
    return lines


def _item(item: dict[str, Any]) -> list[str]:
    more = []
    if "commands" in item:
        more.append(f"of {' and '.join(item['commands'])}")
    more += [str(item[key]) for key in ("applies", "terms") if key in item]
    more += [f"{scale}: {budget}" for scale, budget in item.get("budget", {}).items()]
    return _entry(item["name"], " ".join(filter(None, [item["what"], f"({'; '.join(more)})" if more else ""])), 0)


def _entry(name: str, words: str, indent: int) -> list[str]:
    """A name and what it is, in two columns."""
    column = 22
    first = f"{' ' * indent}{name:<{column - indent}}"
    return textwrap.wrap(
        words, _columns(), initial_indent=first, subsequent_indent=" " * column, break_on_hyphens=False
    )


def _wrapped(words: str) -> list[str]:
    return textwrap.wrap(words, _columns(), break_on_hyphens=False)


def _columns() -> int:
    return min(shutil.get_terminal_size().columns, WIDEST)
