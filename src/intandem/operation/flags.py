"""What a person should look at before today's decisions go out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import polars as pl

SHOWN = 3
"""Names that a sentence gives before it counts the others."""


class Flag(NamedTuple):
    """One thing to look at: what kind of thing, the product it is about (none where it is about many), and a sentence
    for people."""

    flag: str
    product_id: str | None
    text: str


def flags_frame(flags: Iterable[Flag]) -> pl.DataFrame:
    """One row per flag: `flag`, `product_id`, `text`."""
    return pl.DataFrame(list(flags), schema=dict.fromkeys(Flag._fields, pl.String), orient="row")


def listed(names: Iterable[str]) -> str:
    """The first names, and how many others there are.

    ```python
    >>> listed(["tea"]), listed(["tea", "milk"]), listed("abcde")
    ('tea', 'tea and milk', 'a, b, c and 2 others')

    ```
    """
    every = list(names)
    first = every[:SHOWN]
    rest = len(every) - len(first)
    if rest:
        return f"{', '.join(first)} and {rest:,} {'other' if rest == 1 else 'others'}"
    return " and ".join([", ".join(first[:-1]), first[-1]] if len(first) > 1 else first)
