"""Results short to read: the answer first and at most nine lines under it, as text and as a table in a notebook."""

from __future__ import annotations

import dataclasses
import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

MOST_LINES = 10
"""Lines of a result in text."""

WIDEST_LINE = 120
WIDEST_CELL = 40
"""Characters after which a line, or a name or figure in a table, is cut: ids may be of any length."""


@dataclass(frozen=True)
class Summary:
    """What a result says of itself.

    - `headline`: the answer, in one line.
    - `rows`: cells by row. With `columns` above them they are figures, which stand to the right; without, each row is
      what a thing is called and what it is.
    - `notes`: lines that follow.

    What does not fit into `MOST_LINES` is counted.

    ```python
    >>> print(Summary("Two methods", [("silo", "33.5"), ("mtma", "42.3")], ("method", "profit"), ("of 8 runs",)).text())
    Two methods
      method  profit
      silo      33.5
      mtma      42.3
      of 8 runs

    ```
    """

    headline: str
    rows: Sequence[Sequence[str]] = ()
    columns: Sequence[str] = ()
    notes: Sequence[str] = ()

    def text(self) -> str:
        """The summary as at most `MOST_LINES` lines."""
        rows, left_out = self._fitting()
        table = [self._cells(row) for row in ([self.columns] if self.columns else []) + rows]
        widths = [max(len(row[at]) for row in table) for at in range(len(table[0]))] if table else []
        lines = [_one_line(self.headline)]
        for row in table:
            cells = [
                one.rjust(width) if self.columns and at else one.ljust(width)
                for at, (one, width) in enumerate(zip(row, widths, strict=True))
            ]
            lines.append(f"  {'  '.join(cells)}".rstrip())
        lines += [f"  {_one_line(one)}" for one in (*left_out, *self.notes)]
        return "\n".join(_cut(line, WIDEST_LINE) for line in lines)

    def html(self) -> str:
        """The summary as a small table, every text escaped."""
        rows, left_out = self._fitting()
        parts = [f"<p><strong>{html.escape(_one_line(self.headline))}</strong></p>", "<table>"]
        if self.columns:
            heads = "".join(_html_cell("th", one, at > 0) for at, one in enumerate(self._cells(self.columns)))
            parts.append(f"<thead><tr>{heads}</tr></thead>")
        parts.append("<tbody>")
        for row in rows:
            cells = (_html_cell("td", one, bool(self.columns) and at > 0) for at, one in enumerate(self._cells(row)))
            parts.append(f"<tr>{''.join(cells)}</tr>")
        parts.append("</tbody></table>")
        parts += [f"<p>{html.escape(_one_line(one))}</p>" for one in (*left_out, *self.notes)]
        return f'<div class="intandem-result">{"".join(parts)}</div>'

    def _cells(self, row: Sequence[str]) -> list[str]:
        """The cells of a row in one line each; what a thing is, beside its name, may take the line."""
        wide = [WIDEST_CELL if self.columns or at == 0 else WIDEST_LINE for at in range(len(row))]
        return [_cut(_one_line(one), width) for one, width in zip(row, wide, strict=True)]

    def _fitting(self) -> tuple[list[Sequence[str]], list[str]]:
        """The rows there is room for, and how many others there are."""
        room = max(MOST_LINES - 1 - bool(self.columns) - len(self.notes), 1)
        if len(self.rows) <= room:
            return list(self.rows), []
        return list(self.rows[: room - 1]), [f"... and {len(self.rows) - room + 1:,} more"]


class Displayed:
    """A result that a user holds in hand: what it shows in a terminal and in a notebook.

    A class says what matters by a `_summary` of its own; without one its fields are listed. A dataclass that is
    displayed is declared with `repr=False`. A summary computes nothing that takes time, and nothing with JAX: what a
    compiler traces, or a tree of masks in the shape of a result, is shown by its fields.

    ```python
    >>> @dataclass(frozen=True, repr=False)
    ... class Answer(Displayed):
    ...     profit: float
    ...     names: tuple[str, ...]
    >>> Answer(42.3, ("tea", "milk"))
    Answer
      profit  42.3
      names   tea, milk

    ```
    """

    __slots__ = ()

    def _summary(self) -> Summary:
        return fields_summary(self)

    def __repr__(self) -> str:
        return _summary_of(self).text()

    def _repr_html_(self) -> str:
        return _summary_of(self).html()


def _summary_of(one: Displayed) -> Summary:
    try:
        return one._summary()
    except Exception:
        # Not a result with its numbers in it; debuggers and error messages must be able to show it all the same.
        return fields_summary(one)


