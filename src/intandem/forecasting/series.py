"""Demand by product and period as forecasters read it, laid out from a firm's tables or from a long frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from intandem.data.tables.reading.frames import source_of
from intandem.data.tables.tables import PeriodName, Tables
from intandem.display import Displayed, Summary, count
from intandem.errors import InputError

LEAST_OBSERVED = 0.5
"""Periods of which less was recorded say nothing of demand."""

PERSISTENCE = 0.5
"""What is left a period later of an exposure's effect, in the driver `intention`."""

DAYS = {"day": 1, "week": 7}
NEEDED, KEPT = ("unique_id", "ds", "y"), ("unique_id", "ds", "y", "sold_out", "category", "observed")


@dataclass(frozen=True, repr=False)
class DemandSeries(Displayed):
    """Units by period and product, with what is known beside them.

    **Fields**

    - `unique_id`: of each series. `ds`: first day of each period, or its number.
    - `counts`: units sold, `periods series`. `observed`: share of each period that was recorded, 0 to 1.
    - `seen`: where a count tells of demand: the period was recorded and the product on sale already.
    - `sold_out`: where demand was the count or more.
    - `drivers`: by name, `periods series`: `price` is the logarithm of the price over the regular price, exposures are
      shares of visits from 0 to 1, `intention` is what fades of earlier exposures.
    - `groups`: the category of each series, a number from 0. `names`: what people call them, if known.
    """

    unique_id: tuple[str, ...]
    ds: tuple[date | int, ...]
    counts: np.ndarray
    observed: np.ndarray
    seen: np.ndarray
    sold_out: np.ndarray
    groups: np.ndarray
    drivers: Mapping[str, np.ndarray] = field(default_factory=dict)
    period_name: PeriodName = "week"
    names: tuple[str, ...] = ()

    def _summary(self) -> Summary:
        many = f"{count(len(self.unique_id), 'series', 'series')}, {count(self.periods, self.period_name)}"
        rows = [("units", f"{self.counts.sum():,.0f}"), ("sold out", f"{self.sold_out.mean():.1%} of counts")]
        return Summary(many, [*rows, ("drivers", ", ".join(self.drivers) or "none")])

    @property
    def periods(self) -> int:
        """How many periods there are."""
        return len(self.ds)

    @property
    def season_length(self) -> int:
        """Periods of a season that is seen at least twice: a week of days, a year of weeks; 1 where there is none."""
        length = 7 if self.period_name == "day" else 52
        return length if self.periods >= 2 * length else 1

    def until(self, periods: int) -> DemandSeries:
        """The first periods alone, as they were known then."""
        by_period = {name: getattr(self, name)[:periods] for name in ("ds", "counts", "observed", "seen", "sold_out")}
        return replace(self, **by_period, drivers={name: one[:periods] for name, one in self.drivers.items()})

    def ahead(self, horizon: int) -> tuple[date | int, ...]:
        """The periods that follow."""
        last = self.ds[-1]
        if isinstance(last, date):
            return tuple(last + timedelta(days=DAYS[self.period_name] * step) for step in range(1, horizon + 1))
        return tuple(last + step for step in range(1, horizon + 1))


def series_of(source: Any) -> DemandSeries:
    """Lays demand out by period and product.

    **Arguments:** `source`: `Tables`; or a frame (polars, pandas, or a dictionary of columns) with `unique_id`, `ds`
    (days or numbers) and `y`, and where known `sold_out`, `observed`, `category` and drivers of any name. A period
    without a row is one without sale; an empty `y` is not known.

    **Raises:** `InputError` for a frame that lacks a column, repeats a row or has counts below 0.

    ```python
    >>> series = series_of({"unique_id": ["tea", "tea"], "ds": [1, 3], "y": [4, 2]})
    >>> series.counts.ravel().tolist(), series.ahead(2)
    ([4.0, 0.0, 2.0], (4, 5))

    ```
    """
    if isinstance(source, DemandSeries):
        return source
    return _of_tables(source) if isinstance(source, Tables) else _of_frame(source)


