"""Facts of one run, from its history: the kept epoch, the losses there and at the end, the onset, the verdict."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from lab.checks import DataError, number, whole
from lab.statistics.onset import SHORTEST, find_onset, margin, smooth
from lab.statistics.runs import RUN, run_columns

VERDICTS = ("underfits", "healthy", "overfits", "too short", "diverged")
"""The verdicts on a run; their rule is documented in `run_facts`."""

FACTS = (
    "epochs",
    "kept_epoch",
    "train_data_loss",
    "val_data_loss",
    "train_accuracy",
    "val_accuracy",
    "gap",
    "end_gap",
    "end_train_data_loss",
    "end_val_data_loss",
    "end_train_accuracy",
    "end_val_accuracy",
    "onset",
    "wasted_epochs",
    "verdict",
)
"""The keys of `run_facts`, in this order."""

_MEASURED = ("train_data_loss", "val_data_loss", "train_accuracy", "val_accuracy")
_LOSSES = ("loss", "train_data_loss", "val_data_loss")

STILL_FALLING = 0.05
"""The share of a run's whole improvement that its last fifth must bring for it to have ended too early."""

LITTLE_LEARNED = 0.5
"""The share of the chance level above which both data losses mean that little was learned."""


def diverged(histories: pd.DataFrame, summary: pd.DataFrame | None = None) -> pd.Series:
    """Return which runs diverged. This is the one rule for it.

    A run diverged if its status says so. Where no status is known, it did if a row holds a loss that is not finite:
    one of `loss`, `train_data_loss` and `val_data_loss`, or `val_loss` where `val_data_loss` was not measured. A loss
    without any number in its run was not measured, but for the validation loss, which every run has.

    Args:
        histories: one row per epoch of a run, with the columns "variant" and "seed".
        summary: one row per run, with the column "status", which then decides for the runs that it holds.

    Returns:
        True or False, indexed by variant, seed and, of folds, fold, in the order in which the runs first appear.
    """
    columns_of_run = run_columns(histories)
    columns = {name: histories[name].to_numpy(np.float64) for name in (*_LOSSES, "val_loss") if name in histories}
    validation = columns.pop("val_loss", None)
    if validation is not None and not np.isfinite(columns.get("val_data_loss", np.nan)).any():
        columns["val_data_loss"] = validation
    run = histories.groupby(columns_of_run, sort=False).ngroup().to_numpy()
    rows = histories[columns_of_run].assign(diverged=_not_finite(columns, run))
    found = rows.groupby(columns_of_run, sort=False)["diverged"].any()
    if summary is None or "status" not in summary:
        return found
    status = summary.drop_duplicates(columns_of_run).set_index(columns_of_run)["status"].reindex(found.index)
    return found.where(status.isna(), status == "diverged").astype(bool)


def _not_finite(columns: Mapping[str, np.ndarray], run: np.ndarray) -> np.ndarray:
    """Return the rows with a loss that is not finite; a loss that a run never measured does not count."""
    wrong = np.zeros(len(run), bool)
    for name in _LOSSES:
        if name in columns:
            measured = np.full(run.max(initial=-1) + 1, name == "val_data_loss")
            measured[run[~np.isnan(columns[name])]] = True
            wrong |= measured[run] & ~np.isfinite(columns[name])
    return wrong


