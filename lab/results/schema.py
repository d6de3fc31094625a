"""The names of all files and columns that runs leave. Every other module takes them from here.

    results/index.html                                          the guide to all experiments
    results/playground.html                                     small nets that train in the browser
    results/<experiment>/index.html, figures/<name>.png         drawn from the files below
    results/<experiment>/experiment.json                        what was asked, and which runs belong to it
    results/<experiment>/histories.csv, summary.csv,
                         comparison.csv, strengths.csv,
                         measures.csv, reliability.csv,
                         test_parts.csv                         rebuilt from the runs, never edited
    results/<experiment>/provenance.json                        rebuilt from the runs: how they were run
    results/<experiment>/costs.json                             how long a step of each variant takes, where measured
    results/<experiment>/histories.parquet                      a copy of a very long histories.csv
    results/<experiment>/<study>.json, <table>.csv              a study and its tables
    results/<experiment>/runs/<run>/history.csv, run.json       appear together or not at all; not committed
    results/<experiment>/runs/<run>/model.keras, model.json     beside them where models are kept
    results/<experiment>/failed/<run>.json                      why a run failed, until it is published

A CSV file is a function of the declaration alone. Whatever a clock or a machine decides is in run.json,
provenance.json and costs.json, so that the same experiment gives the same tables.
"""

import re
from collections.abc import Mapping
from typing import Any

from lab.statistics import FACTS
from lab.statistics.runs import FOLD

SCHEMA = 1
"""The version of the files. Raise it when a reader of the old ones would misread the new ones."""

EXPERIMENT_FILE = "experiment.json"
PROVENANCE_FILE = "provenance.json"
COSTS_FILE = "costs.json"
RUN_FILE = "run.json"
HISTORY_FILE = "history.csv"
MODEL_FILE = "model.keras"
MODEL_DATA_FILE = "model.json"
PAGE_FILE = "index.html"
PLAYGROUND_FILE = "playground.html"
LOCK_FILE = ".lock"
RUNS_FOLDER = "runs"
FAILED_FOLDER = "failed"
FIGURES_FOLDER = "figures"

PARTIAL = ".tmp-"
"""The beginning of the names of half-written files and folders."""

DAMAGED = ".damaged-"
"""The beginning of the names of run folders that were set aside because they could not be read."""

LARGEST_CSV = 1_000_000
"""A table of more bytes is written compressed, so that a repository can hold it; pandas reads it as it is."""

QUICKLY_COMPRESSED = 6_000_000
"""A table of more bytes is compressed faster and less well: no table of that size is committed."""

HISTORIES = "histories"
SUMMARY = "summary"
COMPARISON = "comparison"
TABLES = (HISTORIES, SUMMARY, COMPARISON)
"""The tables that are rebuilt from the runs, never edited."""

STRENGTH_TABLE = "strengths"
"""A fourth table, of experiments with strength paths."""

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
"""The columns of history.csv, one row per epoch. `epoch` counts from 1. `loss = data_loss + penalty` and
`accuracy` are running means while training, as Keras reports them; `train_*` and `val_*` are measured at the
epoch's end with the same weights in inference mode; `learning_rate` is that of the epoch's first step.

`train_*` is over the whole training split where it has no more examples than `Training.measured` asks for (60 000
unless it says otherwise), and else over a fixed random part of it: `measured` in run.json says of how many examples.
The standard error of a mean over n of N examples is their standard deviation times `sqrt((1 / n) * (1 - n / N))`.
"""

KEYS = ("experiment", "variant", "seed")
"""The columns of histories.csv before those of a history, and the first ones of summary.csv. Where the data are cut
into folds the column "fold" follows, from 0, and in summary.csv "folds", how many there are."""

TEST = ("loss", "data_loss", "penalty", "accuracy")
"""The measures of the test split, taken once, with the kept weights."""

RUN_COLUMNS = ("id", "engine", "status", "parameters", "zeros")
"""The columns of summary.csv that are copied from run.json."""

