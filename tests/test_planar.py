"""Points in the plane: each set by its formula, computed here in another way."""

import math

import numpy as np
import pytest

import lab.data
from lab.checks import UsageError
from lab.data import planar
from lab.data.points import CAPACITY, STRENGTH
from lab.seeds import derive

DRAWN = {
    "spirals": (("arm 1", "arm 2", "arm 3"), 100),
    "circles": (("inner", "outer"), 100),
    "moons": (("upper", "lower"), 100),
    "convnetjs_circle": (("disc", "ring"), 50),
    "convnetjs_spiral": (("arm 1", "arm 2"), 100),
}


def of_class(split, one):
    return split.x[split.y == one].astype(np.float64)


def in_order(points):
    """Return points by their coordinates: a split is shuffled."""
    rounded = np.asarray(points, np.float32)
    return rounded[np.lexsort(rounded.T)]


def radius(points):
    return np.hypot(points[:, 0], points[:, 1])


@pytest.mark.parametrize("name", DRAWN)
def test_each_split_has_its_size_and_its_classes_in_equal_parts(name):
    classes, points = DRAWN[name]
    data = getattr(lab.data, name)()
    assert (data.name, data.classes, data.redrawn) == (name, classes, "data")
    assert (len(data.validation), len(data.test)) == (600, 600)
    for split, size in ((data.train, points), (data.validation, 600 // len(classes)), (data.test, 600 // len(classes))):
        assert np.bincount(split.y).tolist() == [size] * len(classes)
        assert (split.x.dtype, split.y.dtype, split.x.shape[1:]) == (np.float32, np.int32, (2,))
    smaller = getattr(lab.data, name)(points=7, validation_size=31, test_size=41, train_size=6)
    assert (len(smaller.train), len(smaller.validation), len(smaller.test)) == (6, 31, 41)


@pytest.mark.parametrize("name", DRAWN)
def test_points_must_be_counted(name):
    with pytest.raises(UsageError) as refused:
        getattr(lab.data, name)(points=0)
    assert str(refused.value) == (
        "points must be a whole number of at least 1 (it is the number of training points of a class), got 0"
    )


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("spirals", "the standard deviation of the angle"),
        ("circles", "the standard deviation of each coordinate"),
        ("moons", "the standard deviation of each coordinate"),
    ],
)
def test_noise_is_at_least_0(name, meaning):
    with pytest.raises(UsageError) as refused:
        getattr(lab.data, name)(noise=-1)
    assert str(refused.value) == f"noise must be at least 0 (it is {meaning}), got -1"


def test_arms_of_spirals():
    data = lab.data.spirals(points=5, noise=0, validation_size=300)
    for arm in range(3):
        r = np.array([0, 0.25, 0.5, 0.75, 1])
        angle = 4 * arm + 4 * r
        expected = np.array([[q * math.sin(a), q * math.cos(a)] for q, a in zip(r, angle, strict=True)])
        np.testing.assert_allclose(in_order(of_class(data.train, arm)), in_order(expected), atol=1e-6)
        drawn = of_class(data.validation, arm)
        r = radius(drawn)
        assert 0 <= r.min() < 0.1
        assert 0.9 < r.max() <= 1
        np.testing.assert_allclose(drawn[:, 0], r * np.sin(4 * arm + 4 * r), atol=1e-5)
    generator = np.random.default_rng(derive(3, "data", "spirals", "train", 1))
    noisy = of_class(lab.data.spirals(points=5, seed=3).train, 1)
    r = np.linspace(0, 1, 5)
    angle = 4 + 4 * r + 0.2 * generator.standard_normal(5)
    expected = np.stack([r * np.sin(angle), r * np.cos(angle)], axis=1)
    np.testing.assert_allclose(in_order(noisy), in_order(expected), atol=1e-6)


def test_circles_have_radius_a_half_and_1_and_noise_a_tenth():
    exact, noisy = (lab.data.circles(points=2000, noise=noise).train for noise in (0, 0.1))
    for circle, expected in ((0, 0.5), (1, 1.0)):
        np.testing.assert_allclose(radius(of_class(exact, circle)), expected, atol=1e-6)
        assert np.std(of_class(noisy, circle) - of_class(exact, circle)) == pytest.approx(0.1, rel=0.1)
        assert np.abs(of_class(exact, circle).mean(axis=0)).max() < 0.1
    np.testing.assert_array_equal(lab.data.circles().train.x, lab.data.circles(noise=0.1).train.x)


