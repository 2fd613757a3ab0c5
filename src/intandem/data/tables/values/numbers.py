"""Numbers as firms write them: decimal point or comma, thousands parted or not, the sign before or behind."""

from __future__ import annotations

import re
from dataclasses import replace

import polars as pl

from intandem.data.tables.reading.mapping import NAME, Reading

_BLANK = r"[\s\x{a0}\x{202f}]*"
_MONEY = r"[A-Z]{0,3}\p{Sc}|[A-Z]{3}|(?i:euros?|eur|usd|gbp|chf|kr|kč|zł|ft|lei|tl|rs|fr)\.?"
_CURRENCY = rf"^([+-]?){_BLANK}(?:{_MONEY}){_BLANK}|{_BLANK}(?:{_MONEY}){_BLANK}$"
"""The sign, the code or the name of a currency before or after a number."""

_SAME_MONEY = {"€": "EUR", "EURO": "EUR", "EUROS": "EUR", "$": "USD", "US$": "USD", "£": "GBP", "FR": "CHF", "₹": "RS"}

_NO_CENTS = r"[.,]\s?[-\x{2013}\x{2014}]{1,2}$"
"""What stands for no cents: `12,-`."""

_UNUSUAL = r"[^0-9.,+-]|[.,]-"
"""What numbers without a currency, brackets or spaces do not hold."""

_SPACES = (" ", "\u00a0", "\u202f")


def as_numbers(text: pl.Series, reading: Reading) -> pl.Series:
    """The numbers that a column of text holds, null where it holds none.

    A sign may stand before or behind, brackets mean below zero, and a currency's sign or code may stand beside the
    number. Thousands must stand in groups, or `1,2` would pass for 12. Where the comma is the decimal sign, a point
    that cannot part thousands (`2.5`) is read as one too.

    ```python
    >>> as_numbers(pl.Series(["1.299,50", "12-", "2.5", "1.2.3"]), Reading(decimal=",", thousands=".")).to_list()
    [1299.5, -12.0, 2.5, None]
    >>> as_numbers(pl.Series(["12,50 €", "US$ 3", "(4,20)", "12,-"]), Reading(decimal=",")).to_list()
    [12.5, 3.0, -4.2, 12.0]

    ```
    """
    plain = text.cast(pl.Float64, strict=False)
    if reading.decimal == "." and plain.null_count() == text.null_count():
        return plain
    signed = _bare(text).str.replace(r"^([^+-].*)-$", "-$1")
    whole, point = r"\d+", re.escape(reading.decimal)
    if reading.thousands is not None:
        marks = _SPACES if reading.thousands in _SPACES else (reading.thousands,)
        mark = f"[{''.join(map(re.escape, marks))}]"
        whole = rf"(?:\d+|\d{{1,3}}(?:{mark}\d{{2,3}})*{mark}\d{{3}})"
        written = signed.str.contains(rf"^[+-]?{whole}(?:{point}\d*)?$|^[+-]?{point}\d+$")
        bare = signed.str.replace_all(mark, "")
    else:
        written = signed.str.contains(rf"^[+-]?(?:{whole}(?:{point}\d*)?|{point}\d+)(?:[eE][+-]?\d+)?$")
        bare = signed
    if reading.decimal == ".":
        found = bare.cast(pl.Float64, strict=False).set(~written.fill_null(False), None)
        return found if reading.thousands is None else _first_of(found, plain)
    found = bare.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False).set(~written.fill_null(False), None)
    unmistakable = signed.str.contains(r"^[+-]?\d*\.(?:\d{1,2}|\d{4,})$").fill_null(False)
    return _first_of(found, signed.cast(pl.Float64, strict=False).set(~unmistakable, None))


def _bare(text: pl.Series) -> pl.Series:
    """Numbers without currencies, brackets and what stands for no cents."""
    if not text.str.contains(_UNUSUAL).any():
        return text
    plain = text.str.replace("\u2212", "-", literal=True).str.replace_all(_CURRENCY, "$1")
    bracketed = plain.str.replace(r"^\((.*)\)$", "-$1").str.replace_all(_CURRENCY, "$1")
    return bracketed.str.replace(_NO_CENTS, "")


def currencies_of(text: pl.Series) -> list[str]:
    """The currencies that stand beside a column's numbers, each by its code or sign.

    ```python
    >>> currencies_of(pl.Series(["€ 2.50", "2.50 EUR", "$2", "3"]))
    ['EUR', 'USD']

    ```
    """
    if text.cast(pl.Float64, strict=False).null_count() == text.null_count():
        return []
    digits = text.filter(text.str.contains(r"\d").fill_null(False))
    named = digits.str.extract(rf"({_MONEY})").str.strip_chars_end(".").str.to_uppercase().drop_nulls().unique()
    return sorted({_SAME_MONEY.get(name, name) for name in named})


def _first_of(one: pl.Series, other: pl.Series) -> pl.Series:
    return one.zip_with(one.is_not_null(), other)


