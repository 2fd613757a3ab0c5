"""A calibration kept beside its market: what it rests on, how it fits, and which data it came from.

`load_market` needs nothing of it. Reports on a firm's own market read it back.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from intandem.display import Displayed
from intandem.errors import InputError
from intandem.market import market_hash, save_market
from intandem.market.files.writing import CALIBRATION
from intandem.storage import replace_file

if TYPE_CHECKING:
    from intandem.data.calibration.calibrate import Calibration

FORMAT = 1


@dataclass(frozen=True, repr=False)
class KeptCalibration(Displayed):
    """What was kept of a calibration.

    - `estimates`: `exposure_effect`, `persistence` and so on: `mean` and `se` (`None` where it was stated).
    - `sentences`: what was found, in words. `identification`, `assumptions`, `notes`, `alarms`: in words.
    - `fit`: tables as columns: `calibration_curve` (held out), `period`, `recorded`.
    - `diagnostics`: simulated against recorded. `data_hash`, `market_hash`: fingerprints.
    """

    estimates: dict[str, Any]
    sentences: tuple[str, ...]
    identification: str
    assumptions: tuple[str, ...]
    notes: tuple[str, ...]
    alarms: tuple[str, ...]
    fit: dict[str, dict[str, list[Any]]]
    diagnostics: dict[str, Any]
    data_hash: str
    market_hash: str


def place_of(market: str | Path) -> Path:
    """Where the calibration of a market file or folder is kept.

    ```python
    >>> place_of("shop/market").as_posix(), place_of("shop.toml").as_posix()
    ('shop/market/calibration.json', 'shop-calibration.json')

    ```
    """
    market = Path(market)
    return market.with_name(f"{market.stem}-{CALIBRATION}") if market.suffix == ".toml" else market / CALIBRATION


def save_calibration(found: Calibration, market: str | Path) -> Path:
    """Writes a calibration's market, and beside it what is kept of the calibration; returns where that is.

    **Raises:** as `intandem.save_market`.
    """
    text = json.dumps(_content(found), indent=1, default=_plain, allow_nan=False) + "\n"
    place = place_of(market)
    if Path(market).suffix == ".toml":
        save_market(found.market, market)
        with replace_file(place) as beside:
            beside.write_text(text, encoding="utf-8", newline="\n")
    else:
        save_market(found.market, market, calibration=text)
    return place


def load_calibration(market: str | Path) -> KeptCalibration | None:
    """What was kept of the calibration of a market file or folder; `None` if nothing was.

    **Raises:** `InputError` if it is there and cannot be read, or belongs to another format.
    """
    place = place_of(market)
    if not place.is_file():
        return None
    try:
        content = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(place, f"cannot be read ({error})", "calibrate again, or remove the file") from error
    if not isinstance(content, dict) or content.pop("format", None) != FORMAT:
        raise InputError(place, "is not a calibration of this version", "calibrate again, or remove the file")
    for key in ("sentences", "assumptions", "notes", "alarms"):
        content[key] = tuple(content[key])
    return KeptCalibration(**content)


def _content(found: Calibration) -> dict[str, Any]:
    columns = {name: frame.to_dict(as_series=False) for name, frame in found.fit.items() if name != "product_period"}
    return {
        "format": FORMAT,
        "estimates": {row["estimate"]: {"mean": row["value"], "se": row["se"]} for row in found.to_frame().to_dicts()},
        "sentences": list(found.sentences()),
        "identification": found.identification,
        "assumptions": list(found.assumptions),
        "notes": list(found.notes),
        "alarms": list(found.alarms),
        "fit": _without_nan(columns),
        "diagnostics": _without_nan(found.against.as_json()),
        "data_hash": found.data_hash,
        "market_hash": market_hash(found.market),
    }


def _without_nan(value: Any) -> Any:
    """JSON knows no `nan`: nothing stands in its place."""
    if isinstance(value, dict):
        return {key: _without_nan(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(one) for one in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _plain(value: Any) -> Any:
    return value.item()
