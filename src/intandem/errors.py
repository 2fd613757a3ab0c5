"""The errors a user can fix: each names the place, what is wrong there, and the cure, in one line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


class InputError(ValueError):
    """Something the user gave is wrong: the command ends with exit code 2 and nothing is written.

    **Arguments:**

    - `place`: the file, argument or table that is at fault.
    - `problem`: what is wrong there.
    - `cure`: what to do about it.
    - `row`: the row, counted as the user sees it (an index from 1, or an id), if there is one.
    - `key`: the key or column, if there is one.

    ```python
    >>> print(InputError("market.toml", "is -1, a cost", "give 0 or more", row="products 2", key="unit_cost"))
    market.toml: products 2: unit_cost: is -1, a cost; give 0 or more

    ```
    """

    def __init__(
        self,
        place: str | Path,
        problem: str,
        cure: str,
        *,
        row: str | int | None = None,
        key: str | None = None,
    ) -> None:
        self.place = str(place)
        self.problem = problem
        self.cure = cure
        self.row = row
        self.key = key
        where = [self.place]
        if row is not None:
            where.append(f"row {row}" if isinstance(row, int) else row)
        if key is not None:
            where.append(key)
        line = ": ".join([*where, f"{problem}; {cure}"])
        super().__init__(" ".join(line.split()))


class RunError(RuntimeError):
    """The input was right and the work failed all the same (a full disk, no network): exit code 1."""

    def __init__(self, place: str | Path, problem: str, cure: str) -> None:
        self.place = str(place)
        self.problem = problem
        self.cure = cure
        super().__init__(" ".join(f"{place}: {problem}; {cure}".split()))


def did_you_mean(name: str, known: Iterable[str], *, some: bool = False) -> str:
    """The cure for a name that nobody knows: the one that is most like it, or else all that there are.

    **Arguments:** `known`: the names there are. `some`: whether several of them may be chosen.

    ```python
    >>> did_you_mean("trian", ["train", "solve"]), did_you_mean("s-s", ["s-S"])
    ("did you mean 'train'?", "did you mean 's-S'?")
    >>> did_you_mean("x", ["train", "solve"]), did_you_mean("x", ["a", "b"], some=True)
    ('choose one of train, solve', 'choose some of a, b')

    ```
    """
    by_lower_case = {one.lower(): one for one in known}
    near = difflib.get_close_matches(name.lower(), by_lower_case, 1)
    if near:
        return f"did you mean '{by_lower_case[near[0]]}'?"
    return f"choose {'some' if some else 'one'} of {', '.join(by_lower_case.values())}"
