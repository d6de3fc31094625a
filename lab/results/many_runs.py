"""Many runs read at once: their records, and their histories as one table and as its text."""

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lab.results.files import NOT_MEASURED
from lab.results.schema import HISTORY, HISTORY_FILE, keys
from lab.results.store import published_history, read_history, read_record

_HEADER = (",".join(HISTORY) + "\n").encode()

_WHOLE = re.compile(rb",-?[0-9]+[,\n]")
"""A number without decimals behind the epoch: as one of several runs it may be written with decimals."""


@dataclass(frozen=True)
class Runs:
    """Published runs.

    Args:
        records: the content of run.json, one per run.
        measured: their histories below each other, with the columns of `HISTORY`.
        text: the table `histories` as CSV; None where pandas has to write it.
    """

    records: list[dict[str, Any]]
    measured: pd.DataFrame
    text: str | None

    def histories(self) -> pd.DataFrame:
        """Return the histories with the columns of their runs before their own."""
        runs = pd.DataFrame([{key: record[key] for key in keys(record)} for record in self.records])
        place = np.repeat(np.arange(len(runs)), [record["rows"] for record in self.records])
        return pd.concat([runs.loc[place].reset_index(drop=True), self.measured], axis=1)


def read_runs(folders: Sequence[Path]) -> Runs:
    """Read published runs, as `lab.results.store.read_run` reads each.

    Their histories are parsed at once, and what is written of them again is the text that was read: one by one and
    number by number, pandas takes 20 times as long.

    Raises:
        DataError: as `read_run` of the first run that is damaged.
    """
    records, bodies, lines = [], [_HEADER], []
    for folder in folders:
        record, path = read_record(folder), folder / HISTORY_FILE
        content = published_history(path, record)
        if not content.startswith(_HEADER) or content.count(b"\n") != record["rows"] + 1 or b'"' in content:
            # Which says what is wrong with it.
            read_history(path, record)
        records.append(record)
        bodies.append(content[len(_HEADER) :])
        lines.append(_named(record, bodies[-1]))
    measured = pd.read_csv(
        io.BytesIO(b"".join(bodies)), keep_default_na=False, na_values=NOT_MEASURED, low_memory=False
    )
    _check_kept(folders, records, measured)
    plain = len({tuple(keys(record)) for record in records}) == 1 and not any(map(_WHOLE.search, bodies))
    header = ",".join([*keys(records[0]), *HISTORY]) + "\n"
    return Runs(records, measured, header + b"".join(lines).decode() if plain else None)


def together(parts: Sequence[Runs]) -> Runs:
    """Return the runs of several parts as one."""
    if len(parts) == 1:
        return parts[0]
    records = [record for part in parts for record in part.records]
    texts = [part.text for part in parts if part.text is not None]
    plain = len(texts) == len(parts) and len({text[: text.index("\n")] for text in texts}) == 1
    # The header of each but the first is left out.
    text = "".join([texts[0], *(text[text.index("\n") + 1 :] for text in texts[1:])]) if plain else None
    return Runs(records, pd.concat([part.measured for part in parts], ignore_index=True), text)


def _named(record: Mapping[str, Any], body: bytes) -> bytes:
    """Return the rows of a history with the values of the run's columns before them: plain names and whole numbers."""
    before = "".join(f"{record[key]}," for key in keys(record)).encode()
    return before + body[:-1].replace(b"\n", b"\n" + before) + b"\n"


def _check_kept(folders: Sequence[Path], records: Sequence[Mapping[str, Any]], measured: pd.DataFrame) -> None:
    kept = np.array([record["kept_epoch"] or 0 for record in records])
    run = np.repeat(np.arange(len(records)), [record["rows"] for record in records])
    found = kept == 0
    found[run[measured["epoch"].to_numpy() == kept[run]]] = True
    for place in np.flatnonzero(~found)[:1]:
        read_history(folders[place] / HISTORY_FILE, records[place])
