"""The dynamic choice model: utilities, intentions from the logs, and the likelihood of what was bought.

A customer who visits in period `t` buys product `j` with probability `sigmoid(u)`, where for the pair `p = (i, j)`

    u = product[j] + customer[i] + week[t] + group_week[g(j), t]
        + effect[j] * exposed[t] + intention[t] + habit and price terms + controls of the pair + e[p],
    intention[t+1] = persistence * (intention[t] + carry_over * effect[j] * exposed[t]) + habit * bought[t],

as in `intandem.market.demand.next_intention` for single persons. Given the persistence, the intention is linear in
two stocks that are computed from the logs: `intention = carry_over * effect * exposure_stock + habit * purchase_stock`.

`e[p] ~ Normal(0, spread^2)` is what is peculiar to the pair and not observed. It is integrated out by adaptive
Gauss-Hermite quadrature (Liu and Pierce 1994; Rabe-Hesketh, Skrondal and Pickles 2005): were it estimated as one
more parameter per pair, habit would be biased by the few purchases that each pair has (the incidental-parameter
problem; Heckman 1981).
"""

from __future__ import annotations

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

NODES, NODE_WEIGHTS = (values.astype(np.float32) for values in np.polynomial.hermite_e.hermegauss(7))
"""Gauss-Hermite nodes and weights for the standard normal density (`NODE_WEIGHTS` still lacks `1/sqrt(2 pi)`)."""

LOG_SPREAD_RANGE = (-3.0, 1.6)
"""Between these the spread of pair effects is sought: below, pairs are alike; above, taste is all there is."""

DYNAMIC = ("exposure", "carry_over", "persistence", "habit")
"""The first shared coefficients, in order; period and pair covariates follow."""


class ChoiceData(eqx.Module):
    """What the likelihood reads; `pairs` are customer rows times width, row by row. Arrays are float32.

    - `product`, `row`, `group`: product, customer row and product group of each pair; `group` is per pair too.
    - `scored`: 1 where the customer visited and the period counts in the likelihood, `periods pairs`.
    - `bought`, `exposed`: 0 or 1 (exposure may be fractional), 0 where the customer did not visit.
    - `varying`: covariates that vary over time, `covariates periods pairs`.
    - `fixed`: covariates of the pair, `controls pairs`.
    - `offset`: added to the utility as it is; `None` for nothing.
    """

    product: Int[Array, " pairs"]
    row: Int[Array, " pairs"]
    group: Int[Array, " pairs"]
    scored: Float[Array, "periods pairs"]
    bought: Float[Array, "periods pairs"]
    exposed: Float[Array, "periods pairs"]
    varying: Float[Array, "covariates periods pairs"]
    fixed: Float[Array, "controls pairs"]
    rows: int = eqx.field(static=True)
    products: int = eqx.field(static=True)
    groups: int = eqx.field(static=True)
    offset: Float[Array, "periods pairs"] | None = None

    @property
    def width(self) -> int:
        """Candidate products per customer."""
        return self.product.shape[0] // self.rows


class Coefficients(eqx.Module):
    """The parameters of the choice model.

    - `product`, `customer`, `week` (`periods`), `group_week` (`groups periods`): utility shifts.
    - `deviation`: exposure effect of each product less the common mean.
    - `shared`: the four of `DYNAMIC`, then one per `varying` and one per `fixed` covariate.
    - `log_spread`: logarithm of the standard deviation of the pair effect `e`.
    """

    product: Float[Array, " products"]
    customer: Float[Array, " rows"]
    week: Float[Array, " periods"]
    group_week: Float[Array, "groups periods"]
    deviation: Float[Array, " products"]
    shared: Float[Array, " shared"]
    log_spread: Float[Array, ""]


class Paths(NamedTuple):
    """Stocks at the start of each period with their first and second derivatives in `persistence`."""

    exposure_stock: Float[Array, "periods pairs"]
    purchase_stock: Float[Array, "periods pairs"]
    exposure_slope: Float[Array, "periods pairs"]
    purchase_slope: Float[Array, "periods pairs"]
    exposure_curvature: Float[Array, "periods pairs"]
    purchase_curvature: Float[Array, "periods pairs"]


