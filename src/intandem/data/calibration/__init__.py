"""From tables to a market: choice, exposure effect, carry-over, visits and seasons, fitted and judged on held-out weeks.

How tables come in is `tables` and `sources`.
"""

from intandem.data.calibration.calibrate import Calibration as Calibration
from intandem.data.calibration.calibrate import calibrate as calibrate
