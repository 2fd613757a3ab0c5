"""Estimators: how the gradient of profit in every weight is found. What moves the weights is in `mtma`."""

from intandem.learning.estimators import pathwise, perturbation, score
from intandem.learning.estimators.estimator import Estimator as Estimator

ESTIMATORS: dict[str, Estimator] = {"perturbation": perturbation, "score": score, "pathwise": pathwise}
"""By the names of `intandem.learning.settings.ESTIMATES`."""
