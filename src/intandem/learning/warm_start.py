"""Training that begins with what was trained before: the weights of a policy in the departments of a new run."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax

from intandem.departments import JointPolicy
from intandem.departments.department import Department, LearningDepartment
from intandem.errors import InputError


def width_of(policy: JointPolicy) -> int:
    """Units of each hidden layer of a trained policy.

    **Raises:** `InputError` if the policy has no weights.
    """
    return int(_network(policy.inventory, "inventory").inputs.weight.shape[0])


def with_weights_of(policy: JointPolicy, start: JointPolicy) -> JointPolicy:
    """The policy with the weights of another one. What belongs to a market (its standing figures) stays: weights are
    shared by all products and pairs, so that they fit any market.

    **Raises:** `InputError` if the other policy has no weights, or weights of another size.
    """
    return JointPolicy(
        _given(policy.inventory, start.inventory, "inventory"),
        _given(policy.recommendation, start.recommendation, "recommendation"),
    )


def _given(department: Department[Any], start: Department[Any], name: str) -> Department[Any]:
    own, other = _network(department, name), _network(start, name)
    shapes = [[leaf.shape for leaf in jax.tree.leaves(eqx.filter(one, eqx.is_array))] for one in (own, other)]
    if shapes[0] != shapes[1]:
        width = other.inputs.weight.shape[0]
        problem = f"has {name} weights of another size (its hidden layers have {width} units)"
        raise InputError("the policy to start from", problem, f"train with width {width}")
    return eqx.tree_at(lambda one: one.network, department, other)  # type: ignore[attr-defined]


def _network(department: Department[Any], name: str) -> Any:
    if not isinstance(department, LearningDepartment):
        raise InputError("the policy to start from", f"has no {name} weights", "give one that was trained")
    return department.network  # type: ignore[attr-defined]
