"""Results short to read: ten lines at most whatever they hold, escaped in a notebook, and never in the way of JAX."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from intandem.departments import JointPolicy, policy_of_rules
from intandem.display import MOST_LINES, WIDEST_LINE, Displayed, Summary
from intandem.evaluation.comparison import Comparison, MethodResult
from intandem.evaluation.simulated import BATCHES, Simulated, Totals, Trace
from intandem.learning import Training, TrainSettings
from intandem.market import Decision, Ledger, Market, Outcome, State, build_market, initial_state

ODD = "<script>alert(1)</script>\nand a name that does not end " + "x" * 1_000


@pytest.fixture(scope="module")
def market() -> Market:
    prices = dict.fromkeys(("price", "unit_cost", "holding_cost"), np.arange(1.0, 31.0))
    ids = [ODD, *(f"p{j}" for j in range(29))]
    return build_market(prices, *np.zeros((2, 4, 30)), product_ids=ids, name=ODD)


@pytest.fixture(scope="module")
def policy(market: Market) -> JointPolicy:
    return policy_of_rules(market, "base-stock", "uplift")


def ones(record: type[eqx.Module], numbers: tuple[str, ...] = (), **others: object) -> eqx.Module:
    """A record of ones, of one product; `numbers` have no axis."""
    fields = [field.name for field in dataclasses.fields(record) if field.name not in others]
    return record(**{name: jnp.ones(() if name in numbers else 1) for name in fields}, **others)


def stacked(record: eqx.Module, times: int) -> eqx.Module:
    return jax.tree.map(lambda leaf: np.stack([np.asarray(leaf)] * times), record)


def simulated(profit: float, runs: int = 3) -> Simulated:
    """Figures made up by hand, of one product and ten periods."""
    one = ones(Totals, ("slots_used", "discounted"), ledger=ones(Ledger), profit_batches=jnp.ones(BATCHES))
    totals = eqx.tree_at(lambda t: t.profit, stacked(one, runs), 10 * (profit + np.arange(runs)[:, None]))
    return Simulated((ODD,), periods=10, runs=runs, warmup=5, seed=0, discount=1.0, totals=totals)


@pytest.fixture(scope="module")
def made(market: Market, policy: JointPolicy) -> dict[str, Displayed]:
    """One of every kind that needs no work to make."""
    state = initial_state(market)
    decision = Decision(jnp.ones(market.products), jnp.zeros((market.rows, market.products)))
    methods = {
        name: MethodResult(name, "rule", (policy,), (simulated(at),), 0.0, rules=("base-stock", "uplift"))
        for at, name in enumerate((ODD, *(f"method {k}" for k in range(20))))
    }
    curve = dict.fromkeys(("profit", "lost_share", "exposure_share", "critic_error"), np.arange(40.0))
    training = Training(policy, curve, 12.0, 800, {"inventory": 3}, TrainSettings(), 0)
    table = np.ones((9, 2))
    return {
        "market": market,
        "state": state,
        "decision": decision,
        "policy": policy,
        "department": policy.inventory,
        "simulated": simulated(3.0),
        "one run": simulated(3.0, runs=1),
        "trace": Trace((ODD, "b"), table, table, table, table, table, np.ones(9)),
        "method": methods[ODD],
        "comparison": Comparison(market, methods, 1, 3, 10, 5),
        "training": training,
    }


KINDS = (
    "market",
    "state",
    "decision",
    "policy",
    "department",
    "simulated",
    "one run",
    "trace",
    "method",
    "comparison",
    "training",
)


@pytest.mark.parametrize("kind", KINDS)
def test_ten_lines_and_a_table(made: dict[str, Displayed], kind: str) -> None:
    one = made[kind]
    lines = repr(one).splitlines()
    assert 2 <= len(lines) <= MOST_LINES
    assert max(map(len, lines)) <= WIDEST_LINE
    assert str(one) == repr(one)
    assert not lines[0].startswith(type(one).__name__) or kind == "department", "its own words, not its fields"
    page = one._repr_html_()
    assert "<table>" in page
    assert "<script>" not in page


def test_the_headline_is_the_answer(made: dict[str, Displayed]) -> None:
    assert repr(made["simulated"]).startswith("profit 4.00 per period (standard error 0.58)\n")
    assert repr(made["training"]).startswith("mtma after 40 updates: profit 37.50 per period")
    assert "began at   profit 1.50" in repr(made["training"])
    assert repr(made["comparison"]).startswith("method 19 earns most in <script>")
    assert "... and 14 more" in repr(made["comparison"])
    assert repr(ones(Outcome, ledger=ones(Ledger))).startswith("profit -5.00 in one period; over all products:")
    assert repr(replace(made["comparison"], results={"a": made["method"]})).count("earns 1.00") == 1


def test_a_record_of_many_periods_is_shown_per_period() -> None:
    record = stacked(ones(Outcome, ledger=ones(Ledger)), 4)
    assert repr(record).startswith("4 periods: profit -5.00 per period")
    assert "demand      1" in repr(record)


def test_methods_that_cannot_be_told_apart_are_not_ranked(market: Market, policy: JointPolicy) -> None:
    same = {name: MethodResult(name, "rule", (policy,), (simulated(3.0),), 0.0) for name in ("a", "b")}
    assert "a earns most, not told apart from b" in repr(Comparison(market, same, 1, 3, 10, 5))


def test_what_a_compiler_traces_is_shown_by_its_shapes(market: Market) -> None:
    shown: list[str] = []

    def look(market: Market, state: State) -> jax.Array:
        shown.extend((repr(market), repr(state), repr(Decision(state.on_hand, state.intention))))
        return state.on_hand

    eqx.filter_eval_shape(look, market, initial_state(market))
    assert [text.split()[0] for text in shown] == ["Market", "State", "Decision"]
    assert all(len(text.splitlines()) <= MOST_LINES for text in shown)
    assert "on_hand    float32 30" in shown[1]


def test_masks_in_the_shape_of_a_result_are_shown_by_their_fields(market: Market, policy: JointPolicy) -> None:
    masks = jax.tree.map(lambda _: False, initial_state(market))
    assert "on_hand    False" in repr(masks)
    assert len(repr(eqx.filter(policy, eqx.is_array, inverse=True)).splitlines()) <= MOST_LINES
    assert len(repr(stacked(initial_state(market), 2)).splitlines()) <= MOST_LINES


def test_what_does_not_fit_is_counted() -> None:
    rows = [(str(k), "1") for k in range(100)]
    text = Summary("answer", rows, ("name", "figure"), ("a note",)).text()
    assert text.splitlines()[-2:] == ["  ... and 94 more", "  a note"]
    assert len(text.splitlines()) == MOST_LINES
