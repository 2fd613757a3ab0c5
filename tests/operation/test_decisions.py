"""Orders whose reasons add up, recommendations in stock and within the slots, rules of the house, push and spare."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

from intandem.data.tables.tables import Tables
from intandem.departments import policy_of_rules
from intandem.errors import InputError
from intandem.market import Decision, Market, check_decision, family_market
from intandem.operation import Decisions, decide
from intandem.operation.house_rules import read_house_rules
from intandem.operation.reasons import REASONS
from intandem.operation.writing import TABLES, write_decisions
from operation.firms import PRODUCTS, WEEKS, market_of, play, tables_of, trained


@pytest.fixture(scope="module")
def market() -> Market:
    return market_of(3, backordered=False, several=False)


@pytest.fixture(scope="module")
def tables(market: Market) -> Tables:
    found = tables_of(market, play(market, 3))
    products = found.products.with_columns(
        name=pl.col("product_id").replace_strict({"p1": "Tea"}, default=None),
        category=pl.Series(["hot", "hot", "cold", "cold", None, None]),
    )
    segments = pl.Series("segment", ["gold", "grey"] * 4)
    return dataclasses.replace(found, products=products, customers=found.customers.with_columns(segments))


@pytest.fixture(scope="module")
def found(market: Market, tables: Tables) -> Decisions:
    return decide(trained(market), tables, market=market)


def test_reasons_add_up_to_every_quantity(found: Decisions) -> None:
    orders = found.orders
    parts = orders.select(REASONS.keys())
    np.testing.assert_array_equal(parts.sum_horizontal().to_numpy(), orders["quantity"].to_numpy())
    assert (parts.to_numpy() == np.rint(parts.to_numpy())).all()
    by_product = {row["product_id"]: row for row in found.as_json()["orders"]}
    assert len(by_product) == PRODUCTS
    for row in by_product.values():
        assert sum(reason["units"] for reason in row["reasons"]) == row["quantity"]
        assert row["packs"] * row["units_per_pack"] == row["quantity"]
        assert row["why"].startswith("nothing: ") == (row["quantity"] == 0)
    state = found.today.state
    for place, product in enumerate(found.today.market.labels.product_ids):
        row = orders.row(by_predicate=pl.col("product_id") == product, named=True)
        assert -row["on_hand"] == float(state.on_hand[place])
        assert -row["arriving"] == float(state.pipeline[:, place].sum())


FAMILIES = ["mixed", "seasonal", "fixed-cost", "capped-supply", "habit"]


@pytest.mark.parametrize(
    ("who", "family"),
    [
        ("trained", "mixed"),
        *(("base-stock", family) for family in FAMILIES),
        *(pytest.param("trained", family, marks=pytest.mark.slow) for family in FAMILIES[1:]),
        *(pytest.param("capped-base-stock", family, marks=pytest.mark.slow) for family in FAMILIES),
    ],
)
def test_reasons_add_up_whatever_the_market_and_the_policy(family: str, who: str, tables: Tables) -> None:
    market = family_market(family, PRODUCTS, 8, 0)
    policy = trained(market, 1) if who == "trained" else policy_of_rules(market, who, "uplift")
    for stock in (0.0, 9.0, 400.0):
        full = tables.stock.with_columns(on_hand=pl.lit(stock))
        found = decide(policy, dataclasses.replace(tables, stock=full), market=market)
        orders = found.orders
        total = orders.select(REASONS.keys()).sum_horizontal()
        np.testing.assert_array_equal(total.to_numpy(), orders["quantity"].to_numpy())
        place = [market.labels.product_ids.index(one) for one in orders["product_id"]]
        ordered = np.zeros(PRODUCTS, np.float32)
        ordered[place] = orders["quantity"].to_numpy()
        check_decision(market, Decision(jnp.asarray(ordered), jnp.zeros(market.base_utility.shape)))
        if who == "base-stock" and family != "fixed-cost":
            assert orders["learned"].abs().sum() == 0
        np.testing.assert_array_equal(ordered, policy(market, found.today.state, jax.random.key(0)).order)


def test_expected_demand_rests_on_what_the_policy_itself_shows(market: Market, tables: Tables) -> None:
    """Shown to nobody, a product is expected to sell what it sells unshown: its cover and what is above its cap too."""
    empty = dataclasses.replace(tables, stock=tables.stock.with_columns(on_hand=pl.lit(0.0)))
    silent, blind = (
        decide(policy_of_rules(market, "base-stock:anticipate=1", who), empty, market=market).orders.sort("product_id")
        for who in ("none", "uplift")
    )
    np.testing.assert_array_equal(silent["quantity"], blind["quantity"])
    assert (silent["planned_exposure"] == 0).all()
    unshown = (silent["base"] + silent["season"] + silent["present_intentions"]).to_numpy()
    horizon = np.asarray(market.lead_time)[np.argsort(market.labels.product_ids)] + 1
    np.testing.assert_allclose(silent["demand_per_period"].to_numpy() * horizon, unshown, atol=1.0)
    more = (blind["planned_exposure"] > 0).to_numpy()
    assert more.any()
    assert (blind["demand_per_period"] > silent["demand_per_period"]).to_numpy()[more].all()
    capped = more & (silent["quantity"] == 12).to_numpy()
    assert (silent["cap"] > blind["cap"]).to_numpy()[capped].any()
    # What the rule orders on top of it, counting on showings that nobody plans, is told apart from demand.
    counted = silent.filter(pl.col("stock_blind_exposure") != 0)
    assert counted.height
    assert counted["why"].str.contains("as if recommendations did not look at stock").any()


def test_orders_are_told_in_packs_days_and_money(found: Decisions) -> None:
    assert found.when == "2024-07-29"
    row = found.placed.row(0, named=True)
    market = found.today.market
    place = market.labels.product_ids.index(row["product_id"])
    assert row["money"] == pytest.approx(row["quantity"] * float(market.unit_cost[place]))
    assert row["order_by"] >= date(2024, 7, 29)
    assert (row["arrives"] - date(2024, 7, 29)).days == 7 * int(market.lead_time[place])
    gained = row["quantity"] / row["demand_per_period"] * 7
    assert row["cover_after_days"] - row["cover_before_days"] <= gained + 1e-6
    assert found.orders["money"].is_sorted(descending=True)
    assert "Tea" in found.orders["name"].to_list()


def test_flags_say_what_to_look_at(market: Market, tables: Tables) -> None:
    empty = dataclasses.replace(tables, stock=tables.stock.with_columns(on_hand=pl.lit(0.0)))
    found = decide(trained(market), empty, market=market, minimum_cover=60.0)
    kinds = set(found.flags["flag"])
    assert {"below_minimum_cover"} <= kinds
    assert found.recommendations.is_empty()
    assert set(found.short["why"].str.extract(r"(\d+) out of stock").cast(pl.Int64, strict=False).is_null()) == {False}
    assert found.short.height == tables.customers.height


def test_recommendations_are_in_stock_and_worth_it(found: Decisions) -> None:
    market, lists = found.today.market, found.recommendations
    stock = dict(zip(market.labels.product_ids, np.asarray(found.today.state.on_hand).tolist(), strict=True))
    assert all(stock[product] > 0 for product in lists["product_id"])
    ranks = lists.group_by("customer_id").agg(pl.col("rank"), pl.col("product_id").n_unique())
    assert all(sorted(rank) == list(range(1, many + 1)) for _, rank, many in ranks.rows())
    full = lists["customer_id"].n_unique() * found.n
    assert full - lists.height == (found.n - found.short.filter(pl.col("shown") > 0)["shown"]).sum()
    money = lists["added_demand"] * (lists["margin"] - lists["worth_of_unit"])
    np.testing.assert_allclose(money.to_numpy(), lists["score"].to_numpy(), rtol=1e-6)
    assert lists.filter(pl.col("source") == "own")["score"].min() > 0


def test_with_a_slate_of_the_markets_size_the_policys_own_slate_is_shown(market: Market, tables: Tables) -> None:
    """Where stock is ample nothing is filtered, and the lists are what the department decides."""
    full = dataclasses.replace(tables, stock=tables.stock.with_columns(on_hand=pl.lit(500.0)))
    policy = trained(market)
    found = decide(policy, full, market=market)
    shown = np.asarray(policy(market, found.today.state, jax.random.key(0)).exposure)
    row, place = np.nonzero(shown)
    product = np.asarray(market.pairs.index())[row, place]
    expected = {
        (market.labels.customer_ids[r], market.labels.product_ids[p]) for r, p in zip(row, product, strict=True)
    }
    own = found.recommendations.filter(pl.col("source") == "own").select("customer_id", "product_id")
    assert set(own.rows()) == expected


Ruled = Callable[..., Decisions]


@pytest.fixture(scope="module")
def ruled(market: Market, tables: Tables) -> Ruled:
    full = dataclasses.replace(tables, stock=tables.stock.with_columns(on_hand=pl.lit(500.0)))

    def with_rules(*rules: dict[str, Any], n: int = 3, changed: Tables = full) -> Decisions:
        return decide(trained(market), changed, market=market, n=n, rules=pl.DataFrame(list(rules)) if rules else None)

    with_rules.tables = full  # type: ignore[attr-defined]
    return with_rules


def test_always_never_and_pin(ruled: Ruled) -> None:
    lists = ruled({"rule": "always", "product_id": "p6"}, {"rule": "never", "product_id": "p1"}).recommendations
    assert set(lists.filter(pl.col("product_id") == "p6")["customer_id"]) == set(lists["customer_id"])
    assert "p1" not in set(lists["product_id"])
    pinned = ruled(
        {"rule": "pin", "product_id": "p6", "segment": "gold", "position": 2},
        {"rule": "pin", "product_id": "p5", "segment": None, "position": 1},
    ).recommendations
    gold = {f"c{i}" for i in (1, 3, 5, 7)}
    at = pinned.filter(pl.col("product_id") == "p6")
    assert set(at.filter(pl.col("source") == "rule")["customer_id"]) == gold
    assert set(at.filter(pl.col("customer_id").is_in(gold))["rank"]) == {2}
    first = pinned.filter(pl.col("rank") == 1)
    assert set(first["product_id"]) == {"p5"}
    assert pinned.group_by("customer_id").agg(pl.col("product_id").n_unique())["product_id"].to_list() == [3] * 8


def test_at_most_so_many_of_a_category(ruled: Ruled) -> None:
    lists = ruled({"rule": "at most", "category": "hot", "most": 0}, {"rule": "at_most", "most": 1}, n=4)
    shown = lists.recommendations
    assert not {"p1", "p2"} & set(shown["product_id"])
    cold = shown.filter(pl.col("product_id").is_in(["p3", "p4"])).group_by("customer_id").len()
    assert cold["len"].max() == 1
    assert "too many of its category" in set(lists.removed["why"])
    assert lists.short["why"].str.contains("too many of its category").any()


def test_stock_has_the_last_word(ruled: Ruled) -> None:
    full = ruled.tables  # type: ignore[attr-defined]
    out = full.stock.with_columns(on_hand=pl.when(pl.col("product") == 5).then(0.0).otherwise("on_hand"))
    found = ruled({"rule": "always", "product_id": "p6"}, changed=dataclasses.replace(full, stock=out))
    assert "p6" not in set(found.recommendations["product_id"])
    gone = found.removed.filter(pl.col("product_id") == "p6")
    assert set(gone["why"]) == {"out of stock"}
    assert gone.height == 8


def test_new_customers_get_the_list_of_their_segment_or_of_all(ruled: Ruled) -> None:
    full = ruled.tables  # type: ignore[attr-defined]
    new = pl.DataFrame(
        {"customer": [8, 9], "customer_id": ["new", "other"], "segment": ["gold", None]},
        schema_overrides={"customer": pl.Int32},
    )
    customers = pl.concat([full.customers, new], how="diagonal")
    lists = ruled(changed=dataclasses.replace(full, customers=customers)).recommendations
    sources = lists.filter(pl.col("customer_id").is_in(["new", "other"])).group_by("customer_id").agg("source", "score")
    told = {row[0]: (row[1], row[2]) for row in sources.rows()}
    assert told["new"][0] == ["segment"] * 3
    assert told["other"][0] == ["overall"] * 3
    assert told["new"][1] == sorted(told["new"][1], reverse=True)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"rule": "nevr", "product_id": "p1"}, "row 1: rule: 'nevr' is not a rule; did you mean 'never'"),
        ({"rule": "always"}, "product_id: is empty, and `always` is about a product"),
        ({"rule": "never"}, "product_id: is empty, and so is category"),
        ({"rule": "never", "category": "hott"}, "category: 'hott' is no category of the products; did you mean 'hot'"),
        ({"rule": "pin", "product_id": "p1"}, "position: is empty, and `pin` needs it"),
        ({"rule": "pin", "product_id": "p1", "position": "0"}, "position: is '0'; give a whole number of 1 or more"),
        ({"rule": "never", "product_id": "p1", "most": "2"}, "most: is given, and `never` has none; leave it out"),
        ({"rule": "never", "product_id": "p1", "segment": "town=Lyon"}, "segment: names 'town', and the customers"),
        ({"rule": "never", "produkt_id": "p1"}, "produkt_id: is not a known column; did you mean 'product_id'"),
        ({"regel": "never"}, "regel: is not a known column"),
    ],
)
def test_rules_that_cannot_be_are_refused(ruled: Ruled, rule: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=rf"rules.csv: .*{message}"):
        ruled(rule)


def test_push_and_spare_follow_stock(ruled: Ruled, market: Market) -> None:
    full = ruled.tables  # type: ignore[attr-defined]
    out = full.stock.with_columns(on_hand=pl.when(pl.col("product") < 2).then(0.0).otherwise("on_hand"))
    found = ruled(changed=dataclasses.replace(full, stock=out), n=2)
    rows = {row["product_id"]: row for row in found.push_and_spare.iter_rows(named=True)}
    spared = {product for product, row in rows.items() if row["action"] == "spare"}
    assert spared
    assert all(rows[product]["difference"] < 0 for product in spared)
    for product in {"p1", "p2"} & set(rows):
        assert rows[product]["planned"] == 0
        assert "sold out" in rows[product]["why"]
    pushed = found.push_and_spare.filter(pl.col("action") == "push")
    assert pushed["why"].str.contains("days of stock").all()


def test_what_cannot_be_decided_is_refused(market: Market, tables: Tables) -> None:
    policy = trained(market)
    with pytest.raises(InputError, match="market: is not given"):
        decide(policy, tables)
    with pytest.raises(InputError, match=r"^n: is 0"):
        decide(policy, tables, market=market, n=0)
    with pytest.raises(InputError, match=r"^day: 'monday' is not a day"):
        decide(policy, tables, market=market, day="monday")
    assert decide(policy, tables, market=market, day="2024-03-11").today.period == 10 < WEEKS


def test_weighed_goods_are_told_in_the_firms_own_unit(market: Market, tables: Tables) -> None:
    """A unit of the market is a gram: counts, open orders, orders and their parts are in kilograms."""
    grams = dataclasses.replace(market, unit_size=jnp.full(PRODUCTS, 0.001, jnp.float32))
    cut = tables.stock.with_columns(on_hand=pl.col("on_hand") / 1000)
    due = tables.open_orders.with_columns(quantity=pl.col("quantity") / 1000)
    weighed = dataclasses.replace(tables, stock=cut, open_orders=due)
    policy = trained(market)
    pieces, kilos = (decide(policy, one, market=world) for one, world in ((tables, market), (weighed, grams)))
    np.testing.assert_array_equal(pieces.today.state.on_hand, kilos.today.state.on_hand)
    keys = ["quantity", "units_per_pack", "plain_rule", "demand_per_period", *REASONS]
    by_product = [found.orders.sort("product_id") for found in (pieces, kilos)]
    for name in keys:
        np.testing.assert_allclose(by_product[1][name].to_numpy(), by_product[0][name].to_numpy() / 1000, atol=1e-6)
    np.testing.assert_allclose(by_product[1]["money"].to_numpy(), by_product[0]["money"].to_numpy())
    lists = kilos.recommendations
    money = lists["added_demand"] * (lists["margin"] - lists["worth_of_unit"])
    np.testing.assert_allclose(money.to_numpy(), lists["score"].to_numpy(), rtol=1e-6)


def test_an_empty_shelf_is_told_and_filling_it_is_nothing_unusual(market: Market, tables: Tables) -> None:
    policy = policy_of_rules(market, "base-stock", "uplift")
    lead = dict(zip(market.labels.product_ids, np.asarray(market.lead_time).tolist(), strict=True))
    flagged = {}
    for units in (0.0, 10_000.0):
        stocked = dataclasses.replace(
            tables, stock=tables.stock.with_columns(on_hand=pl.lit(units)), open_orders=tables.open_orders.clear()
        )
        found = decide(policy, stocked, market=market)
        kinds = found.flags.group_by("flag").agg(pl.col("product_id"))
        flagged[units] = dict(kinds.iter_rows())
        lasting = dict(found.orders.select("product_id", "cover_after_days").iter_rows())
        assert all(lasting[one] > 7 * (lead[one] + 4) for one in flagged[units].get("above_usual", []))
        bought = found.orders.filter(pl.col("demand_per_period") > 0)["product_id"].to_list()
    assert sorted(flagged[0.0]["empty_shelf"]) == sorted(one for one in bought if lead[one] > 0)
    assert "empty_shelf" not in flagged[10_000.0]


@pytest.mark.parametrize("stock", [0.0, -0.0, 1.0, 400.0])
def test_nothing_has_a_sign_and_one_is_no_plural(market: Market, tables: Tables, stock: float, tmp_path: Path) -> None:
    """In sentences, in files and on the page."""
    due = pl.DataFrame({"product": [0, 1], "quantity": [1.0, 2.0], "period": [WEEKS - 2, WEEKS - 3]})
    due = due.cast(tables.open_orders.schema)
    full = tables.stock.with_columns(on_hand=pl.lit(stock))
    last = tables.products["product_id"][-1]
    renamed = tables.products.with_columns(pl.col("product_id").replace(last, "another"))
    given = dataclasses.replace(tables, stock=full, open_orders=due, products=renamed)
    found = decide(trained(market), given, market=market)
    folder = write_decisions(found, tmp_path / "today", ("json",))
    page = re.sub(r"(?s)<(script|style).*?</\1>|<[^>]*>", " ", (folder / "today.html").read_text())
    written = [(folder / f"{name}.{kind}").read_text() for name in TABLES for kind in ("csv", "json")]
    for text in (page, *written):
        assert not re.search(r"(?<![\w.])[-−]0(?:\.0*)?(?![\d.:-])", text)
        one = r"(?<![\d.,])1 (?:days|weeks|units|products|customers|lines|orders|recommendations|showings)\b"
        assert not re.search(one, text)
    assert all(found.flags.filter(pl.col("flag") == "product_gone")["product_id"].to_list())
    assert "was due 2 weeks ago" in " ".join(found.flags["text"])
    for why, on_order in found.push_and_spare.select("why", "on_order").rows():
        assert (" on order" in why and "nothing" not in why) == (why.startswith("sold out") and on_order > 0)


@pytest.mark.parametrize(
    "text",
    [
        "rule;product_id;category;most\nnever;tea;;\nat_most;;drinks;2\n",
        "sep=;\nrule;product_id;category;most\nnever;tea;;\n;;;\nat_most;;drinks;2.0\n;;;\n",
        "rule\tproduct_id\tcategory\tmost\nnever\ttea\tNULL\t\nat_most\t\tdrinks\t2\n",
    ],
)
def test_rules_of_the_house_are_read_as_spreadsheets_save_them(tmp_path: Path, text: str) -> None:
    place = tmp_path / "rules.csv"
    place.write_text(text)
    found = read_house_rules(place, ["tea", "milk"], ["drinks"])
    assert [(one.rule, one.product_id, one.most) for one in found] == [("never", "tea", None), ("at_most", None, 2)]