def _of_tables(tables: Tables) -> DemandSeries:
    periods, products = tables.periods, tables.products.height
    sales = tables.prices.select("product", "period", "units")
    if sales.is_empty() or sales["units"].is_null().all():
        sales = tables.transactions.group_by("product", "period").agg(units=pl.col("quantity").sum())
    counts = np.maximum(_spread(sales, "units", periods, products), 0.0)
    observed = tables.calendar["observed"].fill_null(1.0).to_numpy().astype(float)
    starts = tables.calendar["start"]
    first = tables.first_number or 0
    ds = tuple(range(first, first + periods)) if starts.is_null().any() else tuple(starts.to_list())
    groups = tables.products.select(pl.coalesce("category", "department").fill_null("")).to_series()
    return DemandSeries(
        unique_id=tuple(tables.products["product_id"].to_list()),
        ds=ds,
        counts=counts,
        observed=observed,
        seen=(observed >= LEAST_OBSERVED)[:, None] & _on_sale(counts),
        sold_out=_sold_out(tables),
        groups=_codes(groups),
        drivers=_drivers(tables),
        period_name=tables.period_name,
        names=tuple(tables.products.select(pl.coalesce("name", "product_id")).to_series().to_list()),
    )


def _spread(frame: pl.DataFrame, value: str, periods: int, products: int) -> np.ndarray:
    cells = np.zeros((periods, products))
    inside = frame.filter(pl.col("period").is_between(0, periods - 1))
    cells[inside["period"].to_numpy(), inside["product"].to_numpy()] = inside[value].fill_null(0.0).to_numpy()
    return cells


def _sold_out(tables: Tables) -> np.ndarray:
    """Where a count of the period, or the first one after it, found nothing left: demand was what was sold, or more."""
    empty = np.zeros((tables.periods, tables.products.height), bool)
    stock = tables.stock.sort("product", "period", "date")
    first = stock.group_by("product", "period", maintain_order=True).first().with_columns(pl.col("period") - 1)
    for counted in (stock, first):
        none = counted.filter((pl.col("on_hand") <= 0) & pl.col("period").is_between(0, tables.periods - 1))
        empty[none["period"].to_numpy(), none["product"].to_numpy()] = True
    return empty


def _drivers(tables: Tables) -> dict[str, np.ndarray]:
    size = (tables.periods, tables.products.height)
    priced = tables.prices.filter((pl.col("price") > 0) & (pl.col("regular_price") > 0))
    ratio = priced.with_columns(ratio=(pl.col("price") / pl.col("regular_price")).log().clip(np.log(0.25), np.log(4.0)))
    drivers = {"price": _spread(ratio, "ratio", *size)}
    visits = tables.visits.group_by("period").agg(all=pl.len())
    weights = tables.visits.drop_nulls("store").group_by("store").agg(weight=pl.len() / max(tables.visits.height, 1))
    for (kind,), shown in sorted(tables.exposures.group_by("kind"), key=lambda one: str(one[0])):
        keys = ["product", "period"]
        by_store = shown.filter(pl.col("customer").is_null()).join(weights, on="store")
        by_store = by_store.group_by(keys).agg(share=pl.col("weight").sum())
        direct = shown.filter(pl.col("customer").is_not_null()).group_by(keys).agg(shown=pl.len())
        direct = direct.join(visits, on="period").select(
            *keys, share=(pl.col("shown") / pl.col("all")).cast(pl.Float64)
        )
        share = _spread(by_store, "share", *size) + _spread(direct, "share", *size)
        drivers[f"exposure {kind}"] = np.clip(share, 0.0, 1.0)
    exposed = [one for name, one in drivers.items() if name != "price"]
    if exposed:
        drivers["intention"] = faded(np.max(exposed, axis=0))
    return {name: one for name, one in drivers.items() if one.std() > 0}


