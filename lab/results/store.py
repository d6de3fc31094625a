"""The files that runs leave: their names and columns, how they are published, how tables are rebuilt from them.

    results/<experiment>/runs/<variant>-seed<k>-<id>/history.csv, run.json    appear together or not at all
    results/<experiment>/experiment.json                                      which runs belong to it
    results/<experiment>/histories.csv, summary.csv, comparison.csv           rebuilt from the runs, never edited

A CSV file is a function of the declaration alone: wall-clock times live in run.json, so that the same run gives
the same bytes. Nothing here needs Keras.
"""

import json
import os
import shutil
import time
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import filelock
import pandas as pd

from lab import statistics
from lab.checks import DataError
from lab.results.files import read_csv, sync, to_csv, write_atomically

SCHEMA = 1

HISTORY = (
    "epoch",
    "loss",
    "data_loss",
    "penalty",
    "accuracy",
    "train_data_loss",
    "train_accuracy",
    "val_loss",
    "val_data_loss",
    "val_penalty",
    "val_accuracy",
    "learning_rate",
)
"""The columns of history.csv, a row an epoch. `epoch` counts from 1. `loss = data_loss + penalty` and
`accuracy` are running means while training, as Keras reports them; `train_*` and `val_*` are measured at the
epoch's end with the same weights in inference mode; `learning_rate` is that of the epoch's first step."""

KEYS = ("experiment", "variant", "seed")
"""What stands before the columns of a history in histories.csv."""

RECORD = (*KEYS, "id", "engine", "status", "parameters", "zeros", "chance", "kept_epoch", "rows", "test")
"""What run.json must say for the tables; it says more, for people."""

TABLES = ("histories", "summary", "comparison")
"""The tables that are rebuilt from the runs, never edited. An experiment with strength paths has a fourth."""

STRENGTHS = ("variant", "family", "strength")
"""The columns of strengths.csv, a row a variant of a path: which variants are one regularizer (a family) at rising
strengths, each at least 0. A variant without any regularizer may stand in several families at strength 0."""

TEST = ("loss", "data_loss", "penalty", "accuracy")
"""What is measured on the test split, once, with the kept weights."""


def publish(experiment: Path, name: str, rows: Iterable[Mapping[str, float]], record: Mapping[str, Any]) -> Path:
    """Publish a run: history.csv and run.json appear together, by one rename, complete or not at all.

    Args:
        experiment: the experiment's folder.
        name: the run's, `<variant>-seed<k>-<id>`.
        rows: the history, a dict an epoch with the columns of `HISTORY`.
        record: what goes into run.json.

    Returns:
        The run's folder. If it was there already, somebody was first and nothing is written.
    """
    runs = experiment / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    target = runs / name
    partial = runs / f".tmp-{uuid.uuid4().hex}"
    try:
        partial.mkdir()
        write_atomically(partial / "history.csv", to_csv(pd.DataFrame(list(rows), columns=list(HISTORY))))
        write_atomically(partial / "run.json", json.dumps(record, indent=1) + "\n")
        try:
            os.rename(partial, target)
        except OSError:
            if not (target / "run.json").exists():
                raise
        sync(runs)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def sweep(experiment: Path, older_than: float = 3600.0) -> None:
    """Remove what killed processes left half written, if it is older than so many seconds."""
    for partial in experiment.glob("runs/.tmp-*"):
        try:
            if time.time() - partial.stat().st_mtime > older_than:
                shutil.rmtree(partial, ignore_errors=True)
        except FileNotFoundError:
            continue


def read_run(folder: Path) -> tuple[dict[str, Any], pd.DataFrame]:
    """Read a published run: its record and its history.

    Raises:
        DataError: a file is missing, torn or of another schema.
    """
    remedy = f"delete the folder {folder} and run the experiment again"
    try:
        record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        schema = record["schema"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder / 'run.json'} cannot be read ({error}); {remedy}") from None
    if schema != SCHEMA:
        raise DataError(f"{folder / 'run.json'} must have schema {SCHEMA}, got {schema!r}; {remedy}")
    missing = [name for name in RECORD if name not in record]
    if missing:
        raise DataError(
            f"{folder / 'run.json'} must say {', '.join(RECORD)}, got none of {', '.join(missing)}; {remedy}"
        )
    history = read_csv(folder / "history.csv")
    if tuple(history.columns) != HISTORY or len(history) != record["rows"]:
        raise DataError(
            f"{folder / 'history.csv'} must have {record['rows']} rows and the columns of a history, "
            f"got {len(history)} rows and {', '.join(map(str, history.columns))}; {remedy}"
        )
    return record, history


