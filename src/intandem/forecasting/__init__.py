"""Demand of products in periods to come: quantiles, sample paths, and how right they were in periods past.

Knows a firm's tables and no market. What is ordered or shown because of it is not here.
"""

from intandem.forecasting.backtest import backtest_forecasts as backtest_forecasts
from intandem.forecasting.count_model import CountModel as CountModel
from intandem.forecasting.count_model import fit_count_model as fit_count_model
from intandem.forecasting.filtering import Dynamics as Dynamics
from intandem.forecasting.forecast import Forecast as Forecast
from intandem.forecasting.forecast import forecast as forecast
from intandem.forecasting.outlook import outlook_of as outlook_of
from intandem.forecasting.outlook import with_forecast as with_forecast
from intandem.forecasting.paths import SamplePaths as SamplePaths
from intandem.forecasting.series import DemandSeries as DemandSeries
from intandem.forecasting.series import series_of as series_of
