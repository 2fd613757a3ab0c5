"""How much there is to be gained on family `capped-supply`: two ceilings beside what was reached.

```
python benchmarks/capped_supply_ceiling.py     # reads results/capped-supply.json
```

- The bound: `newsvendor` of `intandem bound`. Proved: no policy earns more.
- The estimate: each product by itself, with Poisson demand at whatever rate pays best in every state of its stock, from
  its demand without exposure up to nine tenths of all customers, and exposure without limit. An exact dynamic
  program over stock and pipeline. Real demand, a sum of purchases by persons, varies somewhat less than Poisson
  demand, and real exposure is limited: the errors point in opposite directions, so this is no bound.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from scipy.stats import poisson

from intandem.evaluation.statistics import mean_interval
from intandem.market import Market, base_demand, family_market
from intandem.theory.bounds import newsvendor_bound
from intandem.theory.intertemporal.dynamic_program import solve_program
from intandem.theory.intertemporal.grid import StockGrid
from intandem.theory.intertemporal.transitions import leftover, single_product

RESULTS = Path(__file__).parent / "results" / "capped-supply.json"
RATES = 25
LARGEST_STOCK = 24


def steered_profit(market: Market, product: int) -> float:
    """Average profit per period of one product with lead time 2 whose demand rate is chosen in every state."""
    price, cost, holding, lost_sale, cap = (
        float(field[product])
        for field in (market.price, market.unit_cost, market.holding_cost, market.lost_sale_cost, market.max_order)
    )
    lowest = float(base_demand(market)[product])
    rates = np.linspace(lowest, max(lowest, 0.9 * float(market.population.sum())), RATES)
    stock = StockGrid(0, LARGEST_STOCK, tuple(range(int(cap) + 1)), lead_time=2)
    counts = poisson.pmf(np.arange(stock.size), rates[:, None])
    counts[:, -1] = 1 - counts[:, :-1].sum(1)
    kernels = np.einsum("rd,yde->rye", counts, leftover(stock))
    left = kernels @ stock.levels
    sold = stock.levels - left
    money = price * sold - holding * left - lost_sale * (rates[:, None] - sold)
    steered = single_product(stock, kernels, money, cost * np.array(stock.orders))
    return solve_program(*steered, tolerance=1e-6).profit


def main() -> None:
    """Prints the ceilings and the best of each kind, market by market."""
    kept = json.loads(RESULTS.read_text())["kept"]
    print("| market | tuned rule | mtma | estimate | bound | mtma, % of estimate | room over the rule, % |")
    print("|---|---|---|---|---|---|---|")
    shares, rooms, limits = [], [], []
    for seed, found in kept.items():
        market = family_market("capped-supply", 10, 20, int(seed))
        estimate = sum(steered_profit(market, product) for product in range(market.products))
        bound = newsvendor_bound(market).value
        rule, mtma = found["profit"]["tuned-rule"], found["profit"]["mtma"]
        shares.append(100 * mtma / estimate)
        rooms.append(100 * (estimate / rule - 1))
        limits.append(100 * (bound / rule - 1))
        print(
            f"| {seed} | {rule:.2f} | {mtma:.2f} | {estimate:.2f} | {bound:.2f} | {shares[-1]:.1f} | {rooms[-1]:+.2f} |"
        )
    for name, values in (
        ("mtma, % of the estimate", shares),
        ("estimate over the tuned rule, %", rooms),
        ("bound over it, %", limits),
    ):
        interval = mean_interval(np.array(values))
        print(f"\n{name}: {interval.mean:.2f} ({interval.low:.2f} to {interval.high:.2f})")


if __name__ == "__main__":
    main()
