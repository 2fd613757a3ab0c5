"""Where a firm stands today: the market's state, rebuilt from its tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import jax.numpy as jnp
import numpy as np
import polars as pl

from intandem.data.tables.tables import Tables
from intandem.display import Displayed, Summary, count
from intandem.errors import InputError
from intandem.market import Market, State
from intandem.operation.flags import Flag
from intandem.operation.matching import Matching, matching_of
from intandem.operation.replay import history_of, intention_of, log_of
from intandem.operation.supply import supply_of

DAYS = {"day": 1, "week": 7}

MOST_APART = 2**30
"""Periods. The state counts in 32 bits; calendars that are further apart are not one firm's."""


@dataclass(frozen=True, repr=False)
class Today(Displayed):
    """A firm's state on the day it decides.

    - `market`, `tables`, and how their ids meet: `matching`. `state`: as the departments observe it.
    - `period`: which is decided, from 0 for the tables' first; `state.period` counts from the market's first, where
      both calendars are known. `day`: the day it is; `None` where the firm counts periods.
    - `flags`: what was assumed on the way, for a person to look at.
    """

    market: Market
    tables: Tables
    matching: Matching
    state: State
    period: int
    day: date | None
    flags: tuple[Flag, ...]

    @property
    def days(self) -> int:
        """Days of a period."""
        return DAYS[self.tables.period_name]

    def named(self, period: int) -> str:
        """A period of the tables by a name that stays the same whatever period they begin with: its first day, or the
        firm's own number of it."""
        first = self.tables.first_period
        if isinstance(first, date):
            return (first + timedelta(days=self.days * period)).isoformat()
        return str(period if first is None else first + period)

    def _summary(self) -> Summary:
        when = f"{self.tables.period_name} {self.named(self.period)}" if self.day is None else f"{self.day}"
        rows = [(flag.flag.replace("_", " "), flag.text) for flag in self.flags]
        return Summary(f"{self.market.name} on {when}: {self.state._summary().headline}", rows)


def today_of(market: Market, tables: Tables, day: date | None = None) -> Today:
    """Rebuilds the state from stock counts, open orders and the log of purchases and exposures.

    **Arguments:**

    - `market`: of which the state is. Products and customers are matched by id, and the period's position in the season
      by `market.first_period` and the tables' calendar, wherever the tables begin. Where either is not known, season
      and tables are taken to begin in the same period, and a flag says so.
    - `day`: on which is decided; only what was known then is looked at. `None`: the first day of the period after the
      last line.

    **Raises:** `InputError` if the tables and the market have no product in common or count other periods, or for a day
    outside the tables' calendar.

    ```python
    >>> from datetime import date
    >>> import polars as pl
    >>> from intandem.data.tables.tables import build_tables, week_calendar
    >>> from intandem.market import example_market
    >>> market = example_market("two-products-capped")
    >>> tables = build_tables("corner-shop", "week", {
    ...     "products": pl.DataFrame({"product_id": ["p1", "p2"]}),
    ...     "customers": pl.DataFrame({"customer_id": list(market.labels.customer_ids)}),
    ...     "transactions": pl.DataFrame({"customer_id": [], "product_id": []}, schema_overrides=dict.fromkeys(
    ...         ("customer_id", "product_id"), pl.String)).with_columns(period=0, quantity=1.0, price=1.0),
    ...     "stock": pl.DataFrame({"product_id": ["p1", "p2"], "period": [2, 2], "on_hand": [7.0, -1.0]}),
    ...     "open_orders": pl.DataFrame({"product_id": ["p2"], "quantity": [5.0], "period": [1]}),
    ... }, calendar=week_calendar(date(2024, 1, 1), 2))
    >>> now = today_of(market, tables)
    >>> now.day, now.state.on_hand.tolist(), now.state.pipeline.tolist()
    (datetime.date(2024, 1, 15), [7.0, 0.0], [[0.0, 5.0]])
    >>> [flag.flag for flag in now.flags]
    ['negative_stock', 'overdue']

    ```
    """
    if market.period != tables.period_name:
        problem = f"counts {market.period}s, and the tables {tables.period_name}s"
        raise InputError(f"market {market.name}", problem, "calibrate again, or name another bundle")
    matching = matching_of(market, tables)
    if (matching.product < 0).all():
        cure = "give the tables of the firm that the bundle was trained for"
        raise InputError("products", f"has no product of the market {market.name}", cure)
    now, day = _period(tables, day)
    ahead, unplaced = _calendars(market, tables)
    log = log_of(market, tables, matching, now)
    supply = supply_of(market, tables, matching, now, day)
    state = State(
        on_hand=jnp.asarray(supply.on_hand, jnp.float32),
        backlog=jnp.asarray(supply.backlog, jnp.float32),
        pipeline=jnp.asarray(supply.pipeline, jnp.float32),
        intention=jnp.asarray(intention_of(market, log, now), jnp.float32),
        period=jnp.asarray(now + ahead, jnp.int32),
        history=history_of(market, log, now),
    )
    flags = (*supply.flags, *_of_ids(market, tables, matching), *unplaced, *_of_time(tables, now))
    return Today(market, tables, matching, state, now, day, flags)


