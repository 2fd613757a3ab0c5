"""Output on terminals that lack a character: nothing done is lost, and JSON stays whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

NAME = "магазин-😀.toml"


def run(folder: Path, encoding: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    command = [sys.executable, "-m", "intandem", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)


def answered(encoding: str, as_json: bool) -> bytes:
    """What a command prints that has the name to say."""
    code = f"""
from intandem.app.answer import Answer, fit_output
fit_output()
Answer({{"place": {NAME!r}}}, {NAME!r}).write({as_json})
"""
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True).stdout.strip()


def test_names_that_the_terminal_lacks_are_escaped(tmp_path: Path) -> None:
    escaped = rb"\u043c\u0430\u0433\u0430\u0437\u0438\u043d-\U0001f600.toml"
    assert answered("latin-1", False) == escaped
    assert answered("utf-8", False).decode() == NAME
    wrong = run(tmp_path, "latin-1", "data", "validate", NAME)
    assert wrong.returncode == 2
    assert wrong.stderr.startswith(b"intandem: " + escaped)


def test_json_loses_nothing() -> None:
    for encoding in ("latin-1", "cp437", "utf-8"):
        assert json.loads(answered(encoding, True).decode(encoding)) == {"place": NAME}


def test_help_is_readable_without_unicode(tmp_path: Path) -> None:
    done = run(tmp_path, "ascii", "train", "--help")
    assert done.returncode == 0
    assert b"\\u" not in done.stdout
    assert b"--method {mtma," in done.stdout


def test_a_folder_name_that_is_not_utf8_is_refused_in_a_line(tmp_path: Path) -> None:
    os.mkdir(os.fsencode(tmp_path) + b"/\xff")
    done = subprocess.run(
        [os.fsencode(sys.executable), b"-m", b"intandem", b"data", b"validate", b"\xff"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == b"intandem: DIR: '\\udcff' is not UTF-8; rename the file or folder\n"
