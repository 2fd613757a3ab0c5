"""The fingerprint of a firm's tables, so that a calibration says which data it came from."""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl

from intandem.data.tables.tables import COLUMNS, Tables


def data_hash(tables: Tables) -> str:
    """SHA-256 of all values of the tables, in their order; the same for the same data, whatever file held them."""
    digest = hashlib.sha256(b"intandem tables 1")
    for name in COLUMNS:
        frame = getattr(tables, name)
        digest.update(f"{name} {frame.height}".encode())
        for column in frame.iter_columns():
            digest.update(column.name.encode())
            if column.dtype in (pl.String, pl.Categorical):
                digest.update("\x1f".join(column.cast(pl.String).fill_null("\x00").to_list()).encode())
            else:
                values = column.to_physical().cast(pl.Float64, strict=False).fill_null(float("nan"))
                digest.update(np.ascontiguousarray(values.to_numpy(), "<f8").tobytes())
    return digest.hexdigest()
