"""The sentences of the coordination map's page, all of them from its cells."""

from __future__ import annotations

import numpy as np

from intandem.evaluation.experiments.coordination_map.cells import PARTS
from intandem.evaluation.experiments.coordination_map.charts import PART_WORDS
from intandem.evaluation.experiments.coordination_map.claims import NOTHING, Findings, signed_points, tightness_words
from intandem.evaluation.experiments.coordination_map.markets import HOLDING, LOST_SALE_COST, PEOPLE
from intandem.evaluation.experiments.experiment import Claim
from intandem.evaluation.report.numbers import between, percent, signed_percent


def answer(found: Findings) -> str:
    """The sentence that the page opens with."""
    line = found.along_supply()
    listed = [one for one in line if 0.5 <= one.setting.tightness <= 1]
    if not any(one.share().interval.low > 0 for one in listed):
        return "Coordination shows no settled gain at any supply that was tried."
    parts = [f"{percent(one.share().value)} at {tightness_words(one)}" for one in listed]
    parts[0] = parts[0].replace(" at ", " of profit at a supply of ")
    if found.enough is not None:
        parts.append(f"less than {percent(NOTHING)} from {percent(found.enough, 0)} on")
    return f"Coordination pays where supply is short of the demand that exposure can make: {', '.join(parts)}."


def lead(found: Findings) -> str:
    """What the first sentence means, and its interval."""
    peak = found.peak
    return (
        "Supply is the largest order a period, against the demand of a product that has the customers' whole "
        "exposure. The gain is what the coordinated optimum earns over the uncoordinated policy with in-stock filter: "
        "a silo that recommends what is in stock and earns most, and orders as well as can be for the demand it meets "
        "(at a supply of "
        f"{tightness_words(peak)}: {between(peak.share().interval)})."
    )


def to_do(found: Findings) -> list[str]:
    """What follows for somebody with a market of their own."""
    gaining = [one for one in found.along_supply() if one.share().interval.low > NOTHING]
    if not gaining:
        return ["Keep the in-stock filter: at no supply that was tried is coordination settled to be worth more."]
    tightest, loosest = tightness_words(gaining[0]), tightness_words(gaining[-1])
    range_of = f"of {tightest}" if len(gaining) == 1 else f"between {tightest} and {loosest}"
    lines = [
        "Set the largest order your suppliers deliver in a period against the demand of a product that has the whole "
        f"exposure. Products with a supply {range_of} of it are those to coordinate."
    ]
    if found.enough is not None:
        lines.append(
            f"Where supply is {percent(found.enough, 0)} of that demand or more, an in-stock filter is all it takes: "
            "coordination makes no difference worth having."
        )
    return lines


def scale(found: Findings) -> str:
    """On what the figures rest."""
    minutes = sum(float(cell.column("seconds").sum()) for cell in found.cells.values()) / 60
    return (
        f"{len(found.cells)} settings, the same {found.plan.draws} random markets in each, every policy solved "
        "exactly. "
        f"Solving took {minutes:.1f} minutes on this computer."
    )


def parts(found: Findings) -> str:
    """Where the gain comes from, where it is largest in money."""
    peak = found.peak
    shares = {part: peak.share(of=part).value for part in PARTS}
    named = [
        f"{PART_WORDS[part][0]} {signed_percent(share)}"
        for part, share in sorted(shares.items(), key=lambda one: -abs(one[1]))
        if abs(share) >= 5e-4
    ]
    lost = percent(float(peak.column("lost_filtered-silo").mean()))
    kept = percent(float(peak.column("lost_joint").mean()))
    return (
        f"At a supply of {tightness_words(peak)}, in per cent of the silo's profit: {', '.join(named)}. "
        f"Coordinated, {kept} of demand is lost; with the silo with in-stock filter {lost}. Units count at the silo's "
        "average margin; a mix below zero means that what is sold more has the lower margin; costs above zero are "
        "costs saved."
    )


