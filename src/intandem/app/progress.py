"""A progress line for people: on stderr, on a terminal only, and only for work of over two seconds."""

from __future__ import annotations

import math
import sys
import time
from types import TracebackType
from typing import Any

PATIENCE = 2.0


class Meter:
    """Shows what is being done. Call `update` as work goes on; nothing appears before `PATIENCE` seconds."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.enabled = sys.stderr.isatty()
        self.bars: Any = None
        self.task: Any = None
        self.what = ""

    def __enter__(self) -> Meter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bars is not None:
            self.bars.stop()

    def update(self, what: str, done: int = 0, total: int = 0, note: str = "") -> None:
        """Says what is being done, how far it is (`total` 0: unknown), and a figure to watch."""
        if not self.enabled or time.monotonic() - self.started < PATIENCE:
            return
        if self.bars is None:
            self._open()
        if what != self.what:
            self.what = what
            self.bars.reset(self.task)
        self.bars.update(self.task, description=what, completed=done, total=total or None, note=note)

    def training(self, what: str, done: int, total: int, profit: float) -> None:
        """Progress with the latest profit per period, if there is one yet."""
        self.update(what, done, total, f"profit {profit:,.2f}" if math.isfinite(profit) else "")

    def _open(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = [SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=30)]
        columns += [TextColumn("{task.fields[note]}"), TimeElapsedColumn()]
        self.bars = Progress(*columns, console=Console(stderr=True), transient=True)
        self.task = self.bars.add_task("", total=None, note="")
        self.bars.start()
