"""The market as tables."""

from __future__ import annotations

import numpy as np

from intandem.market import build_market, family_market
from intandem.market.model import PRODUCT_FIELDS
from intandem.market.rules.keys import PRODUCT_TEXTS, TABLES


def test_the_frames_have_the_columns_of_a_market_file() -> None:
    market = family_market("seasonal", 4, 3, 0, candidates=2)
    columns = ("product_id", *PRODUCT_TEXTS, *PRODUCT_FIELDS)
    assert columns == tuple(TABLES["products"]) == tuple(market.to_frame().columns)
    for table in ("customers", "pairs", "season"):
        assert market.to_frame(table).columns == list(TABLES[table])
    assert market.to_frame("season").height == 52 * 4


def test_pairs_are_listed_without_the_empty_places() -> None:
    candidates = np.array([[2, 0], [1, 3]])
    effect = np.array([[0.1, 0.2], [0.3, 9.0]])
    prices = dict.fromkeys(("price", "unit_cost", "holding_cost"), np.ones(3))
    market = build_market(prices, np.zeros((2, 2)), effect, candidates=candidates)
    listed = market.to_frame("pairs").select("customer_id", "product_id", "exposure_effect").rows()
    assert [(row[0], row[1]) for row in listed] == [("c1", "p3"), ("c1", "p1"), ("c2", "p2")]
    np.testing.assert_allclose([row[2] for row in listed], [0.1, 0.2, 0.3], rtol=1e-6)


def test_what_a_market_does_not_have_is_null_or_no_row() -> None:
    market = build_market(dict.fromkeys(("price", "unit_cost", "holding_cost"), np.ones(3)), *np.zeros((2, 1, 3)))
    assert market.to_frame()["max_order"].null_count() == 3
    assert market.to_frame("season").height == 0
    assert market.to_frame("customers").rows() == [("c1", 1.0, 1.0)]
