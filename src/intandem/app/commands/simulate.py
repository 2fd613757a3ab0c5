"""`intandem simulate`: what rules, a trained policy or an exact policy earn in a market."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from intandem.app.answer import Answer, money, percent
from intandem.app.options import JsonFlag, MarketName, Seed, Warmup, option
from intandem.errors import InputError, did_you_mean

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
        f"{_assumed(inventory, recommendation)}"
    )
    return Answer(result.as_json(), text)


def _assumed(inventory: str | None, recommendation: str | None) -> str:
    """A line about the department that nobody named, where the other one follows a rule; else nothing."""
    from intandem.departments.specification import INVENTORY_RULES, RECOMMENDATION_RULES

    alone = (inventory or recommendation or "").partition(":")[0].strip()
    if recommendation is None and alone in INVENTORY_RULES:
        return "\nnothing is recommended: no --recommendation is given"
    if inventory is None and alone in RECOMMENDATION_RULES:
        return "\norders are those of base-stock: no --inventory is given"
    return ""


def policy_named(
    market: Market, inventory: str | None, recommendation: str | None, bundle: str | None, policy: str | None = None
) -> Policy:
    """The policy of two rules, of a whole policy's name, of a bundle, or of a policy table.

    **Raises:** `InputError` if they do not go together.
    """
    from intandem.departments import DUAL_PRICE, RULE_POLICIES, policy_of_rules
    from intandem.departments.specification import INVENTORY_RULES, RECOMMENDATION_RULES
    from intandem.evaluation.policies import ALONE, policy_of

    named = {"--bundle": bundle, "--policy": policy, "--inventory": inventory, "--recommendation": recommendation}
    given = {name: value for name, value in named.items() if value is not None}
    if not given:
        cure = "give --inventory and --recommendation, or --bundle or --policy, or --inventory silo"
        raise InputError("--inventory", "nobody decides", cure)
    for name in ("--bundle", "--policy"):
        if name in given and len(given) > 1:
            raise InputError(name, "is given beside another policy", "give a bundle, or a policy, or rules")
    if bundle is not None:
        from intandem.learning import load_bundle

        return load_bundle(bundle, market)
    if policy is not None:
        from intandem.theory.intertemporal.policy_table import read_policy, tabled_policy

        return tabled_policy(market, read_policy(market, policy))
    whole = (*RULE_POLICIES, DUAL_PRICE)
    for name, text in given.items():
        rule = text.partition(":")[0].strip()
        if rule in whole:
            if len(given) > 1:
                raise InputError(name, "names a whole policy beside another rule", f"give {rule} alone")
            return policy_of(market, text, name)
        if rule not in INVENTORY_RULES | RECOMMENDATION_RULES:
            known = INVENTORY_RULES if name == "--inventory" else RECOMMENDATION_RULES
            raise InputError(name, f"'{rule}' is not a rule", did_you_mean(rule, (*known, *whole)))
    return policy_of_rules(market, inventory or ALONE["inventory"], recommendation or ALONE["recommendation"])
