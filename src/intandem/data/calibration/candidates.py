"""Which products are worth modelling for which customer, so that work grows with pairs and not with the assortment."""

from __future__ import annotations

import numpy as np
from scipy import sparse

NEW_SHARE = 6
"""One candidate in so many may give way to a product that nobody bought."""


def choose_candidates(
    customer: np.ndarray,
    product: np.ndarray,
    *,
    customers: int,
    products: int,
    width: int,
    store: np.ndarray | None = None,
) -> np.ndarray:
    """Candidate products of each customer, from what was bought.

    The rule, in order: (1) products the customer bought, most often bought first; (2) products near those, by
    the sum of the cosines between their buyers (item-item collaborative filtering; Sarwar et al. 2001);
    (3) the most bought products of the customer's store; (4) the most bought products of all. Each customer has
    exactly `width` of them, so a customer who bought more than `width` products loses the rarest of these.

    **Arguments:**

    - `customer`, `product`: one entry per purchase.
    - `store`: store of each customer, -1 where unknown; `None` where stores are not recorded.

    **Returns** product indices in ascending order, `(customers, min(width, products))`.

    ```python
    >>> choose_candidates(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 2]), customers=2, products=4, width=3)
    array([[0, 1, 2],
           [0, 1, 2]])

    ```
    """
    width = min(width, products)
    if width == products:
        return np.tile(np.arange(products), (customers, 1))
    counts = sparse.csr_matrix((np.ones(len(customer)), (customer, product)), shape=(customers, products))
    buyers = counts.copy()
    buyers.data[:] = 1.0
    norm = np.sqrt(np.maximum(np.asarray(buyers.sum(0)).ravel(), 1.0))
    scaled = buyers @ sparse.diags(1 / norm)
    nearness = (scaled.T @ scaled).tocsr()
    nearness.setdiag(0)
    popularity = np.asarray(counts.sum(0)).ravel()
    popularity = popularity / max(popularity.max(), 1.0)
    local = _store_popularity(counts, store, popularity)

    chosen = np.empty((customers, width), np.int64)
    block = max(1, 20_000_000 // products)
    for start in range(0, customers, block):
        rows = slice(start, min(start + block, customers))
        own = counts[rows].toarray()
        near = (buyers[rows] @ nearness).toarray()
        near /= np.maximum(near.max(1, keepdims=True), 1e-12)
        # Each rule outweighs those after it.
        score = np.where(own > 0, 100 + own, 0) + 10 * near + local[rows] + 0.1 * popularity
        chosen[rows] = np.argsort(-score, axis=1, kind="stable")[:, :width]
    return np.sort(chosen, axis=1)


def with_new_products(
    candidates: np.ndarray, customer: np.ndarray, product: np.ndarray, label: np.ndarray
) -> np.ndarray:
    """The candidates with the products that nobody bought, for those who buy most of the like.

    Nobody's purchases speak for such a product, so the rule of `choose_candidates` never chooses it. It takes the place
    of a candidate that the customer did not buy, the least popular first, with as many customers as the median product
    of its label is a candidate of; at most one candidate in `NEW_SHARE` gives way.

    **Arguments:** `candidates`: `rows width`, changed in a copy. `customer`, `product`: one entry per purchase.
    `label`: a number per product, alike for products that are alike.

    ```python
    >>> few = np.array([[0, 1], [0, 2]])
    >>> with_new_products(few, np.array([0, 0, 1]), np.array([0, 0, 2]), np.array([1, 1, 0, 1]))
    array([[0, 3],
           [0, 2]])

    ```
    """
    rows, width = candidates.shape
    bought = np.bincount(product, minlength=len(label))
    new = np.setdiff1d(np.flatnonzero(bought == 0), candidates)
    if not new.size or width >= len(label):
        return candidates
    candidates = candidates.copy()
    counts = sparse.csr_matrix((np.ones(len(customer)), (customer, product)), shape=(rows, len(label)))
    keep = np.where(_at(counts, candidates) > 0, np.inf, bought[candidates].astype(float))
    given = np.zeros(rows, np.int64)
    of = np.bincount(candidates.ravel(), minlength=len(label))
    kinds = sparse.csr_matrix((np.ones(len(label)), (np.arange(len(label)), label)))
    buyers = (counts @ kinds).tocsc()
    for one in new:
        alike = (label == label[one]) & (bought > 0)
        if not alike.any():
            continue
        column = buyers[:, [label[one]]]
        fond = column.indices[np.argsort(-column.data, kind="stable")]
        fond = fond[given[fond] < max(width // NEW_SHARE, 1)][: max(int(np.median(of[alike])), 1)]
        slot = keep[fond].argmin(1)
        free = np.isfinite(keep[fond, slot])
        fond, slot = fond[free], slot[free]
        candidates[fond, slot] = one
        keep[fond, slot] = np.inf
        given[fond] += 1
    return np.sort(candidates, axis=1)


def _at(counts: sparse.csr_matrix, candidates: np.ndarray) -> np.ndarray:
    """How often each customer bought each of its candidates."""
    rows = np.repeat(np.arange(candidates.shape[0]), candidates.shape[1])
    return np.asarray(counts[rows, candidates.ravel()]).reshape(candidates.shape)


class _StorePopularity:
    """Popularity of products in each customer's store, made dense a block of customers at a time."""

    def __init__(self, table: np.ndarray, store: np.ndarray) -> None:
        self.table, self.store = table, store

    def __getitem__(self, rows: slice) -> np.ndarray:
        return self.table[self.store[rows]]


def _store_popularity(counts: sparse.csr_matrix, store: np.ndarray | None, popularity: np.ndarray) -> _StorePopularity:
    customers = counts.shape[0]
    codes = np.full(customers, -1) if store is None else store
    unique, place = np.unique(codes, return_inverse=True)
    member = sparse.csr_matrix((np.ones(customers), (place, np.arange(customers))), shape=(len(unique), customers))
    table = (member @ counts).toarray()
    table /= np.maximum(table.max(1, keepdims=True), 1.0)
    if unique[0] == -1:
        table[0] = popularity
    return _StorePopularity(table, place)