def _period(tables: Tables, day: date | None) -> tuple[int, date | None]:
    """The period that is decided, and the day."""
    first = tables.calendar["start"][0]
    if first is None:
        if day is not None:
            problem = f"is {day}, and the tables count {tables.period_name}s without dates"
            raise InputError("day", problem, "leave it out: the period after the last line is decided")
        return tables.periods, None
    length = DAYS[tables.period_name]
    if day is None:
        return tables.periods, first + timedelta(days=length * tables.periods)
    now = (day - first).days // length
    if now < 1:
        raise InputError("day", f"is {day}, before the end of the first {tables.period_name}", "give a later day")
    return now, day


def _calendars(market: Market, tables: Tables) -> tuple[int, tuple[Flag, ...]]:
    """How many periods the tables' first is after the market's (below 0: before it), and a flag where nobody knows.

    Weeks that begin on another weekday than the market's are each the week that they share most days with.
    """
    origin, first = market.first_period, tables.first_period
    if isinstance(origin, date) and isinstance(first, date):
        return round((first - origin).days / DAYS[tables.period_name]), ()
    if isinstance(origin, int) and isinstance(first, int) and abs(first - origin) <= MOST_APART:
        return first - origin, ()
    if market.season is None:
        # Nothing in the market depends on the number of the period.
        return 0, ()
    period = tables.period_name
    if origin is None:
        text = f"The market does not say in which {period} its season begins"
    elif first is None:
        text = f"The season begins at {origin}, and the tables do not say when they begin"
    else:
        text = f"The season begins at {origin}, and the tables at {first}, which cannot be compared"
    told = f"{text}: it is taken to begin with the tables. Calibrate again on tables of this kind."
    return 0, (Flag("season_not_placed", None, told),)


def _of_ids(market: Market, tables: Tables, matching: Matching) -> Iterator[Flag]:
    new = tables.products.filter(pl.Series(matching.product < 0))["product_id"].to_list()
    for product in new:
        text = f"{product} is new: the bundle's market does not know it, so nothing is ordered or shown."
        yield Flag("new_product", product, f"{text} Calibrate again to take it in.")
    known = np.zeros(market.products, bool)
    known[matching.product[matching.product >= 0]] = True
    if not known.all():
        for place in np.flatnonzero(~known):
            product = market.labels.product_ids[place]
            yield Flag("product_gone", product, f"{product} is not in the tables: neither ordered nor shown.")


def _of_time(tables: Tables, now: int) -> Iterator[Flag]:
    period = tables.period_name
    if now > tables.periods:
        text = f"The last line is {count(now - tables.periods + 1, period)} old: what was bought since is not known."
        yield Flag("old_lines", None, text)
    observed = tables.calendar.filter(pl.col("period") == now - 1)["observed"]
    if len(observed) and observed[0] is not None and observed[0] < 1:
        yield Flag("part_of_a_period", None, f"Of the last {period}, {observed[0]:.0%} was recorded.")
