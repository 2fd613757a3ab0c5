"""What a command has to say: figures for programs, a few lines for people."""

from __future__ import annotations

import io
import json
import math
import sys
from dataclasses import dataclass
from typing import Any

from intandem.display import money as money
from intandem.display import percent as percent
from intandem.errors import RunError


@dataclass(frozen=True)
class Answer:
    """`figures` go to stdout with `--json`, `text` without it; `code` is what the process ends with."""

    figures: dict[str, Any]
    text: str
    code: int = 0

    def write(self, as_json: bool) -> None:
        """Prints the answer to stdout; JSON in ASCII where the terminal's encoding lacks a character."""
        words = json.dumps(plain(self.figures), ensure_ascii=False) if as_json else self.text
        if as_json and not _fits(words):
            words = json.dumps(plain(self.figures))
        try:
            print(words)
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            cure = "send it elsewhere; files named on the command line are complete"
            raise RunError("standard output", f"cannot be written ({error.strerror or error})", cure) from error


def fit_output() -> None:
    """Lets characters that a terminal's encoding lacks be escaped, instead of ending the command after its work."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _fits(words: str) -> bool:
    try:
        words.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def plain(value: Any) -> Any:
    """The value in JSON's own types; what is not a finite number becomes null.

    ```python
    >>> plain({"a": (1, float("nan")), 2: "b"})
    {'a': [1, None], '2': 'b'}

    ```
    """
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, bool | int | str) or value is None:
        return value
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value)
