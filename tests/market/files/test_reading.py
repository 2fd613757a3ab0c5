"""Market files in and out: exact to the last bit, laid out as the pairs ask, whole or not at all."""

from __future__ import annotations

import dataclasses
import errno
import os
import time
import tomllib
from datetime import date
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intandem.errors import InputError, RunError
from intandem.market import FAMILIES, Market, SolveSettings, build_market, family_market
from intandem.market.files import example_market, load_market, market_hash, save_market, writing
from intandem.market.files.writing import shortest, toml_value
from intandem.market.model import Labels
from intandem.market.rules.keys import SECTIONS, TABLES


def assert_same(one: Market, other: Market) -> None:
    """The same arrays to the last bit, the same static fields, the same names."""
    assert one.labels.product_ids == other.labels.product_ids
    assert one.labels.customer_ids == other.labels.customer_ids
    assert one.labels.texts == other.labels.texts
    assert bool(eqx.tree_equal(one, other, typematch=True))
    for left, right in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        # Equality alone would let a negative zero pass for zero.
        assert np.asarray(left).tobytes() == np.asarray(right).tobytes()


def rich_market(**changes: object) -> Market:
    """A market with something to lose in every field: ragged pairs, odd names, numbers with no short decimal."""
    products = {
        "price": np.array([1 / 3, 10.0, 7.7]),
        "unit_cost": np.array([0.1, 6.0, 2.2]),
        "holding_cost": np.array([1e-7, 0.3, 0.0]),
        "lost_sale_cost": np.array([0.0, 1 / 7, 0.0]),
        "backorder_cost": np.array([9.0, 0.0, 0.7]),
        "fixed_order_cost": np.array([64.0, 0.0, 0.0]),
        "exposure_cost": np.array([0.0, 0.0, 0.05]),
        "salvage": np.array([-0.2, 6.0, 2.0]),
        "elasticity": np.array([1.4, 0.0, -0.0]),
        "regular_price": np.array([0.5, 10.0, 7.7]),
        "lead_time": np.array([0, 3, 1]),
        "min_order": np.array([0, 6, 1]),
        "order_multiple": np.array([1, 4, 1]),
        "max_order": np.array([np.inf, 12, np.inf]),
        "initial_stock": np.array([0, 5, 16_777_216]),
        "habit": np.array([0.25, -1 / 3, 0.25]),
        "units_per_purchase": np.array([1.0, 1 + 1 / 3, 250.0]),
        "unit_size": np.array([1.0, 1.0, 0.001]),
        "name": ['Tea, "green"', None, "Käse"],
        "category": [None, "drinks", "drinks"],
        "choice": [None, "independent", None],
    }
    settings = {
        "base_utility": np.array([[-1 / 3, 0.5], [1e-30, -0.0], [2.0, 0.0]]),
        "exposure_effect": np.array([[1.6, -0.4], [3e30, 0.0], [0.7, 0.0]]),
        "candidates": np.array([[2, 0], [1, 2], [0, 3]]),
        "population": np.array([12, 1, 3]),
        "visit_probability": np.array([1.0, 0.2, 0.0]),
        "season": np.sin(np.arange(12.0)).reshape(4, 3),
        "persistence": 0.8,
        "carry_over": 1 / 3,
        "discount": 0.99,
        "product_ids": ['say "tea"', "back\\slash", "naïve 茶 🍵\n\x7f"],
        "customer_ids": ["1", " ", "c.3"],
        "name": 'a "rich" market',
        "period": "day",
        "choice": "multinomial",
        "substitution": True,
        "exposure": "slate",
        "exposure_slots": 2,
        "unmet_demand": "backordered",
        "observed": False,
        "first_period": date(2024, 1, 1),
        "solve": SolveSettings(stock_cap=30, backlog_cap=10, exposure_levels=(1.0, 0.0), intention_grid=21),
    }
    return build_market(products, **{**settings, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("ending", [".toml", ""])
def test_round_trip_of_everything(tmp_path: Path, ending: str) -> None:
    market = rich_market()
    save_market(market, tmp_path / f"market{ending}")
    loaded = load_market(tmp_path / f"market{ending}")
    assert_same(loaded, market)
    assert loaded.pairs.ragged
    assert market_hash(loaded) == market_hash(market)
    assert loaded.first_period == date(2024, 1, 1)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("products", "customers", "candidates"), [(2, 1, None), (6, 9, None), (6, 9, 3)])
def test_round_trip_of_families(
    tmp_path: Path, family: str, products: int, customers: int, candidates: int | None
) -> None:
    market = family_market(family, products, customers, 3, candidates=candidates)
    save_market(market, tmp_path / "folder")
    in_folder = load_market(tmp_path / "folder")
    assert_same(in_folder, market)
    save_market(in_folder, tmp_path / "market.toml")
    assert_same(load_market(tmp_path / "market.toml"), market)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_numbers_keep_their_last_bit(number: float) -> None:
    written = tomllib.loads(f"x = {toml_value(shortest(number))}")["x"]
    assert np.float32(written).tobytes() == np.float32(number).tobytes()


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_names_keep_every_character(name: str) -> None:
    assert tomllib.loads(f"x = {toml_value(name)}")["x"] == name


def test_numbers_are_written_short(tmp_path: Path) -> None:
    path = tmp_path / "market.toml"
    save_market(example_market("two-products-capped"), path)
    content = tomllib.loads(path.read_text())
    assert content["products"][0] == {
        "product_id": "p1",
        "price": 12.0,
        "unit_cost": 6.0,
        "holding_cost": 0.3,
        "lost_sale_cost": 2.0,
        "lead_time": 1,
        "max_order": 5,
        "initial_stock": 6,
    }
    assert content["customers"] == [{"customer_id": "everyone", "population": 12}]


def test_what_the_example_says() -> None:
    market = example_market("two-products-capped")
    assert market.pairs.dense
    assert (market.name, market.period, market.choice, market.exposure) == (
        "two-products-capped",
        "week",
        "independent",
        "intensity",
    )
    assert market.solve == SolveSettings(24, None, (0.0, 0.25, 0.5, 0.75, 1.0), 41)
    assert np.asarray(market.base_utility).tolist() == [[-2.0, np.float32(-1.2)]]
    assert np.asarray(market.salvage).tolist() == [6.0, 6.5]
    assert np.asarray(market.regular_price).tolist() == [12.0, 10.0]
    assert np.asarray(market.population).tolist() == [12.0]


def test_unknown_example() -> None:
    with pytest.raises(InputError, match=r"three: is not an example market; choose one of .*two-products-capped"):
        example_market("three")


MARKET = """\
[market]
name = "two by three"
period = "week"
choice = "independent"
exposure_slots = 1
"""


def tables(pairs: list[tuple[str, str]], products: int = 2, customers: int = 3) -> dict[str, pl.DataFrame]:
    flat = {"price": 2.0, "unit_cost": 1.0, "holding_cost": 0.1, "lead_time": 1}
    return {
        "products": pl.DataFrame([{"product_id": f"p{j}", **flat} for j in range(products)]),
        "customers": pl.DataFrame({"customer_id": [f"c{i}" for i in range(customers)]}),
        "pairs": pl.DataFrame(
            {
                "customer_id": [customer for customer, _ in pairs],
                "product_id": [product for _, product in pairs],
                "base_utility": np.arange(1.0, len(pairs) + 1),
                "exposure_effect": np.arange(1.0, len(pairs) + 1) / 10,
            }
        ),
    }


def write(folder: Path, frames: dict[str, pl.DataFrame], head: str = "") -> Path:
    for name, frame in frames.items():
        frame.write_parquet(folder / f"{name}-table.parquet")
        head += f'{name} = "{name}-table.parquet"\n'
    (folder / "shop.toml").write_text(head + MARKET)
    return folder / "shop.toml"


def test_pairs_of_every_product_are_dense_whatever_their_order(tmp_path: Path) -> None:
    order = [("c2", "p1"), ("c0", "p0"), ("c1", "p1"), ("c0", "p1"), ("c2", "p0"), ("c1", "p0")]
    market = load_market(write(tmp_path, tables(order)))
    assert market.pairs.dense
    assert np.asarray(market.base_utility).tolist() == [[2, 4], [6, 3], [5, 1]]


def test_some_pairs_are_sparse_in_the_order_of_the_file(tmp_path: Path) -> None:
    order = [("c1", "p1"), ("c0", "p2"), ("c0", "p0"), ("c1", "p0")]
    market = load_market(write(tmp_path, tables(order, products=3, customers=2)))
    assert np.asarray(market.pairs.product).tolist() == [[2, 0], [1, 0]]
    assert not market.pairs.ragged
    assert np.asarray(market.base_utility).tolist() == [[2, 3], [1, 4]]


def test_rows_of_unequal_length_are_padded(tmp_path: Path) -> None:
    order = [("c1", "p1"), ("c1", "p0")]
    market = load_market(write(tmp_path, tables(order, products=3, customers=3)))
    assert np.asarray(market.pairs.product).tolist() == [[3, 3], [1, 0], [3, 3]]
    assert market.pairs.ragged
    assert np.asarray(market.exposure_effect).tolist() == [[0, 0], [np.float32(0.1), np.float32(0.2)], [0, 0]]


def test_as_many_pairs_as_places_with_one_twice_is_an_error(tmp_path: Path) -> None:
    order = [("c0", "p0"), ("c0", "p0")]
    with pytest.raises(InputError, match=r"row 2 \('c0', 'p0'\): product_id: is paired"):
        load_market(write(tmp_path, tables(order, products=2, customers=1)))


def test_a_row_too_long_to_pad_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("intandem.market.files.pairs._MOST_PLACES", 6)
    order = [("c0", "p0"), ("c1", "p0"), ("c1", "p1")]
    with pytest.raises(InputError, match=r"row 2 \('c1', 'p0'\): customer_id: has 2 pairs, and 3 customers"):
        load_market(write(tmp_path, tables(order, products=3)))


def test_tables_may_be_named_in_the_market_section(tmp_path: Path) -> None:
    path = write(tmp_path, tables([("c0", "p0")]))
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[3:] + lines[:3]))
    assert load_market(path).labels.product_ids == ("p0", "p1")


