"""The arguments of advice: its budget, and the training that fits data and model where none is given."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from lab.checks import UsageError, number, shown
from lab.training import Training

if TYPE_CHECKING:
    from lab.data import Dataset


def seconds_of(budget: str | float) -> float:
    """Return a budget in seconds: a number of seconds, or a text as "90s", "5m" or "1h".

    Raises:
        UsageError: it is no such text, or not above 0.
    """
    if not isinstance(budget, str):
        return number("budget", budget, "the seconds that the advice may take", low_open=True)
    found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)([smh])", budget)
    if found is None or float(found[1]) == 0:
        raise UsageError(f"budget must be a number above 0 with s, m or h, as '5m', got {shown(budget)}")
    return float(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2]]


def training_for(data: "Dataset", model: object) -> Training:
    """Return 100 epochs with a patience of 10 and the loss that fits the labels of data and the outputs of a model."""
    return Training(epochs=100, patience=10, loss=_loss_for(data, model))


def _loss_for(data: "Dataset", model: object) -> str:
    if data.classes is None:
        return "squared_error"
    one_output = False
    if len(data.classes) == 2 and isinstance(model, str | Path):
        from lab.models.keras_file import load

        one_output = load(Path(model)).output_shape[-1] == 1
    return "binary_cross_entropy" if data.train.y.ndim == 2 or one_output else "softmax_cross_entropy"
