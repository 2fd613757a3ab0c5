"""How long a large export takes to validate, and how much memory.

    python benchmarks/validate.py --lines 20000000

Writes a folder of tables as a till would (a CSV file of transactions with ids as text and a day, products, stock, open
orders), of which one line in a thousand is broken, validates it in a process of its own, and prints seconds of wall and
of processor and the largest memory held. The folder is removed at the end.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

PART = 2_000_000
"""Lines that are drawn and written at once."""


def write(folder: Path, lines: int, products: int, customers: int, days: int) -> None:
    """Writes the tables: popularity falls off as in shops, and baskets come on every day."""
    rng = np.random.default_rng(0)
    chance = 1 / np.arange(1, products + 1) ** 0.8
    chance /= chance.sum()
    price = np.round(rng.gamma(2.0, 3.0, products) + 0.5, 2)
    calendar = pl.Series([(date(2023, 1, 2) + timedelta(days=one)).isoformat() for one in range(days)])
    ids = pl.Series([f"p{one:06d}" for one in range(products)])
    with (folder / "transactions.csv").open("wb") as file:
        for start in range(0, lines, PART):
            count = min(PART, lines - start)
            product = rng.choice(products, count, p=chance)
            quantity = rng.poisson(0.4, count) + 1
            quantity[rng.random(count) < 0.001] = 0
            pl.DataFrame(
                {
                    "customer_id": pl.Series(rng.integers(customers, size=count)).cast(pl.String),
                    "product_id": ids.gather(product),
                    "date": calendar.gather(np.sort(rng.integers(days, size=count))),
                    "quantity": quantity,
                    "price": price[product],
                }
            ).write_csv(file, include_header=start == 0)
    pl.DataFrame({"product_id": ids, "price": price, "unit_cost": (0.7 * price).round(2)}).write_csv(
        folder / "products.csv"
    )
    last = calendar[-1]
    pl.DataFrame({"product_id": ids, "date": [last] * products, "on_hand": rng.integers(0, 50, products)}).write_csv(
        folder / "stock.csv"
    )
    pl.DataFrame({"product_id": ids, "date": [last] * products, "quantity": rng.integers(1, 50, products)}).write_csv(
        folder / "open_orders.csv"
    )


def measured(folder: Path) -> dict[str, float]:
    """Validates a folder here, and says what that took."""
    from intandem.data import validate_folder

    begun, worked = time.perf_counter(), time.process_time()
    report = validate_folder(folder)
    return {
        "rows": report.rows,
        "quarantined": report.quarantined,
        "wall_s": time.perf_counter() - begun,
        "processor_s": time.process_time() - worked,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=20_000_000)
    parser.add_argument("--products", type=int, default=20_000)
    parser.add_argument("--customers", type=int, default=500_000)
    parser.add_argument("--days", type=int, default=728)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.folder:
        print(json.dumps(measured(Path(arguments.folder))))
        return
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write(folder, arguments.lines, arguments.products, arguments.customers, arguments.days)
        size = (folder / "transactions.csv").stat().st_size / 2**30
        done = subprocess.run([sys.executable, __file__, "--folder", place], capture_output=True, check=True, text=True)
        found = json.loads(done.stdout)
    print(f"{found['rows']:,} rows ({size:.2f} GB of CSV), {found['quarantined']:,} of them set aside:")
    print(
        f"{found['wall_s']:.1f} s wall, {found['processor_s']:.1f} s processor, {found['peak_gb']:.2f} GB at the peak"
    )


if __name__ == "__main__":
    main()
