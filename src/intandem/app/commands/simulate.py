"""`intandem simulate`: what rules, a trained policy or an exact policy earn in a market."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from intandem.app.answer import Answer, money, percent
from intandem.app.options import JsonFlag, MarketName, Seed, Warmup, option
from intandem.errors import InputError

if TYPE_CHECKING:
    from intandem.market import Market
    from intandem.market.simulate import Policy


def simulate(
    market: MarketName,
    /,
    inventory: Annotated[
        str | None,
        option(
            "base-stock, capped-base-stock or s-S, with settings as in base-stock:level=25 (`intandem list rules`); or "
            "a whole policy: silo, filtered-silo or dual-price.",
            metavar="RULE",
            default="base-stock beside a recommendation",
        ),
    ] = None,
    recommendation: Annotated[
        str | None,
        option(
            "uplift, popularity or none, with settings as in uplift:filter=in-stock.", metavar="RULE", default="none"
        ),
    ] = None,
    bundle: Annotated[str | None, option("A trained policy instead of rules.", metavar="BUNDLE", default="")] = None,
    policy: Annotated[
        str | None, option("A policy of `intandem solve --policy-out` instead of rules.", metavar="FILE", default="")
    ] = None,
    periods: Annotated[int, option("Periods that count in every run, after the warm-up.")] = 1_000,
    runs: Annotated[int, option("Replications: independent runs.")] = 16,
    warmup: Warmup = None,
    seed: Seed = 0,
    json_output: JsonFlag = False,
) -> Answer:
    """Plays rules, a trained policy or an exact one in a market.

    Example: intandem simulate two-products-capped --inventory base-stock:level=9/7
    """
    del json_output
    from intandem.app.runtime import resolve_market

    world = resolve_market(market)
    from intandem.evaluation.simulation import simulate as play

    result = play(
        world,
        policy_named(world, inventory, recommendation, bundle, policy),
        periods=periods,
        runs=runs,
        warmup=warmup,
        seed=seed,
    )
    text = (
        f"{world.name}: profit {money(result.profit)} per {world.period} (standard error {money(result.profit_se)})\n"
        f"demand met {percent(result.fill_rate)}, lost {percent(result.lost_share)}; "
        f"exposure slots used {percent(result.exposure_share)}\n"
        f"{result.orders_per_period:,.1f} units ordered per {world.period}, "
        f"stock lasts {result.cover:,.1f} {world.period}s\n"
        f"{result.runs} runs of {result.periods} {world.period}s after {result.warmup} that do not count"
    )
    return Answer(result.as_json(), text)


def policy_named(
    market: Market, inventory: str | None, recommendation: str | None, bundle: str | None, policy: str | None = None
) -> Policy:
    """The policy of two rules, of a whole policy's name, of a bundle, or of a policy table.

    **Raises:** `InputError` if they do not go together.
    """
    from intandem.departments import DUAL_PRICE, RULE_POLICIES, policy_of_rules

    given = {"--bundle": bundle, "--policy": policy}
    for name, value in given.items():
        others = [inventory, recommendation, *(one for key, one in given.items() if key != name)]
        if value is not None and any(other is not None for other in others):
            raise InputError(name, "is given beside another policy", "give a bundle, or a policy, or rules")
    if policy is not None:
        from intandem.theory.intertemporal.policy_table import read_policy, tabled_policy

        return tabled_policy(market, read_policy(market, policy))
    if bundle is not None:
        from intandem.learning import load_bundle

        return load_bundle(bundle, market)
    for rule in (inventory, recommendation):
        name, _, settings = (rule or "").partition(":")
        if settings and name in (*RULE_POLICIES, DUAL_PRICE):
            raise InputError("--inventory", f"{name} is a whole policy and takes no settings", f"give {name} alone")
    whole = {name for name in (inventory, recommendation) if name in (*RULE_POLICIES, DUAL_PRICE)}
    if whole:
        if len(whole) > 1 or {inventory, recommendation} - whole - {None}:
            raise InputError("--inventory", "names a whole policy beside another rule", f"give {min(whole)} alone")
        name = whole.pop()
        if name == DUAL_PRICE:
            from intandem.theory.dual_price import dual_price_policy

            return dual_price_policy(market)
        return policy_of_rules(market, *RULE_POLICIES[name])
    if inventory is None and recommendation is None:
        raise InputError(
            "--inventory",
            "nobody decides",
            "give --inventory and --recommendation, or --bundle or --policy, or --inventory silo",
        )
    return policy_of_rules(
        market,
        "base-stock" if inventory is None else inventory,
        "none" if recommendation is None else recommendation,
    )
