"""The statements on policies of rules: a department that follows what it sees is told from one that does not."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from intandem.departments import policy_of_rules
from intandem.errors import InputError
from intandem.evaluation.insights import policy_insights
from intandem.evaluation.statistics import one_sided, wilson_interval
from intandem.market import Decision, Market, State, example_market
from intandem.theory.insights import Finding


def followed(market: Market, state: State, key: jax.Array) -> Decision:
    """Shows the product with more stock, and orders what base stock would."""
    del key
    import jax.numpy as jnp

    more = jnp.where(state.on_hand[0] >= state.on_hand[1], jnp.array([[0.75, 0.25]]), jnp.array([[0.25, 0.75]]))
    return Decision(order=jnp.clip(9.0 - state.on_hand, 0, market.max_order), exposure=more)


@pytest.fixture(scope="module")
def found() -> dict[str, Finding]:
    """Of a policy that promotes what it has."""
    return policy_insights(example_market("two-products-capped"), followed, periods=200, runs=8)


def test_a_policy_that_promotes_what_it_has(found: dict[str, Finding]) -> None:
    assert found["T2"].holds
    assert found["T2"].p_value is not None
    assert found["T2"].p_value < 0.01
    assert found["T2"].violations == 0
    assert found["C2-cross"].holds
    assert found["T3"].holds
    assert found["T3"].statistic > 0.05


def test_a_policy_that_is_blind_to_stock_is_told() -> None:
    market = example_market("two-products-capped")
    blind = policy_insights(market, policy_of_rules(market, "base-stock", "uplift"), periods=100, runs=4)
    assert not blind["T2"].holds
    assert blind["T2"].statistic == 0
    assert blind["C4"].statistic == 0
    assert not blind["C4"].holds
    assert blind["T1"].holds is None


def test_too_few_runs_are_refused() -> None:
    market = example_market("two-products-capped")
    with pytest.raises(InputError, match="3 or more"):
        policy_insights(market, followed, runs=2)


def test_p_values_and_wilson_intervals() -> None:
    rng = np.random.default_rng(0)
    chances = np.array([one_sided(rng.normal(size=8)) for _ in range(2_000)])
    assert abs((chances < 0.05).mean() - 0.05) < 0.015
    assert one_sided(np.zeros(4)) == 1.0
    covered = 0
    for _ in range(1_000):
        interval = wilson_interval(int(rng.binomial(60, 0.1)), 60)
        covered += interval.low <= 0.1 <= interval.high
    assert 925 <= covered <= 985