def zeros(found: Findings, claims: dict[str, Claim]) -> list[str]:
    """Where coordination is worth nothing, or little, and why."""
    lines = []
    plenty, free = claims.get("zero-with-plenty"), claims.get("zero-with-free-supply")
    if plenty is not None and plenty.holds:
        lines.append(
            f"Plentiful supply: {plenty.detail}. Whatever recommendation shows can be had, so orders follow "
            "exposure and exposure need not follow stock."
        )
    if free is not None and free.holds:
        lines.append(
            f"Supply at once and without limit: {free.detail}, over the silo without filter. Stock is bought after the "
            "decision whom to show what, so there is nothing to be short of."
        )
        shown = found.cell(lead_time=0, max_order=max(found.plan.max_orders))
        if shown is not None and shown.share().interval.low > NOTHING:
            lines.append(
                f"Over the silo with in-stock filter the gain there is {percent(shown.share().value)}, and it is the "
                "filter's own cost: it hides products whose shelf is empty although an order would arrive before the "
                "customers."
            )
    lines += _lead_times(found)
    line = found.along_supply()
    scarcest, peak = line[0], found.peak
    if scarcest is not peak:
        least, most = (f"{one.gain().mean():.2f}" for one in (scarcest, peak))
        more = scarcest.column("more_units").mean()
        lines.append(
            f"Very scarce supply: at {tightness_words(scarcest)} the gain is {least} a period, where "
            f"{tightness_words(peak)} give {most}. Only {more:.2f} of it comes from selling more units, for what "
            "arrives is nearly all sold, shown or not; the rest is to disappoint fewer customers. As a share "
            f"({percent(scarcest.share().value)}) it looks large because the silo earns only "
            f"{scarcest.column('filtered-silo').mean():.2f}."
        )
    spread = claims.get("falls-with-margin-spread")
    if spread is not None and spread.holds:
        lines.append(
            f"Margins far apart: {spread.detail}. Where one product earns much more, to show it all the time is "
            "nearly right, coordinated or not."
        )
    equal = claims.get("zero-with-equal-margins")
    if equal is not None and not equal.holds:
        lines.append(
            f"Equal margins are no zero: {equal.detail}. The silo shows whatever sells best until it is short of it, "
            "while the other product stays on the shelf."
        )
    return lines


def _lead_times(found: Findings) -> list[str]:
    """What the lead time does, which is nothing much from one period on."""
    now, usual = found.cell(lead_time=0), found.cell()
    longest = found.cell(lead_time=max(found.plan.lead_times))
    lines = []
    if now is not None and usual is not None and now.share().less(usual.share()).high < 0:
        lines.append(
            f"Orders that arrive at once, at a supply of {tightness_words(now)}: the gain over the silo with in-stock "
            f"filter is {percent(now.share().value)}, over the silo without filter {percent(now.share('silo').value)}. "
            "A limit shows as an empty shelf before the order arrives, so the filter moves exposure as coordination "
            "would."
        )
    if longest is not None and usual is not None and longest.setting.lead_time > 1:
        change = longest.share().less(usual.share())
        if max(abs(change.low), abs(change.high)) < 0.01:
            lines.append(
                f"Longer lead times change little: {signed_points(change.mean, 2)} from 1 period to "
                f"{longest.setting.lead_time}, at a supply of {tightness_words(longest)}. The joint optimum orders "
                f"{percent(float(usual.column('limit_used').mean()), 0)} of what the supplier allows, so that orders "
                "hardly react, and how long they take matters little."
            )
    return lines


def method() -> list[str]:
    """How it was computed."""
    return [
        f"Each market: two products, one row of {PEOPLE} customers, one recommendation slot. Drawn at random: unit "
        "costs, the average margin, how strongly exposure sells each product, and which of the two has the higher "
        f"margin. Holding costs are {percent(HOLDING, 0)} of the unit cost per period, a lost sale costs "
        f"{LOST_SALE_COST:g}.",
        "Demand of a product with full exposure is half of the customers in every market, so supply is as tight as "
        "the setting says.",
        "The base case: supply 75%, lead time 1, margins 30% above and below their average, no fixed cost, no memory. "
        "A setting changes one or two of these; every setting meets the same markets.",
        "Policies: coordinated, the best possible one; uncoordinated, the silo, whose recommendation maximises margin "
        "as if stock were unlimited; and the silo with in-stock filter, which hides what is out of stock. Both silos "
        "order as well as can be for what they meet. All are solved as dynamic programs, with proved bounds; parts of "
        "gains come from exact long-run averages.",
        f"Gains below {percent(NOTHING)} of profit count as none. Gains are in per cent of the mean profit of the "
        "policy they are over; intervals hold 95%, over markets.",
        "Where exposures act later, their effect in the long run is the same, and only its timing differs.",
    ]


def limits() -> list[str]:
    """What the page cannot say."""
    return [
        "Exact, but small: two products cannot say how gains grow with an assortment.",
        "The silos know nothing of the supplier's limit. A rule that turns exposure away from what runs short gets "
        "part of the gain without deciding together: the method tuned-rule of intandem compare shows how much in a "
        "market of yours.",
        "The optimum is a ceiling: a policy that learns comes near it at best.",
        "Exposures take three levels (0, a half, 1), and intentions are interpolated between six points; the last of "
        "the statements above say what finer steps change.",
        "Demand, effects and costs are drawn, not estimated from a shop.",
    ]


def fixed_cost_blanks(found: Findings) -> str:
    """What the dashes of the map of fixed costs mean, if it has any."""
    blank = [one for one in found.plan.fixed_cost_map().values() if not np.isfinite(found.cells[one].share().value)]
    return " A dash: the silo earns nothing there, so that there is no share." if blank else ""