def fields_summary(one: Any) -> Summary:
    """The fields of a dataclass or module, each in a few words."""
    fields = dataclasses.fields(one) if dataclasses.is_dataclass(one) else ()
    return Summary(type(one).__name__, [(field.name, words_of(getattr(one, field.name, None))) for field in fields])


def words_of(value: Any) -> str:
    """A value in a few words: a number or a text as it is, of an array its ends, of the rest its kind and size.

    ```python
    >>> import numpy as np
    >>> words_of(0.25), words_of(np.array([3.0, 1.0, 2.0])), words_of({"a": 1}), words_of(None)
    ('0.25', '3: 1 to 3', '1 in a dict', 'none')

    ```
    """
    if value is None:
        return "none"
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, int | float):
        return number(value)
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        shape = " x ".join(f"{size:,}" for size in value.shape)
        if not _has_numbers(value):
            return f"{value.dtype} {shape}".strip()
        return number(value) if not shape else f"{shape}: {span(value)}"
    if isinstance(value, dict):
        return f"{len(value):,} in a dict"
    if isinstance(value, list | tuple):
        if value and all(isinstance(one, bool | str | int | float) for one in value[:4]) and len(value) <= 4:
            return ", ".join(words_of(one) for one in value)
        kinds = {"array" if hasattr(one, "dtype") else type(one).__name__ for one in value}
        return f"{len(value):,} of {kinds.pop()}" if len(kinds) == 1 else count(len(value), "item")
    return type(value).__name__


def span(values: Any) -> str:
    """The lowest and the highest number of an array, or the only one.

    ```python
    >>> import numpy as np
    >>> span(np.array([2.0, 2.0])), span(np.array([0.25, np.inf])), span(np.array([np.nan]))
    ('2', '0.25 to inf', 'nan')

    ```
    """
    import numpy as np

    flat = np.asarray(values, float).ravel()
    known = flat[~np.isnan(flat)]
    if known.size == 0:
        return "nan"
    low, high = float(known.min()), float(known.max())
    return number(low) if low == high else f"{number(low)} to {number(high)}"


def number(value: Any) -> str:
    """A number with the digits that matter.

    ```python
    >>> number(3), number(1234567.0), number(0.123456), number(-1e-7)
    ('3', '1,234,567', '0.1235', '-1e-07')

    ```
    """
    one = float(value)
    if not math.isfinite(one):
        return str(one)
    return f"{one:,.0f}" if one == round(one) or abs(one) >= 100_000 else f"{one:,.4g}"


def money(value: float) -> str:
    """Money for people: digits that matter.

    ```python
    >>> money(1234.5), money(12.345), money(-0.123)
    ('1,234', '12.35', '-0.12')

    ```
    """
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:,.2f}"


def in_currency(value: float, currency: str = "", digits: int = 2) -> str:
    """Money on pages: its sign, then the currency, then the amount; what rounds to nothing has no sign.

    ```python
    >>> in_currency(414.31, "$", 0), in_currency(-0.13, "$"), in_currency(-0.001, "$")
    ('$414', '−$0.13', '$0.00')

    ```
    """
    amount = f"{abs(value):,.{digits}f}"
    sign = "−" if value < 0 and amount.strip("0.,") else ""
    return f"{sign}{currency}{amount}"


def percent(share: float, digits: int = 1) -> str:
    """A share for people.

    ```python
    >>> percent(0.1234), percent(-0.5, 0)
    ('12.3%', '-50%')

    ```
    """
    return f"{100 * share:.{digits}f}%"


def count(many: int, noun: str, plural: str | None = None) -> str:
    """So many of a thing.

    ```python
    >>> count(1, "run"), count(2_000, "run"), count(2, "category", "categories")
    ('1 run', '2,000 runs', '2 categories')

    ```
    """
    return f"{many:,} {noun if many == 1 else plural or f'{noun}s'}"


def _has_numbers(array: Any) -> bool:
    """Whether an array holds numbers; one that is traced by a compiler, or stands for a shape, does not."""
    import jax
    import numpy as np

    held = isinstance(array, np.ndarray | np.generic | jax.Array) and not isinstance(array, jax.core.Tracer)
    return held and math.prod(array.shape) > 0 and getattr(array.dtype, "kind", "") in set("biuf")


def _one_line(text: str) -> str:
    return " ".join(str(text).split())


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 3]}..."


def _html_cell(tag: str, text: str, figure: bool) -> str:
    return f'<{tag} style="text-align: {"right" if figure else "left"}">{html.escape(text)}</{tag}>'
