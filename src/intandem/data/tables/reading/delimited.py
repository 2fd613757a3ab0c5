"""Text files of columns (CSV): every value as text, so that each rule sees what the firm wrote."""

from __future__ import annotations

import csv
import io
import itertools
import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from intandem.data.tables.reading.mapping import NAME, Reading
from intandem.data.tables.reading.raw import Source
from intandem.errors import InputError

_BOM = b"\xef\xbb\xbf"
_EXTRA = "\x00extra"
"""What the reader calls the fields beyond the header: a name that no header has."""

_QUOTED = "\x02"
"""Put before a word for nothing that stands in quotation marks, and so means itself."""


def read_delimited(path: Path, reading: Reading) -> Source:
    """Reads a file of which the first line names the columns.

    Names are taken without the spaces around them. A column without a name and without content is no column; one
    without a name is called after its place. What a row holds beyond the header is `Source.extra`.

    **Raises:** `InputError` if the file is empty, is not UTF-8, names a column twice, or leaves a quotation mark open.
    """
    _check_line_ends(path)
    text = _Text(path, reading, *_header(path, reading))
    frame = text.rows()
    rows = pl.Series("row", range(1, frame.height + 1), dtype=pl.UInt32)
    # A blank line holds nothing that could be lost; the rows after it keep their numbers.
    empty = frame.select(pl.all_horizontal(pl.all().is_null()).alias("empty"))["empty"]
    if empty.any():
        frame, rows = frame.filter(~empty), rows.filter(~empty)
    extra = frame.drop_in_place(_EXTRA) if _EXTRA in frame.columns else None
    if extra is not None:
        extra = extra.set((extra.str.strip_chars() == "").fill_null(False), None)
        extra = None if extra.null_count() == len(extra) else extra
    frame = frame.drop([name for name in text.unnamed if frame[name].null_count() == frame.height])
    quoted = {}
    if text.protected:
        for name in frame.columns:
            marked = frame[name].str.starts_with(_QUOTED).fill_null(False)
            if marked.any():
                quoted[name] = marked
                frame = frame.with_columns(pl.col(name).str.strip_prefix(_QUOTED))
    return Source(path, frame, rows, extra, quoted)


@dataclass
class _Text:
    """A text file, its column names, and how many lines of text lie above its rows."""

    path: Path
    reading: Reading
    names: list[str]
    unnamed: list[str]
    above: int
    protected: bool = False

    def rows(self) -> pl.DataFrame:
        """The rows; a column `_EXTRA` if any may have more fields than there are names."""
        self.protected = self._holds_quoted_words()
        if self.above == 1 and not self.protected:
            try:
                # An open file, not a path: paths may be read as patterns, and lead to other folders' files.
                with self.path.open("rb") as file:
                    frame = self._parsed(file)
                if frame.width == len(self.names):
                    return frame.rename(dict(zip(frame.columns, self.names, strict=True)))
            except pl.exceptions.PolarsError:
                pass
        content = self.path.read_bytes().removeprefix(_BOM)
        parts = content.split(b"\n", self.above)
        below = parts[self.above] if len(parts) > self.above else b""
        if self.protected:
            below = re.sub(
                rf'(?:(?<={self._mark})|^)"({self._words})"(?=[\r\n]|{self._mark}|$)'.encode(),
                rb'"' + _QUOTED.encode() + rb'\1"',
                below,
                flags=re.MULTILINE,
            )
        # Under a header of its own with one more name, rows that end in a separator are as good as others.
        plain = self.reading.separator.join(f"c{place}" for place in range(len(self.names) + 1)).encode()
        try:
            frame = self._parsed(io.BytesIO(plain + b"\n" + below))
        except pl.exceptions.PolarsError:
            frame = self._by_line(below)
        return frame.rename(dict(zip(frame.columns, [*self.names, _EXTRA], strict=True)))

    @property
    def _mark(self) -> str:
        return re.escape(self.reading.separator)

    @property
    def _words(self) -> str:
        # By first letter: the search meets every quotation mark of the file.
        by_letter: dict[str, list[str]] = {}
        for word in filter(None, self.reading.missing):
            by_letter.setdefault(word[0], []).append(re.escape(word[1:]))
        return "|".join(f"{re.escape(letter)}(?:{'|'.join(rest)})" for letter, rest in by_letter.items())

    def _holds_quoted_words(self) -> bool:
        if not any(self.reading.missing):
            return False
        with self.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            letters = "".join(
                re.escape(letter) for letter in sorted({word[0] for word in self.reading.missing if word})
            )
            return re.search(rf'"(?=[{letters}])(?:{self._words})"'.encode(), content) is not None

    def _parsed(self, file: io.BufferedReader | io.BytesIO) -> pl.DataFrame:
        return pl.read_csv(
            file, separator=self.reading.separator, infer_schema=False, encoding="utf8", raise_if_empty=False
        )

    def _by_line(self, below: bytes) -> pl.DataFrame:
        """Line by line, for the file that a fast reader refuses."""
        separator, width = self.reading.separator, len(self.names)
        rows: list[list[str | None]] = []
        try:
            text = io.StringIO(below.decode("utf-8"), newline="")
            for row in csv.reader(text, delimiter=separator, strict=True):
                beyond = separator.join(row[width:]).rstrip(separator + " ") or None
                rows.append([*[value or None for value in row[:width]], *[None] * (width - len(row)), beyond])
        except UnicodeDecodeError as error:
            raise InputError(self.path, "cannot be read as UTF-8 CSV", "save it as UTF-8") from error
        except csv.Error as error:
            problem = "has a quotation mark without its pair"
            raise InputError(self.path, problem, "close or double it", row=len(rows) + 1) from error
        schema = {f"c{place}": pl.String for place in range(width + 1)}
        return pl.DataFrame(rows, schema=schema, orient="row")


