"""A forecast in the place of the market's own expectation: what departments and rules count on."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from intandem.departments.outlook import Outlook
from intandem.forecasting.paths import SamplePaths


def outlook_of(paths: SamplePaths, lead_time: np.ndarray | int, lift: np.ndarray | float | int = 0.0) -> Outlook:
    """The outlook that sample paths give, in the firm's units per product.

    **Arguments:**

    - `lead_time`: periods, of each product or of all: demand is looked at over one more. The paths must be as long.
    - `lift`: units a period that the reference recommendation adds to what the paths hold. Paths of which exposures
      are drawn from the past hold what was shown then; with a plan of no exposures they hold demand without.

    **Raises:** `InputError` where the paths are shorter.

    ```python
    >>> paths = SamplePaths(np.array([[[2.0], [4.0]], [[4.0], [6.0]]]), ("tea",), (1, 2))
    >>> outlook = outlook_of(paths, lead_time=1)
    >>> float(outlook.now[0]), float(outlook.cover[0]), float(outlook.deviation[0])
    (3.0, 8.0, 2.0)

    ```
    """
    periods = np.broadcast_to(np.asarray(lead_time) + 1, len(paths.unique_id))
    total = paths.total(periods)
    now, cover = paths.mean()[0], total.mean(0)
    cover_lifted = cover + periods * lift
    return Outlook(
        now=jnp.asarray(now),
        now_lifted=jnp.asarray(now + lift),
        cover=jnp.asarray(cover),
        cover_lifted=jnp.asarray(cover_lifted),
        deviation=jnp.asarray(total.std(0)),
        typical=jnp.asarray(np.maximum(cover_lifted, 0.5)),
    )
