"""One self-contained page about a comparison: the answer first, then what it rests on."""

from intandem.evaluation.report.content import Report as Report
from intandem.evaluation.report.content import Scenario as Scenario
from intandem.evaluation.report.content import report_of as report_of
from intandem.evaluation.report.page import write_report as write_report
