"""What theory computes, against what is known: each claim by one command, kept in `results/theory-NAME.json`.

```
python benchmarks/theory.py solver           # seconds of the solver from a cold start, two markets
python benchmarks/theory.py agreement        # simulation of the exact policy against its exact value, 50 markets
python benchmarks/theory.py bounds           # bounds and the dual-price rule against the exact optimum, 300 markets
python benchmarks/theory.py families         # best bound against the best policy known, every family at 20 x 100
python benchmarks/theory.py scale            # a bound on 1,000 products x 20,000 customers x 50 candidates
python benchmarks/theory.py capped-supply    # the dual-price rule against every other rule and mtma, 10 markets
```

Each prints a table in Markdown. What was done is kept: `--resume` goes on with it, `--again` starts over.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tyro

from intandem.departments import policy_of_rules
from intandem.evaluation.compare import compare
from intandem.evaluation.simulation import simulate
from intandem.evaluation.statistics import mean_interval
from intandem.market import FAMILIES, SolveSettings, build_market, family_market, save_market
from intandem.storage import replace_file
from intandem.theory.bounds import LEVELS_ONLY, bounds, fluid_bound
from intandem.theory.dual_price import dual_price_policy
from intandem.theory.intertemporal import solve
from intandem.theory.intertemporal.policy_table import tabled_policy
from intandem.theory.random_markets import KINDS, random_market
from learning import machine

RESULTS = Path(__file__).parent / "results"

FIRST_SEED = 1_000
"""Random markets of these studies; development looked at seeds below 200."""

Kept = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Options:
    """Command line.

    - `study`: which. `markets`: how many (0: as stated). `resume`: go on with what a stopped run has kept. `again`: put
      it aside and start over.
    """

    study: tyro.conf.Positional[Literal["solver", "agreement", "bounds", "families", "scale", "capped-supply"]]
    markets: int = 0
    resume: bool = False
    again: bool = False


def run(study: str, keys: list[str], one: Callable[[str], dict[str, Any]], options: Options) -> Kept:
    """Does every key that is not kept yet, and keeps each as it is done."""
    path = RESULTS / f"theory-{study}.json"
    if path.exists() and not (options.resume or options.again):
        raise SystemExit(f"{path} holds this study: --resume goes on with it, --again starts over")
    kept: Kept = json.loads(path.read_text())["kept"] if options.resume and path.exists() else {}
    for key in keys:
        if key not in kept:
            kept[key] = one(key)
            with replace_file(path) as beside:
                beside.write_text(json.dumps({"machine": machine(), "kept": kept}, indent=1))
            print(f"{key}: {kept[key]}", file=sys.stderr, flush=True)
    return kept


def solver(options: Options) -> None:
    """Wall seconds of `intandem solve`, interpreter, compilation and all, without a cache of compiled programs."""

    def one(key: str) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder:
            market = "two-products-capped"
            if key == "lost sales, lead time 4":
                market = str(Path(folder) / "market.toml")
                chance = 5 / 2_000
                save_market(
                    build_market(
                        {
                            "price": np.zeros(1),
                            "unit_cost": np.zeros(1),
                            "holding_cost": np.ones(1),
                            "lost_sale_cost": np.full(1, 9.0),
                            "lead_time": np.full(1, 4),
                        },
                        np.full((1, 1), np.log(chance / (1 - chance))),
                        np.zeros((1, 1)),
                        population=np.array([2_000]),
                        name=key,
                        solve=SolveSettings(stock_cap=24),
                    ),
                    market,
                )
            started = time.monotonic()
            command = [sys.executable, "-m", "intandem", "solve", market, "--json"]
            done = subprocess.run(command, capture_output=True, env={"INTANDEM_CACHE": folder}, check=True)
            seconds = time.monotonic() - started
        figures = json.loads(done.stdout)
        return {"seconds": seconds, **{name: figures[name] for name in ("average_profit", "silo_profit", "states")}}

    kept = run("solver", ["two-products-capped", "lost sales, lead time 4"], one, options)
    print("| market | states | average profit | silo | seconds, cold |\n|---|---|---|---|---|")
    for key, row in kept.items():
        print(
            f"| {key} | {row['states']:,} | {row['average_profit']:.5f} | {row['silo_profit']:.5f} "
            f"| {row['seconds']:.1f} |"
        )


def market_keys(count: int) -> list[str]:
    """Kinds in turn, each market with a seed of its own."""
    kinds = list(KINDS)
    return [f"{kinds[k % len(kinds)]}:{FIRST_SEED + k}" for k in range(count)]


def agreement(options: Options) -> None:
    """How many standard errors the simulated exact policy lies from its exact value."""

    def one(key: str) -> dict[str, Any]:
        kind, seed = key.split(":")
        market = random_market(KINDS[kind], int(seed))
        joint = solve(market, ("joint",)).regimes["joint"]
        played = simulate(market, tabled_policy(market, joint.policy), periods=5_000, runs=32, seed=int(seed))
        return {"exact": joint.profit, "simulated": played.profit, "error": played.profit_se}

    kept = run("agreement", market_keys(options.markets or 50), one, options)
    away = np.array([(row["simulated"] - row["exact"]) / row["error"] for row in kept.values()])
    print(
        f"markets: {len(away)}; within 3 standard errors: {(np.abs(away) <= 3).sum()}; most: {np.abs(away).max():.2f}"
    )
    print(
        f"mean of the standardised differences: {away.mean():+.2f} (expected 0, standard error {away.size**-0.5:.2f})"
    )


def against_optimum(options: Options) -> None:
    """Bounds and the dual-price rule on random markets that can be solved."""

    def one(key: str) -> dict[str, Any]:
        kind, seed = key.split(":")
        market = random_market(KINDS[kind], int(seed))
        solution = solve(market, ("joint", "filtered-silo"))
        joint = solution.regimes["joint"]
        found = bounds(market)
        played = simulate(market, dual_price_policy(market), periods=1_000, runs=32, seed=int(seed))
        return {
            "optimum": joint.profit,
            "lower": joint.lower,
            "filtered-silo": solution.regimes["filtered-silo"].profit,
            "bounds": found.values,
            "best": found.best_name,
            "dual-price": played.profit,
            "error": played.profit_se,
        }

    kept = run("bounds", market_keys(options.markets or 300), one, options)
    rows = list(kept.values())
    print(
        "| bound | markets | below the optimum | median distance, % | 90% of markets within, % |\n|---|---|---|---|---|"
    )
    for name in ("fluid", "newsvendor", "habits", "batches", "lagrangian", LEVELS_ONLY, "clairvoyant", "best"):
        with_it = [row for row in rows if name == "best" or name in row["bounds"]]
        if not with_it:
            continue
        values = np.array([row["bounds"][row["best"] if name == "best" else name] for row in with_it])
        optima = np.array([row["lower"] for row in with_it])
        away = 100 * (values - optima) / np.abs(optima)
        below = (values < optima - 1e-6 * np.maximum(np.abs(optima), 1)).sum()
        print(f"| {name} | {len(with_it)} | {below} | {np.median(away):.2f} | {np.quantile(away, 0.9):.2f} |")
    print("\n| dual-price rule, kind | markets | gap to optimum, %: median | mean | filtered silo's: median | mean |")
    print("|---|---|---|---|---|---|")
    kinds = [key.split(":")[0] for key in kept]
    for kind in [*KINDS, "all"]:
        chosen = [row for row, its in zip(rows, kinds, strict=True) if kind in (its, "all")]
        if not chosen:
            continue
        gap, silo = (
            100 * np.array([(row["optimum"] - row[name]) / abs(row["optimum"]) for row in chosen])
            for name in ("dual-price", "filtered-silo")
        )
        figures = [np.median(gap), gap.mean(), np.median(silo), silo.mean()]
        print(f"| {kind} | {len(chosen)} | " + " | ".join(f"{one:.2f}" for one in figures) + " |")


def families(options: Options) -> None:
    """The best bound against the best policy known, at 20 x 100."""

    def one(key: str) -> dict[str, Any]:
        market = family_market(key, 20, 100, FIRST_SEED)
        compared = compare(market, ["tuned-rule", "dual-price", "learned-silo", "mtma"], 1)
        return {"profit": {name: one.profit for name, one in compared.results.items()}}

    kept = run("families", list(FAMILIES), one, options)
    print("| family | tuned rule | dual prices | learned silo | mtma | best bound | above the best policy, % |")
    print("|---|---|---|---|---|---|---|")
    for key, row in kept.items():
        # Seconds, where training takes minutes: always those of the present bounds.
        bound, profit = bounds(family_market(key, 20, 100, FIRST_SEED)).best, row["profit"]
        cells = " | ".join(f"{profit[name]:,.1f}" for name in ("tuned-rule", "dual-price", "learned-silo", "mtma"))
        print(f"| {key} | {cells} | {bound:,.1f} | {100 * (bound / max(profit.values()) - 1):.1f} |")


def scale(options: Options) -> None:
    """Seconds and value of the fluid bound on a large market."""

    def one(key: str) -> dict[str, Any]:
        family = key.split(" ")[0]
        started, used = time.monotonic(), time.process_time()
        market = family_market(family, 1_000, 20_000, 0, candidates=50)
        made = time.monotonic() - started
        bound = fluid_bound(market)
        seconds, processor = time.monotonic() - started - made, time.process_time() - used
        rule = policy_of_rules(market, "base-stock", "uplift:filter=in-stock")
        played = simulate(market, rule, periods=30, runs=1)
        return {"made": made, "seconds": seconds, "processor": processor, "bound": bound.value, "rule": played.profit}

    kept = run("scale", ["capped-supply 1,000 x 20,000 x 50"], one, options)
    print("| market | bound | filtered silo | seconds | processor seconds |\n|---|---|---|---|---|")
    for key, row in kept.items():
        print(f"| {key} | {row['bound']:,.0f} | {row['rule']:,.0f} | {row['seconds']:.0f} | {row['processor']:.0f} |")


def capped_supply(options: Options) -> None:
    """The dual-price rule against every other rule, and mtma as `learning.py` found it, on unseen markets."""
    learned = json.loads((RESULTS / "capped-supply.json").read_text())["kept"]
    rules = ["silo", "filtered-silo", "tuned-silo", "tuned-filter", "tuned-rule", "dual-price"]

    def one(key: str) -> dict[str, Any]:
        found = compare(family_market("capped-supply", 10, 20, int(key)), rules, 1)
        result = {name: row.profit for name, row in found.results.items()}
        return {**result, "seconds": found.results["dual-price"].seconds, "mtma": learned[key]["profit"]["mtma"]}

    keys = [str(100 + k) for k in range(options.markets or 10)]
    kept = run("capped-supply", keys, one, options)
    print("| dual-price less | mean, % | 95% interval | above on |\n|---|---|---|---|")
    for other in [*rules[:-1], "mtma"]:
        gains = np.array([100 * (row["dual-price"] / row[other] - 1) for row in kept.values()])
        interval = mean_interval(gains)
        above = f"{(gains > 0).sum()} of {gains.size}"
        print(f"| {other} | {interval.mean:+.2f} | {interval.low:+.2f} to {interval.high:+.2f} | {above} |")


if __name__ == "__main__":
    chosen = tyro.cli(Options)
    {
        "solver": solver,
        "agreement": agreement,
        "bounds": against_optimum,
        "families": families,
        "scale": scale,
        "capped-supply": capped_supply,
    }[chosen.study](chosen)
