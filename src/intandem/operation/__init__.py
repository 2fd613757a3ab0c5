"""Today: a firm's state from its tables, orders and recommendations with reasons. Nothing is fitted or trained here."""

from intandem.operation.decisions import Decisions as Decisions
from intandem.operation.decisions import decide as decide
from intandem.operation.today import Today as Today
from intandem.operation.today import today_of as today_of
