"""All statements in one market."""

from __future__ import annotations

from collections.abc import Callable

from intandem.errors import InputError
from intandem.market import Market
from intandem.theory.insights.dynamics import check_demand_smoothing, check_orders_lead_exposures
from intandem.theory.insights.finding import Finding, Findings, nothing_to_test
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
from intandem.theory.intertemporal import Solution, solve

Told = Callable[[str], object]

CHECKS: dict[str, Callable[[Market], Finding]] = {
    "C1": check_orders_follow_recommendation,
    "C2": lambda market: check_recommendation_follows_stock(market)[0],
    "C2-cross": lambda market: check_recommendation_follows_stock(market)[1],
    "C2-with-orders": lambda market: check_recommendation_follows_stock(market, may_order=True)[0],
    "C2-cross-with-orders": lambda market: check_recommendation_follows_stock(market, may_order=True)[1],
    "C3": check_priority,
    "C3-market-noise": lambda market: check_priority(market, "market"),
    "C4": lambda market: check_coordination_pays(market)[0],
    "C4-equality": lambda market: check_coordination_pays(market)[1],
    "C4-over-time": lambda market: check_coordination_pays_over_time(solve(market))[0],
    "C4-equality-over-time": lambda market: check_coordination_pays_over_time(solve(market, ("joint", "silo")))[1],
    "T1": lambda market: check_adaptive_ordering(solve(market, ("joint",))),
    "T1-jointly": lambda market: check_adaptive_ordering_jointly(solve(market, ("joint",))),
    "T1-jointly-everywhere": lambda market: check_adaptive_ordering_jointly(solve(market, ("joint",)), everywhere=True),
    "T2": lambda market: check_stock_led_promotion(solve(market, ("joint",))),
    "T2-everywhere": lambda market: check_stock_led_promotion(solve(market, ("joint",)), everywhere=True),
    "T3": lambda market: check_demand_smoothing(solve(market, ("joint", "silo"))),
    "T4": lambda market: check_orders_lead_exposures(solve(market, ("joint",))),
}
"""Every test of a statement by name; those over time solve the market for themselves."""


def insights(solution: Solution, told: Told | None = None) -> Findings:
    """Every statement in a solved market, by name.

    **Arguments:** `solution`: of all three regimes. `told`: called with the name of each statement as it is tested.

    ```python
    >>> from intandem.market import example_market
    >>> from intandem.theory.intertemporal import solve
    >>> found = insights(solve(example_market("two-products-capped")))
    >>> found["C4"].holds, found["T3"].holds, found["T1"].holds
    (True, True, None)

    ```
    """
    market = solution.market
    found = Findings()
    tests: dict[str, Callable[[], tuple[Finding, ...]]] = {
        "C1": lambda: (check_orders_follow_recommendation(market),),
        "C2": lambda: check_recommendation_follows_stock(market),
        "C3": lambda: (check_priority(market),),
        "C4": lambda: check_coordination_pays(market),
        "C4-over-time": lambda: check_coordination_pays_over_time(solution)[:1],
        "T1": lambda: (check_adaptive_ordering(solution), check_adaptive_ordering_jointly(solution)),
        "T2": lambda: (check_stock_led_promotion(solution),),
        "T3": lambda: (check_demand_smoothing(solution),),
        "T4": lambda: (check_orders_lead_exposures(solution),),
    }
    for name, test in tests.items():
        if told is not None:
            told(name)
        try:
            tested = test()
        except InputError as refusal:
            # One statement that cannot be tested here must not hide the others.
            tested = (nothing_to_test(name, refusal.problem),)
        for one in tested:
            found[name if len(tested) == 1 else one.name] = one
    return found
