"""Runs the code blocks of a page with Sybil, in order and in one namespace, as a reader would.

- `python`: run as it stands, or as a doctest where it begins with `>>>`.
- `sh` and `console`: the commands of this package are run in this process, in the folder the test stands in.
- `text` right after one of these is what it prints, up to white space, `...` and the last digits of numbers.
- Under a paragraph that says "not run by the tests" nothing is run: what the lines name must be there.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import re
import shlex
import tomllib
from pathlib import Path

from sybil import Document, Example
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

from intandem.app import cli
from intandem.app.completion import PRINT_COMPLETION

ROOT = Path(__file__).parents[1]
LENIENT = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
NOT_RUN = "not run by the tests"
NUMBER = re.compile(r"\d+(?:\.\d+)?")
PIECES = re.compile(r"\d+(?:\.\d+)?|\.\.\.|\s+|[^\d\s.]+|\.")


def parse(page: Path) -> Document:
    """A page with all its blocks."""
    python = PythonCodeBlockParser(doctest_optionflags=LENIENT)
    python.codeblock_parser = CodeBlockParser("python", _python)
    shells = [CodeBlockParser(name, _commands) for name in ("sh", "console")]
    return Document.parse(str(page), python, *shells, CodeBlockParser("text", _printed))


def is_marked(example: Example) -> bool:
    """Whether the paragraph before the block says that it is not run."""
    before = example.document.text[: example.region.start].rstrip()
    return NOT_RUN in " ".join(before.rsplit("\n\n", 1)[-1].lower().split())


def _python(example: Example) -> str | None:
    if is_marked(example):
        return None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        PythonEvaluator()(example)
    _keep(example, printed.getvalue())
    return None


def _commands(example: Example) -> str | None:
    text = example.parsed.replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if is_marked(example):
        return next((fault for fault in map(_named_but_not_there, lines) if fault), None)
    printed = io.StringIO()
    for line in lines:
        words = shlex.split(line.removeprefix("$ "), comments=True)
        words = words[2:] if words[:2] == ["python", "-m"] else words
        if words[0] != "intandem":
            return f"'{line}' is not a command of intandem, and the page does not say that it is not run"
        with contextlib.redirect_stdout(printed):
            code = cli.run(words[1:])
        if code != 0:
            return f"'{line}' ended with exit code {code}"
    _keep(example, printed.getvalue())
    return None


def _keep(example: Example, printed: str) -> None:
    example.namespace["_printed"] = (example.region.end, printed)


def _printed(example: Example) -> str | None:
    end, got = example.namespace.get("_printed", (None, ""))
    if end is None or example.document.text[end : example.region.start].strip("` \n"):
        return None
    if _same(str(example.parsed), got):
        return None
    return f"the page says\n{example.parsed}\nand what is printed is\n{got}"


def _same(page: str, printed: str) -> bool:
    """Whether a page and what was printed agree, up to white space, `...`, and the last digits of numbers: machines
    differ in the order in which they add up, and what was trained differs with them."""
    if doctest.OutputChecker().check_output(page, printed, LENIENT):
        return True
    numbers = NUMBER.findall(page)
    found = re.fullmatch("".join(map(_pattern, PIECES.findall(page.strip()))), printed.strip(), re.DOTALL)
    return found is not None and all(map(_near, numbers, found.groups()))


def _pattern(piece: str) -> str:
    """What a piece of a page stands for: a number for another, `...` for anything, white space for any."""
    if NUMBER.fullmatch(piece):
        return f"({NUMBER.pattern})"
    return ".*?" if piece == "..." else r"\s+" if piece.isspace() else re.escape(piece)


def _near(number: str, printed: str) -> bool:
    wanted = float(number)
    return abs(wanted - float(printed)) <= max(0.01 * abs(wanted), _last_digit(number))


def _last_digit(number: str) -> float:
    """Two and a half in a number's last place, by which trainings may differ; nothing for a whole number."""
    decimals = len(number.partition(".")[2])
    return 2.5 * 10.0**-decimals if decimals else 0.0


def _named_but_not_there(line: str) -> str | None:
    """What is wrong with a line that is not run, if it names something of this repository that is not there."""
    words = shlex.split(line, comments=True)
    if words[0] == "make" and len(words) > 1:
        there = re.search(rf"^{re.escape(words[1])}:", (ROOT / "Makefile").read_text(), re.MULTILINE) is not None
    elif words[0] == "python" and words[1].startswith("benchmarks/"):
        script = ROOT / words[1]
        there = script.exists() and all(word.lstrip("-") in script.read_text() for word in words[2:])
    elif words[0] == "intandem":
        there = words[1] == PRINT_COMPLETION or words[1] in {name.split()[0] for name in cli.COMMANDS}
    else:
        extras = re.findall(r"\[(\w+)\]", line)
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        there = all(extra in project["optional-dependencies"] for extra in extras)
    return None if there else f"'{line}' names what is not there"
