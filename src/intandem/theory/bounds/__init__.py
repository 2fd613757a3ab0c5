"""Proved upper bounds on what any policy can earn, for markets of any size; proofs in `docs/explanation/bounds.md`."""

from intandem.theory.bounds.clairvoyant import Clairvoyant, clairvoyant_bound
from intandem.theory.bounds.gather import Bounds, bounds, fluid_bound, newsvendor_bound
from intandem.theory.bounds.lagrangian import Lagrangian, lagrangian_bound
from intandem.theory.bounds.program import FluidSolution

__all__ = [
    "Bounds",
    "Clairvoyant",
    "FluidSolution",
    "Lagrangian",
    "bounds",
    "clairvoyant_bound",
    "fluid_bound",
    "lagrangian_bound",
    "newsvendor_bound",
]