def test_categories_and_integers_in_parquet_are_read(tmp_path: Path) -> None:
    frames = tables([("c0", "p0"), ("c2", "p1")])
    coded = {name: frame.with_columns(pl.col(pl.String).cast(pl.Categorical)) for name, frame in frames.items()}
    whole = {
        **coded,
        "products": coded["products"].with_columns(price=pl.Series([2, 2]), max_order=pl.Series([None, 3])),
    }
    market = load_market(write(tmp_path, whole))
    assert np.asarray(market.max_order).tolist() == [np.inf, 3.0]
    assert np.asarray(market.pairs.product).tolist() == [[0], [2], [1]]


def test_traits_come_from_what_single_precision_can_hold(tmp_path: Path) -> None:
    """A regular price that rounds to the price is the price, before and after a round trip."""
    path = write(tmp_path, tables([("c0", "p0")], products=1, customers=1))
    frame = tables([])["products"][:1].with_columns(elasticity=1.0, price=0.1, regular_price=0.1 + 1e-12)
    frame.write_parquet(tmp_path / "products-table.parquet")
    market = load_market(path)
    save_market(market, tmp_path / "again.toml")
    assert not market.traits.price_terms
    assert_same(load_market(tmp_path / "again.toml"), market)


def test_an_earlier_market_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    save_market(rich_market(), tmp_path / "market")
    assert (tmp_path / "market" / "season.parquet").exists()
    save_market(example_market("two-products-capped"), tmp_path / "market")
    assert sorted(one.name for one in (tmp_path / "market").iterdir()) == [
        "customers.parquet",
        "market.toml",
        "pairs.parquet",
        "products.parquet",
    ]
    assert [one.name for one in tmp_path.iterdir()] == ["market"]


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError) as caught:
        save_market(example_market("two-products-capped"), tmp_path)
    assert str(caught.value) == (f"{tmp_path}: is a folder with other things in it (thesis.tex); name a new folder")
    assert [one.name for one in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"labels": Labels("aba", ["1", " ", "3"])}, "products 3 ('a'): product_id: is the id of products 1 ('a') too"),
        ({"labels": Labels("cba", ["a", "b", ""])}, "customers 3 (''): customer_id: is empty"),
        ({"visit_probability": jnp.array([1, 2, 0.0])}, "customers 2 (' '): visit_probability: is 2, out of range"),
        ({"base_utility": jnp.full((3, 2), jnp.nan)}, "pairs 1 ('1', 'a'): base_utility: is nan, not a finite number"),
        ({"choice": "independent"}, "[market]: substitution: is true, with independent choice"),
        ({"solve": SolveSettings()}, "[solve]: exposure_levels: holds levels between 0 and 1"),
        ({"persistence": jnp.array(1.0)}, "[intention]: persistence: is 1, out of range"),
    ],
)
@pytest.mark.parametrize("ending", [".toml", ""])
def test_a_market_that_could_not_be_read_is_not_written(
    tmp_path: Path, changes: dict[str, object], fault: str, ending: str
) -> None:
    """Markets that `build_market` would not make either: they come from changing one that it made."""
    target = tmp_path / f"market{ending}"
    market = dataclasses.replace(rich_market(product_ids=["c", "b", "a"]), **changes)  # type: ignore[arg-type]
    with pytest.raises(InputError) as caught:
        save_market(market, target)
    assert str(caught.value).startswith(f"{target}: {fault}")
    assert list(tmp_path.iterdir()) == []


