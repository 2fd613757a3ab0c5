"""Speeds: how fast each department and the critic move, and how their steps shrink.

Update `n` takes a critic step `a_n`, an inventory step `b_n` and a recommendation step `c_n`, each of the form
`rate / (1 + n / onset)^power`. With powers in (1/2, 1] the sums are infinite and the squares summable (Robbins and
Monro 1951), and with powers that grow from critic to inventory to recommendation `b_n/a_n` and `c_n/b_n` tend to 0:
each is quasi-static to the faster ones, and Borkar's (2008, chapter 6) argument for several timescales applies.
"""

from __future__ import annotations

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from intandem.errors import InputError, did_you_mean

METHODS: dict[str, str] = {
    "mtma": "two departments that learn together on the firm's profit, inventory fast and recommendation slowly",
    "stma": "as mtma, both at one speed, the geometric mean of its two",
    "reversed": "as mtma, the speeds exchanged: recommendation fast and inventory slowly",
    "mtsa": "one network decides for both; the layers they share and orders learn fast, exposures slowly",
    "stsa": "one network decides for both and learns at one speed",
    "independent": "as mtma, but each department learns with a critic, or in trials, of its own",
    "silo": "two departments that learn apart, each on its own objective; recommendation sees no stock",
}
"""By name, and what each is."""

JOINT_NETWORK = ("mtsa", "stsa")
"""Methods in which one network decides for both departments."""

_ONE_SPEED = ("stma", "stsa")


class Speed(eqx.Module):
    """A step size: `rate / (1 + n / onset)^power` at update `n`, taken at every `every`-th update."""

    rate: float | Float[Array, ""]
    power: float | Float[Array, ""]
    onset: float | Float[Array, ""]
    every: float | Float[Array, ""] = 1.0

    def at(self, update: Array | float | int) -> Array | float:
        """The step size at an update, counted from 0.

        ```python
        >>> float(Speed(rate=0.1, power=1.0, onset=100.0).at(100))
        0.05

        ```
        """
        return self.rate * self.decay(update)

    def decay(self, update: Array | float | int) -> Array | float:
        """What is left of the first step by then, as a share."""
        return 1.0 / (1.0 + update / self.onset) ** self.power


class Timescales(eqx.Module):
    """The speeds of the critic and of the two departments. They enter a run as arrays, so that runs which differ only
    in speed share one compiled program.

    - `target`: 0: departments keep to their speeds. Above 0 they set their own, from these on: see `Pace`.
    """

    critic: Speed
    inventory: Speed
    recommendation: Speed
    target: float | Float[Array, ""] = 0.0


class Pace(eqx.Module):
    """By how much departments have set their speeds otherwise: the logarithm of a factor on the step of each, inventory
    first.

    With the score estimator each department is steered to the same divergence from one update to the next, `target`
    times the square of its speed's decay: the divergence of a policy grows with the square of its step. Steps then
    shrink as Robbins and Monro ask, and whose step is the longer follows from what its policy is sensitive to.

    - `seen`: the running mean of each department's divergence, 0 before the first. Single updates tell little: orders
      are whole units, and where all draws stay what they were a divergence is nought whatever the step.
    """

    log_factor: Float[Array, " departments"]
    seen: Float[Array, " departments"]

    @property
    def factor(self) -> Float[Array, " departments"]:
        """Of each department's step."""
        return jnp.exp(self.log_factor)

    def steered(self, divergence: Float[Array, " departments"], target: Float[Array, " departments"]) -> Pace:
        """Towards the divergence that is aimed at, quickly down and slowly up; unchanged where none is.

        ```python
        >>> pace = Pace(jnp.zeros(2), jnp.zeros(2)).steered(jnp.array([0.0045, 0.0]), jnp.array([0.003, 0.003]))
        >>> [round(float(one), 3) for one in pace.factor]
        [0.816, 1.105]

        ```
        """
        seen = jnp.where(self.seen > 0, 0.8 * self.seen + 0.2 * divergence, divergence)
        wanted = 0.5 * (jnp.log(jnp.maximum(target, 1e-12)) - jnp.log(jnp.maximum(seen, 1e-12)))
        moved = jnp.minimum(self.log_factor + jnp.clip(wanted, -FASTER_DOWN, SLOWLY_UP), LONGEST)
        # What was seen is told at the new step: a divergence grows with the step's square.
        return Pace(jnp.where(target > 0, moved, self.log_factor), seen * jnp.exp(2 * (moved - self.log_factor)))

    def weighed(self, share: Float[Array, " departments"], target: float | Float[Array, ""]) -> Pace:
        """Towards a step in proportion to the share of the gradient that is no noise, by a twentieth: of a gradient
        that is half noise the best step is half as long (McCandlish et al. 2018, arXiv 1812.06162). `target` is the
        share at which the step is the speed's own; 0: unchanged.
        """
        factor = 0.95 * self.factor + 0.05 * share / jnp.maximum(target, 1e-6)
        return Pace(jnp.where(target > 0, jnp.log(jnp.maximum(factor, 1e-3)), self.log_factor), self.seen)


