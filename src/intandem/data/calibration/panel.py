"""The panel that calibration reads: visits, purchases and exposures of candidate pairs, period by period."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from intandem.data.calibration.candidates import choose_candidates, with_new_products
from intandem.data.calibration.propensities import doubt_of, pair_propensity
from intandem.data.tables.checks.stock import sold_out
from intandem.data.tables.tables import Tables
from intandem.display import Displayed
from intandem.errors import InputError

SMALLEST_GROUP = 3
MOST_GROUPS = 6


@dataclass(frozen=True, repr=False)
class Panel(Displayed):
    """Arrays over periods, customer rows and their candidate products (`width`).

    - `candidates`: product index, `rows width`.
    - `visited`: 0 or 1, `periods rows`. `bought`: 0 or 1; `exposed`: 0 to 1, both `periods rows width` and 0
      where the customer did not visit.
    - `shown`: `exposed`, and what would have been met in periods without a visit, shaped alike.
    - `kinds`: exposure by kind, shaped as `exposed`, which is their maximum.
    - `propensity`: with which probability each pair was shown something, where the firm logged it and it agrees
      with what was shown; else `None`. `propensity_doubt`: why a logged one is not believed; else empty.
    - `exposure_known`: whether the exposures of the customer's store are recorded, `periods rows`.
    - `price_ratio`: price over regular price, `periods products`, 1 where not known, within what training saw.
    - `on_shelf`: 0 where the stock record says that there was none and nobody bought, `periods products`.
    - `group`: product group of each product. `cluster`: whose errors may be correlated, per row.
    - `observed`: fraction of each period that was recorded.
    - `train`, `test`: which periods are for fitting and for scoring.
    - `by_store`: exposures vary by store and not by customer.
    - `dropped`: purchases outside the candidates.
    """

    candidates: np.ndarray
    visited: np.ndarray
    bought: np.ndarray
    exposed: np.ndarray
    shown: np.ndarray
    kinds: dict[str, np.ndarray]
    propensity: np.ndarray | None
    propensity_doubt: str
    exposure_known: np.ndarray
    price_ratio: np.ndarray
    on_shelf: np.ndarray
    group: np.ndarray
    cluster: np.ndarray
    observed: np.ndarray
    train: np.ndarray
    test: np.ndarray
    by_store: bool
    dropped: int

    @property
    def periods(self) -> int:
        """Number of periods."""
        return self.visited.shape[0]

    @property
    def rows(self) -> int:
        """Number of customers."""
        return self.candidates.shape[0]

    @property
    def products(self) -> int:
        """Number of products."""
        return self.group.shape[0]

    @property
    def pair_product(self) -> np.ndarray:
        """Product of each pair, row by row."""
        return self.candidates.ravel()

    def of_pairs(self, values: np.ndarray) -> np.ndarray:
        """Values by period and product at every pair, `periods rows width`."""
        return values[:, self.candidates]

    @property
    def opportunities(self) -> np.ndarray:
        """1 where a pair could be bought: the customer visited and stock was there, `periods rows width`."""
        return self.visited[:, :, None] * self.of_pairs(self.on_shelf)


def panel_of(tables: Tables, *, candidates_per_customer: int, holdout_share: float, least_observed: float) -> Panel:
    """Lays a firm's tables out as a panel.

    **Arguments:**

    - `candidates_per_customer`: see `choose_candidates`; candidates are chosen on the training periods.
    - `holdout_share`: last periods to hold out where the calendar names no test periods.
    - `least_observed`: periods of which less was recorded count neither in fitting nor in scoring.

    **Raises:** `InputError` where nothing is left to fit.
    """
    periods, customers, products = tables.periods, tables.customers.height, tables.products.height
    observed = tables.calendar["observed"].fill_null(1.0).to_numpy().astype(float)
    train, test = _splits(tables, observed, holdout_share, least_observed)
    lines = tables.transactions.filter(pl.col("quantity") > 0).select("customer", "product", "period").unique()
    lines = lines.sort("period", "customer", "product")
    seen = lines.filter(pl.col("period").is_in(np.flatnonzero(train).tolist()))
    if seen.is_empty():
        raise InputError(
            "transactions", "hold no purchase in the training periods", "give at least some weeks of lines"
        )
    store = tables.customers["store"].fill_null(-1).to_numpy()
    candidates = choose_candidates(
        seen["customer"].to_numpy(),
        seen["product"].to_numpy(),
        customers=customers,
        products=products,
        width=candidates_per_customer,
        store=store if (store >= 0).any() else None,
    )
    candidates = with_new_products(candidates, seen["customer"].to_numpy(), seen["product"].to_numpy(), _labels(tables))
    place = np.full((customers, products), -1, np.int32)
    np.put_along_axis(place, candidates, np.arange(candidates.shape[1], dtype=np.int32)[None, :], axis=1)
    shape = (periods, customers, candidates.shape[1])

    def spread(frame: pl.DataFrame, values: np.ndarray) -> tuple[np.ndarray, int]:
        cells = np.zeros(shape, np.float32)
        period, customer, product = (frame[key].to_numpy() for key in ("period", "customer", "product"))
        where = place[customer, product]
        inside = where >= 0
        cells[period[inside], customer[inside], where[inside]] = values[inside]
        return cells, int((~inside).sum())

    visited = np.zeros((periods, customers), np.float32)
    visited[tables.visits["period"].to_numpy(), tables.visits["customer"].to_numpy()] = 1.0
    # Who bought was there, whatever the visits say.
    visited[lines["period"].to_numpy(), lines["customer"].to_numpy()] = 1.0
    bought, dropped = spread(lines, np.ones(lines.height, np.float32))
    by_store = tables.exposures.height > 0 and bool(tables.exposures["customer"].is_null().all())
    met = tables.customer_exposures()
    kinds = {
        str(kind[0]): spread(frame, np.ones(frame.height, np.float32))[0] * visited[:, :, None]
        for kind, frame in sorted(met.group_by("kind"), key=lambda item: str(item[0][0]))
    }
    exposed = np.zeros(shape, np.float32)
    for one in kinds.values():
        exposed = np.maximum(exposed, one)
    direct = tables.exposures.filter(pl.col("customer").is_not_null() & (pl.col("period") < periods))
    shown = exposed
    if tables.exposures.height:
        shown = np.maximum(exposed, spread(direct, np.ones(direct.height, np.float32))[0])
        _add_usual_store(shown, tables, visited, candidates)
    propensity = pair_propensity(met, candidates) if met.height else None
    # A store's draw is one for all who come, so that visits cannot be counted against it.
    doubt = doubt_of(met, float(visited.sum())) if propensity is not None and not by_store else ""
    return Panel(
        candidates=candidates,
        visited=visited,
        bought=bought,
        exposed=exposed,
        shown=shown,
        kinds=kinds,
        propensity=None if doubt else propensity,
        propensity_doubt=doubt,
        exposure_known=_exposure_known(tables, by_store, periods, customers),
        price_ratio=_price_ratio(tables, train),
        on_shelf=_on_shelf(tables),
        group=_groups(tables),
        cluster=_clusters(store) if by_store else np.arange(customers),
        observed=observed,
        train=train,
        test=test,
        by_store=by_store,
        dropped=dropped,
    )


def _splits(
    tables: Tables, observed: np.ndarray, holdout_share: float, least_observed: float
) -> tuple[np.ndarray, np.ndarray]:
    split = tables.calendar["split"].fill_null("train").to_numpy()
    train, test = split == "train", split == "test"
    if not test.any():
        held = round(holdout_share * tables.periods)
        test = np.arange(tables.periods) >= tables.periods - held
        train = train & ~test
    enough = observed >= least_observed
    if (train & enough).sum() < 2:
        raise InputError("calendar", "leaves fewer than two periods to fit", "give more periods or hold out fewer")
    return train & enough, test & enough


def _add_usual_store(shown: np.ndarray, tables: Tables, visited: np.ndarray, candidates: np.ndarray) -> None:
    """Adds what a customer's usual store showed in the periods in which the customer did not come."""
    usual = tables.customers["store"].fill_null(-1).to_numpy()
    rows = tables.exposures.filter(pl.col("customer").is_null() & (pl.col("period") < tables.periods))
    for (store,), frame in rows.group_by("store"):
        mine = np.flatnonzero(usual == store)
        there = np.zeros((tables.periods, tables.products.height), np.float32)
        there[frame["period"].to_numpy(), frame["product"].to_numpy()] = 1.0
        away = (1.0 - visited[:, mine])[:, :, None]
        shown[:, mine] = np.maximum(shown[:, mine], away * there[:, candidates[mine]])


