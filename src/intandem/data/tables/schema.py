"""The tables a firm brings, as data: every column with its type, unit and rule. The reference page repeats them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["id", "text", "number", "whole", "date", "period"]
"""`id` and `text` are kept as text; `number` is finite; `whole` a number without fraction; `date` a calendar day;
`period` a whole number that counts days or weeks."""


@dataclass(frozen=True)
class Column:
    """One column: bounds are inclusive unless `above` is set, which excludes `minimum` itself. `below` says what a
    value below 0 means, where it means something."""

    name: str
    kind: Kind
    meaning: str
    required: bool = False
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    above: bool = False
    below: str = ""

    @property
    def rule(self) -> str:
        """The rule in words, for the reference and for error messages.

        ```python
        >>> Column("propensity", "number", "", minimum=0.0, maximum=1.0, above=True).rule
        'above 0 and at most 1'

        ```
        """
        parts = []
        if self.minimum is not None:
            parts.append(f"above {self.minimum:g}" if self.above else f"{self.minimum:g} or more")
        if self.maximum is not None:
            parts.append(f"at most {self.maximum:g}")
        return " and ".join(parts) + (f"; below 0: {self.below}" if self.below else "")


@dataclass(frozen=True)
class Table:
    """One table: `key` columns identify a row (empty: rows may repeat), `one_of` lists columns of which one must be
    there, `references` names the table in which an id must be found. In a table that is `forgiving`, an optional value
    that breaks a rule is taken as missing and its row stays."""

    name: str
    meaning: str
    columns: tuple[Column, ...]
    required: bool = False
    key: tuple[str, ...] = ()
    one_of: tuple[tuple[str, ...], ...] = ()
    references: tuple[tuple[str, str], ...] = ()
    keeps_attributes: bool = False
    forgiving: bool = False

    def column(self, name: str) -> Column | None:
        """The column of that name, if the table has one."""
        return next((column for column in self.columns if column.name == name), None)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


def _when(meaning: str) -> tuple[Column, Column]:
    return (
        Column("date", "date", meaning, unit="day"),
        Column("period", "period", f"{meaning}, if the firm counts days or weeks itself", unit="day or week"),
    )


_CUSTOMER = Column("customer_id", "id", "who")
_PRODUCT = Column("product_id", "id", "which product", required=True)
_STORE = Column("store_id", "id", "which store")
_RETURN = "taken back"

LARGEST_NUMBER = 1e15
"""Beyond it a number is a mistake, whatever it counts; and a market's single precision would end soon."""

LONGEST_LEAD_TIME = 1000.0
"""Periods."""

