"""Every code block of the README and the documentation runs, and prints what the page says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sybil.example import SybilFailure

from page_blocks import ROOT, is_marked, parse

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
QUICK = {"docs/reference/market-files.md"}
"""Pages with blocks that take a moment; those that simulate, solve or train belong to the slow set."""


def _a_shop(folder: Path) -> dict[str, Any]:
    """Half a year of purchases of forty customers, in the two tables that a firm must bring: as files and as frames."""
    draw = np.random.default_rng(2024)
    shop = folder / "shop"
    shop.mkdir()
    products = ["product_id,price,unit_cost,lead_time"]
    products += [f"p{product},{2 + product},{1 + product / 2},1" for product in range(6)]
    lines = ["customer_id,product_id,date,quantity,price"]
    for week in range(26):
        monday = date(2024, 1, 1) + timedelta(weeks=week)
        for customer, product in np.argwhere(draw.random((40, 6)) < 0.3):
            lines.append(f"c{customer},p{product},{monday + timedelta(days=int(customer) % 7)},1,{2 + product}")
    (shop / "products.csv").write_text("\n".join(products) + "\n")
    (shop / "transactions.csv").write_text("\n".join(lines) + "\n")
    frame = pl.read_csv(shop / "transactions.csv").rename({"customer_id": "loyalty_card", "price": "paid"})
    return {"lines": frame, "assortment": pl.read_csv(shop / "products.csv")}


def _a_shop_today(folder: Path) -> dict[str, Any]:
    """The same with what is on its shelves and on its way."""
    _a_shop(folder)
    stock = [f"p{product},2024-07-01,{14 - 2 * product}" for product in range(6)]
    (folder / "shop" / "stock.csv").write_text("\n".join(["product_id,date,on_hand", *stock]) + "\n")
    orders = "product_id,quantity,date\np0,12,2024-07-08\np3,10,2024-06-17\n"
    (folder / "shop" / "open_orders.csv").write_text(orders)
    return {}


PREPARED: dict[str, Callable[[Path], dict[str, Any]]] = {
    "docs/how-to/bring-your-own-tables.md": _a_shop,
    "docs/how-to/forecast-demand.md": _a_shop,
    "docs/how-to/from-files-to-an-order-list.md": _a_shop_today,
    "docs/reference/commands.md": _a_shop,
}
"""What a page takes for granted: files in the folder, and names."""


def _pages() -> list:
    names = []
    for page in PAGES:
        name = page.relative_to(ROOT).as_posix()
        runs = [example for example in parse(page) if not is_marked(example)]
        slow = runs and name not in QUICK
        names.append(pytest.param(name, marks=[pytest.mark.slow] if slow else []))
    return names


@pytest.mark.parametrize("name", _pages())
def test_blocks_run_and_print_what_the_page_says(name, tmp_path, monkeypatch):
    monkeypatch.setenv("INTANDEM_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    document = parse(ROOT / name)
    document.namespace.update(PREPARED.get(name, lambda _: {})(folder))
    for example in document:
        example.evaluate()


def test_only_commands_are_left_out_and_what_needs_a_package_that_is_not_ours():
    for page in PAGES:
        for example in parse(page):
            code = "```python" in example.document.text[example.region.start :][:12]
            needs = "needs a package of its own" in example.document.text[: example.region.start]
            assert not (is_marked(example) and code) or needs, page


@pytest.mark.parametrize("said", ["3", "two", "2 2", "4"])
def test_a_wrong_output_is_found(said, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"```python\nprint(1 + 1)\n```\n\n```text\n{said}\n```\n")
    code, output = parse(page)
    code.evaluate()
    with pytest.raises(SybilFailure, match="the page says"):
        output.evaluate()
