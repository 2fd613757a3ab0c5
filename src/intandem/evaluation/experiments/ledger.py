"""The ledger of a study: what is finished is kept as soon as it ends, so that a study that was stopped goes on."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from intandem.errors import RunError
from intandem.evaluation.experiments.experiment import Progress
from intandem.storage import cure_of

Key = Mapping[str, Any]
"""What tells a cell from all others: the market, the arm, the seed, and the edition of the study."""

Row = dict[str, Any]
"""The figures of a cell, as JSON has them."""


class Ledger:
    """The finished cells of a study, one line of JSON each, in the order in which they ended.

    A line that was cut short, by a full disk or an end in mid-write, is no cell: it is done again. A cell that was done
    twice counts as it was done last.

    **Arguments:** `place`: the file, which need not be there yet.

    ```python
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     place = Path(folder) / "cells" / "study.jsonl"
    ...     first = Ledger(place).cell({"market": "a", "seed": 0}, lambda: {"profit": 3.5})
    ...     again = Ledger(place).cell({"market": "a", "seed": 0}, lambda: {"profit": 0.0})
    >>> first, again
    ({'profit': 3.5}, {'profit': 3.5})

    ```
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        self._rows: dict[str, Row] = {}
        self._lock = threading.Lock()
        text = place.read_text(encoding="utf-8") if place.is_file() else ""
        self._torn = bool(text) and not text.endswith("\n")
        for line in text.splitlines():
            try:
                kept = json.loads(line)
                self._rows[_name(kept["cell"])] = dict(kept["row"])
            except (ValueError, KeyError, TypeError):
                continue

    def found(self, key: Key) -> Row | None:
        """A finished cell, or `None`."""
        return self._rows.get(_name(key))

    def cell(self, key: Key, make: Callable[[], Row]) -> Row:
        """A cell, made and kept if it is not there.

        **Raises:** `RunError` if the system refuses to write.
        """
        row = self.found(key)
        if row is None:
            row = make()
            self._keep(key, row)
        return row

    def _keep(self, key: Key, row: Row) -> None:
        line = json.dumps({"cell": dict(key), "row": row}, ensure_ascii=False) + "\n"
        with self._lock:
            try:
                self.place.parent.mkdir(parents=True, exist_ok=True)
                with self.place.open("a", encoding="utf-8") as file:
                    file.write("\n" + line if self._torn else line)
            except OSError as error:
                raise RunError(self.place, f"cannot be written ({error.strerror or error})", cure_of(error)) from error
            self._torn = False
            self._rows[_name(key)] = row


def work_through(
    parts: Sequence[Callable[[], object]], what: str, *, at_once: int = 1, progress: Progress | None = None
) -> None:
    """Does all parts, some at once; each keeps what it finds in a ledger itself.

    Where a part fails or the user stops, those not begun are left and the error goes on to the caller.

    **Arguments:** `what`: is being done, for people. `at_once`: parts that may run side by side, as threads.
    """
    done = 0
    if progress is not None:
        progress(what, done, len(parts))
    for _ in _finished(parts, at_once):
        done += 1
        if progress is not None:
            progress(what, done, len(parts))


def _finished(parts: Sequence[Callable[[], object]], at_once: int) -> Iterable[object]:
    if at_once == 1:
        yield from (part() for part in parts)
        return
    with ThreadPoolExecutor(at_once) as threads:
        running = [threads.submit(part) for part in parts]
        try:
            for one in as_completed(running):
                yield one.result()
        finally:
            for one in running:
                one.cancel()


def _name(key: Key) -> str:
    return json.dumps(dict(key), sort_keys=True)
