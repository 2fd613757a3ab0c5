"""Nothing half-written: whatever ends a write, the old file or folder stands, and nothing lies beside it."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from intandem import storage
from intandem.errors import InputError, RunError
from intandem.storage import replace_file, replace_folder


def full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "a.txt").write_text("old")
    return tmp_path / "a.txt"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "part").write_text("old")
    return tmp_path / "a"


def test_a_file_is_made_with_its_folders(tmp_path: Path) -> None:
    target = tmp_path / "some" / "where" / "a.txt"
    with replace_file(target) as beside:
        assert beside.parent == target.parent
        assert not target.exists()
        beside.write_text("new")
    assert target.read_text() == "new"
    assert names(target.parent) == ["a.txt"]


def test_a_file_is_replaced_at_the_end_only(file: Path) -> None:
    with replace_file(file) as beside:
        beside.write_text("new")
        assert file.read_text() == "old"
    assert file.read_text() == "new"
    assert names(file.parent) == ["a.txt"]


def test_a_folder_is_replaced_as_a_whole(folder: Path) -> None:
    with replace_folder(folder) as beside:
        (beside / "inner").mkdir()
        (beside / "inner" / "new part").write_text("new")
        assert names(folder) == ["part"]
    assert names(folder) == ["inner"]
    assert (folder / "inner" / "new part").read_text() == "new"
    assert names(folder.parent) == ["a"]


def test_others_may_read_what_is_written_as_far_as_the_user_lets_them(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with replace_file(tmp_path / "file") as beside:
            beside.write_text("new")
        with replace_folder(tmp_path / "folder"):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "folder").stat().st_mode) == 0o750


def test_links_are_followed(tmp_path: Path, file: Path, folder: Path) -> None:
    (tmp_path / "link.txt").symlink_to(file)
    (tmp_path / "link").symlink_to(folder)
    with replace_file(tmp_path / "link.txt") as beside:
        beside.write_text("new")
    with replace_folder(tmp_path / "link") as beside:
        (beside / "new part").write_text("new")
    assert file.read_text() == "new"
    assert names(folder) == ["new part"]
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "link").is_symlink()


ENDS: list[Callable[[], BaseException]] = [
    lambda: KeyboardInterrupt(),
    lambda: SystemExit(1),
    lambda: InputError("a", "is odd (os error 28)", "fix it"),
    lambda: ZeroDivisionError("not the system's fault"),
]


@pytest.mark.parametrize("end", ENDS)
def test_what_is_not_the_systems_passes_through_and_leaves_the_old(
    file: Path, folder: Path, end: Callable[[], BaseException]
) -> None:
    error = end()

    def work_on(beside: Path) -> None:
        beside.write_text("ne")
        raise error

    with pytest.raises(type(error)) as caught, replace_file(file) as beside:
        work_on(beside)
    assert caught.value is error
    with pytest.raises(type(error)) as caught, replace_folder(folder) as beside:
        work_on(beside / "part")
    assert caught.value is error
    assert file.read_text() == "old"
    assert (folder / "part").read_text() == "old"
    assert names(file.parent) == ["a", "a.txt"]


@pytest.mark.parametrize("call", ["fsync", "replace", "open"])
def test_a_full_disk_is_one_line_and_leaves_the_old_file(
    file: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(storage.os, call, full_disk)
        with pytest.raises(RunError) as caught, replace_file(file) as beside:
            beside.write_text("new")
    assert str(caught.value) == (
        f"{file}: cannot be written (No space left on device); free some space or choose another place"
    )
    assert file.read_text() == "old"
    assert names(file.parent) == ["a.txt"]


@pytest.mark.parametrize("failing", [1, 2])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_folder_comes_back_if_the_new_one_cannot_take_its_place(
    folder: Path, monkeypatch: pytest.MonkeyPatch, failing: int, error: BaseException
) -> None:
    calls = 0
    rename = os.replace

    def fail_once(source: Path, target: Path) -> None:
        nonlocal calls
        calls += 1
        if calls == failing:
            raise error
        rename(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(storage.os, "replace", fail_once)
        expected = RunError if isinstance(error, OSError) else KeyboardInterrupt
        with pytest.raises(expected), replace_folder(folder) as beside:
            (beside / "new part").write_text("new")
    assert names(folder) == ["part"]
    assert names(folder.parent) == ["a"]


def test_an_interrupt_right_after_the_first_rename_brings_the_folder_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = os.replace
    interrupted = False

    def move_then_interrupt(source: Path, target: Path) -> None:
        nonlocal interrupted
        rename(source, target)
        if not interrupted:
            interrupted = True
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(storage.os, "replace", move_then_interrupt)
        with pytest.raises(KeyboardInterrupt), replace_folder(folder) as beside:
            (beside / "new part").write_text("new")
    assert names(folder) == ["part"]
    assert names(folder.parent) == ["a"]


def test_a_folder_where_a_file_should_go_is_refused_before_the_work(folder: Path) -> None:
    with pytest.raises(RunError, match=r"cannot be written \(Is a directory\);"), replace_file(folder):
        pytest.fail("the work began")
    assert names(folder) == ["part"]


def test_a_file_where_a_folder_should_go_is_refused_before_the_work(file: Path) -> None:
    with pytest.raises(RunError, match=r"cannot be written \(Not a directory\);"), replace_folder(file):
        pytest.fail("the work began")
    assert file.read_text() == "old"


def test_a_file_in_the_way_of_the_path_is_one_line(file: Path) -> None:
    refused = pytest.raises(RunError, match=r"cannot be written \((Not a directory|File exists)\);")
    with refused, replace_file(file / "b.txt"):
        pytest.fail("the work began")


def test_refusals_in_the_text_of_a_librarys_error(file: Path) -> None:
    """As Parquet and safetensors, which are written in Rust, report them."""
    with pytest.raises(RunError, match=r"cannot be written \(No space left on device\)"), replace_file(file):
        raise ValueError("parquet: underlying IO error: No space left on device (os error 28)")


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 200 kB, where the machine allows to mount one."""
    place = tmp_path / "tiny"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a disk is not allowed here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def write_text(target: Path) -> None:
    target.write_text("x" * 1_000_000)


def write_parquet(target: Path) -> None:
    pl.DataFrame({"x": np.random.default_rng(0).random(100_000)}).write_parquet(target)


@pytest.mark.parametrize("write", [write_text, write_parquet])
def test_a_disk_that_is_really_full(tiny_disk: Path, write: Callable[[Path], None]) -> None:
    target = tiny_disk / "a"
    with replace_file(target) as beside:
        beside.write_text("old")
    expected = f"{target}: cannot be written (No space left on device); free some space or choose another place"
    with pytest.raises(RunError) as caught, replace_file(target) as beside:
        write(beside)
    assert str(caught.value) == expected
    assert target.read_text() == "old"
    assert names(tiny_disk) == ["a"]
