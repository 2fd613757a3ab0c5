"""`intandem decide`, `orders` and `recommend`: today, from a trained policy and a firm's tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import tyro

from intandem.app.answer import Answer
from intandem.app.options import JsonFlag, UnusedSeed, option
from intandem.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from intandem.operation import Decisions

Bundle: TypeAlias = Annotated[
    str, tyro.conf.Positional, option("The folder of a trained policy (`intandem train`).", metavar="BUNDLE")
]
TablesFolder: TypeAlias = Annotated[str, option("The folder with your tables as they are today.", metavar="DIR")]
Day: TypeAlias = Annotated[
    str | None,
    option(
        "The day on which is decided, as 2024-03-31.", metavar="DAY", default="the first after the last line's period"
    ),
]
HowMany: TypeAlias = Annotated[
    int | None, option("Recommendations per customer.", default="the market's recommendation slots")
]
HouseRules: TypeAlias = Annotated[
    str | None,
    option("Your own rules: always, never, pin, at_most (a CSV file).", metavar="FILE", default="none"),
]
MinimumCover: TypeAlias = Annotated[
    float | None,
    option("Days of demand that stock and orders should last; below it is flagged.", default="the lead time"),
]
OtherMarket: TypeAlias = Annotated[
    str | None,
    option("Decide in this market, calibrated since, with --transfer.", metavar="MARKET", default="the bundle's own"),
]
Transfer: TypeAlias = Annotated[
    bool, option("Allow a market that the bundle was not trained for: its weights fit any.", default="no")
]


def decide(
    bundle: Bundle,
    /,
    tables: TablesFolder,
    out: Annotated[str, option("The folder for today's orders, recommendations and page.", metavar="DIR")],
    date: Day = None,
    n: HowMany = None,
    rules: HouseRules = None,
    minimum_cover: MinimumCover = None,
    formats: Annotated[str, option("Of the tables: csv, and parquet or json beside it.", metavar="A,B,..")] = "csv",
    currency: Annotated[
        str, option("Put before money on the page, such as €.", metavar="SIGN", default="nothing")
    ] = "",
    market: OtherMarket = None,
    transfer: Transfer = False,
    seed: UnusedSeed = 0,
    json_output: JsonFlag = False,
) -> Answer:
    """Decides today's orders and recommendations, with reasons.

    A page shows them. Nothing is trained or fitted: the bundle decides in the market that it carries, in the state that
    today's stock counts, open orders and logs tell.

    Example: intandem decide policy --tables my-tables --out today
    """
    del seed, json_output
    from intandem.app.runtime import claim

    wanted = _formats(formats)
    found = _decided(bundle, tables, date, n, rules, minimum_cover, market, transfer)
    from intandem.operation.writing import CONTENTS, PAGE, write_decisions

    folder = write_decisions(found, claim(out, folder=True, ours=CONTENTS), wanted, currency=currency)
    figures = {
        "date": found.when,
        "orders": str(folder / "orders.csv"),
        "recommendations": str(folder / "recommendations.csv"),
        "page": str(folder / PAGE),
        "flags": found.flags.to_dicts(),
        "ordered": found.placed.height,
        "money": float(found.placed["money"].sum()),
        "recommended": found.recommendations.height,
        "short": found.short.height,
        "notes": list(found.today.tables.notes),
    }
    from intandem.operation import words

    to_do = "".join(f"\n{line}" for line in words.to_do(found))
    noted = "".join(f"\nnote: {line}" for line in found.today.tables.notes)
    kept = f"kept in {folder}; the page is {PAGE}"
    return Answer(figures, f"{found.when}: {words.answer(found, currency)}{to_do}\n{words.lead(found)}\n{kept}{noted}")


def orders(
    bundle: Bundle,
    /,
    tables: TablesFolder,
    date: Day = None,
    minimum_cover: MinimumCover = None,
    out: Annotated[
        str | None, option("Write them here as well (.csv, .parquet, .json).", metavar="FILE", default="no file")
    ] = None,
    market: OtherMarket = None,
    transfer: Transfer = False,
    seed: UnusedSeed = 0,
    json_output: JsonFlag = False,
) -> Answer:
    """Proposes today's orders, with reasons that add up.

    Example: intandem orders policy --tables my-tables
    """
    del seed, json_output
    found = _decided(bundle, tables, date, None, None, minimum_cover, market, transfer)
    from intandem.operation.words import amount

    if out is not None:
        _write(found.orders, out)
    told = found.as_json()
    lines = [f"{found.when}: {found.placed.height:,} of {found.orders.height:,} products are ordered"]
    lines += [f"{amount(row['quantity']):>8} {row['name']}: {row['why']}" for row in found.placed.iter_rows(named=True)]
    return Answer({"date": told["date"], "orders": told["orders"], "flags": told["flags"]}, "\n".join(lines))


def recommend(
    bundle: Bundle,
    /,
    tables: TablesFolder,
    n: HowMany = None,
    date: Day = None,
    rules: HouseRules = None,
    out: Annotated[
        str | None, option("Write them here as well (.csv, .parquet, .json).", metavar="FILE", default="no file")
    ] = None,
    market: OtherMarket = None,
    transfer: Transfer = False,
    seed: UnusedSeed = 0,
    json_output: JsonFlag = False,
) -> Answer:
    """Recommends products to each customer, all of them in stock.

    Example: intandem recommend policy --tables my-tables --n 3
    """
    del seed, json_output
    found = _decided(bundle, tables, date, n, rules, None, market, transfer)
    from intandem.operation import words

    if out is not None:
        _write(found.recommendations, out)
    told = found.as_json()
    figures: dict[str, Any] = {name: told[name] for name in ("date", "recommendations", "short")}
    lines = [f"{found.when}: {words.lead(found)}", words.sources(found), *words.short(found)]
    first = found.recommendations.head(FIRST)
    lines += [f"  {row['customer_id']}, {row['rank']}: {row['name']}" for row in first.iter_rows(named=True)]
    if found.recommendations.height > FIRST:
        lines.append(f"  and {found.recommendations.height - FIRST:,} more; --out FILE writes all of them")
    return Answer(figures, "\n".join(lines))


FIRST = 9
"""Recommendations that are printed."""


def _decided(
    bundle: str,
    tables: str,
    day: str | None,
    n: int | None,
    rules: str | None,
    minimum_cover: float | None,
    market: str | None,
    transfer: bool,
) -> Decisions:
    from intandem.app.runtime import prepare, resolve_market
    from intandem.progress import Meter

    prepare()
    if transfer and market is None:
        raise InputError("--transfer", "is given without a market", "give --market, or leave it out")
    world = None if market is None else resolve_market(market)
    from intandem.operation import decide as decided

    with Meter() as meter:
        meter.update("deciding")
        return decided(
            bundle,
            Path(tables),
            day=day,
            n=n,
            rules=rules,
            minimum_cover=minimum_cover,
            market=world,
            transfer=transfer,
        )


def _write(frame: Any, out: str) -> None:
    from intandem.app.runtime import claim
    from intandem.operation.writing import write_table
    from intandem.storage import marks_of

    write_table(frame, claim(out, folder=False, marks=marks_of(out, frame.columns)))


def _formats(text: str) -> list[Any]:
    from intandem.operation.writing import FORMATS

    wanted = [one.strip() for one in text.split(",")]
    for one in wanted:
        if one not in FORMATS:
            raise InputError("--formats", f"'{one}' is not known", did_you_mean(one, FORMATS, some=True))
    return wanted