def run_facts(
    history: pd.DataFrame,
    *,
    kept_epoch: int | None = None,
    chance: float | None = None,
    status: str | None = None,
) -> dict[str, int | float | str | None]:
    """Return the facts of one run from its history, as a dict with the keys `FACTS`.

    Rows with a loss that is not finite (the last row of a diverged run) are never kept and never the end: "kept"
    is the finite row of the lowest validation data loss, the first on ties, and "end" the last finite row.

    The onset is that of `find_onset` over the finite rows; `wasted_epochs` counts the epochs from it to the end,
    itself included, 0 without an onset. `gap` is validation minus train data loss.

    The verdict, the first of these that holds:

    * "diverged": by the rule of `diverged`.
    * "too short": fewer than 8 epochs, from which noise cannot be estimated.
    * "overfits": there is an onset, and from the lowest smoothed validation data loss to the end of the run the
      train data loss rose by less than half as much as the validation data loss. (A small rise of train is
      common; where both rise together the model loses what it had learned, which is no overfitting.)
    * "underfits": there is an onset and train rose too; or the run ended too early: over its last fifth the
      smoothed validation data loss fell by more than its noise and by more than 5 % of its whole improvement
      since the first epoch; or, if the chance level is given, both data losses at the kept epoch are still above
      half of it.
    * "healthy": none of these. A large gap alone is no verdict: as long as validation does not suffer, training
      on costs nothing but time.

    Args:
        history: one run's table, one row per epoch, with the columns "epoch" and "val_data_loss". The other losses
            and accuracies are NaN in the result where the history does not have them.
        kept_epoch: the epoch whose weights were kept, where another rule chose it (a `min_delta` above 0).
        chance: the validation data loss of a model that knows nothing but the number of classes, above 0:
            log(classes) for a cross-entropy. Without it a run that learns little and then stagnates is called
            healthy, since a loss has no scale of its own.
        status: how the run ended, where it is known; "diverged" decides.

    Raises:
        DataError: a column is missing or not numeric, there is no row, the epochs do not rise, or the kept epoch
            is not there.
        UsageError: `kept_epoch` or `chance` is out of its range.
    """
    return facts_from(columns_of(history), kept_epoch=kept_epoch, chance=chance, status=status)


def facts_from(
    columns: Mapping[str, np.ndarray],
    *,
    kept_epoch: int | None = None,
    chance: float | None = None,
    status: str | None = None,
) -> dict[str, int | float | str | None]:
    """Return `run_facts` of a run from its part of the arrays that `columns_of` returned of many runs at once."""
    _check_epochs(columns["epoch"], "")
    return _facts(columns, _kept(kept_epoch), _chance(chance), status)


def facts(histories: pd.DataFrame, *, chance: float | None = None) -> pd.DataFrame:
    """Return the facts of many runs: one row per run, in the order in which the runs first appear.

    Args:
        histories: the histories of one experiment below each other, with the columns "variant" and "seed".
        chance: as for `run_facts`.

    Returns:
        The columns "variant", "seed" and, of folds, "fold", then `FACTS`; `onset` and `kept_epoch` are NaN where there
        is none.

    Raises:
        DataError: as for `run_facts`, or "variant" or "seed" is missing, or there is no row.
        UsageError: `chance` is out of its range.
    """
    for name in RUN:
        if name not in histories:
            raise DataError(f"a table of histories must have the column {name!r}, got {_named(histories)}")
    if not len(histories):
        raise DataError("a table of histories must have at least one row, got none")
    chance = _chance(chance)
    columns = columns_of(histories)
    rows = []
    run_by = run_columns(histories)
    number_of_run = histories.groupby(run_by, sort=False).ngroup().to_numpy()
    order = np.argsort(number_of_run, kind="stable")
    keys = {name: histories[name].to_numpy() for name in run_by}
    for places in np.split(order, np.flatnonzero(np.diff(number_of_run[order])) + 1):
        whose = {name: values[places[0]] for name, values in keys.items()}
        run = {name: values[places] for name, values in columns.items()}
        _check_epochs(run["epoch"], f" of variant {whose['variant']!r}, seed {whose['seed']}")
        rows.append(whose | _facts(run, None, chance, None))
    table = pd.DataFrame(rows, columns=[*run_by, *FACTS])
    return table.astype({"onset": float, "kept_epoch": float})


def _kept(kept_epoch: int | None) -> int | None:
    return None if kept_epoch is None else whole("kept_epoch", kept_epoch, "the epoch whose weights were kept", low=0)


