"""The number by which a page knows a run of a variant: its seed or, of folds, its seed and its fold."""

import pandas as pd

from lab.statistics.language import say
from lab.statistics.runs import FOLD


def folds_of(table: pd.DataFrame) -> int:
    """Return how many folds the runs of a table are of, as far as they are there; 0 without folds."""
    return int(table[FOLD].max()) + 1 if FOLD in table else 0


def run_numbers(table: pd.DataFrame, folds: int) -> pd.Series:
    """Return the number of each row's run: the seed; of folds `seed * folds + fold`, which state.js takes apart."""
    seeds = table["seed"].astype(int)
    return seeds * folds + table[FOLD].astype(int) if folds else seeds


def run_words(number: int, folds: int) -> str:
    """Return a run's number as people read it: "3" or, of folds, "3 fold 1"."""
    return say("{seed} fold {fold}", seed=number // folds, fold=number % folds) if folds else str(number)
