"""CSV files of other tools, as text."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.checks import DataError
from lab.results.files import read_bytes

REMEDY = "correct the file, or export it again"


@dataclass(frozen=True)
class Table:
    """A CSV file: its header, its rows and the number of each row's line."""

    path: Path
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    lines: Sequence[int]

    def records(self) -> list[dict[str, str]]:
        """Return the rows as dicts."""
        return [dict(zip(self.header, row, strict=True)) for row in self.rows]


def csv_files(folder: Path) -> list[Path]:
    """Return the CSV files in a folder by their names; hidden ones are not the user's."""
    return sorted(folder.glob("[!.]*.csv"))


def header_of(path: Path) -> list[str]:
    """Return the names of the columns of a CSV file; nothing where it is none."""
    try:
        # A FIFO would be waited for without end.
        if not path.is_file():
            return []
        with open(path, newline="", encoding="utf-8-sig") as file:
            return next(csv.reader(file), [])
    except (OSError, ValueError, csv.Error):
        return []


def read_table(path: Path, tool: str) -> Table:
    """Read a CSV file that a tool wrote.

    Args:
        path: of the file.
        tool: its name, for the sentence.

    Raises:
        DataError: the file cannot be read, a column comes twice, a row has too many or too few values, there is none.
    """
    try:
        text = read_bytes(path, "name another file").decode("utf-8-sig")
        reader = csv.reader(io.StringIO(text))
        header = next(reader, [])
        found = [(row, reader.line_num) for row in reader if row]
    except (ValueError, csv.Error) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path} cannot be read as a CSV file of {tool} ({error}); {REMEDY}") from None
    twice = [name for i, name in enumerate(header) if name in header[:i]]
    if twice:
        raise DataError(f"{path} must have each column once, got {twice[0]!r} twice; {REMEDY}")
    for row, line in found:
        if len(row) != len(header):
            raise DataError(f"{path}, line {line}, must have {len(header)} values, got {len(row)}; {REMEDY}")
    if not found:
        raise DataError(f"{path} must have at least one row, got none; {REMEDY}")
    return Table(path, header, [row for row, _ in found], [line for _, line in found])


def number(text: str, name: str, path: Path, line: int) -> float:
    """Return a number of a CSV file; NaN and infinity are numbers, as they are logged where a run diverges.

    Raises:
        DataError: it is none.
    """
    try:
        return float(text)
    except ValueError:
        raise DataError(f"{path}, line {line}: {name!r} must be a number, got {text!r}; {REMEDY}") from None


def step(row: Mapping[str, str], name: str, path: Path, line: int) -> float:
    """Return the step of a row, a finite number.

    Raises:
        DataError: it is none.
    """
    value = number(row[name], name, path, line)
    if not math.isfinite(value):
        raise DataError(f"{path}, line {line}: {name!r} must be a finite number, got {row[name]!r}; {REMEDY}")
    return value