def _chance(chance: float | None) -> float | None:
    meaning = "the validation data loss of a model that has learned nothing"
    return None if chance is None else number("chance", chance, meaning, low_open=True)


def _named(table: pd.DataFrame) -> str:
    return ", ".join(map(str, table.columns)) or "no column"


def columns_of(history: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return the columns of a history, or of many below each other, that facts rest on: as float64, NaN where absent.

    Raises:
        DataError: "epoch" or "val_data_loss" is missing, or a column is not numeric.
    """
    for name in ("epoch", "val_data_loss"):
        if name not in history:
            raise DataError(f"a history must have the column {name!r}, got {_named(history)}")
    columns = {}
    for name in dict.fromkeys(("epoch", *_LOSSES, *_MEASURED)):
        try:
            values = history[name].to_numpy(np.float64) if name in history else np.full(len(history), np.nan)
        except (TypeError, ValueError) as error:
            raise DataError(f"the column {name!r} of a history must hold numbers, but {error}") from None
        columns[name] = values
    return columns


def _check_epochs(epochs: np.ndarray, whose: str) -> None:
    if not len(epochs):
        raise DataError(f"the history{whose} must have at least one row, got none")
    if not np.all(np.diff(epochs) > 0) or not np.isfinite(epochs).all():
        raise DataError(f"the epochs of the history{whose} must rise from row to row, got another order")


def _facts(
    columns: Mapping[str, np.ndarray], kept_epoch: int | None, chance: float | None, status: str | None
) -> dict[str, Any]:
    finite = ~_not_finite(columns, np.zeros(len(columns["epoch"]), int))
    epochs, val = columns["epoch"][finite], columns["val_data_loss"][finite]
    result: dict[str, Any] = dict.fromkeys(FACTS, float("nan"))
    result |= {"epochs": len(finite), "kept_epoch": None, "onset": None, "wasted_epochs": 0, "verdict": "diverged"}
    if not len(val):
        return result

    kept = int(val.argmin())
    if kept_epoch is not None:
        found = np.flatnonzero(epochs == kept_epoch)
        if not len(found):
            raise DataError(f"the kept epoch must be a finite row of the history, got epoch {kept_epoch}")
        kept = int(found[0])
    measured = {name: columns[name][finite] for name in _MEASURED}
    result |= {name: float(values[kept]) for name, values in measured.items()}
    result |= {f"end_{name}": float(values[-1]) for name, values in measured.items()}
    result["kept_epoch"] = int(epochs[kept])
    result["gap"] = result["val_data_loss"] - result["train_data_loss"]
    result["end_gap"] = result["end_val_data_loss"] - result["end_train_data_loss"]

    onset = find_onset(val)
    if onset is not None:
        result["onset"] = int(epochs[onset])
        result["wasted_epochs"] = len(val) - onset
    if finite.all() if status is None else status != "diverged":
        learned_little = (
            chance is not None and min(result["val_data_loss"], result["train_data_loss"]) > LITTLE_LEARNED * chance
        )
        result["verdict"] = _verdict(measured["train_data_loss"], val, onset, learned_little)
    return result


def _verdict(train: np.ndarray, val: np.ndarray, onset: int | None, learned_little: bool) -> str:
    if len(val) < SHORTEST:
        return "too short"
    smoothed = smooth(val)
    lowest = int(smoothed.argmin())
    if onset is not None:
        seen = smooth(train)
        # Written so that a train data loss that was not measured (NaN) leaves the verdict to validation.
        lost = seen[-1] - seen[lowest] >= 0.5 * (smoothed[-1] - smoothed[lowest])
        return "underfits" if lost else "overfits"
    fall = smoothed[-1 - len(val) // 5] - smoothed[-1]
    if fall > max(margin(val, smoothed), STILL_FALLING * (val[0] - smoothed[lowest])):
        return "underfits"
    return "underfits" if learned_little else "healthy"
