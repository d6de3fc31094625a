"""Runs on disk: published complete or not at all, checked when they are read, set aside where they are damaged."""

import contextlib
import hashlib
import itertools
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from lab.checks import DataError
from lab.results import fields
from lab.results.files import (
    make_folder,
    named,
    parse_json,
    read_bytes,
    read_csv,
    sync,
    to_csv,
    to_json,
    write_through,
)
from lab.results.layout import run_folder, shard_folders
from lab.results.partial import partial_folder, sweep_folder
from lab.results.schema import (
    DAMAGED,
    FIGURES_FOLDER,
    HISTORY,
    HISTORY_FILE,
    MODEL_DATA_FILE,
    MODEL_FILE,
    RUN_FILE,
    RUNS_FOLDER,
    record_name,
)
from lab.statistics.runs import FOLD, FOLDS

REMEDY = "run the experiment again, which sets this run aside and trains it anew"
"""The remedy for a damaged run."""


def publish(
    experiment: Path,
    name: str,
    rows: Iterable[Mapping[str, float]],
    record: Mapping[str, Any],
    model: tuple[bytes, str] | None = None,
) -> Path:
    """Publish a run: history.csv and run.json appear together, by one rename, complete or not at all.

    Args:
        experiment: the experiment's folder.
        name: of the run, as `lab.results.schema.run_name` makes it.
        rows: the history, one dict per epoch with the columns of `HISTORY`.
        record: the content of run.json; the hashes of the other files are added.
        model: the bytes of its model.keras, and its data as JSON, to be published with it.

    Returns:
        The run's folder. If a whole run is there already, somebody was first and nothing is written; a damaged one
        is set aside.

    Raises:
        OSError: the run cannot be written. The error names the run's folder, nothing half-written is left, and
            the other runs can still be published.
    """
    target = run_folder(experiment, name)
    history = to_csv(pd.DataFrame(list(rows), columns=list(HISTORY)))
    hashes = {"history_sha256": hashlib.sha256(history.encode()).hexdigest()}
    content: dict[str, str | bytes] = {HISTORY_FILE: history}
    if model is not None:
        content[MODEL_FILE], content[MODEL_DATA_FILE] = model
        hashes["model_sha256"] = hashlib.sha256(model[0]).hexdigest()
    content[RUN_FILE] = to_json({**record, **hashes})
    make_folder(target.parent)
    try:
        with partial_folder(target.parent) as partial:
            for file, whole in content.items():
                # No folder is made here: if this one is gone, nothing may be published.
                with open(partial / file, "xb") as opened:
                    write_through(opened, whole)
            sync(partial)
            lost = set(content) - set(os.listdir(partial))
            if lost:
                raise FileNotFoundError(2, f"somebody removed {' and '.join(sorted(lost))}")
            _rename(partial, target)
        sync(target.parent)
    except OSError as error:
        raise named(error, target) from error
    return target


def _rename(partial: Path, target: Path) -> None:
    while True:
        try:
            os.rename(partial, target)
            return
        except OSError:
            # Something has the name: the same run, if somebody else published it first, or a damaged one.
            if not os.path.lexists(target):
                raise
            if is_whole(target):
                return
            set_aside(target)


def set_aside(target: Path) -> Path:
    """Rename a damaged run's folder, so that the run can be published again; nothing in it is removed.

    Returns:
        Where it is now.
    """
    places = (target.with_name(f"{DAMAGED}{target.name}-{n}") for n in itertools.count(1))
    aside = next(place for place in places if not os.path.lexists(place))
    # If it is gone by now, somebody else has set it aside.
    with contextlib.suppress(FileNotFoundError):
        os.rename(target, aside)
    return aside


def set_damaged_aside(experiment: Path, names: Iterable[str]) -> list[str]:
    """Set aside those of an experiment's runs that are damaged, so that they are trained again.

    Args:
        experiment: the experiment's folder.
        names: of its runs; a run that is not there is not damaged.

    Returns:
        One sentence per run that was set aside; those that are still there are whole.
    """
    sentences = []
    for name in names:
        target = run_folder(experiment, name)
        if os.path.lexists(target):
            try:
                read_run(target)
            except DataError as error:
                cause = str(error).removesuffix(f"; {REMEDY}")
                sentences.append(f"{cause}; the run is set aside as {set_aside(target).name} and trained again")
    return sentences


def is_published(experiment: Path, name: str) -> bool:
    """Say whether a run is there; whether it is whole is for `set_damaged_aside` to find."""
    return (run_folder(experiment, name) / RUN_FILE).exists()


def is_whole(folder: Path) -> bool:
    """Say whether a run's folder holds what was published in it."""
    try:
        read_run(folder)
    except DataError:
        return False
    return True


def read_run(folder: Path) -> tuple[dict[str, Any], pd.DataFrame]:
    """Read a published run: its record and its history.

    Raises:
        DataError: a file is missing, torn, changed or of another schema.
    """
    record = read_record(folder)
    return record, read_history(folder / HISTORY_FILE, record)


def read_record(folder: Path) -> dict[str, Any]:
    """Read the record of a published run without its history.

    Raises:
        DataError: run.json is missing, torn, of another run or of another schema.
    """
    path = folder / RUN_FILE
    record: dict[str, Any] = parse_json(path, read_bytes(path, REMEDY, REMEDY), REMEDY)
    fields.check(path, record, fields.RUN, REMEDY)
    fold, folds = record.get(FOLD), record.get(FOLDS)
    if (fold is None) != (folds is None) or (fold is not None and fold >= folds):
        raise DataError(f"{path} must have 'fold' below 'folds', or neither, got {fold} and {folds}; {REMEDY}")
    published = record_name(record)
    if folder.name != published:
        raise DataError(f"{path} must be of the run {folder.name}, got that of {published}; {REMEDY}")
    return record


def published_history(path: Path, record: Mapping[str, Any]) -> bytes:
    """Return the content of a run's history.csv, not looked at but by its hash.

    Raises:
        DataError: it is missing, torn or changed.
    """
    content = read_bytes(path, REMEDY, REMEDY)
    if hashlib.sha256(content).hexdigest() != record["history_sha256"]:
        raise DataError(f"{path} must be as it was published, got a torn or changed file; {REMEDY}")
    return content


def read_history(path: Path, record: Mapping[str, Any]) -> pd.DataFrame:
    """Read the history.csv of a run with this record.

    Raises:
        DataError: it is missing, torn, changed, or of another run.
    """
    published_history(path, record)
    history = read_csv(path, REMEDY, REMEDY)
    if tuple(history.columns) != HISTORY or len(history) != record["rows"]:
        raise DataError(
            f"{path} must have {record['rows']} rows and the columns {', '.join(HISTORY)}, "
            f"got {len(history)} rows and {', '.join(map(str, history.columns))}; {REMEDY}"
        )
    kept = record["kept_epoch"]
    if kept is not None and not (history["epoch"] == kept).any():
        raise DataError(f"{path} must have the kept epoch {kept}, got {len(history)} epochs; {REMEDY}")
    return history


def read_model(folder: Path) -> bytes | None:
    """Return the model.keras of a published run, or None if none was kept or it is not as it was published."""
    record, _ = read_run(folder)
    try:
        content = (folder / MODEL_FILE).read_bytes()
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest() == record.get("model_sha256") else None


def sweep(experiment: Path) -> None:
    """Remove what killed processes left half written in an experiment's folder, its runs and figures, and above it."""
    places = (experiment.parent, experiment, experiment / FIGURES_FOLDER, experiment / RUNS_FOLDER)
    for folder in (*places, *shard_folders(experiment)):
        sweep_folder(folder)