def test_fractions_of_a_unit_are_not_cut_off_silently(tmp_path: Path) -> None:
    market = rich_market()
    halved = eqx.tree_at(lambda m: m.initial_stock, market, jnp.array([0.5, 1.0, 2.0]))
    with pytest.raises(InputError, match=r"initial_stock: is 0\.5, not a whole number"):
        save_market(halved, tmp_path / "market.toml")


def test_too_many_pairs_for_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "INLINE_PAIRS", 5)
    with pytest.raises(InputError, match="would hold more than 5 pairs in one TOML file; give a folder"):
        save_market(rich_market(), tmp_path / "market.toml")
    save_market(rich_market(), tmp_path / "market")


def test_the_fingerprint_follows_the_content() -> None:
    market = rich_market()
    assert market_hash(market) == market_hash(rich_market())
    assert len(market_hash(market)) == 64
    changed = [
        rich_market(name="another"),
        rich_market(customer_ids=["1", "2", "3"]),
        rich_market(persistence=0.81),
        rich_market(season=None),
        rich_market(candidates=np.array([[0, 2], [1, 2], [0, 3]])),
        rich_market(base_utility=np.array([[-1 / 3, 0.5], [2e-30, -0.0], [2.0, 0.0]])),
        rich_market(solve=None),
    ]
    assert len({market_hash(one) for one in [market, *changed]}) == len(changed) + 1


