"""A summary as a matrix: in a row the runs of a variant, in a column those that are compared with each other."""

import numpy as np
import pandas as pd

from lab.checks import DataError
from lab.statistics.runs import FOLD, FOLDS, pair_columns, run_columns


def check(summary: pd.DataFrame) -> None:
    """Refuse a summary without rows or keys, or with two runs of one variant, seed and fold."""
    for name in (*run_columns(summary), *([FOLDS] if FOLD in summary else [])):
        if name not in summary:
            got = ", ".join(map(str, summary.columns)) or "no column"
            raise DataError(f"a summary must have the column {name!r}, got {got}")
        if summary[name].isna().any():
            raise DataError(f"the column {name!r} of a summary must be filled in every row, got an empty one")
    if not len(summary):
        raise DataError("a summary must have at least one run, got none")
    twice = summary.duplicated(run_columns(summary))
    if twice.any():
        first = summary[twice].iloc[0]
        once, which = "seed", f"seed {first['seed']}"
        if FOLD in summary:
            once, which = "seed and fold", f"{which}, fold {first[FOLD]}"
        raise DataError(
            f"a variant must have one run per {once}, got two of variant {first['variant']!r}, {which}; "
            f"pass the summary of one experiment"
        )


def overlap(summary: pd.DataFrame) -> float:
    """Return the number of test examples of a fold over that of all others, 1 / (folds - 1); 0 without folds.

    Folds are taken to be of one size, and all examples that are not tested for the training set, of which validation
    examples are: what matters is how many test examples two splits of the data share by chance.
    """
    if FOLD not in summary:
        return 0.0
    found, places = summary[FOLDS].unique(), summary[FOLD]
    if len(found) != 1 or not found[0] >= 2 or not places.between(0, found[0] - 1).all():
        raise DataError(
            f"the column {FOLDS!r} of a summary must be one number above 1 and that of {FOLD!r} below it, got "
            f"{found.tolist()} and {places.min()} to {places.max()}; pass the summary of one experiment"
        )
    return 1 / (int(found[0]) - 1)


def matrix(summary: pd.DataFrame, variants: list[str], metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the metric, NaN where no run counts, and whether a run diverged: both (variants, seeds or their folds)."""
    rows = pd.Index(variants).get_indexer(pd.Index(summary["variant"]))
    columns = summary.groupby(pair_columns(summary)).ngroup().to_numpy()
    diverged = np.zeros((len(variants), columns.max() + 1), bool)
    if "status" in summary:
        diverged[rows, columns] = (summary["status"] == "diverged").to_numpy()
    values = np.full(diverged.shape, np.nan)
    values[rows, columns] = summary[metric].to_numpy(np.float64, na_value=np.nan)
    values[diverged | ~np.isfinite(values)] = np.nan
    return values, diverged
