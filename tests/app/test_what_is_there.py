"""What is there and not ours is never written over; what is ours is."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from intandem.app import cli

LINES = "customer_id,product_id,date,quantity,price\n" + "".join(
    f"c{customer},p{product},2024-01-{day:02d},1,2.5\n"
    for customer in range(4)
    for product in range(2)
    for day in (1, 8, 15, 22, 29)
)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "transactions.csv").write_text(LINES)
    (folder / "products.csv").write_text("product_id,price,unit_cost\np0,2.5,1\np1,2.5,1\n")
    return folder


def _refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert cli.run([str(word) for word in words]) == 2
    return capsys.readouterr().err


def test_the_quarantine_takes_no_tables_place(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("transactions.csv", "products.csv"):
        before = (shop / name).read_text()
        assert "was not written by this command" in _refused(capsys, "data", "validate", shop, "--out", shop / name)
        assert (shop / name).read_text() == before
    (shop / "quarantine.csv").write_text("animal,days\ndog,12\n")
    assert "quarantine.csv" in _refused(capsys, "data", "validate", shop)
    for name in ("set-aside.csv", "set-aside.parquet"):
        for _ in range(2):
            assert cli.run(["data", "validate", str(shop), "--out", str(shop.parent / name)]) == 0
    assert (
        pl.read_csv(shop.parent / "set-aside.csv").columns == pl.read_parquet(shop.parent / "set-aside.parquet").columns
    )


def test_a_page_and_a_policy_take_nobodys_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page, table, market = tmp_path / "page.html", tmp_path / "table.parquet", tmp_path / "mine.toml"
    page.write_text("<html><title>Thesis</title></html>")
    pl.DataFrame({"a": [1]}).write_parquet(table)
    market.write_text("[tool]\nname = 'mine'\n")
    for words in (
        ("compare", "two-products-capped", "--methods", "silo", "--out", page),
        ("solve", "two-products-capped", "--policy-out", table),
        ("calibrate", tmp_path, "--out", market),
    ):
        assert "was not written by this command; name another file" in _refused(capsys, *words)
    assert page.read_text() == "<html><title>Thesis</title></html>"
    ours = tmp_path / "ours.html"
    for _ in range(2):
        words = ["compare", "two-products-capped", "--methods", "silo,filtered-silo", "--runs", "2", "--periods", "20"]
        assert cli.run([*words, "--out", str(ours)]) == 0
