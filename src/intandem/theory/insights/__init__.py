"""The statements C1 to C4 and T1 to T4, each tested in a market by a function that returns a `Finding`."""

from __future__ import annotations

from intandem.theory.insights.dynamics import check_demand_smoothing, check_orders_lead_exposures
from intandem.theory.insights.finding import STATEMENTS, Finding, Findings
from intandem.theory.insights.gather import CHECKS, insights
from intandem.theory.insights.one_period import (
    check_coordination_pays,
    check_coordination_pays_over_time,
    check_orders_follow_recommendation,
    check_recommendation_follows_stock,
)
from intandem.theory.insights.priority import check_priority
from intandem.theory.insights.responses import (
    check_adaptive_ordering,
    check_adaptive_ordering_jointly,
    check_stock_led_promotion,
)

__all__ = [
    "CHECKS",
    "STATEMENTS",
    "Finding",
    "Findings",
    "check_adaptive_ordering",
    "check_adaptive_ordering_jointly",
    "check_coordination_pays",
    "check_coordination_pays_over_time",
    "check_demand_smoothing",
    "check_orders_follow_recommendation",
    "check_orders_lead_exposures",
    "check_priority",
    "check_recommendation_follows_stock",
    "check_stock_led_promotion",
    "insights",
]
