"""Writing so that nothing half-written is ever seen: beside the target first, then one rename."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from intandem.errors import InputError, RunError

_LOOKED_AT = 2**16
"""Bytes of a file's beginning, and of its end, by which it is known."""

_OF_THE_SYSTEM = re.compile(r"\(os error (\d+)\)")


@contextmanager
def replace_file(target: str | Path) -> Iterator[Path]:
    """Yields a temporary path beside `target`; on success it becomes `target`, on failure it is removed.

    An earlier file at `target` stays as it was until the new one is complete and on the disk, whatever ends the
    work: an error, a full disk, an interrupt. A link is followed.

    **Raises:** `RunError` naming `target` if the system refuses (a full disk, no permission), or if `target` is a
    folder. Errors that are not the system's pass through.

    ```python
    >>> import tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> with replace_file(folder / "a.txt") as beside:
    ...     _ = beside.write_text("whole")
    >>> (folder / "a.txt").read_text()
    'whole'

    ```
    """
    with _refusals(target):
        place, beside = _places(target)
        if place.is_dir():
            raise IsADirectoryError("Is a directory")
        try:
            os.close(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            yield beside
            _put_on_disk(beside)
            os.replace(beside, place)
        finally:
            beside.unlink(missing_ok=True)


@contextmanager
def replace_folder(target: str | Path) -> Iterator[Path]:
    """Yields a temporary folder beside `target`; on success it takes the place of `target` as a whole.

    What was at `target` is gone afterwards: make sure that it is yours to replace. On failure it is as it was.

    **Raises:** `RunError` naming `target` if the system refuses, or if `target` is a file.
    """
    with _refusals(target):
        place, beside = _places(target)
        if place.exists() and not place.is_dir():
            raise NotADirectoryError("Not a directory")
        try:
            beside.mkdir()
            yield beside
            for file in beside.rglob("*"):
                if file.is_file():
                    _put_on_disk(file)
            _take_place(beside, place)
        finally:
            shutil.rmtree(beside, ignore_errors=True)


def refuse_other_folder(target: str | Path, ours: Collection[str]) -> None:
    """A folder that is replaced as a whole must hold nothing but what was put there by us.

    **Arguments:** `ours`: names of all that a result may hold.

    **Raises:** `InputError` naming the first of the other things.

    ```python
    >>> import tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> (folder / "thesis.tex").touch()
    >>> refuse_other_folder(folder, {"market.toml"})  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    intandem.errors.InputError: /...: is a folder with other things in it (thesis.tex); name a new folder

    ```
    """
    place = Path(os.path.realpath(target))
    others = sorted(one.name for one in place.iterdir() if one.name not in ours) if place.is_dir() else []
    if others:
        raise InputError(target, f"is a folder with other things in it ({others[0]})", "name a new folder")


def refuse_other_file(target: str | Path, marks: Collection[str]) -> None:
    """A file that is replaced must be one of ours, or empty: nobody's own table or page is written over.

    **Arguments:** `marks`: texts that all stand at the beginning or the end of such a file, such as a table's columns.

    **Raises:** `InputError` for a file without them.

    ```python
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "stock.csv"
    >>> _ = file.write_text("product_id,on_hand")
    >>> refuse_other_file(file, ["product_id", "on_hand"])
    >>> refuse_other_file(file, ["product_id", "quantity"])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    intandem.errors.InputError: ...stock.csv: is there already and was not written by this command; name another file

    ```
    """
    place = Path(os.path.realpath(target))
    if not place.is_file() or place.stat().st_size <= len("[]"):
        return
    with _refusals(target), place.open("rb") as file:
        read = file.read(_LOOKED_AT)
        file.seek(max(place.stat().st_size - _LOOKED_AT, 0))
        read += file.read(_LOOKED_AT)
    if not all(mark.encode() in read for mark in marks):
        raise InputError(target, "is there already and was not written by this command", "name another file")


def marks_of(target: str | Path, columns: Sequence[str]) -> list[str]:
    """By what a table of these columns is known in a file with the target's ending.

    ```python
    >>> marks_of("orders.csv", ["product_id", "quantity"]), marks_of("orders.json", ["product_id", "quantity"])
    (['product_id,quantity'], ['product_id', 'quantity'])

    ```
    """
    return [",".join(columns)] if Path(target).suffix == ".csv" else list(columns)


def _take_place(beside: Path, place: Path) -> None:
    old = beside.with_suffix(".old")
    try:
        if place.is_dir():
            os.replace(place, old)
        os.replace(beside, place)
    except BaseException:
        if old.exists() and not place.exists():
            os.replace(old, place)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _places(target: str | Path) -> tuple[Path, Path]:
    """Where the target really is, in a folder that exists, and a free name beside it."""
    place = Path(os.path.realpath(target))
    place.parent.mkdir(parents=True, exist_ok=True)
    return place, place.parent / f".{place.name}.{secrets.token_hex(6)}.part"


def _put_on_disk(file: Path) -> None:
    with file.open("rb+") as handle:
        os.fsync(handle.fileno())


@contextmanager
def _refusals(target: str | Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        reason = _reason(error)
        if reason is None:
            raise
        raise RunError(target, f"cannot be written ({reason})", cure_of(error)) from error


def cure_of(error: Exception) -> str:
    """What helps against a refusal of the system."""
    full = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    number = error.errno if isinstance(error, OSError) else None
    return (
        "choose another place"
        if number is not None and number not in full
        else "free some space or choose another place"
    )


def _reason(error: Exception) -> str | None:
    """Why the system refused, if that is what the error says."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    if isinstance(error, InputError | RunError):
        return None
    # Libraries written in Rust (Parquet, safetensors) report a full disk in the text of errors of their own.
    number = _OF_THE_SYSTEM.search(str(error))
    return None if number is None else os.strerror(int(number[1]))
