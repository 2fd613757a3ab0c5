"""Pairs of customer row and product, each solved by itself at prices of slots and of a unit."""

from intandem.theory.bounds.pairs.pairs import Pairs, Worths, pairs_of
from intandem.theory.bounds.pairs.treatment import Ways, best_ways, most_earned

__all__ = ["Pairs", "Ways", "Worths", "best_ways", "most_earned", "pairs_of"]
