"""From a firm's tables, or a public dataset's, to a market. Nothing here knows who decides in it.

Rooms: `tables` (what a firm brings), `sources` (what can be had here), `calibration` (the fit).
"""

from intandem.data.sources import FetchResult as FetchResult
from intandem.data.sources import data_folder as data_folder
from intandem.data.sources import load_complete_journey as load_complete_journey
from intandem.data.sources import load_ta_feng as load_ta_feng
from intandem.data.tables import Tables as Tables
from intandem.data.tables import ValidationReport as ValidationReport
from intandem.data.tables import build_tables as build_tables
from intandem.data.tables import validate_folder as validate_folder
