"""What people read of each method: its label, what it is in a sentence, its colour."""

from __future__ import annotations

from collections.abc import Iterable

LABELS = {
    "silo": "Rule silo",
    "filtered-silo": "Rule silo with in-stock filter",
    "dual-price": "Dual-price rule",
    "tuned-silo": "Tuned rule silo",
    "tuned-filter": "Tuned rule with in-stock filter",
    "tuned-rule": "Tuned stock-aware rule",
    "learned-silo": "Learned silo",
    "mtma": "Coordinated (MTMA)",
    "stma": "Coordinated, one speed (STMA)",
    "reversed": "Coordinated, speeds reversed",
    "mtsa": "One network, several speeds (MTSA)",
    "stsa": "One network, one speed (STSA)",
    "independent": "Coordinated, a critic each",
}
"""The name of a method on pages, in tables and beside progress."""

PHRASES = {
    "dual-price": "the dual-price rule",
    "mtma": "the coordinated policy (MTMA)",
    "stma": "the coordinated policy of one speed (STMA)",
    "reversed": "the coordinated policy with speeds reversed",
    "mtsa": "the policy of one network with several speeds (MTSA)",
    "stsa": "the policy of one network and one speed (STSA)",
    "independent": "the coordinated policy whose departments learn with a critic each",
}
"""How a sentence names a method, where that is not simply its label with an article."""

MEANINGS = {
    "silo": "Uncoordinated: base-stock orders beside recommendations of the largest expected margin, as if stock "
    "were unlimited.",
    "filtered-silo": "The rule silo, with products that are out of stock left out of recommendation.",
    "dual-price": "Orders and recommendations that act on computed prices of stock and slots; nothing is trained.",
    "tuned-silo": "The rule silo, its settings tuned on the simulator.",
    "tuned-filter": "The rule silo with in-stock filter, its settings tuned on the simulator.",
    "tuned-rule": "Recommendation hides what is low in stock and favours what is plentiful; its settings and those of "
    "the orders are tuned on the simulator together.",
    "learned-silo": "Two departments trained apart, each on its own objective; recommendation does not see stock.",
    "mtma": "Two departments trained together on the firm's profit, inventory and recommendation at speeds of their "
    "own.",
    "stma": "The coordinated policy, both departments trained at one speed.",
    "reversed": "The coordinated policy, with recommendation trained faster than inventory.",
    "mtsa": "One network decides for both departments; the layers they share and orders are trained fast, exposures "
    "slowly.",
    "stsa": "One network decides for both departments and is trained at one speed.",
    "independent": "The coordinated policy, each department trained with a critic, or in trials, of its own.",
}
"""What each method is, in a sentence or two."""

COLOURS = {
    "silo": "#8a919c",
    "filtered-silo": "#c58b33",
    "dual-price": "#2f6f9f",
    "tuned-silo": "#7c6f64",
    "tuned-filter": "#8f8a3a",
    "tuned-rule": "#5b5fc7",
    "learned-silo": "#a05a7c",
    "mtma": "#0b7a6f",
    "stma": "#b07aa1",
    "reversed": "#b4553f",
    "mtsa": "#4d7c8a",
    "stsa": "#94724a",
    "independent": "#6b8e4e",
}
"""One colour per method, the same in every picture."""

SPARE_COLOURS = ("#3f7fbf", "#c2573a", "#6a8f2f", "#8a4fae", "#5f6671")
"""For policies of the user's own, in their order."""

COORDINATED = ("mtma", "stma", "reversed")
"""Methods whose departments learn together; the first of them is the one that a comparison is about."""


def colours(methods: Iterable[str]) -> dict[str, str]:
    """A colour for each method; policies that have none of their own take the spare ones in turn.

    ```python
    >>> colours(["mine", "mtma"])
    {'mine': '#3f7fbf', 'mtma': '#0b7a6f'}

    ```
    """
    given: dict[str, str] = {}
    spare = 0
    for method in methods:
        if method in COLOURS:
            given[method] = COLOURS[method]
        else:
            given[method] = SPARE_COLOURS[spare % len(SPARE_COLOURS)]
            spare += 1
    return given


def together(labels: Iterable[str]) -> str:
    """What is drawn as one line: all labels, the first as it is and of the others what they add.

    ```python
    >>> together(["Rule silo", "Rule silo with in-stock filter"]), together(["mine"])
    ('Rule silo, with in-stock filter or not', 'mine')
    >>> together(["mine", "Dual-price rule"])
    'mine; Dual-price rule'

    ```
    """
    first, *others = labels
    if len(others) == 1 and others[0].startswith(f"{first} with "):
        return f"{first}, {others[0].removeprefix(first).strip()} or not"
    return "; ".join([first, *others])


def phrase(method: str) -> str:
    """The method as a sentence names it.

    ```python
    >>> phrase("filtered-silo"), phrase("mtma"), phrase("mine")
    ('the rule silo with in-stock filter', 'the coordinated policy (MTMA)', 'mine')

    ```
    """
    if method in PHRASES:
        return PHRASES[method]
    label = LABELS.get(method)
    return method if label is None else f"the {label[0].lower()}{label[1:]}"
