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
import signal
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from types import FrameType
from typing import NoReturn

import tyro

import intandem
from intandem.app.answer import Answer
from intandem.errors import InputError, RunError

DONE, FAILED, WRONG_INPUT = 0, 1, 2

COMMANDS = {
    "demo": "intandem.app.commands.demo:demo",
    "data": "intandem.app.commands.data:data",
    "calibrate": "intandem.app.commands.calibrate:calibrate",
    "simulate": "intandem.app.commands.simulate:simulate",
    "train": "intandem.app.commands.train:train",
    "compare": "intandem.app.commands.compare:compare",
    "solve": "intandem.app.commands.solve:solve",
    "bound": "intandem.app.commands.bound:bound",
    "insights": "intandem.app.commands.insights:insights",
    "experiment": "intandem.app.commands.experiment:experiment",
}
"""Each command and the function it runs."""

DATA_COMMANDS = {
    "fetch": "intandem.app.commands.data:fetch",
    "validate": "intandem.app.commands.data:validate",
}

DESCRIPTION = (
    "Replenishment and recommendation in tandem. MARKET is a market file or folder, a generated market "
    "`family:NAME:PRODUCTSxCUSTOMERS:SEED`, or the name of an example market."
)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs the command line and leaves the process with its exit code."""
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGTERM, _stop)
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Runs the command line and returns its exit code."""
    given = list(arguments)
    if given in (["--version"], ["-V"]):
        print(intandem.__version__)
        return DONE
    try:
        answer = _parse_and_run(given)
        if answer is not None:
            answer.write("--json" in given)
        return DONE
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else FAILED
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


def _parse_and_run(given: list[str]) -> Answer | None:
    commands, program = COMMANDS, "intandem"
    if given[:1] == ["data"]:
        commands, program, given = DATA_COMMANDS, "intandem data", given[1:]
    chosen = {name: _function(path) for name, path in commands.items()}
    told = io.StringIO()
    stdout = sys.stdout
    try:
        with contextlib.redirect_stderr(told):
            # The parser only picks the command: run inside it, the command's own messages would be taken for usage.
            command = tyro.extras.subcommand_cli_from_dict(
                {name: _picked(function) for name, function in chosen.items()},
                prog=program,
                description=DESCRIPTION,
                args=given,
                config=(tyro.conf.FlagCreatePairsOff,),
            )
    except SystemExit as leaving:
        if leaving.code in (0, None):
            return None
        wanted = f"{program} {given[0]}" if given and given[0] in commands else program
        _say(f"{_usage_fault(told.getvalue())}; see `{wanted} --help`", WRONG_INPUT)
        raise SystemExit(WRONG_INPUT) from None
    # Whatever libraries print on the way goes to stderr: stdout holds the answer alone.
    with contextlib.redirect_stdout(sys.stderr):
        answer = command()
    assert sys.stdout is stdout
    return answer


def _function(path: str) -> Callable[..., Answer]:
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


def _picked(function: Callable[..., Answer]) -> Callable[..., Callable[[], Answer]]:
    @functools.wraps(function)
    def pick(*positional: object, **named: object) -> Callable[[], Answer]:
        def command() -> Answer:
            seed = named.get("seed", 0)
            if isinstance(seed, int) and seed < 0:
                raise InputError("--seed", f"is {seed}", "give 0 or more")
            return function(*positional, **named)

        return command

    return pick


def _usage_fault(told: str) -> str:
    """The first sentence of a usage error, out of its box."""
    lines = [line.strip("│╭╮╰╯ ").strip() for line in told.splitlines()]
    body: list[str] = []
    for line in lines[1:]:
        if line and set(line) <= {"─"}:
            break
        if line:
            body.append(line)
    if body and body[0].startswith("Missing from"):
        # The name of what is missing, without its help.
        options = [" ".join(line.split()[:2]) for line in body[1:] if line.startswith("--")]
        names = [line.split()[0] for line in body[1:]]
        # A help text may begin with "A".
        body = [body[0], *options, *[name for name in names if name.isupper() and len(name) > 1]]
    return " ".join(" ".join(body).rstrip(".").split()) or "the command line cannot be read"


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
