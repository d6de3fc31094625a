"""Folds: the data cut into k parts, each of which is the test split of one fold, so that each row is tested once.

The validation split of a fold is cut from the other parts, and what is left is its training split: nothing that is
learned, fitted or chosen in a fold knows its test rows. Where rows have one class each, the parts hold all classes in
proportion; rows of one group are in one part. scikit-learn cuts the parts.

Where k does not divide the number of rows, some folds test a row less than others. These leave a row out, so that all
folds learn from equally many rows and train together; where groups decide, sizes are what they are.
"""

import functools
import inspect
from collections.abc import Callable

import numpy as np

from lab.checks import DataError, UsageError, shown, whole
from lab.data.columns import count
from lab.data.groups_and_time import Together
from lab.seeds import derive

Fold = tuple[int, int]
"""The place of a fold, from 0, and how many folds there are."""

FEWEST, MOST = 2, 100


def checked_folds(folds: object) -> int:
    """Return a number of folds, or refuse it."""
    return whole("folds", folds, "the number of parts that the data are cut into", low=FEWEST, high=MOST)


def checked_fold(fold: object) -> Fold:
    """Return a fold as two numbers, or refuse it."""
    if isinstance(fold, tuple | list) and len(fold) == 2:
        folds = checked_folds(fold[1])
        return whole("fold", fold[0], "the place of a fold", low=0, high=folds - 1), folds
    raise UsageError(f"fold must be a pair of its place, from 0, and the number of folds, as (0, 5), got {shown(fold)}")


def refuse_without_fold(loader: Callable) -> None:
    """Refuse a loader that cannot be called with a seed and a fold."""
    try:
        inspect.signature(loader).bind(seed=0, fold=(0, FEWEST))
    except TypeError:
        while isinstance(loader, functools.partial):
            loader = loader.func
        raise UsageError(
            f"folds must be left out unless every loader takes fold=(place, folds) and seed, as digits and those of "
            f"people's own data do (mnist and its like have a test split of their own, spirals and its like follow "
            f"from a formula), got {getattr(loader, '__qualname__', None) or shown(loader)}"
        ) from None


def refuse_unfit(name: str, has_splits: bool, test_size: int | None, together: Together | None) -> None:
    """Refuse folds of data that bring a split of their own, of a test size, and of data that are cut by time."""
    if has_splits:
        raise UsageError(
            f"folds must be left out where the data have a validation or a test split of their own (folds test each "
            f"row once), and {name} has one; give all rows as one table, or leave folds out"
        )
    if test_size is not None:
        raise UsageError(
            f"test_size must be left out where the data are cut into folds (each fold tests its part of them), got "
            f"{test_size}; leave out one of them"
        )
    if together is not None and together.by == "time":
        raise UsageError(
            f"folds must be left out where {name} is cut by time (all folds but one would learn from rows that come "
            f"after those they are tested on); leave out folds or time"
        )


def rows_of_fold(name: str, y: np.ndarray, fold: Fold, seed: int, groups: np.ndarray | None) -> np.ndarray:
    """Return which rows a fold tests.

    Args:
        name: of the data, for refusals.
        y: the labels of all rows. Classes, int of shape (n,), are in proportion in each part: their numbers differ by
            at most 1 from part to part, unless groups decide. Other labels are cut at random.
        fold: which part of how many.
        seed: the data seed, which decides the parts.
        groups: the group of each row, or None.

    Returns:
        bool of shape (n,). Without groups the parts differ by at most one row in size.

    Raises:
        DataError: fewer rows, rows of a class or groups than the folds need.
    """
    from sklearn.model_selection import KFold, StratifiedGroupKFold, StratifiedKFold

    place, folds = fold
    has_classes = y.dtype.kind == "i" and y.ndim == 1
    rows = np.zeros(len(y))
    state = derive(seed, "data", "folds")
    if groups is not None:
        different = len(np.unique(groups))
        # The splits that are cut from the other parts check that they have groups enough.
        if different < folds:
            raise DataError(
                f"group must tell at least {folds} groups of {name} apart, one for each fold, got {different}; lower "
                f"folds or leave group out"
            )
        cutter = StratifiedGroupKFold(folds, shuffle=True, random_state=state)
        parts = cutter.split(rows, y if has_classes else rows.astype(int), groups)
    elif has_classes:
        parts = StratifiedKFold(folds, shuffle=True, random_state=state).split(rows, y)
    else:
        parts = KFold(folds, shuffle=True, random_state=state).split(rows)
    chosen = np.zeros(len(y), bool)
    chosen[list(parts)[place][1]] = True
    if not chosen.any():
        raise DataError(
            f"the groups of {name} must fill {folds} folds, and one of these got none, as groups differ too much in "
            f"size; lower folds"
        )
    return chosen


def check_rows(name: str, y: np.ndarray, classes: tuple[str, ...] | None, folds: int) -> None:
    """Refuse data that have too few rows (of a class) for each fold to have a test, validation and training split."""
    # Of 2 folds, each is cut into a validation and a training split where the other is tested.
    needed = max(folds, 4 if folds == 2 else 3)
    counts = np.array([len(y)]) if classes is None else np.bincount(y, minlength=len(classes))
    small = int(counts.argmin())
    if counts[small] < needed:
        whose = name if classes is None else f"the class {classes[small]!r} of {name}"
        remedy = (
            "add examples or lower folds" if classes is None else "add examples, lower folds or leave the class out"
        )
        raise DataError(
            f"{whose} has {count(int(counts[small]), 'example')} and needs {needed} for {folds} folds, each of which "
            f"has a test, a validation and a training split; {remedy}"
        )
