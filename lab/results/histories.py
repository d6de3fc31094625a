"""Histories as one long table, whoever trained them: the lab, or plain Keras."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from lab.results.experiments import has_experiment
from lab.results.keras_logs import from_keras
from lab.results.logs.folder import read_logs, source_of
from lab.results.schema import HISTORIES
from lab.results.tables import has_table, read_histories


def load(source: str | Path | Mapping[str, Any]) -> pd.DataFrame:
    """Return histories as one long table, one row per epoch of a run, whoever trained them.

    Args:
        source: an experiment's folder, as in "results/weight_penalty"; a `keras.callbacks.CSVLogger` file or a folder
            of them, or of other logs that `lab.results.logs` reads; or a dict from variants to Keras histories, as
            `lab.results.keras_logs.from_keras` takes it.

    Returns:
        The columns experiment, variant, seed and, of folds, fold, then those of `HISTORY`; NaN where plain Keras does
        not say.

    Raises:
        DataError: there are no histories, or torn ones.
    """
    if isinstance(source, Mapping):
        return from_keras(source)
    path = Path(source)
    if path.is_file():
        return from_keras({path.stem: path})
    if is_logs(path):
        return read_logs(path)
    return read_histories(path)


def is_logs(folder: Path) -> bool:
    """Say whether a folder holds logs of somebody else, and no experiment of the lab."""
    return not has_experiment(folder) and not has_table(folder, HISTORIES) and source_of(folder) is not None
