"""Data: three disjoint, stratified splits from one seed; files that cannot be used are refused and left alone."""

import gzip
import hashlib
import io
import pickle
import subprocess
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from lab import data
from lab.checks import DataError, UsageError
from lab.data import formats, images, keras_cache
from lab.data.dataset import Dataset, Split
from lab.data.keras_cache import Download
from lab.data.splitting import mislabelled, ordering

PARTS = ("train", "validation", "test")
PLANAR = (
    data.spirals,
    data.circles,
    data.moons,
    data.convnetjs_circle,
    data.convnetjs_spiral,
    data.cs231n_strength,
    data.cs231n_capacity,
)


def numbered(n=300, classes=3):
    """Examples that know their own number: x[i] = (i, i), classes in turn."""
    x = np.repeat(np.arange(n, dtype=np.float32)[:, None], 2, axis=1)
    return x, np.arange(n) % classes


def rows(split):
    return {tuple(row) for row in split.x.reshape(len(split), -1).tolist()}


def said(error, call, *arguments, **named):
    """What a call is refused with."""
    with pytest.raises(error) as caught:
        call(*arguments, **named)
    assert type(caught.value) is error
    return str(caught.value)


# The three splits


def test_the_splits_are_disjoint_and_together_are_the_data():
    x, y = numbered()
    made = data.from_arrays(x, y)
    parts = [rows(getattr(made, part)) for part in PARTS]
    assert [len(part) for part in parts] == [180, 60, 60]
    assert set.union(*parts) == {tuple(row) for row in x.tolist()}
    for part in PARTS:
        split = getattr(made, part)
        np.testing.assert_array_equal(split.y, split.x[:, 0].astype(int) % 3)


def test_classes_of_one_size_are_within_one_example_of_each_other_in_every_split():
    x, y = numbered(n=301, classes=7)
    made = data.from_arrays(x, y, train_size=100, validation_size=31, test_size=45)
    for part in ("test", "train"):
        assert np.ptp(np.bincount(getattr(made, part).y)) <= 1
    # What the test cut left over is uneven by one already.
    assert np.ptp(np.bincount(made.validation.y)) <= 2


def test_classes_of_different_sizes_keep_their_proportions():
    y = np.repeat([0, 1, 2], [700, 250, 50])
    made = data.from_arrays(np.arange(1000.0)[:, None], y, train_size=100)
    np.testing.assert_allclose(np.bincount(made.test.y), [140, 50, 10], atol=1)
    np.testing.assert_allclose(np.bincount(made.validation.y), [140, 50, 10], atol=1)
    np.testing.assert_allclose(np.bincount(made.train.y), [70, 25, 5], atol=1)


def test_a_class_of_three_examples_is_in_every_split():
    y = np.repeat([0, 1], [997, 3])
    made = data.from_arrays(np.arange(1000.0)[:, None], y)
    assert [np.bincount(getattr(made, part).y)[1] for part in PARTS] == [1, 1, 1]
    # A cut that takes nearly everything leaves an example of each class for the splits to come.
    made = data.from_arrays(np.arange(1000.0)[:, None], y, test_size=990)
    assert [np.bincount(getattr(made, part).y).tolist() for part in PARTS] == [[4, 1], [4, 1], [989, 1]]


def test_what_is_cut_by_default_is_a_fifth_and_at_most_ten_thousand():
    made = data.from_arrays(np.zeros((60_000, 1)), np.arange(60_000) % 2)
    assert [len(getattr(made, part)) for part in PARTS] == [40_000, 10_000, 10_000]


def test_every_beginning_of_an_ordering_has_the_classes_in_proportion():
    y = np.repeat([0, 1, 2, 3], [40, 30, 20, 10])
    order = ordering(y, seed=1)
    assert sorted(order) == list(range(100))
    for size in range(4, 101):
        counts = np.bincount(y[order[:size]], minlength=4)
        assert counts.min() >= 1
        # Adams's method never exceeds the proportional share by a whole example.
        assert np.all(counts < size * np.array([0.4, 0.3, 0.2, 0.1]) + 1)


def test_smaller_training_splits_lie_inside_larger_ones_and_leave_the_other_splits_alone():
    x, y = numbered()
    sizes = {size: data.from_arrays(x, y, train_size=size, seed=4) for size in (10, 50, 180, None)}
    assert [len(made.train) for made in sizes.values()] == [10, 50, 180, 180]
    assert rows(sizes[10].train) < rows(sizes[50].train) < rows(sizes[180].train) == rows(sizes[None].train)
    for made in sizes.values():
        np.testing.assert_array_equal(made.validation.x, sizes[None].validation.x)
        np.testing.assert_array_equal(made.test.x, sizes[None].test.x)


@pytest.mark.parametrize("loader", [data.digits, *PLANAR])
def test_train_size_and_label_noise_leave_validation_and_test_alone(loader):
    plain, other = loader(seed=3), loader(seed=3, train_size=20, label_noise=0.3)
    assert len(other.train) == 20
    assert rows(other.train) < rows(plain.train)
    for part in ("validation", "test"):
        np.testing.assert_array_equal(getattr(plain, part).x, getattr(other, part).x)
        np.testing.assert_array_equal(getattr(plain, part).y, getattr(other, part).y)


@pytest.mark.parametrize("loader", [data.digits, *PLANAR])
def test_one_seed_gives_one_dataset_and_another_seed_another(loader):
    assert loader(seed=5).fingerprint == loader(seed=5).fingerprint
    assert loader(seed=5).fingerprint != loader(seed=6).fingerprint
    assert not np.array_equal(loader(seed=5).validation.x, loader(seed=6).validation.x)


def test_the_global_random_state_decides_nothing():
    np.random.seed(1)
    before = data.spirals(label_noise=0.1).fingerprint
    np.random.seed(2)
    assert data.spirals(label_noise=0.1).fingerprint == before


