"""The tables of an experiment while its runs train: what is published, and the epochs so far of what is not."""

from pathlib import Path
from typing import Any

import pandas as pd

from lab import statistics
from lab.checks import DataError
from lab.results.aggregate import combined
from lab.results.experiments import read_experiment
from lab.results.layout import run_folder
from lab.results.many_runs import Runs, read_runs
from lab.results.schema import (
    COMPARISON,
    HISTORY,
    KEYS,
    MEASURE_TABLE,
    RELIABILITY_TABLE,
    STRENGTH_TABLE,
    SUMMARY,
    TEST_PARTS_TABLE,
    named_run,
)
from lab.results.store import is_published, is_whole
from lab.results.tables import Tables
from lab.statistics.runs import FOLD
from lab.sweep import state

TRAINING = "training"
"""The status and the verdict of a run that has not ended."""


class Growing:
    """An experiment's tables, read again and again; a run is read once, and of those that train only what came since.

    Nothing is written, and no lock is held for longer than a moment.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._there: list[str] = []
        self._published: Runs | None = None
        self._rows: dict[str, list[dict[str, float]]] = {}
        self._read: dict[str, int] = {}
        self._began = ""

    def tables(self) -> Tables | None:
        """Return the tables as they are now; None where no run has trained an epoch.

        Raises:
            DataError: experiment.json is missing or damaged.
        """
        experiment = read_experiment(self.folder)
        names = experiment["runs"]
        self._read_published(names)
        self._read_training()
        runs = self._published
        made = combined(self.folder, experiment, runs) if runs else {}
        left = set(names) - set(self._there)
        training = {name: pd.DataFrame(rows) for name, rows in self._rows.items() if name in left}
        if not runs and not training:
            return None
        parts = [history.assign(**_keys(self.folder, name)) for name, history in training.items()]
        histories = pd.concat([*([runs.histories()] if runs else []), *parts], ignore_index=True)
        so_far = pd.DataFrame([_keys(self.folder, name) | _facts(history) for name, history in training.items()])
        columns = [*KEYS, *([FOLD] if FOLD in histories else []), *HISTORY]
        order = {name: place for place, name in enumerate(experiment.get("variants") or names)}
        histories = histories[columns].sort_values("variant", key=lambda names: names.map(order), kind="stable")
        return Tables(
            histories.reset_index(drop=True),
            pd.concat([*([made[SUMMARY]] if runs else []), *([so_far] if training else [])], ignore_index=True),
            made.get(COMPARISON, pd.DataFrame(columns=list(statistics.COMPARISON))),
            experiment.get("question", ""),
            made.get(STRENGTH_TABLE),
            made.get(MEASURE_TABLE),
            made.get(RELIABILITY_TABLE),
            made.get(TEST_PARTS_TABLE),
        )

    def _read_published(self, names: list[str]) -> None:
        there = [name for name in names if is_published(self.folder, name)]
        if there == self._there:
            return
        try:
            runs = read_runs([run_folder(self.folder, name) for name in there]) if there else None
        except DataError:
            # A damaged run is set aside and trained again by the next `run`.
            there = [name for name in there if is_whole(run_folder(self.folder, name))]
            runs = read_runs([run_folder(self.folder, name) for name in there]) if there else None
        self._there, self._published = there, runs

    def _read_training(self) -> None:
        sweep = state.read(self.folder)
        if sweep is None or sweep.began != self._began:
            # Another sweep numbers its cohorts anew.
            self._rows, self._read = {}, {}
        if sweep is None:
            return
        self._began = sweep.began
        for cohort in sweep.running:
            rows, self._read[cohort.file] = state.read_histories(self.folder, cohort, self._read.get(cohort.file, 0))
            for name, row in rows:
                before = self._rows.setdefault(name, [])
                if before and row["epoch"] <= before[-1]["epoch"]:
                    # A run whose cohort failed began again.
                    before.clear()
                before.append(row)


def _keys(folder: Path, name: str) -> dict[str, Any]:
    variant, seed, fold = named_run(name)
    keys: dict[str, Any] = dict(zip(KEYS, (folder.name, variant, seed), strict=True))
    return keys if fold is None else keys | {FOLD: fold}


def _facts(history: pd.DataFrame) -> dict[str, Any]:
    """Return the facts of a run so far; its verdict is that it trains."""
    return statistics.run_facts(history) | {"verdict": TRAINING, "status": TRAINING}
