"""From a firm's tables, or a public dataset's, to a market."""

from intandem.data.complete_journey import load_complete_journey
from intandem.data.fetch import FetchResult, data_folder
from intandem.data.ta_feng import load_ta_feng
from intandem.data.tables import Tables, build_tables
from intandem.data.validate import ValidationReport, validate_folder

__all__ = [
    "FetchResult",
    "Tables",
    "ValidationReport",
    "build_tables",
    "data_folder",
    "load_complete_journey",
    "load_ta_feng",
    "validate_folder",
]