def test_given_splits_stay_what_they_are_and_a_size_takes_a_stratified_part_of_them():
    x, y = numbered(90)
    made = data.from_arrays(x, y, validation=(x + 1000, y), test=(x + 2000, y))
    assert [len(getattr(made, part)) for part in PARTS] == [90, 90, 90]
    assert rows(made.validation) == {tuple(row) for row in (x + 1000).tolist()}
    assert rows(made.test) == {tuple(row) for row in (x + 2000).tolist()}
    less = data.from_arrays(x, y, validation=(x + 1000, y), test=(x + 2000, y), test_size=30)
    assert np.bincount(less.test.y).tolist() == [10, 10, 10]
    assert rows(less.test) < rows(made.test)
    np.testing.assert_array_equal(less.train.x, made.train.x)


def test_a_given_test_split_leaves_only_the_validation_split_to_be_cut():
    x, y = numbered(90)
    made = data.from_arrays(x, y, test=(x + 2000, y))
    assert [len(getattr(made, part)) for part in PARTS] == [72, 18, 90]
    assert rows(made.train) | rows(made.validation) == {tuple(row) for row in x.tolist()}


def test_the_arrays_of_a_split_are_read_only_copies():
    x, y = numbered()
    made = data.from_arrays(x, y)
    with pytest.raises(ValueError, match="read-only"):
        made.train.x[0] = 0
    with pytest.raises(ValueError, match="read-only"):
        made.train.y[0] = 0
    x[:] = -1
    assert min(part.x.min() for part in (made.train, made.validation, made.test)) == 0
    split = Split(x, y)
    assert x.flags.writeable
    assert not split.x.flags.writeable


@pytest.mark.parametrize(
    ("named", "message"),
    [
        (
            {"train_size": 181},
            "train_size must be at most 180, which is what arrays has for it (it is the number of training examples), "
            "got 181; --train-size sets it on the command line",
        ),
        (
            {"train_size": 2},
            "train_size must be at least 3, as every class needs one (it is the number of training examples), got 2; "
            "--train-size sets it on the command line",
        ),
        (
            {"test_size": 295},
            "test_size must be at most 294, which is what arrays has for it (it is the number of test examples), "
            "got 295",
        ),
        (
            {"validation_size": 238},
            "validation_size must be at most 237, which is what arrays has for it (it is the number of validation "
            "examples), got 238; --validation-size sets it on the command line",
        ),
        (
            {"train_size": 0},
            "train_size must be a whole number of at least 1 (it is the number of training examples), got 0",
        ),
        (
            {"train_size": 10.0},
            "train_size must be a whole number of at least 1 (it is the number of training examples), got 10.0",
        ),
        (
            {"validation_size": True},
            "validation_size must be a whole number of at least 1 (it is the number of validation examples), got True",
        ),
        ({"seed": True}, "seed must be a whole number of at least 0 (it is the data seed), got True"),
        ({"seed": -1}, "seed must be a whole number of at least 0 (it is the data seed), got -1"),
        ({"label_noise": 1.5}, "label_noise must be in [0, 1] (it is the share of wrong training labels), got 1.5"),
        (
            {"label_noise": float("nan")},
            "label_noise must be in [0, 1] (it is the share of wrong training labels), got nan",
        ),
        (
            {"labels": "class"},
            "labels must be one of 'classes', 'numbers', 'several', got 'class'; did you mean 'classes'?",
        ),
        ({"standardize": 1}, "standardize must be True or False, got 1"),
        (
            {"classes": ("a", "a", "b")},
            "classes must be different texts (it is the names of the classes 0, 1, ...), got ('a', 'a', 'b')",
        ),
        (
            {"labels": "numbers", "classes": ("a", "b")},
            "classes must be left out where labels is 'numbers' (it is the names of classes), got ('a', 'b')",
        ),
        (
            {"labels": "numbers", "label_noise": 0.1},
            "label_noise must be 0 where the labels are numbers (it is the share of training labels that are "
            "replaced by other classes), got 0.1",
        ),
        ({"validation": 0.2}, "validation must be a pair of x and y (it is a split), got float"),
    ],
)
def test_a_wrong_argument_is_refused_by_name(named, message):
    assert said(UsageError, data.from_arrays, *numbered(), **named) == message


# Label noise


def test_label_noise_makes_exactly_its_share_of_the_training_labels_wrong_and_no_other():
    x, y = numbered()
    kept = y.copy()
    clean, noisy = data.from_arrays(x, y), data.from_arrays(x, y, label_noise=0.25)
    np.testing.assert_array_equal(clean.train.x, noisy.train.x)
    assert np.sum(clean.train.y != noisy.train.y) == 45
    assert set(noisy.train.y.tolist()) == {0, 1, 2}
    np.testing.assert_array_equal(clean.validation.y, noisy.validation.y)
    np.testing.assert_array_equal(clean.test.y, noisy.test.y)
    np.testing.assert_array_equal(y, kept)


def test_wrong_labels_are_spread_over_the_other_classes_and_nested():
    y = np.zeros(9000, np.int32)
    some, all_ = mislabelled(y, 0.5, 10, seed=0), mislabelled(y, 1.0, 10, seed=0)
    assert not y.any()
    assert np.sum(some != 0) == 4500
    counts = np.bincount(all_, minlength=10)
    assert counts[0] == 0
    assert np.all(np.abs(counts[1:] - 1000) < 150)
    np.testing.assert_array_equal(some[some != 0], all_[some != 0])


def test_labels_with_noise_are_other_labels_for_another_seed():
    y = np.zeros(100, np.int32)
    assert not np.array_equal(mislabelled(y, 0.5, 10, seed=0), mislabelled(y, 0.5, 10, seed=1))


# The dataset itself


def parts_of(**changed):
    x, y = np.zeros((4, 2), np.float32), np.array([0, 1, 0, 1], np.int32)
    return {"train": Split(x, y), "validation": Split(x, y), "test": Split(x, y)} | changed


