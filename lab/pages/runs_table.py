"""The table of all runs, as columns that runs.js makes rows of: where each run was kept, its verdict and its losses."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lab.pages.run_numbers import folds_of, run_numbers
from lab.pages.vegalite import short
from lab.report.curves import has
from lab.statistics import words
from lab.statistics.runs import FOLD, pair_columns, run_columns

OPEN = 12
"""A table of more runs is folded up at first."""

# The heading of a column, what it means, and how many decimals it has; None takes as many as its numbers need.
_NUMBERS = {
    "kept_epoch": ("kept epoch", "epoch of the lowest validation data loss", 0),
    "onset": ("onset", "epoch from which on the run overfits", 0),
    "train_data_loss": ("train data loss", "at the kept epoch", None),
    "val_data_loss": ("validation data loss", "at the kept epoch", None),
    # Of histories that others logged, which know no data loss.
    "loss": ("loss", "mean over the kept epoch, as it was logged", None),
    "val_loss": ("validation loss", "at the kept epoch, as it was logged", None),
    "gap": ("gap", "validation minus train data loss at the kept epoch", None),
    "test_data_loss": ("test data loss", "with the kept weights", None),
    "test_accuracy": ("test accuracy", "with the kept weights", None),
}


def runs_table(
    summary: pd.DataFrame, records: Sequence[Mapping[str, Any]], names: Sequence[str]
) -> dict[str, list[Any]]:
    """Return the runs in the order of their variants and seeds.

    Args:
        summary: one row per run, as summary.csv has it; columns that it lacks are left out.
        records: one per run, as `lab.results.read_provenance` returns them: how many seconds each took.
        names: the variants in order, the baseline first.

    Returns:
        "variant" (places), "seed" and, of folds, "run" (numbers, as `run_numbers` counts), one per run; "columns", each
        with its "heading", its "meaning", its "values" (None where unknown) and, of numbers, its "decimals".
    """
    places = {name: v for v, name in enumerate(names)}
    runs = (
        summary.assign(v=summary["variant"].map(str).map(places))
        .dropna(subset="v")
        .sort_values(["v", *pair_columns(summary)])
    )
    columns: list[dict[str, Any]] = []
    if FOLD in runs:
        columns.append(_numbers("fold", "whose part of the data the run is tested on", runs[FOLD].astype(float), 0))
    if "verdict" in runs:
        columns.append(_words("verdict", "how the run ended, or whether it overfits", runs["verdict"]))
    elif "status" in runs:
        columns.append(_words("status", "how the run ended", runs["status"]))
    for name, (heading, meaning, decimals) in _NUMBERS.items():
        if has(runs, name):
            values = pd.to_numeric(runs[name], errors="coerce").astype(float)
            columns.append(_numbers(heading, meaning, values, decimals))
    names_of_run = run_columns(runs)
    seconds = {tuple(record.get(name) for name in names_of_run): record.get("seconds") for record in records}
    took = [seconds.get(key) for key in runs[names_of_run].astype({"variant": str}).itertuples(index=False, name=None)]
    if any(value is not None for value in took):
        columns.append(_numbers("seconds", "that the run took", pd.Series(took, dtype=float), None))
    found = {"variant": runs["v"].astype(int).tolist(), "seed": runs["seed"].astype(int).tolist()}
    if FOLD in runs:
        found["run"] = run_numbers(runs, folds_of(runs)).tolist()
    return found | {"columns": columns}


def _words(heading: str, meaning: str, values: pd.Series) -> dict[str, Any]:
    return {"heading": heading, "meaning": meaning, "values": values.where(values.notna(), "").map(str).tolist()}


def _numbers(heading: str, meaning: str, values: pd.Series, decimals: int | None) -> dict[str, Any]:
    finite = values.where(np.isfinite(values))
    if decimals is None:
        decimals = words.places(finite, 3)
    numbers = [None if value is None else int(value) if value == int(value) else value for value in short(finite)]
    return {"heading": heading, "meaning": meaning, "decimals": decimals, "values": numbers}
