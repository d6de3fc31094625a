"""failed/<run>.json: the runs of an experiment that failed, each with its reason, until they are published.

A run that failed would fail again: it is known by its id, which follows from all that it computes. So it is not trained
again unless that is asked for, as after a lack of memory. Where the data of a run could not even be loaded it has no id
yet; its file is called <variant>-seed<k> and lasts until the next call, which loads them again.
"""

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lab.checks import DataError
from lab.results import fields
from lab.results.files import AGAIN, read_json, to_json, write_atomically
from lab.results.layout import run_folder
from lab.results.schema import FAILED_FOLDER, SCHEMA


@dataclass(frozen=True)
class Failure:
    """A run that failed.

    Args:
        name: of the run's folder, which is not there; without an id where its data could not be loaded.
        variant, seed: of the run.
        fold: the place of its fold, from 0; None without folds.
        reason: a sentence.
    """

    name: str
    variant: str
    seed: int
    fold: int | None
    reason: str


def write_failure(folder: Path, failure: Failure) -> None:
    """Write down that a run failed.

    Args:
        folder: of the experiment.
        failure: the run, and why.

    Raises:
        OSError: it cannot be written.
    """
    fold = {} if failure.fold is None else {"fold": failure.fold}
    record = {"variant": failure.variant, "seed": failure.seed, **fold, "reason": failure.reason}
    write_atomically(_file(folder, failure.name), to_json({"schema": SCHEMA, **record}))


def read_failures(folder: Path) -> dict[str, Failure]:
    """Return the runs of an experiment that failed, by their names in order; a file that cannot be read is left out.

    Failures of other declarations are among them: experiment.json says which runs the experiment has.
    """
    found = {}
    with contextlib.suppress(OSError):
        for path in sorted((folder / FAILED_FOLDER).glob("[!.]*.json")):
            with contextlib.suppress(DataError):
                record = read_json(path)
                fields.check(path, record, fields.FAILURE, AGAIN)
                found[path.stem] = Failure(
                    path.stem, record["variant"], record["seed"], record.get("fold"), record["reason"]
                )
    return found


def current_failures(folder: Path, runs: Iterable[str], variants: Iterable[str]) -> list[Failure]:
    """Return the failures of an experiment as it was last run, those of runs that are published since left out.

    Args:
        folder: of the experiment.
        runs, variants: their names, as experiment.json has them.
    """
    names, called = set(runs), set(variants)
    return [
        failure
        for failure in read_failures(folder).values()
        if (failure.name in names or (is_unloaded(failure) and failure.variant in called))
        and not run_folder(folder, failure.name).exists()
    ]


def is_unloaded(failure: Failure) -> bool:
    """Say whether a run has no id, as its data could not be loaded."""
    fold = "" if failure.fold is None else f"-fold{failure.fold}"
    return failure.name == f"{failure.variant}-seed{failure.seed}{fold}"


def forget_failure(folder: Path, name: str) -> None:
    """Forget that a run failed: it is published, or about to be tried again."""
    with contextlib.suppress(OSError):
        _file(folder, name).unlink()


def _file(folder: Path, name: str) -> Path:
    return folder / FAILED_FOLDER / f"{name}.json"
