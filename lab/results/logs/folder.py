"""Which tool's logs a folder holds, and its runs as one long table."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lab.checks import DataError
from lab.results.keras_logs import from_logs
from lab.results.logs import mlflow_tables, mlruns_folder, tensorboard_events, tuner_trials, wandb_tables
from lab.results.logs.csv_tables import csv_files, header_of
from lab.results.logs.grouping import places
from lab.results.logs.logged import Logged, history
from lab.results.schema import HISTORY, KEYS


@dataclass(frozen=True)
class Source:
    """A tool that writes logs.

    Args:
        name: in words, as the page has it.
        read: returns the runs in a folder; None for Keras, whose reader makes the table itself.
        limit: what its logs tell less of than others do, in a sentence; "" for nothing.
    """

    name: str
    read: Callable[[Path], list[Logged]] | None
    limit: str = ""


KERAS = Source("keras.callbacks.CSVLogger", None)
TENSORBOARD = Source("TensorBoard", tensorboard_events.read)
WANDB = Source(
    wandb_tables.TOOL,
    wandb_tables.read,
    "The export of a chart is a sample: of a run with more than some 1500 points it has a part.",
)
MLFLOW = Source(
    mlflow_tables.TOOL,
    mlflow_tables.read,
    "A table of runs has the last value of each metric and no curves: alone, it makes runs of one epoch.",
)
MLRUNS = Source("MLflow (mlruns)", mlruns_folder.read)
TUNER = Source(
    "KerasTuner",
    tuner_trials.read,
    "A trial tells of one epoch only, that of its best score, and trials were chosen by what came before.",
)
SOURCES = (KERAS, TENSORBOARD, WANDB, MLFLOW, MLRUNS, TUNER)


def source_of(folder: Path) -> Source | None:
    """Return the tool whose logs a folder holds; None where there are none.

    Raises:
        DataError: its CSV files are of several tools.
    """
    if any(folder.glob(tuner_trials.TRIALS)):
        return TUNER
    if mlruns_folder.experiments(folder):
        return MLRUNS
    files = {path: _of_csv(header_of(path)) for path in csv_files(folder)}
    examples = {source.name: path.name for path, source in files.items()}
    if len(examples) > 1:
        got = " and ".join(f"{examples[tool]} of {tool}" for tool in sorted(examples))
        raise DataError(f"{folder} must hold the logs of one tool, got {got}; move one of them elsewhere")
    if files:
        return next(iter(files.values()))
    return TENSORBOARD if tensorboard_events.event_folders(folder) else None


def _of_csv(header: list[str]) -> Source:
    if mlflow_tables.is_history(header) or mlflow_tables.is_runs(header):
        return MLFLOW
    return WANDB if wandb_tables.is_history(header) or wandb_tables.is_chart(header) else KERAS


def read_logs(folder: Path) -> pd.DataFrame:
    """Return the runs in a folder of logs as one long table, variants and seeds in order.

    Raises:
        DataError: the folder holds no logs that are known, or damaged ones, or two of one variant and seed.
        UsageError: a package that reads them is not installed.
    """
    source = source_of(folder)
    if source is None or source.read is None:
        return from_logs(folder)
    runs = sorted(source.read(folder), key=lambda run: run.name)
    found = places([(run.name, run.settings) for run in runs], folder.name)
    tables = [
        history(run).assign(experiment=folder.name, variant=place.variant, seed=place.seed)[[*KEYS, *HISTORY]]
        for run, place in sorted(zip(runs, found, strict=True), key=lambda pair: (pair[1].variant, pair[1].seed))
    ]
    return pd.concat(tables, ignore_index=True)