class Posterior(NamedTuple):
    """What the likelihood says of each pair's effect `e`, and the sums that estimation needs.

    - `log_likelihood`: marginal, per pair. `mean`, `variance`: of `e` given the pair's history.
    - `residual`: bought less the expected probability, `periods pairs`, 0 where not scored.
    - `weight`: expected `p (1 - p)`, 0 where not scored; `total_weight`: over the periods.
    - `score_variance`: posterior variance of the pair's score in a constant shift of utility, over
      `total_weight^2`: how much of the information the unseen effect takes away.
    - `spread_score`: in the log-spread; `spread_information`: of the log-spread alone; `spread_slope`: minus its
      posterior covariance with the shift's score, over `total_weight * score_variance`.
    """

    log_likelihood: Float[Array, " pairs"]
    mean: Float[Array, " pairs"]
    variance: Float[Array, " pairs"]
    residual: Float[Array, "periods pairs"]
    weight: Float[Array, "periods pairs"]
    total_weight: Float[Array, " pairs"]
    score_variance: Float[Array, " pairs"]
    spread_score: Float[Array, " pairs"]
    spread_information: Float[Array, " pairs"]
    spread_slope: Float[Array, " pairs"]


def intention_paths(
    bought: Float[Array, "periods pairs"], exposed: Float[Array, "periods pairs"], persistence: Float[Array, ""]
) -> Paths:
    """Exposure and purchase stocks of each pair at the start of each period, and their derivatives in `persistence`.

    ```python
    >>> bought, exposed = jnp.asarray([[0.0], [1.0], [0.0]]), jnp.asarray([[1.0], [0.0], [0.0]])
    >>> paths = intention_paths(bought, exposed, jnp.asarray(0.5))
    >>> paths.exposure_stock[:, 0].tolist(), paths.purchase_stock[:, 0].tolist()
    ([0.0, 0.5, 0.25], [0.0, 0.0, 1.0])

    ```
    """
    zero = jnp.zeros(bought.shape[1])

    def period(carry: Paths, inputs: tuple[Array, Array]) -> tuple[Paths, Paths]:
        bought_now, exposed_now = inputs
        following = Paths(
            persistence * (carry.exposure_stock + exposed_now),
            persistence * carry.purchase_stock + bought_now,
            carry.exposure_stock + exposed_now + persistence * carry.exposure_slope,
            carry.purchase_stock + persistence * carry.purchase_slope,
            2 * carry.exposure_slope + persistence * carry.exposure_curvature,
            2 * carry.purchase_slope + persistence * carry.purchase_curvature,
        )
        return following, carry

    return jax.lax.scan(period, Paths(*[zero] * 6), (bought, exposed))[1]


def pair_effect(coefficients: Coefficients, data: ChoiceData) -> Float[Array, " pairs"]:
    """Exposure effect of each pair, in logit units."""
    return (coefficients.shared[0] + coefficients.deviation)[data.product]


def constant_utility(coefficients: Coefficients, data: ChoiceData) -> Float[Array, " pairs"]:
    """The part of utility that a pair keeps over time, without its peculiar effect `e`."""
    controls = coefficients.shared[len(DYNAMIC) + data.varying.shape[0] :]
    return coefficients.product[data.product] + coefficients.customer[data.row] + controls @ data.fixed


def known_utility(coefficients: Coefficients, data: ChoiceData, paths: Paths) -> Float[Array, "periods pairs"]:
    """Utility without the pair's peculiar effect `e`."""
    _, carry_over, _, habit = coefficients.shared[: len(DYNAMIC)]
    varying = coefficients.shared[len(DYNAMIC) : len(DYNAMIC) + data.varying.shape[0]]
    effect = pair_effect(coefficients, data)
    utility = constant_utility(coefficients, data)[None, :] + coefficients.week[:, None]
    utility = utility + coefficients.group_week.T[:, data.group]
    utility = utility + effect * (data.exposed + carry_over * paths.exposure_stock) + habit * paths.purchase_stock
    utility = utility + jnp.tensordot(varying, data.varying, 1)
    return utility if data.offset is None else utility + data.offset


