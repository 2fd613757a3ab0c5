"""How often calibration covers the truth: simulated policies whose exposures were targeted, not random.

    python benchmarks/calibration_recovery.py --policies 20

Prints, for each parameter, the share of policies whose true value lies within two standard errors of the estimate, the
mean error, the mean standard error and the spread of errors. A policy has 50 products, 500 customers and 52 weeks; its
persistence, carry-over and habit are drawn anew. Seeds from 100 on were not looked at in development. The figures are
kept in `benchmarks/results/calibration_recovery.json`.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import jax
import numpy as np

from intandem.data.calibration.calibrate import calibrate
from intandem.data.calibration.settings import CalibrationSettings
from intandem.data.sources.simulated import Targeting, simulated_firm, simulated_tables
from intandem.storage import replace_file

RESULTS = Path(__file__).parent / "results" / "calibration_recovery.json"
PARAMETERS = ("exposure_effect", "persistence", "habit", "carry_over")


def one_firm(
    seed: int, products: int, customers: int, weeks: int, targeting: Targeting
) -> dict[str, tuple[float, float, float]]:
    """Truth, estimate and standard error of each parameter for one policy."""
    rng = np.random.default_rng([seed, 77])
    truth = {
        "persistence": rng.uniform(0.3, 0.8),
        "carry_over": rng.uniform(0.3, 1.0),
        "habit": rng.uniform(0.1, 0.6),
    }
    market = simulated_firm(seed, products=products, customers=customers, **truth)
    tables = simulated_tables(market, weeks, jax.random.key(seed), targeting)
    found = calibrate(tables, CalibrationSettings(holdout_share=0.0))
    truth["exposure_effect"] = float(np.asarray(market.exposure_effect).mean())
    estimates = {name: (getattr(found, name).value, getattr(found, name).se) for name in PARAMETERS[1:]}
    estimates["exposure_effect"] = (found.exposure_effect.mean, found.exposure_effect.se)
    return {name: (truth[name], *estimates[name]) for name in PARAMETERS}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--policies", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=100)
    parser.add_argument("--products", type=int, default=50)
    parser.add_argument("--customers", type=int, default=500)
    parser.add_argument("--weeks", type=int, default=52)
    parser.add_argument("--taste", type=float, default=Targeting.taste)
    parser.add_argument("--intention", type=float, default=Targeting.intention)
    parser.add_argument("--promotion", type=float, default=Targeting.promotion)
    arguments = parser.parse_args()
    targeting = Targeting(arguments.taste, arguments.intention, arguments.promotion)
    begun = time.perf_counter()
    results = []
    for seed in range(arguments.first_seed, arguments.first_seed + arguments.policies):
        start = time.perf_counter()
        results.append(one_firm(seed, arguments.products, arguments.customers, arguments.weeks, targeting))
        line = ", ".join(
            f"{name} {estimate:.3f} ({se:.3f}) for {truth:.3f}, z {(estimate - truth) / se:+.1f}"
            for name, (truth, estimate, se) in results[-1].items()
        )
        print(f"policy {seed}: {line}; {time.perf_counter() - start:.1f} s", flush=True)
    print(f"\n{'parameter':16s} {'within 2 se':>11s} {'mean error':>11s} {'mean se':>9s} {'sd of error':>11s}")
    for name in PARAMETERS:
        truth, estimate, se = np.array([result[name] for result in results]).T
        error = estimate - truth
        covered = np.mean(np.abs(error) <= 2 * se)
        print(f"{name:16s} {covered:11.0%} {error.mean():+11.4f} {se.mean():9.4f} {error.std():11.4f}")
    with replace_file(RESULTS) as beside:
        beside.write_text(json.dumps({"arguments": vars(arguments), "truth_estimate_error": results}, indent=1) + "\n")
    print(f"{arguments.policies} policies in {time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
