"""Before work starts: the compile cache, quiet libraries, the market that was named, a place for the result."""

from __future__ import annotations

import contextlib
import os
import tempfile
import warnings
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from intandem.errors import InputError, RunError
from intandem.storage import cure_of, refuse_other_file, refuse_other_folder

if TYPE_CHECKING:
    from intandem.market import Market


def cache_folder() -> Path:
    """Where compiled programs are kept: `$INTANDEM_CACHE`, `$XDG_CACHE_HOME/intandem` or `~/.cache/intandem`."""
    if given := os.environ.get("INTANDEM_CACHE"):
        return Path(given)
    with contextlib.suppress(RuntimeError):
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "intandem"
    return Path(tempfile.gettempdir()) / "intandem"


QUICK_COMPILATION = "--xla_llvm_disable_expensive_passes=true"
"""Programs are ready sooner, and large simulations run slower: for work that compiles much and plays little."""

KNOWN_UNTIL = (0, 11)
"""The first JAX in which the flag above was not tried: a flag that XLA does not know ends the program."""


def prepare(*, brief: bool = False) -> None:
    """Keeps compiled programs from run to run, and libraries quiet. A cache that cannot be written is not used.

    **Arguments:**

    - `brief`: the work is short enough that compilation is most of it: compile with less optimisation. It has an
      effect only before JAX computes for the first time.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import jax

    warnings.filterwarnings("ignore", module="jax")
    if brief and jax.__version_info__ < KNOWN_UNTIL:
        _start_with(QUICK_COMPILATION)
    if "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return
    folder = cache_folder() / "jax"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError:
        return
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
    jax.config.update("jax_raise_persistent_cache_errors", False)


def _start_with(flag: str) -> None:
    """Starts XLA, which reads its flags once, with one more; programs that we start ourselves do not inherit it."""
    import jax

    before = os.environ.get("XLA_FLAGS")
    os.environ["XLA_FLAGS"] = f"{before or ''} {flag}".strip()
    try:
        jax.devices()
    finally:
        if before is None:
            del os.environ["XLA_FLAGS"]
        else:
            os.environ["XLA_FLAGS"] = before


def resolve_market(text: str) -> Market:
    """The market that a user names: a generated one, a file or folder, or an example.

    **Raises:** `InputError` naming the text or the file.
    """
    prepare()
    from intandem.market.named import market_of

    return market_of(text)


def claim(
    target: str | Path,
    *,
    folder: bool,
    ours: Collection[str] | None = None,
    marker: str = "",
    ending: str = "",
    marks: Collection[str] = (),
) -> Path:
    """Makes sure, before any work, that a result can be written where the user wants it.

    **Arguments:**

    - `folder`: whether the result is a folder. `ours`: of a folder that is replaced as a whole, names of all that it
      may hold. `marker`: of a folder that is added to, a thing that is there if it is one of ours.
    - `ending`: of the file's name. `marks`: of a file, texts by which one that is there is known as ours.

    **Raises:** `InputError` if something else is there, or for another ending; `RunError` if the system refuses.
    """
    target = Path(target)
    if ending and target.suffix.lower() != ending:
        raise InputError(target, f"does not end in {ending}", f"give a name such as {target.stem.lstrip('.')}{ending}")
    # Where it really is: `new/..` is there even where `new` is not.
    place = Path(os.path.realpath(target))
    if folder and place.exists() and not place.is_dir():
        raise InputError(target, "is a file, and the result is a folder", "name another place")
    if not folder and place.is_dir():
        raise InputError(target, "is a folder, and the result is a file", "name a file")
    if marker and place.is_dir() and any(place.iterdir()) and not (place / marker).exists():
        raise InputError(target, f"holds other things (there is no {marker})", "name a new folder")
    if ours is not None:
        refuse_other_folder(target, ours)
    if marks:
        refuse_other_file(target, marks)
    for parent in place.parents:
        if parent.exists() and not parent.is_dir():
            raise InputError(target, f"cannot be: {parent} is a file", "name another place")
    _try_writing(target)
    return target


def _try_writing(target: Path) -> None:
    nearest = next((parent for parent in target.absolute().parents if parent.is_dir()), Path("/"))
    try:
        with tempfile.NamedTemporaryFile(dir=nearest, prefix=".intandem.") as file:
            file.write(b"\0" * 4096)
            file.flush()
    except OSError as error:
        reason = error.strerror or str(error)
        raise RunError(target, f"cannot be written ({reason})", cure_of(error)) from error
