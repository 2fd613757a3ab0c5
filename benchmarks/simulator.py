"""Speed and memory of the simulator, policy excluded: `python benchmarks/simulator.py`.

Each case runs in its own process, so that its peak memory is its own. See `benchmarks/README.md` for what is measured.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any


@dataclass(frozen=True)
class Case:
    """One market to simulate: parallel shops of `products x customers`, or one with `candidates` per customer."""

    name: str
    products: int
    customers: int
    candidates: int | None
    shops: int
    periods: int
    full: bool
    target: float
    """Million pair-periods a second that the case must reach; 0 where none is set."""

    @property
    def pairs(self) -> int:
        return self.shops * self.customers * (self.candidates or self.products)


CASES = (
    Case("64 shops of 20 x 100", 20, 100, None, 64, 200, False, 100),
    Case("64 shops of 20 x 100, full", 20, 100, None, 64, 200, True, 50),
    Case("200,000 x 50 of 20,000", 20_000, 200_000, 50, 1, 10, False, 70),
    Case("200,000 x 50 of 20,000, full", 20_000, 200_000, 50, 1, 10, True, 35),
    Case("100,000 x 50 of 20,000", 20_000, 100_000, 50, 1, 10, False, 0),
    Case("300,000 x 50 of 20,000", 20_000, 300_000, 50, 1, 10, False, 0),
    Case("1,000,000 x 50 of 20,000", 20_000, 1_000_000, 50, 1, 10, False, 0),
    Case("1,000,000 x 50 of 20,000, full", 20_000, 1_000_000, 50, 1, 10, True, 0),
)


def measure(case: Case, repeats: int) -> dict[str, Any]:
    """Runs a case in this process."""
    import dataclasses

    import equinox as eqx
    import jax
    import jax.numpy as jnp
    import numpy as np

    from intandem.market import Decision, Market, State, base_demand, family_market, initial_state, rollout
    from intandem.market.model import Outcome

    jax.block_until_ready(jax.jit(lambda x: x + 1)(jnp.zeros(8)))
    empty = resident_bytes()
    began = time.perf_counter()
    family = "habit" if case.full else "capped-supply"
    market = family_market(family, case.products, case.customers, 0, candidates=case.candidates)
    if case.full:
        angle = 2 * np.pi * np.arange(52)[:, None] / 52 + np.linspace(0, 6, case.products)
        market = dataclasses.replace(market, season=jnp.asarray(0.8 * np.sin(angle), jnp.float32))
    jax.block_until_ready(market.base_utility)
    generated = time.perf_counter() - began
    level = jnp.ceil(0.9 * base_demand(market))
    width = case.candidates or case.products
    static = sum(leaf.nbytes for leaf in jax.tree.leaves(eqx.filter(market, eqx.is_array)))

    def policy(market: Market, state: State, key: Any) -> Decision:
        # Orders and exposures that differ from period to period, so that nothing can be computed once for all.
        scale = jax.random.uniform(key, minval=0.5, maxval=1.5)
        order = jnp.minimum(jnp.maximum(level - state.on_hand, 0.0), market.max_order)
        return Decision(order, jnp.full(market.base_utility.shape, scale / width))

    def keep(before: State, decision: Decision, after: State, outcome: Outcome) -> tuple[Any, Any, Any]:
        return outcome.profit, outcome.exposures.sum(), outcome.lost.sum() / outcome.demand.sum()

    def shop(market: Market, key: Any) -> Any:
        return rollout(market, initial_state(market), policy, case.periods, key, keep)[1]

    def run(market: Market, key: Any) -> Any:
        if case.shops == 1:
            return shop(market, key)
        return jax.vmap(shop, (None, 0))(market, jax.random.split(key, case.shops))

    began = time.perf_counter()
    compiled = jax.jit(run).lower(market, jax.random.key(0)).compile()
    compilation = time.perf_counter() - began
    jax.block_until_ready(compiled(market, jax.random.key(0)))
    walls, processors = [], []
    for repeat in range(repeats):
        wall, processor = time.perf_counter(), time.process_time()
        kept = jax.block_until_ready(compiled(market, jax.random.key(repeat + 1)))
        walls.append(time.perf_counter() - wall)
        processors.append(time.process_time() - processor)
    work = case.pairs * case.periods
    memory = compiled.memory_analysis()
    return {
        "case": case.name,
        "pairs": case.pairs,
        "million_per_second_median": work / statistics.median(walls) / 1e6,
        "million_per_second_best": work / min(walls) / 1e6,
        "wall_nanoseconds_per_pair": 1e9 * min(walls) / work,
        "processor_nanoseconds_per_pair": 1e9 * min(processors) / work,
        "target": case.target,
        "peak_bytes_per_pair": (peak_bytes() - empty) / case.pairs,
        "compiled_bytes_per_pair": (static + memory.temp_size_in_bytes + memory.output_size_in_bytes) / case.pairs,
        "market_bytes_per_pair": static / case.pairs,
        "seconds_to_generate": generated,
        "seconds_to_compile": compilation,
        "lost_share": float(kept[2].mean()),
    }


def resident_bytes() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def peak_bytes() -> int:
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def machine() -> dict[str, Any]:
    model = platform.processor()
    try:
        with open("/proc/cpuinfo") as file:
            model = next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    packages = {name: version(name) for name in ("jax", "jaxlib", "equinox", "numpy", "intandem")}
    return {"cores": os.cpu_count(), "processor": model, "python": platform.python_version(), **packages}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--inside", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside is not None:
        print(json.dumps(measure(CASES[arguments.inside], arguments.repeats)))
        return
    report: dict[str, Any] = {"machine": machine(), "repeats": arguments.repeats, "cases": []}
    show = sys.stderr if arguments.json else sys.stdout
    print(", ".join(f"{key} {value}" for key, value in report["machine"].items()), file=show)
    print(
        f"{'':32}{'M pair-periods/s':>18}{'target':>8}{'ns/pair':>9}{'CPU ns':>8}"
        f"{'peak B/pair':>13}{'compiled':>10}{'market':>8}{'made in s':>11}",
        file=show,
    )
    for place, case in enumerate(CASES):
        if arguments.only not in case.name:
            continue
        command = [sys.executable, __file__, "--inside", str(place), "--repeats", str(arguments.repeats)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        result = json.loads(done.stdout.splitlines()[-1])
        report["cases"].append(result | {"definition": asdict(case)})
        print(
            f"{case.name:32}{result['million_per_second_median']:8.0f} (best {result['million_per_second_best']:3.0f})"
            f"{case.target:8.0f}{result['wall_nanoseconds_per_pair']:9.1f}"
            f"{result['processor_nanoseconds_per_pair']:8.1f}{result['peak_bytes_per_pair']:13.0f}"
            f"{result['compiled_bytes_per_pair']:10.0f}{result['market_bytes_per_pair']:8.0f}"
            f"{result['seconds_to_generate']:11.1f}",
            file=show,
            flush=True,
        )
    if arguments.json:
        print(json.dumps(report))


if __name__ == "__main__":
    main()
