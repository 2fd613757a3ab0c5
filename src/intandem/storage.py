"""Writing so that nothing half-written is ever seen: beside the target first, then one rename."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from intandem.errors import RunError


def _refuse(target: Path, error: OSError) -> RunError:
    reason = error.strerror or str(error)
    return RunError(target, f"cannot be written ({reason})", "free some space or choose another place")


@contextmanager
def replace_file(target: str | Path) -> Iterator[Path]:
    """Yields a temporary path beside `target`; on success it becomes `target`, on failure it is removed.

    **Raises:** `RunError` naming `target` if the system refuses (a full disk, no permission). An earlier file
    at `target` stays as it was until the new one is complete.

    ```python
    >>> import tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> with replace_file(folder / "a.txt") as beside:
    ...     _ = beside.write_text("whole")
    >>> (folder / "a.txt").read_text()
    'whole'

    ```
    """
    target = Path(target)
    beside: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
        os.close(handle)
        beside = Path(name)
        yield beside
        os.chmod(beside, 0o644)
        os.replace(beside, target)
    except OSError as error:
        raise _refuse(target, error) from error
    finally:
        if beside is not None:
            beside.unlink(missing_ok=True)


@contextmanager
def replace_folder(target: str | Path) -> Iterator[Path]:
    """Yields a temporary folder beside `target`; on success it takes the place of `target` as a whole.

    **Raises:** `RunError` naming `target` if the system refuses, or if `target` is a file.
    """
    target = Path(target)
    beside: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
        yield beside
        os.chmod(beside, 0o755)
        if target.is_dir() and not target.is_symlink():
            old = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".old", dir=target.parent))
            os.replace(target, old)
            os.replace(beside, target)
            shutil.rmtree(old, ignore_errors=True)
        else:
            os.replace(beside, target)
    except OSError as error:
        raise _refuse(target, error) from error
    finally:
        if beside is not None and beside.exists():
            shutil.rmtree(beside, ignore_errors=True)