def read_experiment(folder: Path) -> dict[str, Any]:
    """Read experiment.json, which says which runs belong to the experiment as it was last run.

    Raises:
        DataError: the file is missing or torn.
    """
    path = folder / "experiment.json"
    try:
        made = json.loads(path.read_text(encoding="utf-8"))
        if {"name", "baseline", "runs"} <= set(made):
            return made
        raise ValueError("name, baseline or runs is missing")
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; run the experiment first, or name its folder") from None
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{path} cannot be read ({error}); run the experiment again, which writes it anew") from None


def is_stale(folder: Path) -> bool:
    """Say whether the tables are missing or older than the runs; False where there are no runs to rebuild them."""
    sources = (folder / "experiment.json", folder / "runs")
    if not all(source.exists() for source in sources):
        return False
    tables = [folder / f"{name}.csv" for name in TABLES]
    # Publishing a run changes the folder of the runs.
    newest = max(source.stat().st_mtime_ns for source in sources)
    return not all(table.exists() and table.stat().st_mtime_ns >= newest for table in tables)


def rebuild(folder: Path) -> None:
    """Rebuild histories.csv, summary.csv and comparison.csv from the runs that experiment.json names.

    Runs that are not there yet are left out; runs of other declarations are left alone.

    Raises:
        DataError: no run is there, or one is torn.
    """
    with filelock.FileLock(folder / ".lock"):
        made = read_experiment(folder)
        runs = [read_run(folder / "runs" / name) for name in made["runs"] if (folder / "runs" / name).is_dir()]
        if not runs:
            raise DataError(f"{folder / 'runs'} holds no run of the experiment; run it first")
        histories = pd.concat(
            [history.assign(**{key: record[key] for key in KEYS})[[*KEYS, *HISTORY]] for record, history in runs],
            ignore_index=True,
        )
        summary = pd.DataFrame([_summary_row(record, history) for record, history in runs])
        write_atomically(folder / "histories.csv", to_csv(histories))
        write_atomically(folder / "summary.csv", to_csv(summary))
        # An experiment that was interrupted may have no run of the baseline yet.
        there = (summary["variant"] == made["baseline"]).any()
        none = pd.DataFrame(columns=list(statistics.COMPARISON))
        comparison = statistics.compare(summary, made["baseline"]) if there else none
        write_atomically(folder / "comparison.csv", to_csv(comparison))
        if made.get("paths"):
            write_atomically(folder / "strengths.csv", to_csv(_strengths(made["paths"])))


def _strengths(paths: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    rows = [(variant, family, strength) for family, path in paths.items() for variant, strength in path.items()]
    return pd.DataFrame(rows, columns=list(STRENGTHS))


def _summary_row(record: Mapping[str, Any], history: pd.DataFrame) -> dict[str, Any]:
    test = record["test"] or {}
    return (
        {key: record[key] for key in (*KEYS, "id", "engine", "status", "parameters", "zeros")}
        | statistics.run_facts(history, kept_epoch=record["kept_epoch"], chance=record["chance"])
        | {f"test_{name}": test.get(name, float("nan")) for name in TEST}
    )


def load(source: str | Path | Mapping[str, Any]) -> pd.DataFrame:
    """Return histories as one long table, a row an epoch of a run, whoever trained them.

    Args:
        source: an experiment's folder, as in "results/weight_penalty"; a `keras.callbacks.CSVLogger` file or a folder
            of them; or a dict from variants to Keras histories, as `lab.results.keras_logs.from_keras` takes it.

    Returns:
        The columns experiment, variant and seed, then those of `HISTORY`; NaN where plain Keras does not say.

    Raises:
        DataError: there are no histories, or torn ones.
    """
    from lab.results import keras_logs

    if isinstance(source, Mapping):
        return keras_logs.from_keras(source)
    path = Path(source)
    if path.is_file():
        return keras_logs.from_keras({path.stem: path})
    if not (path / "histories.csv").exists() and any(path.glob("*.csv")):
        return keras_logs.from_logs(path)
    return read_csv(path / "histories.csv")
