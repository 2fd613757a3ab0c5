"""Upper bounds on what any policy can earn, for markets of any size; proofs in `docs/explanation/bounds.md`."""

from intandem.theory.bounds.batches import batch_bound
from intandem.theory.bounds.clairvoyant import Clairvoyant, clairvoyant_bound
from intandem.theory.bounds.gather import (
    BOUNDS,
    LEVELS_ONLY,
    Bounds,
    bounds,
    fluid_bound,
    habit_bound,
    newsvendor_bound,
)
from intandem.theory.bounds.lagrangian import Lagrangian, lagrangian_bound
from intandem.theory.bounds.program import FluidSolution

__all__ = [
    "BOUNDS",
    "LEVELS_ONLY",
    "Bounds",
    "Clairvoyant",
    "FluidSolution",
    "Lagrangian",
    "batch_bound",
    "bounds",
    "clairvoyant_bound",
    "fluid_bound",
    "habit_bound",
    "lagrangian_bound",
    "newsvendor_bound",
]
