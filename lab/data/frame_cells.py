"""The cells of a pandas table, column by column: float64, or texts."""

import datetime
import numbers
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lab.checks import DataError, shown
from lab.data.rounding import EXACT

if TYPE_CHECKING:
    import pandas as pd


def cells_of_frame(
    columns: "Mapping[str, pd.Series | Sequence]", where: str, categories: Collection[str] = ()
) -> tuple[dict[str, np.ndarray | list[str]], range]:
    """Return the cells of each column by its name, and the numbers of the rows, from 0.

    Numbers become float64 with NaN where one is missing; everything else becomes texts, empty where one is missing, and
    so do whole numbers that float64 would round.

    Args:
        columns: the columns of a table by their names.
        where: what the table is called in refusals.
        categories: names of columns that become texts though they hold numbers; whole ones without a decimal point.

    Raises:
        DataError: a cell that is neither a number, a text, a boolean nor a date, such as a list or a complex number.
    """
    import pandas as pd

    made: dict[str, np.ndarray | list[str]] = {}
    for name, column in columns.items():
        series = pd.Series(column)
        others = pd.api.types.is_bool_dtype(series) or pd.api.types.is_complex_dtype(series)
        is_number = pd.api.types.is_numeric_dtype(series) and not others
        if is_number and name not in categories and not _is_beyond_float64(series):
            made[name] = series.to_numpy(np.float64, na_value=np.nan)
        else:
            made[name] = [_text(cell, name, where) for cell in series.astype(object)]
    return made, range(max((len(cells) for cells in made.values()), default=0))


def _is_beyond_float64(series: "pd.Series") -> bool:
    """Say whether a column of whole numbers holds one that float64 may round."""
    known = series.dropna() if series.dtype.kind in "iu" else series[:0]
    return bool(len(known)) and (int(known.max()) >= EXACT or int(known.min()) <= -EXACT)


def _text(cell: object, name: str, where: str) -> str:
    import pandas as pd

    if isinstance(cell, str):
        return cell
    if cell is None or cell is pd.NA or cell is pd.NaT or (isinstance(cell, float) and cell != cell):
        return ""
    if isinstance(cell, float | np.floating) and float(cell).is_integer():
        return str(int(cell))
    known = bool | np.bool_ | numbers.Real | datetime.date | datetime.time | np.datetime64 | pd.Interval
    if isinstance(cell, known):
        return str(cell)
    raise DataError(
        f"the column {name!r} of {where} must hold numbers, texts, booleans or dates, got {shown(cell)}; make columns "
        f"of its parts, or leave it out"
    )
