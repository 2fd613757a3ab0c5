"""Speeds: how fast each department and the critic move, and how their steps shrink.

Update `n` takes a critic step `a_n`, an inventory step `b_n` and a recommendation step `c_n`, each of the form
`rate / (1 + n / onset)^power`. With powers in (1/2, 1] the sums are infinite and the squares summable (Robbins and
Monro 1951), and with powers that grow from critic to inventory to recommendation `b_n/a_n` and `c_n/b_n` tend to 0:
each is quasi-static to the faster ones, and Borkar's (2008, chapter 6) argument for several timescales applies.
"""

from __future__ import annotations

import equinox as eqx
import jax
import optax
from jaxtyping import Array, Float

from intandem.errors import InputError, did_you_mean

METHODS: dict[str, str] = {
    "mtma": "two departments that learn together on the firm's profit, inventory fast and recommendation slowly",
    "stma": "as mtma, both at one speed, the geometric mean of its two",
    "reversed": "as mtma, the speeds exchanged: recommendation fast and inventory slowly",
    "silo": "two departments that learn apart, each on its own objective; recommendation sees no stock",
}
"""By name, and what each is."""

PLANNED_METHODS = ("mtsa", "stsa", "independent")


class Speed(eqx.Module):
    """A step size: `rate / (1 + n / onset)^power` at update `n`."""

    rate: float | Float[Array, ""]
    power: float | Float[Array, ""]
    onset: float | Float[Array, ""]

    def at(self, update: Array | float | int) -> Array | float:
        """The step size at an update, counted from 0.

        ```python
        >>> float(Speed(rate=0.1, power=1.0, onset=100.0).at(100))
        0.05

        ```
        """
        return self.rate / (1.0 + update / self.onset) ** self.power


class Timescales(eqx.Module):
    """The speeds of the critic and of the two departments. They enter a run as arrays, so that runs which differ only
    in speed share one compiled program."""

    critic: Speed
    inventory: Speed
    recommendation: Speed


def default_timescales(updates: int, estimator: str = "perturbation") -> Timescales:
    """Inventory fast, recommendation a half of it (a quarter, for `pathwise`); steps shrink from a fifth of the run
    on."""
    onset = max(updates / 5, 1.0)
    inventory, recommendation = (8e-3, 2e-3) if estimator == "pathwise" else (4e-2, 2e-2)
    return Timescales(
        critic=Speed(1e-2, 0.55, onset),
        inventory=Speed(inventory, 0.75, onset),
        recommendation=Speed(recommendation, 0.95, onset),
    )


def timescales_of(method: str, fast_to_slow: Timescales) -> Timescales:
    """The speeds of a method, from those of `mtma`.

    `stma` moves both departments at one speed, the geometric mean of the two, so that the product of their speeds
    stays what it is; `reversed` exchanges them.

    **Raises:** `InputError` for a method that does not exist, or not yet.
    """
    if method in PLANNED_METHODS:
        raise InputError("--method", f"'{method}' is planned and not built yet", f"choose one of {', '.join(METHODS)}")
    if method not in METHODS:
        raise InputError("--method", f"'{method}' is not known", did_you_mean(method, METHODS))
    fast, slow = fast_to_slow.inventory, fast_to_slow.recommendation
    if method == "reversed":
        return Timescales(fast_to_slow.critic, inventory=slow, recommendation=fast)
    if method == "stma":
        one = Speed((fast.rate * slow.rate) ** 0.5, 0.5 * (fast.power + slow.power), fast.onset)
        return Timescales(fast_to_slow.critic, inventory=one, recommendation=one)
    return fast_to_slow


def optimiser(speed: Speed, clip: float) -> optax.GradientTransformation:
    """Adam at a speed, gradients clipped within the department: one shared norm would couple the departments.

    Adam's (Kingma and Ba 2015) second moment makes `speed` a step in the weights' own units, whatever the market's
    money is counted in.
    """

    def schedule(count: jax.typing.ArrayLike) -> jax.typing.ArrayLike:
        return speed.at(count)  # type: ignore[arg-type]

    return optax.chain(optax.clip_by_global_norm(clip), optax.adam(schedule, b1=0.9, b2=0.99))