def _header(path: Path, reading: Reading) -> tuple[list[str], list[str], int]:
    """The names of the columns, those of them that are names of ours, and the lines of text above the rows."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            skipped = reading.skip_lines + _separator_line(path, reading, text)
            text.seek(0)
            reader = csv.reader(itertools.islice(text, skipped, None), delimiter=reading.separator)
            header = next(reader, [])
            above = skipped + reader.line_num
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(path, "cannot be read as UTF-8 CSV", "save it as UTF-8") from error
    written = [name.strip() for name in header]
    if not any(written):
        raise InputError(path, "is empty", "give a header and at least one row")
    repeated = sorted({name for name in written if name and written.count(name) > 1})
    if repeated:
        raise InputError(path, "is there twice in the header", "rename one of them", key=repeated[0])
    names: list[str] = []
    for place, name in enumerate(written, 1):
        shown = name or f"column {place}"
        while not name and shown in written:
            shown += " (no name)"
        names.append(shown)
    return names, [shown for shown, name in zip(names, written, strict=True) if not name], above


FIRST_BYTES = 1 << 16


def _check_line_ends(path: Path) -> None:
    """**Raises:** `InputError` if lines end with a carriage return alone, as on Macs of before 2001."""
    try:
        with path.open("rb") as file:
            first = file.read(FIRST_BYTES)
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", "check the file") from error
    outside = re.sub(rb'"[^"]*"', b"", first)
    alone = re.findall(rb"\r(?![\r\n]|$)", outside)
    if alone and (len(alone) > outside.count(b"\n") or b"\r" in outside.split(b"\n")[0].rstrip(b"\r")):
        cure = "save it with the line ends of Windows or Unix"
        raise InputError(path, "has line ends of carriage returns alone, as old Macs wrote", cure)


def _separator_line(path: Path, reading: Reading, text: Iterator[str]) -> int:
    """1 if the file opens with the line by which spreadsheets are told the separator, else 0."""
    first = next(text, "").strip()
    if not re.fullmatch(r'"?sep=.?"?', first) or reading.skip_lines:
        return 0
    if first.strip('"') == f"sep={reading.separator}":
        return 1
    told = first.strip('"').removeprefix("sep=") or "\\t"
    cure = f'say separator = "{told}" in {NAME}, or remove the line'
    raise InputError(path, f"opens with the line {first!r}, which only spreadsheets read", cure)
