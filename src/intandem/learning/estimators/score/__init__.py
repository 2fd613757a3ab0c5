"""The score estimator: model-free clipped policy gradients. It needs samples, and no gradient of the market.

After Jiang, Han, Peng and Zhang (arXiv 2510.04272) and proximal policy optimisation (Schulman et al. 2017): markets are
played with decisions drawn around what the departments would decide; a centralised critic says what each turned out to
be worth; every department then raises the likelihood of what was worth more than expected, each on its own parts of
what was drawn and within its own trust region.
"""

from intandem.learning.estimators.score.estimator import gather as gather
from intandem.learning.estimators.score.estimator import gradient as gradient
from intandem.learning.estimators.score.estimator import limits as limits
from intandem.learning.estimators.score.estimator import measured as measured
from intandem.learning.estimators.score.estimator import paced as paced
from intandem.learning.estimators.score.estimator import passes as passes
from intandem.learning.estimators.score.estimator import periods_per_update as periods_per_update
from intandem.learning.estimators.score.estimator import sizes as sizes
from intandem.learning.estimators.score.estimator import start as start
from intandem.learning.estimators.score.estimator import weights as weights
