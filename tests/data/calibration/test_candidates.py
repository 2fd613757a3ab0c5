"""Candidates follow the documented rule."""

from __future__ import annotations

import numpy as np

from intandem.data.calibration.candidates import choose_candidates, with_new_products


def test_bought_then_near_then_local_then_popular() -> None:
    # Customers 0-3 buy 0 and 1 together; 4 bought 0 only; product 5 is popular in store 1; 6 is popular overall.
    customer = np.array([0, 0, 1, 1, 2, 2, 3, 3, 4, *[5] * 9, *[6] * 20])
    product = np.array([0, 1, 0, 1, 0, 1, 0, 1, 0, *[5] * 9, *[6] * 20])
    store = np.array([0, 0, 0, 0, 0, 1, 0, 1])
    chosen = choose_candidates(customer, product, customers=8, products=10, width=2, store=store)
    assert chosen[4].tolist() == [0, 1]
    assert 5 in chosen[7]
    assert all(len(set(row)) == 2 for row in chosen.tolist())


def test_every_purchase_is_kept_if_there_is_room() -> None:
    rng = np.random.default_rng(0)
    customer, product = rng.integers(0, 50, 300), rng.integers(0, 40, 300)
    chosen = choose_candidates(customer, product, customers=50, products=40, width=20)
    assert chosen.shape == (50, 20)
    assert all(item in chosen[who] for who, item in zip(customer, product, strict=True))


def test_few_products_are_all_candidates() -> None:
    chosen = choose_candidates(np.array([0]), np.array([1]), customers=2, products=3, width=60)
    assert chosen.tolist() == [[0, 1, 2], [0, 1, 2]]


def test_what_nobody_bought_is_a_candidate_of_those_who_buy_the_like() -> None:
    # Products 0 to 3 are teas, 4 to 7 breads; nobody bought 3 nor 7. Customers 0 to 9 drink tea, 10 to 19 eat bread.
    customer = np.concatenate([np.repeat(np.arange(10), 2), np.repeat(np.arange(10, 20), 2)])
    product = np.concatenate([np.tile([0, 1], 10), np.tile([4, 5], 10)])
    # Products 2 and 6 are bought by one customer each.
    customer, product = np.append(customer, [0, 10]), np.append(product, [2, 6])
    chosen = choose_candidates(customer, product, customers=20, products=8, width=4)
    label = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    found = with_new_products(chosen, customer, product, label)
    assert (found == 3).sum() > 0
    assert np.flatnonzero((found == 3).any(1)).max() < 10
    assert np.flatnonzero((found == 7).any(1)).min() >= 10
    assert all(len(set(row)) == 4 for row in found.tolist())
    # What was bought stays, and so do all candidates where nothing is new.
    assert all(item in found[who] for who, item in zip(customer, product, strict=True))
    assert with_new_products(chosen, customer, product % 4, label[:4]) is chosen
