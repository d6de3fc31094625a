"""Rows of a history and the kept epoch: both engines make them here from what they measure, so they cannot differ."""

import functools
from collections.abc import Collection, Sequence

import numpy as np


class Keeper:
    """Decides epoch by epoch, for many runs at once, which epoch is kept and which runs end.

    The rule is that of `keras.callbacks.EarlyStopping(patience=..., min_delta=..., restore_best_weights=True)`
    on the validation data loss: a value is better if it lies below the best so far by more than `min_delta`
    (a tie is not), and a run ends after `patience` epochs without a better one. Two things differ: the best
    starts at infinity, so NaN in the first epoch does not stay the best for ever, and a run whose losses
    are no longer finite has diverged and ends at once.

    Attributes:
        kept: the kept epoch of each run, from 1; 0 while there is none.
        best: the validation data loss of the kept epoch; infinity while there is none.
        ended: whether each run has ended.
        diverged: whether it ended because its losses were no longer finite.
    """

    def __init__(self, runs: int, patience: int | None, min_delta: float) -> None:
        self.patience = np.inf if patience is None else patience
        self.min_delta = min_delta
        self.kept = np.zeros(runs, int)
        self.best = np.full(runs, np.inf)
        self.ended = np.zeros(runs, bool)
        self.diverged = np.zeros(runs, bool)

    def update(self, epoch: int, *losses: np.ndarray) -> np.ndarray:
        """Take the losses at the end of an epoch and return which runs improved.

        Args:
            epoch: from 1.
            losses: arrays of shape (runs,); the last one is the validation data loss, which decides. Runs
                that have ended are not looked at.

        Returns:
            A boolean array of shape (runs,): the runs whose weights of this epoch are to be kept.
        """
        live = ~self.ended
        # A history holds float32: what is infinite in its rows has diverged.
        finite = np.all(np.abs(losses) <= np.finfo(np.float32).max, axis=0)
        self.diverged |= live & ~finite
        value = np.asarray(losses[-1], np.float64)
        # NaN compares as not better; the loss of a live run that is finite is never NaN.
        better = live & finite & (value < self.best - self.min_delta)
        self.kept[better] = epoch
        self.best[better] = value[better]
        self.ended |= self.diverged | (live & (epoch - self.kept >= self.patience))
        return better


def nobody(*_: object) -> Collection[int]:
    """Let all runs go on after an epoch."""
    return ()


def means(values: np.ndarray) -> np.ndarray:
    """Return the mean of each run, shape (runs,), of values of shape (runs, examples)."""
    return np.array([np.mean(run, dtype=np.float64) for run in np.ascontiguousarray(values)])


def added(penalties: Sequence[np.ndarray], extra: np.ndarray) -> np.ndarray:
    """Add the parts of the penalty one after the other, so that a part that is 0 changes no bit of the sum."""
    return functools.reduce(np.add, penalties, np.zeros_like(extra)) + extra


def named(values: np.ndarray) -> dict[str, float]:
    """Return what was measured of a run, shape (3,), by name."""
    return {"data_loss": float(values[0]), "penalty": float(values[1]), "accuracy": float(values[2])}


def row(
    epoch: int, fitted: dict[str, float], train: dict[str, float], validation: dict[str, float], rate: float
) -> dict[str, float]:
    """Return one row of a history: what the run saw while it trained, and both splits measured afterwards.

    Args:
        epoch: from 1.
        fitted: "data_loss", "penalty" and "accuracy", means over the examples of the epoch as they were trained on.
        train, validation: the same three of a split, with the weights at the end of the epoch, in inference mode.
        rate: the learning rate of the epoch's first step.
    """
    values = {
        "loss": fitted["data_loss"] + fitted["penalty"],
        "data_loss": fitted["data_loss"],
        "penalty": fitted["penalty"],
        "accuracy": fitted["accuracy"],
        "train_data_loss": train["data_loss"],
        "train_accuracy": train["accuracy"],
        "val_loss": validation["data_loss"] + validation["penalty"],
        "val_data_loss": validation["data_loss"],
        "val_penalty": validation["penalty"],
        "val_accuracy": validation["accuracy"],
        "learning_rate": rate,
    }
    return {"epoch": epoch} | {name: shortest(value) for name, value in values.items()}


def tested(kept: dict[str, float]) -> dict[str, float]:
    """Return the test metrics of a run from the measurement of its kept weights on the test split."""
    values = {"loss": kept["data_loss"] + kept["penalty"]} | kept
    return {name: shortest(value) for name, value in values.items()}


def shortest(value: float) -> float:
    """Return the float64 that reads like the float32 `value`: 0.3, not 0.30000001192092896.

    Both print and parse to the same float32, and the CSV files stay short and exact.
    """
    return float(str(np.float32(value)))


_NOTHING = dict.fromkeys(("data_loss", "penalty", "accuracy"), 0.0)
_COLUMNS = tuple(row(1, _NOTHING, _NOTHING, _NOTHING, 0.0))


def packed(rows: list[dict[str, float]]) -> np.ndarray:
    """Return the rows of a history as float64 of shape (epochs, columns)."""
    return np.array([[one[name] for name in _COLUMNS] for one in rows], np.float64).reshape(-1, len(_COLUMNS))


def unpacked(rows: np.ndarray) -> list[dict[str, float]]:
    """Return the rows of a history that `packed` made an array of, with the same bits."""
    return [{**dict(zip(_COLUMNS, map(float, one), strict=True)), "epoch": int(one[0])} for one in rows]
