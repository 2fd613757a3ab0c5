"""A forecast in the place of the market's own expectation: what departments and rules count on."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from intandem.departments import Department, JointPolicy
from intandem.departments.outlook import Foreseen, Outlook, Reference
from intandem.errors import InputError
from intandem.forecasting.paths import SamplePaths
from intandem.market import Market


def outlook_of(
    paths: SamplePaths, lead_time: np.ndarray | int, lift: np.ndarray | float | int = 0.0, first: int = 0
) -> Outlook:
    """The outlook that sample paths give, in the firm's units per product.

    **Arguments:**

    - `lead_time`: periods, of each product or of all: demand is looked at over one more. The paths must be as long.
    - `lift`: units a period that the reference recommendation adds to what the paths hold. Paths of which exposures
      are drawn from the past hold what was shown then; with a plan of no exposures they hold demand without.
    - `first`: the period of the paths from which is looked.

    **Raises:** `InputError` where the paths are shorter.

    ```python
    >>> paths = SamplePaths(np.array([[[2.0], [4.0]], [[4.0], [6.0]]]), ("tea",), (1, 2))
    >>> outlook = outlook_of(paths, lead_time=1)
    >>> float(outlook.now[0]), float(outlook.cover[0]), float(outlook.deviation[0])
    (3.0, 8.0, 2.0)

    ```
    """
    later = SamplePaths(paths.values[:, first:], paths.unique_id, paths.ds[first:])
    periods = np.broadcast_to(np.asarray(lead_time) + 1, len(paths.unique_id))
    total = later.total(periods)
    now, cover = later.mean()[0], total.mean(0)
    cover_lifted = cover + periods * lift
    found = {
        "now": now,
        "now_lifted": now + lift,
        "cover": cover,
        "cover_lifted": cover_lifted,
        "deviation": total.std(0),
        "typical": np.maximum(cover_lifted, 0.5),
    }
    return Outlook(**{name: jnp.asarray(values, jnp.float32) for name, values in found.items()})


def with_forecast(policy: JointPolicy, market: Market, paths: SamplePaths) -> JointPolicy:
    """A policy whose departments count on a forecast, in `simulate`, `compare` and today.

    Period 0 of the market is the first period of the paths. Where they end, the last outlook stays.

    **Arguments:** `paths`: of every product of the market, in the market's units, at least as long as the longest lead
    time and a period.

    **Raises:** `InputError` where a product has none, or they are shorter.

    ```python
    >>> import intandem
    >>> market = intandem.example_market("two-products-capped")
    >>> ids, longest = market.labels.product_ids, market.longest_lead_time + 1
    >>> paths = SamplePaths(np.full((2, longest, 2), 3.0), ids, tuple(range(longest)))
    >>> policy = with_forecast(intandem.policy_of_rules(market, "base-stock", "none"), market, paths)
    >>> bool(intandem.simulate(market, policy, periods=20, runs=2).profit > 0)
    True

    ```
    """
    ids = {one: place for place, one in enumerate(paths.unique_id)}
    lacking = [one for one in market.labels.product_ids if one not in ids]
    if lacking:
        raise InputError("paths", f"have no product {lacking[0]}", "forecast every product of the market")
    order = [ids[one] for one in market.labels.product_ids]
    own = SamplePaths(paths.values[:, :, order], tuple(market.labels.product_ids), paths.ds)
    starts = max(len(paths.ds) - market.longest_lead_time, 1)
    lead_time = np.asarray(market.lead_time)

    def counts_on(standing: Reference) -> Foreseen:
        lift = np.asarray(standing.lift)
        outlooks = [outlook_of(own, lead_time, lift, first) for first in range(starts)]
        ahead = jax.tree.map(lambda *values: jnp.stack(values), *outlooks)
        return Foreseen(standing.base, standing.lift, standing.dispersion, ahead)

    def told(department: Department) -> Department:  # type: ignore[type-arg]
        standing = getattr(department, "standing", None)
        if standing is None:
            return department
        return eqx.tree_at(lambda one: one.standing, department, counts_on(standing))

    return JointPolicy(told(policy.inventory), told(policy.recommendation))
