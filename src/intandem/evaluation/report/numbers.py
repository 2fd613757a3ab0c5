"""How pages write numbers: money, shares, differences of shares, intervals."""

from __future__ import annotations

from intandem.display import in_currency
from intandem.evaluation.statistics import Interval


def money(value: float, currency: str = "") -> str:
    """Money, with as many decimals as its size deserves.

    ```python
    >>> money(414.31, "$"), money(-12_345.6, "$"), money(3.14159)
    ('$414.3', '−$12,346', '3.14')

    ```
    """
    return in_currency(value, currency, 0 if abs(value) >= 1_000 else 1 if abs(value) >= 100 else 2)


def yearly(value: float, currency: str = "") -> str:
    """Money in a year, in whole units but for small amounts.

    ```python
    >>> yearly(760.31, "$"), yearly(-7.25)
    ('$760', '−7.2')

    ```
    """
    return in_currency(value, currency, 0 if abs(value) >= 10 else 1)


def percent(share: float, digits: int = 1) -> str:
    """A share.

    ```python
    >>> percent(0.0512), percent(-0.2, 0)
    ('5.1%', '−20%')

    ```
    """
    written = f"{abs(100 * share):.{digits}f}"
    return f"{'−' if share < 0 and float(written) > 0 else ''}{written}%"


def signed_percent(share: float) -> str:
    """A difference of shares with its sign, with two decimals below one per cent; what rounds to nothing has no sign.

    ```python
    >>> signed_percent(0.0512), signed_percent(-0.2), signed_percent(0.0031), signed_percent(-0.00001)
    ('+5.1%', '−20.0%', '+0.31%', '0.00%')

    ```
    """
    written = percent(share, _decimals(share))
    return f"+{written}" if share > 0 and any(digit in written for digit in "123456789") else written


def size_of(share: float) -> str:
    """The size of a difference, without its sign, and never as none where there is some.

    ```python
    >>> size_of(-0.0512), size_of(0.0031), size_of(0.00001)
    ('5.1%', '0.31%', 'less than 0.01%')

    ```
    """
    written = percent(abs(share), _decimals(share))
    return "less than 0.01%" if written == "0.00%" else written


def ends(interval: Interval) -> str:
    """The ends of an interval, with the decimals that tell them apart.

    ```python
    >>> ends(Interval(0.0051, 0.0049, 0.0053)), ends(Interval(0.1, 0.05, 0.15))
    ('0.49% to 0.53%', '5.0% to 15.0%')

    ```
    """
    fine = min(abs(interval.low), abs(interval.high)) < 0.0095 or percent(interval.low) == percent(interval.high)
    digits = 2 if fine else 1
    return f"{percent(interval.low, digits)} to {percent(interval.high, digits)}"


def between(interval: Interval, over: str = "") -> str:
    """The interval in words; `over` says what it is over.

    ```python
    >>> between(Interval(0.1, 0.05, 0.15), "3 trainings")
    '95% interval over 3 trainings 5.0% to 15.0%'
    >>> between(Interval(0.1, -float("inf"), float("inf")))
    'one value, so no interval'

    ```
    """
    if not interval.low > -float("inf"):
        return "one value, so no interval"
    return f"95% interval {f'over {over} ' if over else ''}{ends(interval)}"


def _decimals(share: float) -> int:
    return 1 if abs(share) >= 0.0095 else 2
