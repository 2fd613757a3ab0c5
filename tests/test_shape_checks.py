"""Guards the guard: without the import hook of `tests/conftest.py` no type and no shape is checked anywhere."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax.numpy as jnp
import pytest
from beartype.roar import BeartypeCallHintViolation
from jaxtyping import TypeCheckError

from intandem.market import Market, initial_state
from intandem.market.files import example_market
from intandem.market.model import Ledger
from intandem.market.supply import arrivals_at_once


@pytest.fixture(scope="module")
def market() -> Market:
    return example_market("two-products-capped")


def test_an_argument_of_another_type_is_refused() -> None:
    wrong: Any = "two-products-capped"
    with pytest.raises(BeartypeCallHintViolation):
        initial_state(wrong)


def test_another_number_of_axes_is_refused(market: Market) -> None:
    with pytest.raises(BeartypeCallHintViolation):
        arrivals_at_once(market, jnp.zeros((2, 2)))
    with pytest.raises(BeartypeCallHintViolation):
        market.pairs.total(jnp.zeros(2))


def test_one_name_is_one_size_in_a_call() -> None:
    two, three = jnp.zeros(2), jnp.zeros(3)
    Ledger(two, two, two, two, two, two, two)
    with pytest.raises(TypeCheckError):
        Ledger(two, two, two, two, two, two, three)


def test_a_record_holds_what_it_says(market: Market) -> None:
    wrong: Any = "ten"
    with pytest.raises(Exception, match="price"):
        dataclasses.replace(market, price=wrong)
