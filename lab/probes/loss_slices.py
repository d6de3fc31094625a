"""The loss around trained nets: slices along random directions, and the straight line between two nets.

The loss of a net is a function of thousands of weights; a slice shows it along one or two directions. Raw random
directions would compare scales, not shapes: a net with ReLU can have its weights doubled in one layer and halved in
the next without changing what it computes, and looks flatter for it. Filter normalization makes each filter of the
direction as long as the filter it moves (Li et al. 2018).

Every function takes weights as `keras.Model.get_weights` returns them and puts the model's own back when it is done.
"""

import math
import numbers
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lab.checks import UsageError, choice, number, whole
from lab.seeds import derive
from lab.training import LOSSES

if TYPE_CHECKING:
    import keras

BATCH = 1024
Weights = Sequence[np.ndarray]


def direction(model: "keras.Model", weights: Weights, seed: int = 0) -> list[np.ndarray]:
    """Return a random direction in the space of the weights, filter by filter as long as the weights.

    Args:
        model: says which of the weights are kernels.
        weights: the point the direction starts from.
        seed: of the direction, at least 0. The Gaussian numbers of a kernel follow from the seed and its name.

    Returns:
        An array for each of the weights. In a kernel, the weights into one unit (all axes but the last) have the norm
        of those they move; biases, parameters and statistics of normalization, and slopes of PReLU do not move.

    Raises:
        UsageError: the weights are not the model's.

    Reference: Li et al. 2018, "Visualizing the Loss Landscape of Neural Nets", section 4.
    """
    seed = whole("seed", seed, "the seed of the direction", low=0)
    _check("weights", model, weights)
    from lab.engine.optimizers import decays

    moving = {id(v) for v in model.trainable_variables if decays(v)}
    result = []
    for variable, values in zip(model.weights, weights, strict=True):
        if id(variable) not in moving:
            result.append(np.zeros_like(values))
            continue
        drawn = np.random.default_rng(derive(seed, variable.path, "direction")).normal(size=values.shape)
        into_a_unit = tuple(range(values.ndim - 1))
        norms = (np.sqrt(np.sum(np.square(a, dtype=float), axis=into_a_unit)) for a in (values, drawn))
        result.append((drawn * np.divide(*norms)).astype(values.dtype))
    return result


