"""T3 and T4: what exact policies do over time, from their stationary distributions."""

from __future__ import annotations

import numpy as np

from intandem.theory.insights.assumptions import broken_assumptions
from intandem.theory.insights.finding import Finding, nothing_to_test
from intandem.theory.intertemporal import Regime, Solution
from intandem.theory.intertemporal.chain import Chain, chain_of

ROUNDING = 1e-6

LEAST_ORDER_DEVIATION = 0.1
"""Standard deviation, units, below which a product's orders count as pinned (at a cap, as a rule)."""

LEAST_EXPOSURE_DEVIATION = 0.02
"""Standard deviation below which a product's exposure, per visitor of all rows, counts as never moving."""


def check_demand_smoothing(solution: Solution, rival: Regime = "silo") -> Finding:
    """T3, demand smoothing: against the silo a lower or equal share lost, and exposure that goes with stock.

    The statistic is the share lost by the silo less that lost by the joint optimum; the second part is the
    correlation of exposure with own stock, averaged over the products whose exposure varies, in `detail`. Both must be
    at least 0. Two comparisons (one where no exposure varies).

    **Arguments:** `solution`: with both regimes in it. `rival`: the silo to compare with, plain or filtered.

    **Raises:** `InputError` if the chain of states has too many moves.

    ```python
    >>> from intandem.market import example_market
    >>> from intandem.theory.intertemporal import solve
    >>> found = check_demand_smoothing(solve(example_market("two-products-capped"), ("joint", "silo")))
    >>> found.holds, found.violations, found.n, round(found.statistic, 3)
    (True, 0, 2, 0.231)

    ```
    """
    joint, apart = (chain_of(solution, solution.regimes[name].policy) for name in ("joint", rival))
    smoother = apart.lost_share - joint.lost_share
    going_with_stock = _stock_correlation(joint)
    wrong = int(smoother < -ROUNDING) + int(going_with_stock < -ROUNDING)
    compared = 1 + int(np.isfinite(going_with_stock))
    moves = compared > 1
    detail = f"share lost {joint.lost_share:.4f} jointly, {apart.lost_share:.4f} by the {rival}; " + (
        f"correlation of exposure with stock {going_with_stock:.3f}" if moves else "no exposure varies"
    )
    broken = broken_assumptions(solution.market, "T3")
    return Finding("T3", wrong == 0, smoother, wrong, compared, None, broken, detail)


def check_orders_lead_exposures(solution: Solution) -> Finding:
    """T4, orders lead exposures: they go together most at a lag of at least the lead time.

    The statistic is the largest correlation of a product's orders with its exposures `k` periods later, over
    `lead_time <= k <= 2 lead_time + 2`, minus the largest over shorter lags; averaged over the products of which both
    vary. It should be positive. A violation is such a product with a negative difference.

    **Arguments:** `solution`: with the joint optimum in it.

    **Raises:** `InputError` if the chain of states has too many moves.

    One of the two products is ordered at its cap nearly always, and says nothing:

    ```python
    >>> from intandem.market import example_market
    >>> from intandem.theory.intertemporal import solve
    >>> found = check_orders_lead_exposures(solve(example_market("two-products-capped"), ("joint",)))
    >>> found.holds, found.n, found.detail
    (True, 1, 'by product: -, +0.042')

    ```
    """
    chain = chain_of(solution, solution.regimes["joint"].policy)
    leads = np.asarray(solution.market.lead_time)
    market = solution.market
    visitors = float((np.asarray(market.population, float) * np.asarray(market.visit_probability, float)).sum())
    found = np.where(_orders_and_exposures_vary(chain, visitors), _lead_of_orders(chain, leads), np.nan)
    broken = broken_assumptions(solution.market, "T4")
    if not np.isfinite(found).any():
        return nothing_to_test("T4", "no product with a lead time has orders and exposures that vary", broken)
    kept = found[np.isfinite(found)]
    mean = float(kept.mean())
    detail = "by product: " + ", ".join("-" if np.isnan(one) else f"{one:+.3f}" for one in found)
    return Finding("T4", mean > 0, mean, int((kept <= 0).sum()), len(kept), None, broken, detail)


def _stock_correlation(chain: Chain) -> float:
    """Correlation of exposure with own stock, averaged over the products of which both vary; `nan` if none does."""
    found = chain.lagged_correlations(chain.on_hand, chain.exposures, 1)[0]
    return float(np.nanmean(found)) if np.isfinite(found).any() else float("nan")


def _orders_and_exposures_vary(chain: Chain, visitors: float) -> np.ndarray:
    """Whether a product's orders and exposures move enough for a correlation to say something."""
    deviations = [
        np.sqrt(np.maximum(chain.lagged_covariances(one, one, 1)[0], 0)) for one in (chain.orders, chain.exposures)
    ]
    return np.asarray((deviations[0] >= LEAST_ORDER_DEVIATION) & (deviations[1] >= LEAST_EXPOSURE_DEVIATION * visitors))


def _lead_of_orders(chain: Chain, lead_times: np.ndarray) -> np.ndarray:
    """T4's difference by product; `nan` without a lead time or where orders or exposures never vary."""
    lags = 2 * int(lead_times.max(initial=0)) + 3
    correlations = chain.lagged_correlations(chain.orders, chain.exposures, lags)
    return lead_difference(correlations, lead_times)


def lead_difference(correlations: np.ndarray, lead_times: np.ndarray) -> np.ndarray:
    """Largest correlation at lags `lead_time .. 2 lead_time + 2` minus the largest at shorter lags, by product.

    **Arguments:** `correlations`: `lags products`, from lag 0.

    ```python
    >>> lead_difference(np.array([[0.1], [0.4], [0.2], [0.0], [0.0]]), np.array([1])).round(3)
    array([0.3])

    ```
    """
    found = np.full(len(lead_times), np.nan)
    for j, lead in enumerate(lead_times.tolist()):
        own = correlations[: 2 * lead + 3, j]
        if lead >= 1 and np.isfinite(own).all():
            found[j] = own[lead:].max() - own[:lead].max()
    return found
