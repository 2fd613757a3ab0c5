"""Writing: a market as sections and tables, as text, in a file or a folder, and its fingerprint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float32

from intandem.errors import InputError
from intandem.market.files.pairs import pair_columns
from intandem.market.model import Market
from intandem.market.rules.joined import check_choice, check_products, solve_settings
from intandem.market.rules.keys import PRODUCT_DEFAULTS, PRODUCT_TEXTS, TABLES
from intandem.market.rules.values import Table, check_section, checked
from intandem.storage import refuse_other_folder, replace_file, replace_folder

INLINE_PAIRS = 1_000_000
"""Beyond so many pairs a single TOML file would take minutes to read and more memory than the market."""

CALIBRATION = "calibration.json"
"""What a calibrated market rests on, beside it; see `intandem.data.calibration.kept`."""

CONTENTS = ("market.toml", *(f"{name}.parquet" for name in TABLES), CALIBRATION)
"""All that a market's folder holds."""

_PRODUCT_KEYS = [key for key in TABLES["products"] if key not in ("product_id", *PRODUCT_TEXTS)]
_CUSTOMER_KEYS = [key for key in TABLES["customers"] if key != "customer_id"]
_ADDED_KEYS = ("units_per_purchase", "unit_size")
"""Keys that came later: a market that leaves them at their defaults keeps the fingerprint it had before."""

_RULE_KEYS = ("name", "period", "choice", "substitution", "exposure", "exposure_slots", "unmet_demand", "observed")


def save_market(market: Market, path: str | Path, *, calibration: str | None = None) -> None:
    """Writes a market, whole or not at all; `load_market` restores every array to the last bit.

    **Arguments:**

    - `path`: with the ending `.toml`, one TOML file, for small markets. Otherwise a folder of `market.toml` and
      Parquet tables, for markets of any size; it takes the place of a market folder that is there.
    - `calibration`: of a folder: what is kept in it of the calibration that the market comes from.

    **Raises:** `InputError` if `path` is a folder with other things in it, or if the market breaks a rule of
    market files; `RunError` if the system refuses.

    ```python
    >>> import tempfile
    >>> from intandem.market.files import example_market, load_market
    >>> path = Path(tempfile.mkdtemp()) / "market.toml"
    >>> save_market(example_market("two-products-capped"), path)
    >>> market_hash(load_market(path)) == market_hash(example_market("two-products-capped"))
    True

    ```
    """
    target = Path(path)
    inline = target.suffix == ".toml"
    if inline and market.pairs.rows * market.pairs.width > INLINE_PAIRS:
        problem = f"would hold more than {INLINE_PAIRS:,} pairs in one TOML file"
        raise InputError(target, problem, "give a folder, a name without the ending .toml")
    if not inline:
        refuse_other_folder(target, CONTENTS)
    sections, tables = market_sections(market), market_tables(market)
    settled = {name: check_section(target, name, values) for name, values in sections.items()}
    check_choice(target, settled["market"])
    solve_settings(target, settled.get("solve"), settled["market"])
    written = {}
    for name, frame in tables.items():
        ids = {"products": ["product_id"], "customers": ["customer_id"]}.get(name, [])
        table = checked(Table(name, target, True, frame), ids)
        if name == "products":
            check_products(table)
        written[name] = with_whole_numbers(name, frame)
    if inline:
        with replace_file(target) as beside:
            beside.write_text(toml_text(sections, written), encoding="utf-8", newline="\n")
        return
    files = {name: f"{name}.parquet" for name in written}
    with replace_folder(target) as beside:
        for name, frame in written.items():
            frame.write_parquet(beside / files[name])
        (beside / "market.toml").write_text(folder_text(sections, files), encoding="utf-8", newline="\n")
        if calibration is not None:
            (beside / CALIBRATION).write_text(calibration, encoding="utf-8", newline="\n")


def shortest(value: Any) -> float:
    """The float with the fewest decimals that single precision rounds to the same number.

    ```python
    >>> float(np.float32(0.3)), shortest(np.float32(0.3))
    (0.30000001192092896, 0.3)

    ```
    """
    single = np.float32(value)
    near = float(str(single))
    # Rounded to double and then to single, a decimal can end one step away from where it would in one go.
    return near if np.float32(near) == single else float(single)


def market_sections(market: Market) -> dict[str, dict[str, Any]]:
    """The sections of the market's file. The habit that most products share stands there for all of them."""
    habit, count = np.unique(np.asarray(market.habit), return_counts=True)
    sections: dict[str, dict[str, Any]] = {
        "market": {key: getattr(market, key) for key in _RULE_KEYS} | {"discount": shortest(market.discount)},
        "intention": {
            "persistence": shortest(market.persistence),
            "carry_over": shortest(market.carry_over),
            "habit": shortest(habit[count.argmax()]),
        },
    }
    if market.first_period is not None:
        sections["market"]["first_period"] = market.first_period
    if market.solve is not None:
        settings = asdict(market.solve).items()
        sections["solve"] = {
            key: list(value) if isinstance(value, tuple) else value for key, value in settings if value is not None
        }
    return sections


