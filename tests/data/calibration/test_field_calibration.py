"""What calibration makes of files as firms write them: cases of `tests/data/field`, each with its whole kind.

Most statements need no fit: they are about the panel, the product fields, what is identified.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.field_cases import HEADER, Field, as_csv, base_lines, check
from intandem.data.calibration.calibrate import Calibration, calibrate
from intandem.data.calibration.identification import Identified, identified
from intandem.data.calibration.panel import Panel, panel_of
from intandem.data.calibration.product_fields import (
    UNIT_SIZES,
    PurchaseSizes,
    capped,
    product_fields,
    purchase_sizes,
)
from intandem.data.calibration.sentences import identification_of, limits_of
from intandem.data.calibration.settings import CalibrationSettings, MarketSettings
from intandem.data.calibration.standard_errors import Estimate
from intandem.data.calibration.supply_terms import order_terms
from intandem.data.tables.tables import COLUMNS, Tables
from intandem.market import base_demand
from intandem.market.rules.keys import LARGEST_WHOLE

WEEKS = [date(2024, 1, 1) + timedelta(weeks=week) for week in range(40)]


def _panel(tables: Tables) -> Panel:
    return panel_of(tables, candidates_per_customer=60, holdout_share=0.15, least_observed=0.5)


def _units(folder: Path) -> np.ndarray:
    tables = check(folder).tables
    return purchase_sizes(tables, _panel(tables)).mean


def _single(products: int) -> PurchaseSizes:
    return PurchaseSizes(np.ones(products), np.ones(products))


def test_a_cancelled_order_decides_no_products_size(field: Field) -> None:
    plain = _units(field())
    order = ["c002", "p01", "2024-01-03", "80995", "6.0"]
    cancelled = [*base_lines(), order, ["c002", "p01", "2024-01-03", "-80995", "6.0"]]
    np.testing.assert_allclose(_units(field(transactions=as_csv(HEADER, cancelled))), plain)
    # Nor does one that was never cancelled, and is a purchase all the same.
    folder = field(transactions=as_csv(HEADER, [*base_lines(), order]))
    np.testing.assert_allclose(_units(folder), plain, rtol=0.02)
    assert _panel(check(folder).tables).bought.sum() == _panel(check(field()).tables).bought.sum()
    fields, _ = product_fields(check(folder).tables, _single(4), 0.0, MarketSettings())
    assert fields["price"][1] == pytest.approx(6.0)


@pytest.mark.parametrize(
    ("sizes", "usual", "unit"),
    [
        ([1, 1, 2, 1, 50_000], 1.25, 1),
        ([6, 12, 24, 6, 60], 21.6, 1),
        ([3], 3.0, 1),
        ([0.2, 0.3, 0.25, 900.0], 0.25, 0.1),
        ([0.012, 0.018], 0.015, 0.001),
        ([2.5, 3.5, 4.2], 3.4, 1),
        ([1e-5], 1e-5, 0.001),
        ([5, 5, 5000, 5000], 2502.5, 1),
    ],
)
def test_sizes_are_means_of_what_is_usual(field: Field, sizes: list[float], usual: float, unit: float) -> None:
    weeks = [str(WEEKS[week]) for week in range(6)]
    rows = [["ann", "p00", week, str(size), "4"] for week, size in zip(weeks, sizes, strict=False)]
    rows += [["bob", "p01", week, "1", "4"] for week in weeks]
    tables = check(field(transactions=as_csv(HEADER, rows), mapping="test_periods = 0\n")).tables
    found = purchase_sizes(tables, replace(_panel(tables), train=np.ones(6, bool)))
    assert found.mean[0] == pytest.approx(usual)
    # What is weighed is counted in parts of which a purchase has two or more, and never less than one.
    assert found.unit_size[0] == unit
    assert found.units_per_purchase[0] == pytest.approx(max(usual / unit, 1.0))
    fields, said = product_fields(tables, found, 0.0, MarketSettings())
    assert fields["price"][0] == pytest.approx(4 * unit)
    assert any("sold in fractions" in line for line in said) == (unit < 1)


def test_one_count_of_nought_is_no_week_without_the_product(field: Field) -> None:
    report = check(field("daily-stock-counts"))
    assert (report.tables.stock["on_hand"] <= 0).sum() == 40
    assert _panel(report.tables).on_shelf.min() == 1.0


def test_sold_out_is_nought_or_below_for_most_of_a_period_without_a_sale(field: Field) -> None:
    shelves = []
    for written in ("zero", "negative"):
        shelf = _panel(check(field(f"negative-stock/{written}")).tables).on_shelf
        assert shelf[1::2, 0].max() == 0.0
        assert shelf[::2, 0].min() == 1.0
        shelves.append(shelf)
    np.testing.assert_array_equal(*shelves)
    # Counts that say sold out in a week with sales are doubted, aloud.
    stock = "product_id,date,on_hand\np00,2024-01-01,0\np01,2024-01-01,-4\np01,2024-01-02,-4\np01,2024-01-05,3\n"
    lines = f"{HEADER}\nann,p00,2024-01-02,1,4\nann,p02,2024-01-02,1,4\nann,p02,2024-01-16,1,4\n"
    report = check(field(transactions=lines, stock=stock))
    assert _panel(report.tables).on_shelf[0].tolist() == [1.0, 0.0, 1.0, 1.0]
    assert any("sales all the same ('p00')" in note for note in report.notes)
    assert any("1 product was sold out in 1 week by most counts" in note for note in report.notes)


def _told(tables: Tables, *, across_stores: bool = False) -> Identified:
    panel = _panel(tables)
    scored = panel.opportunities * panel.train[:, None, None]
    return identified(panel, scored, tables.exposures.height, across_stores=across_stores)


def _exposed(tables: Tables, rule: Callable[[int, int, int], bool]) -> Tables:
    """The tables of a base shop with exposures by a rule of customer, product and week."""
    rows = [(i, j, t) for i in range(20) for j in range(4) for t in range(40) if rule(i, j, t)]
    shown = pl.DataFrame(rows, schema=dict.fromkeys(("customer", "product", "period"), pl.Int32), orient="row")
    missing = {name: pl.lit(None, kind) for name, kind in COLUMNS["exposures"].items() if name not in shown.columns}
    return replace(tables, exposures=shown.with_columns(**missing).with_columns(kind=pl.lit("exposure")))


def test_exposures_that_do_not_vary_tell_no_effect(field: Field) -> None:
    flat = {
        "everything to everybody": lambda i, j, t: True,
        "some products always": lambda i, j, t: j < 2,
        "some customers always": lambda i, j, t: i % 3 == 0,
        "some pairs always": lambda i, j, t: (i + j) % 3 == 0,
        "all at once in some weeks": lambda i, j, t: t % 3 == 0,
        "from one week on": lambda i, j, t: t >= 17,
        "pairs and weeks": lambda i, j, t: i % 2 == 1 or j < 3,
    }
    tables = check(field()).tables
    for name, rule in flat.items():
        told = _told(_exposed(tables, rule))
        assert not told.exposures, (name, told)
        assert told.counted >= 50
        assert "do not vary" in told.reason
    telling = {
        "at random": lambda i, j, t: (i * 7 + j * 13 + t * 29) % 11 < 4,
        "one product in some weeks": lambda i, j, t: j == t % 4,
        "some customers in some weeks": lambda i, j, t: i % 2 == t % 2,
    }
    for name, rule in telling.items():
        told = _told(_exposed(tables, rule))
        assert told.exposures, (name, told)
        assert told.reason == ""
    # Where only differences within a product and week count, what all customers saw at once tells nothing.
    assert not _told(_exposed(tables, telling["one product in some weeks"]), across_stores=True).exposures


def _drawn(customer: int, product: int, week: int) -> bool:
    """One of five for the first ten customers, four of five for the others."""
    return (customer * 7 + product * 13 + week * 29) % 10 < (2 if customer < 10 else 8)


def test_logged_propensities_are_what_is_held_constant(field: Field) -> None:
    tables = _exposed(check(field()).tables, _drawn)
    assert _panel(tables).propensity is None
    given = pl.when(pl.col("customer") < 10).then(0.2).otherwise(0.8)
    logged = replace(tables, exposures=tables.exposures.with_columns(propensity=given))
    panel = _panel(logged)
    assert panel.propensity is not None
    assert panel.propensity_doubt == ""
    np.testing.assert_allclose(panel.propensity[:10], 0.2)
    np.testing.assert_allclose(panel.propensity[10:], 0.8)
    said = identification_of(panel, CalibrationSettings(), _told(logged))
    assert "drawn with logged propensities (0.2 to 0.8)" in said
    assert "not given out at random" not in said
    # A log of which a part says nothing identifies nothing.
    partly = tables.exposures.with_columns(propensity=pl.when(pl.col("customer") < 10).then(0.2))
    assert _panel(replace(tables, exposures=partly)).propensity is None


@pytest.mark.parametrize(("folder", "believed"), [("none", False), ("half", True), ("skewed", False)])
def test_propensities_that_do_not_agree_with_the_log_are_not_believed(
    field: Field, folder: str, believed: bool
) -> None:
    """Half of all was shown: 0.5 can have been the propensity, 0.01 and 0.99 cannot."""
    tables = check(field(f"propensity-has-no-effect/{folder}")).tables
    panel = _panel(tables)
    assert (panel.propensity is not None) == believed
    assert ("visits, and 495 were there" in panel.propensity_doubt) == (folder == "skewed")
    said = identification_of(panel, CalibrationSettings(), _told(tables))
    assert ("Exposures were drawn with logged propensities" in said) == believed
    assert ("Propensities were logged and are not used" in said) == (folder == "skewed")


def _priced(tables: Tables, price: Callable[[int, int], float]) -> Tables:
    """The tables with a price by product and week, beside a regular price of 4."""
    rows = [(j, t, price(j, t), 4.0, 1.0) for j in range(4) for t in range(40)]
    return replace(tables, prices=pl.DataFrame(rows, schema=COLUMNS["prices"], orient="row"))


def test_exposures_that_go_with_prices_tell_no_effect(field: Field) -> None:
    offered = _exposed(check(field()).tables, lambda i, j, t: t % 5 == j)
    assert _told(offered).exposures
    told = _told(_priced(offered, lambda j, t: 3.0 if t % 5 == j else 4.0))
    assert not told.exposures
    assert told.varied == pytest.approx(0.0, abs=1e-3)


def test_prices_that_do_not_vary_tell_no_elasticity(field: Field) -> None:
    tables = check(field()).tables
    for name, rule in {
        "one price": lambda j, t: 4.0,
        "below regular always": lambda j, t: 3.0,
        "one discount per product": lambda j, t: 4.0 - 0.5 * j,
        "all prices rise at once": lambda j, t: 4.0 if t < 20 else 5.0,
        "a cent now and then": lambda j, t: 4.01 if t == 3 and j == 0 else 4.0,
    }.items():
        assert not _told(_priced(tables, rule)).prices, name
    assert _told(_priced(tables, lambda j, t: 3.0 if t % 4 == j else 4.0)).prices


def test_the_sentence_tells_the_case_at_hand(field: Field) -> None:
    settings = CalibrationSettings()

    def sentences(tables: Tables) -> str:
        told, panel = _told(tables), _panel(tables)
        limits = limits_of(panel, tables, told, Estimate(0.0, float("nan")), pl.DataFrame(), settings)
        return "\n".join([identification_of(panel, settings, told), *limits])

    few = sentences(check(field("forty-exposures")).tables)
    assert few.count("the data record 40 exposures, 16 of them of visiting customers") == 1
    assert "The data record 40 exposures" in few
    assert "needs 50" in few
    assert "no exposures" not in few
    none = sentences(check(field()).tables)
    assert none.count("data record no exposures") == 2
    always = sentences(_exposed(check(field()).tables, lambda i, j, t: True))
    assert "3,200 exposures that do not vary" in always


def test_a_product_that_is_given_away_has_no_price_term(field: Field) -> None:
    tables = check(field("free-item")).tables
    fields, said = product_fields(tables, _single(4), 2.9, MarketSettings())
    assert fields["elasticity"].tolist() == [2.9, 2.9, 2.9, 0.0]
    assert any("given away ('p03')" in line for line in said)
    # So cheap that single precision holds no price: the same.
    cheap = tables.products.with_columns(price=pl.when(pl.col("product") == 1).then(1e-60).otherwise("price"))
    fields, _ = product_fields(replace(tables, products=cheap), _single(4), 2.9, MarketSettings())
    assert fields["elasticity"].tolist() == [2.9, 0.0, 2.9, 0.0]


def test_terms_are_what_the_firm_wrote(field: Field) -> None:
    rows = [[*row[:3], "3", row[4]] if row[1] == "p00" else row for row in base_lines(365)]
    tables = check(field("packs-of-ten-bought-by-threes", transactions=as_csv(HEADER, rows))).tables
    fields, _ = product_fields(tables, purchase_sizes(tables, _panel(tables)), 0.0, MarketSettings())
    terms = ("min_order", "order_multiple", "max_order")
    assert [fields[name][0] for name in terms] == [10.0, 1.0, 10.0]
    assert fields["units_per_purchase"][0] == 3.0
    assert fields["price"][0] == 4.0
    sevens = order_terms(np.array([10.0]), np.array([4.0]), np.array([20.0]), np.array([0.01]))
    assert (sevens.min_order[0], sevens.order_multiple[0], sevens.max_order[0]) == (1000.0, 400.0, 2000.0)
    assert not sevens.cut.size


@pytest.fixture(scope="module")
def found() -> Calibration:
    """A small shop whose customers buy more when prices rise, with a product that nobody bought and a gap of weeks."""
    rows = [
        (f"c{customer}", f"p{product}", week, 1.0, 5.0 if dear else 4.0)
        for week in (*range(10), *range(12, 20))
        for product in range(3)
        for customer in range(8)
        for dear in [week % 3 == product]
        if (customer * 5 + week * 3 + product * 7) % 10 < (6 if dear else 2)
    ]
    names = ("customer_id", "product_id", "period", "quantity", "price")
    lines = pl.DataFrame(rows, schema=names, orient="row")
    products = {"product_id": ["p0", "p1", "p2", "new"], "price": [4.0] * 4, "department": ["a", "a", "b", "a"]}
    settings = CalibrationSettings(market=MarketSettings(exposure_slots=50))
    return calibrate(settings=settings, transactions=lines, products=products)


def test_what_is_bought_together_does_not_compete(found: Calibration) -> None:
    assert not found.competition.competing.any()
    assert found.market.choice == "independent"
    assert found.market.to_frame()["choice"].null_count() == 4


def test_an_elasticity_below_nought_is_told_and_left_out(found: Calibration) -> None:
    assert np.asarray(found.market.elasticity).tolist() == [0.0] * 4
    assert sum("The elasticity is estimated at -" in line for line in found.assumptions) == 1


def test_a_product_that_nobody_bought_has_a_guessed_demand(found: Calibration) -> None:
    demand = np.asarray(base_demand(found.market))
    # Half-way between the two products of its department, and not nought.
    assert demand[:2].min() <= demand[3] <= demand[:2].max()
    assert demand[3] > 0.3
    assert any("('new'): its demand is guessed" in line for line in found.assumptions)


def test_sentences_are_about_the_market_that_was_made(found: Calibration) -> None:
    assert found.market.exposure_slots == 4
    assert sum("A slate shows 4 of 4 products" in line for line in found.assumptions) == 1
    # What is known of the tables is kept with what was made of them.
    assert any("2 of 20 weeks hold no line (10 to 11)" in note for note in found.notes)
    assert found.as_json()["notes"] == list(found.notes)
    assert found.checked is not None
    assert found.exposure_effect.reason == "the data record no exposures"
    assert found.as_json()["exposure_effect"]["reason"] == found.exposure_effect.reason  # type: ignore[index]


quantity = st.one_of(st.integers(0, 40), st.integers(0, 2**40)).map(float)


@given(
    least=quantity,
    multiple=st.one_of(st.integers(1, 24), st.integers(1, 2**40)).map(float),
    packs=st.one_of(st.none(), st.integers(0, 2**20)),
    units=st.sampled_from(UNIT_SIZES),
)
def test_any_terms_that_pass_validation_fit_a_market(
    least: float, multiple: float, packs: int | None, units: float
) -> None:
    """Whatever passes validation: some multiple lies between the smallest and the largest order."""
    smallest = max(np.ceil(least / multiple), 1.0) * multiple
    most = np.nan if packs is None else smallest + packs * multiple
    terms = order_terms(*(np.array([value]) for value in (least, multiple, most, units)))
    low, step, high = terms.min_order[0], terms.order_multiple[0], terms.max_order[0]
    assert step >= 1.0
    assert max(low, step) <= LARGEST_WHOLE
    assert all(value == np.round(value) for value in (low, step, high) if np.isfinite(value))
    if not np.isnan(high):
        assert max(np.ceil(low / step), 1.0) * step <= np.floor(high / step) * step
        assert high <= LARGEST_WHOLE
    if units == 1.0 and max(least, multiple) <= 2**20 and not np.isnan(high):
        assert (low, step, high) == (least, multiple, most)
    fields = {"min_order": terms.min_order, "order_multiple": terms.order_multiple, "max_order": np.array([np.nan])}
    assert capped(fields, np.array([0.3]))["max_order"][0] >= max(low, step)
