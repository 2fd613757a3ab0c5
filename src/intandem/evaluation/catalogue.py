"""What there is by name: rules and their settings, families, methods, bounds, example markets, studies, datasets.

The words stand beside what they describe, in the room of each; here they are put together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from intandem.data.sources.fetch import DATASETS
from intandem.departments import DUAL_PRICE, RULE_POLICIES
from intandem.departments.specification import INVENTORY_RULES, RECOMMENDATION_RULES
from intandem.errors import InputError, did_you_mean
from intandem.evaluation.experiments import EXPERIMENTS
from intandem.evaluation.methods import LEARNED, METHODS
from intandem.learning import METHODS as TRAINING_METHODS
from intandem.market import FAMILIES
from intandem.market.families import WRITTEN
from intandem.market.files import example_market, example_names
from intandem.theory.bounds import BOUNDS

Item = dict[str, Any]


def catalogue(kind: str) -> list[Item]:
    """Everything of a kind that has a name, each with what it is.

    **Arguments:** `kind`: `rules`, `families`, `methods`, `bounds`, `examples`, `experiments` or `datasets`.

    **Returns** one `dict` each, with `name`, `what` and what else there is to say: of a rule its `department`, an
    `example` and its `settings`, each with `name`, `meaning`, `unit`, `default` and `per_product`.

    **Raises:** `InputError` for another kind.

    ```python
    >>> rules = {item["name"]: item for item in catalogue("rules")}
    >>> rules["s-S"]["example"], [setting["name"] for setting in rules["s-S"]["settings"]]
    ('s-S:s=6,S=40', ['s', 'S', 'service', 'anticipate'])

    ```
    """
    if kind not in KINDS:
        raise InputError("kind", f"'{kind}' is not known", did_you_mean(kind, KINDS))
    return KINDS[kind]()


def _rules() -> list[Item]:
    rules = [
        {
            "name": name,
            "department": rule.department,
            "what": rule.does,
            "settings": [{"name": key, **vars(setting)} for key, setting in rule.settings.items()],
            "example": rule.example,
        }
        for name, rule in (INVENTORY_RULES | RECOMMENDATION_RULES).items()
    ]
    whole = [
        {"name": name, "department": "both", "what": METHODS[name], "settings": [], "example": name}
        for name in (*RULE_POLICIES, DUAL_PRICE)
    ]
    return rules + whole


def _families() -> list[Item]:
    return [
        {"name": name, "what": what, "example": WRITTEN.replace("NAME:PRODUCTSxCUSTOMERS:SEED", f"{name}:10x20:0")}
        for name, what in FAMILIES.items()
    ]


def _methods() -> list[Item]:
    """A trained method has one name in `train` and `compare`, but for `silo`: in `compare` it names the rules."""
    of_train = [
        {"name": name, "what": what, "commands": ["train", "compare"] if LEARNED.get(name) == name else ["train"]}
        for name, what in TRAINING_METHODS.items()
    ]
    there = {item["name"] for item in of_train if "compare" in item["commands"]}
    return of_train + [
        {"name": name, "what": what, "commands": ["compare"]} for name, what in METHODS.items() if name not in there
    ]


def _bounds() -> list[Item]:
    return [{"name": name, "what": counts, "applies": where} for name, (counts, where) in BOUNDS.items()]


def _examples() -> list[Item]:
    return [_example(name) for name in example_names()]


def _example(name: str) -> Item:
    market = example_market(name)
    people = int(market.population.sum())
    solvable = market.solve is not None
    words = [
        f"{market.products} products, {people:,} people in {market.rows} customer row{'s' if market.rows > 1 else ''}",
        f"{market.choice} choice, unmet demand {market.unmet_demand}",
        "small enough to be solved exactly" if solvable else "",
    ]
    return {
        "name": name,
        "what": "; ".join(filter(None, words)),
        "products": market.products,
        "customers": market.rows,
        "people": people,
        "pairs": int(market.pairs.valid().sum()),
        "period": market.period,
        "solvable": solvable,
    }


def _experiments() -> list[Item]:
    return [{"name": name, "what": one.question, "budget": dict(one.budget)} for name, one in EXPERIMENTS.items()]


def _datasets() -> list[Item]:
    return [
        {
            "name": name,
            "what": f"{one.rows:,} transaction lines, from the package {one.requirement}",
            "rows": one.rows,
            "terms": one.terms,
        }
        for name, one in DATASETS.items()
    ]


KINDS: dict[str, Callable[[], list[Item]]] = {
    "rules": _rules,
    "families": _families,
    "methods": _methods,
    "bounds": _bounds,
    "examples": _examples,
    "experiments": _experiments,
    "datasets": _datasets,
}
