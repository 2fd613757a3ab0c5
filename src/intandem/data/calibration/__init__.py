"""From tables to a market: choice, exposure effect, carry-over, visits and seasons, judged on held-out weeks.

How tables come in is `intandem.data.tables` and `intandem.data.sources`.
"""

from intandem.data.calibration.calibrate import Calibration as Calibration
from intandem.data.calibration.calibrate import calibrate as calibrate
from intandem.data.calibration.settings import CalibrationSettings as CalibrationSettings
from intandem.data.calibration.settings import MarketSettings as MarketSettings
