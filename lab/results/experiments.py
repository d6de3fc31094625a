"""experiment.json: what an experiment asks, and which runs belong to it as it was last run."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab.checks import DataError
from lab.results import fields
from lab.results.files import AGAIN, read_json, to_json, write_atomically
from lab.results.layout import divide
from lab.results.schema import EXPERIMENT_FILE, SCHEMA


def write_experiment(folder: Path, record: Mapping[str, Any]) -> None:
    """Write experiment.json, and make the folders of the runs where there are very many.

    Args:
        folder: of the experiment.
        record: with the fields of `lab.results.fields.EXPERIMENT`; "schema" is added.
    """
    divide(folder, len(record["runs"]))
    write_atomically(folder / EXPERIMENT_FILE, to_json({"schema": SCHEMA, **record}))


def read_experiment(folder: Path) -> dict[str, Any]:
    """Read experiment.json.

    Raises:
        DataError: the file is missing or torn, or a field is wrong.
    """
    path = folder / EXPERIMENT_FILE
    record = read_json(path)
    fields.check(path, record, fields.EXPERIMENT, AGAIN)
    variants = record.get("variants")
    if variants and record["baseline"] not in variants:
        raise DataError(
            f"'baseline' in {path} must be one of {', '.join(map(repr, variants))}, got {record['baseline']!r}; {AGAIN}"
        )
    return record


def has_experiment(folder: Path) -> bool:
    """Say whether a folder has an experiment.json."""
    # A link that leads nowhere is a damaged file, not an absent one.
    return os.path.lexists(folder / EXPERIMENT_FILE)
