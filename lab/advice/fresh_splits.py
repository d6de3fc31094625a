"""Data for advice: what may choose never sees the test split, and each confirming seed sees a part of it once."""

import dataclasses
from collections.abc import Callable

import numpy as np

from lab.checks import DataError
from lab.data import Dataset, Split
from lab.data.rows import Rows

FEWEST_TESTED = 10
"""The fewest test examples of one confirming seed."""


def fresh_splits(load: Callable[..., Dataset], *, parts: int, first: int, seed: int | None = None) -> Dataset:
    """Return the data of one confirming seed: a training and a validation split, and a part of the test split.

    The test split is cut into `parts` disjoint parts, one per seed. So the differences of two seeds share no test
    example, and an interval over the seeds allows for the luck of the test examples. The training and the validation
    examples are shuffled together and cut again, in the sizes they have; where they are weighted or stay on the disk,
    they stay as they are.

    Args:
        load: called without arguments, returns the data.
        parts: how many parts the test split has.
        first: the first confirming seed.
        seed: the confirming seed, below `first + parts`; None takes the first.
    """
    seed = first if seed is None else seed
    data = load()
    train, validation = data.train, data.validation
    if not any(isinstance(split.x, Rows) or split.weight is not None for split in (train, validation)):
        x, y = (np.concatenate([getattr(split, name) for split in (train, validation)]) for name in ("x", "y"))
        order = np.random.default_rng(seed).permutation(len(y))
        learned, validated = order[: len(train)], order[len(train) :]
        train = Split(x[learned], y[learned], pool=data.train.pool)
        validation = Split(x[validated], y[validated], pool=data.train.pool)
    rows = np.random.default_rng(first).permutation(len(data.test))[seed - first :: parts]
    test = Split(data.test.x[np.sort(rows)], data.test.y[np.sort(rows)], pool=data.test.pool)
    return dataclasses.replace(data, train=train, validation=validation, test=test, redrawn="splits")


def parts_of(data: Dataset, most: int) -> int:
    """Return how many seeds can confirm on parts of the test split, at most `most`.

    Raises:
        DataError: the test split is too small for five parts.
    """
    parts = min(most, len(data.test) // FEWEST_TESTED)
    if parts < 5:
        raise DataError(
            f"advice must have at least {5 * FEWEST_TESTED} test examples, {FEWEST_TESTED} for each of five seeds, "
            f"got {len(data.test)}"
        )
    return parts
