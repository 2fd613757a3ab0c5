"""What a comparison found: methods side by side on one market, with paired differences and their intervals.

Where training is part of a method its seeds are the pairs (a run that collapses counts); rules alone differ by noise,
and then the runs are the pairs. A few trainings that happen to agree do not make an interval narrower than the noise of
the runs that judge them: of the two the wider is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl

from intandem.display import Displayed, Summary, count, money, percent
from intandem.errors import InputError, did_you_mean
from intandem.evaluation.labels import COORDINATED, LABELS
from intandem.evaluation.simulated import Simulated, Trace
from intandem.evaluation.simulation import trace
from intandem.evaluation.statistics import Interval, mean_interval, paired_difference, wider
from intandem.learning import Training
from intandem.market import Market
from intandem.market.simulate import Policy

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Kind = Literal["rule", "tuned", "learned", "own"]

FIGURES = (
    "fill_rate",
    "lost_share",
    "exposure_share",
    "orders_per_period",
    "end_stock",
    "cover",
    "exposure_concentration",
    "catalogue_coverage",
)
"""Figures of `Simulated` that a comparison shows beside profit."""


@dataclass(frozen=True, repr=False)
class MethodResult(Displayed):
    """One method on one market.

    - `kind`: rules as they are, rules tuned on the simulator, trained departments, or a policy of the user's own.
    - `simulated`: its figures, by seed. `policies`: one, or one per seed where it was trained.
    - `trainings`: by seed, for trained policies. `rules`: the texts of its rules, for the others.
    - `seconds`: to prepare one policy: to train or tune it; 0 for rules as they are.
    """

    name: str
    kind: Kind
    policies: tuple[Policy, ...]
    simulated: tuple[Simulated, ...]
    seconds: float
    trainings: tuple[Training, ...] = ()
    rules: tuple[str, str] | None = None

    @property
    def label(self) -> str:
        """What people read."""
        return LABELS.get(self.name, self.name)

    @property
    def profit_by_seed(self) -> np.ndarray:
        """Profit per period, mean over runs, shape `seeds`."""
        return np.array([one.profit for one in self.simulated])

    @property
    def profit_by_run(self) -> np.ndarray:
        """Profit per period of every run of every seed, seed after seed."""
        return np.concatenate([one.profit_by_run for one in self.simulated])

    @property
    def profit(self) -> float:
        """Mean profit per period."""
        return float(self.profit_by_seed.mean())

    @property
    def interval(self) -> Interval:
        """Mean profit with its 95% interval: over runs, or over seeds if it was trained with several and that is
        wider."""
        over_runs = mean_interval(self.profit_by_run)
        over_seeds = self.kind == "learned" and len(self.simulated) > 1
        return wider(over_runs, mean_interval(self.profit_by_seed)) if over_seeds else over_runs

    @property
    def handed_over(self) -> tuple[str, ...]:
        """Where something that had been tried earned more than what was trained: what is judged, by seed (`trained`,
        `start` or a rule's text); empty where every training is judged as it came out."""
        names = tuple("trained" if one.handed is None else one.handed.name for one in self.trainings)
        return names if set(names) - {"trained"} else ()

    def mean(self, name: str) -> float:
        """Mean over seeds of one figure of `Simulated`."""
        return float(np.mean([getattr(one, name) for one in self.simulated]))

    def _summary(self) -> Summary:
        rows = [
            (
                "demand",
                f"{percent(self.mean('fill_rate'))} met in its own period, {percent(self.mean('lost_share'))} lost",
            ),
            ("exposure", f"{percent(self.mean('exposure_share'))} of the slots used"),
            ("kind", f"{self.kind}, {count(len(self.policies), 'policy', 'policies')}, {self.seconds:,.1f} s each"),
            ("judged", f"on {count(len(self.simulated), 'seed')}"),
        ]
        if self.rules:
            rows.append(("rules", " | ".join(self.rules)))
        if self.handed_over:
            rows.append(("handed over", ", ".join(self.handed_over)))
        return Summary(f"{self.name}: profit {money(self.profit)} per period {_bracket(self.interval)}", rows)

    def to_frame(self) -> pl.DataFrame:
        """One row per seed: `seed` (from 0), `judging_seed`, `profit` and its standard error `profit_se` (money per
        period), and the figures of `FIGURES` (shares; units; periods), see `Simulated`."""
        rows = [
            {
                "seed": at,
                "judging_seed": one.seed,
                "profit": one.profit,
                "profit_se": one.profit_se,
                **{name: getattr(one, name) for name in FIGURES},
            }
            for at, one in enumerate(self.simulated)
        ]
        return pl.DataFrame(rows)

    def as_json(self) -> dict[str, object]:
        """The figures under the names of the command line's JSON."""
        figures: dict[str, object] = {
            "profit": self.profit,
            "ci": self.interval.ci,
            "fill_rate": self.mean("fill_rate"),
            "lost_share": self.mean("lost_share"),
            "seconds": self.seconds,
            **{name: self.mean(name) for name in FIGURES[2:]},
            "profit_by_seed": self.profit_by_seed.tolist(),
        }
        if self.trainings:
            figures["parameters"] = self.trainings[0].parameters
            figures["steps"] = self.trainings[0].steps
        if self.handed_over:
            figures["handed_over"] = list(self.handed_over)
        if self.rules:
            figures["inventory"], figures["recommendation"] = self.rules
        return figures


@dataclass(frozen=True, repr=False)
class Comparison(Displayed):
    """Methods on one market, in the order given; `seeds` and `runs` of each, `periods` after `warmup`."""

    market: Market
    results: dict[str, MethodResult]
    seeds: int
    runs: int
    periods: int
    warmup: int

    @property
    def subject(self) -> str:
        """The method that the comparison is about: the coordinated one, or else the last."""
        return next((name for name in COORDINATED if name in self.results), list(self.results)[-1])

    @property
    def reference(self) -> str | None:
        """What the subject is measured against: of the others, the one that earns most.

        Coordinated methods count only where there are no others; nothing where the subject is alone.
        """
        others = [name for name in self.results if name != self.subject]
        uncoordinated = [name for name in others if name not in COORDINATED]
        return max(uncoordinated or others, key=lambda name: self.results[name].profit, default=None)

    def difference(self, name: str, reference: str) -> Interval:
        """Profit per period of one method less that of another, with its 95% interval."""
        one, other = self._named(name), self._named(reference)
        over_runs = paired_difference(one.profit_by_run, other.profit_by_run)
        if self.seeds > 1 and "learned" in (one.kind, other.kind):
            return wider(over_runs, paired_difference(one.profit_by_seed, other.profit_by_seed))
        return over_runs

    def over(self, name: str, reference: str) -> str:
        """What the interval of a difference is over: `3 trainings`, or `24 runs`."""
        one, other = self._named(name), self._named(reference)
        if self.seeds > 1 and "learned" in (one.kind, other.kind):
            over_seeds = paired_difference(one.profit_by_seed, other.profit_by_seed)
            if over_seeds == self.difference(name, reference):
                return count(self.seeds, "training")
        return count(self.runs * self.seeds, "run")

    def _named(self, name: str) -> MethodResult:
        if name not in self.results:
            raise InputError(f"'{name}'", "is no method of this comparison", did_you_mean(name, list(self.results)))
        return self.results[name]

    def gain(self, name: str, reference: str) -> Interval:
        """The difference as a share of the size of the reference's profit."""
        difference = self.difference(name, reference)
        base = max(abs(self.results[reference].profit), 1e-9)
        return Interval(difference.mean / base, difference.low / base, difference.high / base)

    def _summary(self) -> Summary:
        names = list(self.results)
        period, first = self.market.period, names[0]
        rows = []
        for name, one in self.results.items():
            gain = f"{100 * self.gain(name, first).mean:+.1f}%" if name != first else ""
            lost, seconds = percent(one.mean("lost_share")), f"{one.seconds:,.1f}"
            rows.append((name, money(one.profit), _bracket(one.interval), gain, lost, seconds))
        columns = ("method", f"profit per {period}", "95% interval", f"over {first}", "demand lost", "seconds")
        size = f"{count(self.seeds, 'seed')}, {count(self.runs, 'run')} of {count(self.periods, period)}"
        return Summary(f"{self._best()} in {self.market.name}; {size}", rows, columns)

    def _best(self) -> str:
        """Who earns most, and whether that is settled."""
        ranked = sorted(self.results, key=lambda name: self.results[name].profit, reverse=True)
        if len(ranked) == 1:
            return f"{ranked[0]} earns {money(self.results[ranked[0]].profit)}"
        ahead = self.difference(ranked[0], ranked[1])
        settled = "" if ahead.excludes_zero else f", not told apart from {ranked[1]}"
        return f"{ranked[0]} earns most{settled}"

    def to_frame(self) -> pl.DataFrame:
        """One row per method, in the order given.

        - `method`; `label`: what people read, in pictures too; `kind`: `rule`, `tuned`, `learned`, or `own` for one of
          the user's.
        - `profit`: money per period; `low`, `high`: its 95% interval, null where one value is all there is.
        - the figures of `FIGURES`: shares; `orders_per_period` and `end_stock` in units; `cover` in periods of demand.
        - `seconds`: to prepare one policy. `seeds`: how many it was judged on.

        ```python
        >>> from intandem.evaluation.compare import compare
        >>> from intandem.market import example_market
        >>> market = example_market("two-products-capped")
        >>> found = compare(market, ["silo", "filtered-silo"], seeds=1, periods=200, runs=8)
        >>> found.to_frame().columns[:6]
        ['method', 'label', 'kind', 'profit', 'low', 'high']
        >>> found.paired_frame().select("method", "reference").rows()
        [('filtered-silo', 'silo')]

        ```
        """
        rows = [
            {
                "method": name,
                "label": one.label,
                "kind": one.kind,
                "profit": one.profit,
                **_ends(one.interval),
                **{figure: one.mean(figure) for figure in FIGURES},
                "seconds": one.seconds,
                "seeds": len(one.simulated),
            }
            for name, one in self.results.items()
        ]
        schema: dict[str, type[pl.DataType]] = {"low": pl.Float64, "high": pl.Float64}
        return pl.DataFrame(rows, schema_overrides=schema)

    def paired_frame(self) -> pl.DataFrame:
        """One row per pair of methods: by how much `method` earns more than `reference`, one given before it.

        - `difference`: money per period, and `low`, `high`, its 95% interval (null where one pair is all there is).
        - `share`, `share_low`, `share_high`: the same as a share of the size of the reference's profit.
        """
        rows = []
        for name, reference in self.pairs():
            gain = self.gain(name, reference)
            difference = self.difference(name, reference)
            rows.append(
                {"method": name, "reference": reference, "difference": difference.mean, **_ends(difference)}
                | {"share": gain.mean, **{f"share_{end}": value for end, value in _ends(gain).items()}}
            )
        numbers = ("difference", "low", "high", "share", "share_low", "share_high")
        names: dict[str, type[pl.DataType]] = {"method": pl.String, "reference": pl.String}
        return pl.DataFrame(rows, schema=names | dict.fromkeys(numbers, pl.Float64))

    def pairs(self) -> list[tuple[str, str]]:
        """Every method with each of those given before it."""
        names = list(self.results)
        return [(name, other) for at, name in enumerate(names) for other in names[:at]]

    def as_json(self) -> dict[str, object]:
        """The comparison under the names of the command line's JSON."""
        paired = {}
        for name, other in self.pairs():
            difference = self.difference(name, other)
            paired[f"{name} - {other}"] = {
                "mean": difference.mean,
                "ci": difference.ci,
                "share": self.gain(name, other).mean,
            }
        return {
            "methods": {name: result.as_json() for name, result in self.results.items()},
            "paired": paired,
            "seeds": self.seeds,
            "runs": self.runs,
            "periods": self.periods,
            "warmup": self.warmup,
        }

    def traces(self, methods: Sequence[str] | None = None, *, periods: int = 52, seed: int = 0) -> dict[str, Trace]:
        """One run of each method, or of `methods`, period by period with every product, on common random numbers."""
        every = range(self.market.products)
        return {
            name: trace(self.market, self.results[name].policies[0], products=every, periods=periods, seed=seed)
            for name in (self.results if methods is None else methods)
        }

    def plot_profit(self, *, currency: str = "") -> Figure:
        """Profit of each method with its interval, see `intandem.plot_profit`."""
        from intandem.evaluation.plots import plot_profit

        return plot_profit(self, currency=currency)

    def plot_learning(self, *, currency: str = "") -> Figure:
        """Profit while training, see `intandem.plot_learning`."""
        from intandem.evaluation.plots import plot_learning

        return plot_learning(self, currency=currency)

    def plot_products(
        self,
        products: Sequence[int | str] | None = None,
        *,
        methods: Sequence[str] | None = None,
        names: Sequence[str] | None = None,
        periods: int = 52,
        seed: int = 0,
    ) -> Figure:
        """Products over time under the best methods, see `intandem.plot_products`."""
        from intandem.evaluation.plots import plot_products

        return plot_products(self, products=products, methods=methods, names=names, periods=periods, seed=seed)


def _bracket(interval: Interval) -> str:
    low, high = interval.ci
    return "" if low is None or high is None else f"[{money(low)}, {money(high)}]"


def _ends(interval: Interval) -> dict[str, float | None]:
    low, high = interval.ci
    return {"low": low, "high": high}