def slice_1d(
    model: "keras.Model",
    weights: Weights,
    x: np.ndarray,
    y: np.ndarray,
    loss: str = "softmax_cross_entropy",
    *,
    reach: float = 1.0,
    points: int = 41,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the data loss of a net along one filter-normalized direction.

    Args:
        model: the net; in inference mode throughout.
        weights: the middle of the slice, for example the kept weights.
        x, y: the examples it is measured on.
        loss: a name of `lab.training.LOSSES`.
        reach: how far the slice goes to either side, above 0. At 1 every filter moves by its own length.
        points: how many, at least 3 and odd, so that the middle is one of them.
        seed: of the direction.

    Returns:
        A row a point: "alpha" (from -reach to reach), "data_loss" (the mean, without penalties) and "accuracy".

    Raises:
        UsageError: a wrong argument, or weights that are not the model's.
    """
    alphas = _alphas(reach, points)
    step = direction(model, weights, seed)
    with _measuring(model, x, y, loss) as measure:
        rows = [(alpha, *measure(_moved(weights, (alpha, step)))) for alpha in alphas]
    return pd.DataFrame(rows, columns=["alpha", "data_loss", "accuracy"])


def slice_2d(
    model: "keras.Model",
    weights: Weights,
    x: np.ndarray,
    y: np.ndarray,
    loss: str = "softmax_cross_entropy",
    *,
    reach: float = 1.0,
    points: int = 21,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the data loss of a net over the plane of two filter-normalized directions.

    The arguments are those of `slice_1d`; it measures `points ** 2` nets. The first direction is that of `slice_1d`
    with the same seed.

    Returns:
        A row a point, "alpha" running fastest: "alpha", "beta", "data_loss" and "accuracy".

    Raises:
        UsageError: a wrong argument, or weights that are not the model's.
    """
    alphas = _alphas(reach, points)
    first = direction(model, weights, seed)
    second = direction(model, weights, derive(seed, "second"))
    with _measuring(model, x, y, loss) as measure:
        rows = [
            (alpha, beta, *measure(_moved(weights, (alpha, first), (beta, second))))
            for beta in alphas
            for alpha in alphas
        ]
    return pd.DataFrame(rows, columns=["alpha", "beta", "data_loss", "accuracy"])


def interpolate(
    model: "keras.Model",
    weights_a: Weights,
    weights_b: Weights,
    x: np.ndarray,
    y: np.ndarray,
    loss: str = "softmax_cross_entropy",
    *,
    alphas: Sequence[float] = tuple(np.linspace(-0.5, 1.5, 41).tolist()),
) -> pd.DataFrame:
    """Return the data loss along the straight line through two nets of one structure.

    Everything moves: biases, parameters and moving statistics of normalization too. Between nets from different
    initial weights there is a barrier even where both are good, since their units are not in the same order.

    Args:
        model: a net of their structure.
        weights_a: the net at 0.
        weights_b: the net at 1.
        x, y: the examples it is measured on.
        loss: a name of `lab.training.LOSSES`.
        alphas: where on the line, finite numbers.

    Returns:
        A row a point: "alpha", "data_loss" and "accuracy".

    Raises:
        UsageError: a wrong argument, or weights that are not the model's.

    Reference: Goodfellow et al. 2015, "Qualitatively Characterizing Neural Network Optimization Problems".
    """
    for name, weights in (("weights_a", weights_a), ("weights_b", weights_b)):
        _check(name, model, weights)
    for alpha in alphas:
        if not isinstance(alpha, numbers.Real) or isinstance(alpha, bool) or not math.isfinite(alpha):
            raise UsageError(f"alphas must be finite numbers, 0 at the first net and 1 at the second, got {alpha!r}")
    with _measuring(model, x, y, loss) as measure:
        # Written so that both ends are the nets themselves, bit by bit.
        rows = [
            (alpha, *measure([(1 - alpha) * a + alpha * b for a, b in zip(weights_a, weights_b, strict=True)]))
            for alpha in map(float, alphas)
        ]
    return pd.DataFrame(rows, columns=["alpha", "data_loss", "accuracy"])


def _alphas(reach: float, points: int) -> list[float]:
    end = number("reach", reach, "how far a slice goes to either side", low_open=True)
    points = whole("points", points, "the number of points a side", low=3)
    if points % 2 == 0:
        raise UsageError(f"points must be odd, so that the net itself is one of them, got {points}")
    half = points // 2
    return [end * i / half for i in range(-half, half + 1)]


def _moved(weights: Weights, *steps: tuple[float, Weights]) -> list[np.ndarray]:
    moved = list(weights)
    for length, step in steps:
        moved = [w + np.asarray(length * s, w.dtype) for w, s in zip(moved, step, strict=True)]
    return moved


def _check(name: str, model: "keras.Model", weights: Weights) -> None:
    mine, given = [tuple(v.shape) for v in model.weights], [np.shape(w) for w in weights]
    if mine != given:
        raise UsageError(f"{name} must be of the shapes of the model's weights {mine}, got {given}")


@contextmanager
def _measuring(model: "keras.Model", x: np.ndarray, y: np.ndarray, loss: str) -> Iterator:
    """Yield a function that takes weights and returns the mean data loss and the accuracy; restore the weights."""
    choice("loss", loss, LOSSES)
    if len(x) != len(y) or not len(x):
        raise UsageError(f"x and y must have one label for each of at least one example, got {len(x)} and {len(y)}")
    import tensorflow as tf

    from lab.engine.objective import data_loss, hits

    @tf.function(reduce_retracing=True)
    def sums(inputs, targets):
        outputs = model(inputs, training=False)
        return tf.reduce_sum(data_loss(loss, targets, outputs)), tf.reduce_sum(hits(targets, outputs))

    batches = [(tf.constant(x[i : i + BATCH]), tf.constant(y[i : i + BATCH])) for i in range(0, len(x), BATCH)]

    def measure(weights: Weights) -> tuple[float, float]:
        model.set_weights(weights)
        parts = np.array([[float(part) for part in sums(*batch)] for batch in batches])
        total, right = parts.sum(axis=0) / len(x)
        return float(total), float(right)

    own = model.get_weights()
    try:
        yield measure
    finally:
        model.set_weights(own)