@pytest.mark.parametrize(
    ("split", "message"),
    [
        (
            Split(np.zeros((3, 2), np.float32), np.zeros(4, np.int32)),
            "has 3 examples and 4 labels; give each example one label",
        ),
        (Split(np.zeros((0, 2), np.float32), np.zeros(0, np.int32)), "is empty; every split needs examples"),
        (
            Split(np.zeros((2, 3), np.float32), np.array([0, 1], np.int32)),
            "has examples of shape (3,) and the training split has (2,); all splits need one shape",
        ),
    ],
)
def test_a_split_that_does_not_fit_is_refused(split, message):
    refused = said(DataError, Dataset, "toy", **parts_of(validation=split), classes=("a", "b"))
    assert refused == f"the validation split of toy {message}"


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (
            np.zeros((2, 2)),
            np.array([0, 1], np.int32),
            "x of the test split of toy must be float32 of shape (n, ...), got float64 of shape (2, 2); "
            "lab.data.from_arrays converts",
        ),
        (
            np.zeros((2, 2), np.float32),
            np.array([0, 1]),
            "y of the test split of toy must be int32 of shape (n,) where the labels are classes, got int64 of shape "
            "(2,); lab.data.from_arrays converts",
        ),
        (
            np.zeros((2, 2), np.float32),
            np.array([0, 2], np.int32),
            "y of the test split of toy must hold classes from 0 to 1, got 2",
        ),
        (
            np.array([[0, 0], [0, np.nan]], np.float32),
            np.array([0, 1], np.int32),
            "x of the test split of toy must hold finite float32 numbers and holds 1 NaN and 0 infinite or too large "
            "ones, the first at [1, 1]; fill or remove them",
        ),
    ],
)
def test_values_that_do_not_fit_are_refused(x, y, message):
    assert said(DataError, Dataset, "toy", **parts_of(test=Split(x, y)), classes=("a", "b")) == message


def test_a_dataset_of_numbers_wants_float_columns():
    message = said(DataError, Dataset, "toy", **parts_of(), classes=None)
    assert message == (
        "y of the training split of toy must be float32 of one shape (n, k) where the labels are numbers, got int32 of "
        "shape (4,); lab.data.from_arrays converts"
    )


def test_the_names_of_the_classes_are_at_least_two_different_texts():
    assert said(DataError, Dataset, "toy", **parts_of(), classes=("a",)) == (
        "toy has one class only, 'a'; telling classes apart takes at least two"
    )
    assert said(DataError, Dataset, "toy", **parts_of(), classes=("a", "a")) == (
        "the names of the classes of toy must be different texts, got ('a', 'a')"
    )


def test_the_fingerprint_changes_with_every_array_and_with_the_names_and_only_with_them():
    made = Dataset("toy", **parts_of(), classes=("a", "b"))
    seen = {made.fingerprint}
    for part in PARTS:
        old = getattr(made, part)
        seen.add(Dataset("toy", **parts_of(**{part: Split(old.x + 1, old.y)}), classes=("a", "b")).fingerprint)
        seen.add(Dataset("toy", **parts_of(**{part: Split(old.x, 1 - old.y)}), classes=("a", "b")).fingerprint)
    seen.add(Dataset("toy", **parts_of(), classes=("a", "c")).fingerprint)
    assert len(seen) == 8
    assert all(len(one) == 32 and int(one, 16) >= 0 for one in seen)
    assert Dataset("other name", **parts_of(), classes=("a", "b")).fingerprint == made.fingerprint


