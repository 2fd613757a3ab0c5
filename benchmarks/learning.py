"""What learning is worth: the claims of `docs/results`, each by one command, with intervals over seeds.

```
python benchmarks/learning.py two-products     # mtma, stma, reversed against the exact optimum, 10 seeds
python benchmarks/learning.py capped-supply    # mtma against the best tuned rule with an in-stock filter, 10 markets
python benchmarks/learning.py free-supply      # the negative control: mtma against the best silo, 10 markets
python benchmarks/learning.py families         # every family at 10 x 20, 3 markets: rule, silo, stma, mtma
python benchmarks/learning.py estimators       # perturbation against pathwise, three families
```

Each prints a table in Markdown and keeps its figures in `benchmarks/results/NAME.json`; markets that were done are not
done again when a stopped command is repeated with `--resume`.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import jax
import numpy as np
import tyro

import intandem
from intandem.evaluation.compare import compare
from intandem.evaluation.statistics import Interval, mean_interval
from intandem.learning import TrainSettings
from intandem.market import FAMILIES, Market, example_market, family_market
from intandem.storage import replace_file

RESULTS = Path(__file__).parent / "results"
EXACT = 42.32057
"""Average profit per period of `two-products-capped` by exact relative value iteration (exposure in quarters)."""
EXACT_SILO = 33.48991
GAINS: dict[str, tuple[str, ...]] = {
    "capped-supply": ("filtered-silo", "tuned-filter", "tuned-rule", "mtma"),
    "free-supply": ("tuned-silo", "learned-silo", "mtma"),
}
"""Studies of what `mtma` earns more, and the methods of each."""

FIRST_MARKET_SEED = 100
"""Markets are judged on seeds that nothing was tuned on; tuning used seeds below 10."""


@dataclass(frozen=True)
class Options:
    """Command line.

    - `study`: which claim. `seeds`: training seeds of `two-products`, market seeds of the others (0: as stated).
    - `updates`: of training; 0 for the default. `resume`: go on with what an earlier, stopped run has kept.
    """

    study: tyro.conf.Positional[Literal["two-products", "capped-supply", "free-supply", "families", "estimators"]]
    seeds: int = 0
    updates: int = 0
    resume: bool = False


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "jax": jax.__version__,
        "intandem": intandem.__version__,
    }


def two_products(seeds: int, settings: TrainSettings) -> dict[str, Any]:
    """The multi-timescale claim on a market whose optimum is known: equal samples, one training per seed."""
    found = compare(
        example_market("two-products-capped"),
        ("silo", "filtered-silo", "mtma", "stma", "reversed"),
        seeds,
        settings=settings,
        periods=2000,
        runs=64,
    )
    rows = {}
    for name, result in found.results.items():
        share = 100 * result.profit_by_seed / EXACT
        rows[name] = {
            "profit": result.profit,
            "share_of_optimum": _interval(share),
            "worst_seed": float(share.min()),
            "shares": share.tolist(),
            "seconds": result.seconds,
        }
    print(f"\nShare of the exact optimum {EXACT} (exact silo: {100 * EXACT_SILO / EXACT:.1f}%), {seeds} seeds, %\n")
    print("| method | mean | 95% interval | worst seed | training, s |\n|---|---|---|---|---|")
    for name, row in rows.items():
        mean, low, high = row["share_of_optimum"]
        print(f"| {name} | {mean:.2f} | {low:.2f} to {high:.2f} | {row['worst_seed']:.2f} | {row['seconds']:.0f} |")
    differences = {other: found.gain("mtma", other) for other in ("stma", "reversed")}
    for other, gain in differences.items():
        print(f"\nmtma over {other}: {100 * gain.mean:+.2f}% ({100 * gain.low:+.2f} to {100 * gain.high:+.2f})")
    return {"methods": rows, "gains": {name: _plain(gain) for name, gain in differences.items()}}


def against(
    family: str,
    methods: tuple[str, ...],
    rival: str,
    market_seeds: range,
    settings: TrainSettings,
    kept: dict[str, Any],
    keep: Callable[[], None],
) -> None:
    """One family: plays every method on every market that is not in `kept` yet, and keeps each as it is done."""
    for seed in market_seeds:
        if str(seed) not in kept:
            kept[str(seed)] = _one_market(family_market(family, 10, 20, seed), methods, settings)
            _say(family, seed, kept[str(seed)], rival)
            keep()


def _one_market(market: Market, methods: tuple[str, ...], settings: TrainSettings) -> dict[str, Any]:
    started = time.monotonic()
    found = compare(market, methods, 1, settings=settings)
    return {
        "profit": {name: result.profit for name, result in found.results.items()},
        "standard_error": {name: result.simulated[0].profit_se for name, result in found.results.items()},
        "lost_share": {name: result.mean("lost_share") for name, result in found.results.items()},
        "rules": {name: result.rules for name, result in found.results.items() if result.rules},
        "seconds": round(time.monotonic() - started, 1),
    }


def _say(family: str, seed: int, found: dict[str, Any], rival: str) -> None:
    profit = found["profit"]
    gain = 100 * (profit["mtma"] - profit[rival]) / abs(profit[rival])
    figures = ", ".join(f"{name} {value:.2f}" for name, value in profit.items())
    print(f"{family} market {seed}: {figures}; mtma {gain:+.2f}% over {rival} ({found['seconds']:.0f} s)", flush=True)


def gains(kept: dict[str, Any], name: str, rival: str) -> np.ndarray:
    """Gain of a method over a rival by market, in percent of the rival's profit."""
    return np.array([100 * (m["profit"][name] - m["profit"][rival]) / abs(m["profit"][rival]) for m in kept.values()])