SUMMARY_COLUMNS = (*KEYS, *RUN_COLUMNS, *FACTS, *(f"test_{name}" for name in TEST))
"""The columns of summary.csv, one row per run."""

STRENGTHS = ("variant", "family", "strength")
"""The columns of strengths.csv, one row per variant of a path: which variants are one regularizer (a family) at
rising strengths, each at least 0. A variant without any regularizer may be in several families at strength 0."""

MEASURE_TABLE = "measures"
"""A fifth table, one row per run with the columns `KEYS` and `test_<measure>` for each of
`lab.statistics.measures.MEASURES` that its runs have: of the kept weights on the test split, but the temperature is
fitted on the validation split. It is a file of its own so that the other tables of runs that were published without
measures stay as they are. A run without measures has no row, an experiment without any has no file."""

RELIABILITY_TABLE = "reliability"
"""A sixth table, of runs whose outputs are probabilities: how often a class that a model is sure of is right, on the
validation split. Its columns are `KEYS`, "weights", one of `WEIGHTS`, and those of
`lab.statistics.reliability.RELIABILITY`. Like measures.csv it is absent where no run has it."""

TEST_PARTS_TABLE = "test_parts"
"""A seventh table, of runs whose data have `lab.data.Dataset.test_parts`: the data loss of the kept weights at each
part. Its columns are `KEYS` and those of `TEST_PARTS`. It is absent where no run has parts."""

TEST_PARTS = ("part", "test_data_loss")
"""The columns of test_parts.csv after the keys; parts count from 0."""

OPTIONAL_TABLES = (MEASURE_TABLE, RELIABILITY_TABLE, TEST_PARTS_TABLE)
"""The tables of which a run has rows exactly where its run.json has a field of this name."""

WEIGHTS = ("kept", "last")
"""The weights of a reliability curve: those of the kept epoch, and those of the run's last one."""

STATUSES = ("finished", "diverged")
"""The ways in which a run ends, as run.json and summary.csv say it. The rule is `lab.statistics.diverged`."""


def table_file(name: str) -> str:
    """Return the file name of a table, as in "histories.csv"."""
    return f"{name}.csv"


def compressed_file(name: str) -> str:
    """Return the file name of a table that is too large to be written as it is, as in "histories.csv.gz"."""
    return f"{name}.csv.gz"


def study_file(name: str) -> str:
    """Return the file name of a study, as in "shifts.json"."""
    return f"{name}.json"


def figure_file(name: str, kind: str = "png") -> str:
    """Return the file name of a figure, as in "gap.png"."""
    return f"{name}.{kind}"


def run_name(variant: str, seed: int, identity: str, fold: int | None = None) -> str:
    """Return the name of a run's folder, as in "none-seed0-r5110c8918dfb"; of a fold, as in "none-seed0-fold2-r...".

    Args:
        variant, seed, identity: of the run.
        fold: the place of its fold, from 0; None without folds.
    """
    return f"{variant}-seed{seed}-{identity}" if fold is None else f"{variant}-seed{seed}-fold{fold}-{identity}"


_RUN_NAME = re.compile(r"(.+)-seed([0-9]+)(?:-fold([0-9]+))?-[^-]*")


def named_run(name: str) -> tuple[str, int, int | None]:
    """Return variant, seed and fold of the run whose folder is called so; `run_name` is the reverse."""
    found = _RUN_NAME.fullmatch(name)
    if found is None:
        return name, 0, None
    return found[1], int(found[2]), None if found[3] is None else int(found[3])


def record_name(record: Mapping[str, Any]) -> str:
    """Return the name of the folder of a run with this run.json."""
    return run_name(record["variant"], record["seed"], record["id"], record.get(FOLD))


def keys(record: Mapping[str, Any]) -> list[str]:
    """Return the fields of a run.json that are the first columns of its rows in the tables."""
    return [*KEYS, FOLD] if FOLD in record else list(KEYS)
