"""What a stopped run needs to go on, in one file that is always whole."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from pathlib import Path
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import intandem
from intandem.errors import InputError
from intandem.market import Market
from intandem.market.files import market_hash
from intandem.storage import replace_file

Run = TypeVar("Run", bound=eqx.Module)
Figures = list[dict[str, np.ndarray]]


def run_identity(market: Market, settings: Any, seed: int, start: eqx.Module | None = None) -> str:
    """A hash of what makes a run the same run: its market, settings, seed, the weights it starts from, and this version
    of the package."""
    text = json.dumps([market_hash(market), repr(settings), seed, intandem.__version__])
    weights = b"".join(np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(eqx.filter(start, eqx.is_array)))
    return hashlib.sha256(text.encode() + weights).hexdigest()


def _plain(leaf: Any) -> np.ndarray:
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return np.asarray(jax.random.key_data(leaf))
    return np.asarray(leaf)


def save_checkpoint(path: str | Path, run: eqx.Module, figures: Figures, seconds: float, identity: str) -> None:
    """Writes the arrays of a run, its figures so far and the seconds it took.

    **Raises:** `RunError` if the system refuses; an earlier checkpoint then stays as it was.
    """
    arrays = {f"leaf{k}": _plain(leaf) for k, leaf in enumerate(jax.tree.leaves(eqx.filter(run, eqx.is_array)))}
    curve = {f"curve_{name}": np.concatenate([part[name] for part in figures]) for name in figures[0]}
    # In memory first: an archive that is stopped while it is written to a file complains when it is dropped.
    archive = io.BytesIO()
    np.savez(archive, identity=np.asarray(identity), seconds=np.asarray(seconds), **arrays, **curve)  # type: ignore[arg-type]
    with replace_file(path) as beside:
        Path(beside).write_bytes(archive.getbuffer())


def load_checkpoint(path: str | Path, like: Run, identity: str) -> tuple[Run, Figures, float]:
    """Reads a run back into the shape of `like`.

    **Raises:** `InputError` if the file is no checkpoint, or one of another market, settings or seed.
    """
    cure = "remove it to start afresh, or repeat the command that it belongs to"
    try:
        with np.load(path, allow_pickle=False) as stored:
            kept = {name: stored[name] for name in stored.files}
        if str(kept["identity"]) != identity:
            raise InputError(path, "is the checkpoint of another market, other settings or another seed", cure)
        leaves, structure = jax.tree.flatten(eqx.filter(like, eqx.is_array))
        loaded = [_restore(kept[f"leaf{k}"], leaf) for k, leaf in enumerate(leaves)]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(path, "is not a checkpoint that can be read", cure) from error
    run = eqx.combine(jax.tree.unflatten(structure, loaded), like)
    figures = {name.removeprefix("curve_"): value for name, value in kept.items() if name.startswith("curve_")}
    return run, [figures], float(kept["seconds"])


def _restore(value: np.ndarray, like: Any) -> Any:
    if jnp.issubdtype(like.dtype, jax.dtypes.prng_key):
        return jax.random.wrap_key_data(jnp.asarray(value))
    return jnp.asarray(value, like.dtype)
