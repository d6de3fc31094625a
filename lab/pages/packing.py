"""Curves as short text: whole numbers, each as its difference to the one before, in the Base64 VLQ of source maps.

A page holds tens of thousands of numbers. As JSON each takes about seven characters, packed about two. series.js
unpacks them. A number becomes a multiple of a power of ten, chosen so that nine of ten numbers of a curve keep at least
`lab.pages.vegalite.DIGITS` digits. Each difference is written five bits per character, lowest first, with the sign in
the lowest bit of the first; a character of the upper half of the alphabet is followed by another one. "_" is an unknown
number.

Reference: Source map format, ECMA-426, section "Base64 VLQ".
"""

import functools
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from lab.pages.epochs_series import Series
from lab.pages.vegalite import DIGITS, Row

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

_LARGEST = 10**8
"""The largest multiple; the script counts in 32 bits."""


def packed(series: Series) -> dict[str, Any]:
    """Return the curves of a chart as series.js unpacks them.

    Returns:
        "grids", the different lists of epochs as text; "columns", for each column its "medians", lists of the place of
        the variant, whether the part is whole, the number of its grid, the number of runs (one number, or text where it
        changes), and the scale and the text of the median and of both quartiles, unless they equal it; and its "seeds",
        lists of the place of the variant, the seed, the number of the grid, and the curve. Numbers of too many sizes
        are a plain list in the place of scale and text.
    """
    # Hundreds of curves share one list of epochs, which is packed once.
    grids: dict[tuple[int, ...], int] = {}

    def grid(row: Row) -> int:
        return grids.setdefault(tuple(row["e"]), len(grids))

    columns: dict[str, dict[str, list[Any]]] = {}
    for row in series.medians:
        runs = row["n"][0] if len(set(row["n"])) == 1 else pack(row["n"])
        lines = [_curve(row[name]) for name in ("m", "lo", "hi")]
        part = [row["v"], int(row["whole"]), grid(row), runs, *(lines if lines[1:] != lines[:1] * 2 else lines[:1])]
        columns.setdefault(row["column"], {"medians": [], "seeds": []})["medians"].append(part)
    for row in series.seeds:
        columns[row["column"]]["seeds"].append([row["v"], row["s"], grid(row), _curve(row["y"])])
    return {"grids": [pack(epochs) for epochs in grids], "columns": columns}


def _curve(values: Sequence[float | None]) -> list[Any]:
    known = [math.nan if value is None else value for value in values]
    scale = power(known)
    return list(values) if scale is None else [scale, pack(known, scale)]


def power(values: Iterable[float]) -> int | None:
    """Return the power of ten whose multiples stand for some numbers; None where their sizes differ too much."""
    numbers = np.abs(np.fromiter(values, float))
    sizes = numbers[np.isfinite(numbers) & (numbers != 0)]
    if not len(sizes):
        return 0
    low = math.floor(math.log10(np.sort(sizes)[int(0.1 * (len(sizes) - 1))])) - DIGITS + 1
    # Below this the powers of ten are no floating-point numbers any more.
    return low if low > -300 and sizes.max() / 10.0**low < _LARGEST else None


def pack(values: Sequence[float], scale: int = 0) -> str:
    """Return numbers as text.

    Args:
        values: the numbers; those that are not finite are unknown.
        scale: each is rounded to a multiple of 10**scale, at most 10**8 times.
    """
    numbers = np.asarray(values, float)
    finite = np.isfinite(numbers)
    known = numbers[finite]
    # All at once: a page has hundreds of thousands of numbers.
    whole = np.rint(known / 10.0**scale if scale >= 0 else known * 10.0**-scale).astype(np.int64)
    texts = map(_vlq, np.diff(whole, prepend=0).tolist())
    if finite.all():
        return "".join(texts)
    return "".join(next(texts) if there else "_" for there in finite.tolist())


@functools.lru_cache(maxsize=1 << 16)
def _vlq(number: int) -> str:
    rest = number << 1 if number >= 0 else (-number << 1) | 1
    text = ""
    while True:
        digit, rest = rest & 31, rest >> 5
        text += _ALPHABET[digit | 32 if rest else digit]
        if not rest:
            return text
