"""Single files: written whole or not at all, read with one sentence for whatever is wrong with them."""

import contextlib
import csv
import gzip
import io
import json
import os
import re
import stat
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from lab.checks import DataError
from lab.results.partial import partial_file
from lab.results.schema import RUNS_FOLDER

DEEPEST = 100
"""The most levels that values may be nested in a JSON file of the lab."""

ABSENT = "run the experiment first, or name its folder"
"""The remedy for a file that is not there."""

AGAIN = "run the experiment again, which writes it anew"
"""The remedy for a file of the lab that cannot be read."""


NOT_MEASURED = ["nan", ""]
"""The words for a missing number in a CSV file of the lab; a variant may be called "null" or "NA"."""

_LONG_NUMBER = re.compile(r"[0-9]{101}")


def rebuild_remedy(folder: Path) -> str:
    """Return the remedy for a damaged file that the lab rebuilds from the runs of the experiment in a folder."""
    if (folder / RUNS_FOLDER).is_dir():
        return f"run python -m lab report {folder.name}, which rebuilds it from the runs"
    return "take it from where the folder came from, or run the experiment again"


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a whole file, text as UTF-8 with its line ends as they are, or leave the old one as it was.

    Raises:
        OSError: the file cannot be written; it names this file.
    """
    path = Path(path)
    make_folder(path.parent)
    try:
        with partial_file(path.parent) as (partial, file):
            write_through(file, content)
            if os.name == "nt":
                file.close()  # Windows renames no open file
            os.replace(partial, path)
        sync(path.parent)
    except OSError as error:
        raise named(error, path) from error


def write_through(file: io.BufferedWriter | Any, content: str | bytes) -> None:
    """Write content to an open binary file and wait until it survives a loss of power."""
    file.write(content.encode() if isinstance(content, str) else content)
    file.flush()
    os.fsync(file.fileno())


def named(error: OSError, path: Path) -> OSError:
    """Return an error of the same kind with the name of the file that it is about, which errors of writing lack."""
    return OSError(error.errno, error.strerror or str(error), str(path))


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, so that they survive a loss of power.

    Raises:
        OSError: it cannot be made; the error names this folder.
    """
    absent = [place for place in (folder, *folder.parents) if not place.is_dir()]
    try:
        for place in reversed(absent):
            # A file in its place is no folder, and another process may make the same one.
            with contextlib.suppress(FileExistsError):
                place.mkdir()
            sync(place.parent)
        os.listdir(folder)
    except OSError as error:
        raise named(error, folder) from error


def sync(folder: Path) -> None:
    """Make the names in a folder survive a loss of power."""
    # Only POSIX can open a folder.
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def read_bytes(path: Path, absent: str = ABSENT, blocked: str = "move it elsewhere") -> bytes:
    """Return the content of a file.

    Args:
        path: of the file.
        absent: what to do if it is not there.
        blocked: what to do if something else has its name.

    Raises:
        DataError: the file is missing, is no regular file or cannot be read.
    """
    try:
        # A FIFO would be waited for without end.
        if not stat.S_ISREG(path.stat().st_mode):
            kind = "folder" if path.is_dir() else "FIFO, socket or device"
            raise DataError(f"{path} must be a file, got a {kind}; {blocked}")
        return path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; {absent}") from None
    except NotADirectoryError:
        raise DataError(f"{path.parent} must be a folder, got a file; move it elsewhere") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}); make it readable") from None


def read_json(path: Path, absent: str = ABSENT, remedy: str = AGAIN) -> dict[str, Any]:
    """Return the object that a JSON file holds.

    Args:
        path: of the file.
        absent: what to do if it is not there.
        remedy: what to do if it is damaged.

    Raises:
        DataError: the file is missing, cannot be read, or is not JSON or not an object.
    """
    return parse_json(path, read_bytes(path, absent), remedy)


def parse_json(path: Path, content: bytes, remedy: str) -> dict[str, Any]:
    """Return the object that the content of a JSON file holds.

    Raises:
        DataError: it is not JSON or not an object.
    """
    try:
        text = content.decode()
        # Most files are small: no number can have too many digits, and no value can be nested too deep.
        plain = _LONG_NUMBER.search(text) is None
        value = json.loads(text, parse_int=None if plain else _whole)
        deep = text.count("{") + text.count("[") > DEEPEST and _is_deep(value)
    except RecursionError:
        deep = True
    except ValueError as error:
        raise DataError(f"{path} cannot be read as JSON ({error}); {remedy}") from None
    if deep:
        raise DataError(f"{path} must not be nested deeper than {DEEPEST} levels; {remedy}")
    if not isinstance(value, dict):
        raise DataError(f"{path} must hold a JSON object, got {type(value).__name__}; {remedy}")
    return value


def _whole(digits: str) -> int:
    if len(digits) > 100:
        raise ValueError(f"a number has {len(digits)} digits")
    return int(digits)


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        level = [
            item
            for container in level
            if isinstance(container, (dict, list))
            for item in (container.values() if isinstance(container, dict) else container)
        ]
        if not level:
            return False
    return True


def to_json(value: Any) -> str:
    """Return a value as indented JSON that ends in a line end."""
    return json.dumps(value, indent=1) + "\n"


def to_csv(table: pd.DataFrame) -> str:
    """Return a table as CSV: LF, shortest exact floats, NaN written as `nan`."""
    return table.to_csv(index=False, lineterminator="\n", na_rep="nan")


def read_csv(path: Path, absent: str = ABSENT, remedy: str = AGAIN, *, text: Sequence[str] = ()) -> pd.DataFrame:
    """Read a CSV file of the lab.

    Args:
        path: of the file.
        absent: what to do if it is not there.
        remedy: what to do if it is damaged.
        text: columns that hold text whatever it looks like.

    Raises:
        DataError: the file is missing, cannot be read or is torn.
    """
    content = read_bytes(path, absent)
    try:
        lines = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
        _check_lines(lines)
        return pd.read_csv(
            io.StringIO(lines),
            keep_default_na=False,
            na_values=NOT_MEASURED,
            dtype=dict.fromkeys(text, str),
            low_memory=False,
        )
    except (ValueError, csv.Error, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path} cannot be read as CSV ({error}); {remedy}") from None


def _check_lines(text: str) -> None:
    """Refuse what pandas would fill up in silence: a last line that is torn, a line with too few values."""
    if not text.endswith("\n"):
        raise ValueError("its last line is torn" if text.strip() else "it is empty")
    lines = csv.reader(io.StringIO(text))
    header = next(lines)
    plain = len(header) > 1 and '"' not in text and "\r" not in text
    if plain and {line.count(",") for line in text[:-1].split("\n")} == {len(set(header)) - 1}:
        # Parsing every line takes as long as all else that is done to a large table.
        return
    twice = next((name for i, name in enumerate(header) if name in header[:i]), None)
    if twice is not None:
        raise ValueError(f"the column {twice!r} comes twice")
    for line in lines:
        if len(line) != len(header):
            raise ValueError(f"line {lines.line_num} has {len(line)} values instead of {len(header)}")
