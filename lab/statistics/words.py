"""A difference and its interval in words, the same in figures, pages, the terminal and reports of failure.

Each caller chooses how many digits it has room for and says so with a format, as in "+.3f".
"""

import math

import numpy as np
import pandas as pd

from lab.statistics.language import say

MINUS = "\N{MINUS SIGN}"

LONG = 1e6
"""From this size on a number with decimals is written with a power of ten: all its digits say less and fill a row."""


def number(value: float, form: str, minus: str = MINUS) -> str:
    """Return a number in words: "" if it is not finite, without a sign if it rounds to zero, short if it is `LONG`.

    Args:
        value: the number.
        form: as `format` takes it, as in "+.3f" or ".4g".
        minus: the sign of negative numbers; programs read a hyphen better.
    """
    if not math.isfinite(value):
        return ""
    words = format(value, f"{form.partition('.')[0]}.2e" if form.endswith("f") and abs(value) >= LONG else form)
    return words.replace("-", minus) if any(digit in words for digit in "123456789") else words.lstrip("+-")


def difference(value: float, low: float, high: float, form: str, minus: str = MINUS) -> str:
    """Return a difference with its interval, as in "+0.120 [+0.090, +0.150]".

    Args:
        value: the difference; not finite where no seed has a pair of runs.
        low, high: its interval; not finite where there is none.
        form, minus: as for `number`.
    """
    at, start, end = (number(each, form, minus) for each in (value, low, high))
    if not at:
        return say("no pair of seeds")
    return f"{at} [{start}, {end}]" if start and end else say("{value}, no interval", value=at)


def places(values: pd.Series, digits: int, most: int = 6) -> int:
    """Return how many decimals show so many digits of a middling number of a column, in [0, `most`]."""
    sizes = values.abs()[np.isfinite(values) & (values != 0)]
    return decimals(float(sizes.median()), digits, most) if len(sizes) else 3


def decimals(size: float, digits: int, most: int = 8) -> int:
    """Return how many decimals show so many digits of a number of a size above 0, in [0, `most`]."""
    return int(np.clip(digits - 1 - math.floor(math.log10(size)), 0, most))
