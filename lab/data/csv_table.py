"""CSV tables, cell by cell, so that a refusal can name the column and the row.

pandas would fill short rows with NaN, rename doubled columns and read "None" as NaN without a word.
"""

import csv
import io
import math
from dataclasses import dataclass

import numpy as np

from lab.checks import DataError


@dataclass(frozen=True)
class Table:
    """A table of texts.

    Args:
        where: its path, for refusals.
        columns: the cells of each column by its name.
        rows: the row of each cell as a spreadsheet counts, the names of the columns being row 1.
    """

    where: str
    columns: dict[str, list[str]]
    rows: list[int]

    def numbers(self, name: str) -> np.ndarray:
        """Return a column as float64 of shape (n,).

        Raises:
            DataError: an empty cell, a text, NaN or infinity, by column and row.
        """
        values = []
        for cell, row in zip(self.columns[name], self.rows, strict=True):
            try:
                value = float(cell)
            except ValueError as error:
                held = f"the text {cell!r}" if cell.strip() else "an empty cell"
                raise DataError(
                    f"the column {name!r} of {self.where} must hold numbers and has {held} in row {row}; correct it or "
                    f"leave the column or the row out"
                ) from error
            if not math.isfinite(value):
                raise DataError(
                    f"the column {name!r} of {self.where} must hold finite numbers and has {cell} in row {row}; "
                    f"correct it or leave the column or the row out"
                )
            values.append(value)
        return np.array(values)

    def labels(self, name: str) -> np.ndarray:
        """Return a column as classes of shape (n,): whole numbers if all cells are numbers, else texts.

        Raises:
            DataError: an empty cell, a number that is not whole among numbers.
        """
        for cell, row in zip(self.columns[name], self.rows, strict=True):
            if not cell.strip():
                raise DataError(
                    f"the column {name!r} of {self.where} must hold labels and has an empty cell in row {row}"
                )
        try:
            values = [float(cell) for cell in self.columns[name]]
        except ValueError:
            return np.array(self.columns[name], dtype=str)
        for value, row in zip(values, self.rows, strict=True):
            if not value.is_integer():
                raise DataError(
                    f"the column {name!r} of {self.where} must hold whole numbers or texts where labels is 'classes', "
                    f"got {value:g} in row {row}; choose labels='numbers' to predict numbers"
                )
        return np.array(values).astype(np.int64)


def read_table(content: bytes, where: str, separator: str) -> Table:
    """Return the table of a CSV file.

    Args:
        content: of the file, UTF-8.
        where: its path, for refusals.
        separator: between two cells.

    Raises:
        DataError: not UTF-8, no names of columns, equal names, rows of another length, no rows.
    """
    try:
        # Spreadsheets put a byte order mark in front.
        text = content.decode("utf-8-sig")
        records = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except UnicodeDecodeError as error:
        raise DataError(f"{where} is not UTF-8 text (byte {error.start}); save it as CSV in UTF-8") from error
    except csv.Error as error:
        raise DataError(f"{where} is torn or no CSV table ({error}); save it again as CSV") from error
    names = [name.strip() for name in records[0]] if records else []
    if not any(names):
        raise DataError(f"{where} has no names of columns in its first row; write them there")
    doubled = [name for i, name in enumerate(names) if name in names[:i]]
    if doubled:
        raise DataError(f"{where} has two columns of the name {doubled[0]!r}; rename one")
    # A blank line is no row, but a spreadsheet counts it.
    rows = [(row, cells) for row, cells in enumerate(records[1:], start=2) if cells]
    for row, cells in rows:
        if len(cells) != len(names):
            raise DataError(
                f"{where} has {len(cells)} cells in row {row} and {len(names)} columns; it may be torn, or its cells "
                f"be separated by something else than {separator!r}"
            )
    if not rows:
        raise DataError(f"{where} has names of columns and no rows; add examples")
    columns = {name: [cells[i] for _, cells in rows] for i, name in enumerate(names)}
    return Table(where, columns, [row for row, _ in rows])
