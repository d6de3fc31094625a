"""<study>.json: what a study asks, and which tables and figures belong to it."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from lab.checks import DataError, UsageError
from lab.results import fields
from lab.results.files import read_csv, read_json, to_json, write_atomically
from lab.results.schema import SCHEMA, study_file
from lab.results.tables import table_path, write_table

REMEDY = "run the study again, or move the file elsewhere if it is not the lab's"
"""The remedy for the damaged file of a study."""

ABSENT = "run the study first, or name its folder"
"""The remedy for the file of a study that is not there."""


def write_study(
    folder: Path,
    name: str,
    *,
    identity: str,
    tables: Sequence[str],
    declaration: Mapping[str, Any],
    question: str = "",
    notes: str = "",
    figures: Sequence[str] | None = None,
) -> None:
    """Write a study's file.

    Args:
        folder: of the study, or of the experiment it belongs to.
        name: of the study; its file is `<name>.json`.
        identity: the hash of the declaration.
        tables: the names of its tables, each in `<table>.csv`.
        declaration: of the function that computed them.
        question: what it asks, in one line.
        notes: paragraphs about it.
        figures: the names of its figures in their order; None while they are not drawn.

    Raises:
        UsageError: a name that is not plain, or that is one of the experiment's own.
    """
    check_names(name, tables, figures or ())
    record = {"schema": SCHEMA, "name": name, "question": question, "notes": notes, "id": identity}
    record |= {"tables": list(tables), "declaration": declaration}
    record |= {} if figures is None else {"figures": list(figures)}
    write_atomically(folder / study_file(name), to_json(record))


def check_names(name: str, tables: Sequence[str], figures: Sequence[str] = ()) -> None:
    """Refuse names of a study, its tables and figures that would lead out of its folder or replace other files.

    Raises:
        UsageError: a name that is not plain, or that is one of the experiment's own.
    """
    for what, names, taken in (
        ("a study", [name], fields.RESERVED),
        ("a study's table", tables, fields.RESERVED_TABLES),
        ("a study's figure", figures, ()),
    ):
        for one in names:
            if not fields.is_plain(one) or one in taken:
                but = f", and none of {', '.join(map(repr, taken))}" if taken else ""
                raise UsageError(f"the name of {what} must be {fields.NAME.rule}{but}, got {one!r}")


def read_study(folder: Path, name: str) -> dict[str, Any]:
    """Read a study's file.

    Returns:
        Its fields; "question" and "notes" are texts and "figures" a list, all empty where the file lacks them.

    Raises:
        DataError: the file is missing or torn, or a field is wrong.
    """
    path = folder / study_file(name)
    record = read_json(path, ABSENT, REMEDY)
    fields.check(path, record, fields.STUDY, REMEDY)
    if record["name"] != name:
        raise DataError(f"'name' in {path} must be {name!r}, got {record['name']!r}; {REMEDY}")
    return {"question": "", "notes": "", "figures": [], "declaration": {}} | record


def has_study(folder: Path, name: str) -> bool:
    """Say whether a study's file is in a folder."""
    return os.path.lexists(folder / study_file(name))


def study_names(folder: Path) -> list[str]:
    """Return the names of the studies whose files are in a folder, in alphabetical order."""
    return sorted(path.stem for path in folder.glob(study_file("*")) if path.stem not in fields.RESERVED)


def write_study_tables(folder: Path, tables: Mapping[str, pd.DataFrame]) -> None:
    """Write a study's tables."""
    for name, table in tables.items():
        write_table(folder, name, table)


def read_study_tables(folder: Path, name: str) -> dict[str, pd.DataFrame]:
    """Read a study's tables, in its own order.

    Raises:
        DataError: a file is missing or torn.
    """
    names = read_study(folder, name)["tables"]
    return {table: read_csv(table_path(folder, table), ABSENT, REMEDY) for table in names}


def is_computed(folder: Path, name: str, identity: str) -> bool:
    """Say whether a study of this identity was computed and all its tables can be read."""
    try:
        read_study_tables(folder, name)
        return read_study(folder, name)["id"] == identity
    except DataError:
        return False
