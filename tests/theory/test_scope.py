"""Markets beyond the exact theory: refused in one line, left out of the bounds with a reason, bounded all the same."""

from __future__ import annotations

import numpy as np
import pytest

from intandem.departments import policy_of_rules
from intandem.errors import InputError
from intandem.evaluation.simulation import simulate
from intandem.market import Market, build_market
from intandem.theory.bounds import BOUNDS, bounds, fluid_bound, newsvendor_bound
from intandem.theory.cross_product.one_period import one_period
from intandem.theory.dual_price import dual_price_policy
from intandem.theory.insights.gather import CHECKS
from intandem.theory.intertemporal import solve


@pytest.fixture(scope="module")
def market() -> Market:
    """Two products, of which one is bought by the half-dozen, ten people, a cap in units."""
    products = {
        "price": [10.0, 3.0],
        "unit_cost": [6.0, 2.0],
        "holding_cost": [0.3, 0.05],
        "max_order": [np.nan, 24.0],
        "order_multiple": [1.0, 12.0],
        "units_per_purchase": [1.0, 6.2],
        "initial_stock": [8.0, 36.0],
    }
    return build_market(products, [[-1.0, -0.5]], [[1.2, 1.0]], population=[10], name="bakery")


def test_exact_solutions_refuse_purchases_of_several_units(market: Market) -> None:
    for refused in (solve, one_period, newsvendor_bound, CHECKS["C2"], CHECKS["T1"]):
        with pytest.raises(InputError, match=r"bakery: products: units_per_purchase: is 6\.2 for 'p2'"):
            refused(market)


def test_choices_within_categories_are_refused_and_bounded_as_if_independent(market: Market) -> None:
    fields = {"price": [8.0] * 3, "unit_cost": [5.0] * 3, "holding_cost": [0.2] * 3}
    utility, effect = [[-0.2, 0.1, -1.0]], [[1.0, 0.5, 1.5]]
    within = build_market(
        fields | {"category": ["tea", "tea", "jam"]}, utility, effect, population=[9], choice="multinomial", name="shop"
    )
    for refused in (solve, one_period):
        with pytest.raises(InputError, match="shop: products: category: has choices within several categories"):
            refused(within)
    apart = fluid_bound(build_market(fields, utility, effect, population=[9]))
    found = bounds(within)
    assert set(found.values) == {"fluid", "newsvendor"}
    assert found.values["fluid"] == pytest.approx(apart.value, rel=1e-6)
    played = simulate(within, policy_of_rules(within, "base-stock", "uplift"), periods=300, runs=8)
    assert played.profit < found.best


def test_bounds_say_which_do_not_apply_and_the_fluid_bound_holds(market: Market) -> None:
    found = bounds(market)
    assert set(found.values) == {"fluid"}
    assert set(found.skipped) == {name for name in BOUNDS if name not in ("fluid", "lagrangian_on_levels")}
    assert "purchases of several units" in found.skipped["newsvendor"]
    silo = simulate(market, policy_of_rules(market, "base-stock", "uplift"), periods=300, runs=8)
    # In units: counted in purchases the bound would be a fifth of it, and the rules would order for a fifth.
    assert 0.7 * found.best < silo.profit < found.best


@pytest.mark.slow
def test_dual_prices_count_in_units(market: Market) -> None:
    limit = fluid_bound(market).value
    played = simulate(market, dual_price_policy(market, rounds=0), periods=300, runs=8)
    assert 0.7 * limit < played.profit < limit + 3 * played.profit_se
