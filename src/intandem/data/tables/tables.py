"""A firm's tables once they are clean: integer-coded, on one calendar, ready for calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal, TypeAlias

import polars as pl

from intandem.display import Displayed, Summary, count
from intandem.errors import InputError

PeriodName: TypeAlias = Literal["day", "week"]

CODES = {"customer": pl.Int32, "product": pl.Int32, "store": pl.Int32}
"""An integer code is the row number of its id in `Tables.customers`, `Tables.products`, `Tables.stores`."""

COLUMNS: dict[str, dict[str, type[pl.DataType]]] = {
    "products": {
        "product": pl.Int32,
        "product_id": pl.String,
        "name": pl.String,
        "department": pl.String,
        "category": pl.String,
        "price": pl.Float64,
        "regular_price": pl.Float64,
        "unit_cost": pl.Float64,
        "holding_cost": pl.Float64,
        "lost_sale_cost": pl.Float64,
        "fixed_order_cost": pl.Float64,
        "lead_time": pl.Int32,
        "min_order": pl.Int64,
        "order_multiple": pl.Int64,
        "max_order": pl.Int64,
    },
    "customers": {"customer": pl.Int32, "customer_id": pl.String, "store": pl.Int32},
    "stores": {"store": pl.Int32, "store_id": pl.String, "exposures_recorded": pl.Boolean},
    "transactions": {
        "customer": pl.Int32,
        "product": pl.Int32,
        "period": pl.Int32,
        "quantity": pl.Float64,
        "price": pl.Float64,
        "store": pl.Int32,
        "date": pl.Date,
    },
    "visits": {"customer": pl.Int32, "period": pl.Int32, "visits": pl.Int32, "store": pl.Int32},
    "exposures": {
        "customer": pl.Int32,
        "store": pl.Int32,
        "product": pl.Int32,
        "period": pl.Int32,
        "kind": pl.String,
        "propensity": pl.Float64,
    },
    "prices": {
        "product": pl.Int32,
        "period": pl.Int32,
        "price": pl.Float64,
        "regular_price": pl.Float64,
        "units": pl.Float64,
    },
    "stock": {
        "product": pl.Int32,
        "period": pl.Int32,
        "on_hand": pl.Float64,
        "backlog": pl.Float64,
        "date": pl.Date,
    },
    "open_orders": {"product": pl.Int32, "quantity": pl.Float64, "period": pl.Int32},
    "calendar": {"period": pl.Int32, "start": pl.Date, "observed": pl.Float64, "split": pl.String},
}
"""The columns every table of `Tables` has, empty or not. `customers` may carry attributes after them."""

SPLITS = ("train", "burn_in", "test")


@dataclass(frozen=True, repr=False)
class Tables(Displayed):
    """Clean tables of one firm. Ids are integer-coded (see `CODES`); periods count from 0.

    **Fields**, with one row per:

    - `products`: product. `price` is what the firm receives per unit on average, `regular_price` the price
      without offers; unknown costs and terms are null.
    - `customers`: customer, with its usual `store` (null if stores are not recorded) and any attributes.
    - `stores`: store; `exposures_recorded` says whether its exposures are known. Where they are not, no row
      in `exposures` means "unknown", not "unexposed".
    - `transactions`: line. `quantity` in units, `price` the unit price paid.
    - `visits`: customer and period with at least one visit: how many, and the store visited most in it.
      Periods without a row are periods without a (recorded) visit. Counted on all that was bought, not only
      on `products`.
    - `exposures`: exposed (customer or store) x product x period x `kind`. Either `customer` or `store` is
      filled.
    - `prices`: product and period: shelf price, regular price and units sold in the whole source; empty if
      not known.
    - `stock`: product and count, before the sales that follow it; 0 or below is sold out; `backlog` are units
      owed to customers. `open_orders`: units due in a period.
    - `calendar`: period: first day (null if the firm counts periods itself), the fraction of it that was
      recorded (0 to 1: below 1 its counts are too low, so mask or scale it), and the suggested `split`.

    `masked_dates` are the days known to be under-recorded; `assumptions` are sentences a report must repeat, `notes`
    what a person should know about the data, `stated` what the firm says of its costs and effects, by key of
    `mapping.toml`. `first_number` is the firm's own number of period 0, where it counts periods itself.
    """

    name: str
    period_name: PeriodName
    products: pl.DataFrame
    customers: pl.DataFrame
    stores: pl.DataFrame
    transactions: pl.DataFrame
    visits: pl.DataFrame
    exposures: pl.DataFrame
    prices: pl.DataFrame
    stock: pl.DataFrame
    open_orders: pl.DataFrame
    calendar: pl.DataFrame
    provenance: str = ""
    assumptions: tuple[str, ...] = ()
    masked_dates: tuple[date, ...] = ()
    notes: tuple[str, ...] = ()
    stated: Mapping[str, float] = field(default_factory=dict)
    first_number: int | None = None

    def _summary(self) -> Summary:
        rows = [(name, count(many, "row")) for name, many in self.summary().items() if many]
        bought = f"{count(self.transactions.height, 'line')} of {count(self.customers.height, 'customer')}"
        headline = (
            f"{self.name}: {bought}, {count(self.products.height, 'product')}, {count(self.periods, self.period_name)}"
        )
        return Summary(headline, rows)

    @property
    def periods(self) -> int:
        """How many periods the calendar has."""
        return self.calendar.height

    @property
    def first_period(self) -> date | int | None:
        """The first day of period 0, or the firm's own number of it; `None` where neither is known."""
        first = self.calendar["start"][0] if self.periods else None
        return self.first_number if first is None else first

    def periods_of(self, split: str) -> list[int]:
        """The periods of one split (`train`, `burn_in` or `test`) in order."""
        return self.calendar.filter(pl.col("split") == split)["period"].to_list()

    def lines_of(self, split: str) -> pl.DataFrame:
        """The transaction lines of one split."""
        return self.transactions.filter(pl.col("period").is_in(self.periods_of(split)))

    def customer_exposures(self) -> pl.DataFrame:
        """Exposures of customers in the periods they visited: `customer, product, period, kind, propensity`.

        Rows given by store reach the customers who visited that store in that period (`visits.store`).
        One row per customer, product, period and kind; a customer who does not visit is not exposed.
        """
        keys = ["customer", "product", "period", "kind"]
        direct = (
            self.exposures.filter(pl.col("customer").is_not_null())
            .join(self.visits.select("customer", "period"), on=["customer", "period"], how="semi")
            .select(*keys, "propensity")
            .unique(keys, keep="first", maintain_order=True)
        )
        by_store = (
            self.exposures.filter(pl.col("customer").is_null())
            .drop("customer")
            .join(
                self.visits.select("customer", "period", "store"),
                on=["store", "period"],
                how="inner",
                maintain_order="left_right",
            )
            .select(*keys, "propensity")
            .join(direct, on=keys, how="anti", maintain_order="left")
        )
        return pl.concat([direct, by_store])

    def summary(self) -> dict[str, int]:
        """Rows by table."""
        return {name: getattr(self, name).height for name in COLUMNS}