SCHEMA: dict[str, Table] = {
    table.name: table
    for table in (
        Table(
            "transactions",
            "What was bought: one row per line of a receipt.",
            (
                Column("customer_id", "id", "who bought", required=True),
                _PRODUCT,
                *_when("when it was bought"),
                Column(
                    "quantity",
                    "number",
                    "how much was bought",
                    required=True,
                    unit="units",
                    minimum=0.0,
                    above=True,
                    below=_RETURN,
                ),
                Column("price", "number", "price paid for one unit", unit="money per unit", minimum=0.0, below=_RETURN),
                Column("total", "number", "price paid for the whole line", unit="money", minimum=0.0, below=_RETURN),
                _STORE,
            ),
            required=True,
            one_of=(("date", "period"), ("price", "total")),
            references=(("product_id", "products"), ("customer_id", "customers")),
        ),
        Table(
            "products",
            "What can be bought: one row per product.",
            (
                _PRODUCT,
                Column("name", "text", "what people call it"),
                Column("department", "text", "a wide group of products"),
                Column("category", "text", "a narrow group of products"),
                Column("price", "number", "present selling price", unit="money per unit", minimum=0.0),
                Column("regular_price", "number", "price without an offer", unit="money per unit", minimum=0.0),
                Column("unit_cost", "number", "what the firm pays for one unit", unit="money per unit", minimum=0.0),
                Column(
                    "holding_cost",
                    "number",
                    "cost of keeping one unit",
                    unit="money per unit and period",
                    minimum=0.0,
                ),
                Column("lost_sale_cost", "number", "cost of a unit asked for and not there", unit="money", minimum=0.0),
                Column("fixed_order_cost", "number", "cost of placing an order", unit="money", minimum=0.0),
                Column(
                    "lead_time",
                    "whole",
                    "from order to arrival",
                    unit="periods",
                    minimum=0.0,
                    maximum=LONGEST_LEAD_TIME,
                ),
                Column("min_order", "whole", "smallest order", unit="units", minimum=0.0),
                Column("order_multiple", "whole", "orders are multiples of it", unit="units", minimum=1.0),
                Column("max_order", "whole", "largest order; 0: no limit", unit="units", minimum=0.0),
            ),
            required=True,
            key=("product_id",),
            forgiving=True,
        ),
        Table(
            "customers",
            "Who buys: one row per customer. Without it, the customers are those in the transactions.",
            (Column("customer_id", "id", "who", required=True), _STORE),
            key=("customer_id",),
            keeps_attributes=True,
        ),
        Table(
            "exposures",
            "What was shown: one row per customer, or store, that was exposed to a product in a period.",
            (
                _CUSTOMER,
                _STORE,
                _PRODUCT,
                *_when("when it was shown"),
                Column("kind", "text", "how: display, mailer, recommendation ..."),
                Column(
                    "propensity",
                    "number",
                    "probability with which this exposure was chosen",
                    unit="probability",
                    minimum=0.0,
                    maximum=1.0,
                    above=True,
                ),
            ),
            key=("customer_id", "store_id", "product_id", "date", "period", "kind"),
            one_of=(("date", "period"), ("customer_id", "store_id")),
            references=(("product_id", "products"), ("customer_id", "customers")),
        ),
        Table(
            "stock",
            "What was there: one row per product and count.",
            (
                _PRODUCT,
                *_when("when it was counted, before the period's sales"),
                Column(
                    "on_hand", "number", "units on hand", required=True, unit="units", minimum=0.0, below="sold out"
                ),
                Column("backlog", "number", "units owed to customers", unit="units", minimum=0.0),
                Column("store_id", "id", "which store; what all stores have is added up"),
            ),
            key=("product_id", "date", "period", "store_id"),
            one_of=(("date", "period"),),
            references=(("product_id", "products"),),
        ),
        Table(
            "open_orders",
            "What is on its way: one row per order not yet received.",
            (
                _PRODUCT,
                Column("quantity", "number", "units ordered", required=True, unit="units", minimum=0.0, above=True),
                *_when("when it is due"),
            ),
            one_of=(("date", "period"),),
            references=(("product_id", "products"),),
        ),
    )
}
"""The tables by name, in the order they are checked and documented."""

RULES: dict[str, str] = {
    "missing": "a required value is empty, or a word for nothing (`missing` in `mapping.toml`)",
    "not-a-number": "a number cannot be read as one",
    "not-finite": "a number is infinite",
    "not-whole": "a whole number has a fraction",
    "too-low": "a number is below its bound",
    "too-high": "a number is above its bound, or above 1e15",
    "not-a-date": "a date cannot be read in the table's format",
    "not-a-period": "a period cannot be read, or names no week or day (week 53 of a year of 52)",
    "date-out-of-range": "a date lies before `first_date` or after `last_date`",
    "outside-calendar": "an exposure or a count lies outside the periods that have transactions",
    "too-many-fields": "a CSV row has more fields than the header",
    "no-customer-or-store": "an exposure names neither a customer nor a store",
    "unknown-product": "a product_id is not in the products table",
    "unknown-customer": "a customer_id is not in the customers table",
    "duplicate-key": "an earlier row has the same key; the first is kept",
    "unmatched-return": "a line takes back what no line before it sold",
    "no-order-fits": "no multiple of `order_multiple` lies between `min_order` and `max_order`; the limit is left out",
    "unknown-column": "a column is not part of the schema; it is left out, its rows are not",
}
"""What the validator checks row by row. A row that fails one goes to the quarantine file; where only an optional value
of a forgiving table fails, the file lists it, and the row stays without the value."""
