"""A market by its name: a generated one, a file or folder, or an example; and a market without one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from intandem.errors import InputError
from intandem.market.families import is_family, parse_family
from intandem.market.files import example_market, load_market
from intandem.market.model import Market

MarketLike = Market | str | Path
"""A market, or what names one, as `market_of` takes it."""


def market_of(given: MarketLike | object) -> Market:
    """The market itself, or the one that is named.

    **Arguments:** `given`: a market; the path of a market file or folder; an example's name, such as
    `two-products-capped`; or a generated market, such as `family:capped-supply:10x20:3`.

    **Raises:** `InputError` naming the text or the file.

    ```python
    >>> market_of("two-products-capped").products, market_of("family:habit:3x5:0").rows
    (2, 5)
    >>> market_of("lottery")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    intandem.errors.InputError: lottery: is neither a file nor an example market; name a file; ...

    ```
    """
    if isinstance(given, Market):
        return given
    if not isinstance(given, str | Path):
        cure = "give a Market, the path of a market file, an example's name or family:NAME:PRODUCTSxCUSTOMERS:SEED"
        raise InputError("market", f"is a {type(given).__name__}", cure)
    text = str(given)
    if is_family(text):
        return parse_family(text)
    path = Path(text)
    if path.exists() or path.suffix or len(path.parts) > 1:
        return load_market(path)
    try:
        return example_market(text)
    except InputError as error:
        raise InputError(text, "is neither a file nor an example market", f"name a file; {error.cure}") from error


def nameless(market: Market) -> Market:
    """The market without what has no bearing on how it runs (its name, how it is to be solved), so that markets of one
    shape share one compiled program.

    ```python
    >>> nameless(market_of("two-products-capped")).name
    ''

    ```
    """
    return replace(market, name="", solve=None)
