"""Departments as ONNX programs, which run without this package and without JAX, and such programs as a policy.

Needs the extra `onnx`. A folder holds `inventory.onnx` and `recommendation.onnx`, each a function of the state alone:
the market it decides in is part of the program. Programs trained elsewhere play the same way, if they take and give the
same arrays.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from intandem.departments import JointPolicy
from intandem.display import Displayed, Summary
from intandem.errors import InputError
from intandem.market import Decision, Market, Outcome, State, initial_state
from intandem.market.files import market_hash
from intandem.market.model import History
from intandem.market.simulate import rollout
from intandem.storage import refuse_other_folder, replace_folder

MANIFEST = "onnx.json"
PROGRAMS = {"inventory": "inventory.onnx", "recommendation": "recommendation.onnx"}
CONTENTS = (MANIFEST, *PROGRAMS.values(), *(f"{name}.data" for name in PROGRAMS.values()))
"""All that a folder of programs holds; large constants stand beside their program."""

OUTPUTS = {"inventory": "order", "recommendation": "exposure"}

PARITY = 1e-5
"""Difference from the department itself beyond which an export is told to have failed."""

STATES = 64
"""Periods of a run on which the programs are compared with the departments."""


def export_onnx(policy: JointPolicy, market: Market, folder: str | Path) -> dict[str, float]:
    """Writes each department of a policy as an ONNX program; returns by department the largest difference from it over
    a run of `STATES` periods (units of order; exposure).

    **Arguments:** `folder`: of the programs; one that was written before is replaced as a whole. Inputs are the state's
    arrays by name (`inputs_of`), in single precision, `period` a whole number; outputs `order` (`products`) and
    `exposure` (`rows width`).

    **Raises:** `InputError` without the extra `onnx`, where a folder of other files is there, or for a department that
    ONNX cannot express.
    """
    convert = _needs("jax2onnx").to_onnx
    target = Path(folder)
    refuse_other_folder(target, CONTENTS)
    inputs = inputs_of(initial_state(market))
    shapes = [jax.ShapeDtypeStruct(value.shape, value.dtype) for value in inputs.values()]
    with replace_folder(target) as beside:
        for name, file in PROGRAMS.items():
            decide = _decision_of(market, getattr(policy, name), tuple(inputs))
            with _quietly():
                try:
                    convert(
                        decide,
                        inputs=shapes,
                        model_name=f"intandem {name}",
                        input_names=list(inputs),
                        output_names=[OUTPUTS[name]],
                        return_mode="file",
                        output_path=str(beside / file),
                    )
                except Exception as error:
                    problem = f"cannot be written as ONNX ({type(error).__name__}: {str(error).splitlines()[0]})"
                    raise InputError(name, problem, "export another policy") from error
        manifest = {"market": market.name, "market_hash": market_hash(market), "inputs": list(inputs)}
        (beside / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        return _differences(policy, OnnxPolicy(beside), market)


def inputs_of(state: State) -> dict[str, Array]:
    """What a program is given, by name: the state's arrays, and those of its history where intention is not observed.

    ```python
    >>> from intandem.market import example_market
    >>> {name: value.shape for name, value in inputs_of(initial_state(example_market("two-products-capped"))).items()}
    {'on_hand': (2,), 'backlog': (2,), 'pipeline': (1, 2), 'intention': (1, 2), 'period': ()}

    ```
    """
    found = {name: getattr(state, name) for name in ("on_hand", "backlog", "pipeline", "intention", "period")}
    if state.history is not None:
        found |= {name: getattr(state.history, name) for name in ("recency", "frequency", "exposures")}
    return found


def _decision_of(market: Market, department: Any, names: tuple[str, ...]) -> Any:
    """The department's decision as a function of the arrays alone."""

    def decide(*arrays: Array) -> Array:
        given = dict(zip(names, arrays, strict=True))
        past = {name: given.pop(name) for name in ("recency", "frequency", "exposures") if name in given}
        state = State(**given, history=History(**past) if past else None)
        return department.decide(market, department.observe(market, state))

    return decide


class OnnxPolicy(Displayed):
    """Two ONNX programs that decide, called period by period: `compare(market, {"theirs": OnnxPolicy("folder")})`.

    Their decisions are checked like those of any policy of a user's own.

    **Raises:** `InputError` without the extra `onnx`, or for a folder whose programs are not there or cannot be read.
    """

    def __init__(self, folder: str | Path) -> None:
        runtime = _needs("onnxruntime")
        options = runtime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = 1
        self.folder = Path(folder)
        self._programs = {}
        for name, file in PROGRAMS.items():
            place = self.folder / file
            if not place.is_file():
                raise InputError(place, "is not there", "give a folder with inventory.onnx and recommendation.onnx")
            try:
                program = runtime.InferenceSession(str(place), options, providers=["CPUExecutionProvider"])
            except Exception as error:
                raise InputError(place, f"cannot be read ({str(error).splitlines()[0]})", "export it again") from error
            self._programs[name] = program

    def __call__(self, market: Market, state: State, key: Key[Array, ""]) -> Decision:
        """Their decision, fetched from ONNX Runtime."""
        del key
        wanted = (
            jax.ShapeDtypeStruct((market.products,), jnp.float32),
            jax.ShapeDtypeStruct(market.base_utility.shape, jnp.float32),
        )
        order, exposure = jax.pure_callback(self._run, wanted, inputs_of(state), vmap_method="sequential")
        return Decision(order, exposure)

    def _run(self, given: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        arrays = {name: np.asarray(value) for name, value in given.items()}
        found = []
        for name, program in self._programs.items():
            known = {one.name for one in program.get_inputs()}
            if unknown := known - arrays.keys():
                problem = f"asks for {', '.join(sorted(unknown))}"
                raise InputError(self.folder / PROGRAMS[name], problem, f"it is given {', '.join(arrays)}")
            (decision,) = program.run(None, {one: arrays[one] for one in known})
            found.append(np.asarray(decision, np.float32))
        return found[0], found[1]

    def _summary(self) -> Summary:
        return Summary(f"ONNX programs in {self.folder}", [(name, PROGRAMS[name]) for name in self._programs])


def is_onnx(folder: Path) -> bool:
    """Whether a folder holds such programs."""
    return all((folder / file).is_file() for file in PROGRAMS.values())


def _differences(policy: JointPolicy, programs: OnnxPolicy, market: Market) -> dict[str, float]:
    """The largest differences of what is decided, in the states of a run in which the policy decides."""
    key = jax.random.key(0)

    def compared(state: State, decision: Decision, following: State, outcome: Outcome) -> Float[Array, " departments"]:
        del following, outcome
        theirs = programs(market, state, key)
        return jnp.stack(
            [jnp.abs(decision.order - theirs.order).max(), jnp.abs(decision.exposure - theirs.exposure).max()]
        )

    play = eqx.filter_jit(lambda: rollout(market, initial_state(market), policy, STATES, key, compared)[1].max(0))
    return {name: float(worst) for name, worst in zip(PROGRAMS, play(), strict=True)}


def _needs(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise InputError(name, "is not installed", 'install the extra: pip install "intandem[onnx]"') from error


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Without the remarks of the converter, which are about its own graphs."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(level)