def estimators(market: Market, seeds: int, settings: TrainSettings) -> dict[str, float]:
    """Profit of `mtma` by either estimator, beside the tuned rule."""
    profit = {}
    for estimator in ("perturbation", "pathwise"):
        methods = ("mtma", "tuned-rule") if estimator == "perturbation" else ("mtma",)
        found = compare(market, methods, seeds, settings=replace(settings, estimator=estimator))
        profit |= {estimator if name == "mtma" else name: one.profit for name, one in found.results.items()}
    return profit


def _interval(values: np.ndarray) -> list[float]:
    return _plain(mean_interval(values))


def _plain(interval: Interval) -> list[float]:
    return [interval.mean, interval.low, interval.high]


def _claim(kept: dict[str, Any], rival: str) -> dict[str, Any]:
    values = gains(kept, "mtma", rival)
    mean, low, high = _interval(values)
    print(f"\nmtma over {rival}: {mean:+.2f}% ({low:+.2f} to {high:+.2f}), worst market {values.min():+.2f}%")
    return {"gain": [mean, low, high], "worst": float(values.min())}


def main(options: Options) -> None:
    """Runs one study and keeps its figures."""
    settings = TrainSettings(updates=options.updates) if options.updates else TrainSettings()
    path = RESULTS / f"{options.study}.json"
    found: dict[str, Any] = {"machine": machine(), "updates": settings.updates}
    if options.resume and path.exists():
        found = json.loads(path.read_text())

    def keep() -> None:
        with replace_file(path) as beside:
            beside.write_text(json.dumps(found, indent=1) + "\n")

    if options.study == "two-products":
        found |= two_products(options.seeds or 10, settings)
    elif options.study == "estimators":
        for family in ("fixed-cost", "mixed", "long-lead"):
            found[family] = estimators(family_market(family, 10, 20, FIRST_MARKET_SEED), options.seeds or 1, settings)
            print(f"{family}: " + ", ".join(f"{name} {value:.2f}" for name, value in found[family].items()), flush=True)
            keep()
    elif options.study == "families":
        methods = ("tuned-rule", "learned-silo", "stma", "mtma")
        seeds = range(FIRST_MARKET_SEED, FIRST_MARKET_SEED + (options.seeds or 3))
        families = found.setdefault("families", {})
        for family in FAMILIES:
            against(family, methods, "tuned-rule", seeds, settings, families.setdefault(family, {}), keep)
        _families_table(families, methods)
    else:
        methods = GAINS[options.study]
        seeds = range(FIRST_MARKET_SEED, FIRST_MARKET_SEED + (options.seeds or 10))
        kept = found.setdefault("kept", {})
        against(options.study, methods, methods[-2], seeds, settings, kept, keep)
        rivals = methods[:-1]
        if options.study == "free-supply":
            for market in kept.values():
                market["profit"]["best-silo"] = max(market["profit"][name] for name in rivals)
            rivals = ("best-silo",)
        found["gains"] = {rival: _claim(kept, rival) for rival in rivals}
    keep()
    print(f"\nkept in {path}; machine: {found['machine']}")


def _families_table(families: dict[str, Any], methods: tuple[str, ...]) -> None:
    print(
        "\nGain over the best tuned rule with an in-stock filter, % of its profit: mean over markets (95% interval)\n"
    )
    print("| family | tuned rule, profit | " + " | ".join(methods[1:]) + " |")
    print("|---|---|" + "---|" * len(methods[1:]))
    for family, kept in families.items():
        cells = []
        for name in methods[1:]:
            mean, low, high = _interval(gains(kept, name, "tuned-rule"))
            cells.append(f"{mean:+.1f} ({low:+.1f} to {high:+.1f})")
        profit = float(np.mean([market["profit"]["tuned-rule"] for market in kept.values()]))
        print(f"| {family} | {profit:.1f} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
