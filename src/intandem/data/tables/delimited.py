"""Text files of columns (CSV): every value as text, so that each rule sees what the firm wrote."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import polars as pl

from intandem.data.tables.mapping import TableMapping
from intandem.data.tables.raw import Source
from intandem.errors import InputError

BOM = b"\xef\xbb\xbf"


def read_delimited(path: Path, mapping: TableMapping) -> Source:
    """Reads a file of which the first line names the columns.

    Names are taken without the spaces around them. A column without a name and without content is no column; one
    without a name is called after its place. What a row holds beyond the header is `Source.extra`.

    **Raises:** `InputError` if the file is empty, is not UTF-8, names a column twice, or leaves a quotation mark open.
    """
    header, lines = _header(path, mapping.separator)
    names = _names(path, header)
    frame = _read(path, mapping.separator, names, lines)
    rows = pl.Series("row", range(1, frame.height + 1), dtype=pl.UInt32)
    # A blank line holds nothing that could be lost; the rows after it keep their numbers.
    empty = frame.select(pl.all_horizontal(pl.all().is_null()).alias("empty"))["empty"]
    frame, rows = frame.filter(~empty), rows.filter(~empty)
    extra = frame.drop_in_place(_EXTRA) if _EXTRA in frame.columns else None
    unnamed = [name for name, written in zip(names, header, strict=True) if not written.strip()]
    hollow = [name for name in unnamed if frame[name].null_count() == frame.height]
    if extra is not None and extra.null_count() == len(extra):
        extra = None
    return Source(path, frame.drop(hollow), rows, extra)


_EXTRA = "\x00extra"
"""What the reader calls the fields beyond the header: a name that no header has."""


def _header(path: Path, separator: str) -> tuple[list[str], int]:
    """The names in the first line, and how many lines of text they take."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.reader(text, delimiter=separator)
            header = next(reader, [])
            lines = reader.line_num
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(path, "cannot be read as UTF-8 CSV", "save it as UTF-8") from error
    if not any(name.strip() for name in header):
        raise InputError(path, "is empty", "give a header and at least one row")
    return header, lines


def _names(path: Path, header: list[str]) -> list[str]:
    stripped = [name.strip() for name in header]
    repeated = sorted({name for name in stripped if name and stripped.count(name) > 1})
    if repeated:
        raise InputError(path, "is there twice in the header", "rename one of them", key=repeated[0])
    taken = set(stripped)
    names = []
    for place, name in enumerate(stripped, 1):
        shown = name or f"column {place}"
        while not name and shown in taken:
            shown += " (no name)"
        names.append(shown)
    return names


def _read(path: Path, separator: str, names: list[str], lines: int) -> pl.DataFrame:
    """The rows under a header of `lines` lines; a column `_EXTRA` if any row has more fields than names."""
    try:
        # An open file, not a path: paths may be read as patterns, and lead to other folders' files.
        with path.open("rb") as file:
            frame = pl.read_csv(file, separator=separator, infer_schema=False, encoding="utf8", raise_if_empty=False)
        if frame.width == len(names) and lines == 1:
            return frame.rename(dict(zip(frame.columns, names, strict=True)))
    except pl.exceptions.PolarsError:
        pass
    content = path.read_bytes().removeprefix(BOM)
    below = content.split(b"\n", lines)[lines] if content.count(b"\n") >= lines else b""
    # Under a header of its own with one more name, rows that end in a separator are as good as others.
    plain = separator.join(f"c{place}" for place in range(len(names) + 1)).encode()
    try:
        frame = pl.read_csv(
            io.BytesIO(plain + b"\n" + below),
            separator=separator,
            infer_schema=False,
            encoding="utf8",
            raise_if_empty=False,
        )
    except pl.exceptions.PolarsError:
        return _read_by_line(path, separator, names)
    return frame.rename(dict(zip(frame.columns, [*names, _EXTRA], strict=True)))


def _read_by_line(path: Path, separator: str, names: list[str]) -> pl.DataFrame:
    """Line by line, for the file a fast reader refuses."""
    width = len(names)
    rows: list[list[str]] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            rows.extend(csv.reader(text, delimiter=separator, strict=True))
    except UnicodeDecodeError as error:
        raise InputError(path, "cannot be read as UTF-8 CSV", "save it as UTF-8") from error
    except csv.Error as error:
        raise InputError(path, "has a quotation mark without its pair", "close or double it", row=len(rows)) from error
    filled: list[list[str | None]] = [
        [value or None for value in row[:width]]
        + [None] * (width - len(row))
        + [(separator.join(row[width:]).strip(separator + " ") or None) if len(row) > width else None]
        for row in rows[1:]
    ]
    return pl.DataFrame(filled, schema=dict.fromkeys([*names, _EXTRA], pl.String), orient="row")