def _conform(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    columns = COLUMNS[name]
    present = [
        pl.col(column).cast(dtype) if column in frame.columns else pl.lit(None, dtype).alias(column)
        for column, dtype in columns.items()
    ]
    return frame.select(present)


def attribute_names(names: Sequence[str]) -> dict[str, str]:
    """What attributes of customers are called in `Tables.customers`, where some names are taken.

    ```python
    >>> attribute_names(["age", "store"])
    {'age': 'age', 'store': 'store (attribute)'}

    ```
    """
    taken = {*COLUMNS["customers"], "store_id", *names}
    found = {}
    for name in names:
        shown = name
        if name in COLUMNS["customers"] or name == "store_id":
            shown = f"{name} (attribute)"
            while shown in taken:
                shown += "*"
        found[name] = shown
    return found


def _empty(name: str) -> pl.DataFrame:
    return pl.DataFrame(schema=COLUMNS[name])


def week_calendar(start: date, periods: int, days: int = 7) -> pl.DataFrame:
    """A calendar of `periods` periods of `days` days from `start`, fully observed and all for training."""
    return pl.DataFrame(
        {
            "period": range(periods),
            "start": [start + timedelta(days=days * period) for period in range(periods)],
            "observed": [1.0] * periods,
            "split": ["train"] * periods,
        },
        schema=COLUMNS["calendar"],
    )


def count_visits(transactions: pl.DataFrame) -> pl.DataFrame:
    """Visits by `customer_id` and `period`: distinct days with a purchase, or 1 where days are not known.

    The store of a period is where most lines were bought, the lower id where two are level.
    """
    keys = ["customer_id", "period"]
    has_date = "date" in transactions.columns
    visits = pl.max_horizontal(pl.col("date").n_unique(), 1) if has_date else pl.lit(1)
    counted = transactions.group_by(keys).agg(visits=visits.cast(pl.Int32))
    if "store_id" not in transactions.columns:
        return counted.with_columns(store_id=pl.lit(None, pl.String)).sort(keys)
    return counted.join(most_frequent_store(transactions, keys), on=keys, how="left").sort(keys)


def most_frequent_store(transactions: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """The store with most lines for each of `keys`; the first id in order where two are level."""
    return (
        transactions.filter(pl.col("store_id").is_not_null())
        .group_by([*keys, "store_id"])
        .agg(lines=pl.len())
        .sort([*keys, "lines", "store_id"], descending=[False] * len(keys) + [True, False])
        .unique(list(keys), keep="first", maintain_order=True)
        .drop("lines")
    )


def price_table(lines: pl.DataFrame, periods: int, price: str, regular_price: str) -> pl.DataFrame:
    """Shelf and regular price of every product in every period; the last known ones where nothing was sold.

    **Arguments:** `lines` with `product_id`, `period`, `quantity` and the two columns named `price` and
    `regular_price`. The price of a period is the median over its lines, which a few odd lines do not move.

    **Returns** `product_id, period, price, regular_price, units` for the products in `lines`.
    """
    sold = lines.group_by("product_id", pl.col("period").cast(pl.Int32)).agg(
        price=pl.col(price).median(), regular_price=pl.col(regular_price).median(), units=pl.col("quantity").sum()
    )
    calendar = pl.DataFrame({"period": range(periods)}, schema={"period": pl.Int32})
    known = pl.col("price", "regular_price")
    return (
        sold.select("product_id")
        .unique()
        .join(calendar, how="cross")
        .join(sold, on=["product_id", "period"], how="left")
        .sort("product_id", "period")
        .with_columns(known.forward_fill().over("product_id"), pl.col("units").fill_null(0.0))
        .with_columns(known.backward_fill().over("product_id"))
    )


def build_tables(
    name: str,
    period_name: PeriodName,
    frames: Mapping[str, pl.DataFrame],
    *,
    calendar: pl.DataFrame,
    provenance: str = "",
    assumptions: Sequence[str] = (),
    masked_dates: Sequence[date] = (),
    notes: Sequence[str] = (),
    stated: Mapping[str, float] | None = None,
    first_number: int | None = None,
) -> Tables:
    """Codes clean frames that carry the source's ids (`customer_id`, `product_id`, `store_id`: strings).

    **Arguments:**

    - `frames`: by table name; `products`, `customers` and `transactions` are needed, the others may be
      missing. `products` and `customers` fix the order of the codes; lines that name other ids are left out,
      so a frame of the whole source may be given with the products and customers of an instance. `visits`
      are counted from `transactions` if not given.
    - `calendar`: with the columns of `COLUMNS["calendar"]`, one row per period from 0. `first_number`: the firm's own
      number of period 0, where it counts periods itself.

    **Raises:** `InputError` if a table is missing that is needed.

    ```python
    >>> import polars as pl
    >>> from datetime import date
    >>> tables = build_tables(
    ...     "corner-shop",
    ...     "week",
    ...     {
    ...         "products": pl.DataFrame({"product_id": ["tea", "milk"], "price": [4.0, 1.0]}),
    ...         "customers": pl.DataFrame({"customer_id": ["ann"]}),
    ...         "transactions": pl.DataFrame(
    ...             [("ann", "milk", 1, 2.0, 1.0)],
    ...             ["customer_id", "product_id", "period", "quantity", "price"],
    ...             orient="row",
    ...         ),
    ...     },
    ...     calendar=week_calendar(date(2024, 1, 1), 2),
    ... )
    >>> tables.transactions.select("customer", "product", "period", "quantity").row(0)
    (0, 1, 1, 2.0)
    >>> tables.periods, tables.products["product_id"].to_list()
    (2, ['tea', 'milk'])

    ```
    """
    for needed in ("products", "customers", "transactions"):
        if needed not in frames:
            cure = "give products, customers and transactions; `validate_folder` takes them as they are"
            raise InputError("frames", f"has no table {needed}", cure)
    lines = frames["transactions"]
    visits = frames.get("visits", None)
    sources = {**frames, "visits": count_visits(lines) if visits is None else visits}
    customers = frames["customers"]
    own = [name for name in customers.columns if name not in ("customer_id", "store_id")]
    attributes = customers.select(own).rename(attribute_names(own))
    customers = customers.drop(own)
    sources["customers"] = customers
    if "store_id" not in customers.columns and "store_id" in lines.columns:
        usual = most_frequent_store(lines, ["customer_id"])
        customers = customers.join(usual, on="customer_id", how="left", maintain_order="left")
        sources["customers"] = customers

    named = [frame.select(pl.col("store_id").cast(pl.String)) for frame in sources.values() if "store_id" in frame]
    stores = pl.concat([pl.DataFrame(schema={"store_id": pl.String}), *named]).drop_nulls().unique().sort("store_id")
    if "stores" in frames:
        stores = stores.join(frames["stores"], on="store_id", how="left", maintain_order="left")
    else:
        exposed = frames.get("exposures")
        recorded = (
            pl.col("store_id").is_in(exposed["store_id"].drop_nulls().unique().implode())
            if exposed is not None and "store_id" in exposed.columns
            else pl.lit(False)
        )
        stores = stores.with_columns(exposures_recorded=recorded)
    sources["stores"] = stores

    codes = {
        "product_id": sources["products"].select("product_id").with_row_index("product"),
        "customer_id": customers.select("customer_id").with_row_index("customer"),
        "store_id": stores.select("store_id").with_row_index("store"),
    }
    coded: dict[str, pl.DataFrame] = {}
    for table in COLUMNS:
        if table == "calendar":
            continue
        frame = sources.get(table)
        if frame is None:
            coded[table] = _empty(table)
            continue
        for key, code in codes.items():
            if key not in frame.columns:
                continue
            # A row may lack its store or its customer; one that names an id that is not ours goes.
            wanted = pl.col(key).is_null() | pl.col(key).is_in(code[key].implode())
            frame = frame.filter(wanted).join(code, on=key, how="left", maintain_order="left")
        coded[table] = _conform(table, frame)
    coded["customers"] = coded["customers"].hstack(attributes)
    for table, keys in _ORDER.items():
        coded[table] = coded[table].sort(keys, nulls_last=True)
    return Tables(
        name=name,
        period_name=period_name,
        calendar=_conform("calendar", calendar),
        provenance=provenance,
        assumptions=tuple(assumptions),
        masked_dates=tuple(masked_dates),
        notes=tuple(notes),
        stated=dict(stated or {}),
        first_number=first_number,
        **coded,  # type: ignore[arg-type]
    )


_ORDER = {
    "transactions": ["period", "customer", "product"],
    "visits": ["customer", "period"],
    "exposures": ["period", "store", "customer", "product", "kind"],
    "prices": ["product", "period"],
    "stock": ["product", "period", "date"],
    "open_orders": ["period", "product"],
}
