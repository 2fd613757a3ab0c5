"""Trained departments on disk: one sub-folder each, which runs alone, and a manifest.

```
BUNDLE/
  manifest.json            the market's name and hash, method, settings, seed, versions, the back-test
  market/                  the market it was trained for, as `save_market` writes it
  inventory/               department.json (what it observes), weights.safetensors
  recommendation/          the same; neither needs the other, nor the critic
```
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

import intandem
from intandem.departments import (
    InventoryNetwork,
    JointPolicy,
    PlainInventory,
    PlainRecommendation,
    RecommendationNetwork,
    Reference,
    reference,
)
from intandem.departments.department import Department
from intandem.departments.features import FEATURES
from intandem.departments.networks import ProductNetwork
from intandem.departments.plain import StateNetwork
from intandem.departments.rules import BaseStock, NoExposure, RankedExposure, ReorderPoint
from intandem.errors import InputError
from intandem.learning.mtma import Training
from intandem.market import Market
from intandem.market.files import load_market, market_hash, save_market
from intandem.storage import refuse_other_folder, replace_folder

_logger = logging.getLogger(__name__)

FORMAT = 1
MARKET = "market"
"""The sub-folder of the market that a bundle was trained for."""

CONTENTS = ("manifest.json", MARKET, "inventory", "recommendation")
"""All that a bundle's folder holds."""

INVENTORY = InventoryNetwork | PlainInventory | BaseStock | ReorderPoint
RECOMMENDATION = RecommendationNetwork | PlainRecommendation | RankedExposure | NoExposure
"""What a bundle's departments may be."""

STANDING = ("base", "lift", "dispersion")
RULES: dict[str, type[Department[Any]]] = {
    kind.__name__: kind for kind in (BaseStock, ReorderPoint, RankedExposure, NoExposure)
}
"""Rules that may have been handed over in place of what was trained."""

_MEND = "train again, or name another bundle"


