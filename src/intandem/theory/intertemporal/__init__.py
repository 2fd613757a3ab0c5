"""Exact dynamic programs of small markets: the joint optimum, the silos, their policies and their long run."""

from intandem.theory.intertemporal.solution import FIRMS as FIRMS
from intandem.theory.intertemporal.solution import FirmName as FirmName
from intandem.theory.intertemporal.solution import FirmSolution as FirmSolution
from intandem.theory.intertemporal.solution import Solution as Solution
from intandem.theory.intertemporal.solution import silo_exposures as silo_exposures
from intandem.theory.intertemporal.solution import solve as solve
