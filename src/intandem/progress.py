"""What is being done, for people: a bar on a terminal or in a notebook, for work of over two seconds, one at a time.

On a terminal it goes to stderr, and is gone when the work is done. Nothing is shown elsewhere (in a pipe, in a log),
nor with the environment variable `INTANDEM_PROGRESS` at 0.
"""

from __future__ import annotations

import contextlib
import html
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, ParamSpec, Protocol

PATIENCE = 2.0
"""Seconds after which a bar appears."""

SWITCH = "INTANDEM_PROGRESS"

_reporting = threading.Lock()
"""Held by the work that is reported: work inside it, and beside it, is silent."""

Told = ParamSpec("Told")


class Bar(Protocol):
    """A bar that can be seen."""

    def show(self, what: str, done: int, total: int, note: str) -> None:
        """Shows what is being done, how far it is (`total` 0: unknown), and a figure to watch."""

    def close(self) -> None:
        """Takes the bar away."""


class Meter:
    """Shows what is being done while it is entered. Call `update` as work goes on.

    ```python
    >>> with Meter() as meter:
    ...     for done in range(3):
    ...         meter.update("counting", done, 3)

    ```
    """

    def __init__(self, what: str = "working") -> None:
        self._latest = (what, 0, 0, "")
        self._lock = threading.Lock()
        self._bar: Bar | None = None
        self._timer: threading.Timer | None = None
        self._ours = False

    def __enter__(self) -> Meter:
        self._ours = _reporting.acquire(blocking=False)
        make = screen() if self._ours else None
        if make is not None:
            # By a clock of its own: what is compiled or solved in one go says nothing for long.
            self._timer = threading.Timer(PATIENCE, self._open, (make,))
            self._timer.daemon = True
            self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._bar is not None:
                self._bar.close()
                self._bar = None
            if self._ours:
                self._ours = False
                _reporting.release()

    def update(self, what: str, done: int = 0, total: int = 0, note: str = "") -> None:
        """Says what is being done, how far it is (`total` 0: unknown), and a figure to watch."""
        with self._lock:
            self._latest = (what, done, total, note)
            if self._bar is not None:
                self._bar.show(*self._latest)

    def training(self, what: str, done: int, total: int, profit: float) -> None:
        """Progress with the latest profit per period, if there is one yet."""
        self.update(what, done, total, f"profit {profit:,.2f}" if math.isfinite(profit) else "")

    def _open(self, make: Callable[[], Bar]) -> None:
        with self._lock:
            if self._timer is not None:
                self._bar = make()
                self._bar.show(*self._latest)


@contextmanager
def reported(
    progress: Callable[Told, object] | bool | None, what: str, shown: Callable[[Meter], Callable[Told, object]]
) -> Iterator[Callable[Told, object] | None]:
    """Yields whom work is to tell how far it is: what the user gave, a bar's, or nobody.

    **Arguments:**

    - `progress`: a function, which is then told; `None` or True: a bar, where there is somebody to see it; False: none.
    - `what`: what is being done, until the work says more. `shown`: from a meter to the function that tells it.

    Work inside work stays silent: a bar belongs to what the user called.

    ```python
    >>> with reported(print, "counting", lambda meter: meter.update) as tell:
    ...     tell("half way", 5, 10)
    half way 5 10
    >>> with reported(False, "counting", lambda meter: meter.update) as tell:
    ...     tell is None
    True

    ```
    """
    if not callable(progress) and progress is not False:
        with Meter(what) as meter:
            yield shown(meter)
        return
    ours = _reporting.acquire(blocking=False)
    try:
        yield progress if callable(progress) else None
    finally:
        if ours:
            _reporting.release()


def screen() -> Callable[[], Bar] | None:
    """What makes a bar that somebody sees: in a notebook, on a terminal, or nothing."""
    if os.environ.get(SWITCH, "").strip().lower() in ("0", "false", "no", "off"):
        return None
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if getattr(shell, "kernel", None) is not None:
        return NotebookBar
    with contextlib.suppress(AttributeError, ValueError):
        # There may be no stderr (a program without a console), or one that is closed.
        if sys.stderr.isatty():
            return TerminalBar
    return None


class TerminalBar:
    """A bar on stderr, by rich."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        console = Console(stderr=True)
        # Terminals that lack the dots would show their numbers.
        spinner = SpinnerColumn("dots" if console.encoding.startswith("utf") else "line")
        columns = [spinner, TextColumn("{task.description}", markup=False), BarColumn(bar_width=30)]
        columns += [TextColumn("{task.fields[note]}", markup=False), TimeElapsedColumn()]
        self.bars = Progress(*columns, console=console, transient=True)
        self.task = self.bars.add_task("", total=None, note="")
        self.what = ""
        self.bars.start()

    def show(self, what: str, done: int, total: int, note: str) -> None:
        """A new task begins from nothing."""
        if what != self.what:
            self.what = what
            self.bars.reset(self.task)
        self.bars.update(self.task, description=what, completed=done, total=total or None, note=note)

    def close(self) -> None:
        """The line is cleared."""
        self.bars.stop()


class NotebookBar:
    """A bar under a notebook's cell: a line of HTML, which is replaced."""

    APART = 0.25
    """Seconds between two replacements."""

    def __init__(self) -> None:
        from IPython.display import display

        self.started = time.monotonic()
        self.shown = -math.inf
        self.handle: Any = display(_line(""), raw=True, display_id=True)  # type: ignore[no-untyped-call]

    def show(self, what: str, done: int, total: int, note: str) -> None:
        """The line as it is now, unless it is only just there."""
        now = time.monotonic()
        if now - self.shown < self.APART and done < total:
            return
        self.shown = now
        so_far = f' value="{done}" max="{total}"' if total else ""
        words = html.escape(f"{what} {note}".strip())
        seconds = f"{PATIENCE + now - self.started:,.0f} s"
        self.handle.update(_line(f"<progress{so_far}></progress> {words} ({seconds})"), raw=True)

    def close(self) -> None:
        """An empty line is left."""
        self.handle.update(_line(""), raw=True)


def _line(page: str) -> dict[str, str]:
    # Nothing in plain text: a notebook that is printed or converted shows no trace of a bar.
    return {"text/html": page, "text/plain": ""}
