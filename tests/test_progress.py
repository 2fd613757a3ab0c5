"""Progress: a bar where somebody sees it, after two seconds, for what the user called and not for work inside it."""

from __future__ import annotations

import io
import sys
import threading
import types

import pytest

from intandem import progress
from intandem.progress import Meter, NotebookBar, TerminalBar, reported, screen


class Recorded:
    """A bar that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int, int, str]] = []
        self.opened = threading.Event()
        self.closed = False

    def show(self, what: str, done: int, total: int, note: str) -> None:
        self.told.append((what, done, total, note))
        self.opened.set()

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def bar(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    """Somebody sees bars, at once."""
    one = Recorded()
    monkeypatch.setattr(progress, "screen", lambda: lambda: one)
    monkeypatch.setattr(progress, "PATIENCE", 0.01)
    return one


def test_a_bar_opens_by_itself_and_closes_with_the_work(bar: Recorded) -> None:
    with Meter("compiling") as meter:
        assert bar.opened.wait(10)
        meter.training("training", 5, 10, float("nan"))
        meter.training("training", 6, 10, 12.345)
    assert bar.told == [("compiling", 0, 0, ""), ("training", 5, 10, ""), ("training", 6, 10, "profit 12.35")]
    assert bar.closed


def test_short_work_shows_nothing(bar: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 3600.0)
    with Meter() as meter:
        meter.update("quick", 1, 2)
    assert bar.told == []


@pytest.mark.parametrize("outer", [None, False, lambda *told: None])
def test_work_inside_work_is_silent(monkeypatch: pytest.MonkeyPatch, outer: object) -> None:
    asked = []
    monkeypatch.setattr(progress, "screen", lambda: asked.append("who sees it?"))
    with reported(outer, "outside", lambda meter: meter.update), Meter():
        pass
    assert len(asked) == (outer is None)
    with Meter():
        pass
    assert len(asked) == (outer is None) + 1, "the next work is reported again"


def test_who_is_told(bar: Recorded) -> None:
    told = []
    with reported(lambda *one: told.append(one), "counting", lambda meter: meter.update) as tell:
        tell("a", 1, 2)
    assert told == [("a", 1, 2)]
    with reported(False, "counting", lambda meter: meter.update) as tell:
        assert tell is None
    assert bar.told == []
    with reported(True, "counting", lambda meter: meter.update) as tell:
        assert bar.opened.wait(10)
        tell("b", 1, 2)
    assert bar.told[-1] == ("b", 1, 2, "")


def test_an_error_leaves_the_place_free(bar: Recorded) -> None:
    def fail() -> None:
        with reported(None, "failing", lambda meter: meter.update):
            assert bar.opened.wait(10)
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        fail()
    assert bar.closed
    assert progress._reporting.acquire(blocking=False)
    progress._reporting.release()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_who_sees_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert screen() is None
    monkeypatch.setattr(sys, "stderr", None)
    assert screen() is None
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert screen() is TerminalBar
    for off in ("0", "false", "OFF"):
        monkeypatch.setenv("INTANDEM_PROGRESS", off)
        assert screen() is None
    monkeypatch.setenv("INTANDEM_PROGRESS", "1")
    kernel = types.SimpleNamespace(get_ipython=lambda: types.SimpleNamespace(kernel=object()))
    monkeypatch.setitem(sys.modules, "IPython", kernel)
    assert screen() is NotebookBar
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: object()))
    assert screen() is TerminalBar, "IPython on a terminal"


def test_the_bar_of_a_terminal_is_gone_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    bar = TerminalBar()
    bar.show("solving [joint]", 3, 10, "bounds 1e-03 apart")
    bar.bars.refresh()
    bar.close()
    written = sys.stderr.getvalue()
    assert "solving [joint]" in written
    assert written.rstrip().endswith("\x1b[2K"), "the line is cleared"


def test_a_terminal_that_lacks_dots_gets_a_turning_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class Plain(Terminal):
        encoding = "latin-1"

    monkeypatch.setattr(sys, "stderr", Plain())
    monkeypatch.setenv("TERM", "xterm")
    bar = TerminalBar()
    bar.show("solving", 3, 10, "")
    bar.bars.refresh()
    bar.close()
    sys.stderr.getvalue().encode("latin-1")


def test_the_bar_of_a_notebook_is_escaped_and_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    display = types.ModuleType("IPython.display")

    def update(line: dict[str, str], raw: bool) -> None:
        lines.append(line["text/html"])

    display.display = lambda line, raw, display_id: types.SimpleNamespace(update=update)
    monkeypatch.setitem(sys.modules, "IPython", types.ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    bar = NotebookBar()
    bar.show("<b>", 1, 4, "")
    bar.show("<b>", 2, 4, "")
    bar.show("<b>", 4, 4, "profit 3.00")
    bar.close()
    assert [line.split(" (")[0] for line in lines] == [
        '<progress value="1" max="4"></progress> &lt;b&gt;',
        '<progress value="4" max="4"></progress> &lt;b&gt; profit 3.00',
        "",
    ]
