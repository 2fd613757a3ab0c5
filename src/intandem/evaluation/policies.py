"""Whatever a user calls a policy, as one that the simulator can play: names, texts, bundles, departments, functions."""

from __future__ import annotations

import difflib
import logging
from pathlib import Path
from typing import Any, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key
from numpy.typing import ArrayLike

from intandem.departments import (
    DUAL_PRICE,
    RULE_POLICIES,
    Department,
    JointPolicy,
    Reference,
    inventory_rule,
    recommendation_rule,
    reference,
)
from intandem.departments.rules import NoExposure
from intandem.departments.specification import INVENTORY_RULES, RECOMMENDATION_RULES
from intandem.environments.onnx import OnnxPolicy, is_onnx
from intandem.errors import InputError
from intandem.learning import METHODS, load_bundle
from intandem.market import Decision, Market, State, initial_state
from intandem.market.decision_check import check_shapes
from intandem.market.simulate import Policy
from intandem.theory.dual_price import dual_price_policy
from intandem.theory.intertemporal.policy_table import read_policy, tabled_policy

PolicyLike: TypeAlias = Policy | JointPolicy | str | Path | tuple[Any, Any]
"""A policy, or what names one; see `policy_of`."""

_logger = logging.getLogger(__name__)

ALONE = {"inventory": "base-stock", "recommendation": "none"}
"""The rule that stands in for a department that a text does not name."""


def policy_of(market: Market, given: PolicyLike | object, place: str = "policy") -> Policy:
    """The policy that is meant, ready to be played in a market.

    **Arguments:**

    - `given`: one of

        - a function `(market, state, key) -> Decision`, in JAX or in NumPy (see `HostPolicy`);
        - a pair of departments, each a `Department` or a rule's text: `("base-stock:level=25", "uplift")`;
        - the name of a whole policy: `"silo"`, `"filtered-silo"`, `"dual-price"`;
        - a rule's text, `"base-stock:level=25"`, or two joined by `" + "`: a text of one department leaves the
          other to `ALONE`;
        - the folder of a trained bundle or of ONNX programs, or a policy table of `solve` (`.parquet`).

    - `place`: what an error calls it.

    **Raises:** `InputError` for a name that is not known, a function that returns no `Decision` or one of other
    shapes than the market's, or departments that were made for another market.

    ```python
    >>> from intandem.market.files import example_market
    >>> market = example_market("two-products-capped")
    >>> policy_of(market, ("base-stock:level=9", "uplift")).inventory.level.tolist()
    [9.0, 9.0]
    >>> policy_of(market, "upliift")
    Traceback (most recent call last):
    intandem.errors.InputError: policy: 'upliift' names no policy; did you mean 'uplift'?

    ```
    """
    if isinstance(given, str | Path):
        return _named(market, given, place)
    if isinstance(given, tuple):
        return _pair(market, given, place)
    if not callable(given):
        cure = "give a function (market, state, key) -> Decision, a pair of departments, or a rule's name"
        raise InputError(place, f"is of type {type(given).__name__}, and nobody decides", cure)
    return _playable(market, given, place)


def is_own(policy: Policy) -> bool:
    """Whether a policy is made of this package's departments or tables alone, which decide within the rules."""
    if isinstance(policy, JaxPolicy | HostPolicy):
        return False
    parts = (policy.inventory, policy.recommendation) if isinstance(policy, JointPolicy) else ()
    if isinstance(policy, OnnxPolicy):
        return False
    return all(type(one).__module__.startswith("intandem.") for one in (policy, *parts))


class JaxPolicy(eqx.Module):
    """A user's function in JAX, its decision in single precision. It is compiled: it sees shapes, not values."""

    call: Policy
    name: str = eqx.field(static=True)

    def __call__(self, market: Market, state: State, key: Key[Array, ""]) -> Decision:
        """The user's decision."""
        decision = self.call(market, state, key)
        return Decision(jnp.asarray(decision.order, jnp.float32), jnp.asarray(decision.exposure, jnp.float32))


class HostPolicy(eqx.Module):
    """A user's function in NumPy, called in Python once per run and period: slow, some thousand decisions a second.

    It gets the market and the state with NumPy arrays in place of JAX's, and as a key two whole numbers, to seed
    `numpy.random.default_rng`.
    """

    call: InPython
    name: str = eqx.field(static=True)

    def __call__(self, market: Market, state: State, key: Key[Array, ""]) -> Decision:
        """The user's decision, fetched from Python."""
        shapes = {"order": (market.products,), "exposure": market.base_utility.shape}
        wanted = {name: jax.ShapeDtypeStruct(shape, jnp.float32) for name, shape in shapes.items()}
        seed = jax.random.key_data(key)
        return Decision(**jax.pure_callback(self.call, wanted, state, seed, vmap_method="sequential"))


class InPython:
    """The call itself: the market that the function is given, and its answer checked for shape."""

    def __init__(self, policy: Policy, market: Market, place: str) -> None:
        self.policy, self.market, self.place = policy, _in_numpy(market), place

    def __call__(self, state: State, seed: ArrayLike) -> dict[str, np.ndarray]:
        """`order` and `exposure` in single precision."""
        decision = self.policy(self.market, _in_numpy(state), np.asarray(seed))  # type: ignore[arg-type]
        check_shapes(self.market, decision, self.place)
        return {name: np.asarray(getattr(decision, name), np.float32) for name in ("order", "exposure")}


