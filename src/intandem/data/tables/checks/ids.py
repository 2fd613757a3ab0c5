"""Ids that are nearly the same: zeros in front that spreadsheets lose, capitals that people do not heed."""

from __future__ import annotations

import polars as pl


def nearly_same(strange: pl.Series, known: pl.Series) -> pl.DataFrame:
    """Ids beside those they may mean, one for each: columns `id`, `known` and what they differ in, `but_for`.

    ```python
    >>> nearly_same(pl.Series(["00123", "Tea", "rum"]), pl.Series(["123", "tea"])).rows()
    [('00123', '123', 'zeros in front'), ('Tea', 'tea', 'capitals')]

    ```
    """
    parts = []
    for words, alike in (("zeros in front", _without_zeros), ("capitals", _without_capitals)):
        one = pl.DataFrame({"id": strange.drop_nulls(), "key": alike(strange.drop_nulls())})
        other = pl.DataFrame({"known": known.drop_nulls().unique(maintain_order=True)})
        other = other.with_columns(key=alike(other["known"])).unique("key", keep="first", maintain_order=True)
        found = one.filter(pl.col("key") != "").join(other, on="key", maintain_order="left")
        parts.append(found.select("id", "known", but_for=pl.lit(words)))
    return pl.concat(parts)


def twins(ids: pl.Series) -> pl.DataFrame:
    """Pairs of ids that differ in zeros in front alone: columns `id` and `known`.

    ```python
    >>> twins(pl.Series(["7", "07", "8"])).rows()
    [('07', '7')]

    ```
    """
    each = ids.drop_nulls().unique()
    frame = pl.DataFrame({"id": each, "key": _without_zeros(each)}).filter(pl.col("key") != "").sort("id")
    known = frame.group_by("key", maintain_order=True).agg(known=pl.col("id").last(), many=pl.len())
    pairs = frame.join(known.filter(pl.col("many") > 1), on="key", maintain_order="left")
    return pairs.filter(pl.col("id") != pl.col("known")).select("id", "known")


def _without_zeros(ids: pl.Series) -> pl.Series:
    return ids.str.strip_chars_start("0")


def _without_capitals(ids: pl.Series) -> pl.Series:
    return ids.str.to_lowercase()
