"""The demonstration's assumptions do to a market what they say."""

from __future__ import annotations

import numpy as np

from intandem.app.assumptions import variations, with_effect, with_margin
from intandem.app.demonstration import ALLOTMENT, with_allotment
from intandem.market import base_demand, family_market


def test_every_other_product_in_order_of_sales_is_allotted():
    market = family_market("free-supply", 7, 9, 0)
    scarce = np.asarray(with_allotment(market).max_order)
    demand = np.asarray(base_demand(market))
    in_order = scarce[np.argsort(-demand)]
    assert np.isfinite(in_order[::2]).all()
    assert np.isinf(in_order[1::2]).all()
    capped = np.isfinite(scarce)
    np.testing.assert_array_equal(scarce[capped], np.maximum(1, np.floor(ALLOTMENT * demand[capped])))


def test_margins_scale_and_costs_follow():
    market = family_market("free-supply", 4, 5, 0)
    thinner = with_margin(market, 0.5)
    np.testing.assert_allclose(thinner.price - thinner.unit_cost, 0.5 * (market.price - market.unit_cost), rtol=1e-5)
    np.testing.assert_allclose(thinner.salvage, thinner.unit_cost)
    np.testing.assert_allclose(thinner.holding_cost / thinner.unit_cost, market.holding_cost / market.unit_cost)


def test_variations_change_one_thing_each():
    free = family_market("free-supply", 4, 5, 0)
    market = with_allotment(free)
    changed = {"No cap on orders": free} | variations(market)
    assert (np.asarray(with_effect(market, 0.8).exposure_effect) == np.float32(0.8)).all()
    for label, other in changed.items():
        different = [
            name
            for name in ("price", "unit_cost", "max_order", "exposure_effect", "base_utility", "lead_time")
            if not np.array_equal(getattr(other, name), getattr(market, name))
        ]
        assert len(different) == 1, label
