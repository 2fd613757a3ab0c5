"""The command line: `intandem COMMAND ...`.

Exit code 0: done. 2: something given is wrong. 1: the work failed. Errors are one line on stderr. With `--json` one
object goes to stdout and everything else to stderr. Commands import what they need when they run, so that help is
there at once.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import shutil
import signal
import sys
import textwrap
from collections.abc import Callable, Sequence
from types import FrameType
from typing import NoReturn

import tyro

import intandem
from intandem.app.answer import Answer, fit_output
from intandem.app.arguments import as_typed, checked
from intandem.app.completion import PRINT_COMPLETION, completion
from intandem.app.directory import COMMANDS, function_of, overview
from intandem.errors import InputError, RunError, did_you_mean

DONE, FAILED, WRONG_INPUT = 0, 1, 2

HELP_WIDTH = 100
"""Columns that help takes at most, however wide the terminal is."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs the command line and leaves the process with its exit code."""
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGTERM, _stop)
    fit_output()
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Runs the command line and returns its exit code."""
    given = list(arguments)
    try:
        answer = _answer(given)
        if answer is not None:
            answer.write("--json" in given)
            return answer.code
        return DONE
    except KeyboardInterrupt as stopped:
        return _say(str(stopped) or "stopped; nothing half-written is left, run the command again", FAILED)
    except InputError as error:
        return _complain(error, str(error), WRONG_INPUT)
    except RunError as error:
        return _complain(error, str(error), FAILED)
    except BrokenPipeError:
        # Whoever read our output has gone: there is nobody to tell, and Python must not try again on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except MemoryError as error:
        return _complain(error, "out of memory; take a smaller market, or fewer runs or shops", FAILED)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _complain(error, f"{where}{error.strerror or error}; fix that and run the command again", FAILED)
    except OverflowError as error:
        return _complain(error, f"a number is too large ({error}); give a smaller one", WRONG_INPUT)
    except Exception as error:
        if "RESOURCE_EXHAUSTED" in str(error):
            return _complain(error, "out of memory; take a smaller market, or fewer runs or shops", FAILED)
        what = " ".join(f"{type(error).__name__}: {error}".split())
        return _complain(error, f"failed unexpectedly ({what}); set INTANDEM_TRACEBACK=1 to see where", FAILED)


def _answer(given: list[str]) -> Answer | None:
    """What a command line asks for; nothing where help is all that it asks for."""
    if given and given[0] in ("help", "-h", "--help"):
        # `intandem help train` and `intandem --help train` are `intandem train --help`.
        given = [*given[1:], "--help"] if given[1:] else []
    if not given:
        print(overview())
        return None
    if given[0] in ("-V", "--version"):
        print(intandem.__version__)
        return None
    if given[0] == PRINT_COMPLETION:
        print(completion(given[1:]))
        return None
    command, rest = _command(given)
    if command is None:
        print(overview(given[0]))
        return None
    return _run(command, rest)


def _command(given: list[str]) -> tuple[str | None, list[str]]:
    """The command and what was given to it; no command where a group is named alone, as in `intandem data`."""
    first, rest = given[0], given[1:]
    if first.startswith("-"):
        raise InputError(first, "stands before the command", "write `intandem COMMAND ...` and options after it")
    if first in COMMANDS:
        return first, rest
    group = [name for name in COMMANDS if name.startswith(f"{first} ")]
    if not group:
        raise InputError(first, "is not a command", did_you_mean(first, COMMANDS))
    if not rest or rest[0] in ("-h", "--help"):
        return None, rest
    command = f"{first} {rest[0]}"
    if command not in COMMANDS:
        raise InputError(command, "is not a command", did_you_mean(command, group))
    return command, rest[1:]


def _run(command: str, given: list[str]) -> Answer | None:
    function = function_of(command)
    arguments = checked(command, function, given)
    told = _Told()
    try:
        # The parser only picks the function: run inside it, what the command prints could not be told from its help.
        with contextlib.redirect_stdout(told):
            call = tyro.cli(
                _picked(function),
                prog=f"intandem {command}",
                args=arguments,
                config=(tyro.conf.FlagCreatePairsOff, tyro.conf.DisallowNone),
            )
    except SystemExit as leaving:
        if leaving.code not in (0, None):
            raise InputError(command, "cannot be read", f"see `intandem {command} --help`") from leaving
        print(_wrapped(told.getvalue()), end="")
        return None
    # Whatever libraries print on the way goes to stderr: stdout holds the answer alone.
    with contextlib.redirect_stdout(sys.stderr):
        try:
            return call()
        except InputError as error:
            raise as_typed(error, function) from error


def _picked(function: Callable[..., Answer]) -> Callable[..., Callable[[], Answer]]:
    @functools.wraps(function)
    def pick(*positional: object, **named: object) -> Callable[[], Answer]:
        return functools.partial(function, *positional, **named)

    return pick


class _Told(io.StringIO):
    """What the parser prints, as it would print it to stdout."""

    def __init__(self) -> None:
        super().__init__()
        self.stream = sys.stdout

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return getattr(self.stream, "encoding", None) or "utf-8"

    def isatty(self) -> bool:
        return self.stream.isatty()


def _wrapped(told: str) -> str:
    """Help whose sentences fit the terminal; its example stays a line that can be copied."""
    width = min(shutil.get_terminal_size().columns, HELP_WIDTH)
    lines = [
        textwrap.fill(line, width) if len(line) > width and "\x1b" not in line and "Example:" not in line else line
        for line in told.split("\n")
    ]
    return "\n".join(lines)


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    raise KeyboardInterrupt


def _complain(error: BaseException, line: str, code: int) -> int:
    if os.environ.get("INTANDEM_TRACEBACK"):
        raise error
    return _say(line, code)


def _say(line: str, code: int) -> int:
    with contextlib.suppress(OSError):
        print(f"intandem: {' '.join(line.split())}", file=sys.stderr)
    return code
