"""Exact dynamic programs of small markets: the joint optimum, the silos, their policies and their long run."""

from intandem.theory.intertemporal.policy_table import PolicyTable as PolicyTable
from intandem.theory.intertemporal.policy_table import read_policy as read_policy
from intandem.theory.intertemporal.policy_table import tabled_policy as tabled_policy
from intandem.theory.intertemporal.solution import REGIMES as REGIMES
from intandem.theory.intertemporal.solution import Regime as Regime
from intandem.theory.intertemporal.solution import RegimeSolution as RegimeSolution
from intandem.theory.intertemporal.solution import Solution as Solution
from intandem.theory.intertemporal.solution import silo_exposures as silo_exposures
from intandem.theory.intertemporal.solution import solve as solve
