"""CSV tables, cell by cell, so that a refusal can name the column and the row.

pandas would fill short rows with NaN, rename doubled columns and read "None" as NaN without a word.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from lab.checks import DataError
from lab.data.columns import MISSING, count, number

# The usual separators and their names. They are looked for where the first row is a single cell.
SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars", ",": "commas", " ": "blanks"}
# One for each split.
FEWEST_OF_A_CLASS = 3


@dataclass(frozen=True)
class Table:
    """A table of texts.

    Args:
        where: its path, for refusals.
        columns: the cells of each column by its name.
        rows: the row of each cell as a spreadsheet counts, the names of the columns being row 1.
    """

    where: str
    columns: dict[str, tuple[str, ...]]
    rows: list[int]

    def labels(self, name: str) -> np.ndarray:
        """Return a column as classes of shape (n,): whole numbers if all cells are numbers, else texts.

        Texts that differ stay different classes: digits with leading zeros ("007") are texts where a number would
        merge two of them, and so are whole numbers beyond 64 bits.

        Raises:
            DataError: an empty cell, or a word for a missing number among numbers; a number that is not whole among
                numbers; one number or one text that is written in two ways.
        """
        cells = self.columns[name]
        what = f"the column {name!r} of {self.where}"
        for cell, row in zip(cells, self.rows, strict=True):
            if not cell.strip():
                raise DataError(f"{what} must hold labels and has an empty cell in row {row}")
        spelled = _spellings(dict.fromkeys(cells))
        if len(spelled) == 2:
            raise DataError(
                f"{what} must spell each label in one way, got {spelled[0]!r} and {spelled[1]!r}, which differ by "
                f"blanks only; make them equal"
            )
        numbers = {cell: value for cell in set(cells) if (value := number(cell)) is not None}
        if texts := set(cells) - set(numbers):
            if numbers and all(text.strip().lower() in MISSING for text in texts):
                row = next(row for cell, row in zip(cells, self.rows, strict=True) if cell in texts)
                raise DataError(
                    f"{what} must hold labels and has, among numbers, the word for a missing one in row {row}; fill it "
                    f"or remove the row"
                )
            return np.array(cells, dtype=str)
        for cell, row in zip(cells, self.rows, strict=True):
            if not numbers[cell].is_integer() and not _WHOLE.fullmatch(cell):
                raise DataError(
                    f"{what} must hold whole numbers or texts where labels is 'classes', got {cell.strip()} in row "
                    f"{row}; choose labels='numbers' to predict numbers"
                )
        return self._whole(cells, what)

    def kind(self, name: str) -> str:
        """Return what a column is as a target: "numbers" or "classes".

        A column of numbers is "numbers" if one of them is not whole, or is in fewer than `FEWEST_OF_A_CLASS` rows,
        which are too few for a class: every split needs one.
        """
        cells = [cell for cell in self.columns[name] if cell.strip().lower() not in MISSING]
        numbers = [value for cell in cells if (value := number(cell)) is not None]
        if not cells or len(numbers) < len(cells):
            return "classes"
        whole = all(value.is_integer() for value in numbers)
        return "classes" if whole and min(Counter(numbers).values()) >= FEWEST_OF_A_CLASS else "numbers"

    def _whole(self, cells: tuple[str, ...], what: str) -> np.ndarray:
        """Return cells that are whole numbers, exactly; as texts where numbers would merge or overflow."""
        exact = {}
        for cell in dict.fromkeys(cells):
            plain = _WHOLE.fullmatch(cell)
            if not plain and abs(float(cell)) >= 2**53:
                raise DataError(
                    f"{what} must hold labels that can be told apart, got {cell.strip()}, which float64 rounds; write "
                    f"all digits"
                )
            exact[cell] = int(cell) if plain else int(float(cell))
        if len(set(exact.values())) < len(exact):
            if all(_WHOLE.fullmatch(cell) for cell in exact):
                return np.array(cells, dtype=str)
            twice = next(value for value, times in Counter(exact.values()).items() if times > 1)
            ways = [cell for cell, value in exact.items() if value == twice]
            raise DataError(
                f"{what} must spell each label in one way, got {ways[0]!r} and {ways[1]!r}, which are one number; make "
                f"them equal"
            )
        if any(not -(2**63) <= value < 2**63 for value in exact.values()):
            return np.array(cells, dtype=str)
        return np.array([exact[cell] for cell in cells], np.int64)


_WHOLE = re.compile(r"\s*[-+]?[0-9]{1,4000}\s*")


def _spellings(cells: Iterable[str]) -> tuple[str, ...]:
    """Return the first two cells that are equal but for blanks around them, or nothing."""
    seen: dict[str, str] = {}
    for cell in cells:
        if (other := seen.setdefault(cell.strip(), cell)) != cell:
            return other, cell
    return ()


def read_table(content: bytes, where: str, separator: str) -> Table:
    """Return the table of a CSV file.

    Args:
        content: of the file, UTF-8.
        where: its path, for refusals.
        separator: between two cells.

    Raises:
        DataError: not UTF-8, another separator, no names of columns, equal names, rows of another length, no rows.
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError(f"{where} must be UTF-8 text and is UTF-16; save it as CSV in UTF-8")
    try:
        # Spreadsheets put a byte order mark in front.
        text = content.decode("utf-8-sig")
        if "\0" in text:
            raise DataError(f"{where} is no CSV table: it holds NUL bytes; save it again as CSV in UTF-8")
        records = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except UnicodeDecodeError as error:
        raise DataError(f"{where} is not UTF-8 text (byte {error.start}); save it as CSV in UTF-8") from error
    except csv.Error as error:
        raise DataError(f"{where} is torn or no CSV table ({error}); save it again as CSV") from error
    names = [name.strip() for name in records[0]] if records else []
    _check_names(names, where, separator)
    # A blank line is no row, but a spreadsheet counts it.
    rows = [(row, cells) for row, cells in enumerate(records[1:], start=2) if cells]
    ragged = [(row, len(cells)) for row, cells in rows if len(cells) != len(names)]
    if ragged:
        row, length = ragged[0]
        more = f" and in {count(len(ragged) - 1, 'other row')} another number" if ragged[1:] else ""
        raise DataError(
            f"{where} must have {count(len(names), 'cell')} in every row, one per column, and has "
            f"{count(length, 'cell')} in row {row}{more}; it may be torn, or have {separator!r} within cells that are "
            f"not quoted"
        )
    if not rows:
        raise DataError(f"{where} has names of columns and no rows; add examples")
    columns = dict(zip(names, zip(*(cells for _, cells in rows), strict=True), strict=True))
    return Table(where, columns, [row for row, _ in rows])


def _check_names(names: list[str], where: str, separator: str) -> None:
    if not any(names):
        raise DataError(f"{where} has no names of columns in its first row; write them there")
    if len(names) == 1:
        other = next((one for one in SEPARATORS if one != separator and one in names[0]), None)
        if other is not None:
            raise DataError(
                f"{where} must be separated by {separator!r} and seems to be separated by {SEPARATORS[other]}; save it "
                f"with commas, or call lab.data.from_csv with separator={other!r}, which is --separator {other!r} on "
                f"the command line"
            )
    if "" in names:
        raise DataError(
            f"{where} has no name for column {names.index('') + 1}; name it or leave it out (pandas writes its index "
            f"so, and not with to_csv(path, index=False))"
        )
    doubled = [name for name, times in Counter(names).items() if times > 1]
    if doubled:
        raise DataError(f"{where} has two columns of the name {doubled[0]!r}; rename one")