def _exposure_known(tables: Tables, by_store: bool, periods: int, customers: int) -> np.ndarray:
    known = np.ones((periods, customers), np.float32)
    if not by_store:
        return known
    recorded = tables.stores.filter(pl.col("exposures_recorded").fill_null(False))["store"]
    unknown = tables.visits.filter(pl.col("store").is_null() | ~pl.col("store").is_in(recorded.implode()))
    known[unknown["period"].to_numpy(), unknown["customer"].to_numpy()] = 0.0
    return known


def _price_ratio(tables: Tables, train: np.ndarray) -> np.ndarray:
    ratio = np.ones((tables.periods, tables.products.height))
    prices = tables.prices.filter((pl.col("price") > 0) & (pl.col("regular_price") > 0))
    if prices.is_empty():
        paid = tables.transactions.filter((pl.col("price") > 0) & (pl.col("quantity") > 0))
        weekly = paid.group_by("product", "period").agg(
            price=(pl.col("price") * pl.col("quantity")).sum() / pl.col("quantity").sum()
        )
        prices = weekly.with_columns(regular_price=pl.col("price").median().over("product"))
    ratio[prices["period"].to_numpy(), prices["product"].to_numpy()] = (
        prices["price"] / prices["regular_price"]
    ).to_numpy()
    # Beyond a factor of four a price is a recording error more likely than an offer; and what a price does that was
    # never seen in training is not known, so a product's prices stay within those seen.
    ratio = np.clip(ratio, 0.25, 4.0)
    return np.clip(ratio, ratio[train].min(0), ratio[train].max(0))


