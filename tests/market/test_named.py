"""A market by its name, in Python as on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

import intandem
from intandem.errors import InputError
from intandem.market import example_market, family_market, market_hash, market_of, save_market


def test_every_way_of_naming_a_market_is_taken(tmp_path: Path) -> None:
    market = example_market("two-products-capped")
    save_market(market, tmp_path / "mine.toml")
    for given in (market, "two-products-capped", tmp_path / "mine.toml", str(tmp_path / "mine.toml")):
        assert market_hash(market_of(given)) == market_hash(market)
    generated = family_market("habit", 3, 5, 2)
    assert market_hash(market_of("family:habit:3x5:2")) == market_hash(generated)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("two-products-caped", "neither a file nor an example market; name a file; did you mean 'two-products-capped'"),
        ("family:habit:3by5", "is not a family; write family:NAME:PRODUCTSxCUSTOMERS:SEED"),
        ("nowhere.toml", "nowhere.toml"),
        (7, "market: is a int; give a Market"),
    ],
)
def test_what_names_no_market_is_one_sentence(given: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        market_of(given)


def test_functions_that_take_a_market_take_its_name() -> None:
    name, sizes = "two-products-capped", {"periods": 20, "runs": 2}
    played = intandem.simulate(name, "silo", **sizes)
    assert played.profit == intandem.simulate(example_market(name), "silo", **sizes).profit
    assert set(intandem.compare(name, ["silo"], seeds=1, **sizes).results) == {"silo"}
    with pytest.raises(InputError, match="did you mean"):
        intandem.solve("two-product-capped")
