"""The columns that tell the runs of a table apart."""

import pandas as pd

RUN = ["variant", "seed"]
"""A run's variant and seed; where the data are cut into folds, its fold too."""

FOLD = "fold"
"""The place of a run's fold, from 0; a column of runs that are of folds only."""

FOLDS = "folds"
"""How many folds there are; a column of the summary, beside `FOLD`."""


def run_columns(table: pd.DataFrame) -> list[str]:
    """Return the columns of a table that tell its runs apart: variant, seed and, where runs are of folds, fold."""
    return [*RUN, FOLD] if FOLD in table else list(RUN)


def averaged_over(table: pd.DataFrame) -> str:
    """Return over what a mean of a variant's runs is: "seeds", or "seeds and folds"."""
    return "seeds and folds" if FOLD in table else "seeds"


def pair_columns(table: pd.DataFrame) -> list[str]:
    """Return the columns in which two runs agree that are compared with each other: all of a run's but its variant."""
    return run_columns(table)[1:]