def market_tables(market: Market) -> dict[str, pl.DataFrame]:
    """The tables of the market's file. A value that a reader would fill in is null, and a column of nothing else
    is left out."""
    product_ids = pl.Series("product_id", market.labels.product_ids, dtype=pl.String)
    customer_ids = pl.Series("customer_id", market.labels.customer_ids, dtype=pl.String)
    products = {key: np.asarray(getattr(market, key), np.float32) for key in _PRODUCT_KEYS}
    customers = {key: np.asarray(getattr(market, key), np.float32) for key in _CUSTOMER_KEYS}
    defaults: dict[str, Any] = {
        **PRODUCT_DEFAULTS,
        "salvage": products["unit_cost"],
        "regular_price": products["price"],
        "habit": market_sections(market)["intention"]["habit"],
    }
    pairs = pair_columns(market)
    texts = market.labels.texts
    named = [
        pl.Series(key, values, dtype=pl.String) for key, values in texts.items() if any(v is not None for v in values)
    ]
    tables = {
        "products": _table(product_ids, products, defaults).select(product_ids, *named, pl.all().exclude("product_id")),
        "customers": _table(customer_ids, customers, dict.fromkeys(customers, 1.0)),
        "pairs": pl.DataFrame(
            {
                "customer_id": customer_ids.gather(pairs.customer),
                "product_id": product_ids.gather(pairs.product),
                "base_utility": pairs.base_utility,
                "exposure_effect": pairs.exposure_effect,
            }
        ),
    }
    if market.season is not None:
        shifts = np.asarray(market.season)
        positions, count = shifts.shape
        tables["season"] = pl.DataFrame(
            {
                "product_id": product_ids.gather(np.repeat(np.arange(count), positions)),
                "position": np.tile(np.arange(positions, dtype=np.float32), count),
                "utility_shift": np.ascontiguousarray(shifts.T).ravel(),
            }
        )
    return tables


def _table(
    ids: pl.Series, fields: Mapping[str, Float32[np.ndarray, " n"]], defaults: Mapping[str, Any]
) -> pl.DataFrame:
    columns = [ids]
    for key, values in fields.items():
        column = pl.Series(key, values)
        if key in defaults and key != "lead_time":
            default = np.broadcast_to(np.float32(defaults[key]), values.shape)
            given = values.view(np.int32) != default.view(np.int32)
            column = column.set(pl.Series(~given), None)
            if not given.any():
                continue
        columns.append(column)
    return pl.DataFrame(columns)


def with_whole_numbers(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    """The table as it is written: keys that take whole numbers as integers."""
    whole = [key for key in frame.columns if TABLES[name][key].kind == "whole"]
    return frame.with_columns(pl.col(whole).cast(pl.Int64))


def toml_text(sections: Mapping[str, Mapping[str, Any]], tables: Mapping[str, pl.DataFrame]) -> str:
    """A market as one TOML file, its tables inline."""
    blocks = [_section_text(name, values) for name, values in sections.items() if name != "solve"]
    blocks += [_rows_text(name, frame) for name, frame in tables.items()]
    if "solve" in sections:
        blocks.append(_section_text("solve", sections["solve"]))
    return "\n".join(blocks)


def folder_text(sections: Mapping[str, Mapping[str, Any]], files: Mapping[str, str]) -> str:
    """The TOML file of a folder, with the name of every table's Parquet file."""
    top = "".join(f"{name} = {toml_value(file)}\n" for name, file in files.items() if name != "season")
    season = {"season": files["season"]} if "season" in files else {}
    whole = {**sections, "market": {**sections["market"], **season}}
    return "\n".join([top, *(_section_text(name, values) for name, values in whole.items())])


def _section_text(name: str, values: Mapping[str, Any]) -> str:
    return f"[{name}]\n" + "".join(f"{key} = {toml_value(value)}\n" for key, value in values.items())


def _rows_text(name: str, frame: pl.DataFrame) -> str:
    lines = [_lines(key, column) for key, column in zip(frame.columns, frame.iter_columns(), strict=True)]
    return "\n".join(f"[[{name}]]\n{''.join(row)}" for row in zip(*lines, strict=True))


def _lines(key: str, column: pl.Series) -> Sequence[str]:
    values = column.to_list()
    if column.dtype == pl.Float32:
        values = [None if value is None else shortest(value) for value in values]
    return ["" if value is None else f"{key} = {toml_value(value)}\n" for value in values]


def toml_value(value: str | bool | int | float | date | Sequence[float]) -> str:
    """A value in TOML.

    ```python
    >>> print(toml_value('say "hi"'), toml_value(True), toml_value([0.0, 1e-7]))
    "say \\"hi\\"" true [0.0, 1e-07]

    ```
    """
    if isinstance(value, str):
        # JSON and TOML escape alike, but for the delete character.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date):
        return value.isoformat()
    return repr(value) if isinstance(value, int | float) else f"[{', '.join(map(toml_value, value))}]"


def market_hash(market: Market) -> str:
    """The market's fingerprint: SHA-256, in hexadecimal, of all that its file would hold, ids included.

    The layout of the pairs takes no part: a market has the same fingerprint after it was saved and loaded.
    """
    digest = hashlib.sha256(b"intandem market 1")

    def add(content: bytes) -> None:
        digest.update(len(content).to_bytes(8, "little") + content)

    labels = market.labels
    words: list[Any] = [market_sections(market), labels.product_ids, labels.customer_ids]
    words += [[key, one] for key, one in labels.texts.items() if any(text is not None for text in one)]
    added = [key for key in _ADDED_KEYS if bool((getattr(market, key) != PRODUCT_DEFAULTS[key]).any())]
    add(json.dumps([*words, *added], sort_keys=True, default=str).encode())
    own = [key for key in _PRODUCT_KEYS if key not in _ADDED_KEYS]
    arrays = [getattr(market, key) for key in (*own, *_CUSTOMER_KEYS, *added)]
    pairs = pair_columns(market)
    for array in (*arrays, pairs.base_utility, pairs.exposure_effect, [] if market.season is None else market.season):
        add(np.ascontiguousarray(array, "<f4").tobytes())
    for index in (pairs.customer, pairs.product):
        add(np.ascontiguousarray(index, "<u4").tobytes())
    return digest.hexdigest()
