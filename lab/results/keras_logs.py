"""Histories that the lab did not train: Keras's `CSVLogger` files and `History` objects, as tables of the lab.

Keras logs the sum of data loss and penalty and never the parts, and its train values are running means while
training. So the columns that the lab measures separately stay missing (NaN) here instead of being guessed, and the
kept epoch, the onset and the verdict of such runs follow from `val_loss`, penalty included.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from lab import statistics
from lab.checks import DataError, UsageError
from lab.results.csv_logger import REMEDY, read_log, several
from lab.results.logs.metrics import ALIASES
from lab.results.schema import HISTORY, KEYS
from lab.results.table_checks import HUGE
from lab.results.tables import Tables

LOGGED = ("loss", "accuracy", "val_loss", "val_accuracy")
NEEDED = {"loss": "name a history of keras.Model.fit", "val_loss": "fit with validation_data"}
"""The columns that a history of Keras has, and what to do where one is missing."""


def from_keras(histories: Mapping[str, Any], name: str = "keras") -> pd.DataFrame:
    """Return histories of plain Keras training as one long table of the lab.

    Args:
        histories: for each variant one history, or a sequence of them, one per seed: a `keras.callbacks.History`,
            its `history` dict, the path of a `CSVLogger` file, or a table read from one.
        name: of the experiment.

    Returns:
        The columns of `lab.results.KEYS` and `HISTORY`, NaN where Keras does not say; `epoch` counts from 1.

    Raises:
        DataError: a history has no `loss` or no `val_loss`, holds several trainings, or a file cannot be read.
        UsageError: something that is no history.
    """
    if not histories:
        raise UsageError("histories must be a dict from variants to histories and not empty, got {}")
    tables = []
    for variant, value in histories.items():
        runs = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
        if not runs:
            raise UsageError(f"variant {variant!r} must have at least one history, got {value!r}")
        tables += [_run(run, str(variant), seed, name) for seed, run in enumerate(runs)]
    return pd.concat(tables, ignore_index=True)


def from_logs(folder: Path) -> pd.DataFrame:
    """Return the `CSVLogger` files of a folder as one long table.

    A file `<variant>-seed<k>.csv` is the run of a variant at seed k, any other `<variant>.csv` its run at seed 0.

    Raises:
        DataError: the folder holds no such file, two files of one run, or a file that cannot be read.
    """
    found: dict[str, dict[int, Path]] = {}
    # Hidden files are not the user's: macOS leaves ._none.csv beside none.csv.
    for path in sorted(folder.glob("[!.]*.csv")):
        match = re.fullmatch(r"(.+?)-seed([0-9]{1,15})", path.stem)
        variant, seed = (match[1], int(match[2])) if match else (path.stem, 0)
        other = found.setdefault(variant, {}).setdefault(seed, path)
        if other != path:
            raise DataError(
                f"{folder} must have one file per run, got {other.name} and {path.name} "
                f"for variant {variant!r}, seed {seed}; rename one of them"
            )
    if not found:
        raise DataError(
            f"{folder} holds neither histories.csv nor logs of CSVLogger, TensorBoard, W&B, MLflow or KerasTuner; "
            "name another"
        )
    tables = [
        _run(path, variant, seed, folder.name) for variant, runs in found.items() for seed, path in sorted(runs.items())
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
    summary.insert(0, "experiment", histories["experiment"].unique().item())
    summary["status"] = summary["verdict"].map(lambda verdict: "diverged" if verdict == "diverged" else "finished")
    comparison = statistics.compare(summary, baseline, "val_loss")
    return Tables(histories, summary, comparison)


def _run(history: Any, variant: str, seed: int, name: str) -> pd.DataFrame:
    """Return one history as a table with all columns."""
    if isinstance(history, (str, Path)):
        path = Path(history)
        columns, lines = read_log(path)
        table = history_of(columns, str(path), lambda i: f"{path}, line {lines[i]}", REMEDY, several(path))
    else:
        whose = f"the history of variant {variant!r}, seed {seed}"
        columns = _columns_of(history, variant)
        table = history_of(columns, whose, lambda i: f"{whose}, epoch {i + 1}", "correct it", several())
    return table.assign(experiment=name, variant=variant, seed=seed)[[*KEYS, *HISTORY]]


def _columns_of(history: Any, variant: str) -> dict[str, list[Any]]:
    if isinstance(history, pd.DataFrame):
        return {str(name): list(history[name]) for name in history.columns}
    logs = getattr(history, "history", history)
    if not isinstance(logs, Mapping):
        raise UsageError(
            f"a history must be a keras History, its dict, or a CSVLogger file, got {type(history).__name__} "
            f"for variant {variant!r}"
        )
    epochs = {"epoch": history.epoch} if getattr(history, "epoch", None) else {}
    columns = {**epochs, **logs}
    for name, values in columns.items():
        if not hasattr(values, "__iter__") or isinstance(values, str):
            raise UsageError(
                f"a history must have a list of numbers for {name!r}, got {values!r} for variant {variant!r}"
            )
    return {str(name): list(values) for name, values in columns.items()}


def history_of(
    columns: Mapping[str, Sequence[Any]],
    whose: str,
    place: Callable[[int], str],
    remedy: str,
    separate: str,
    needed: Mapping[str, str] = NEEDED,
) -> pd.DataFrame:
    """Return the columns of `HISTORY` from those that were logged.

    Args:
        columns: by Keras's names.
        whose: the history, in words.
        place: names the i-th row.
        remedy: what to do about a wrong value.
        separate: what to do about several trainings in one history.
        needed: the columns that must be there, and what to do where one is not.

    Raises:
        DataError: one of them is missing, or a value is impossible.
    """
    named = _renamed(columns, whose)
    for name, todo in needed.items():
        if name not in named:
            raise DataError(f"{whose} must have the column {name!r}, got {', '.join(columns)}; {todo}")
    first = next(iter(needed))
    rows = len(named[first])
    if not rows:
        raise DataError(f"{whose} must have at least one epoch, got none")
    table = {}
    for name in ("epoch", *LOGGED, "learning_rate"):
        values = named.get(name, range(rows) if name == "epoch" else [math.nan] * rows)
        if len(values) != rows:
            raise DataError(
                f"{whose} must have as many values of {name!r} as of {first!r}, {rows}, got {len(values)}; "
                "fit with validation_freq=1"
            )
        table[name] = [_number(name, value, place(i), remedy) for i, value in enumerate(values)]
    for i, (before, epoch) in enumerate(zip([None, *table["epoch"]], table["epoch"], strict=False)):
        if before is not None and epoch >= 0 and epoch % 1 == 0 and epoch <= before:
            raise DataError(f"{place(i)}: epoch {epoch:g} comes after epoch {before:g}, so there are several trainings "
                            f"in one history; {separate}")  # fmt: skip
        if epoch < 0 or epoch % 1 or (before is not None and epoch != before + 1):
            rule = "a whole number of at least 0" if before is None else f"{before + 1:g}"
            raise DataError(f"{place(i)}: 'epoch' must be {rule}, got {epoch:g}; {remedy}")
    # Keras counts epochs from 0.
    table["epoch"] = [int(epoch) + 1 for epoch in table["epoch"]]
    return pd.DataFrame(table, columns=list(HISTORY)).astype(dict.fromkeys(HISTORY[1:], float))


def _renamed(columns: Mapping[str, Sequence[Any]], whose: str) -> dict[str, Sequence[Any]]:
    """Return the columns by the lab's names."""
    sources = {name: name for name in columns}
    for column in columns:
        split, bare = ("val_", column[4:]) if column.startswith("val_") else ("", column)
        name = split + ALIASES.get(bare, bare)
        if name in columns:
            continue
        if name in sources:
            raise DataError(
                f"{whose} must have one column for {name!r}, got {sources[name]} and {column}; leave one out"
            )
        sources[name] = column
    return {name: columns[column] for name, column in sources.items()}


def _number(name: str, value: Any, place: str, remedy: str) -> float:
    # CSVLogger writes the word NA where it has nothing to write.
    if str(value) in ("NA", "") and name not in ("epoch", "loss", "val_loss"):
        return math.nan
    if str(value) == "NA" and name == "val_loss":
        raise DataError(f"{place}: 'val_loss' was not measured; fit with validation_freq=1")
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise DataError(f"{place}: {name!r} must be a number, got {value!r}; {remedy}") from None
    if (math.isfinite(number) and abs(number) > HUGE) or (name == "epoch" and not math.isfinite(number)):
        raise DataError(f"{place}: {name!r} must be a number within {HUGE:g}, got {value}; {remedy}")
    return number
