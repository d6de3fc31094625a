"""What is done to examples: formulas, both engines, the same for all variants of a seed, and off beside on."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import tensorflow as tf

from lab import models
from lab.checks import UsageError
from lab.data import Dataset, Split
from lab.engine import augmentation, cohort, keras_fit
from lab.engine.task import Task
from lab.regularization import Regularization
from lab.training import Training
from tests.cohorts import difference, identical, task, together

TRAINING = Training(optimizer="momentum", learning_rate=0.02, epochs=2, batch_size=16)
IMAGES = {"flip": True, "shift": 2, "cutout": 3, "cutmix": 1.0, "trivial_augment": True}


def batch(replicas: int = 2, examples: int = 5, height: int = 6, width: int = 7) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(replicas, examples, height, width, 2)).astype(np.float32)


def changed(x: np.ndarray, **numbers) -> np.ndarray:
    return augmentation.changed(
        tf.constant(x), {name: tf.constant(value) for name, value in numbers.items()}, tf.constant(3, tf.int64)
    ).numpy()


def test_images_are_turned_over_moved_and_cut_out_as_drawn():
    x, off = batch(), np.float32([1, 0])
    drawn = np.random.default_rng(1).integers(0, 2, (2, 5, 2), dtype=np.int32)
    found = changed(x, flip=off, flip_drawn=drawn * [[[1]], [[0]]])
    for n in range(5):
        np.testing.assert_array_equal(found[0, n], x[0, n, :, ::-1] if drawn[0, n, 0] else x[0, n])
    np.testing.assert_array_equal(found[1], x[1])

    by = np.random.default_rng(2).integers(-3, 4, (2, 5, 2), dtype=np.int32)
    found = changed(x, shift=off, shift_drawn=by)
    for n, (down, right) in enumerate(by[0]):
        expected = np.zeros_like(x[0, n])
        for i in range(6):
            for j in range(7):
                if 0 <= i - down < 6 and 0 <= j - right < 7:
                    expected[i, j] = x[0, n, i - down, j - right]
        np.testing.assert_array_equal(found[0, n], expected)
    np.testing.assert_array_equal(found[1], x[1])

    centres = np.stack([np.random.default_rng(3).integers(0, size, (2, 5)) for size in (6, 7)], -1).astype(np.int32)
    found = changed(x, cutout=np.float32([3, 0]), cutout_drawn=centres)
    for n, (i, j) in enumerate(centres[0]):
        expected = x[0, n].copy()
        expected[max(0, i - 1) : i + 2, max(0, j - 1) : j + 2] = 0
        np.testing.assert_array_equal(found[0, n], expected)
    np.testing.assert_array_equal(found[1], x[1])


def test_the_share_of_cutmix_is_the_counted_pixels():
    x = batch()
    box = np.int32([[1, 4, 2, 7], [0, 0, 3, 3]])
    found, share = augmentation.pasted(tf.constant(x), tf.constant(box))
    own = (found.numpy() == x).all(-1)
    np.testing.assert_allclose(share, own[:, 0].mean((1, 2)), rtol=1e-6)
    np.testing.assert_array_equal(found[0, :, 1:4, 2:7], np.roll(x, 1, 1)[0, :, 1:4, 2:7])
    np.testing.assert_array_equal(found[1], x[1])
    assert float(share[1]) == 1.0


def test_the_boxes_of_cutmix_leave_about_the_drawn_share_and_lie_in_the_image():
    training = Training(cutmix=1.0)
    top, bottom, left, right = augmentation.boxes(training, (40, 60, 1), 4000, 1, 1).T
    assert ((top >= 0) & (bottom <= 40) & (left >= 0) & (right <= 60) & (top <= bottom) & (left <= right)).all()
    # Cut off at the edges, a box of the sides s and t of the image's has the mean area (s - s**2 / 4) (t - t**2 / 4).
    sides = np.sqrt(1 - np.random.default_rng(0).uniform(size=100_000))
    expected = np.mean((sides - sides**2 / 4) ** 2)
    assert np.mean((bottom - top) * (right - left)) / 2400 == pytest.approx(expected, rel=0.05)
    assert (augmentation.boxes(Training(), (40, 60, 1), 3, 1, 1) == 0).all()


def test_swap_noise_keeps_columns_and_swaps_about_its_share():
    generator = np.random.default_rng(0)
    columns = generator.permuted(np.tile(np.arange(400.0), (3, 1)), axis=1) + np.float64([[0], [1000], [2000]])
    x = columns.T.astype(np.float32)
    found = changed(np.stack([x, x]), swap_noise=np.float32([0.3, 0]), swap_seeds=np.int64([4, 4]))
    np.testing.assert_array_equal(found[1], x)
    assert (found[0] // 1000 == [0, 1, 2]).all()
    assert np.mean(found[0] != x) == pytest.approx(0.3 * 399 / 400, abs=0.05)


def test_the_share_of_row_cutmix_is_the_counted_columns():
    x = np.random.default_rng(0).normal(size=(2, 5, 8)).astype(np.float32)
    of_others = np.float32([[0, 1, 1, 0, 0, 0, 0, 1], [0] * 8])
    found, share = augmentation.exchanged(tf.constant(x), tf.constant(of_others))
    np.testing.assert_array_equal(found[0], np.where(of_others[0] > 0, np.roll(x[0], 1, 0), x[0]))
    np.testing.assert_array_equal(found[1], x[1])
    assert share.numpy().tolist() == [5 / 8, 1.0]


def test_the_columns_of_row_cutmix_follow_the_share_from_seed_and_epoch_alone():
    training = replace(TRAINING, row_cutmix=0.4)
    drawn = augmentation.columns(training, (40,), 4000, 3, 1)
    other = replace(training, learning_rate=0.5, focal=1.0)
    np.testing.assert_array_equal(drawn, augmentation.columns(other, (40,), 4000, 3, 1))
    assert not np.array_equal(drawn, augmentation.columns(training, (40,), 4000, 3, 2))
    assert np.var(drawn.mean(1)) == pytest.approx(0.25 / (2 * 0.4 + 1), rel=0.05)
    np.testing.assert_allclose(drawn.mean(0), 0.5, atol=0.05)
    assert not augmentation.columns(TRAINING, (40,), 3, 3, 1).any()


@pytest.mark.parametrize("name", augmentation.BY_VISIT)
def test_what_is_drawn_follows_from_seed_and_epoch_alone(name):
    one = replace(TRAINING, **{name: IMAGES[name]})
    drawn = augmentation.by_visit(name, one, (6, 7, 1), 500, 3, 1)
    other = replace(one, learning_rate=0.5, focal=1.0, cutmix=0.3)
    np.testing.assert_array_equal(drawn, augmentation.by_visit(name, other, (6, 7, 1), 500, 3, 1))
    for seed, epoch in ((4, 1), (3, 2)):
        assert not np.array_equal(drawn, augmentation.by_visit(name, one, (6, 7, 1), 500, seed, epoch))
    low, high = {"flip": ([0, 0], [1, 0]), "shift": ([-2, -2], [2, 2]), "cutout": ([0, 0], [5, 6])}.get(
        name, ([0, 0], [8, 61])
    )
    assert (drawn.min(0).tolist(), drawn.max(0).tolist()) == (low, high)


def test_images_train_in_one_cohort_as_alone_and_off_changes_no_bit():
    r = Regularization(dropout=0.2)
    trainings = [
        TRAINING,
        replace(TRAINING, **IMAGES),
        replace(TRAINING, flip=True, mixup=0.5),
        replace(TRAINING, shift=1, cutout=2),
    ]
    tasks = [task(r, kind="conv", training=training) for training in trainings]
    trained = together(tasks)
    assert identical(trained[0], cohort.train(tasks[:1])[0])
    far = {k: v for k, v in difference(trained[1], keras_fit.train(tasks[1])).items() if not v <= 1e-5}
    assert far == {}
    assert identical(trained[3], cohort.train(tasks[3:])[0])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["swap_noise", "row_cutmix"])
def test_tables_train_in_one_cohort_as_alone_and_off_changes_no_bit(name):
    generator = np.random.default_rng(5)
    parts = [generator.normal(size=(n, 5)).astype(np.float32) for n in (40, 20, 20)]
    data = Dataset("rows", *(Split(x, (x[:, 0] > 0).astype(np.int32)) for x in parts), ("a", "b"))
    build = partial(models.dense, (5,), 2, widths=(6,), seed=1)
    tasks = [Task(build, data, replace(TRAINING, **{name: strength}), 1) for strength in (0.0, 0.3)]
    trained = together(tasks)
    assert identical(trained[0], cohort.train(tasks[:1])[0])
    far = {k: v for k, v in difference(trained[1], keras_fit.train(tasks[1])).items() if not v <= 1e-5}
    assert far == {}


@pytest.mark.parametrize(
    ("fields", "shape", "message"),
    [
        (
            {"cutout": 3},
            (5,),
            "cutout must be 0 for examples of shape (5,) (it is for images of height, width and channels), got 3; "
            "leave it out",
        ),
        (
            {"flip": True},
            (5,),
            "flip must be False for examples of shape (5,) (it is for images of height, width and channels), got True; "
            "leave it out",
        ),
        (
            {"swap_noise": 0.1},
            (6, 6, 1),
            "swap_noise must be 0 for examples of shape (6, 6, 1) (it is for rows of a table), got 0.1; leave it out",
        ),
        (
            {"row_cutmix": 0.5},
            (6, 6, 1),
            "row_cutmix must be 0 for examples of shape (6, 6, 1) (it is for rows of a table), got 0.5; leave it out",
        ),
    ],
)
def test_what_means_nothing_for_the_examples_is_refused(fields, shape, message):
    with pytest.raises(UsageError) as refusal:
        Training(**fields).check_inputs(shape)
    assert str(refusal.value) == message