FASTER_DOWN, SLOWLY_UP, LONGEST = 0.7, 0.1, 2.3
"""Most that the logarithm of a department's factor falls or rises in an update, and the largest it may be: a policy
that does not answer to steps for a while must not take all of them at once when it does."""

GENTLE = -2.0
"""Logarithm of the factor that departments which set their own speeds start with: too long a step is not undone."""


def first_pace(speeds: Timescales) -> Pace:
    """The pace of the first update."""
    return Pace(jnp.where(speeds.target > 0, jnp.full(2, GENTLE), jnp.zeros(2)), jnp.zeros(2))


def targets(speeds: Timescales, update: Array) -> Float[Array, " departments"]:
    """The divergence that each department aims at in an update."""
    decays = jnp.stack([jnp.asarray(one.decay(update)) for one in (speeds.inventory, speeds.recommendation)])
    return speeds.target * decays**2


def default_timescales(updates: int, estimator: str = "perturbation") -> Timescales:
    """Inventory fast, recommendation a half of it (a quarter, for `pathwise`); steps shrink from a fifth of the run
    on. With `score` both start alike, shrink alike, and set their own speeds."""
    onset = max(updates / 5, 1.0)
    rates, powers, target = _SPEEDS[estimator]
    return Timescales(
        critic=Speed(1e-2, 0.55, onset),
        inventory=Speed(rates[0], powers[0], onset),
        recommendation=Speed(rates[1], powers[1], onset),
        target=target,
    )


_SPEEDS = {
    "perturbation": ((4e-2, 2e-2), (0.75, 0.95), 0.0),
    "pathwise": ((8e-3, 2e-3), (0.75, 0.95), 0.0),
    "score": ((3e-3, 3e-3), (0.55, 0.55), 0.01),
}
"""By estimator: rates and powers of inventory and recommendation, and the target of speeds that set themselves."""


def timescales_of(method: str, fast_to_slow: Timescales) -> Timescales:
    """The speeds of a method, from those of `mtma`.

    `stma` and `stsa` move both departments at one speed, the geometric mean of the two, so that the product of their
    speeds stays what it is; `reversed` exchanges them.

    **Raises:** `InputError` for a method that does not exist.
    """
    if method not in METHODS:
        raise InputError("method", f"'{method}' is not known", did_you_mean(method, METHODS))
    fast, slow = fast_to_slow.inventory, fast_to_slow.recommendation
    if method == "reversed":
        return Timescales(fast_to_slow.critic, inventory=slow, recommendation=fast, target=fast_to_slow.target)
    if method in _ONE_SPEED:
        one = Speed((fast.rate * slow.rate) ** 0.5, 0.5 * (fast.power + slow.power), fast.onset)
        return Timescales(fast_to_slow.critic, inventory=one, recommendation=one, target=fast_to_slow.target)
    return fast_to_slow


def at_ratio(speeds: Timescales, ratio: float) -> Timescales:
    """Departments that keep to a ratio: inventory moves `ratio` times as fast as recommendation, the product of their
    speeds and the decay of inventory's as they were.

    **Raises:** `InputError` for a ratio that is not above 0.

    ```python
    >>> speeds = at_ratio(default_timescales(400), 8.0)
    >>> round(speeds.inventory.rate / speeds.recommendation.rate, 6), speeds.target
    (8.0, 0.0)

    ```
    """
    if not (math.isfinite(ratio) and ratio > 0):
        raise InputError("ratio", f"is {ratio}", "give a number above 0")
    middle = (speeds.inventory.rate * speeds.recommendation.rate) ** 0.5
    power, onset = speeds.inventory.power, speeds.inventory.onset
    inventory, recommendation = (Speed(middle * share, power, onset) for share in (ratio**0.5, ratio**-0.5))
    return Timescales(speeds.critic, inventory, recommendation)


def optimiser(speed: Speed, clip: float, epsilon: float, passes: int) -> optax.GradientTransformation:
    """Adam at a speed, gradients clipped within the department: one shared norm would couple the departments.

    Adam's (Kingma and Ba 2015) second moment makes `speed` a step in the weights' own units, whatever the market's
    money is counted in.

    **Arguments:** `passes`: steps in an update.
    """

    def schedule(count: jax.typing.ArrayLike) -> jax.typing.ArrayLike:
        return speed.at(count * speed.every / passes)  # type: ignore[arg-type,operator]

    moving = optax.chain(optax.clip_by_global_norm(clip), optax.adam(schedule, b1=0.9, b2=0.99, eps=epsilon))
    return optax.conditionally_mask(moving, lambda count: (count // passes) % speed.every == 0)
