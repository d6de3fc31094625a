"""Runs in an experiment's folder that its declaration does not name: of variants, seeds or sizes that it had once."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from lab.checks import DataError
from lab.results.experiments import read_experiment
from lab.results.failures import Failure, is_unloaded, read_failures
from lab.results.layout import run_folders
from lab.results.schema import (
    DAMAGED,
    FAILED_FOLDER,
    HISTORY_FILE,
    MODEL_DATA_FILE,
    MODEL_FILE,
    RUN_FILE,
    named_run,
    record_name,
)
from lab.results.store import read_record

_FILES = (HISTORY_FILE, MODEL_FILE, MODEL_DATA_FILE, RUN_FILE)
"""The files of a run, in the order in which they are removed: without run.json the others would be nobody's."""

_ASIDE = re.compile(re.escape(DAMAGED) + r"(.+)-[0-9]+")


@dataclass(frozen=True)
class Stray:
    """Something in an experiment's folder that its declaration does not name.

    Args:
        path: the folder of a run, or the file of a failure.
        what: what it is, in words.
        size: in bytes.
    """

    path: Path
    what: str
    size: int


def strays(folder: Path) -> list[Stray]:
    """Return what the lab has written for runs that the experiment does not have as it was last run.

    Only what is the lab's by its content is among them: a run whose run.json is of this experiment, with no other
    file beside it, a damaged run that was set aside, and the reason of a failure. The runs of a variant whose data
    could not be loaded are not among them, as it is not known which of them are its own.

    Raises:
        DataError: the folder holds no experiment, or its experiment.json is damaged.
    """
    experiment = read_experiment(folder)
    named = set(experiment["runs"])
    failures = read_failures(folder)
    spared = {_of(failure) for failure in failures.values() if is_unloaded(failure)}
    found = []
    for path in run_folders(folder):
        if path.name not in named and named_run(path.name) not in spared and (what := _what(path, folder.name)):
            found.append(Stray(path, what, sum(file.stat().st_size for file in path.iterdir())))
    for failure in failures.values():
        if failure.name not in named and not is_unloaded(failure):
            path = folder / FAILED_FOLDER / f"{failure.name}.json"
            found.append(Stray(path, "the reason of a failure", path.stat().st_size))
    return found


def _of(failure: Failure) -> tuple[str, int, int | None]:
    return failure.variant, failure.seed, failure.fold


def _what(path: Path, experiment: str) -> str:
    """Return what a folder among the runs is, in words; "" if it is none of the lab's."""
    if path.is_symlink() or not path.is_dir():
        return ""
    files = list(path.iterdir())
    if any(file.name not in _FILES or file.is_symlink() or not file.is_file() for file in files):
        return ""
    if _ASIDE.fullmatch(path.name):
        return "a damaged run that was set aside"
    try:
        record = read_record(path)
    except DataError:
        return ""
    return "a run" if record["experiment"] == experiment and record_name(record) == path.name else ""


def remove(stray: Stray) -> None:
    """Remove one of the `strays`; what somebody has put beside it in the meantime stays.

    Raises:
        OSError: it cannot be removed.
    """
    if stray.path.suffix == ".json":
        stray.path.unlink(missing_ok=True)
        return
    for name in _FILES:
        (stray.path / name).unlink(missing_ok=True)
    os.rmdir(stray.path)
