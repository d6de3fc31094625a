"""TrivialAugment: each operation against a formula of its own, and what it is refused for."""

import numpy as np
import pytest
import tensorflow as tf

from lab.checks import UsageError
from lab.engine import augmentation, trivial
from lab.regularization.of_inputs import OfInputs

PIXELS = np.random.default_rng(0).integers(0, 256, (1, 62, 8, 11, 2)).astype(np.float32) / np.float32(255)
STRENGTHS = np.array([(-1) ** k * (k // 2) / 30 for k in range(62)])


def after(name: str) -> np.ndarray:
    """Return the images after an operation, the k-th at the k-th of all signed strengths."""
    operation = trivial.OPERATIONS.index(name)
    drawn = np.stack([np.full(62, operation), np.arange(62)], 1).astype(np.int32)[None]
    return trivial.changed(tf.constant(PIXELS), tf.constant(drawn)).numpy()[0]


def moved(image: np.ndarray, source) -> tuple[np.ndarray, np.ndarray]:
    """Return an image whose pixels come from `source(i, j)`, and which of them are not on the edge of two."""
    found, clear = np.zeros_like(image), np.ones(image.shape[:2], bool)
    for i in range(8):
        for j in range(11):
            y, x = source(i - 3.5, j - 5.0)
            y, x = y + 3.5, x + 5.0
            clear[i, j] = all(abs((z + 0.5) % 1 - 0.5) < 0.499 for z in (y, x))
            y, x = int(np.floor(y + 0.5)), int(np.floor(x + 0.5))
            if 0 <= y < 8 and 0 <= x < 11:
                found[i, j] = image[y, x]
    return found, clear


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("identity", lambda i, j, s: (i, j)),
        ("shear along rows", lambda i, j, s: (i, j + 0.3 * s * i)),
        ("shear along columns", lambda i, j, s: (i + 0.3 * s * j, j)),
        ("move along rows", lambda i, j, s: (i, j - round(10 / 32 * 11 * s))),
        ("move along columns", lambda i, j, s: (i - round(10 / 32 * 8 * s), j)),
        (
            "rotate",
            lambda i, j, s: (
                np.cos(np.pi / 6 * s) * i + np.sin(np.pi / 6 * s) * j,
                np.cos(np.pi / 6 * s) * j - np.sin(np.pi / 6 * s) * i,
            ),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_pixels_come_from_where_the_operation_says(name, source):
    found, looked_at = after(name), 0
    for k, s in enumerate(STRENGTHS):
        expected, clear = moved(PIXELS[0, k], lambda i, j, s=s: source(i, j, s))
        np.testing.assert_array_equal(found[k][clear], expected[clear])
        looked_at += clear.sum()
    assert looked_at > 0.95 * 62 * 88


def test_grey_levels_are_those_of_the_paper():
    size = np.abs(STRENGTHS)[:, None, None, None]
    factor = np.float32(1 + 0.9 * STRENGTHS)[:, None, None, None]
    np.testing.assert_array_equal(after("brightness"), np.clip(PIXELS[0] * factor, 0, 1))
    levels = np.float32(2 ** (8 - np.round(4 * size)))
    np.testing.assert_array_equal(after("posterize"), np.floor(PIXELS[0] * levels) / levels)
    whole = np.round(PIXELS[0].astype(np.float64) * 255)
    inverted = whole >= 256 * (1 - size) - 1e-6
    np.testing.assert_array_equal(after("solarize"), np.where(inverted, np.float32(1) - PIXELS[0], PIXELS[0]))
    assert (after("solarize")[0] == PIXELS[0, 0]).all(), "nothing is inverted at strength 0"
    assert inverted[60].all(), "and everything at strength 30"


def test_an_image_of_a_run_without_it_keeps_its_bits():
    x = tf.constant(np.concatenate([PIXELS - 2, PIXELS])[:, :5])
    drawn = np.random.default_rng(1).integers([1, 40], [9, 62], (2, 5, 2), dtype=np.int32)
    now = {"trivial_augment": tf.constant([0.0, 1.0]), "trivial_augment_drawn": tf.constant(drawn)}
    found = augmentation.changed(x, now, tf.constant(0, tf.int64))
    np.testing.assert_array_equal(found[0], x[0])
    assert (found[1].numpy() != x[1].numpy()).any((1, 2, 3)).sum() >= 3


def test_it_is_refused_for_numbers_that_are_no_pixels_from_0_to_1():
    OfInputs(trivial_augment=True).check_pixels(0.0, 1.0)
    OfInputs().check_pixels(-2.0, 2.0)
    with pytest.raises(UsageError) as refusal:
        OfInputs(trivial_augment=True).check_pixels(-1.5, 2.25)
    assert str(refusal.value) == (
        "trivial_augment must be False for numbers from -1.5 to 2.25 (it is for pixels from 0 to 1), got True; leave "
        "the images as they are, without standardizing, or leave it out"
    )


def test_a_plan_looks_at_the_pixels_before_anything_is_trained():
    from functools import partial

    from lab.data import from_arrays
    from lab.experiment import Experiment, Variant
    from lab.models import conv
    from lab.plan import plan
    from lab.training import Training

    x = np.random.default_rng(0).normal(size=(60, 6, 6, 1)).astype(np.float32)
    load = partial(from_arrays, x, np.arange(60) % 2)
    variant = Variant(data=load, model=conv, training=Training(trivial_augment=True))
    with pytest.raises(UsageError, match="trivial_augment must be False for numbers from -"):
        plan(Experiment(name="x", variants={"a": variant}, baseline="a", seeds=(0,)))
