"""Files and the page: whole or not at all, and saying what the frames say."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from intandem.departments import policy_of_rules
from intandem.errors import InputError
from intandem.operation import Decisions, decide
from intandem.operation.page import page
from intandem.operation.reasons import REASONS
from intandem.operation.words import KINDS, about, answer, cash, to_do
from intandem.operation.writing import CONTENTS, write_decisions, write_table
from operation.firms import market_of, play, tables_of


@pytest.fixture(scope="module")
def found() -> Decisions:
    market = market_of(3, backordered=False, several=False)
    tables = tables_of(market, play(market, 3))
    named = tables.products.with_columns(name=pl.lit("Tea & <milk> ") + pl.col("product_id"))
    late = pl.DataFrame({"product": [0], "quantity": [4.0], "period": [25]}, schema=tables.open_orders.schema)
    below = tables.stock.with_columns(on_hand=pl.when(pl.col("product") < 2).then(-1.0).otherwise("on_hand"))
    tables = dataclasses.replace(tables, products=named, open_orders=late, stock=below)
    return decide(policy_of_rules(market, "base-stock", "uplift:filter=in-stock"), tables, market=market)


def test_all_files_hold_what_the_frames_hold(found: Decisions, tmp_path: Path) -> None:
    folder = write_decisions(found, tmp_path / "today", ("csv", "parquet", "json"))
    assert {path.name for path in folder.iterdir()} == set(CONTENTS)
    assert_frame_equal(pl.read_parquet(folder / "orders.parquet"), found.orders)
    orders = pl.read_csv(folder / "orders.csv")
    assert orders.select(REASONS.keys()).sum_horizontal().to_list() == found.orders["quantity"].to_list()
    shown = json.loads((folder / "recommendations.json").read_text())
    assert [row["product_id"] for row in shown] == found.recommendations["product_id"].to_list()
    # A second day takes the place of the first as a whole.
    write_decisions(found, tmp_path / "today")
    assert not (folder / "orders.parquet").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["today"]


def test_other_peoples_folders_and_endings_are_refused(found: Decisions, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(InputError, match=r"thesis\.tex"):
        write_decisions(found, tmp_path)
    with pytest.raises(InputError, match=r"neither \.csv, \.parquet nor \.json"):
        write_table(found.orders, tmp_path / "orders.xlsx")
    assert write_table(found.orders, tmp_path / "orders.json").exists()


def test_the_page_opens_with_what_to_do(found: Decisions) -> None:
    drawn = page(found, currency="€")
    headings = re.findall(r"<h2>(.*?)</h2>", drawn)
    wanted = ["What to order today", "What to push", "What to spare", "What needs a look"]
    assert [one for one in headings if one in wanted] == wanted
    assert answer(found, "€") in drawn
    assert re.match(r"Order \d of 6 products today, for €[\d.,]+\.$", answer(found, "€"))
    assert "Tea &amp; &lt;milk&gt; p" in drawn
    assert "<milk>" not in drawn.split('<script type="application/json"')[0]
    for flag in set(found.flags["flag"]):
        assert f"<h3>{KINDS[flag][0]}" in drawn
    told = to_do(found)
    assert told[-1].startswith("Look at the flags: overdue deliveries (1), counts below zero (2)")


def test_every_order_on_the_page_adds_up(found: Decisions) -> None:
    drawn = page(found)
    table = drawn.split("Why these quantities")[1].split("</table>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", table.split("<tbody>")[1])
    assert len(rows) == found.placed.height
    for row in rows:
        cells = [re.sub(r"<.*?>", "", cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)][1:]
        numbers = [cell.replace("·", "0").replace("− ", "-").replace("+ ", "").replace("= ", "") for cell in cells]
        *parts, total = map(float, numbers)
        assert sum(parts) == total


def test_money_below_zero_has_its_sign_before_the_currency(found: Decisions) -> None:
    assert [cash(one, "$") for one in (-0.13, -1234.5, -0.001, 7.0)] == ["−$0.13", "−$1,234", "$0.00", "$7.00"]
    losing = dataclasses.replace(found, recommendations=found.recommendations.with_columns(score=-0.13, margin=-2.0))
    drawn = page(losing, currency="$")
    assert ">−$0.130<" in drawn
    assert ">−$2.00<" in drawn
    assert "$-" not in drawn.split('<script type="application/json"')[0]


def test_ids_stand_beside_names_only_where_two_products_share_one(found: Decisions) -> None:
    names = pl.Series(["Tea", "Tea", "Milk", "Rice", None, "Salt"], dtype=pl.String)
    products = found.today.tables.products.with_columns(name=names)
    tables = dataclasses.replace(found.today.tables, products=products)
    policy = policy_of_rules(found.today.market, "base-stock", "uplift")
    decided = decide(policy, tables, market=found.today.market, minimum_cover=500.0)
    drawn = page(decided).split('<script type="application/json"')[0]
    assert set(re.findall(r"\bp\d\b", re.sub(r"\w+ \((p\d)\)", "", drawn))) == {"p5"}
    assert set(re.findall(r"(\w+ \(p\d\))", drawn)) == {"Tea (p1)", "Tea (p2)"}
    assert about("4 of 4 are 9 weeks of its demand.", "4", {"4": "Milk"}) == "4 of Milk are 9 weeks of its demand."
    assert "Milk lasts" in drawn


def test_a_page_of_nothing_says_so() -> None:
    market = market_of(3, backordered=False, several=False)
    tables = tables_of(market, play(market, 3))
    full = dataclasses.replace(tables, stock=tables.stock.with_columns(on_hand=pl.lit(500.0)))
    found = decide(policy_of_rules(market, "base-stock", "none"), full, market=market)
    drawn = page(found)
    assert "Order nothing today: all 6 products have enough." in drawn
    assert "Nothing is shown to anybody." in drawn
    assert found.short.height == 8
