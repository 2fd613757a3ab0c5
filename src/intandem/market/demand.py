"""Who wants what: visits, utilities, choice probabilities, the exact draw, and how intentions move.

The draw is exact; its gradient is the one-unit difference. If a unit of demand is drawn with probability `p`, then
`d E[f(D)] / dp` is the change of `f` that the unit makes, averaged over the draw: the step from `D - 1` to `D` for
units drawn, from `D` to `D + 1` for units not drawn. `Demand` therefore carries two gradients, one for each kind, and
`supply.fulfil` applies to each the difference that its units meet. For one period this is unbiased whatever the
size of demand, where a normal reparameterisation is not (clipping at zero inflates small demands, and the kink of
`min(demand, stock)` is met at whole units only).

What is drawn are purchases. Where a purchase is of several units, `n` purchases ask for `n + Poisson(n (u - 1))` units,
`u` on average each; the unit of the difference is then a purchase with all its units.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from intandem.market.draws import bernoulli, binomial, poisson, uniform
from intandem.market.model import Market, State
from intandem.market.pairs import Pairs
from intandem.market.rivals import choose_among


class Demand(eqx.Module):
    """One period's demand.

    - `visits`: visitors per row. `pairs`: purchases per pair.
    - `purchases`: per product; its gradient is that of the purchases drawn and not drawn together.
    - `total`: units asked for per product.
    - `drawn`: zero, with the gradient of the purchases drawn alone.
    - `sizes`: where some purchases are of several units: what their gradient needs.
    """

    visits: Float[Array, " rows"]
    pairs: Float[Array, "rows width"]
    purchases: Float[Array, " products"]
    total: Float[Array, " products"]
    drawn: Float[Array, " products"]
    sizes: Sizes | None = None


class Sizes(eqx.Module):
    """Sizes of purchases: `mean` units of one, the `extra` units drawn beyond one for each purchase, per product, and
    the `key` from which the size of a single purchase can be drawn."""

    mean: Float[Array, " products"]
    extra: Float[Array, " products"]
    key: Key[Array, ""]


def product_shift(market: Market, period: Int[Array, ""]) -> Float[Array, " products"] | None:
    """Utility shift of each product in a period, from season and price; `None` where neither exists."""
    shift = None
    if market.season is not None:
        shift = market.season[period % market.season.shape[0]]
    if market.traits.price_terms:
        price_term = -market.elasticity * jnp.log(
            jnp.maximum(market.price, 1e-6) / jnp.maximum(market.regular_price, 1e-6)
        )
        shift = price_term if shift is None else shift + price_term
    return shift


def unexposed_utility(
    market: Market, intention: Float[Array, "rows width"], period: Int[Array, ""]
) -> Float[Array, "rows width"]:
    """Utility of each pair without exposure, in logit units."""
    utility = market.base_utility
    if market.traits.has_intention:
        utility = utility + intention
    shift = product_shift(market, period)
    return utility if shift is None else utility + market.pairs.spread(shift)


def choice_probability(
    market: Market,
    unexposed: Float[Array, "rows width"],
    exposure: Float[Array, "rows width"],
    available: Float[Array, " products"],
) -> Float[Array, "rows width"]:
    """Probability that a visitor of each row buys each product.

    **Arguments:**

    - `unexposed`: from `unexposed_utility`.
    - `exposure`: in [0, 1]. On a slate its gradient is the whole effect of showing the product or not, the rest of
      the slate being as it is; with independent choice a value between 0 and 1 is the mixture of the two.
    - `available`: units for new demand; only whether there are any matters, and only with substitution.
    """
    if market.choice == "multinomial":  # within each category, where there are several
        if market.exposure == "slate":
            return _slate_choice_probability(market, unexposed, exposure, available)
        return _multinomial_probability(market, unexposed + market.exposure_effect * exposure, available)
    if market.exposure == "slate":
        without = jax.nn.sigmoid(unexposed)
        lift = jax.nn.sigmoid(unexposed + market.exposure_effect) - without
        probability = without + exposure * lift
    else:
        probability = jax.nn.sigmoid(unexposed + market.exposure_effect * exposure)
    return jnp.where(market.pairs.valid(), probability, 0.0) if market.pairs.ragged else probability


def _multinomial_probability(
    market: Market, utility: Float[Array, "rows width"], available: Float[Array, " products"]
) -> Float[Array, "rows width"]:
    offered = market.pairs.valid()
    if market.substitution:
        offered = offered & (market.pairs.spread(jnp.where(available > 0, 1.0, 0.0)) > 0)
    # Leaving the largest utility out of the exponent, as log-sum-exp does, with 0 for buying nothing among them.
    if market.rivals is None:
        largest = jnp.max(utility, axis=1, keepdims=True, initial=0.0, where=offered)
    else:
        largest = market.rivals.largest(jnp.where(offered, utility, 0.0), 0.0)
    largest = jax.lax.stop_gradient(largest)
    weight = jnp.where(offered, jnp.exp(jnp.where(offered, utility - largest, 0.0)), 0.0)
    return weight / (jnp.exp(-largest) + among_rivals(market, weight))


def among_rivals(market: Market, values: Float[Array, "rows width"]) -> Float[Array, "rows #width"]:
    """Sums over what competes for one purchase with each place, itself included: its category, or with one category
    the row."""
    return values.sum(1, keepdims=True) if market.rivals is None else market.rivals.total(values)


def _slate_choice_probability(
    market: Market,
    unexposed: Float[Array, "rows width"],
    exposure: Float[Array, "rows width"],
    available: Float[Array, " products"],
) -> Float[Array, "rows width"]:
    """Choice probabilities whose gradient in the exposure is the step from not shown to shown.

    With weights `w` relative to the chance of the present row, showing product `j` instead of not changes the total
    weight from `1 - p_j + low_j` to `1 - p_j + high_j`: its own probability moves from `low_j` to `high_j` over those
    totals, and that of every other product `k` by `p_k` times the change of the totals' reciprocals.
    """
    shown = jax.lax.stop_gradient(exposure)
    probability = _multinomial_probability(market, unexposed + market.exposure_effect * shown, available)
    chance = jax.lax.stop_gradient(probability)
    effect = market.exposure_effect
    low, high = chance * jnp.exp(-effect * shown), chance * jnp.exp(effect * (1 - shown))
    without, within = 1 - chance + low, 1 - chance + high
    crowding = (1 / within - 1 / without) * exposure
    others = among_rivals(market, crowding) - crowding
    moving = (high / within - low / without) * exposure + chance * others
    return probability + with_expected_gradient(jnp.zeros_like(probability), moving)


def mean_demand(
    market: Market, unexposed: Float[Array, "rows width"], exposure: Float[Array, "rows width"]
) -> Float[Array, " products"]:
    """Mean units asked for per product in a period, every product being in stock, from utilities without exposure."""
    probability = choice_probability(market, unexposed, exposure, jnp.ones(market.products))
    purchases = market.pairs.total((market.population * market.visit_probability)[:, None] * probability)
    return purchases * market.units_per_purchase


def variance_in_units(
    market: Market, mean: Float[Array, " products"], variance: Float[Array, " products"]
) -> Float[Array, " products"]:
    """Variance of units asked for, from mean and variance of purchases: `u^2 variance + (u - 1) mean`.

    A purchase is of `1 + Poisson(u - 1)` units: `u` on average, with variance `u - 1`.
    """
    units = market.units_per_purchase
    return units**2 * variance + (units - 1) * mean


def size_dispersion(market: Market) -> Float[Array, " products"]:
    """Variance over mean of the units that a Poisson number of purchases asks for: `u + 1 - 1/u`."""
    return market.units_per_purchase + 1 - 1 / market.units_per_purchase


def expected_demand(
    market: Market,
    intention: Float[Array, "rows width"],
    exposure: Float[Array, "rows width"],
    period: Int[Array, ""],
) -> Float[Array, " products"]:
    """Mean units asked for per product in a period, every product being in stock."""
    return mean_demand(market, unexposed_utility(market, intention, period), exposure)


def base_demand(market: Market) -> Float[Array, " products"]:
    """Mean units per period and product at zero exposure and baseline intention, averaged over the season."""
    zero = jnp.zeros(market.base_utility.shape)
    if market.season is None:
        return expected_demand(market, zero, zero, jnp.asarray(0))
    positions = jnp.arange(market.season.shape[0])
    return jax.lax.map(lambda period: expected_demand(market, zero, zero, period), positions).mean(0)


def draw_visits(market: Market, key: Key[Array, ""]) -> Float[Array, " rows"]:
    """Visitors of each row: `Binomial(population, visit_probability)`."""
    if market.traits.always_visit:
        return market.population
    if market.traits.single_persons:
        return bernoulli(key, market.visit_probability)
    return binomial(key, market.population, market.visit_probability)


def _draw_pairs(
    market: Market,
    visits: Float[Array, " rows"],
    probability: Float[Array, "rows width"],
    key: Key[Array, ""],
) -> Float[Array, "rows width"]:
    if market.choice == "independent":
        if market.traits.single_persons:
            return visits[:, None] * bernoulli(key, probability)
        return binomial(key, jnp.broadcast_to(visits[:, None], probability.shape), probability)
    if market.rivals is not None:
        if market.traits.single_persons:
            # One uniform number for each pair in one go: the places are then walked without drawing.
            points = uniform(key, probability.shape[::-1])
            return choose_among(
                market.rivals, visits, probability, lambda left, chance, point: left * (point < chance), points
            )
        keys = jax.random.split(key, probability.shape[1])
        return choose_among(
            market.rivals, visits, probability, lambda left, chance, key: binomial(key, left, chance), keys
        )
    if market.traits.single_persons:
        reach = jnp.cumsum(probability, axis=1)
        point = uniform(key, visits.shape)[:, None]
        chosen = (point < reach) & (point >= reach - probability)
        # A product of probability zero is never chosen, and rounding never lets two products share a point.
        first = jnp.cumsum(chosen, axis=1) == 1
        return jnp.where(chosen & first, visits[:, None], 0.0)
    return _draw_multinomial(visits, probability, key)


def _draw_multinomial(
    visits: Float[Array, " rows"], probability: Float[Array, "rows width"], key: Key[Array, ""]
) -> Float[Array, "rows width"]:
    """Multinomial counts by conditional binomials, place after place."""

    def place(carry: tuple[Array, Array], at: tuple[Array, Array]) -> tuple[tuple[Array, Array], Float[Array, " rows"]]:
        undecided, rest = carry
        chance, place_key = at
        share = jnp.clip(chance / jnp.maximum(rest, 1e-12), 0.0, 1.0)
        count = binomial(place_key, undecided, share)
        return (undecided - count, rest - chance), count

    keys = jax.random.split(key, probability.shape[1])
    counts = jax.lax.scan(place, (visits, jnp.ones_like(visits)), (probability.T, keys))[1]
    return counts.T


@jax.custom_jvp
def _drawn_gradient(
    pairs: Pairs, share: Float[Array, "rows width"], expected: Float[Array, "rows width"]
) -> Float[Array, " products"]:
    """Zero per product, with the gradient of the part of `expected` that was drawn: `share` of each pair."""
    del expected
    # Zeros that depend on the batch: under vmap a custom derivative's result must be batched as its tangent is.
    return jnp.zeros(pairs.products) + 0.0 * share[0, 0]


@_drawn_gradient.defjvp
def _drawn_gradient_jvp(primals: tuple, tangents: tuple) -> tuple[Array, Array]:  # type: ignore[type-arg]
    pairs, share, _ = primals
    return _drawn_gradient(*primals), pairs.total(tangents[2] * share)


@jax.custom_jvp
def with_expected_gradient(drawn: Float[Array, "*shape"], expected: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """The draw, with the gradient of its mean."""
    del expected
    return drawn


@with_expected_gradient.defjvp
def with_expected_gradient_jvp(primals: tuple, tangents: tuple) -> tuple[Array, Array]:  # type: ignore[type-arg]
    return primals[0], tangents[1]


def draw_demand(
    market: Market,
    state: State,
    exposure: Float[Array, "rows width"],
    available: Float[Array, " products"],
    key: Key[Array, ""],
) -> Demand:
    """Draws one period's visits and choices exactly.

    **Arguments:**

    - `available`: units for new demand, which matter to substitution only.
    """
    visit_key, choice_key, *size_keys = jax.random.split(key, 2 if market.traits.single_units else 4)
    visits = draw_visits(market, visit_key)
    unexposed = unexposed_utility(market, state.intention, state.period)
    probability = choice_probability(market, unexposed, exposure, jax.lax.stop_gradient(available))
    pairs = _draw_pairs(market, jax.lax.stop_gradient(visits), jax.lax.stop_gradient(probability), choice_key)
    asked = with_expected_gradient(pairs, visits[:, None] * probability)
    share = pairs / jnp.maximum(visits[:, None], 1.0)
    drawn = _drawn_gradient(market.pairs, share, visits[:, None] * probability)
    purchases = market.pairs.total(asked)
    if market.traits.single_units:
        return Demand(visits, asked, purchases, purchases, drawn)
    size = market.units_per_purchase
    extra = poisson(size_keys[0], jax.lax.stop_gradient(purchases) * (size - 1))
    total = with_expected_gradient(jax.lax.stop_gradient(purchases) + extra, size * purchases)
    return Demand(visits, asked, purchases, total, drawn, Sizes(size, extra, size_keys[1]))


def next_intention(
    market: Market,
    intention: Float[Array, "rows width"],
    exposure: Float[Array, "rows width"],
    visits: Float[Array, " rows"],
    served: Float[Array, "rows width"] | None,
) -> Float[Array, "rows width"]:
    """Intentions of the next period: what persists of this one's and of its exposures, and the habit of buying.

    **Arguments:** `visits`: persons. `served`: purchases, where some product has a habit.
    """
    if not market.traits.has_intention:
        return jnp.zeros_like(intention)
    reached = visits / market.population
    moved = intention + market.carry_over * market.exposure_effect * exposure * reached[:, None]
    following = market.persistence * moved
    if served is not None and market.traits.habitual:
        following = following + market.pairs.spread(market.habit) * served / market.population[:, None]
    return following
