"""What a command takes, read off its function; and what is wrong with what it was given, in one line.

tyro parses and helps. Before it does, what was given is checked here, so that whatever is wrong is said like any other
fault: the place, the problem, the cure.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

import tyro

from intandem.errors import InputError, did_you_mean

OLD_NAMES: dict[str, dict[str, str]] = {
    "compare": {"--report": "--out"},
    "data fetch": {"--into": "--out"},
    "demo": {"--households": "--customers"},
    "solve": {"--firm": "--regime"},
}
"""Spellings of before, by command: they go on working and are not shown."""

LEAST: dict[str, int] = {
    "--candidates": 1,
    "--customers": 1,
    "--horizon": 1,
    "--lead-time": 0,
    "--minimum-cover": 0,
    "--n": 1,
    "--origins": 0,
    "--paths": 2,
    "--periods": 1,
    "--products": 1,
    "--runs": 1,
    "--seed": 0,
    "--seeds": 1,
    "--shops": 1,
    "--slots": 1,
    "--supply-cap": 0,
    "--updates": 1,
    "--warmup": 0,
    "--width": 1,
    "--window": 1,
}
"""The least that an option may be, in every command: what is below it is refused before any work."""

MOST = 2**31 - 1
"""The largest whole number that is taken."""


@dataclass(frozen=True)
class Option:
    """An option of a command, or (`positional`) an argument.

    - `name`: as it is typed, `--out`; of an argument what stands for it, `MARKET`. `metavar`: what stands for the
      value; empty for a flag. `choices`: all that it may be, or nothing. `kind`: of the value, `bool` for a flag.
    - `help`, `default`: in words; no default where there is nothing to say. `required`: whether it must be given.
    """

    name: str
    kind: type
    metavar: str
    choices: tuple[str, ...]
    help: str
    default: str
    required: bool
    positional: bool

    @property
    def usage(self) -> str:
        """The option as one types it."""
        return " ".join(filter(None, (self.name, "" if self.positional else self.metavar)))


def options_of(function: Callable[..., Any]) -> tuple[Option, ...]:
    """What a command takes: arguments first, then options in the order of its function."""
    hints = get_type_hints(function, include_extras=True)
    return tuple(_option(one, hints[one.name]) for one in inspect.signature(function).parameters.values())


def _option(parameter: inspect.Parameter, hint: Any) -> Option:
    marks = [mark for mark in getattr(hint, "__metadata__", ()) if isinstance(mark, type(tyro.conf.arg()))]
    words: Any = marks[0] if marks else tyro.conf.arg()
    bare = hint.__origin__ if hasattr(hint, "__metadata__") else hint
    value = next((one for one in get_args(bare) if one is not type(None)), bare) if _optional(bare) else bare
    choices = get_args(value) if get_origin(value) is Literal else ()
    kind = str if choices else value
    positional = parameter.kind is inspect.Parameter.POSITIONAL_ONLY
    metavar = words.metavar or (
        "{" + ",".join(choices) + "}" if choices else "" if kind is bool else kind.__name__.upper()
    )
    default = "" if parameter.default in (inspect.Parameter.empty, None) else str(parameter.default)
    if words.help_behavior_hint is not None:
        default = words.help_behavior_hint.removeprefix("(default: ").removesuffix(")")
    return Option(
        name=metavar if positional else "--" + (words.name or parameter.name).replace("_", "-"),
        kind=kind,
        metavar=metavar,
        choices=choices,
        help=words.help or "",
        default=default,
        required=parameter.default is inspect.Parameter.empty,
        positional=positional,
    )


def _optional(hint: Any) -> bool:
    return type(None) in get_args(hint)


def checked(command: str, function: Callable[..., Any], given: Sequence[str]) -> list[str]:
    """What was given to a command, with old names replaced.

    **Raises:** `InputError` for the first thing that is wrong with it; options that are not known all together.
    """
    old = OLD_NAMES.get(command, {})
    known = options_of(function)
    by_name = {one.name: one for one in known if not one.positional}
    tokens = [_renamed(token, old) for token in given]
    if any(token in ("-h", "--help") for token in tokens):
        return tokens
    options = tokens[: tokens.index("--")] if "--" in tokens else tokens
    unknown = [name for name in map(_name_of, options) if name and name not in by_name]
    if unknown:
        raise _not_known(command, unknown, list(by_name))
    values, free = _sorted_out(by_name, tokens)
    for option, value in values:
        _check_value(option, value)
    missing = [one for one in known if one.required and not one.positional and one not in dict(values)]
    _check_arguments(command, [one for one in known if one.positional], free, missing)
    if missing:
        raise InputError(missing[0].name, f"is missing: {_lower(missing[0].help)}", f"give {missing[0].usage}")
    return tokens


SPELLINGS = {"day": "date"}
"""Arguments in Python that an option spells otherwise."""


def as_typed(error: InputError, function: Callable[..., Any]) -> InputError:
    """A fault of an argument in Python, under the name of the command's option if it has one."""
    name = "--" + SPELLINGS.get(error.place, error.place).replace("_", "-")
    if name not in {one.name for one in options_of(function)}:
        return error
    return InputError(name, error.problem, error.cure, row=error.row, key=error.key)