def bought_log_likelihood(
    utility: Float[Array, "periods pairs"], bought: Float[Array, "periods pairs"], scored: Float[Array, "periods pairs"]
) -> Float[Array, " pairs"]:
    """Log-probability of each pair's purchases at given utilities."""
    return jnp.sum(scored * (bought * utility - jax.nn.softplus(utility)), 0)


def locate(
    data: ChoiceData,
    utility: Float[Array, "periods pairs"],
    log_spread: Float[Array, ""],
    centre: Float[Array, " pairs"],
    steps: int | Int[Array, ""],
) -> tuple[Float[Array, " pairs"], Float[Array, " pairs"]]:
    """The mode of each pair's effect by Newton steps from `centre`, and `1 / sqrt(curvature)` there.

    The log-density is concave, so short steps cannot go astray.
    """
    precision = jnp.exp(-2 * log_spread)

    def newton(_: Int[Array, ""], carry: tuple[Array, Array]) -> tuple[Array, Array]:
        effect = carry[0]
        probability = jax.nn.sigmoid(utility + effect)
        slope = (data.scored * (data.bought - probability)).sum(0) - precision * effect
        curvature = (data.scored * probability * (1 - probability)).sum(0) + precision
        return effect + jnp.clip(slope / curvature, -2.0, 2.0), 1 / jnp.sqrt(curvature)

    return jax.lax.fori_loop(0, steps, newton, (centre, jnp.ones_like(centre)))


def infer(
    data: ChoiceData,
    utility: Float[Array, "periods pairs"],
    log_spread: Float[Array, ""],
    centre: Float[Array, " pairs"],
    scale: Float[Array, " pairs"],
) -> Posterior:
    """Integrates each pair's effect out of the likelihood.

    **Arguments:**

    - `utility`: from `known_utility`.
    - `centre`, `scale`: where to put the nodes, see `locate`.
    """
    spread = jnp.exp(log_spread)
    effects = centre[None, :] + scale[None, :] * NODES[:, None]

    def log_joint(effect: Float[Array, " pairs"]) -> Float[Array, " pairs"]:
        prior = -0.5 * (effect / spread) ** 2 - log_spread - 0.5 * jnp.log(2 * jnp.pi)
        return bought_log_likelihood(utility + effect, data.bought, data.scored) + prior

    log_terms = jax.lax.map(log_joint, effects) + (jnp.log(NODE_WEIGHTS) + 0.5 * NODES**2)[:, None]
    log_terms = log_terms + jnp.log(scale)[None, :]
    total = jax.scipy.special.logsumexp(log_terms, axis=0)
    share = jnp.exp(log_terms - total[None, :])

    def add_node(carry: tuple[Array, Array], node: tuple[Array, Array]) -> tuple[tuple[Array, Array], Array]:
        effect, share_here = node
        probability = jax.nn.sigmoid(utility + effect)
        expected, weight = carry
        here = share_here * probability
        return (expected + here, weight + here * (1 - probability)), (data.scored * probability).sum(0)

    zero = jnp.zeros_like(utility)
    (expected, weight), purchases = jax.lax.scan(add_node, (zero, zero), (effects, share))
    weight = data.scored * weight

    def average(values: Float[Array, "nodes pairs"]) -> Float[Array, " pairs"]:
        return (share * values).sum(0)

    mean = average(effects)
    # Purchases expected at each node, less their mean, are minus the score of a shift.
    surplus = purchases - average(purchases)
    total_weight = jnp.maximum(weight.sum(0), 1e-12)
    # Above one, a pair's information would be negative; the sum over pairs is what must not be.
    score_variance = jnp.minimum(average(surplus**2) / total_weight**2, 0.999 / total_weight)
    square = (effects / spread) ** 2
    square_mean = average(square)
    slope = -average(surplus * (square - square_mean)) / (total_weight * jnp.maximum(score_variance, 1e-12))
    return Posterior(
        log_likelihood=total,
        mean=mean,
        variance=average((effects - mean) ** 2),
        residual=data.scored * (data.bought - expected),
        weight=weight,
        total_weight=total_weight,
        score_variance=score_variance,
        spread_score=square_mean - 1,
        spread_information=2 * square_mean - average((square - square_mean) ** 2),
        spread_slope=slope,
    )
