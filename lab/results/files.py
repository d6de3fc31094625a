"""Single files: written whole or not at all, CSV tables that come back as they were."""

import contextlib
import os
import uuid
from pathlib import Path

import pandas as pd

from lab.checks import DataError


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a whole file, text as UTF-8 with its line ends as they are, or leave the old one as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".tmp-{uuid.uuid4().hex}")
    try:
        with open(partial, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        # Nothing is there to remove after a success.
        with contextlib.suppress(OSError):
            partial.unlink()


def to_csv(table: pd.DataFrame) -> str:
    """Return a table as CSV: LF, shortest exact floats, NaN written as `nan`."""
    return table.to_csv(index=False, lineterminator="\n", na_rep="nan")


def read_csv(path: Path) -> pd.DataFrame:
    """Read a CSV file of the lab.

    Raises:
        DataError: the file is missing or torn.
    """
    try:
        # A variant may be called "null" or "NA": only `nan` and nothing at all are a missing number.
        return pd.read_csv(path, keep_default_na=False, na_values=["nan", ""])
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; run the experiment first, or name its folder") from None
    except (ValueError, OSError) as error:
        raise DataError(f"{path} cannot be read as CSV ({error}); delete it and run the report again") from None


def sync(folder: Path) -> None:
    """Make the names in a folder survive a loss of power."""
    # Only power loss needs this, and only POSIX can open a folder.
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
