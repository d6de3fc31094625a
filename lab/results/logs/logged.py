"""A run as another tool logged it, and its history in the columns of the lab."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lab.checks import DataError
from lab.results.keras_logs import history_of
from lab.results.logs.metrics import column_of

Curve = Sequence[tuple[float, float]]
"""The points of a metric in the order in which they were logged: step and value."""


@dataclass(frozen=True)
class Logged:
    """A run that another tool logged.

    Args:
        name: of the run, as the tool has it.
        place: its file or folder, to be named in sentences.
        curves: by the lab's columns, as `lab.results.logs.metrics.column_of` has them.
        settings: its hyperparameters as text; empty where they are not known.
        counts_epochs: whether a step is an epoch counted from 0, and not only an order.
    """

    name: str
    place: str
    curves: Mapping[str, Curve]
    settings: Mapping[str, str] = field(default_factory=dict)
    counts_epochs: bool = False


def curves_by_column(curves: Mapping[str, Curve], place: str, folder: str = "") -> dict[str, Curve]:
    """Return those curves that are columns of the lab, by their names there.

    Raises:
        DataError: two of them are the same column.
    """
    found: dict[str, Curve] = {}
    names: dict[str, str] = {}
    for name, curve in curves.items():
        column = column_of(name, folder)
        if not column:
            continue
        if names.setdefault(column, name) != name:
            raise DataError(
                f"{place} must have one metric for {column!r}, got {names[column]} and {name}; leave one out"
            )
        found[column] = curve
    return found


def history(run: Logged) -> pd.DataFrame:
    """Return the history of a run, with the columns of `lab.results.HISTORY`.

    Each step at which the validation loss was logged ends an epoch. What was logged more often, as the train loss of
    each batch, is its mean since the epoch before; what was not logged is NaN.

    Raises:
        DataError: there is no validation loss, a step comes twice, or a value is no number.
    """
    if not run.curves.get("val_loss"):
        got = ", ".join(run.curves) or "none of loss, accuracy and learning_rate"
        raise DataError(f"{run.place} must have a validation loss, as 'val_loss', got {got}; log or export it too")
    for name, curve in run.curves.items():
        for (before, _), (step, _) in itertools.pairwise(curve):
            if step <= before:
                raise DataError(
                    f"{run.place}: step {step:g} of {name!r} comes after step {before:g}, so there are several "
                    "trainings in one run; give each training a run of its own"
                )
    steps = np.array([step for step, _ in run.curves["val_loss"]])
    columns = {name: _at(curve, steps) for name, curve in run.curves.items()}
    first = int(steps[0]) if run.counts_epochs and steps[0] >= 0 else 0
    columns["epoch"] = [float(epoch) for epoch in range(first, first + len(steps))]
    return history_of(
        columns,
        run.place,
        lambda i: f"{run.place}, step {steps[i]:g}",
        "correct the log, or name another one",
        "give each training a run of its own",
        {"val_loss": "log it too"},
    )


def _at(curve: Curve, steps: np.ndarray) -> list[float]:
    """Return a curve's mean from each of some steps back to the one before; NaN where nothing was logged."""
    place = np.searchsorted(steps, [step for step, _ in curve])
    parts: list[list[float]] = [[] for _ in steps]
    for at, (_, value) in zip(place.tolist(), curve, strict=True):
        if at < len(parts):
            parts[at].append(value)
    return [float(np.mean(part)) if part else math.nan for part in parts]
