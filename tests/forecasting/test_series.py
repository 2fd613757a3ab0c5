"""Demand laid out from frames and tables."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import polars as pl
import pytest

from intandem.data.tables import validate_folder
from intandem.errors import InputError
from intandem.forecasting import series_of


def test_a_row_that_is_missing_is_no_sale_and_an_empty_one_is_not_known() -> None:
    series = series_of({"unique_id": ["a", "a", "b", "b"], "ds": [0, 3, 1, 2], "y": [2, 4, 1, None]})
    assert series.counts.T.tolist() == [[2, 0, 0, 4], [0, 1, 0, 0]]
    # Before its first sale a product was not on sale.
    assert series.seen.T.tolist() == [[True] * 4, [False, True, False, True]]
    # What never sold was there for nothing.
    assert series_of({"unique_id": ["a", "a"], "ds": [0, 1], "y": [0, 0]}).seen.all()


def test_days_weeks_and_pandas() -> None:
    weekly = pd.DataFrame({"unique_id": "a", "ds": pd.date_range("2024-01-01", periods=3, freq="7D"), "y": [1, 2, 3]})
    series = series_of(weekly)
    assert (series.period_name, series.ds[0], series.ahead(1)) == ("week", date(2024, 1, 1), (date(2024, 1, 22),))
    daily = series_of(pl.DataFrame({"unique_id": "a", "ds": ["2024-01-01", "2024-01-03"], "y": [1, 2]}))
    assert (daily.period_name, daily.periods) == ("day", 3)


@pytest.mark.parametrize(
    ("frame", "match"),
    [
        ({"unique_id": ["a"], "ds": [1]}, "no column y"),
        ({"unique_id": ["a", "a"], "ds": [1, 1], "y": [1, 1]}, "two rows"),
        ({"unique_id": ["a"], "ds": [1], "y": [-1]}, "below 0"),
        ({"unique_id": ["a"], "ds": [1.5], "y": [1]}, "whole numbers"),
    ],
)
def test_what_is_wrong_is_said(frame: dict, match: str) -> None:
    with pytest.raises(InputError, match=match):
        series_of(frame)


def test_tables_tell_what_was_sold_out_offered_and_shown() -> None:
    tables = validate_folder(
        transactions={
            "customer_id": ["ann", "bob", "ann", "bob"],
            "product_id": ["tea", "tea", "milk", "tea"],
            "period": [0, 1, 2, 2],
            "quantity": [3, 1, 2, 2],
            "price": [4.0, 2.0, 1.0, 4.0],
        },
        products={"product_id": ["tea", "milk"], "regular_price": [4.0, 1.0], "category": ["drink", "dairy"]},
        exposures={"customer_id": ["bob"], "product_id": ["tea"], "period": [1], "kind": ["mailer"]},
        stock={"product_id": ["tea", "tea", "milk"], "period": [0, 2, 2], "on_hand": [9, 0, 5]},
    ).tables
    series = series_of(tables)
    assert series.counts.tolist() == [[3, 0], [1, 0], [2, 2]]
    # Nothing was left at the beginning of period 2: period 1 ended sold out.
    assert series.sold_out.T.tolist() == [[False, True, True], [False] * 3]
    np.testing.assert_allclose(series.drivers["price"][:, 0], [0, np.log(0.5), 0])
    assert series.drivers["exposure mailer"][:, 0].tolist() == [0, 1, 0]
    assert series.drivers["intention"][:, 0].tolist() == [0, 0, 0.5]
    assert (series.groups.tolist(), series.names) == ([1, 0], ("tea", "milk"))
