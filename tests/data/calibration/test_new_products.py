"""What is guessed of products that nobody bought: from their category and price, and within which interval."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from data.field_cases import Field, check
from intandem.data.calibration.new_products import guessed_levels
from intandem.data.tables.tables import Tables


def tables_with(field: Field, category: list[str | None], department: list[str | None], price: list[float]) -> Tables:
    """Tables of as many products as there are prices."""
    columns = {"category": category, "department": department, "price": price}
    tables = check(field()).tables
    rows = pl.DataFrame(columns, schema={"category": pl.String, "department": pl.String, "price": pl.Float64})
    return replace(tables, products=rows)


def test_the_category_decides_and_then_the_department(field: Field) -> None:
    tables = tables_with(
        field, ["tea", "tea", "tea", "bread", "cake", None], ["hot", "hot", "hot", "dry", "dry", "dry"], [4.0] * 6
    )
    level = np.array([-1.0, -2.0, -9.0, -4.0, -9.0, -9.0])
    known = np.array([True, True, False, True, False, False])
    guess, doubt = guessed_levels(level, known, tables)
    assert guess[2] == pytest.approx(-1.5)
    assert guess[4] == pytest.approx(-4.0)
    assert guess[5] == pytest.approx(-4.0)
    # Each known product is guessed without itself: the teas from each other, bread from the teas.
    np.testing.assert_allclose(guess[[0, 1, 3]], [-2.0, -1.0, -1.5])
    assert doubt == pytest.approx(np.sqrt((1 + 1 + 2.5**2 + 2) / 5))


def test_what_is_dear_sells_less_where_the_others_say_so(field: Field) -> None:
    price = np.exp(np.linspace(-2, 2, 20))
    tables = tables_with(field, ["wine"] * 20, [None] * 20, price.tolist())
    level = -3.0 - 1.5 * np.log(price)
    known = np.arange(20) % 10 != 9
    guess, doubt = guessed_levels(np.where(known, level, -20.0), known, tables)
    np.testing.assert_allclose(guess[~known], level[~known], atol=0.3)
    assert doubt < 0.5
    # One product alone says little, and the doubt is as wide as what is assumed.
    guess, doubt = guessed_levels(level, np.arange(20) == 4, tables)
    assert doubt == pytest.approx(1.0)
    np.testing.assert_allclose(guess[5:], level[4])
