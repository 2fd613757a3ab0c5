"""Which products compete, told from purchases; a calibration kept beside its market. One synthetic scanner panel.

It is of the kind of the Cracker panel of Jain, Vilcassim and Chintagunta (1994): every visit buys exactly one box of
one of four brands, each household with tastes of its own; beside them two dairy products that are bought together.
"""

from __future__ import annotations

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

from intandem.data.calibration.calibrate import Calibration, calibrate
from intandem.data.calibration.kept import load_calibration, save_calibration
from intandem.market import Decision, initial_state, load_market, market_hash, step

BRANDS = ("sunshine", "keebler", "nabisco", "private")
HOUSEHOLDS, WEEKS = 60, 30


def panel_lines(seed: int = 1) -> pl.DataFrame:
    """Transaction lines; boxes by the one, milk and butter by several."""
    rng = np.random.default_rng(seed)
    taste = np.array([-1.2, -1.4, 0.8, 0.0]) + rng.normal(0, 1.0, (HOUSEHOLDS, 4))
    rows = []
    for week in range(WEEKS):
        for household in np.flatnonzero(rng.random(HOUSEHOLDS) < 0.7):
            brand = int(np.argmax(taste[household] + rng.gumbel(size=4)))
            rows.append((f"h{household:02}", BRANDS[brand], week, 1, 1.0))
            both = rng.random() < 0.4
            rows += [(f"h{household:02}", "milk", week, 1 + int(rng.integers(3)), 0.9)] if both else []
            rows += [(f"h{household:02}", "butter", week, 1, 2.0)] if both and rng.random() < 0.8 else []
    names = ("customer_id", "product_id", "period", "quantity", "price")
    return pl.DataFrame(rows, schema=names, orient="row")


@pytest.fixture(scope="module")
def found() -> Calibration:
    products = {
        "product_id": [*BRANDS, "milk", "butter"],
        "name": ["Sunshine", "Keebler", "Nabisco", "Private label", "Milk", None],
        "category": ["crackers"] * 4 + ["dairy"] * 2,
        "order_multiple": [12] * 4 + [1] * 2,
        "max_order": [None] * 4 + [12, None],
    }
    stock = {"product_id": ["milk", "nabisco"], "period": [WEEKS - 1] * 2, "on_hand": [40.0, -3.0]}
    orders = {"product_id": ["milk", "butter"], "period": [WEEKS + 1, 3], "quantity": [15.0, 5.0]}
    return calibrate(transactions=panel_lines(), products=products, stock=stock, open_orders=orders)


def test_brands_compete_and_what_is_bought_together_does_not(found: Calibration) -> None:
    competition = found.competition
    assert competition.names == ("crackers", "dairy")
    assert competition.competing.tolist() == [True, False]
    assert competition.together[0] == 0
    assert competition.together[1] > 0.5
    assert competition.multinomial[0] > competition.independent[0]
    market = found.market
    assert market.choice == "multinomial"
    assert market.category == ("crackers",) * 4 + ("dairy",) * 2
    assert market.to_frame()["choice"].to_list() == [None] * 4 + ["independent"] * 2
    assert any("products of 'crackers' compete: a visit buys at most one" in line for line in found.assumptions)
    assert found.as_json()["choice"] == {"competing": ["crackers"]}


def test_as_many_boxes_are_sold_as_visitors_come(found: Calibration) -> None:
    """At most one for each visit, the category's demand within 3% of the recorded, brands' shares within a point."""
    against = found.against
    category = against.by_category.row(0, named=True)
    assert category["recorded"] == pytest.approx(1.0)
    assert category["simulated"] == pytest.approx(1.0, abs=0.03)
    sold = against.frame.group_by("product").agg(pl.col("recorded", "simulated").sum()).sort("product")
    shares = sold.head(4).select(pl.all().exclude("product") / pl.all().exclude("product").sum())
    assert (shares["simulated"] - shares["recorded"]).abs().max() < 0.01
    assert against.total == pytest.approx(1.0, abs=0.05)
    assert against.rank_correlation > 0.9
    state, nothing = initial_state(found.market), Decision(jnp.zeros(6), jnp.zeros(found.market.base_utility.shape))
    play = jax.jit(jax.vmap(lambda key: step(found.market, state, nothing, key)[1].demand[:4].sum()))
    demand = np.asarray(play(jax.random.split(jax.random.key(0), 300)), float)
    assert demand.max() <= HOUSEHOLDS
    assert demand.mean() == pytest.approx(0.7 * HOUSEHOLDS, rel=0.05)


def test_the_market_is_in_the_firms_units_and_opens_with_what_it_has(found: Calibration) -> None:
    market = found.market
    assert market.units_per_purchase[:4].tolist() == [1.0] * 4
    assert float(market.units_per_purchase[4]) == pytest.approx(2.0, abs=0.1)
    assert market.order_multiple.tolist() == [12.0] * 4 + [1.0] * 2
    assert market.labels.names == ("Sunshine", "Keebler", "Nabisco", "Private label", "Milk", None)
    # 40 counted and 15 on their way; sold out and nothing on its way.
    assert (float(market.initial_stock[4]), float(market.initial_stock[2])) == (55.0, 0.0)
    assert any("15 units) counts as arrived" in line for line in found.assumptions)
    assert any("1 open order ('butter') should have arrived" in line for line in found.assumptions)


def test_alarms_name_a_cap_below_sales(found: Calibration) -> None:
    short = "largest order of 1 product ('milk') lies below what was sold: 12 units"
    assert any(short in line for line in found.alarms)


def test_errors_of_forecasts_are_those_of_simple_ones_too(found: Calibration) -> None:
    errors = found.against.errors
    assert set(errors) == {"fit", "mean", "seasonal_naive"}
    assert 0 < errors["fit"] < errors["seasonal_naive"]


def test_a_calibration_is_kept_beside_its_market(found: Calibration, tmp_path: Path) -> None:
    for target in (tmp_path / "shop", tmp_path / "shop.toml"):
        place = save_calibration(found, target)
        assert market_hash(load_market(target)) == market_hash(found.market)
        kept = load_calibration(target)
        assert kept is not None
        assert kept.assumptions == found.assumptions
        assert kept.alarms == found.alarms
        assert kept.estimates["exposure_effect"] == {"mean": 0.4, "se": None}
        assert kept.market_hash == market_hash(found.market)
        assert set(kept.fit) == {"calibration_curve", "period", "recorded"}
        assert json.loads(place.read_text()) == json.loads(place.read_text(), parse_constant=pytest.fail)
        place.unlink()
        # A market needs nothing of it.
        assert load_calibration(target) is None
        assert load_market(target).name == found.market.name


def test_the_data_hash_is_of_the_data(found: Calibration) -> None:
    from intandem.data.calibration.fingerprint import data_hash
    from intandem.data.tables.checks.validate import check_tables, read_tables

    def hashed(lines: pl.DataFrame) -> str:
        products = {"product_id": [*BRANDS, "milk", "butter"]}
        return data_hash(check_tables(read_tables(None, {"transactions": lines, "products": products}, None)).tables)

    lines = panel_lines()
    assert hashed(lines) == hashed(lines.sample(fraction=1.0, shuffle=True, seed=3))
    assert hashed(lines) != hashed(lines.with_columns(quantity=pl.col("quantity") + 1))
    assert hashed(lines) != found.data_hash