def _on_shelf(tables: Tables) -> np.ndarray:
    shelf = np.ones((tables.periods, tables.products.height), np.float32)
    counted = tables.stock.filter(pl.col("period") < tables.periods)
    out, _ = sold_out(counted, tables.transactions.filter(pl.col("quantity") > 0), "product")
    shelf[out["period"].to_numpy(), out["product"].to_numpy()] = 0.0
    return shelf


def _labels(tables: Tables) -> np.ndarray:
    """Which products are alike: those of a category, or else of a department."""
    both = tables.products.select(pl.coalesce("category", "department").fill_null(""))
    return both.to_series().rank("dense").to_numpy().astype(np.int64) - 1


def _groups(tables: Tables) -> np.ndarray:
    """Departments as groups; small ones, and those beyond the largest few, are one group together."""
    names = tables.products["department"].fill_null("").to_numpy()
    unique, place, counts = np.unique(names, return_inverse=True, return_counts=True)
    large = [index for index in np.argsort(-counts) if counts[index] >= SMALLEST_GROUP][: MOST_GROUPS - 1]
    code = np.full(len(unique), len(large))
    code[large] = np.arange(len(large))
    group = code[place]
    return np.unique(group, return_inverse=True)[1].astype(np.int32)


def _clusters(store: np.ndarray) -> np.ndarray:
    """One cluster per store; a customer of unknown store is a cluster of its own."""
    own = np.arange(len(store)) + store.max() + 1
    return np.unique(np.where(store >= 0, store, own), return_inverse=True)[1]
