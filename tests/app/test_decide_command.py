"""`decide`, `orders` and `recommend` on a small firm's folder of files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from intandem.app import cli
from intandem.learning import TrainSettings, save_bundle, train
from intandem.market import family_market


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a bundle and the tables of its firm."""
    folder = tmp_path_factory.mktemp("firm")
    market = family_market("capped-supply", 3, 4, 0)
    settings = TrainSettings(updates=2, shops=4, window=8, width=8)
    save_bundle(train(market, settings), market, folder / "policy")
    shop = folder / "shop"
    shop.mkdir()
    draw = np.random.default_rng(0)
    week, customer, product = np.nonzero(draw.random((6, 4, 3)) < 0.5)
    lines = pl.DataFrame({"customer_id": customer + 1, "product_id": product + 1, "period": week}).select(
        pl.concat_str(pl.lit("c"), "customer_id").alias("customer_id"),
        pl.concat_str(pl.lit("p"), "product_id").alias("product_id"),
        "period",
        quantity=pl.lit(1),
        price=pl.lit(8.0),
    )
    ids = ["p1", "p2", "p3"]
    lines.write_csv(shop / "transactions.csv")
    pl.DataFrame({"product_id": ids, "name": ["Tea", "Milk", "Jam"]}).write_csv(shop / "products.csv")
    pl.DataFrame({"product_id": ids, "period": [6, 6, 6], "on_hand": [0, 4, 60]}).write_csv(shop / "stock.csv")
    pl.DataFrame({"rule": ["never"], "product_id": ["p3"]}).write_csv(folder / "rules.csv")
    return folder


def answered(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    assert cli.run([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_decide_writes_the_day(capsys, place: Path) -> None:
    names = ["decide", str(place / "policy"), "--tables", str(place / "shop"), "--out", str(place / "today")]
    found = answered(capsys, *names, "--formats", "csv,json", "--rules", str(place / "rules.csv"))
    assert {"orders", "recommendations", "page", "date", "flags"} <= found.keys()
    assert all(Path(found[name]).is_file() for name in ("orders", "recommendations", "page"))
    shown = pl.read_csv(found["recommendations"])
    assert set(shown["product_id"]) <= {"p2"}
    assert cli.run(names) == 0
    assert "the page is today.html" in capsys.readouterr().out


def test_orders_and_recommend_answer_as_the_contract_says(capsys, place: Path) -> None:
    names = [str(place / "policy"), "--tables", str(place / "shop")]
    found = answered(capsys, "orders", *names, "--out", str(place / "orders.parquet"))
    assert pl.read_parquet(place / "orders.parquet").height == len(found["orders"]) == 3
    for row in found["orders"]:
        assert {"product_id", "quantity", "units_per_pack", "reasons", "flags"} <= row.keys()
        assert sum(reason["units"] for reason in row["reasons"]) == row["quantity"]
    shown = answered(capsys, "recommend", *names, "--n", "2")
    assert {"customer_id", "product_id", "rank", "score"} <= shown["recommendations"][0].keys()
    assert {row["shown"] for row in shown["short"]} <= {0, 1}
    assert cli.run(["recommend", *names, "--n", "2"]) == 0
    assert "Every product shown is in stock." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["decide", "P", "--tables", "S", "--out", "today", "--formats", "xlsx"], "--formats: 'xlsx' is not known"),
        (["orders", "P", "--tables", "S", "--transfer"], "--transfer: is given without a market; give --market"),
        (["orders", "P", "--tables", "S", "--date", "2024-01-01"], "--date: is 2024-01-01, and the tables count weeks"),
        (["orders", "P", "--tables", "nowhere"], "nowhere: there is no such folder"),
        (["orders", "nowhere", "--tables", "S"], "manifest.json: does not exist"),
        (["recommend", "P", "--tables", "S", "--rules", "no.csv"], "no.csv: there is no such file"),
        (["orders", "P", "--tables", "S", "--market", "two-products-capped"], "was trained for another market"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(capsys, place: Path, arguments: list[str], said: str) -> None:
    named = {"P": str(place / "policy"), "S": str(place / "shop")}
    assert cli.run([named.get(one, one) for one in arguments]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert len(told.strip().splitlines()) == 1


def test_an_old_bundle_decides_in_a_market_calibrated_since(capsys, place: Path) -> None:
    names = [str(place / "policy"), "--tables", str(place / "shop"), "--market", "family:capped-supply:3x4:1"]
    assert len(answered(capsys, "orders", *names, "--transfer")["orders"]) == 3
