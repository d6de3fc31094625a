"""Data for advice: what may choose never sees the test split, on which each confirming seed is tested."""

import dataclasses
from collections.abc import Callable

import numpy as np

from lab.checks import DataError
from lab.data import Dataset, Split
from lab.data.rows import Rows
from lab.data.splitting import ordering

FIRST_SEED = 1000
"""The confirming seeds count from here; the screening took seed 0."""

TEST_PARTS = 24
"""Into how many parts the test split is divided, as `lab.data.Dataset` says."""

FEWEST_TESTED = 50
"""The fewest examples of a test split: two for each part."""


def fresh_splits(load: Callable[..., Dataset], *, seed: int = FIRST_SEED) -> Dataset:
    """Return the data of one confirming seed: a training and a validation split of its own, and the test split.

    The training and the validation examples are shuffled together and cut again, in the sizes they have and with the
    classes in proportion; where they are weighted or stay on the disk, they stay as they are. The test split is the
    same for all seeds and has parts, so that an interval over the seeds allows for the luck of the test examples, too.

    Args:
        load: called without arguments, returns the data.
        seed: the confirming seed.
    """
    data = load()
    train, validation = data.train, data.validation
    if not any(isinstance(split.x, Rows) or split.weight is not None for split in (train, validation)):
        x, y = (np.concatenate([getattr(split, name) for split in (train, validation)]) for name in ("x", "y"))
        order = ordering(y, seed)
        learned, validated = order[: len(train)], order[len(train) :]
        train = Split(x[learned], y[learned], pool=data.train.pool)
        validation = Split(x[validated], y[validated], pool=data.train.pool)
    return dataclasses.replace(
        data, train=train, validation=validation, redrawn="training split", test_parts=TEST_PARTS
    )


def check_tested(data: Dataset) -> None:
    """Refuse a test split that is too small.

    Raises:
        DataError: it has fewer than `FEWEST_TESTED` examples.
    """
    if len(data.test) < FEWEST_TESTED:
        raise DataError(f"advice must have at least {FEWEST_TESTED} test examples, got {len(data.test)}")
