"""Folds of the data: each row is tested once, groups stay whole, and nothing that is fitted sees a test row."""

import functools

import numpy as np
import pandas as pd
import pytest

from lab.checks import DataError, UsageError
from lab.data import Dataset, digits, fashion_mnist, from_arrays, from_frame, from_npz, spirals
from lab.data.folds import refuse_without_fold, rows_of_fold
from tests.data_files import X, Y, refused

RNG = np.random.default_rng(0)
ROWS = np.arange(103, dtype=np.float32)[:, None]
CLASSES = RNG.choice(3, 103, p=[0.6, 0.3, 0.1])
GROUPS = RNG.integers(0, 25, 103)


def rows_of(split):
    return split.x[:, 0].astype(int).tolist()


def folds_of(load, folds=4):
    return [load(fold=(place, folds)) for place in range(folds)]


KINDS = {
    "classes": functools.partial(from_arrays, ROWS, CLASSES),
    "numbers": functools.partial(from_arrays, ROWS, RNG.normal(size=103), labels="numbers"),
    "several": functools.partial(from_arrays, ROWS, RNG.integers(0, 2, (103, 3)), labels="several"),
    "groups": functools.partial(from_arrays, ROWS, CLASSES, group=GROUPS),
    "numbers in groups": functools.partial(from_arrays, ROWS, RNG.normal(size=103), labels="numbers", group=GROUPS),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_row_is_tested_in_one_fold_and_is_in_one_split_of_each(kind):
    made = folds_of(KINDS[kind])
    assert sorted(row for data in made for row in rows_of(data.test)) == list(range(103))
    for data in made:
        rows = [row for split in (data.train, data.validation, data.test) for row in rows_of(split)]
        assert len(set(rows)) == len(rows)


def test_folds_have_all_classes_in_proportion_and_learn_from_equally_many_rows():
    made = folds_of(KINDS["classes"])
    counts = np.array([np.bincount(data.test.y, minlength=3) for data in made])
    assert np.ptp(counts, axis=0).max() <= 1
    assert [len(data.test) for data in made] == [26, 26, 26, 25]
    assert {(len(data.train), len(data.validation)) for data in made} == {(57, 20)}


def test_groups_are_not_parted_by_folds():
    for data in folds_of(KINDS["groups"]):
        groups = [set(GROUPS[rows_of(split)]) for split in (data.train, data.validation, data.test)]
        assert sum(map(len, groups)) == len(set.union(*groups))
        assert len(data.test) in range(16, 37), "about a quarter of the rows"


def test_another_data_seed_cuts_other_folds_and_the_same_one_the_same():
    load = KINDS["classes"]
    first, again, other = load(fold=(0, 4)), load(fold=(0, 4)), load(fold=(0, 4), seed=1)
    assert first.fingerprint == again.fingerprint != other.fingerprint


def test_neither_a_training_size_nor_label_noise_moves_a_test_or_validation_row():
    load = KINDS["classes"]
    plain, small = load(fold=(1, 4)), load(fold=(1, 4), train_size=20, label_noise=0.5)
    assert len(small.train) == 20
    for split in ("validation", "test"):
        assert rows_of(getattr(plain, split)) == rows_of(getattr(small, split))
        assert (getattr(small, split).y == CLASSES[rows_of(getattr(small, split))]).all()


def test_what_is_fitted_in_a_fold_does_not_know_its_test_rows():
    # Each row of column a has a number of its own, and each of column b a category of its own.
    frame = pd.DataFrame({"a": 2.0 ** np.arange(40), "b": [f"level {i}" for i in range(40)], "y": np.arange(40) % 2})
    for data in folds_of(functools.partial(from_frame, frame, target="y", rare=1)):
        number, category = data.preprocessing.columns
        known = {int(level.removeprefix("level ")) for level in category.levels}
        learned = frame["a"][sorted(known)]
        assert len(known) == len(data.train)
        assert (number.mean, number.deviation) == pytest.approx((learned.mean(), learned.std(ddof=0)))
        assert not data.test.x[:, 1:].any(), "no level of the test rows has a feature"


def test_scaled_targets_of_a_fold_are_scaled_by_its_training_rows():
    target = RNG.normal(5, 3, 103)
    load = functools.partial(from_arrays, ROWS, target, labels="numbers", scale_target=True, standardize=True)
    for data in folds_of(load):
        rows = np.round(data.train.x[:, 0] * data.preprocessing.deviation + data.preprocessing.mean).astype(int)
        assert data.target.mean == pytest.approx(target[rows].mean())


def test_loaders_of_files_cut_the_folds_of_their_arrays(tmp_path):
    np.savez(tmp_path / "x.npz", x=ROWS, y=CLASSES)
    assert from_npz(tmp_path / "x.npz", fold=(2, 4)).fingerprint == KINDS["classes"](fold=(2, 4)).fingerprint


OWN = (
    "folds must be left out where the data have a validation or a test split of their own (folds test each row once), "
)
REFUSED = {
    "no pair": (
        lambda: from_arrays(X, Y, fold=3),
        UsageError,
        "fold must be a pair of its place, from 0, and the number of folds, as (0, 5), got 3",
    ),
    "beyond the last": (
        lambda: from_arrays(X, Y, fold=(3, 3)),
        UsageError,
        "fold must be a whole number from 0 to 2 (it is the place of a fold), got 3",
    ),
    "one fold": (
        lambda: from_arrays(X, Y, fold=(0, 1)),
        UsageError,
        "folds must be a whole number from 2 to 100 (it is the number of parts that the data are cut into), got 1",
    ),
    "a test split of their own": (
        lambda: from_arrays(X, Y, test=(X + 100, Y), fold=(0, 3)),
        UsageError,
        OWN + "and arrays has one; give all rows as one table, or leave folds out",
    ),
    "a validation split of their own": (
        lambda: from_arrays(X, Y, validation=(X + 100, Y), fold=(0, 3), name="mine"),
        UsageError,
        OWN + "and mine has one; give all rows as one table, or leave folds out",
    ),
    "a test size": (
        lambda: from_arrays(X, Y, test_size=6, fold=(0, 3)),
        UsageError,
        "test_size must be left out where the data are cut into folds (each fold tests its part of them), got 6; leave "
        "out one of them",
    ),
    "time": (
        lambda: from_arrays(X, Y, time=np.arange(30), fold=(0, 3)),
        UsageError,
        "folds must be left out where arrays is cut by time (all folds but one would learn from rows that come after "
        "those they are tested on); leave out folds or time",
    ),
    "a small class": (
        lambda: from_arrays(X, Y, fold=(0, 11)),
        DataError,
        "the class '0' of arrays has 10 examples and needs 11 for 11 folds, each of which has a test, a validation and "
        "a training split; add examples, lower folds or leave the class out",
    ),
    "few rows": (
        lambda: from_arrays(X[:3], Y[:3] / 2, labels="numbers", fold=(0, 2)),
        DataError,
        "arrays has 3 examples and needs 4 for 2 folds, each of which has a test, a validation and a training split; "
        "add examples or lower folds",
    ),
    "few groups": (
        lambda: from_arrays(X, Y, group=np.arange(30) // 10, fold=(0, 4)),
        DataError,
        "group must tell at least 4 groups of arrays apart, one for each fold, got 3; lower folds or leave group out",
    ),
    "a loader without folds": (
        lambda: refuse_without_fold(functools.partial(spirals, points=10)),
        UsageError,
        "folds must be left out unless every loader takes fold=(place, folds) and seed, as digits and those of "
        "people's own data do (mnist and its like have a test split of their own, spirals and its like follow from a "
        "formula), got spirals",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_folds_that_cannot_be_are_refused(case):
    refused(*REFUSED[case])


def test_as_few_rows_as_the_rules_allow_can_be_cut():
    for folds, rows in ((2, 4), (3, 3), (4, 4)):
        for data in folds_of(functools.partial(from_arrays, ROWS[: 2 * rows], np.arange(2 * rows) % 2), folds):
            assert {split: len(set(getattr(data, split).y)) for split in ("train", "validation", "test")} == {
                "train": 2, "validation": 2, "test": 2,
            }  # fmt: skip


def test_a_group_larger_than_a_fold_fills_one_fold_and_the_others_are_of_one_size():
    groups = np.r_[np.zeros(60, int), np.arange(1, 44)]
    parts = [rows_of_fold("x", np.zeros(103), (place, 3), 0, groups) for place in range(3)]
    small, middle, large = sorted(parts, key=np.sum)
    assert large[:60].all()
    assert large.sum() < 66
    assert abs(int(small.sum()) - int(middle.sum())) <= 3


GIVEN = {"test": (X + 100, Y), "validation": (X + 200, Y)}


@pytest.mark.parametrize(
    ("load", "redrawn"),
    [
        (digits, "splits"),
        (functools.partial(from_arrays, X, Y, test=(X + 100, Y)), "training split"),
        (functools.partial(from_arrays, X, Y, test=(X + 100, Y), test_size=15), "splits"),
        (functools.partial(from_arrays, X, Y, **GIVEN), "nothing"),
        (functools.partial(from_arrays, X, Y, **GIVEN, train_size=9), "training split"),
        (spirals, "data"),
    ],
    ids=["all are cut", "a test split", "a part of a test split", "all are given", "a part of training", "a formula"],
)  # fmt: skip
def test_a_dataset_says_what_another_seed_draws_anew(load, redrawn):
    assert load().redrawn == redrawn


def test_a_dataset_says_nothing_else_of_what_is_redrawn():
    data = digits()
    with pytest.raises(UsageError) as caught:
        Dataset("x", data.train, data.validation, data.test, data.classes, redrawn="all")
    assert str(caught.value) == "redrawn must be one of 'nothing', 'training split', 'splits', 'data', got 'all'"


def test_published_test_splits_are_not_cut_into_folds():
    with pytest.raises(UsageError):
        refuse_without_fold(fashion_mnist)