def faded(exposed: np.ndarray) -> np.ndarray:
    """What is left of the exposures of earlier periods, `periods series`: each fades by `PERSISTENCE` a period.

    ```python
    >>> faded(np.array([[1.0], [0.0], [0.0]])).ravel().tolist()
    [0.0, 0.5, 0.25]

    ```
    """
    left = np.zeros_like(exposed)
    for period in range(1, len(exposed)):
        left[period] = PERSISTENCE * (left[period - 1] + exposed[period - 1])
    return left


def _of_frame(source: Any) -> DemandSeries:
    frame = source_of("frame", source).frame
    lacking = [name for name in NEEDED if name not in frame.columns]
    if lacking:
        raise InputError("frame", f"has no column {lacking[0]}", "give unique_id, ds and y")
    frame = frame.with_columns(pl.col("unique_id").cast(pl.String))
    if frame["ds"].dtype == pl.Datetime or frame["ds"].dtype == pl.String:
        frame = frame.with_columns(pl.col("ds").cast(pl.String).str.slice(0, 10).str.to_date())
    if frame.select(pl.struct("unique_id", "ds").is_duplicated().any()).item():
        raise InputError("frame", "has two rows of one unique_id and ds", "add them up")
    if (frame["y"].drop_nulls() < 0).any():
        raise InputError("frame", "has counts below 0", "leave returns out", key="y")
    ds, steps, period_name = _calendar(frame["ds"])
    ids = frame["unique_id"].unique(maintain_order=True)
    place = dict(zip(ids.to_list(), range(len(ids)), strict=True))
    at = (steps, np.array([place[one] for one in frame["unique_id"]]))

    def spread(name: str, missing: float) -> np.ndarray:
        cells = np.full((len(ds), len(ids)), missing)
        cells[at] = frame[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
        return cells

    y = spread("y", 0.0)
    counts = np.nan_to_num(y)
    drivers = [name for name in frame.columns if name not in KEPT]
    groups = pl.Series([""] * len(ids))
    if "category" in frame.columns:
        groups = frame.group_by("unique_id", maintain_order=True).agg(pl.col("category").first())["category"]
    observed = np.nanmin(spread("observed", 1.0), axis=1) if "observed" in frame.columns else np.ones(len(ds))
    return DemandSeries(
        unique_id=tuple(ids.to_list()),
        ds=ds,
        counts=counts,
        observed=observed,
        seen=~np.isnan(y) & (observed >= LEAST_OBSERVED)[:, None] & _on_sale(counts),
        sold_out=spread("sold_out", 0.0) > 0 if "sold_out" in frame.columns else np.zeros(y.shape, bool),
        groups=_codes(groups.cast(pl.String).fill_null("")),
        drivers={name: np.nan_to_num(spread(name, 0.0)) for name in drivers},
        period_name=period_name,
    )


def _calendar(ds: pl.Series) -> tuple[tuple[date | int, ...], np.ndarray, PeriodName]:
    """All periods from the first to the last, the place of each row among them, and what a period is."""
    if ds.dtype == pl.Date:
        days = (ds - ds.min()).dt.total_days().to_numpy()  # type: ignore[operator]
        apart = np.diff(np.unique(days))
        weekly = apart.size > 0 and (apart % 7 == 0).all()
        length = 7 if weekly else 1
        first: Any = ds.min()
        many = int(days.max()) // length + 1
        starts = tuple(first + timedelta(days=length * step) for step in range(many))
        return starts, days // length, "week" if weekly else "day"
    if not ds.dtype.is_integer():
        raise InputError("frame", f"ds is {ds.dtype}", "give days or whole numbers", key="ds")
    numbers = ds.to_numpy()
    return tuple(range(int(numbers.min()), int(numbers.max()) + 1)), numbers - numbers.min(), "week"


def _on_sale(counts: np.ndarray) -> np.ndarray:
    """From a product's first sale on; one that never sold was there for nothing."""
    return (np.cumsum(counts > 0, axis=0) > 0) | ~(counts > 0).any(0)


def _codes(names: pl.Series) -> np.ndarray:
    return names.rank("dense").to_numpy().astype(int) - 1
