"""What a firm brings, read, checked and coded. Public data are in `sources`, what is fitted in `calibration`."""

from intandem.data.tables.checks.report import ValidationReport as ValidationReport
from intandem.data.tables.checks.validate import validate_folder as validate_folder
from intandem.data.tables.tables import Tables as Tables
from intandem.data.tables.tables import build_tables as build_tables
