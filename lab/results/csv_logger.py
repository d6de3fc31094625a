"""Files of `keras.callbacks.CSVLogger`, perhaps the only copy of a training: read, never changed."""

import csv
import io
import warnings
from pathlib import Path

from lab.checks import DataError
from lab.results.files import read_bytes

REMEDY = "correct the file, or name another one"

SEPARATORS = (",", ";", "\t")


def read_log(path: Path) -> tuple[dict[str, list[str]], list[int]]:
    """Read a log as text.

    A last line that is torn, as a killed training leaves it, is left out with a warning.

    Returns:
        The columns by name, and for each row the number of its line.

    Raises:
        DataError: the file cannot be read, has no finished epoch, holds several trainings or a line that is no row.
    """
    try:
        text = read_bytes(path, "name another file").decode("utf-8-sig")
        header, rows, lines = _rows(text)
    except (ValueError, csv.Error) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path} cannot be read as a log of keras.callbacks.CSVLogger ({error}); {REMEDY}") from None
    if rows and (not text.endswith("\n") or len(rows[-1]) < len(header)):
        rows.pop()
        warnings.warn(
            f"{path}, line {lines.pop()}, is torn and left out; the log ends after {len(rows)} finished epochs",
            stacklevel=2,
        )
    if not rows:
        raise DataError(f"{path} must have at least one finished epoch, got none; {REMEDY}")
    for row, line in zip(rows, lines, strict=True):
        if row == header:
            raise DataError(f"{path}, line {line}, begins a second training; {several(path)}")
        if len(row) != len(header):
            raise DataError(f"{path}, line {line}, must have {len(header)} values, got {len(row)}; {REMEDY}")
    return {name: [row[i] for row in rows] for i, name in enumerate(header)}, lines


def several(path: Path | None = None) -> str:
    """Return the remedy for a log of several trainings."""
    name = "<variant>" if path is None else path.stem.split("-seed")[0]
    return f"give each training a file of its own, as in {name}-seed0.csv and {name}-seed1.csv"


def _rows(text: str) -> tuple[list[str], list[list[str]], list[int]]:
    first = text.partition("\n")[0]
    separator = max(SEPARATORS, key=first.count)
    reader = csv.reader(io.StringIO(text), delimiter=separator)
    header = next(reader, [])
    twice = [name for i, name in enumerate(header) if name in header[:i]]
    if twice:
        raise ValueError(f"the column {twice[0]!r} comes twice")
    rows, lines = [], []
    for row in reader:
        if row:
            rows.append(row)
            lines.append(reader.line_num)
    return header, rows, lines
