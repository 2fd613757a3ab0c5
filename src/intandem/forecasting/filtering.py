"""The count model's filter: what the counts so far tell of each series' level and of its responses to drivers.

The logarithm of the mean of series `i` in period `t` is

    log mu = log observed + season + common + permanent + transient + drivers . responses

- `permanent`: a random walk; `transient`: comes back to where it rests by a factor `damping` a period; both drift so
  that mean demand, an exponential of them, stays where it is;
- `responses`: to price, exposures and intention, constant in time, different by series;
- `common`: one for all series, comes back to 0 by `common_damping`.

Counts are negative binomial. A period adds what it tells by the mode and curvature of the likelihood times the state's
normal density (West, Harrison and Migon 1985, by posterior modes as in Fahrmeir 1992); a sold out one through the
probability of "this or more".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from intandem.forecasting.negative_binomial import log_likelihood, log_tail, score_and_information

PERMANENT, TRANSIENT, RESPONSES = 0, 1, 2
"""Places in a series' state: the two parts of its level, then one response per driver."""

ROUNDS, LARGEST_STEP = 6, 1.5
"""Newton steps of a period, and the most that one changes a logarithm by."""


@dataclass(frozen=True)
class Dynamics:
    """How levels move: variances per period on the scale of logarithms, damping 0 to 1, dispersion of counts."""

    permanent: float = 0.003
    transient: float = 0.03
    damping: float = 0.5
    dispersion: float = 0.1
    common: float = 0.01
    common_damping: float = 0.5
    lasting: float = 0.2

    @property
    def spread(self) -> float:
        """Variance of the transient part in the long run."""
        return self.transient / max(1.0 - self.damping**2, 0.02)

    @property
    def rest(self) -> float:
        """Where the transient part comes back to: its exponential has mean 1 there."""
        return -0.5 * self.spread


@dataclass(frozen=True)
class Belief:
    """What is known of the states: `mean` series x states, `variance` series x states x states; of the common
    factor its mean and variance."""

    mean: np.ndarray
    variance: np.ndarray
    common: float = 0.0
    common_variance: float = 0.0


def ahead(belief: Belief, dynamics: Dynamics, speed: np.ndarray) -> Belief:
    """What is known a period later, before its counts.

    **Arguments:** `speed`: of each series, how many times the variances of its level are those of all.
    """
    mean, variance = belief.mean.copy(), belief.variance.copy()
    mean[:, TRANSIENT] += (1.0 - dynamics.damping) * (dynamics.rest * speed - mean[:, TRANSIENT])
    mean[:, PERMANENT] -= 0.5 * dynamics.permanent * speed
    mean[:, PERMANENT] += dynamics.lasting * (1.0 - dynamics.common_damping) * belief.common
    variance[:, TRANSIENT, :] *= dynamics.damping
    variance[:, :, TRANSIENT] *= dynamics.damping
    variance[:, PERMANENT, PERMANENT] += dynamics.permanent * speed
    variance[:, TRANSIENT, TRANSIENT] += dynamics.transient * speed
    damping = dynamics.common_damping
    return Belief(mean, variance, belief.common * damping, belief.common_variance * damping**2 + dynamics.common)


def loads(drivers: np.ndarray) -> np.ndarray:
    """How a state enters the logarithm of a mean: 1 for both parts of the level, then the drivers (`... drivers`)."""
    return np.concatenate([np.ones((*drivers.shape[:-1], RESPONSES)), drivers], axis=-1)


def learn(
    belief: Belief,
    load: np.ndarray,
    known: np.ndarray,
    counts: np.ndarray,
    at_least: np.ndarray,
    seen: np.ndarray,
    dispersion: np.ndarray,
) -> tuple[Belief, np.ndarray]:
    """What is known after a period's counts, and the logarithm of each count's probability before it
    (what the common factor takes is shared out evenly).

    **Arguments**, per series: `load` (series x states); `known`: the part of the log mean that needs no state;
    `counts`; `at_least`: sold out; `seen`: whether the period counts at all; `dispersion`.
    """
    spread = np.einsum("sij,sj->si", belief.variance, load)
    width = np.maximum(np.einsum("si,si->s", spread, load), 1e-9)
    start = known + np.einsum("si,si->s", belief.mean, load)
    shared, shared_variance = belief.common, max(belief.common_variance, 1e-12)
    place = start + shared
    score = information = np.zeros(len(counts))
    for _ in range(ROUNDS):
        score, information = score_and_information(counts, at_least, place, dispersion)
        score, information = np.where(seen, score, 0.0), np.where(seen, information, 0.0)
        # The common factor's own step, with each series' own part at its best answer to it.
        pull = (start + shared - place) / width
        free = information / (1.0 + width * information)
        slope = (score - information * width * (score + pull) / (1.0 + width * information)).sum()
        move = (slope - (shared - belief.common) / shared_variance) / (free.sum() + 1.0 / shared_variance)
        move = float(np.clip(move, -LARGEST_STEP, LARGEST_STEP))
        step = (score + pull + move / width) / (information + 1.0 / width)
        shared += move
        place = np.clip(place + np.clip(step, -LARGEST_STEP, LARGEST_STEP), -12.0, 16.0)
    own = place - start - shared
    density = log_likelihood(counts, place, dispersion)
    if at_least.any():
        density[at_least] = log_tail(counts[at_least], place[at_least], dispersion[at_least])
    log_probability = density - own**2 / (2 * width) - 0.5 * np.log1p(width * information)
    gain = information / (1.0 + width * information)
    # From the mode to the mean: the likelihood leans to lower levels, by its third derivative.
    size, middle = 1.0 / dispersion, np.exp(place)
    leaning = information * (size - middle) / (size + middle)
    own = own - 0.5 * leaning * (width / (1.0 + width * information)) ** 2
    mean = belief.mean + spread * (own / width)[:, None]
    variance = belief.variance - gain[:, None, None] * spread[:, :, None] * spread[:, None, :]
    known_better = 1.0 / (gain.sum() + 1.0 / shared_variance)
    after = Belief(mean, variance, shared, float(known_better))
    moved = (shared - belief.common) ** 2 / (2 * shared_variance) + 0.5 * np.log(shared_variance / known_better)
    return after, np.where(seen, log_probability - moved / max(seen.sum(), 1), 0.0)
