"""Points in the plane, for pictures of decision regions: x is float32 of shape (n, 2).

The sets with a formula draw each split by it, independently: `points` per class for training (`train_size` keeps some
of them), and `validation_size` and `test_size` points of all classes together, 600 by default. The two sets that were
read off figures of CS231n have a few given points, which are all for training; their validation and test splits are
draws of those points with Gaussian jitter. They say how well a net knows the neighbourhood of what it has seen, not how
it would do on points from elsewhere.

Each loader takes the keyword arguments that `lab.data` describes.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from lab.checks import number, whole
from lab.data.dataset import Dataset
from lab.data.points import CAPACITY, STRENGTH
from lab.data.splitting import Cut, Pair
from lab.seeds import derive

ELSEWHERE = 600

# Draws n points of a class: (class, n, whether they are for training, generator) -> float64 of shape (n, 2).
Law = Callable[[int, int, bool, np.random.Generator], np.ndarray]


def _polar(radius: np.ndarray, angle: np.ndarray) -> np.ndarray:
    return np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1)


def spirals(
    *,
    points: int = 100,
    noise: float = 0.2,
    train_size: int | None = None,
    validation_size: int | None = None,
    test_size: int | None = None,
    label_noise: float = 0.0,
    seed: int = 0,
) -> Dataset:
    """Return the three spiral arms of CS231n's case study, which no linear classifier can tell apart.

    Arm j has radius r from 0 to 1 and angle 4 j + 4 r + `noise` * N(0, 1), in radians. The training radii are evenly
    spaced, as there; those of the other splits are uniform in [0, 1], so that no point is shared.

    Args:
        points: the number of training points per arm, at least 1.
        noise: standard deviation of the angle, in radians, at least 0.

    Reference: CS231n, Neural Networks Case Study.
    """
    noise = number("noise", noise, "the standard deviation of the angle")

    def law(arm: int, n: int, training: bool, generator: np.random.Generator) -> np.ndarray:
        radius = np.linspace(0, 1, n) if training else generator.uniform(0, 1, n)
        return _polar(radius, 4 * arm + 4 * radius + noise * generator.standard_normal(n))

    cut = Cut(train_size, validation_size, test_size, label_noise, seed)
    return _drawn("spirals", law, points, ("arm 1", "arm 2", "arm 3"), cut)


def circles(
    *,
    points: int = 100,
    noise: float = 0.1,
    train_size: int | None = None,
    validation_size: int | None = None,
    test_size: int | None = None,
    label_noise: float = 0.0,
    seed: int = 0,
) -> Dataset:
    """Return two circles around the origin, of radius 0.5 and 1, with Gaussian noise.

    Args:
        points: the number of training points per circle, at least 1.
        noise: standard deviation of each coordinate, at least 0.
    """
    noise = number("noise", noise, "the standard deviation of each coordinate")

    def law(circle: int, n: int, training: bool, generator: np.random.Generator) -> np.ndarray:
        on = _polar(np.full(n, (0.5, 1.0)[circle]), generator.uniform(0, 2 * np.pi, n))
        return on + noise * generator.standard_normal((n, 2))

    cut = Cut(train_size, validation_size, test_size, label_noise, seed)
    return _drawn("circles", law, points, ("inner", "outer"), cut)


def moons(
    *,
    points: int = 100,
    noise: float = 0.2,
    train_size: int | None = None,
    validation_size: int | None = None,
    test_size: int | None = None,
    label_noise: float = 0.0,
    seed: int = 0,
) -> Dataset:
    """Return two half circles of radius 1 that reach into each other, with Gaussian noise.

    Args:
        points: the number of training points per moon, at least 1.
        noise: standard deviation of each coordinate, at least 0.
    """
    noise = number("noise", noise, "the standard deviation of each coordinate")

    def law(moon: int, n: int, training: bool, generator: np.random.Generator) -> np.ndarray:
        angle = generator.uniform(0, np.pi, n)
        on = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        return (on if moon == 0 else (1, 0.5) - on) + noise * generator.standard_normal((n, 2))

    cut = Cut(train_size, validation_size, test_size, label_noise, seed)
    return _drawn("moons", law, points, ("upper", "lower"), cut)


def convnetjs_circle(
    *,
    points: int = 50,
    train_size: int | None = None,
    validation_size: int | None = None,
    test_size: int | None = None,
    label_noise: float = 0.0,
    seed: int = 0,
) -> Dataset:
    """Return the circle data of ConvNetJS's 2-D demo: a disc, radius uniform in [0, 2), and a ring, in [3, 5).

    Args:
        points: the number of training points per class, at least 1.

    Reference: Karpathy, ConvNetJS.
    """

    def law(ring: int, n: int, training: bool, generator: np.random.Generator) -> np.ndarray:
        radius = generator.uniform((0, 3)[ring], (2, 5)[ring], n)
        return _polar(radius, generator.uniform(0, 2 * np.pi, n))

    cut = Cut(train_size, validation_size, test_size, label_noise, seed)
    return _drawn("convnetjs_circle", law, points, ("disc", "ring"), cut)


def convnetjs_spiral(
    *,
    points: int = 100,
    train_size: int | None = None,
    validation_size: int | None = None,
    test_size: int | None = None,
    label_noise: float = 0.0,
    seed: int = 0,
) -> Dataset:
    """Return the spiral data of ConvNetJS's 2-D demo: two arms half a turn apart.

    With s = i / n, point i of an arm has radius 5 s + U(-0.1, 0.1) and angle 1.25 * 2 pi s (+ pi) + U(-0.1, 0.1). In
    the validation and the test split s is uniform in [0, 1).

    Args:
        points: the number of training points per arm, at least 1.

    Reference: Karpathy, ConvNetJS.
    """

    def law(arm: int, n: int, training: bool, generator: np.random.Generator) -> np.ndarray:
        s = np.arange(n) / n if training else generator.uniform(0, 1, n)
        radius = 5 * s + generator.uniform(-0.1, 0.1, n)
        return _polar(radius, 1.25 * 2 * np.pi * s + arm * np.pi + generator.uniform(-0.1, 0.1, n))

    cut = Cut(train_size, validation_size, test_size, label_noise, seed)
    return _drawn("convnetjs_spiral", law, points, ("arm 1", "arm 2"), cut)


def cs231n_strength(
    *,
    jitter: float = 0.2,
    train_size: int | None = None,
    validation_size: int | None = None,
    test_size: int | None = None,
    label_noise: float = 0.0,
    seed: int = 0,
) -> Dataset:
    """Return the 25 points of CS231n's figure on the strength of regularization (20 hidden units, three lambdas).

    Args:
        jitter: standard deviation, above 0, of each coordinate's noise in the validation and the test split, which
            are draws of these points (see the module).

    Reference: CS231n, Neural Networks Part 1.
    """
    cut = Cut(train_size, validation_size, test_size, label_noise, seed)
    return _given("cs231n_strength", STRENGTH, jitter, cut)


def cs231n_capacity(
    *,
    jitter: float = 0.2,
    train_size: int | None = None,
    validation_size: int | None = None,
    test_size: int | None = None,
    label_noise: float = 0.0,
    seed: int = 0,
) -> Dataset:
    """Return the 32 points of CS231n's figure on capacity (3, 6 and 20 hidden units), otherwise as `cs231n_strength`.

    Args:
        jitter: standard deviation, above 0, of each coordinate's noise in the validation and the test split.

    Reference: CS231n, Neural Networks Part 1.
    """
    cut = Cut(train_size, validation_size, test_size, label_noise, seed)
    return _given("cs231n_capacity", CAPACITY, jitter, cut)


def _drawn(name: str, law: Law, points: int, classes: tuple[str, ...], cut: Cut) -> Dataset:
    points = whole("points", points, "the number of training points of a class")

    def draw(part: str, size: int) -> Pair:
        x = [
            law(one, size, part == "train", np.random.default_rng(derive(cut.seed, "data", name, part, one)))
            for one in range(len(classes))
        ]
        return np.concatenate(x).astype(np.float32), np.repeat(np.arange(len(classes), dtype=np.int32), size)

    made = _dataset(name, draw("train", points), lambda part, size: draw(part, -(-size // len(classes))), classes, cut)
    return replace(made, redrawn="data")


def _given(name: str, points: tuple[tuple[tuple[float, float], ...], ...], jitter: float, cut: Cut) -> Dataset:
    # Without jitter the other splits would be the training points.
    jitter = number("jitter", jitter, "the standard deviation of the jitter", low_open=True)
    x = np.concatenate([np.array(one, np.float32) for one in points])
    y = np.repeat(np.arange(len(points), dtype=np.int32), [len(one) for one in points])

    def nearby(part: str, size: int) -> Pair:
        generator = np.random.default_rng(derive(cut.seed, "data", name, part))
        rows = np.tile(np.arange(len(y)), -(-size // len(y)))
        return (x[rows] + jitter * generator.standard_normal((len(rows), 2))).astype(np.float32), y[rows]

    return _dataset(name, (x, y), nearby, ("red", "green"), cut)


def _dataset(
    name: str, train: Pair, elsewhere: Callable[[str, int], Pair], classes: tuple[str, ...], cut: Cut
) -> Dataset:
    """Return the dataset whose other splits are drawn by `elsewhere`, at least as many points as asked for."""
    validation, test = cut.validation_size or ELSEWHERE, cut.test_size or ELSEWHERE
    return replace(cut, validation_size=validation, test_size=test).dataset(
        name,
        train,
        validation=elsewhere("validation", validation),
        test=elsewhere("test", test),
        classes=classes,
    )