def test_the_fingerprint_is_that_of_earlier_versions() -> None:
    """Bundles on disk carry it: a change here is a change of format."""
    market = eqx.tree_at(lambda m: m.initial_stock, example_market("two-products-capped"), jnp.array([3.0, 4.0]))
    assert market_hash(market) == "fab62822939f56144433d5a5e480c7c6a4e519e431228c54a05624dbc256f368"


def test_the_fingerprint_forgets_the_layout() -> None:
    dense = family_market("mixed", 3, 4, 0)
    sparse = eqx.tree_at(
        lambda m: m.pairs,
        dense,
        build_market(
            {key: np.ones(3) for key in ("price", "unit_cost", "holding_cost")},
            np.zeros((4, 3)),
            np.zeros((4, 3)),
            candidates=np.tile(np.arange(3), (4, 1)),
        ).pairs,
    )
    assert not sparse.pairs.dense
    assert market_hash(sparse) == market_hash(dense)


@pytest.mark.parametrize("ending", [".toml", ""])
@pytest.mark.parametrize("call", ["os.fsync", "os.replace"])
def test_a_full_disk_leaves_the_old_market(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, call: str
) -> None:
    target = tmp_path / f"market{ending}"
    save_market(example_market("two-products-capped"), target)
    before = market_hash(load_market(target))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(call, full)
        with pytest.raises(RunError) as caught:
            save_market(rich_market(), target)
    assert str(caught.value) == (
        f"{target}: cannot be written (No space left on device); free some space or choose another place"
    )
    assert market_hash(load_market(target)) == before
    assert [one.name for one in tmp_path.iterdir()] == [target.name]


@pytest.mark.parametrize("ending", [".toml", ""])
def test_an_interrupt_leaves_the_old_market(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    target = tmp_path / f"market{ending}"
    save_market(example_market("two-products-capped"), target)
    before = market_hash(load_market(target))

    def interrupt(path: Path, *_: object, **__: object) -> None:
        path.write_bytes(b"[mark")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", interrupt)
        with pytest.raises(KeyboardInterrupt):
            save_market(rich_market(), target)
    assert market_hash(load_market(target)) == before
    assert [one.name for one in tmp_path.iterdir()] == [target.name]


def test_no_loop_over_pairs(tmp_path: Path) -> None:
    """400,000 pairs take a fraction of a second of work; a loop over them would take several."""
    market = family_market("mixed", 200, 2_000, 0)
    start = time.process_time()
    save_market(market, tmp_path / "market")
    loaded = load_market(tmp_path / "market")
    assert time.process_time() - start < 3
    assert loaded.pairs.dense
    assert np.asarray(loaded.base_utility).tobytes() == np.asarray(market.base_utility).tobytes()


def test_every_key_is_in_the_reference() -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "market-files.md").read_text()
    for name, keys in {**SECTIONS, **TABLES}.items():
        head = f"| `[{name}]` |" if name in SECTIONS else f"| `{name}` |"
        rows = page.partition(head)[2].partition("\n\n")[0].splitlines()[2:]
        assert [row.split("`")[1] for row in rows] == list(keys)