def _renamed(token: str, old: dict[str, str]) -> str:
    name, equals, value = token.partition("=")
    return old.get(name, name) + equals + value


def _name_of(token: str) -> str:
    """The name of the option that a token gives; empty for a value, such as -5."""
    name = token.partition("=")[0]
    if not name.startswith("-") or not name.lstrip("-")[:1].isalpha():
        return ""
    return name.replace("_", "-")


def _not_known(command: str, unknown: list[str], known: list[str]) -> InputError:
    near = {name: did_you_mean(name, known) for name in unknown}
    meant = [cure.split("'")[1] for cure in near.values() if "'" in cure]
    is_no = f"is not an option of {command}" if len(unknown) == 1 else f"are not options of {command}"
    cure = f"did you mean {', '.join(meant)}?" if meant else f"see `intandem {command} --help`"
    return InputError(", ".join(unknown), is_no, cure)


def _sorted_out(by_name: dict[str, Option], tokens: list[str]) -> tuple[list[tuple[Option, str]], list[str]]:
    """Each option given with its value, and what belongs to no option."""
    values: list[tuple[Option, str]] = []
    free: list[str] = []
    left = list(tokens)
    while left:
        token = left.pop(0)
        if token == "--":
            return values, free + left
        name = _name_of(token)
        if not name:
            free.append(token)
            continue
        option, (_, equals, value) = by_name[name], token.partition("=")
        if option.kind is bool:
            if equals:
                raise InputError(name, "takes no value", f"give {name} alone, or leave it out")
            continue
        if not equals:
            if not left or left[0] == "--" or _name_of(left[0]):
                raise InputError(name, "has no value", f"give {option.usage}")
            value = left.pop(0)
        values.append((option, value))
    return values, free


def _check_value(option: Option, value: str) -> None:
    if not value.strip():
        raise InputError(option.name, "is empty", f"give {option.usage}, or leave it out")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InputError(option.name, f"{value!r} is not UTF-8", "rename the file or folder") from error
    if option.choices and value not in option.choices:
        raise InputError(option.name, f"'{value}' is not known", did_you_mean(value, option.choices))
    if option.kind in (int, float):
        what = "a whole number" if option.kind is int else "a number"
        try:
            number = option.kind(value)
        except ValueError as error:
            raise InputError(option.name, f"'{value}' is not {what}", f"give {what}") from error
        least = LEAST.get(option.name)
        if least is not None and not number >= least:
            raise InputError(option.name, f"is {value}", f"give {least} or more")
        if option.kind is int and number > MOST:
            raise InputError(option.name, f"is {value}, too large a number", f"give at most {MOST:,}")


def _check_arguments(command: str, wanted: list[Option], given: list[str], missing: list[Option]) -> None:
    takes = " ".join(["intandem", command, *(one.usage for one in (*wanted, *missing))])
    if len(given) > len(wanted):
        raise InputError(given[len(wanted)], "is more than the command takes", f"write {takes} and then options")
    for option, value in zip(wanted, given, strict=False):
        _check_value(option, value)
    if len(given) < len(wanted):
        option = wanted[len(given)]
        raise InputError(option.name, f"is missing: {_lower(option.help)}", f"write {takes}")


def _lower(sentence: str) -> str:
    """A sentence as part of another."""
    first = sentence.split(". ")[0].rstrip(".")
    return first[:1].lower() + first[1:]