def _in_numpy(tree: Any) -> Any:
    return jax.tree.map(lambda leaf: np.asarray(leaf) if eqx.is_array(leaf) else leaf, tree)


def _named(market: Market, given: str | Path, place: str) -> Policy:
    text = str(given).strip()
    rule = text.partition(":")[0]
    if isinstance(given, str):
        if text in RULE_POLICIES:
            return _pair(market, RULE_POLICIES[text], place)
        if text == DUAL_PRICE:
            return dual_price_policy(market)
        if " + " in text:
            inventory, _, recommendation = text.partition(" + ")
            return _pair(market, (inventory.strip(), recommendation.strip()), place)
        if rule in INVENTORY_RULES:
            return _pair(market, (text, ALONE["recommendation"]), place)
        if rule in RECOMMENDATION_RULES:
            return _pair(market, (ALONE["inventory"], text), place)
    path = Path(given)
    if path.suffix == ".parquet":
        return tabled_policy(market, read_policy(market, str(path)))
    if is_onnx(path):
        return _playable(market, OnnxPolicy(path), place)
    if path.is_dir():
        return load_bundle(path, market)
    if text in METHODS or text in ("learned-silo",):
        raise InputError(place, f"'{text}' has to be trained first", f"give train(market).policy, or compare '{text}'")
    names = [*RULE_POLICIES, DUAL_PRICE, *INVENTORY_RULES, *RECOMMENDATION_RULES]
    if rule in names:
        raise InputError(place, f"{rule} is a whole policy and takes no settings", f"give {rule} alone")
    near = difflib.get_close_matches(rule, names, 1)
    raise InputError(
        place,
        f"'{text}' names no policy" if isinstance(given, str) else f"there is nothing at {text}",
        f"did you mean '{near[0]}'?" if near else f"give the folder of a bundle, or one of {', '.join(names)}",
    )


def _pair(market: Market, pair: tuple[Any, ...], place: str) -> Policy:
    if len(pair) != 2:
        raise InputError(place, f"has {len(pair)} parts", "give two: inventory and recommendation")
    standing = reference(market)
    inventory, recommendation = pair
    if isinstance(recommendation, str):
        recommendation = recommendation_rule(market, recommendation, standing=standing, place=place)
    if isinstance(inventory, str):
        shown = not isinstance(recommendation, NoExposure)
        inventory = inventory_rule(market, inventory, standing=standing, place=place, shown=shown)
    for name, part in (("inventory", inventory), ("recommendation", recommendation)):
        if not isinstance(part, Department):
            raise InputError(place, f"{name} is a {type(part).__name__}", "give a Department or a rule's text")
    return _playable(market, JointPolicy(inventory, recommendation), place)


def _playable(market: Market, policy: Policy, place: str) -> Policy:
    """The policy as the simulator can play it: a user's is asked, without being played, what it returns."""
    if isinstance(policy, JaxPolicy | HostPolicy):
        return policy
    for part in (policy.inventory, policy.recommendation) if isinstance(policy, JointPolicy) else ():
        standing = getattr(part, "standing", None)
        if isinstance(standing, Reference) and len(standing.lift) != market.products:
            problem = f"was made for a market of {len(standing.lift)} products, and this one has {market.products}"
            raise InputError(place, problem, "make or train it for this one")
    if is_own(policy):
        return policy
    answers: list[object] = []

    def asked(market: Market, state: State, key: Key[Array, ""]) -> object:
        answers.append(policy(market, state, key))
        return answers[-1]

    try:
        shapes = eqx.filter_eval_shape(asked, market, initial_state(market), jax.random.key(0))
    except Exception as error:
        return _on_host(market, policy, place, error)
    if isinstance(answers[-1], Decision) and any(
        not isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(answers[-1])
    ):
        # What is not JAX's was computed outside of JAX: compiled, it would be the same in every period.
        return _on_host(market, policy, place, None)
    check_shapes(market, shapes, place)
    return JaxPolicy(_hashable(policy), place)


def _on_host(market: Market, policy: Policy, place: str, traced: Exception | None) -> Policy:
    """The policy called in Python, if it decides there; else the error that it met first."""
    host = InPython(policy, market, place)
    try:
        host(initial_state(market), np.zeros(2, np.uint32))
    except InputError:
        raise
    except Exception as error:
        raise (error if traced is None or isinstance(traced, jax.errors.JAXTypeError) else traced) from None
    _logger.info("%s decides in NumPy: it is called in Python, period by period", place)
    return HostPolicy(host, place)


def _hashable(policy: Policy) -> Policy:
    """The policy, or a function around it: compiled programs are kept by what they are made of."""
    if not jax.tree_util.all_leaves([policy]):
        return policy
    try:
        hash(policy)
    except TypeError:
        return lambda market, state, key: policy(market, state, key)
    return policy
