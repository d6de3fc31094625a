"""histories.parquet: a copy of very long histories, read instead of parsing their CSV file where it is of that file.

histories.csv stays what counts: the copy holds the SHA-256 of it and is passed over where that differs. It needs the
package pyarrow; without it nothing is written and the CSV file is read.
"""

import hashlib
import importlib.util
import io
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from lab.results.files import write_atomically
from lab.results.schema import HISTORIES

FROM = 10_000_000
"""From so many characters of histories.csv on, some 50 000 epochs, a copy is written."""

_FILE = f"{HISTORIES}.parquet"
_KEY = b"sha256_of_csv"


def write_copy(folder: Path, csv: Path, histories: Callable[[], pd.DataFrame], characters: int) -> None:
    """Write the copy of histories, or remove one that is not needed.

    Args:
        folder: of the experiment.
        csv: the file of the histories, compressed or not, as it was just written.
        histories: returns the table that a reader of that file gets.
        characters: how long the file is when it is not compressed.

    Raises:
        OSError: it cannot be written.
    """
    if characters < FROM or importlib.util.find_spec("pyarrow") is None:
        (folder / _FILE).unlink(missing_ok=True)
        return
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.Table.from_pandas(histories(), preserve_index=False)
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), _KEY: _hash(csv).encode()})
    content = io.BytesIO()
    pyarrow.parquet.write_table(table, content)
    write_atomically(folder / _FILE, content.getvalue())


def read_copy(folder: Path, csv: Path) -> pd.DataFrame | None:
    """Return the histories of the copy; None where there is none of this CSV file, or it cannot be read."""
    path = folder / _FILE
    if not path.exists() or importlib.util.find_spec("pyarrow") is None:
        return None
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path)
        if (table.schema.metadata or {}).get(_KEY) != _hash(csv).encode():
            return None
        return table.to_pandas()
    except (OSError, pyarrow.ArrowException):
        return None


def _hash(csv: Path) -> str:
    return hashlib.sha256(csv.read_bytes()).hexdigest()
