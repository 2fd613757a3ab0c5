"""One period, exactly: orders, exposures and the price of a slot that maximise profit together."""

from intandem.theory.cross_product.joint import JointOptimum as JointOptimum
from intandem.theory.cross_product.joint import joint_optimum as joint_optimum