def save_bundle(
    training: Training, market: Market, folder: str | Path, *, backtest: dict[str, Any] | None = None
) -> Path:
    """Writes a trained policy; a bundle that is there is replaced as a whole.

    **Arguments:**

    - `market`: the market it was trained for; the bundle carries it, and its hash is in the manifest.
    - `backtest`: figures the bundle was accepted on, kept in the manifest.

    **Raises:** `InputError` if the market breaks a rule of market files, which it names, or if the folder holds
    anything but a bundle; `RunError` if the system refuses. What was there is then as it was.

    ```python
    >>> import tempfile
    >>> from intandem.learning import TrainSettings, load_bundle, train
    >>> from intandem.market import family_market
    >>> market = family_market("capped-supply", products=2, customers=3, seed=0)
    >>> trained = train(market, TrainSettings(updates=2, shops=2, window=4, width=4))
    >>> folder = save_bundle(trained, market, Path(tempfile.mkdtemp()) / "policy")
    >>> sorted(place.name for place in folder.iterdir())
    ['inventory', 'manifest.json', 'market', 'recommendation']
    >>> load_bundle(folder).inventory.network.inputs.weight.shape[0]
    4

    ```
    """
    folder = Path(folder)
    refuse_other_folder(folder, CONTENTS)
    departments = {"inventory": training.policy.inventory, "recommendation": training.policy.recommendation}
    with replace_folder(folder) as beside:
        _write_market(market, beside / MARKET)
        for name, department in departments.items():
            _write_department(department, beside / name)
        settings = dataclasses.asdict(dataclasses.replace(training.settings, timescales=None))
        if training.settings.timescales is not None:
            settings["timescales"] = repr(training.settings.timescales)
        manifest = {
            "format": FORMAT,
            "market": {"name": market.name, "hash": market_hash(market), "products": market.products},
            "method": training.settings.method,
            "estimator": training.settings.estimator,
            "settings": settings,
            "seed": training.seed,
            "steps": training.steps,
            "seconds": round(training.seconds, 3),
            "parameters": training.parameters,
            "handed_over": None if training.handed is None else dataclasses.asdict(training.handed),
            "backtest": backtest,
            "versions": {
                "intandem": intandem.__version__,
                "python": platform.python_version(),
                **{name: metadata.version(name) for name in ("jax", "equinox", "optax")},
            },
            "sha256": {name: _hash(beside / name) for name in departments},
        }
        (beside / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    return folder


def load_bundle(folder: str | Path, market: Market | None = None, *, transfer: bool = False) -> JointPolicy:
    """Reads a trained policy; `save_bundle` shows both ways.

    **Arguments:**

    - `market`: in which the policy is to decide; `None`: the one it was trained for, which the bundle carries in its
      sub-folder `market` (`load_market(folder / "market")` reads it).
    - `transfer`: allow a market that the bundle was not trained for. The weights are shared across products and pairs
      and fit any market; the market's standing figures are then computed anew.

    **Raises:** `InputError` if the bundle cannot be read, was changed, belongs to another market, or is of before
    bundles carried their market and none is given.

    ```python
    >>> load_bundle("nowhere")
    Traceback (most recent call last):
    intandem.errors.InputError: nowhere/manifest.json: does not exist; train again, or name another bundle

    ```
    """
    folder = Path(folder)
    manifest = _read_json(folder / "manifest.json")
    try:
        trained_for, name = manifest["market"]["hash"], manifest["market"]["name"]
        if manifest["format"] != FORMAT:
            raise InputError(folder, f"has bundle format {manifest['format']}, not {FORMAT}", _MEND)
        sums = {department: manifest["sha256"][department] for department in ("inventory", "recommendation")}
    except (KeyError, TypeError) as error:
        raise InputError(folder / "manifest.json", f"is not a bundle's manifest (it lacks {error})", _MEND) from error
    for department, expected in sums.items():
        if _hash(folder / department) != expected:
            raise InputError(folder / department, "is missing or not what the manifest says", _MEND)
    inventory = load_department(folder / "inventory")
    recommendation = load_department(folder / "recommendation")
    if not isinstance(inventory, INVENTORY) or not isinstance(recommendation, RECOMMENDATION):
        raise InputError(folder, "holds one department in the place of the other", _MEND)
    if market is None:
        if market_hash(_own_market(folder)) != trained_for:
            raise InputError(folder / MARKET, "is not the market that the manifest names", _MEND)
    elif trained_for != market_hash(market):
        if not transfer:
            raise InputError(folder, f"was trained for another market, '{name}'", "train for this one")
        if isinstance(inventory, PlainInventory):
            raise InputError(folder, "has departments whose size is that of their market", "train for this market")
        _logger.warning("%s was trained for %s and is to decide in %s", folder, name, market.name)
        standing = reference(market)
        inventory, recommendation = (
            eqx.tree_at(lambda d: d.standing, department, standing) if hasattr(department, "standing") else department
            for department in (inventory, recommendation)
        )
        if getattr(inventory, "gated", market.traits.fixed_costs) != market.traits.fixed_costs:
            raise InputError(folder, "one market has fixed order costs and the other none", "train for this market")
    return JointPolicy(inventory, recommendation)


def _write_market(market: Market, folder: Path) -> None:
    try:
        save_market(market, folder)
    except InputError as error:
        # The folder is one that the user never sees.
        raise InputError(f"market {market.name}", error.problem, error.cure, row=error.row, key=error.key) from error


def _own_market(folder: Path) -> Market:
    if not (folder / MARKET).is_dir():
        raise InputError(folder, "does not carry its market (it was saved before bundles did)", "give the market too")
    return load_market(folder / MARKET)


def _hash(department: Path) -> str:
    """Of the department's weights and specification; empty if one is missing."""
    files = [department / "weights.safetensors", department / "department.json"]
    if not all(file.is_file() for file in files):
        return ""
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _write_department(department: Department[Any], folder: Path) -> None:
    folder.mkdir()
    if isinstance(department, tuple(RULES.values())):
        save_file(_named_arrays(department), folder / "weights.safetensors")
        rule = {"format": FORMAT, "department": _side(department), "rule": type(department).__name__}
        (folder / "department.json").write_text(json.dumps(rule, indent=2) + "\n")
        return
    if not isinstance(department, INVENTORY | RECOMMENDATION):
        raise TypeError(f"{type(department).__name__} has no weights to keep")
    plain = isinstance(department, PlainInventory | PlainRecommendation)
    save_file(_named_arrays(department), folder / "weights.safetensors")
    told = "gated" if isinstance(department, INVENTORY) else "sees_stock"
    structure = {told: getattr(department, told)}
    specification = {
        "format": FORMAT,
        "department": _side(department),
        "observes": ["joint state"] if plain else list(FEATURES),
        "structure": structure,
    }
    (folder / "department.json").write_text(json.dumps(specification, indent=2) + "\n")


def _side(department: Department[Any]) -> str:
    return "inventory" if isinstance(department, INVENTORY) else "recommendation"


def _rule(kind: type[Department[Any]], arrays: dict[str, np.ndarray]) -> Department[Any]:
    """A rule from its settings and the market's standing figures, by the names of its fields."""
    fields: dict[str, Any] = {name: jnp.asarray(value) for name, value in arrays.items() if "." not in name}
    if any(name.startswith("standing.") for name in arrays):
        fields["standing"] = Reference(*(jnp.asarray(arrays[f"standing.{name}"]) for name in STANDING))
    return kind(**fields)


def load_department(folder: str | Path) -> Department[Any]:
    """Reads one department, which runs without the other.

    **Raises:** `InputError` if the folder does not hold one, or one that observes other features than this version.
    """
    folder = Path(folder)
    specification = _read_json(folder / "department.json")
    path = folder / "weights.safetensors"
    try:
        arrays = load_file(path)
        if "rule" in specification:
            return _rule(RULES[specification["rule"]], arrays)
        plain = specification["observes"] == ["joint state"]
        if not plain and specification["observes"] != list(FEATURES):
            raise InputError(folder, "observes other features than this version of intandem", _MEND)
        width, inputs = arrays["network.inputs.weight"].shape
        outputs, key = arrays["network.outputs.weight"].shape[0], jax.random.key(0)
        network: Any = (StateNetwork if plain else ProductNetwork)(inputs, outputs, width=width, key=key)
        standing = Reference(*(jnp.asarray(arrays[f"standing.{name}"]) for name in STANDING))
        structure = specification["structure"]
        department: Department[Any]
        if specification["department"] == "inventory":
            kind = PlainInventory if plain else InventoryNetwork
            department = kind(network, standing, gated=bool(structure["gated"]))
        elif specification["department"] == "recommendation":
            shows = PlainRecommendation if plain else RecommendationNetwork
            department = shows(network, standing, sees_stock=bool(structure["sees_stock"]))
        else:
            raise InputError(folder, f"holds a department '{specification['department']}'", _MEND)
        return _filled(department, arrays)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(path, f"cannot be read ({type(error).__name__}: {error})", _MEND) from error


def _name(path: tuple[Any, ...]) -> str:
    return ".".join(str(getattr(step, "name", step)) for step in path)


def _named_arrays(department: eqx.Module) -> dict[str, np.ndarray]:
    leaves = jax.tree_util.tree_flatten_with_path(eqx.filter(department, eqx.is_array))[0]
    return {_name(path): np.asarray(leaf, order="C") for path, leaf in leaves}


def _filled(department: Department[Any], arrays: dict[str, np.ndarray]) -> Department[Any]:
    def fill(path: tuple[Any, ...], leaf: Any) -> Any:
        if not eqx.is_array(leaf):
            return leaf
        stored = arrays[_name(path)]
        if stored.shape != leaf.shape:
            raise ValueError(f"{_name(path)} has shape {stored.shape}, not {leaf.shape}")
        return jnp.asarray(stored)

    return jax.tree_util.tree_map_with_path(fill, department)


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except FileNotFoundError as error:
        raise InputError(path, "does not exist", _MEND) from error
    except (OSError, ValueError) as error:
        raise InputError(path, f"cannot be read ({error})", _MEND) from error
