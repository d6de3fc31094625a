"""The columns of a mixed table, each of them either numbers or categories.

A column is numbers if all its cells are, and categories if none of them is. A column of both is refused, since one
misprint would make thousands of categories of a column of numbers; so are numbers that are written in a way of their
own ("1,5", "1 000", "12 %") and dates, which no rule turns into numbers for every question.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lab.checks import LARGEST, DataError, quoted, shown
from lab.data.rounding import EXACT, merged, refusal, suspects

# The most columns that a refusal names.
NAMED = 5
# The words for a missing number, in lower case. Among categories they are categories, as "none" may well be an answer:
# only an empty cell is missing there.
MISSING = frozenset(("", "na", "n/a", "nan", "null", "none", "?"))

_NUMBERLIKE = re.compile(r"[-+]?\s*[$€£¥]?\s*[-+]?\d[\d.,'_\s]*[%$€£¥]?|[-+]?0x[0-9a-fA-F]+")
_WHOLE = re.compile(r"\s*[-+]?[0-9]{1,40}\s*")
_COMMA = re.compile(r"\s*[-+]?\d+,\d+\s*")
_DATE = re.compile(
    r"(\d{4}[-/]\d{1,2}[-/]\d{1,2}|\d{1,2}[./-]\d{1,2}[./-](\d{4}|\d{2}))([T ]\d{1,2}:\d{2}.*)?|\d{1,2}:\d{2}(:\d{2})?"
)


@dataclass(frozen=True, eq=False)
class Columns:
    """A table as numbers.

    Args:
        where: what the table is called in refusals.
        levels: the categories of each column, sorted, by its name; None for a column of numbers.
        values: float64 of shape (n, columns): numbers, rounded to float32, and the places of categories among their
            levels; NaN where one is missing.
    """

    where: str
    levels: Mapping[str, tuple[str, ...] | None]
    values: np.ndarray


def read(
    where: str,
    cells: Mapping[str, np.ndarray | Sequence[str]],
    rows: Sequence[int],
    *,
    categories: Collection[str] = (),
    numbers: Collection[str] = (),
    tell_apart: bool = True,
) -> Columns:
    """Return the columns of a table.

    Args:
        where: what it is called in refusals.
        cells: the cells of each column by its name: texts, or float64 with NaN where one is missing.
        rows: the number of each row, for refusals.
        categories, numbers: names of columns that are these, whatever their cells look like.
        tell_apart: whether numbers that differ must mostly differ in float32, too; a few rows to be predicted need not.

    Raises:
        DataError: numbers and texts in one column, numbers that float32 cannot hold or tell apart, dates, or a column
            without any value. It says how many cells are wrong, and names the first cell of up to `NAMED` columns.
    """
    levels: dict[str, tuple[str, ...] | None] = {}
    values, wrong, places, dates, empty = [], 0, [], [], []
    lost: dict[str, tuple[int, int]] = {}
    for name, column in cells.items():
        content: np.ndarray | Sequence[str]
        if isinstance(column, np.ndarray):
            content, bad = column, np.flatnonzero(np.abs(column) > LARGEST).tolist()
            kind = "number"
        else:
            content, bad, kind = _texts(column, "category" if name in categories else "number" * (name in numbers))
        if not bad and name not in numbers and _is_empty(content):
            empty.append(name)
        elif bad:
            wrong += len(bad)
            cell = str(column[bad[0]])
            held = shown(cell) if cell.strip() else "an empty cell"
            places.append((f"{name!r} ({held} in row {rows[bad[0]]})", cell))
        elif kind == "date":
            first = next(i for i, cell in enumerate(column) if str(cell).strip())
            dates.append(f"{name!r} ({column[first]!r} in row {rows[first]})")
        elif kind == "category":
            texts = [cell.strip() for cell in content]
            levels[name] = tuple(sorted({*texts} - {""}))
            codes = {level: float(code) for code, level in enumerate(levels[name] or ())}
            values.append(np.array([codes.get(text, np.nan) for text in texts]))
        else:
            levels[name] = None
            values.append(np.asarray(content, np.float32))
            if tell_apart and (counts := _rounded(column, content)):
                lost[f"in {name!r}"] = counts
    if wrong:
        listed = ", ".join(place for place, _ in places[:NAMED]) + (", ..." if len(places) > NAMED else "")
        rule = "either finite float32 numbers or texts in each column"
        remedy = "correct them, or name these columns in categories or in leave_out"
        if numbers:
            rule, remedy = "finite float32 numbers in a column of numbers", "correct them, or leave out rows"
        if any(_COMMA.fullmatch(cell) for _, cell in places):
            remedy = "write decimal points instead of commas"
        raise DataError(
            f"{where} must hold {rule} and has other content in {count(wrong, 'cell')} of "
            f"{count(len(places), 'column')}: {listed}; {remedy}"
        )
    if empty:
        raise DataError(
            f"{where} must have a value in each column and has none in {quoted(empty[:NAMED])}; leave these columns out"
        )
    if dates:
        raise DataError(
            f"{where} must hold numbers or categories and has dates or times in {', '.join(dates[:NAMED])}; give days "
            f"or years as numbers, cut the splits by them with time, or leave the columns out with leave_out"
        )
    if lost:
        raise refusal(where, dict(list(lost.items())[:NAMED]))
    return Columns(where, levels, np.stack(values, axis=1, dtype=np.float64))


def number(cell: str) -> float | None:
    """Return the number in a cell, or None. Python's `1_000` is a text, and so are digits of other scripts."""
    try:
        return float(cell) if cell.isascii() and "_" not in cell else None
    except ValueError:
        return None


def count(number: int, word: str) -> str:
    """Return "1 cell" or "2 cells"."""
    return f"{number} {word}" + ("" if number == 1 else "s")


def _rounded(column: np.ndarray | Sequence[str], content: np.ndarray | Sequence[str]) -> tuple[int, int] | None:
    """Return what `merged` returns for the numbers of a column: its cells, and these as float64."""
    exact = np.asarray(content, np.float64)
    known = exact[~np.isnan(exact)]
    if len(known) and not isinstance(column, np.ndarray) and np.abs(known).max() >= EXACT:
        whole = [int(cell) for cell in column if _WHOLE.fullmatch(cell)]
        return merged(whole) if len(whole) == len(known) else None
    return merged(known) if len(known) and suspects(known) else None


def _is_empty(content: np.ndarray | Sequence[str]) -> bool:
    if isinstance(content, np.ndarray):
        return bool(np.isnan(content).all())
    return not any(cell.strip() for cell in content)


def _texts(cells: Sequence[str], kind: str) -> tuple[np.ndarray | Sequence[str], list[int], str]:
    """Return the content of a column, the places of cells that do not fit it, and its kind.

    Args:
        cells: the column's.
        kind: "number" or "category" where that is known, else "".

    Returns:
        float64 for numbers, with NaN where one is missing, and else the cells; indices of cells; "number", "category"
        or "date".
    """
    if kind == "category":
        return cells, [], kind
    numbers = [number(cell) for cell in cells]
    texts = [i for i, one in enumerate(numbers) if one is None and cells[i].strip().lower() not in MISSING]
    if texts and not kind and all(one is None for one in numbers):
        different = {cells[i].strip() for i in texts}
        if all(_DATE.fullmatch(text) for text in different):
            return cells, [], "date"
        alike = [i for i in texts if _NUMBERLIKE.fullmatch(cells[i].strip())]
        return cells, alike, "category"
    large = [i for i, one in enumerate(numbers) if one is not None and abs(one) > LARGEST]
    return np.array([np.nan if one is None else one for one in numbers]), sorted(texts + large), "number"
