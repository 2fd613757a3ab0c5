"""The reference pages say what the commands and lists are, and their examples run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from intandem.app import cli
from intandem.app.arguments import OLD_NAMES
from intandem.app.directory import COMMANDS, function_of
from intandem.app.reference import filled, main
from intandem.errors import InputError

PAGES = Path(__file__).parents[2] / "docs" / "reference"
COMMANDS_PAGE = (PAGES / "commands.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["commands.md", "rules.md"])
def test_tables_have_not_fallen_behind(name: str) -> None:
    page = (PAGES / name).read_text(encoding="utf-8")
    assert filled(page) == page, "run: python -m intandem.app.reference docs/reference"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_section_with_its_options_and_examples(command: str) -> None:
    """The help's own example is among them, but for the name of a folder."""
    section = COMMANDS_PAGE.split(f"\n## {command}\n")[1].split("\n## ")[0]
    takes_options = command != "bound"
    assert (f"<!-- options of {command} -->\n| option |" in section) == takes_options
    examples = re.findall(r"^intandem .*$", section, re.MULTILINE)
    of_help = next(line for line in (function_of(command).__doc__ or "").splitlines() if "Example:" in line)
    assert of_help.strip().removeprefix("Example: ").replace("my-tables", "shop") in examples


def test_spellings_of_before_are_told_once() -> None:
    told = COMMANDS_PAGE.split("## Spellings of before")[1]
    for command, names in OLD_NAMES.items():
        for old, new in names.items():
            assert f"`{command} {old}` (`{new}`)" in told
            assert COMMANDS_PAGE.count(old) == 1


@pytest.mark.parametrize(
    "line", [line for line in re.findall(r"^intandem .*$", COMMANDS_PAGE, re.MULTILINE) if " list " in line]
)
def test_quick_examples_run(capsys: pytest.CaptureFixture[str], line: str) -> None:
    """The others belong to the slow set, with all blocks of the documentation."""
    assert cli.run(shlex.split(line)[1:]) == 0
    assert capsys.readouterr().out


def test_a_page_is_filled_in_and_a_marker_of_nothing_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- options of bound -->\nold\n<!-- end -->\n<!-- list of examples -->\n<!-- end -->\n")
    main(str(tmp_path))
    assert "two-products-capped" in page.read_text()
    assert "old" not in page.read_text()
    with pytest.raises(InputError, match="did you mean 'bound'"):
        filled("<!-- options of bund -->\n<!-- end -->")
