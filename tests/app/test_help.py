"""Help: there at once, in 80 columns, with examples, choices and true defaults."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from intandem.app import cli
from intandem.app.directory import COMMANDS, GROUPS, summary

SHELL = {**os.environ, "COLUMNS": "80"}


def told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> list[str]:
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.run(arguments) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    return printed.out.splitlines()


def test_the_command_alone_shows_what_there_is_by_what_people_do(capsys, monkeypatch) -> None:
    lines = told(capsys, monkeypatch)
    assert lines == told(capsys, monkeypatch, "--help") == told(capsys, monkeypatch, "-h")
    assert all(len(line) <= 80 for line in lines)
    for title, commands in GROUPS.items():
        at = lines.index(f"{title}:")
        assert [line[2:15].strip() for line in lines[at + 1 : at + 1 + len(commands)]] == list(commands)


def test_a_group_alone_shows_its_commands(capsys, monkeypatch) -> None:
    assert told(capsys, monkeypatch, "data") == told(capsys, monkeypatch, "data", "--help")
    assert any("data validate" in line for line in told(capsys, monkeypatch, "data"))


def test_help_may_stand_before_the_command(capsys, monkeypatch) -> None:
    wanted = told(capsys, monkeypatch, "data", "validate", "--help")
    assert told(capsys, monkeypatch, "help", "data", "validate") == wanted
    assert told(capsys, monkeypatch, "--help", "data", "validate") == wanted
    assert told(capsys, monkeypatch, "help") == told(capsys, monkeypatch)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_commands_help_fits_and_has_an_example_choices_and_true_defaults(capsys, monkeypatch, command: str) -> None:
    lines = told(capsys, monkeypatch, *command.split(), "--help")
    text = "\n".join(lines)
    assert summary(command) in text
    assert f"Example: intandem {command} " in text
    assert all(len(line) <= 80 for line in lines)
    assert "None" not in text
    assert " STR " not in text


def test_help_comes_without_loading_what_computes() -> None:
    code = "import sys; from intandem.app import cli; cli.run([]); cli.run(['train', '--help'])"
    code += "; assert not {'jax', 'polars', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_the_module_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "intandem"], capture_output=True, text=True, env=SHELL, check=True)
    assert done.stdout.startswith("usage: intandem COMMAND")
    done = subprocess.run([sys.executable, "-m", "intandem", "trian"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "did you mean 'train'?" in done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_commands_options_and_choices(capsys, shell: str) -> None:
    assert cli.run(["--print-completion", shell]) == 0
    script = capsys.readouterr().out
    for name in ("validate", "--inventory", "filtered-silo", "perturbation"):
        assert name in script
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, check=True, capture_output=True)


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not on this machine")
def test_bash_completes_commands_options_and_choices(capsys) -> None:
    assert cli.run(["--print-completion", "bash"]) == 0
    script = capsys.readouterr().out

    def completed(*words: str) -> list[str]:
        ask = f"COMP_WORDS=({' '.join(repr(word) for word in words)}); COMP_CWORD={len(words) - 1}\n"
        ask += '_tyro_intandem\nprintf "%s\\n" "${COMPREPLY[@]}"'
        done = subprocess.run(["bash"], input=f"{script}\n{ask}", capture_output=True, text=True, check=True)
        return done.stdout.split()

    assert completed("intandem", "tr") == ["train"]
    assert completed("intandem", "data", "v") == ["validate"]
    assert "--inventory" in completed("intandem", "simulate", "--in")
    assert completed("intandem", "train", "--method", "stm") == ["stma"]
