"""Scripts that complete the command line in a shell."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import get_args

import tyro

from intandem.app.directory import COMMANDS, function_of
from intandem.app.options import ShellName
from intandem.errors import InputError, did_you_mean

PRINT_COMPLETION = "--print-completion"

SHELLS = get_args(ShellName)


def completion(given: Sequence[str]) -> str:
    """The script for a shell, which completes commands, options and their choices.

    **Arguments:** `given`: the name of the shell, alone.

    **Raises:** `InputError` for a shell that is not known.
    """
    if len(given) != 1:
        raise InputError(PRINT_COMPLETION, "takes one shell", f"write intandem {PRINT_COMPLETION} {SHELLS[0]}")
    shell = given[0]
    if shell not in SHELLS:
        raise InputError(PRINT_COMPLETION, f"'{shell}' is not known", did_you_mean(shell, SHELLS))
    whole, groups = tyro.extras.SubcommandApp(), {}
    for command in COMMANDS:
        *group, name = command.split()
        app = whole
        if group:
            if group[0] not in groups:
                groups[group[0]] = tyro.extras.SubcommandApp()
                whole.command(groups[group[0]], name=group[0])
            app = groups[group[0]]
        app.command(name=name)(function_of(command))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        whole.cli(
            prog="intandem",
            args=["--tyro-print-completion", shell],
            config=(tyro.conf.FlagCreatePairsOff, tyro.conf.DisallowNone),
        )
    return printed.getvalue().rstrip("\n")
