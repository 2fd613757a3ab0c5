"""Training that is never behind: starts compete, and what was best of all that was tried is handed over.

`mtma.train` trains once, from one start. Here it is called from several where one may be a trap, for a quarter of the
updates each; the start that leads goes on for all of them. What is handed over is whichever earns most of what came
out, what training started from, and rules, on common random numbers that none of them has met.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from intandem.departments import JointPolicy
from intandem.learning import mtma
from intandem.learning.mtma import Handed, Report, Training, check_seed, untrained
from intandem.learning.settings import TrainSettings
from intandem.learning.starts import HANDING_SEED, JUDGING_SEED, best_of_rules, exposed_start, judged, may_be_trapped
from intandem.market import Market, MarketLike, market_of

_logger = logging.getLogger(__name__)

SHARE = 4
"""A start that competes is trained for one in so many of the updates."""

LEAST = 100
"""Trainings of fewer updates are looks: they start once, and hand over what comes out."""


def train(
    market: MarketLike,
    settings: TrainSettings | None = None,
    seed: int = 0,
    *,
    progress: Report | bool | None = None,
    checkpoint: str | Path | None = None,
    start: JointPolicy | None = None,
) -> Training:
    """Trains a policy for a market.

    Where exposures cost money, three starts compete (see `intandem.learning.starts`). What is handed over is the best
    of what was tried, the best of some twenty rules among it; `handed` of the result says which and what each earns.
    This is left out for the method `silo`, for trainings of fewer than 100 updates, and with `settings.starts` `one`.

    **Arguments:**

    - `market`: or what names one, see `market_of`.
    - `settings`: how; the defaults train `mtma`.
    - `seed`: of the weights and of all that is drawn, 0 or more.
    - `progress`: a function that is called after every chunk with the updates done, their number and the chunk's mean
      figures; by default a bar shows them, on a terminal or in a notebook; False: nothing.
    - `checkpoint`: a file to keep the run's state in after every chunk. If it is there, the run goes on from it, and
      ends as it would have without the stop; starts that had competed by then do so again. It is removed when the run
      is done.
    - `start`: a trained policy, of this market or another, whose weights training begins with; `settings.width` is its
      own. Then no other starts compete.

    **Raises:** `InputError` for settings that cannot be, a start of another width, or a checkpoint of another run;
    `RunError` if weights do not stay finite.

    ```python
    >>> from intandem.market import family_market
    >>> market = family_market("capped-supply", products=2, customers=3, seed=0)
    >>> trained = train(market, TrainSettings(updates=2, shops=2, window=4, width=4))
    >>> sorted(trained.parameters)
    ['critic', 'inventory', 'recommendation']

    ```
    """
    market = market_of(market)
    settings = TrainSettings() if settings is None else settings
    check_seed(seed)
    if settings.starts == "one" or settings.method == "silo" or settings.updates < LEAST:
        return mtma.train(market, settings, seed, progress=progress, checkpoint=checkpoint, start=start)
    first = untrained(market, settings, seed)
    tried: dict[str, Training] = {}
    leading = ""
    if start is None and settings.departments == "structured" and may_be_trapped(market):
        tried = _starts(market, settings, seed, first, progress, checkpoint)
        earned = judged(market, {name: one.policy for name, one in tried.items()}, JUDGING_SEED + seed)
        leading = max(earned, key=earned.__getitem__)
        _logger.info("starts earn %s; going on from '%s'", _figures(earned), leading)
        start = tried[leading].policy
    run = mtma.train(market, settings, seed, progress=progress, checkpoint=checkpoint, start=start)
    policies = {"trained": run.policy, "start": first if start is None else start} | best_of_rules(
        market, JUDGING_SEED + seed
    )
    earned = judged(market, policies, HANDING_SEED + seed)
    best = max(earned, key=earned.__getitem__)
    _logger.log(
        logging.INFO if best == "trained" else logging.WARNING, "'%s' is handed over: %s", best, _figures(earned)
    )
    return replace(
        run,
        policy=policies[best],
        handed=Handed(best, earned, leading or ("as valued" if start is None else "given")),
        seconds=run.seconds + sum(one.seconds for one in tried.values()),
        steps=run.steps + sum(one.steps for one in tried.values()),
    )


def _starts(
    market: Market,
    settings: TrainSettings,
    seed: int,
    first: JointPolicy,
    progress: Report | bool | None,
    checkpoint: str | Path | None,
) -> dict[str, Training]:
    """Each start, trained for its share of the updates."""
    short = replace(settings, updates=settings.updates // SHARE)
    begun = {
        "as valued": (short, first),
        "shown": (short, exposed_start(market, first)),
        "trained apart": (replace(short, method="silo"), first),
    }
    tried = {}
    for name, (how, policy) in begun.items():
        beside = None if checkpoint is None else f"{checkpoint}.{name.replace(' ', '-')}"
        tried[name] = mtma.train(market, how, seed, progress=progress, checkpoint=beside, start=policy)
    return tried


def _figures(earned: dict[str, float]) -> str:
    return ", ".join(f"{name} {profit:.4g}" for name, profit in earned.items())