def test_the_fingerprint_is_the_same_in_another_process():
    program = (
        "import sys; from lab import data; "
        "print(data.spirals(label_noise=0.1, seed=2).fingerprint, "
        "*sorted({'tensorflow', 'keras', 'sklearn', 'pandas'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    # And nothing that takes seconds to import was imported.
    assert done.stdout.split() == [data.spirals(label_noise=0.1, seed=2).fingerprint]


def test_loaders_can_be_bound_with_partial():
    bound = partial(data.digits, train_size=300, label_noise=0.2)
    assert len(bound().train) == 300
    assert bound(seed=1).fingerprint == data.digits(train_size=300, label_noise=0.2, seed=1).fingerprint


# Digits and points


def test_digits_are_the_1797_images_of_scikit_learn_in_zero_to_one():
    from sklearn.datasets import load_digits

    made = data.digits()
    assert made.input_shape == (8, 8, 1)
    assert made.classes == tuple("0123456789")
    assert [len(getattr(made, part)) for part in PARTS] == [1079, 359, 359]
    together = np.concatenate([getattr(made, part).x[..., 0] for part in PARTS])
    labels = np.concatenate([getattr(made, part).y for part in PARTS])
    assert together.dtype == np.float32
    assert (together.min(), together.max()) == (0, 1)
    original = load_digits()

    def listed(pixels, labels):
        return sorted(zip(pixels.reshape(len(pixels), -1).tolist(), labels.tolist(), strict=True))

    assert listed(together * 16, labels) == listed(original.images, original.target)


@pytest.mark.parametrize("loader", PLANAR)
def test_points_are_float32_pairs_and_no_point_is_in_two_splits(loader):
    made = loader(validation_size=90, test_size=120)
    assert made.input_shape == (2,)
    assert made.name == loader.__name__
    assert [len(made.validation), len(made.test)] == [90, 120]
    parts = [rows(getattr(made, part)) for part in PARTS]
    assert len(set.union(*parts)) == sum(len(part) for part in parts)
    assert [len(getattr(loader(), part)) for part in ("validation", "test")] == [600, 600]


def test_spirals_follow_the_formula_of_the_case_study():
    made = data.spirals(noise=0)
    assert np.bincount(made.train.y).tolist() == [100, 100, 100]
    for arm in range(3):
        found = made.train.x[made.train.y == arm]
        radius = np.linalg.norm(found, axis=1)
        found, radius = found[np.argsort(radius)], np.sort(radius)
        np.testing.assert_allclose(radius, np.linspace(0, 1, 100), atol=1e-6)
        angle = np.linspace(4 * arm, 4 * (arm + 1), 100)
        np.testing.assert_allclose(found, radius[:, None] * np.stack([np.sin(angle), np.cos(angle)], 1), atol=1e-6)


def test_convnetjs_data_lie_where_its_demo_puts_them():
    circle, spiral = data.convnetjs_circle(), data.convnetjs_spiral()
    radius = np.linalg.norm(circle.train.x, axis=1)
    assert np.bincount(circle.train.y).tolist() == [50, 50]
    assert radius[circle.train.y == 0].max() < 2
    assert 3 <= radius[circle.train.y == 1].min() <= radius.max() < 5
    assert np.bincount(spiral.train.y).tolist() == [100, 100]
    for part in (spiral.train, spiral.validation):
        signed = np.linalg.norm(part.x, axis=1)
        turn = np.arctan2(part.x[:, 0], part.x[:, 1]) - part.y * np.pi - 1.25 * 2 * np.pi * signed / 5
        outside = signed > 0.2
        # The angle's own 0.1, and what a radius off by 0.1 makes of the turn.
        off = np.abs((turn + np.pi) % (2 * np.pi) - np.pi)[outside]
        assert off.max() <= 0.1 + 1.25 * 2 * np.pi * 0.1 / 5 + 1e-3


def test_circles_and_moons_without_noise_lie_on_their_curves():
    circles, moons = data.circles(noise=0).train, data.moons(noise=0).train
    np.testing.assert_allclose(np.linalg.norm(circles.x, axis=1), np.array([0.5, 1])[circles.y], atol=1e-6)
    centre = np.array([[0, 0], [1, 0.5]])[moons.y]
    np.testing.assert_allclose(np.linalg.norm(moons.x - centre, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize(
    ("loader", "counts", "some"),
    [
        (data.cs231n_strength, [11, 14], {(-2.87, 0.62): 0, (3.39, -1.67): 1}),
        (data.cs231n_capacity, [15, 17], {(-2.49, -1.37): 0, (1.18, -0.02): 1}),
    ],
)
def test_the_points_of_a_figure_are_all_for_training_and_the_others_lie_near_them(loader, counts, some):
    made = loader(jitter=0.01)
    assert np.bincount(made.train.y).tolist() == counts
    labels = {tuple(point): label for point, label in zip(made.train.x.round(2).tolist(), made.train.y, strict=True)}
    labels = {(round(a, 2), round(b, 2)): label for (a, b), label in labels.items()}
    assert {point: labels[point] for point in some} == some
    for part in (made.validation, made.test):
        distance = np.linalg.norm(part.x[:, None] - made.train.x[None], axis=2)
        assert 0 < distance.min(axis=1).max() < 0.1
        np.testing.assert_array_equal(made.train.y[distance.argmin(axis=1)], part.y)


def test_the_shapes_of_point_sets_are_refused_by_name():
    assert said(UsageError, data.spirals, noise=-1) == (
        "noise must be at least 0 (it is the standard deviation of the angle), got -1"
    )
    assert said(UsageError, data.moons, points=0) == (
        "points must be a whole number of at least 1 (it is the number of training points of a class), got 0"
    )
    assert said(UsageError, data.cs231n_strength, jitter=0) == (
        "jitter must be above 0 (it is the standard deviation of the jitter), got 0"
    )
    assert said(UsageError, data.cs231n_strength, train_size=26) == (
        "train_size must be at most 25, which is what cs231n_strength has for it (it is the number of training "
        "examples), got 26; --train-size sets it on the command line"
    )


# People's own arrays


def test_texts_whole_numbers_and_booleans_become_sorted_classes():
    x, y = numbered()
    texts = data.from_arrays(x, np.array(["dog", "ant", "cat"])[y])
    assert texts.classes == ("ant", "cat", "dog")
    np.testing.assert_array_equal(texts.train.y, np.array([2, 0, 1])[texts.train.x[:, 0].astype(int) % 3])
    assert data.from_arrays(x, y * 10 - 5).classes == ("-5", "5", "15")
    assert data.from_arrays(x, (y * 1.0)[:, None]).classes == ("0", "1", "2")
    assert data.from_arrays(x, y > 0).classes == ("False", "True")
    named = data.from_arrays(x, y, classes=["zero", "one", "two"])
    assert named.classes == ("zero", "one", "two")
    np.testing.assert_array_equal(named.train.y, named.train.x[:, 0].astype(int) % 3)
    assert named.train.y.dtype == np.int32


def test_numbers_to_be_predicted_become_float_columns():
    x, y = numbered()
    one = data.from_arrays(x, y / 2, labels="numbers")
    assert one.classes is None
    assert one.train.y.shape == (180, 1)
    np.testing.assert_array_equal(one.test.y[:, 0], one.test.x[:, 0] % 3 / 2)
    two = data.from_arrays(x, np.stack([y, y], 1), labels="numbers", train_size=7)
    assert (two.train.y.shape, two.train.y.dtype) == ((7, 2), np.float32)
    assert rows(two.validation) == rows(one.validation)


def test_bytes_of_image_shape_become_images_in_zero_to_one():
    x = np.arange(30 * 4 * 4, dtype=np.uint8).reshape(30, 4, 4)
    grey = data.from_arrays(x, np.arange(30) % 2)
    assert grey.input_shape == (4, 4, 1)
    assert grey.train.x.dtype == np.float32
    assert {round(float(value) * 255) for part in PARTS for value in getattr(grey, part).x.ravel()} == set(range(256))
    colour = data.from_arrays(np.full((30, 4, 4, 3), 51, np.uint8), np.arange(30) % 2)
    np.testing.assert_allclose(colour.train.x, 0.2)
    assert colour.input_shape == (4, 4, 3)
    table = data.from_arrays(np.full((30, 2), 51, np.uint8), np.arange(30) % 2)
    np.testing.assert_array_equal(table.train.x, 51)


def test_standardizing_uses_the_training_split_alone():
    generator = np.random.default_rng(0)
    x = np.concatenate([generator.normal(5, 3, (200, 2)), np.full((200, 1), 0.1)], axis=1)
    y = np.arange(200) % 2
    plain = data.from_arrays(x, y, train_size=50)
    made = data.from_arrays(x, y, train_size=50, standardize=True)
    np.testing.assert_allclose(made.train.x[:, :2].mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(made.train.x[:, :2].std(axis=0), 1, atol=1e-6)
    mean, deviation = plain.train.x.astype(float).mean(axis=0), plain.train.x[:, :2].astype(float).std(axis=0)
    for part in PARTS:
        expected = (getattr(plain, part).x - mean) / [*deviation, 1]
        np.testing.assert_allclose(getattr(made, part).x, expected, atol=1e-6)
    assert abs(made.test.x[:, 0].mean()) > 1e-3


def test_given_splits_that_cannot_be_used_are_refused():
    x, y = numbered(30)
    assert said(DataError, data.from_arrays, x, y, test=(x[y < 2], y[y < 2])) == (
        "the class '2' is missing from the test split of arrays; every split needs examples of every class"
    )
    assert said(DataError, data.from_arrays, x, y, validation=(x[:0], y[:0])) == (
        "x of validation is empty; every split needs examples"
    )
    assert said(DataError, data.from_arrays, x, y, validation=(x[:, :1], y)) == (
        "the validation split of arrays has examples of shape (1,) and the training split has (2,); all splits need "
        "one shape"
    )
    assert said(DataError, data.from_arrays, x, y, test=(x, y.astype(str))) == (
        "y of test and y must both hold numbers or both texts, got <U21 and int64"
    )
    assert said(DataError, data.from_arrays, x, y, test=(x, y[:-1])) == (
        "x of test has 30 examples and y of test has 29 labels; give each example one label"
    )
    assert said(DataError, data.from_arrays, x, y, classes=("a", "b")) == (
        "y holds 2, which is none of the classes '0', '1'"
    )
    assert said(DataError, data.from_arrays, x, y / 2, labels="numbers", test=(x, np.full(30, np.inf))) == (
        "y of test must hold finite float32 numbers and holds 0 NaN and 30 infinite or too large ones, the first at "
        "[0, 0]; fill or remove them"
    )


# People's own files


def test_an_npz_gives_the_same_dataset_as_its_arrays(tmp_path):
    x, y = numbered()
    np.savez(tmp_path / "mine.npz", x=x, y=y)
    made = data.from_npz(tmp_path / "mine.npz", train_size=60, label_noise=0.1, seed=8)
    assert made.name == "mine"
    assert made.fingerprint == data.from_arrays(x, y, train_size=60, label_noise=0.1, seed=8).fingerprint


def test_an_npz_may_bring_its_own_splits(tmp_path):
    x, y = numbered(60)
    np.savez_compressed(tmp_path / "a.npz", x_train=x, y_train=y, x_val=x + 100, y_val=y, x_test=x + 200, y_test=y)
    made = data.from_npz(str(tmp_path / "a.npz"))
    assert made.fingerprint == data.from_arrays(x, y, validation=(x + 100, y), test=(x + 200, y)).fingerprint
    np.savez(tmp_path / "b.npz", x_train=x, y_train=y, x_test=x + 200, y_test=y)
    assert len(data.from_npz(tmp_path / "b.npz").train) == 48


def test_splits_of_the_datas_own_are_kept_whole():
    x, y = numbered(60)
    made = data.from_arrays(x, y, validation=(x + 100, y), test=(x + 200, y), standardize=False)
    for part, shift in (("train", 0), ("validation", 100), ("test", 200)):
        assert rows(getattr(made, part)) == {(i + shift, i + shift) for i in range(60)}


def test_a_pickle_in_an_npz_is_refused_and_not_run(tmp_path):
    ran = tmp_path / "ran"

    class Trap:
        def __reduce__(self):
            return Path.touch, (ran,)

    path = tmp_path / "trap.npz"
    np.savez(path, x=np.array([Trap()], dtype=object), y=np.zeros(1))
    assert said(DataError, data.from_npz, path) == (
        f"the array x of {path} holds Python objects, which are pickled and could run any program; save numbers or "
        f"texts instead, as in numpy.savez(path, x=x.astype('float32'))"
    )
    path.write_bytes(pickle.dumps(Trap()))
    assert said(DataError, data.from_npz, path) == (
        f"{path} is not an .npz file; write one with numpy.savez(path, x=x, y=y)"
    )
    assert not ran.exists()


def test_npz_files_that_cannot_be_used_are_refused_and_left_alone(tmp_path):
    x, y = numbered()
    path = tmp_path / "mine.npz"
    assert said(DataError, data.from_npz, path) == f"{path} is not there; check the path"
    assert said(DataError, data.from_npz, tmp_path) == (f"{tmp_path} must be a file and is a folder; name a file")
    assert said(UsageError, data.from_npz, 3) == "path must be a text or a path (it is the name of a file), got 3"
    np.savez(path, x=x, y=y)
    whole = path.read_bytes()
    for torn in (whole[: len(whole) // 2], whole[:300] + b"?" * 50 + whole[350:]):
        path.write_bytes(torn)
        message = said(DataError, data.from_npz, path)
        assert message.split(" is torn")[0] in (str(path), f"the array x of {path}")
        assert path.read_bytes() == torn
    np.savez(path, x=x, labels=y)
    assert said(DataError, data.from_npz, path) == (
        f"{path} must hold x and y, or x_train, y_train and x_val, y_val and x_test, y_test as far as there are such "
        f"splits; y is missing from x, labels"
    )
    np.savez(path, x_train=x, y_train=y, x_test=x)
    assert said(DataError, data.from_npz, path).endswith("y_test is missing from x_train, y_train, x_test")
    np.savez(path, x=np.where(x == 3, np.nan, x), y=y)
    assert said(DataError, data.from_npz, path).startswith("x must hold finite float32 numbers and holds 2 NaN")


def table(path, lines, encoding="utf-8"):
    path.write_text("\n".join(lines) + "\n", encoding=encoding, newline="")
    return path


def test_a_csv_becomes_a_dataset_of_its_number_columns(tmp_path):
    x, y = numbered(60)
    lines = ["kind,height,weight", *(f"{'abc'[k]},{a!s},{b * 2!s}" for (a, b), k in zip(x, y, strict=True))]
    path = table(tmp_path / "animals.csv", lines, encoding="utf-8-sig")
    made = data.from_csv(path, target="kind", standardize=False, seed=1)
    assert (made.name, made.classes, made.input_shape) == ("animals", ("a", "b", "c"), (2,))
    assert made.fingerprint == data.from_arrays(x * [1, 2], np.array(list("abc"))[y], seed=1).fingerprint
    standard = data.from_csv(path, target="kind", seed=1)
    np.testing.assert_allclose(standard.train.x.std(axis=0), 1, atol=1e-6)


def test_a_csv_target_of_numbers_is_classes_in_their_order_or_numbers_to_predict(tmp_path):
    path = table(tmp_path / "t.csv", ["a;target", *(f"{i};{(i % 3) * 5}" for i in range(60)), ""])
    assert data.from_csv(path, target="target", separator=";").classes == ("0", "5", "10")
    made = data.from_csv(path, target="target", labels="numbers", separator=";", standardize=False)
    assert made.classes is None
    np.testing.assert_array_equal(made.train.y, made.train.x % 3 * 5)


def test_csv_arguments_that_cannot_be_are_refused(tmp_path):
    path = table(tmp_path / "table.csv", ["height,kind", "1,x", "2,y"])
    assert said(UsageError, data.from_csv, path, target="knd") == (
        "target must be one of 'height', 'kind', got 'knd'; did you mean 'kind'?"
    )
    assert said(UsageError, data.from_csv, path, target=1) == (
        "target must be a text (it is the name of the column of labels), got 1"
    )
    assert said(UsageError, data.from_csv, path, target="kind", separator="ab") == (
        "separator must be one character (it is what stands between two cells), got 'ab'"
    )
    assert said(DataError, data.from_csv, tmp_path / "no.csv", target="kind") == (
        f"{tmp_path / 'no.csv'} is not there; check the path"
    )
    path.write_bytes(b"a,kind\n\xff,1\n")
    assert said(DataError, data.from_csv, path, target="kind") == (
        f"{path} is not UTF-8 text (byte 7); save it as CSV in UTF-8"
    )


# Keras's cache: small archives of the right format


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, and no network."""

    def no_network(download, place):
        raise Exception(f"URL fetch failure on {download.url}: None -- no network")

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(keras_cache, "_download", no_network)
    (tmp_path / "datasets").mkdir()
    return tmp_path / "datasets"


def unlocked(folder):
    """Return the names of the files in a folder that are no locks."""
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def small_images(shape, classes=10, each=6, test_each=2):
    generator = np.random.default_rng(0)
    x_train = generator.integers(0, 256, (classes * each, *shape), dtype=np.uint8)
    x_test = generator.integers(0, 256, (classes * test_each, *shape), dtype=np.uint8)
    return x_train, np.arange(len(x_train)) % classes, x_test, np.arange(len(x_test)) % classes


def small_mnist(cache, monkeypatch):
    arrays = dict(zip(images.ARRAYS, small_images((28, 28)), strict=True))
    np.savez(cache / "mnist.npz", **arrays)
    digest = sha256((cache / "mnist.npz").read_bytes())
    monkeypatch.setattr(images, "MNIST", Download("mnist.npz", "https://example.org/mnist.npz", digest))
    return arrays


def small_cifar(monkeypatch, name="CIFAR10", labels="labels"):
    """An archive in CIFAR's format, and its arrays."""
    arrays = dict(zip(images.ARRAYS, small_images((32, 32, 3)), strict=True))
    pieces = np.array_split(np.arange(60), 5) if name == "CIFAR10" else [np.arange(60)]
    batches = [f"data_batch_{i}" for i in range(1, 6)] if name == "CIFAR10" else ["train"]
    test, meta, names = (
        ("test_batch", "batches.meta", "label_names") if name == "CIFAR10" else ("test", "meta", "fine_label_names")
    )

    def batch(x, y):
        flat = x.transpose(0, 3, 1, 2).reshape(len(x), -1)
        return {b"data": flat, labels.encode(): y.tolist(), b"coarse_labels": [0] * len(y)}

    files = {file: batch(arrays["x_train"][p], arrays["y_train"][p]) for file, p in zip(batches, pieces, strict=True)}
    files[test] = batch(arrays["x_test"], arrays["y_test"])
    files[meta] = {names.encode(): [f"kind {i}".encode() for i in range(10)]}
    content = archive(files)
    published = getattr(images, name)
    small = Download(published.file, published.url, sha256(content), published.names)
    monkeypatch.setattr(images, name, small)
    return content, arrays


def archive(files):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        for name, value in files.items():
            # Published archives name NumPy's modules as they were called in 2009.
            pickled = pickle.dumps(value, protocol=2).replace(b"numpy._core", b"numpy.core")
            member = tarfile.TarInfo(f"cifar-batches-py/{name}")
            member.size = len(pickled)
            tar.addfile(member, io.BytesIO(pickled))
    return content.getvalue()


def test_mnist_is_read_from_the_cache_and_keeps_its_own_test_split(cache, monkeypatch):
    arrays = small_mnist(cache, monkeypatch)
    made = data.mnist()
    assert made.input_shape == (28, 28, 1)
    assert [len(getattr(made, part)) for part in PARTS] == [48, 12, 20]
    expected = (arrays["x_test"] / np.float32(255)).reshape(20, -1).astype(np.float32)
    assert rows(made.test) == {tuple(row) for row in expected.tolist()}
    assert rows(data.mnist(train_size=20).train) < rows(made.train)


def test_a_cached_file_of_the_wrong_content_is_refused_and_left_alone(cache, monkeypatch):
    small_mnist(cache, monkeypatch)
    path = cache / "mnist.npz"
    torn = path.read_bytes()[:1000]
    path.write_bytes(torn)
    assert said(DataError, data.mnist) == (
        f"{path} is not the published file: its SHA-256 is {sha256(torn)} instead of {images.MNIST.sha256}, so it may "
        f"be torn; it was left as it is, move it away and the next run downloads it again"
    )
    assert path.read_bytes() == torn


@pytest.mark.parametrize(
    ("loader", "file", "url"),
    [
        (data.mnist, "mnist.npz", "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"),
        (
            data.fashion_mnist,
            "fashion-mnist/train-images-idx3-ubyte.gz",
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/train-images-idx3-ubyte.gz",
        ),
        (
            data.cifar10,
            "cifar-10-batches-py-target_archive",
            "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
        ),
        (data.cifar100, "cifar-100-python-target_archive", "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"),
    ],
)
def test_without_a_network_the_refusal_says_which_file_to_put_where(cache, monkeypatch, loader, file, url):
    monkeypatch.setattr(images, "DEBIAN", cache / "no such folder")
    clothes = (
        f"; the data set is four files, train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, "
        f"t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz, in {cache / 'fashion-mnist'}, and Debian's package "
        f"dataset-fashion-mnist brings them all"
    )
    assert said(DataError, loader) == (
        f"{cache / file} is not there and could not be downloaded (URL fetch failure on {url}: None -- no network); "
        f"get {url} on a machine with a network and put it there under this name"
        f"{clothes if loader is data.fashion_mnist else ''}"
    )


def test_a_wrong_argument_is_refused_before_any_file_is_looked_for(cache):
    for loader in (data.mnist, data.fashion_mnist, data.cifar10, data.cifar100):
        assert said(UsageError, loader, train_size=0) == (
            "train_size must be a whole number of at least 1 (it is the number of training examples), got 0"
        )


@pytest.mark.parametrize(
    ("loader", "name", "labels"), [("cifar10", "CIFAR10", "labels"), ("cifar100", "CIFAR100", "fine_labels")]
)
def test_cifar_is_unpacked_once_and_read_from_its_npz_afterwards(cache, monkeypatch, loader, name, labels):
    content, arrays = small_cifar(monkeypatch, name, labels)
    path = cache / getattr(images, name).file
    path.write_bytes(content)
    made = getattr(data, loader)()
    assert made.input_shape == (32, 32, 3)
    assert made.classes == tuple(f"kind {i}" for i in range(10))
    assert [len(getattr(made, part)) for part in PARTS] == [48, 12, 20]
    expected = (arrays["x_test"] / np.float32(255)).reshape(20, -1).astype(np.float32)
    assert {(*row, label) for row, label in zip(made.test.x.reshape(20, -1).tolist(), made.test.y, strict=True)} == {
        (*row, label) for row, label in zip(expected.tolist(), arrays["y_test"], strict=True)
    }
    assert path.read_bytes() == content
    assert len(unlocked(cache)) == 2
    path.unlink()
    assert getattr(data, loader)().fingerprint == made.fingerprint


def test_a_cifar_archive_under_its_published_name_is_found(cache, monkeypatch):
    content, _ = small_cifar(monkeypatch)
    (cache / "cifar-10-python.tar.gz").write_bytes(content)
    assert len(data.cifar10().test) == 20


def test_a_torn_or_altered_npz_of_cifar_is_made_again(cache, monkeypatch):
    content, _ = small_cifar(monkeypatch)
    (cache / images.CIFAR10.file).write_bytes(content)
    right = data.cifar10().fingerprint
    (npz,) = cache.glob("lab-*.npz")
    whole = npz.read_bytes()
    npz.write_bytes(whole[:5000])
    assert data.cifar10().fingerprint == right
    assert npz.read_bytes() == whole
    with np.load(npz) as file:
        altered = {name: file[name] for name in file.files}
    altered["x_train"][0] ^= 255
    np.savez(npz, **altered)
    assert data.cifar10().fingerprint == right


def test_cifar_loads_where_its_npz_cannot_be_written(cache, monkeypatch):
    content, _ = small_cifar(monkeypatch)
    (cache / images.CIFAR10.file).write_bytes(content)

    def full(*arguments, **named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    assert len(data.cifar10().test) == 20
    assert unlocked(cache) == [images.CIFAR10.file]


def test_workers_that_load_cifar_at_once_see_the_same_data(cache, monkeypatch):
    content, _ = small_cifar(monkeypatch)
    (cache / images.CIFAR10.file).write_bytes(content)
    with ThreadPoolExecutor(8) as workers:
        prints = list(workers.map(lambda _: data.cifar10().fingerprint, range(16)))
    assert len(set(prints)) == 1
    assert len(unlocked(cache)) == 2


def test_a_torn_cifar_archive_is_refused_and_left_alone(cache, monkeypatch):
    content, _ = small_cifar(monkeypatch)
    path = cache / images.CIFAR10.file
    path.write_bytes(content[:-100])
    assert said(DataError, data.cifar10).startswith(f"{path} is not the published file: its SHA-256 is ")
    assert path.read_bytes() == content[:-100]
    assert unlocked(cache) == [path.name]
    # Also where the hash would let it pass.
    members = {"train": ("a",), "test": ("b",), "meta": ("c",)}
    message = said(DataError, formats.cifar, content[:-100], "archive", members, "labels", "label_names")
    assert message.startswith("archive is not a CIFAR archive that can be read (")
    assert said(DataError, formats.cifar, content, "archive", members, "labels", "label_names") == (
        "archive is not a CIFAR archive that can be read ('a'); get it again"
    )


def test_a_cifar_archive_that_wants_to_run_a_program_is_refused(tmp_path):
    ran = tmp_path / "ran"

    class Trap:
        def __reduce__(self):
            return Path.touch, (ran,)

    members = {"train": ("a",), "test": ("b",), "meta": ("c",)}
    message = said(DataError, formats.cifar, archive({"a": Trap()}), "archive", members, "labels", "label_names")
    assert message.startswith("archive is not a CIFAR archive that can be read (it wants to call ")
    assert not ran.exists()


def test_an_absent_file_is_downloaded_by_keras_through_a_folder_of_its_own(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    source = tmp_path / "source.bin"
    source.write_bytes(b"published")
    download = Download("some/file.bin", source.as_uri(), sha256(b"published"))
    assert keras_cache.read(download) == b"published"
    folder = tmp_path / "home" / "datasets" / "some"
    left = sorted(path.name for path in folder.iterdir())
    assert [name for name in left if not name.endswith(".lock")] == ["file.bin"]
    assert capsys.readouterr().out == ""
    source.unlink()
    assert keras_cache.read(download) == b"published"


def test_a_download_that_fails_or_is_wrong_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    missing = Download("file.bin", (tmp_path / "missing.bin").as_uri(), sha256(b"published"))
    path = tmp_path / "home" / "datasets" / "file.bin"
    message = said(DataError, keras_cache.read, missing)
    assert message.startswith(f"{path} is not there and could not be downloaded (URL fetch failure on {missing.url}: ")
    assert message.endswith(f"); get {missing.url} on a machine with a network and put it there under this name")
    (tmp_path / "missing.bin").write_bytes(b"something else")
    assert said(DataError, keras_cache.read, missing).startswith(f"{path} is not there and could not be downloaded (")
    assert [file.name for file in path.parent.iterdir() if not file.name.endswith(".lock")] == []


# Fashion-MNIST


def small_idx(array):
    head = b"\0\0\x08" + bytes([array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return head + array.tobytes()


def test_fashion_mnist_is_read_from_the_cache_or_from_where_debian_puts_it(cache, monkeypatch):
    files = []
    debian = cache / "debian"
    debian.mkdir()
    for array, (name, *_) in zip(small_images((28, 28)), images.FASHION_MNIST, strict=True):
        raw = small_idx(array.astype(np.uint8))
        (debian / name).write_bytes(gzip.compress(raw))
        files.append((name, array.shape, sha256(raw)))
    monkeypatch.setattr(images, "FASHION_MNIST", tuple(files))
    monkeypatch.setattr(images, "DEBIAN", debian)
    made = data.fashion_mnist()
    assert [len(getattr(made, part)) for part in PARTS] == [48, 12, 20]
    assert made.classes[9] == "Ankle boot"
    debian.rename(cache / "fashion-mnist")
    assert data.fashion_mnist().fingerprint == made.fingerprint
    torn = (cache / "fashion-mnist" / files[0][0]).read_bytes()[:-20]
    (cache / "fashion-mnist" / files[0][0]).write_bytes(torn)
    assert said(DataError, data.fashion_mnist) == (
        f"{cache / 'fashion-mnist' / files[0][0]} is torn or not a gzip file (Compressed file ended before the "
        f"end-of-stream marker was reached); get it again"
    )
    assert (cache / "fashion-mnist" / files[0][0]).read_bytes() == torn


def test_an_idx_file_of_another_shape_or_content_is_refused():
    raw = small_idx(np.arange(12, dtype=np.uint8).reshape(3, 2, 2))
    packed = gzip.compress(raw)
    np.testing.assert_array_equal(formats.idx(packed, "file", (3, 2, 2), sha256(raw)), np.arange(12).reshape(3, 2, 2))
    assert said(DataError, formats.idx, packed, "file", (4, 2, 2), sha256(raw)) == (
        "file must be an IDX file of 4 x 2 x 2 bytes, got 28 bytes that begin with 00000803; get it again"
    )
    assert said(DataError, formats.idx, gzip.compress(b""), "file", (4,), sha256(raw)) == (
        "file must be an IDX file of 4 bytes, got 0 bytes that begin with nothing; get it again"
    )
    assert said(DataError, formats.idx, packed, "file", (3, 2, 2), "0" * 64) == (
        f"file is not the published file: unpacked, its SHA-256 is {sha256(raw)} instead of {'0' * 64}; it was left as "
        f"it is, get it again"
    )
    assert said(DataError, formats.idx, b"<html>", "file", (4,), "0") == (
        "file is torn or not a gzip file (Not a gzipped file (b'<h')); get it again"
    )


@pytest.mark.skipif(
    not (images.DEBIAN.is_dir() or (keras_cache.folder() / "fashion-mnist").is_dir()),
    reason="Fashion-MNIST is on this machine neither in Keras's cache nor as Debian's package dataset-fashion-mnist",
)
def test_the_real_fashion_mnist_has_its_70_000_pictures():
    made = data.fashion_mnist(train_size=1000)
    assert made.input_shape == (28, 28, 1)
    assert [len(getattr(made, part)) for part in PARTS] == [1000, 10_000, 10_000]
    for part in PARTS:
        counts = np.bincount(getattr(made, part).y)
        assert counts.min() == counts.max() == len(getattr(made, part)) / 10
    # The mean published with the data set, of the training part.
    assert made.train.x.mean() == pytest.approx(0.286, abs=0.01)
    assert (made.test.x.min(), made.test.x.max()) == (0, 1)
