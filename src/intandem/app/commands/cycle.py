"""`intandem cycle`: a firm's weekly step, in one command that cron can run."""

from __future__ import annotations

from typing import Annotated, Any

import tyro

from intandem.app.answer import Answer, percent
from intandem.app.options import JsonFlag, Seed, Shops, Updates, Width, Window, option


def cycle(
    folder: Annotated[
        str, tyro.conf.Positional, option("The firm's folder, with its files in DIR/tables.", metavar="DIR")
    ],
    /,
    date: Annotated[
        str | None,
        option("The day that is decided.", metavar="DAY", default="the first after the last line's period"),
    ] = None,
    n: Annotated[int | None, option("Recommendations per customer.", default="--slots")] = None,
    slots: Annotated[int, option("Recommendation slots: products shown to a customer per period.")] = 3,
    lead_time: Annotated[int, option("Lead time in periods, where the tables do not say.")] = 1,
    candidates: Annotated[int, option("Products modelled per customer, at most.")] = 60,
    rules: Annotated[
        str, option("Rules that a new policy must not fall behind (`intandem list methods`).", metavar="A,B,..")
    ] = "silo,filtered-silo,tuned-rule",
    updates: Updates = None,
    shops: Shops = None,
    window: Window = None,
    width: Width = None,
    periods: Annotated[int | None, option("Periods that count in judging.", default="by the market's size")] = None,
    runs: Annotated[int | None, option("Replications of judging.", default="by the market's size")] = None,
    currency: Annotated[
        str, option("Put before money on the page, such as €.", metavar="SIGN", default="nothing")
    ] = "",
    seed: Seed = 0,
    json_output: JsonFlag = False,
) -> Answer:
    """Takes a firm a week on: checks, calibrates, trains, decides.

    Training begins with the policy of last week. The new one is accepted only if it falls behind neither that policy
    nor the best rule on common random numbers; else the old one stays, decides, and the exit code is 1. Run again with
    the same files, nothing is done twice; stopped, it goes on.

    Example: intandem cycle my-firm
    """
    del json_output
    from intandem.app.runtime import prepare
    from intandem.progress import Meter

    prepare()
    from intandem.app.weekly import CycleSettings
    from intandem.app.weekly import cycle as turn
    from intandem.evaluation.methods import check_methods

    names = [name.strip() for name in rules.split(",")]
    check_methods(names, "rules")
    given = {"updates": updates, "shops": shops, "window": window, "width": width}
    sizes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    settings = CycleSettings(
        lead_time=lead_time,
        candidates=candidates,
        slots=slots,
        rules=names,
        periods=periods,
        runs=runs,
        n=n,
        day=date,
        seed=seed,
        currency=currency,
        **sizes,
    )
    with Meter() as meter:
        meter.update("taking the week")
        found = turn(folder, settings)
    verdict = "accepted" if found["accepted"] else "not accepted, the old policy stays"
    changed = found["changed_share"]
    plan = (
        "" if changed is None else f"\n{percent(changed)} of orders differ from last week's plan by more than a fifth"
    )
    told = (("note", "notes"), ("assumed", "assumptions"), ("look at", "alarms"))
    lines = "".join(f"\n{label}: {line}" for label, key in told for line in found[key])
    text = (
        f"{found['date']}: {found['ordered']:,} products ordered, {found['flags']:,} flags; {found['page']}\n"
        f"{verdict}: {found['why']}{plan}{lines}"
    )
    return Answer(found, text, code=0 if found["accepted"] else 1)
