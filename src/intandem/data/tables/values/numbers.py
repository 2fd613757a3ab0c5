"""Numbers as firms write them: decimal point or comma, thousands parted or not, the sign before or behind."""

from __future__ import annotations

import re

import polars as pl

from intandem.data.tables.reading.mapping import NAME, Reading

_CURRENCY = r"^[\s\x{a0}]*(?:\p{Sc}|[A-Z]{3}\b)[\s\x{a0}]*|[\s\x{a0}]*(?:\p{Sc}|\b[A-Z]{3})[\s\x{a0}]*$"
"""The sign or the code of a currency before or after a number."""

_SPACES = (" ", "\u00a0", "\u202f")


def as_numbers(text: pl.Series, reading: Reading) -> pl.Series:
    """The numbers that a column of text holds, null where it holds none.

    A sign may stand before or behind, and a currency's sign or code beside the number. Thousands must stand in groups,
    or `1,2` would pass for 12. Where the comma is the decimal sign, a point that cannot part thousands (`2.5`) is read
    as one too.

    ```python
    >>> as_numbers(pl.Series(["1.299,50", "12-", "2.5", "1.2.3"]), Reading(decimal=",", thousands=".")).to_list()
    [1299.5, -12.0, 2.5, None]

    ```
    """
    plain = text.cast(pl.Float64, strict=False)
    if reading.decimal == "." and plain.null_count() == text.null_count():
        return plain
    signed = text.str.replace("\u2212", "-", literal=True).str.replace_all(_CURRENCY, "")
    signed = signed.str.replace(r"^([^+-].*)-$", "-$1")
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


def _first_of(one: pl.Series, other: pl.Series) -> pl.Series:
    return one.zip_with(one.is_not_null(), other)


_STYLES = (
    (r"^[+-]?\d{1,3}(?:\.\d{3})+,\d*-?$", "the comma is the decimal sign", 'decimal = "," and thousands = "."'),
    (r"^[+-]?\d{1,3}(?:[ \x{a0}\x{202f}]\d{3})+(?:[.,]\d*)?-?$", "a space parts thousands", 'thousands = " "'),
    (r"^[+-]?\d{1,3}(?:'\d{3})+(?:[.,]\d*)?-?$", "the apostrophe parts thousands", 'thousands = "\'"'),
    (r"^[+-]?\d{1,3}(?:,\d{2,3})+\.\d*-?$", "the comma parts thousands", 'thousands = ","'),
    (r"^[+-]?\d{1,3}(?:,\d{2,3}){2,}-?$", "the comma parts thousands", 'thousands = ","'),
    (r"^[+-]?\d{1,3}(?:\.\d{3}){2,}-?$", "the point parts thousands", 'decimal = "," and thousands = "."'),
    (r"^[+-]?\d{1,3}\.\d{3}-?$", "the point parts thousands", 'thousands = "."'),
    (
        r"^[+-]?\d{1,3},\d{3}-?$",
        "the comma is the decimal sign",
        'decimal = ","; if it parts thousands, thousands = ","',
    ),
    (r"^[+-]?(?:\d+,\d*|,\d+)-?$", "the comma is the decimal sign", 'decimal = ","'),
)
"""Ways of writing numbers that nobody has announced: how they look, what they are, and what to say of them."""


def cure_of_numbers(unread: pl.Series, reading: Reading) -> str:
    """What to say in the mapping so that the numbers are read, as far as they show it; empty if they do not.

    ```python
    >>> cure_of_numbers(pl.Series(["1299,00"]), Reading())
    'if the comma is the decimal sign, say decimal = "," in mapping.toml'

    ```
    """
    example = unread.drop_nulls().str.replace_all(_CURRENCY, "")
    if example.is_empty():
        return ""
    for pattern, reason, keys in _STYLES:
        if example.str.contains(pattern).any():
            if "decimal" not in keys and "comma" not in reason and example.str.contains(",", literal=True).any():
                keys += ' and decimal = ","'
            return f"if {reason}, say {keys} in {NAME}"
    return ""


def contradicted_points(text: pl.Series, reading: Reading) -> str:
    """A value with a decimal point where the firm says that the point parts thousands; empty if there is none.

    ```python
    >>> contradicted_points(pl.Series(["2.500", "1299.000"]), Reading(decimal=",", thousands="."))
    '1299.000'

    ```
    """
    if reading.thousands != ".":
        return ""
    found = text.filter(text.str.contains(r"^[+-]?(?:\d{4,}\.\d+|0\.\d{3})$").fill_null(False))
    return "" if found.is_empty() else str(found[0])


def doubtful_points(text: pl.Series, reading: Reading) -> str:
    """A value whose point may part thousands: where every point has three digits after it; else empty."""
    if reading.decimal != "." or reading.thousands is not None:
        return ""
    pointed = text.filter(text.str.contains(".", literal=True).fill_null(False))
    if pointed.is_empty() or not pointed.str.contains(r"^[+-]?[1-9]\d{0,2}\.\d{3}$").all():
        return ""
    return str(pointed[0])
