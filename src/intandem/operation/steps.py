"""Steps that are each done once for one set of inputs, whatever stops the work in between."""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from intandem.errors import RunError
from intandem.storage import replace_file

_logger = logging.getLogger(__name__)

RECORD, LOG, LOCK = "cycle.json", "cycle.log", "cycle.lock"


class Steps:
    """What has been done for the inputs with one `key`, kept in a folder's `cycle.json`.

    A step is a function that writes its results whole or not at all and returns what to remember of them. It is
    recorded when it is through: stopped before that, it is done again, and must come to the same.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self.folder = folder
        self.key = key
        kept = _read(folder / RECORD)
        self.done: dict[str, Any] = kept["done"] if kept.get("key") == key else {}

    @property
    def begun(self) -> bool:
        """Whether something is done already for these inputs."""
        return bool(self.done)

    def step(self, name: str, work: Callable[[], Any]) -> Any:
        """What a step came to: done now, or remembered."""
        if name not in self.done:
            found = work()
            kept = self.done | {name: found}
            with replace_file(self.folder / RECORD) as beside:
                beside.write_text(json.dumps({"key": self.key, "done": kept}, indent=2) + "\n")
            self.done = kept
            self.log(f"{name}: {said(found)}")
        return self.done[name]

    def log(self, line: str) -> None:
        """A line with the time in `cycle.log`, and to the logger."""
        _logger.info("%s", line)
        with (self.folder / LOG).open("a", encoding="utf-8") as file:
            file.write(f"{datetime.now():%Y-%m-%d %H:%M:%S} {line}\n")


def said(found: Any) -> str:
    """What a step came to, in a line."""
    if isinstance(found, dict):
        return ", ".join(f"{name} {value}" for name, value in found.items() if not isinstance(value, dict | list))
    return str(found)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise RunError(path, f"cannot be read ({error})", "remove it to begin the step anew") from error
    return found if isinstance(found, dict) and isinstance(found.get("done"), dict) else {}


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Holds a folder while it is worked in, so that two runs do not meet; what a killed run left beside is cleared.

    **Raises:** `RunError` if another run is at work.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as lock:
        try:
            import fcntl
        except ImportError:
            # Where files cannot be held, one run at a time is the user's to see to.
            pass
        else:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise RunError(folder, "is being worked in by another run", "wait until it is done") from error
        _clear(folder)
        yield


def _clear(folder: Path) -> None:
    """Puts back what a killed run had moved aside and not replaced, and removes what it had not finished.

    `storage.replace_folder` moves `NAME` to `.NAME.<12 digits>.old` for the moment in which its successor takes over.
    """
    for left in folder.glob("**/.*.old"):
        place = left.with_name(left.name[1:-17])
        if place.exists():
            shutil.rmtree(left)
        else:
            left.rename(place)
    for left in folder.glob("**/.*.part"):
        if left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink(missing_ok=True)
