"""How near training comes to the exact optimum: random markets that are solved, arms, gaps, claims and page."""

from intandem.evaluation.experiments.optimality.study import optimality as optimality
