"""Histories that the lab did not train: Keras's `CSVLogger` files and `History` objects, as tables of the lab.

Keras logs the sum of data loss and penalty and never the parts, and its train values are running means while
training. So the columns that the lab measures apart stay missing (NaN) here instead of being guessed, and what is
said of such runs (kept epoch, onset, verdict) rests on `val_loss`, penalty included.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from lab import statistics
from lab.checks import DataError, UsageError
from lab.results.store import HISTORY, KEYS, read_csv
from lab.results.tables import Tables

LOGGED = ("loss", "accuracy", "val_loss", "val_accuracy")
ALIASES = {"acc": "accuracy", "sparse_categorical_accuracy": "accuracy", "categorical_accuracy": "accuracy",
           "binary_accuracy": "accuracy", "lr": "learning_rate"}  # fmt: skip


def from_keras(histories: Mapping[str, Any], name: str = "keras") -> pd.DataFrame:
    """Return histories of plain Keras training as one long table of the lab.

    Args:
        histories: for each variant one history, or a sequence of them, a seed each: a `keras.callbacks.History`,
            its `history` dict, the path of a `CSVLogger` file, or a table read from one.
        name: what the experiment is called.

    Returns:
        The columns of `lab.results.KEYS` and `HISTORY`, NaN where Keras does not say; `epoch` counts from 1.

    Raises:
        DataError: a history has no `loss` or no `val_loss`, or a file cannot be read.
        UsageError: something that is no history.
    """
    if not histories:
        raise UsageError("histories must be a dict from variants to histories and not empty, got {}")
    tables = []
    for variant, made in histories.items():
        runs = made if isinstance(made, Sequence) and not isinstance(made, str) else [made]
        for seed, run in enumerate(runs):
            table = _columns(_table(run, variant), f"the history of variant {variant!r}, seed {seed}")
            tables.append(table.assign(experiment=name, variant=str(variant), seed=seed))
    return pd.concat(tables, ignore_index=True)[[*KEYS, *HISTORY]]


def from_logs(folder: Path) -> pd.DataFrame:
    """Return the `CSVLogger` files of a folder as one long table.

    A file `<variant>-seed<k>.csv` is the run of a variant at seed k, any other `<variant>.csv` its only run.

    Raises:
        DataError: the folder holds no such file.
    """
    found: dict[str, dict[int, Path]] = {}
    for path in sorted(folder.glob("*.csv")):
        match = re.fullmatch(r"(.+?)-seed(\d+)", path.stem)
        variant, seed = (match[1], int(match[2])) if match else (path.stem, 0)
        found.setdefault(variant, {})[seed] = path
    if not found:
        raise DataError(f"{folder} holds neither histories.csv nor a log of keras.callbacks.CSVLogger; name another")
    tables = [
        from_keras({variant: path}, folder.name).assign(seed=seed)
        for variant, runs in found.items()
        for seed, path in sorted(runs.items())
    ]
    return pd.concat(tables, ignore_index=True)


def tables_of(histories: pd.DataFrame, baseline: str | None = None) -> Tables:
    """Return the tables a report and a comparison need, from the histories of plain Keras training.

    Args:
        histories: as `from_keras` returns them.
        baseline: the variant the others are compared with; None takes "none" if there is one, or the first.
    """
    variants = list(histories["variant"].unique())
    baseline = baseline or ("none" if "none" in variants else variants[0])
    # The facts are those of the curves Keras logs, under the names that Keras gives them.
    seen = histories.assign(train_data_loss=histories["loss"], val_data_loss=histories["val_loss"])
    seen = seen.assign(train_accuracy=histories["accuracy"])
    summary = statistics.facts(seen).rename(columns=lambda column: column.replace("data_loss", "loss"))
    summary = summary.rename(columns={"train_loss": "loss", "end_train_loss": "end_loss"})
    summary.insert(0, "experiment", histories["experiment"].iloc[0])
    summary["status"] = summary["verdict"].map(lambda verdict: "diverged" if verdict == "diverged" else "finished")
    comparison = statistics.compare(summary, baseline, "val_loss")
    return Tables(histories, summary, comparison)


def _table(run: Any, variant: str) -> pd.DataFrame:
    if isinstance(run, (str, Path)):
        return read_csv(Path(run))
    if isinstance(run, pd.DataFrame):
        return run
    epochs = getattr(run, "epoch", None)
    logs = getattr(run, "history", run)
    if not isinstance(logs, Mapping):
        raise UsageError(
            f"a history must be a keras History, its dict, or a CSVLogger file, got {type(run).__name__} "
            f"for variant {variant!r}"
        )
    table = pd.DataFrame({name: list(values) for name, values in logs.items()})
    return table.assign(epoch=epochs if epochs else range(len(table)))


def _columns(table: pd.DataFrame, where: str) -> pd.DataFrame:
    table = table.rename(columns=lambda column: ALIASES.get(column, column))
    table = table.rename(columns=lambda column: "val_" + ALIASES.get(str(column)[4:], str(column)[4:])
                         if str(column).startswith("val_") else column)  # fmt: skip
    for name in ("loss", "val_loss"):
        if name not in table:
            raise DataError(
                f"{where} must have the column {name!r}, got {', '.join(map(str, table.columns))}; "
                f"fit with validation_data"
            )
    if not len(table):
        raise DataError(f"{where} must have at least one epoch, got none")
    made: dict[str, Any] = {"epoch": range(1, len(table) + 1)}
    for name in (*LOGGED, "learning_rate"):
        # CSVLogger writes the word NA where it has nothing to write.
        made[name] = pd.to_numeric(table[name], errors="coerce").to_numpy(float) if name in table else float("nan")
    return pd.DataFrame(made, columns=list(HISTORY)).astype(dict.fromkeys(HISTORY[1:], float))
