"""Logged propensities: whether they agree with what was shown, and what they say of each pair."""

from __future__ import annotations

import numpy as np
import polars as pl

from intandem.display import count

LEAST_LOGGED = 0.9
"""Share of exposures whose propensity must be logged for it to identify their effect."""

FAR, TOLERATED = 5.0, 0.1
"""Standard errors, and beside them a share of the visits, by which a product's exposures may miss what their
propensities say."""

MOST_DOUBTED = 0.1
"""Share of exposures whose propensities may disagree with the log before none is believed."""


def doubt_of(shown: pl.DataFrame, visits: float | int) -> str:
    """Why the propensities cannot be those with which exposures were drawn; empty where they can.

    Were every visit a draw, each shown exposure would stand for `1 / propensity` visits, and these would add up to the
    visits there were (Horvitz and Thompson 1952).

    **Arguments:** `shown`: exposures of visiting customers, with `kind`, `product`, `propensity`. `visits`: customers
    times periods with a visit.

    ```python
    >>> log = pl.DataFrame({"kind": "mail", "product": 0, "propensity": [0.5] * 40})
    >>> doubt_of(log, 80), doubt_of(log, 400)
    ('', 'the 40 exposures drawn with logged propensities stand for 80 visits, and 400 were there')

    ```
    """
    chance = pl.col("propensity")
    # The variance as sampled, and as if all were drawn alike: whichever is more.
    alike = pl.lit(visits) * (pl.col("stands") / pl.col("count") - 1)
    found = (
        shown.filter(chance.is_not_null())
        .group_by("kind", "product")
        .agg(count=pl.len(), stands=(1 / chance).sum(), square=((1 - chance) / chance**2).sum())
        .with_columns(
            error=pl.max_horizontal("square", alike).sqrt(),
            missed=(pl.col("stands") - visits).abs(),
        )
    )
    wrong = found.filter(pl.col("missed") > FAR * pl.col("error") + pl.lit(TOLERATED * float(visits)))
    if wrong.is_empty() or wrong["count"].sum() <= MOST_DOUBTED * float(found["count"].sum()):
        return ""
    worst = wrong.sort("missed", "product", descending=[True, False]).row(0, named=True)
    there = f"{visits:,.0f} {'was' if visits == 1 else 'were'} there"
    return (
        f"the {worst['count']:,} exposures{'' if found.height == 1 else ' of a product'} drawn with logged "
        f"propensities stand for {count(round(worst['stands']), 'visit')}, and {there}"
    )


def pair_propensity(shown: pl.DataFrame, candidates: np.ndarray) -> np.ndarray | None:
    """Mean logged propensity of each pair, that of its product where it was never shown; `None` unless most exposures
    have one."""
    logged = shown.filter(pl.col("propensity").is_not_null())
    if logged.height < LEAST_LOGGED * max(shown.height, 1):
        return None
    overall = float(logged["propensity"].mean())  # type: ignore[arg-type]
    of_product = logged.group_by("product").agg(pl.col("propensity").mean())
    means = np.full(int(candidates.max()) + 1, overall)
    inside = of_product.filter(pl.col("product") < len(means))
    means[inside["product"].to_numpy()] = inside["propensity"].to_numpy()
    found = means[candidates]
    of_pair = logged.group_by("customer", "product").agg(pl.col("propensity").mean())
    customer, product = of_pair["customer"].to_numpy(), of_pair["product"].to_numpy()
    rows = candidates[customer]
    place = (rows == product[:, None]).argmax(1)
    held = rows[np.arange(len(rows)), place] == product
    found[customer[held], place[held]] = of_pair["propensity"].to_numpy()[held]
    return found
