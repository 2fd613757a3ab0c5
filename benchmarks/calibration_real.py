"""Calibration on real data: time, held-out log-likelihood against its baselines, and the estimates.

    python benchmarks/calibration_real.py complete-journey FOLDER --products 50 --customers 200
    python benchmarks/calibration_real.py ta-feng FOLDER --size medium

FOLDER holds the raw files, as `intandem data fetch` leaves them.
"""

from __future__ import annotations

import argparse
import time

from intandem.data.calibration.calibrate import calibrate
from intandem.data.calibration.settings import CalibrationSettings
from intandem.data.sources.complete_journey import load_complete_journey
from intandem.data.sources.ta_feng import load_ta_feng


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", choices=["complete-journey", "ta-feng"])
    parser.add_argument("folder")
    parser.add_argument("--products", type=int, default=50)
    parser.add_argument("--customers", type=int, default=200)
    parser.add_argument("--size", default="medium")
    parser.add_argument("--across-stores", action="store_true")
    arguments = parser.parse_args()
    if arguments.source == "ta-feng":
        tables = load_ta_feng(arguments.folder, arguments.size)
    else:
        tables = load_complete_journey(arguments.folder, arguments.products, arguments.customers)
    start, processor = time.perf_counter(), time.process_time()
    found = calibrate(tables, CalibrationSettings(across_stores=arguments.across_stores))
    wall, processor = time.perf_counter() - start, time.process_time() - processor
    print(f"{tables.name}: {wall:.1f} s wall, {processor:.1f} s processor, {found.choice_fit.steps} last Newton steps")
    print(f"held-out log-likelihood per opportunity {found.holdout_log_likelihood:.5f}; baselines:")
    for name, value in found.baselines.items():
        print(f"  {name} {value:.5f}")
    effect = found.exposure_effect
    print(f"exposure effect {effect.mean:.3f} ({effect.se:.3f}), spread {effect.spread:.3f}")
    for name, estimate in {
        **effect.kinds,
        **{name: getattr(found, name) for name in ("persistence", "carry_over", "habit", "elasticity")},
    }.items():
        print(f"  {name} {estimate.value:.3f} ({estimate.se:.3f})")
    held_out = found.fit["period"].filter(split="test")
    ratio = (held_out["predicted"] / held_out["observed"]).to_numpy()
    print(f"predicted over observed purchases, by held-out period: {ratio.min():.2f} to {ratio.max():.2f}")
    print(found.identification)


if __name__ == "__main__":
    main()
