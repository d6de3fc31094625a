"""How far an experiment is: which runs are finished, diverged, failed, training and missing, and how long it takes.

Nothing is computed and nothing is loaded but small files, so that it can be asked at any time, also while another
process trains.
"""

import csv
import json
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.checks import DataError
from lab.results.driver import holder
from lab.results.experiments import read_experiment
from lab.results.failures import Failure, current_failures
from lab.results.layout import run_folder
from lab.results.schema import RUN_FILE, RUNS_FOLDER, STATUSES, SUMMARY, named_run, run_name
from lab.results.tables import has_table, table_path
from lab.statistics.runs import FOLD
from lab.sweep import state

FINISHED, DIVERGED = STATUSES
FAILED, RUNNING, MISSING, DAMAGED = "failed", "running", "missing", "damaged"
KINDS = (FINISHED, DIVERGED, FAILED, RUNNING, MISSING, DAMAGED)
"""How a run can stand. A damaged run is set aside and trained again by the next call of `run`."""


@dataclass(frozen=True)
class RunStatus:
    """How a run stands.

    Args:
        name: of its folder, whether or not that is there.
        variant, seed: of the run.
        fold: the place of its fold, from 0; None without folds.
        kind: one of `KINDS`.
        cohort: what trains with it, and how far that is; None unless it trains now.
        reason: why it failed; "" unless it did.
    """

    name: str
    variant: str
    seed: int
    fold: int | None
    kind: str
    cohort: state.Cohort | None = None
    reason: str = ""


@dataclass(frozen=True)
class Status:
    """How far an experiment is.

    Args:
        experiment: its name.
        runs: all that are planned, in the order of experiment.json, and then those whose data cannot be loaded.
        runner: which process runs it now, in words; None if none does.
        sweep: what that process says of itself; or, where none runs it, what one said that was killed. None otherwise.
        left: about how many seconds of training are left. Where nobody trains, it is what the published runs took on
            average, times the runs that are missing. None where that is not known.
        of_tables: whether the runs are not here, and only the tables tell of them.
    """

    experiment: str
    runs: tuple[RunStatus, ...]
    runner: str | None
    sweep: state.State | None
    left: float | None
    of_tables: bool = False

    @property
    def counts(self) -> dict[str, int]:
        """How many runs stand in each way, for those of `KINDS` that there are."""
        found = Counter(run.kind for run in self.runs)
        return {kind: found[kind] for kind in KINDS if found[kind]}


def status(folder: Path) -> Status:
    """Return how far the experiment in a folder is.

    Raises:
        DataError: it holds no experiment, or its experiment.json is damaged.
    """
    # The lock first: what a run leaves behind that ends in the meantime is found by what is read later.
    runner = holder(folder)
    sweep = state.left_behind(folder)
    training = sweep.runs if runner and sweep else {}
    experiment = read_experiment(folder)
    names = experiment["runs"]
    failed = {one.name: one for one in current_failures(folder, names, experiment.get("variants", []))}
    tables = {} if (folder / RUNS_FOLDER).is_dir() else _of_tables(folder)
    runs, seconds = [], []
    for name in names:
        if name in tables:
            runs.append(tables[name])
            continue
        kind, took = _published(folder, name)
        if took is not None:
            seconds.append(took)
        cohort = training.get(name) if kind == MISSING else None
        reason = failed.pop(name).reason if kind == MISSING and cohort is None and name in failed else ""
        kind = kind if kind != MISSING else RUNNING if cohort else FAILED if reason else MISSING
        runs.append(RunStatus(name, *named_run(name), kind, cohort, reason))
    known = set(names)
    runs += [_unloaded(failure) for name, failure in failed.items() if name not in known]
    missing = sum(run.kind in (MISSING, DAMAGED) for run in runs)
    left = (sum(seconds) / len(seconds) * missing) if seconds else None
    if runner is not None:
        left = None if sweep is None else sweep.left
    return Status(folder.name, tuple(runs), runner, sweep, left, bool(tables))


def _unloaded(failure: Failure) -> RunStatus:
    return RunStatus(failure.name, failure.variant, failure.seed, failure.fold, FAILED, reason=failure.reason)


def _published(folder: Path, name: str) -> tuple[str, float | None]:
    """Return how a run stands by its run.json alone, and how many seconds it took."""
    path = run_folder(folder, name) / RUN_FILE
    try:
        record = json.loads(path.read_bytes())
        if record["status"] in STATUSES:
            took = record.get("seconds")
            return record["status"], float(took) if isinstance(took, (int, float)) else None
    except FileNotFoundError:
        # A folder without run.json is damaged, as both appear together.
        return (DAMAGED if os.path.lexists(path.parent) else MISSING), None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    return DAMAGED, None


def _of_tables(folder: Path) -> dict[str, RunStatus]:
    """Return the runs of summary.csv by name: of a fresh clone, or of histories that somebody else trained."""
    if not has_table(folder, SUMMARY):
        return {}
    found = {}
    path = table_path(folder, SUMMARY)
    try:
        with open(path, newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                fold = int(row[FOLD]) if row.get(FOLD) else None
                run = RunStatus(
                    run_name(row["variant"], int(row["seed"]), row["id"], fold),
                    row["variant"], int(row["seed"]), fold, row["status"],
                )  # fmt: skip
                if run.kind in STATUSES:
                    found[run.name] = run
    except (OSError, ValueError, KeyError, TypeError, csv.Error):
        raise DataError(f"{path} cannot be read; take it from where the folder came from") from None
    return found


def to_json(found: Status, with_runs: bool = True) -> dict[str, Any]:
    """Return a status in JSON types; times are in seconds.

    Args:
        found: the status.
        with_runs: whether each run is listed.
    """
    sweep = found.sweep if found.runner else None
    told: dict[str, Any] = {
        "experiment": found.experiment,
        "runner": found.runner,
        "process": sweep.process if sweep else None,
        "host": sweep.host if sweep else None,
        "began": sweep.began if sweep else None,
        "elapsed": sweep.elapsed if sweep else None,
        "left": None if found.left is None else round(found.left, 1),
        "doing": sweep.doing if sweep else None,
        "counts": dict.fromkeys(KINDS, 0) | found.counts,
    }
    return told | ({"runs": [_run(run) for run in found.runs]} if with_runs else {})


def _run(run: RunStatus) -> Mapping[str, Any]:
    told: dict[str, Any] = {"name": run.name, "variant": run.variant, "seed": run.seed, "fold": run.fold}
    told["status"] = run.kind
    if run.cohort is not None:
        place = run.cohort.runs.index(run.name)
        told |= {"epoch": run.cohort.epoch, "epochs": run.cohort.epochs}
        told |= {"train_data_loss": run.cohort.train[place], "val_data_loss": run.cohort.validation[place]}
    return told | ({"reason": run.reason} if run.reason else {})