_STYLES = (
    (r"^[+-]?\d{1,3}(?:\.\d{3})+,\d*-?$", "the comma is the decimal sign", ",", "."),
    (r"^[+-]?\d{1,3}(?:[ \x{a0}\x{202f}]\d{3})+(?:,\d*)?-?$", "a space parts thousands", ",", " "),
    (r"^[+-]?\d{1,3}(?:[ \x{a0}\x{202f}]\d{3})+(?:\.\d*)?-?$", "a space parts thousands", ".", " "),
    (r"^[+-]?\d{1,3}(?:'\d{3})+(?:,\d*)?-?$", "the apostrophe parts thousands", ",", "'"),
    (r"^[+-]?\d{1,3}(?:'\d{3})+(?:\.\d*)?-?$", "the apostrophe parts thousands", ".", "'"),
    (r"^[+-]?\d{1,3}(?:,\d{2,3})+\.\d*-?$", "the comma parts thousands", ".", ","),
    (r"^[+-]?\d{1,3}(?:,\d{2,3}){2,}-?$", "the comma parts thousands", ".", ","),
    (r"^[+-]?\d{1,3}(?:\.\d{3}){2,}-?$", "the point parts thousands", ",", "."),
    (r"^[+-]?\d{1,3}\.\d{3}-?$", "the point parts thousands", ",", "."),
    (r"^[+-]?(?:\d+,\d*|,\d+)-?$", "the comma is the decimal sign", ",", None),
)
"""Ways of writing numbers that nobody has announced: how they look, what they are, the decimal sign, and what parts
thousands."""


def cure_of_numbers(unread: pl.Series, reading: Reading) -> tuple[str, pl.Series]:
    """What to say in the mapping so that numbers are read, and those it would read; empty if there is nothing.

    ```python
    >>> cure, helped = cure_of_numbers(pl.Series(["many", "1299,00 €"]), Reading())
    >>> cure, helped.to_list()
    ('if the comma is the decimal sign, say decimal = "," in mapping.toml', ['1299,00 €'])

    ```
    """
    given = unread.drop_nulls()
    bare = _bare(given)
    for pattern, reason, decimal, thousands in _STYLES:
        if not bare.str.contains(pattern).any():
            continue
        if thousands in (" ", "'") and bare.str.contains(",", literal=True).any():
            decimal = ","
        told = replace(reading, decimal=decimal, thousands=thousands)
        helped = given.filter(as_numbers(given, told).is_not_null())
        if helped.is_empty():
            continue
        keys = [f'decimal = "{decimal}"'] if decimal != reading.decimal else []
        if thousands not in (None, reading.thousands):
            keys.append(f'thousands = "{thousands}"')
        said = " and ".join(keys[:: -1 if decimal == "," and thousands in (" ", "'") else 1])
        if thousands is None and reading.thousands == decimal:
            said += f' in place of thousands = "{decimal}"'
        elif thousands is None and bare.str.contains(r"^[+-]?\d{1,3},\d{3}-?$").any():
            said += '; if it parts thousands, thousands = ","'
        return f"if {reason}, say {said} in {NAME}", helped
    measured = given.filter(given.str.contains(r"^[+-]?\d[\d.,]*\s?(?:\p{L}+|%)\.?$").fill_null(False))
    return ("write the number alone" if len(measured) else "", measured)


NO_THOUSANDS = r"(?:\d{4,}|0\d*)"
"""What stands before a mark that cannot part thousands, however many digits follow."""


def contradicted_marks(text: pl.Series, reading: Reading) -> tuple[pl.Series, pl.Series]:
    """Where the sign that is said to part thousands cannot (`1299.000`, `2.5`), and where it may (`2.500`).

    ```python
    >>> no, may = contradicted_marks(pl.Series(["2.500", "1299.000"]), Reading(decimal=",", thousands="."))
    >>> no.to_list(), may.to_list()
    ([False, True], [True, False])

    ```
    """
    none = pl.repeat(False, len(text), eager=True)
    if reading.thousands not in (".", ",") or not text.str.contains(reading.thousands, literal=True).any():
        return none, none
    bare, mark = _bare(text).str.replace(r"^[+-]|-$", ""), re.escape(reading.thousands)
    may = bare.str.contains(rf"^[1-9]\d{{0,2}}{mark}\d{{3}}$").fill_null(False)
    no = bare.str.contains(rf"^\d+{mark}\d+$").fill_null(False) & ~may
    return no, may


def doubtful_points(text: pl.Series, reading: Reading) -> str:
    """A value whose point may part thousands: where every point has three digits after it; else empty."""
    if reading.decimal != "." or reading.thousands is not None:
        return ""
    pointed = text.filter(text.str.contains(".", literal=True).fill_null(False))
    if pointed.is_empty() or not pointed.str.contains(r"^[+-]?[1-9]\d{0,2}\.\d{3}$").all():
        return ""
    return str(pointed[0])
