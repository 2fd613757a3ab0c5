"""Comparisons whose profits are invented, so that sentences and pictures are tested without playing anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import equinox as eqx
import jax
import numpy as np
import pytest

from intandem.departments import policy_of_rules
from intandem.evaluation.comparison import Comparison, MethodResult
from intandem.evaluation.simulated import Simulated
from intandem.evaluation.simulation import _no_totals
from intandem.learning import Training, TrainSettings
from intandem.market.files import example_market

PERIODS = 10

Invented = Callable[..., Comparison]


@pytest.fixture(scope="session")
def invented() -> Invented:
    """A function from profits per period, by method, seed and run, to a comparison on a small market."""
    market = example_market("two-products-capped")
    policy = policy_of_rules(market, "base-stock", "uplift")
    nothing = _no_totals(market)

    def simulated(profits: Sequence[float], seed: int, lost: float) -> Simulated:
        runs = len(profits)
        totals = jax.tree.map(lambda zero: np.zeros((runs, *zero.shape)), nothing)
        each = np.ones((runs, market.products)) * PERIODS
        paid = np.asarray(profits, float)[:, None] * each / market.products
        totals = eqx.tree_at(
            lambda one: (one.profit, one.demand, one.exposures, one.lost, one.served_new),
            totals,
            (paid, each, each, lost * each, (1 - lost) * each),
        )
        return Simulated(market.labels.product_ids, PERIODS, runs, 0, seed, 1.0, totals)

    def compared(
        profits: Mapping[str, Sequence[Sequence[float]]], *, learned: Sequence[str] = ("mtma",), lost: float = 0.1
    ) -> Comparison:
        results = {}
        for name, by_seed in profits.items():
            trainings = tuple(
                Training(
                    policy, {"profit": np.linspace(0, by_seed[k][0], 16)}, 1.0, 100, {"critic": 0}, TrainSettings(), k
                )
                for k in range(len(by_seed))
                if name in learned
            )
            results[name] = MethodResult(
                name,
                "learned" if name in learned else "rule",
                (policy,),
                tuple(simulated(runs, k, lost) for k, runs in enumerate(by_seed)),
                1.0,
                trainings=trainings,
            )
        (seeds,) = {len(by_seed) for by_seed in profits.values()}
        (runs,) = {len(runs) for by_seed in profits.values() for runs in by_seed}
        return Comparison(market, results, seeds, runs, PERIODS, 0)

    return compared