def test_moons_are_half_circles_that_reach_into_each_other():
    exact, noisy = (lab.data.moons(points=2000, noise=noise).train for noise in (0, 0.2))
    upper, lower = of_class(exact, 0), of_class(exact, 1)
    np.testing.assert_allclose(radius(upper), 1, atol=1e-6)
    np.testing.assert_allclose(radius(lower - [1, 0.5]), 1, atol=1e-6)
    assert upper[:, 1].min() >= 0
    assert lower[:, 1].max() <= 0.5
    assert (upper[:, 0].min(), upper[:, 0].max()) == pytest.approx((-1, 1), abs=0.01)
    assert (lower[:, 0].min(), lower[:, 0].max()) == pytest.approx((0, 2), abs=0.01)
    assert np.std(noisy.x - exact.x) == pytest.approx(0.2, rel=0.1)
    np.testing.assert_array_equal(lab.data.moons().train.x, lab.data.moons(noise=0.2).train.x)


def test_the_disc_and_the_ring_of_convnetjs():
    data = lab.data.convnetjs_circle(points=3000)
    for ring, (low, high) in enumerate(((0, 2), (3, 5))):
        r = radius(of_class(data.train, ring))
        assert low <= r.min() < low + 0.05
        assert high - 0.05 < r.max() < high
        assert r.mean() == pytest.approx((low + high) / 2, abs=0.05)
        assert np.abs(of_class(data.train, ring).mean(axis=0)).max() < 0.2


def test_the_arms_of_convnetjs():
    data = lab.data.convnetjs_spiral(points=400, validation_size=4000)
    for arm in range(2):
        s = np.arange(400) / 400
        generator = np.random.default_rng(derive(0, "data", "convnetjs_spiral", "train", arm))
        r = 5 * s + generator.uniform(-0.1, 0.1, 400)
        angle = 2.5 * math.pi * s + arm * math.pi + generator.uniform(-0.1, 0.1, 400)
        expected = np.stack([r * np.sin(angle), r * np.cos(angle)], axis=1)
        np.testing.assert_allclose(in_order(of_class(data.train, arm)), in_order(expected), atol=1e-5)
        r = radius(of_class(data.validation, arm))
        assert r.min() < 0.1
        assert 4.9 < r.max() < 5.1
        assert r.mean() == pytest.approx(2.5, abs=0.1)


@pytest.mark.parametrize(("name", "given"), [("cs231n_strength", STRENGTH), ("cs231n_capacity", CAPACITY)])
def test_points_of_a_figure_are_the_training_split_and_others_lie_near_them(name, given):
    data = getattr(lab.data, name)(validation_size=640, test_size=1000)
    for one, points in enumerate(given):
        np.testing.assert_array_equal(in_order(of_class(data.train, one)), in_order(points))
    assert (data.name, data.classes) == (name, ("red", "green"))
    assert (len(data.validation), len(data.test)) == (640, 1000)
    for split in (data.validation, data.test):
        distances = np.linalg.norm(split.x[:, None] - data.train.x[None], axis=2)
        distances[split.y[:, None] != data.train.y[None]] = np.inf
        assert 0.05 < np.median(distances.min(axis=1)) < 0.4
    assert not np.array_equal(data.validation.x[:600], data.test.x[:600])
    with pytest.raises(UsageError) as refused:
        getattr(lab.data, name)(jitter=0)
    assert str(refused.value) == "jitter must be above 0 (it is the standard deviation of the jitter), got 0"


def test_the_jitter_has_its_standard_deviation_and_each_point_its_turn():
    for jitter in (None, 0.05):
        chosen = {} if jitter is None else {"jitter": jitter}
        made = planar._given("x", STRENGTH, jitter or 0.2, planar.Cut(None, 25 * 400, 25, 0.0, 0))
        loaded = lab.data.cs231n_strength(validation_size=25 * 400, test_size=25, **chosen)
        assert np.bincount(made.validation.y).tolist() == [400 * len(one) for one in STRENGTH]
        assert loaded.fingerprint != made.fingerprint, "the name is part of the seed"
        spread = np.sqrt(np.var(loaded.validation.x, axis=0) - np.var(loaded.train.x, axis=0))
        np.testing.assert_allclose(spread, jitter or 0.2, rtol=0.5)


def test_seeds_splits_and_classes_draw_different_points():
    one, other = lab.data.moons(seed=0), lab.data.moons(seed=1)
    assert not np.array_equal(one.train.x, other.train.x)
    assert not np.array_equal(one.validation.x[:600], one.test.x[:600])
    assert not np.isin(one.test.x[:, 0], one.validation.x[:, 0]).any()
